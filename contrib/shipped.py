"""What the Debian and the RPM package have in common: names, version, and the files beside the plugin itself."""

from __future__ import annotations

import gzip
import os
import re
import shutil
import sys
from datetime import datetime, timezone
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path.insert(0, str(HERE))

import completion  # noqa: E402 - beside this file
import manpage  # noqa: E402
from pages import pages  # noqa: E402

from smtp_status import __version__  # noqa: E402 - manpage has seen to its being found

PACKAGE = "check-smtp-status"
SUMMARY = "proves that a mail server takes mail, and times every SMTP command"
DESCRIPTION = """\
A plugin for Icinga, Nagios, Sensu and their relatives. It takes a mail through
an SMTP or LMTP server the way a sender does, judges every reply, says in one
line what went wrong and why, and reports the time of every command.
"""
MAINTAINER = "check_smtp_status authors <maintainers@check-smtp-status.invalid>"
DOC = f"usr/share/doc/{PACKAGE}"
ICINGA = "usr/share/icinga2/include/smtp_status"
"""What the system's Icinga loads by: include <smtp_status>.  Not in plugins-contrib.d, which every node loads: the same
command from the Director would be an error there, and the node would take no configuration any more."""

COMPLETION = "usr/share/bash-completion/completions/check_smtp_status"

EARLIEST = datetime(1980, 1, 1, tzinfo=timezone.utc)
"""The first time a zip archive can hold."""


def version() -> str:
    """The version as both package managers sort it: what comes before a release has a tilde."""
    return re.sub(r"\.?(a|b|rc|dev)([0-9]+)", r"~\1\2", __version__)


def epoch() -> int:
    """Seconds since 1970 that stand for the time of this version: ``SOURCE_DATE_EPOCH``, else its date in CHANGELOG.md.

    One that is not released has the earliest there is, so that the same sources always make the same files.
    """
    given = os.environ.get("SOURCE_DATE_EPOCH")
    if given:
        return int(given)
    changes = (ROOT / "CHANGELOG.md").read_text("utf-8")
    dated = re.search(rf"^## {re.escape(__version__)} - (\d{{4}}-\d\d-\d\d)$", changes, re.M)
    moment = datetime.fromisoformat(dated[1]).replace(tzinfo=timezone.utc) if dated else EARLIEST
    return int(moment.timestamp())


def address() -> str:
    """The project's address, which stands in setup.cfg only."""
    from configparser import ConfigParser  # noqa: PLC0415 - for this only

    settings = ConfigParser(interpolation=None)
    settings.read(ROOT / "setup.cfg", "utf-8")
    return settings["metadata"]["url"]


def fill(tree: Path, licence: str) -> None:
    """Put what comes with the plugin in every package into ``tree``, where the licence is at ``licence``."""
    copy(HERE / "icinga/smtp_status.conf", tree / ICINGA)
    copy(ROOT / "LICENSE", tree / licence)
    for place, content in pages(os.path.relpath(licence, DOC)):
        path = tree / DOC / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    write(tree / COMPLETION, completion.script())
    compressed(tree / "usr/share/man/man1/check_smtp_status.1.gz", manpage.page())


def settle(tree: Path, program: str) -> None:
    """Readable by everybody, and of the time of the version, whatever the umask and the checkout.

    ``program`` is the one file that can be run.
    """
    for path in (tree, *tree.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path == tree / program else 0o644)
        os.utime(path, (epoch(), epoch()), follow_symlinks=False)


def copy(source: Path, target: Path) -> None:
    """Copy a file, making the directories it needs."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def write(target: Path, text: str) -> None:
    """Write a text file, making the directories it needs."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, "utf-8")


def compressed(target: Path, text: str) -> None:
    """Write a text as gzip, without a time in it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(gzip.compress(text.encode(), mtime=0))
