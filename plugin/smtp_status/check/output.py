"""The whole output: one form that Nagios, Icinga, Sensu, Telegraf and Checkmk all read, within 8 KiB."""

from __future__ import annotations

import os
import select
import signal

from ..net.selector import readable
from ..record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from types import FrameType

MAX_OUTPUT = 8 * 1024 - 1
"""Octets of the whole output, the line end included."""

OPENING_KEPT = 1024
"""Octets of the opening lines that stay, however long everything else is."""

LEAST_SECONDS = 0.2
"""What a reader is given to begin with, also where the deadline has passed."""


class Section(NamedTuple):
    """What is shown of one target.  ``perfdata`` begins with the target's total; ``expendable``: a target that did
    well among several, whose stages nobody will look for."""

    table: Sequence[str] = ()
    transcript: Sequence[str] = ()
    perfdata: Sequence[str] = ()
    expendable: bool = False


def render(
    first: str,
    sections: Sequence[Section],
    ending: str = "",
    total: Sequence[str] = (),
    opening: Sequence[str] = (),
) -> str:
    """The output as text; ``opening`` and ``total`` are lines and perfdata that belong to no target and stand first.

    With nothing but perfdata it is one line.  Else the sections stand below the first line, then ``ending``, and the
    perfdata once at the very end, where all consumers' parsers find it.  Left out where it is too long are lines of
    the transcripts, from their middle, likewise of the opening, then tables and stage times of expendable sections,
    then of any but the first that is not, and at last lines from the middle of its table.
    """

    def excess_of(sections: Sequence[Section]) -> int:
        return _octets(_text(first, opening, sections, ending, total)) - MAX_OUTPUT

    excess = excess_of(sections)
    if excess > 0:
        sections = _shorter_transcripts(sections, excess)
        excess = excess_of(sections)
    if excess > 0:
        opening = _ends(opening, max(_octets_of_lines(opening) - excess, OPENING_KEPT))
        excess = excess_of(sections)
    kept = list(sections)
    for reduce in (_without_table, _without_stages, _without_perfdata):
        for index in _order_of_loss(kept):
            if excess <= 0:
                break
            less = reduce(kept[index])
            excess -= _size(kept[index]) - _size(less)
            kept[index] = less
    if excess > 0:
        kept = [
            section._replace(table=_ends(section.table, _octets_of_lines(section.table) - excess)) for section in kept
        ]
    return _text(first, opening, kept, ending, total)


class _GivenUp(Exception):  # noqa: N818 - no error of ours
    """Nobody reads standard output."""


def write(text: str, seconds: float, signals: Collection[signal.Signals], stop: int | None = None) -> None:
    """Write to standard output as UTF-8 whatever the locale.  A closed or full output is nobody's to hear of.

    Nor is a pipe that nobody reads: it is given up after ``seconds``, or once one of ``signals`` comes.  ``stop`` is a
    file descriptor that is readable where one came already.  To be called in the main thread, as the last thing before
    the process ends: what it does to signals stays done.
    """
    data = memoryview(text.encode("utf-8", "replace"))

    def give_up(_number: int, _frame: FrameType | None) -> None:
        raise _GivenUp

    try:
        # Only a signal ends a write to a pipe that is full, and to make it one that never waits is not ours: the
        # scheduler has it too.
        for number in (signal.SIGALRM, *signals):
            signal.signal(number, give_up)
        asked_to_end = stop is not None and readable((stop,), 0)
        signal.setitimer(signal.ITIMER_REAL, LEAST_SECONDS if asked_to_end else max(seconds, LEAST_SECONDS))
        while data:
            try:
                data = data[os.write(1, data) :]
            except BlockingIOError:  # the scheduler's end made the pipe so, and is slow to read
                select.select((), (1,), ())
        signal.setitimer(signal.ITIMER_REAL, 0)
    except (OSError, _GivenUp):
        return


def _text(first: str, opening: Sequence[str], sections: Sequence[Section], ending: str, total: Sequence[str]) -> str:
    perfdata = " ".join([*total, *(item for section in sections for item in section.perfdata)])
    lines = [*opening, *(line for section in sections for line in (*section.table, *section.transcript))]
    if ending:
        lines.append(ending)
    if not lines:
        return f"{first} | {perfdata}\n" if perfdata else f"{first}\n"
    if perfdata:
        lines.append(f"| {perfdata}")
    return "\n".join([first, *lines]) + "\n"


def _octets(text: str) -> int:
    return len(text.encode("utf-8", "replace"))


def _octets_of_lines(lines: Sequence[str]) -> int:
    """Octets of ``lines``, their ends included."""
    return sum(_octets(line) + 1 for line in lines)


def _size(section: Section) -> int:
    """Octets a section takes, each of its parts with what separates it from the next."""
    return sum(_octets(part) + 1 for parts in section[:3] for part in parts)


def _order_of_loss(sections: Sequence[Section]) -> list[int]:
    """The expendable sections, then the others but for the first of them; the last one first."""
    backwards = range(len(sections) - 1, -1, -1)
    others = [index for index in backwards if not sections[index].expendable]
    return [index for index in backwards if sections[index].expendable] + others[:-1]


def _without_table(section: Section) -> Section:
    return section._replace(table=section.table[:1], transcript=())


def _without_stages(section: Section) -> Section:
    return section._replace(perfdata=section.perfdata[:1])


def _without_perfdata(section: Section) -> Section:
    return Section()


def _shorter_transcripts(sections: Sequence[Section], excess: int) -> list[Section]:
    """The sections with ``excess`` octets less of transcripts, as far as there are so many, each by its share."""
    sizes = [_octets_of_lines(section.transcript) for section in sections]
    whole = sum(sizes)
    if not whole:
        return list(sections)
    left = max(whole - excess, 0)
    return [
        section._replace(transcript=_ends(section.transcript, size * left // whole))
        for section, size in zip(sections, sizes)
    ]


def _ends(lines: Sequence[str], budget: int) -> list[str]:
    """As many of the first and the last lines as fit, and a line between that says how many are missing, those that
    were left out before too."""
    from ..smtp import gap  # noqa: PLC0415 - most outputs are whole

    left = budget - len(gap.line(100_000_000)) - 1
    if left < 0:
        return []
    head, tail = 0, 0
    while head + tail < len(lines):
        from_head = head <= tail
        left -= _octets(lines[head] if from_head else lines[-1 - tail]) + 1
        if left < 0:
            break
        head, tail = (head + 1, tail) if from_head else (head, tail + 1)
    if head + tail == len(lines):
        return list(lines)
    missing = sum(map(gap.width, lines[head : len(lines) - tail]))
    return [*lines[:head], gap.line(missing), *lines[len(lines) - tail :]]
