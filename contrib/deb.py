#!/usr/bin/env python3
"""Build the Debian package: ``contrib/deb.py DIRECTORY`` writes check-smtp-status_VERSION_all.deb there.

Needs dpkg-deb and nothing else.  The plugin runs on Debian's own Python and its packages; it is compiled when it is
installed, by py3compile, as every Python program of Debian is.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path.insert(0, str(HERE))

import manpage  # noqa: E402 - beside this file

from smtp_status import __version__  # noqa: E402 - manpage has seen to its being found

PACKAGE = "check-smtp-status"
HOME = f"usr/share/{PACKAGE}"
DOC = f"usr/share/doc/{PACKAGE}"
NAGIOS = "etc/nagios-plugins/config/smtp_status.cfg"

CONTROL = """\
Package: {package}
Version: {version}
Architecture: all
Maintainer: the check_smtp_status authors <root@localhost>
Installed-Size: {size}
Depends: python3 (>= 3.9), python3-nagiosplugin, python3-dnspython
Suggests: icinga2 | nagios4 | nagios-nrpe-server
Section: net
Priority: optional
Description: {summary}
 A plugin for Icinga, Nagios, Sensu and their relatives. It takes a mail through
 an SMTP or LMTP server the way a sender does, judges every reply, says in one
 line what went wrong and why, and reports the time of every command.
"""

POSTINST = f"""\
#!/bin/sh
set -e
if [ "$1" = configure ]; then
    py3compile -p {PACKAGE} /{HOME}
fi
"""

PRERM = f"""\
#!/bin/sh
set -e
py3clean -p {PACKAGE}
"""


def version() -> str:
    """The version as Debian sorts it: what comes before a release has a tilde."""
    return re.sub(r"\.?(a|b|rc|dev)([0-9]+)", r"~\1\2", __version__)


def build(directory: Path) -> Path:
    """Write the package into ``directory`` and return its path."""
    directory.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        tree = Path(scratch)
        tree.chmod(0o755)
        _fill(tree)
        _modes(tree)
        _control(tree)
        target = directory / f"{PACKAGE}_{version()}_all.deb"
        command = ["dpkg-deb", "--root-owner-group", "--build", tree, target]
        subprocess.run(command, check=True, stdout=sys.stderr)  # noqa: S603 - our own words
    return target


def _fill(tree: Path) -> None:
    home, doc = tree / HOME, tree / DOC
    shutil.copytree(
        ROOT / "plugin/smtp_status", home / "plugin/smtp_status", ignore=shutil.ignore_patterns("__pycache__")
    )
    launcher = (ROOT / "check_smtp_status.py").read_text("utf-8")
    # Debian's policy: programs of a package run on its own Python, whatever PATH says.
    (home / "check_smtp_status.py").write_text(launcher.replace("/usr/bin/env python3", "/usr/bin/python3", 1))
    plugins = tree / "usr/lib/nagios/plugins"
    plugins.mkdir(parents=True)
    (plugins / "check_smtp_status").symlink_to(f"../../../share/{PACKAGE}/check_smtp_status.py")

    # What the system's Icinga loads by: include <smtp_status>. Not in plugins-contrib.d, which every node loads: the
    # same command from the Director would be an error there, and the node would take no configuration any more.
    _copy(HERE / "icinga/smtp_status.conf", tree / "usr/share/icinga2/include/smtp_status")
    # What the system's Nagios loads by: cfg_dir=/etc/nagios-plugins/config
    _copy(HERE / "nagios/commands.cfg", tree / NAGIOS)
    for name in ("icinga", "nagios", "checkmk", "sensu", "grafana"):
        shutil.copytree(HERE / name, doc / "examples" / name)
    _copy(HERE / "README.md", doc / "examples/README.md")

    _compressed(tree / "usr/share/man/man1/check_smtp_status.1.gz", manpage.page())
    _compressed(doc / "changelog.gz", (ROOT / "CHANGELOG.md").read_text("utf-8"))
    for page in (ROOT / "README.md", ROOT / "SECURITY.md", *sorted((ROOT / "docs").glob("*.md"))):
        _copy(page, doc / page.relative_to(ROOT))
    _copy(ROOT / "LICENSE", doc / "copyright")


def _control(tree: Path) -> None:
    files = sorted(path for path in tree.rglob("*") if path.is_file() and not path.is_symlink())
    digests = ((path, hashlib.md5(path.read_bytes(), usedforsecurity=False)) for path in files)
    sums = "".join(f"{digest.hexdigest()}  {path.relative_to(tree)}\n" for path, digest in digests)
    size = sum(path.stat().st_size for path in files) // 1024 + 1
    control = tree / "DEBIAN"
    control.mkdir()
    summary = f"monitoring plugin to {manpage.PURPOSE}"
    texts = {
        "control": CONTROL.format(package=PACKAGE, version=version(), size=size, summary=summary),
        "md5sums": sums,
        "conffiles": f"/{NAGIOS}\n",
        "postinst": POSTINST,
        "prerm": PRERM,
    }
    for name, text in texts.items():
        (control / name).write_text(text, "utf-8")
        (control / name).chmod(0o755 if text.startswith("#!") else 0o644)
    control.chmod(0o755)


def _modes(tree: Path) -> None:
    """Readable by everybody, whatever the umask and the checkout."""
    for path in tree.rglob("*"):
        if path.is_symlink():
            continue
        runs = path.is_dir() or path.name == "check_smtp_status.py"
        path.chmod(0o755 if runs else 0o644)


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def _compressed(target: Path, text: str) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(gzip.compress(text.encode(), mtime=int(os.environ.get("SOURCE_DATE_EPOCH", "0"))))


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        raise SystemExit(__doc__)
    print(build(Path(sys.argv[1])))
