"""The server's answers in the form imaplib leaves them: to what was asked, and nothing else (RFC 9051 section 7)."""

from __future__ import annotations

import re
from calendar import timegm

from ..record import NamedTuple
from .ledger import Stamp

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Union

    Piece = Union[bytes, tuple[bytes, bytes], None]

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

_BEGIN = re.compile(rb"\d+ \(")
_UID = re.compile(rb"\bUID (\d{1,10})(?!\d)")
_FLAGS = re.compile(rb"\bFLAGS \(([^()]*)\)")
_DATE = rb'"([ \d]\d)-([A-Za-z]{3})-(\d{4}) (\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)"'
_RECEIVED = re.compile(rb"\bINTERNALDATE " + _DATE)
_SAVED = re.compile(rb"\bSAVEDATE " + _DATE)
_QUOTED = re.compile(rb'\bBODY\[[^\[\]]*\](?:<\d+>)? "((?:[^"\\]|\\.)*)"')
_LISTED = re.compile(rb'\(([^()]*)\) (?:"(\\?.)"|NIL) (.*)', re.DOTALL)
_STATUS = re.compile(rb"\b(MESSAGES|UIDNEXT) (\d{1,10})(?!\d)")


class Fetched(NamedTuple):
    """What was fetched of one message: its flags in lower case, when it came, and the octets of what was asked for."""

    uid: int
    flags: frozenset[str]
    stamp: Stamp
    octets: bytes


class Folder(NamedTuple):
    """One folder as LIST shows it: attributes in lower case, delimiter ('' for none) and name as on the wire."""

    attributes: frozenset[str]
    delimiter: str
    name: str


def messages(data: Sequence[Piece]) -> list[Fetched]:
    """The messages of an answer to FETCH; what has no UID was not asked for, and is passed over."""
    return [message for message in map(_message, _grouped(data)) if message is not None]


def _grouped(data: Sequence[Piece]) -> Iterator[list[Piece]]:
    """The pieces that belong together: imaplib cuts an answer behind each literal."""
    group: list[Piece] = []
    for piece in data:
        begin = piece[0] if isinstance(piece, tuple) else piece or b""
        if _BEGIN.match(begin) and group:
            yield group
            group = []
        group.append(piece)
    if group:
        yield group


def _message(pieces: Sequence[Piece]) -> Fetched | None:
    told = b" ".join(piece[0] if isinstance(piece, tuple) else piece or b"" for piece in pieces)
    literals = [piece[1] for piece in pieces if isinstance(piece, tuple)]
    if not literals:
        quoted = _QUOTED.search(told)
        literals = [re.sub(rb"\\(.)", rb"\1", quoted[1])] if quoted else []
        told = _QUOTED.sub(b"", told)
    uid, received = _UID.search(told), _stamp(_RECEIVED.search(told))
    if uid is None or received is None:
        return None
    flags = _FLAGS.search(told)
    named = frozenset((flags[1] if flags else b"").decode("ascii", "replace").lower().split())
    return Fetched(int(uid[1]), named, Stamp(received, _stamp(_SAVED.search(told))), literals[0] if literals else b"")


def _stamp(found: re.Match[bytes] | None) -> int | None:
    """Seconds since the epoch, None for what is no date."""
    if found is None:
        return None
    day, month, year, hour, minute, second, sign, zone_hours, zone_minutes = found.groups()
    try:
        number = MONTHS.index(month.decode("ascii").capitalize()) + 1
        seconds = timegm((int(year), number, int(day), int(hour), int(minute), int(second)))
    except ValueError:
        return None
    zone = (int(zone_hours) * 60 + int(zone_minutes)) * 60
    return seconds - (zone if sign == b"+" else -zone)


def uids(data: Sequence[Piece]) -> list[int]:
    """The numbers of an answer to SEARCH, ascending."""
    words = b" ".join(piece for piece in data if isinstance(piece, bytes)).split()
    return sorted({int(word) for word in words if word.isdigit() and len(word) <= 10})


def folders(data: Sequence[Piece]) -> list[Folder]:
    """The folders of an answer to LIST."""
    found = []
    for piece in data:
        line, literal = piece if isinstance(piece, tuple) else (piece or b"", None)
        match = _LISTED.match(line)
        if match is None:
            continue
        name = literal if literal is not None else _unquoted(match[3].strip())
        delimiter = (match[2] or b"")[-1:]
        attributes = frozenset(match[1].decode("ascii", "replace").lower().split())
        found.append(Folder(attributes, delimiter.decode("ascii", "replace"), name.decode("utf-8", "replace")))
    return found


def count(data: Sequence[Piece]) -> int:
    """The last number of an answer, 0 for none."""
    last = data[-1] if data else None
    return int(last) if isinstance(last, bytes) and last.isdigit() and len(last) <= 10 else 0


def flags(data: Sequence[Piece]) -> frozenset[str] | None:
    """The last list of flags of an answer, in lower case; None for none."""
    last = data[-1] if data else None
    return frozenset(last.decode("ascii", "replace").lower().strip("()").split()) if isinstance(last, bytes) else None


def status(data: Sequence[Piece]) -> dict[str, int]:
    """The figures of an answer to STATUS, by their names."""
    told = b" ".join(piece for piece in data if isinstance(piece, bytes))
    # The folder's name stands in front and may be anything.
    return {name.decode(): int(value) for name, value in _STATUS.findall(told.rpartition(b"(")[2])}


def search_date(seconds: int) -> str:
    """A day for SEARCH SINCE, the one before that of ``seconds``: a server ignores time and zone there."""
    from time import gmtime  # noqa: PLC0415 - rare

    day = gmtime(max(seconds - 86400, 0))
    return f"{day.tm_mday}-{MONTHS[day.tm_mon - 1]}-{day.tm_year}"


def uid_set(numbers: Sequence[int]) -> str:
    """``numbers``, ascending, as a set with ranges (RFC 9051 section 9, sequence-set)."""
    parts: list[list[int]] = []
    for number in numbers:
        if parts and number == parts[-1][1] + 1:
            parts[-1][1] = number
        else:
            parts.append([number, number])
    return ",".join(str(first) if first == last else f"{first}:{last}" for first, last in parts)


def _unquoted(word: bytes) -> bytes:
    if word[:1] == b'"' and word[-1:] == b'"' and len(word) > 1:
        return re.sub(rb"\\(.)", rb"\1", word[1:-1])
    return word
