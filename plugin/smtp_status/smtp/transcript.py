"""The transcript of one conversation, as far as it can be shown: its beginning and its end."""

from __future__ import annotations

from collections import deque

from ..record import NamedTuple
from ..text import ELLIPSIS, clean
from . import gap

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from ..secrets.repetition import Login

KEPT = 5 * 1024
"""Characters that are kept of the beginning, and as many of the end: the whole output has 8 KiB."""

LEAST_KEPT = 256
"""What is kept of each of many conversations."""

HEARD, SAID, SECURED = "<<<", ">>>", "==="

_SEPARATORS = " -"


class Piece(NamedTuple):
    """Lines that belong together, clean and without their mark: one reply, one command."""

    mark: str
    lines: tuple[str, ...]
    cut_off: bool = False

    @property
    def size(self) -> int:
        """Characters it takes."""
        return sum(len(line) + 5 for line in self.lines)

    @property
    def words(self) -> str:
        """All of them, without the codes of replies."""
        return "\n".join(_split(line)[1] for line in self.lines)


class Transcript:
    """``share``: how many conversations the output is shared by."""

    def __init__(self, share: int = 1) -> None:
        self._limit = max(KEPT // share, LEAST_KEPT)
        self._first: list[Piece] = []
        self._last: deque[Piece] = deque()
        self._first_size = self._last_size = 0
        self._left_out = 0

    def hear(self, lines: Sequence[bytes], cut_off: bool = False) -> None:
        """A reply, or what there is of one."""
        heard = tuple(_beginning(lines, self._limit))
        if heard:
            more = (f"... {len(lines)} lines in all",) if len(lines) > len(heard) else ()
            self._add(Piece(HEARD, heard + more, cut_off or bool(more)))

    def say(self, line: bytes | str) -> None:
        """A command, or a line of the message."""
        self._add(Piece(SAID, tuple(_beginning([line], self._limit))))

    def secure(self, words: str) -> None:
        """From here on everything was encrypted."""
        self._add(Piece(SECURED, (words,)))

    def shown(self, login: Login | None) -> Iterator[str]:
        """Its lines, without what repeats part of ``login``."""
        pieces = (*self._first, *self._last)
        hidden = _repeating(pieces, login) if login is not None else ()
        for place, piece in enumerate(pieces):
            if place == len(self._first) and self._left_out:
                yield gap.line(self._left_out)
            if place not in hidden:
                yield from (f"{piece.mark} {line}" for line in piece.lines)
            elif piece.mark == SAID:
                yield f"{SAID} ***"
            else:
                yield f"{HEARD} {_without_words(piece.lines[0])}"

    def _add(self, piece: Piece) -> None:
        if not self._last and self._first_size < self._limit:
            self._first.append(piece)
            self._first_size += piece.size
            return
        self._last.append(piece)
        self._last_size += piece.size
        while self._last_size - self._last[0].size > self._limit:
            dropped = self._last.popleft()
            self._last_size -= dropped.size
            self._left_out += len(dropped.lines)


def _repeating(pieces: Sequence[Piece], login: Login) -> set[int]:
    """The places of pieces that repeat part of ``login``."""
    heard = [place for place, piece in enumerate(pieces) if piece.mark == HEARD]
    cut_off = {number for number, place in enumerate(heard) if pieces[place].cut_off}
    found = {heard[number] for number in login.repeated_among([pieces[place].words for place in heard], cut_off)}
    said = [place for place, piece in enumerate(pieces) if piece.mark == SAID]
    return found | {said[number] for number in login.repeated_among([pieces[place].words for place in said])}


def _without_words(line: str) -> str:
    from ..secrets.repetition import HIDDEN  # noqa: PLC0415 - only with a secret

    return _split(line)[0] + HIDDEN


def _split(line: str) -> tuple[str, str]:
    """A reply line's code with its separator, and the words behind it."""
    code = line[:3]
    if code.isascii() and code.isdigit() and line[3:4] in _SEPARATORS:
        return line[:4], line[4:]
    return "", line


def _beginning(lines: Iterable[bytes | str], limit: int) -> Iterator[str]:
    """As many of ``lines``, made clean, as fit into ``limit`` characters, the last one perhaps cut short."""
    for line in lines:
        if limit <= 0:
            return
        text = clean(line[:limit])
        yield text + (ELLIPSIS if len(line) > limit else "")
        limit -= len(line) + 1
