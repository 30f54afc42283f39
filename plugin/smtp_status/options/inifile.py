"""Options from ini files, read as the library of monitoring-plugins reads them.

Facts of that library, kept here: a section header may have blanks inside its brackets; blanks around key and value
are dropped; ``#`` and ``;`` begin a comment only at the start of a line, so a password may hold both; quotes are
part of the value; the equals sign is a must, also for an option without value; a key may be repeated, and so may a
section; other sections are not looked into.  Two of its quirks are not kept: a key of one letter works, and an
empty section is no error.
"""

from __future__ import annotations

import os

from ..record import NamedTuple
from . import files
from .settings import UsageError, shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SECTIONS = ("check_smtp_status", "check_smtp")
"""Sections to take when none is named, the first that is there: those who come from check_smtp have the second."""

FILE_NAMES = ("monitoring-plugins.ini", "plugins.ini", "nagios-plugins.ini")
"""Names to look for in the directories of NAGIOS_CONFIG_PATH."""

STANDARD_FILES = (
    "/usr/local/etc/monitoring-plugins/monitoring-plugins.ini",
    "/usr/local/etc/monitoring-plugins.ini",
    "/etc/monitoring-plugins/monitoring-plugins.ini",
    "/etc/monitoring-plugins.ini",
    "/etc/nagios/plugins.ini",
    "/usr/local/nagios/etc/plugins.ini",
    "/usr/local/etc/nagios/plugins.ini",
    "/etc/opt/nagios/plugins.ini",
    "/etc/nagios-plugins.ini",
    "/usr/local/etc/nagios-plugins.ini",
    "/etc/opt/nagios-plugins.ini",
)
"""Where a file is looked for at last, in this order."""

MAX_SIZE = 1 << 20
"""Bytes an ini file may have."""


class Setting(NamedTuple):
    """One line of a section; ``value`` is '' where nothing follows the equals sign."""

    key: str
    value: str
    origin: str


def read(locator: str, environ: Mapping[str, str]) -> list[Setting]:
    """The lines of a section, ``locator`` being ``[SECTION][@FILE]``.  Raises UsageError with file and line."""
    section, at, path = locator.partition("@")
    if at and not path:
        raise UsageError("--extra-opts takes [SECTION][@FILE], there is no file name after the @")
    path = path or default_file(environ)
    content = _content(path)
    wanted = (section.strip(),) if section.strip() else SECTIONS
    sections = parse(content, path, wanted)
    for name in wanted:
        if name in sections:
            return sections[name]
    raise UsageError(f"--extra-opts: no section {' or '.join(map(shown, wanted))} in {shown(path)}")


def default_file(environ: Mapping[str, str]) -> str:
    """The file to read when none is named: MP_CONFIG_FILE, else the first there is."""
    named = environ.get("MP_CONFIG_FILE")
    if named:
        return named
    for candidate in _candidates(environ):
        if os.path.exists(candidate):
            return candidate
    raise UsageError("--extra-opts: no ini file in any of the standard places, name one with @FILE")


def parse(content: bytes, path: str, wanted: tuple[str, ...]) -> dict[str, list[Setting]]:
    """The wanted sections that are in ``content``; ``path`` is for messages.

    Lines outside of them are only looked at as far as needed to find the sections, as foreign plugins' lines
    are none of our business.
    """
    sections: dict[str, list[Setting]] = {}
    current: list[Setting] | None = None
    begun = False
    for number, raw in enumerate(content.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1):
        line = raw.strip(b" \t\r\f\v")
        origin = f"{shown(path)} line {number}"
        if not line or line[:1] in b"#;":
            continue
        if line[:1] == b"[":
            name, bracket, rest = line[1:].partition(b"]")
            if not bracket or rest.strip()[:1] not in (b"", b"#", b";"):
                raise UsageError(f"--extra-opts: {origin} is no section header such as [check_smtp]")
            begun = True
            section = name.strip().decode("utf-8", "replace")
            current = sections.setdefault(section, []) if section in wanted else None
        elif not begun:
            raise UsageError(f"--extra-opts: {origin} stands before any section")
        elif current is not None:
            current.append(_setting(line, origin))
    return sections


def _setting(line: bytes, origin: str) -> Setting:
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError:
        raise UsageError(f"--extra-opts: {origin} is not UTF-8") from None
    key, equals, value = text.partition("=")
    key = key.strip(" \t\f\v")
    # The line is not shown: it may hold a password.
    if not equals or not key or key.startswith("-"):
        raise UsageError(f"--extra-opts: {origin} is not of the form option=value")
    return Setting(key, value.strip(" \t\r\f\v"), origin)


def _content(path: str) -> bytes:
    try:
        return files.read_regular(path, MAX_SIZE)
    except (OSError, ValueError) as error:
        raise UsageError(f"--extra-opts cannot read {shown(path)}: {files.reason(error)}") from None


def _candidates(environ: Mapping[str, str]) -> Iterator[str]:
    for directory in environ.get("NAGIOS_CONFIG_PATH", "").split(":"):
        if directory:
            yield from (os.path.join(directory, name) for name in FILE_NAMES)
    yield from STANDARD_FILES
