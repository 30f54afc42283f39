"""CHANGELOG.md in the form of Debian's changelogs (Debian Policy, section 4.4)."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WIDTH = 78

_SECTION = re.compile(r"^## (\S+) - (\S+)\n(.*?)(?=^## |\Z)", re.M | re.S)
_PART = re.compile(r"^### ([^\n]+)\n(.*?)(?=^### |\Z)", re.M | re.S)
_ITEM = re.compile(r"^- (.*?)(?=^- |^\S|\Z)", re.M | re.S)


def entries(package: str, maintainer: str) -> str:
    """All entries, newest first.  One that is not released has the day after the one before: the same sources make the
    same file."""
    sections = _SECTION.findall((ROOT / "CHANGELOG.md").read_text("utf-8"))
    dates = [None if date == "unreleased" else _noon(date) for _, date, _ in sections]
    texts = []
    for place, (version, _, body) in enumerate(sections):
        before = next((date for date in dates[place:] if date), datetime(1980, 1, 1, tzinfo=timezone.utc))
        date = dates[place] or before + timedelta(days=1)
        changes = "\n".join(_changes(body))
        texts.append(
            f"{package} ({version}) unstable; urgency=medium\n\n{changes}\n\n"
            f" -- {maintainer}  {format_datetime(date)}\n"
        )
    return "\n".join(texts)


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
            yield from textwrap.wrap(
                words, WIDTH, initial_indent="  * ", subsequent_indent="    ", break_long_words=False
            )
