"""The fields of a header section (RFC 5322 section 2.2), read leniently: what stands in a mailbox is anybody's."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    Fields = list[tuple[str, str]]
    """Name in lower case, and value unfolded, in the order of the section."""


def parse(section: bytes) -> Fields:
    """The fields of ``section`` up to an empty line; lines that belong to no field are passed over."""
    found: list[tuple[str, str]] = []
    for line in section.replace(b"\r\n", b"\n").split(b"\n"):
        if not line:
            break
        if line[:1] in b" \t":
            if found:
                name, value = found[-1]
                found[-1] = name, f"{value} {_text(line)}".strip()
            continue
        before, colon, after = line.partition(b":")
        if colon:
            found.append((_text(before).lower(), _text(after)))
    return found


def first(fields: Fields, name: str) -> str | None:
    """The topmost value of ``name`` (lower case), None where there is none."""
    return next((value for found, value in fields if found == name), None)


def every(fields: Fields, name: str) -> list[str]:
    """All values of ``name`` (lower case), the topmost first."""
    return [value for found, value in fields if found == name]


def parameters(value: str) -> dict[str, str]:
    """What stands as ``name=value`` between semicolons, the first of each name; names in lower case."""
    found: dict[str, str] = {}
    for part in value.split(";"):
        name, equals, text = part.partition("=")
        if equals:
            found.setdefault(name.strip().lower(), text.strip().strip('"'))
    return found


def _text(octets: bytes) -> str:
    return octets.decode("utf-8", "backslashreplace").strip()
