#!/usr/bin/env python3
"""Build the Debian package of the thin client: ``contrib/clientdeb.py DIRECTORY`` writes
check-smtp-status-client_VERSION_ARCHITECTURE.deb there.

Needs dpkg-deb and a C compiler.  Installed, the client stands in the place of the plugin, which dpkg-divert keeps under
another name, and the resident runs; removed, the plugin is back where it was.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import deb
import debianchangelog
import pages
import shipped
from shipped import HERE, ROOT

PACKAGE = f"{shipped.PACKAGE}-client"
PLUGIN = "usr/lib/nagios/plugins/check_smtp_status"
DIVERTED = f"{PLUGIN}.plugin"
UNIT = "smtp-statusd.service"

OVERRIDES = f"""\
# It is started for each check, and starts in three quarters of the time without a dynamic loader.
{PACKAGE}: shared-library-lacks-prerequisites *
# The script is that of contrib/resident, for systems that are not Debian too.
{PACKAGE}: init.d-script-does-not-source-init-functions *
"""

CONTROL = """\
Package: {package}
Version: {version}
Architecture: {architecture}
Maintainer: {maintainer}
Installed-Size: {size}
Depends: check-smtp-status (>= {version}), adduser
Section: net
Priority: optional
Homepage: {address}
Description: thin client and resident of check_smtp_status
 A resident carries out the checks of check_smtp_status in processes that stay,
 and a small program in the place of the plugin hands them over. Without the
 resident the plugin is run.
"""

PREINST = f"""\
#!/bin/sh
set -e
if [ "$1" = install ] || [ "$1" = upgrade ]; then
    dpkg-divert --package {PACKAGE} --add --rename --divert /{DIVERTED} /{PLUGIN}
fi
"""

# As debhelper has it: was-enabled is true at the first installation, and later as its administrator left it.
POSTINST = f"""\
#!/bin/sh
set -e
if [ "$1" = configure ]; then
    # The user of Nagios and Icinga: the resident serves nobody else.
    if ! getent passwd nagios >/dev/null; then
        adduser --system --group --no-create-home --home /var/lib/nagios nagios
    fi
    if deb-systemd-helper --quiet was-enabled {UNIT}; then
        deb-systemd-helper enable {UNIT} >/dev/null || true
    else
        deb-systemd-helper update-state {UNIT} >/dev/null || true
    fi
    if [ -d /run/systemd/system ]; then
        systemctl daemon-reload
        # Also with what an upgrade has brought; one that is switched off stays so.
        deb-systemd-invoke restart {UNIT} || true
    elif [ -x /etc/init.d/smtp-statusd ]; then
        update-rc.d smtp-statusd defaults >/dev/null
        invoke-rc.d smtp-statusd restart || true
    fi
fi
"""

PRERM = f"""\
#!/bin/sh
set -e
if [ "$1" = remove ]; then
    if [ -d /run/systemd/system ]; then
        deb-systemd-invoke stop {UNIT} || true
    elif [ -x /etc/init.d/smtp-statusd ]; then
        invoke-rc.d smtp-statusd stop || true
    fi
fi
"""

POSTRM = f"""\
#!/bin/sh
set -e
if [ "$1" = remove ] || [ "$1" = abort-install ] || [ "$1" = disappear ]; then
    dpkg-divert --package {PACKAGE} --remove --rename --divert /{DIVERTED} /{PLUGIN}
fi
if [ "$1" = remove ] && [ -d /run/systemd/system ]; then
    systemctl daemon-reload || true
fi
if [ "$1" = purge ]; then
    deb-systemd-helper purge {UNIT} >/dev/null || true
    update-rc.d smtp-statusd remove >/dev/null || true
fi
"""


def build(directory: Path) -> Path:
    """Write the package into ``directory`` and return its path."""
    directory.mkdir(parents=True, exist_ok=True)
    architecture = subprocess.run(
        ["dpkg", "--print-architecture"],  # noqa: S607 - Debian's own
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    with tempfile.TemporaryDirectory() as scratch:
        tree = Path(scratch)
        _fill(tree)
        shipped.settle(tree, program=PLUGIN)
        (tree / "etc/init.d/smtp-statusd").chmod(0o755)
        texts = {
            "control": CONTROL,
            "preinst": PREINST,
            "postinst": POSTINST,
            "prerm": PRERM,
            "postrm": POSTRM,
            "conffiles": "/etc/init.d/smtp-statusd\n",
        }
        deb.control(tree, texts, package=PACKAGE, architecture=architecture)
        target = directory / f"{PACKAGE}_{shipped.version()}_{architecture}.deb"
        command = ["dpkg-deb", "--root-owner-group", "--build", tree, target]
        environment = {**os.environ, "SOURCE_DATE_EPOCH": str(shipped.epoch())}
        subprocess.run(command, check=True, stdout=sys.stderr, env=environment)  # noqa: S603 - our own words
    return target


def _fill(tree: Path) -> None:
    (tree / PLUGIN).parent.mkdir(parents=True)
    flags = "CFLAGS=-O2 -fstack-protector-strong -D_FORTIFY_SOURCE=2 -fPIE"
    make = ["make", "-s", "-C", ROOT, "client", f"CLIENT={tree / PLUGIN}", flags, "LDFLAGS=-s -Wl,-z,relro,-z,now"]
    # Whatever PLUGIN and SOCKET mean in the environment.
    environment = {name: value for name, value in os.environ.items() if name not in {"PLUGIN", "SOCKET", "CPPFLAGS"}}
    subprocess.run(make, check=True, stdout=sys.stderr, env=environment)  # noqa: S603 - our own words
    shipped.copy(HERE / "resident" / UNIT, tree / deb.UNITS / UNIT)
    shipped.copy(HERE / "resident/smtp-statusd.init", tree / "etc/init.d/smtp-statusd")
    shipped.copy(ROOT / "LICENSE", tree / f"usr/share/doc/{PACKAGE}/copyright")
    shipped.write(tree / f"usr/share/doc/{PACKAGE}/README.md", _readme())
    changes = debianchangelog.entries(PACKAGE, shipped.MAINTAINER)
    shipped.compressed(tree / f"usr/share/doc/{PACKAGE}/changelog.gz", changes)
    shipped.write(tree / f"usr/share/lintian/overrides/{PACKAGE}", OVERRIDES)


def _readme() -> str:
    """The page of the resident; its links lead into the documentation of the plugin's package."""
    source = "contrib/resident/README.md"
    text = pages.relinked((ROOT / source).read_text("utf-8"), source, "copyright")
    here = f"../{shipped.PACKAGE}/examples/resident"
    return re.sub(r"\]\((?!https?:|#)([^)#]+)", lambda link: f"]({os.path.normpath(f'{here}/{link[1]}')}", text)


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        raise SystemExit(__doc__)
    print(build(Path(sys.argv[1])))
