#!/usr/bin/env python3
"""Build the Debian package: ``contrib/deb.py DIRECTORY`` writes check-smtp-status_VERSION_all.deb there.

Needs dpkg-deb and nothing else.  The plugin runs on Debian's own Python and its packages; it is compiled when it is
installed, by py3compile, as every Python program of Debian is.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import debianchangelog
import manpage
import shipped
from shipped import DOC, HERE, PACKAGE, ROOT

HOME = f"usr/share/{PACKAGE}"
DAEMON = "usr/sbin/smtp_statusd"
NAGIOS = "etc/nagios-plugins/config/smtp_status.cfg"
UNITS = "usr/lib/systemd/system"
UNIT = "smtp-statusd-nagios.service"
"""Of the resident as a worker of Nagios, which needs nothing but this package; who wants it starts it."""

CONTROL = """\
Package: {package}
Version: {version}
Architecture: all
Maintainer: {maintainer}
Installed-Size: {size}
Depends: python3 (>= 3.9), python3-nagiosplugin (>= 1.3), python3-dnspython (>= 2.3)
Suggests: icinga2 | nagios4 | nagios-nrpe-server, python3-prometheus-client
Section: net
Priority: optional
Homepage: {address}
Description: {summary}
{description}"""

STATUSD = f"""\
#!/usr/bin/python3
# The resident: see docs/resident.md.
import sys

sys.path[0] = "/{HOME}/plugin"
from smtp_status.resident.daemon import run  # noqa: E402

run()
"""

POSTINST = f"""\
#!/bin/sh
set -e
if [ "$1" = configure ]; then
    py3compile -p {PACKAGE} /{HOME}
    deb-systemd-helper update-state {UNIT} >/dev/null || true
    if [ -d /run/systemd/system ]; then
        systemctl daemon-reload || true
        # What of the resident runs, its client's too, goes on with what is there now.
        [ -z "$2" ] || systemctl try-restart 'smtp-statusd*.service' || true
    fi
fi
"""

PRERM = f"""\
#!/bin/sh
set -e
py3clean -p {PACKAGE}
if [ "$1" = remove ] && [ -d /run/systemd/system ]; then
    deb-systemd-invoke stop {UNIT} || true
fi
"""

POSTRM = f"""\
#!/bin/sh
set -e
if [ "$1" = remove ] && [ -d /run/systemd/system ]; then
    systemctl daemon-reload || true
fi
if [ "$1" = purge ]; then
    deb-systemd-helper purge {UNIT} >/dev/null || true
fi
"""


def build(directory: Path) -> Path:
    """Write the package into ``directory`` and return its path."""
    directory.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        tree = Path(scratch)
        _fill(tree)
        shipped.settle(tree, program=f"{HOME}/check_smtp_status.py")
        (tree / DAEMON).chmod(0o755)
        texts = {
            "control": CONTROL,
            "conffiles": f"/{NAGIOS}\n",
            "postinst": POSTINST,
            "prerm": PRERM,
            "postrm": POSTRM,
        }
        control(tree, texts, package=PACKAGE)
        target = directory / f"{PACKAGE}_{shipped.version()}_all.deb"
        command = ["dpkg-deb", "--root-owner-group", "--build", tree, target]
        environment = {**os.environ, "SOURCE_DATE_EPOCH": str(shipped.epoch())}
        subprocess.run(command, check=True, stdout=sys.stderr, env=environment)  # noqa: S603 - our own words
    return target


def _fill(tree: Path) -> None:
    home = tree / HOME
    shutil.copytree(
        ROOT / "plugin/smtp_status", home / "plugin/smtp_status", ignore=shutil.ignore_patterns("__pycache__")
    )
    launcher = (ROOT / "check_smtp_status.py").read_text("utf-8")
    # Debian's policy: programs of a package run on its own Python, whatever PATH says.
    (home / "check_smtp_status.py").write_text(launcher.replace("/usr/bin/env python3", "/usr/bin/python3", 1))
    plugins = tree / "usr/lib/nagios/plugins"
    plugins.mkdir(parents=True)
    (plugins / "check_smtp_status").symlink_to(f"../../../share/{PACKAGE}/check_smtp_status.py")

    # What the thin client runs, which may stand in the place of the link above.
    own = tree / f"usr/lib/{PACKAGE}"
    own.mkdir(parents=True)
    (own / "check_smtp_status").symlink_to(f"../../share/{PACKAGE}/check_smtp_status.py")
    shipped.write(tree / DAEMON, STATUSD)
    shipped.compressed(tree / "usr/share/man/man8/smtp_statusd.8.gz", manpage.resident())
    shipped.copy(HERE / "resident" / UNIT, tree / UNITS / UNIT)

    # What the system's Nagios loads by: cfg_dir=/etc/nagios-plugins/config
    shipped.copy(HERE / "nagios/commands.cfg", tree / NAGIOS)
    shipped.fill(tree, licence=f"{DOC}/copyright")
    shipped.compressed(tree / DOC / "changelog.gz", debianchangelog.entries(PACKAGE, shipped.MAINTAINER))
    shipped.compressed(tree / DOC / "NEWS.Debian.gz", debianchangelog.news(PACKAGE, shipped.MAINTAINER))


def control(tree: Path, texts: dict[str, str], **fields: str) -> None:
    """Write the control files of a package whose files are in ``tree``; the fields of ``control`` are filled in."""
    files = sorted(path for path in tree.rglob("*") if path.is_file() and not path.is_symlink())
    digests = ((path, hashlib.md5(path.read_bytes(), usedforsecurity=False)) for path in files)
    sums = "".join(f"{digest.hexdigest()}  {path.relative_to(tree)}\n" for path, digest in digests)
    directory = tree / "DEBIAN"
    directory.mkdir()
    known = {
        "version": shipped.version(),
        "maintainer": shipped.MAINTAINER,
        "size": str(sum(path.stat().st_size for path in files) // 1024 + 1),
        "address": shipped.address(),
        "summary": shipped.SUMMARY,
        "description": "".join(f" {line}\n" for line in shipped.DESCRIPTION.splitlines()),
    }
    texts = {**texts, "control": texts["control"].format(**known, **fields), "md5sums": sums}
    for name, text in texts.items():
        (directory / name).write_text(text, "utf-8")
        (directory / name).chmod(0o755 if text.startswith("#!") else 0o644)
    directory.chmod(0o755)


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        raise SystemExit(__doc__)
    print(build(Path(sys.argv[1])))
