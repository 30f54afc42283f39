"""CHANGELOG.md in the form of Debian's changelogs (Debian Policy, section 4.4)."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WIDTH = 78

_INDENTED = {"initial_indent": "    ", "subsequent_indent": "    ", "break_long_words": False}

_SECTION = re.compile(r"^## (\S+) - (\S+)\n(.*?)(?=^## |\Z)", re.M | re.S)
_PART = re.compile(r"^### ([^\n]+)\n(.*?)(?=^### |\Z)", re.M | re.S)
_ITEM = re.compile(r"^- (.*?)(?=^- |^\S|\Z)", re.M | re.S)


NEWS = {
    "0.2.0": (
        "Icinga 2 does not load the CheckCommand unasked any more. A node that used the one of this package needs the"
        " line include <smtp_status> in /etc/icinga2/icinga2.conf, below include <plugins-contrib>. Nodes that get it"
        " from their master or from the Director need nothing."
    )
}
"""What to do after an upgrade to a version."""


def entries(package: str, maintainer: str) -> str:
    """All entries, newest first."""
    return "\n".join(
        _entry(f"{package} ({version})", _changes(body), maintainer, date) for version, date, body in _sections()
    )


def news(package: str, maintainer: str) -> str:
    """NEWS.Debian, which apt-listchanges shows before an upgrade: a paragraph for each version of NEWS."""
    return "\n".join(
        _entry(f"{package} ({version})", textwrap.wrap(NEWS[version], WIDTH, **_INDENTED), maintainer, date)
        for version, date, _ in _sections()
        if version in NEWS
    )


def _sections() -> Iterator[tuple[str, datetime, str]]:
    """Version, date and text of each section of CHANGELOG.md.  One that is not released has the day after the one
    before: the same sources make the same file."""
    sections = _SECTION.findall((ROOT / "CHANGELOG.md").read_text("utf-8"))
    dates = [None if date == "unreleased" else _noon(date) for _, date, _ in sections]
    for place, (version, _, body) in enumerate(sections):
        before = next((date for date in dates[place:] if date), datetime(1980, 1, 1, tzinfo=timezone.utc))
        yield version, dates[place] or before + timedelta(days=1), body


def _entry(head: str, lines: Iterable[str], maintainer: str, date: datetime) -> str:
    text = "\n".join(lines)
    return f"{head} unstable; urgency=medium\n\n{text}\n\n -- {maintainer}  {format_datetime(date)}\n"


def _noon(date: str) -> datetime:
    return datetime.fromisoformat(date).replace(hour=12, tzinfo=timezone.utc)


def _changes(body: str) -> Iterator[str]:
    parts = _PART.findall(body)
    for number, (title, text) in enumerate(parts):
        if number:
            yield ""
        yield f"  [ {title} ]"
        for item in _ITEM.findall(text):
            words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", " ".join(item.split()))
            yield from textwrap.wrap(words, WIDTH, **{**_INDENTED, "initial_indent": "  * "})
