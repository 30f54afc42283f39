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

    text = _text(first, opening, sections, ending, total)
    if len(text.encode("utf-8", "replace")) <= MAX_OUTPUT:
        return text
    from .shortening import shortened  # noqa: PLC0415 - most outputs are whole

    def excess_of(sections: Sequence[Section], opening: Sequence[str]) -> int:
        return len(_text(first, opening, sections, ending, total).encode("utf-8", "replace")) - MAX_OUTPUT

    kept, opening = shortened(sections, opening, excess_of)
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
    came: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        came.append(number)

    def give_up(_number: int, _frame: FrameType | None) -> None:
        for number in waking:
            signal.signal(number, note)  # once is enough
        raise _GivenUp

    waking = (signal.SIGALRM, *signals)
    try:
        # A signal is to end the waiting, and not to take away what there is room for.
        for number in signals:
            signal.signal(number, note)
        data = _at_once(data)
        if not data:
            return
        # Only a signal ends a write to a pipe that is full, and to make it one that never waits is not ours: the
        # scheduler has it too.
        for number in waking:
            signal.signal(number, give_up)
        hurried = bool(came) or _readable(stop)
        signal.setitimer(signal.ITIMER_REAL, LEAST_SECONDS if hurried else max(seconds, LEAST_SECONDS))
        while data:
            try:
                data = data[os.write(1, data) :]
            except BlockingIOError:  # the scheduler's end made the pipe so, and is slow to read
                select.select((), (1,), ())
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number in waking:
            signal.signal(number, note)
    except (OSError, _GivenUp):
        return


def _at_once(data: memoryview) -> memoryview:
    """Write what there is room for; what is left."""
    try:
        poll = select.poll()
        poll.register(1, select.POLLOUT)
        while data and poll.poll(0):
            data = data[os.write(1, data[: select.PIPE_BUF]) :]  # so much never waits
    except OSError:
        return data  # whatever it is, it shows again where there is time for it
    return data


def _readable(stop: int | None) -> bool:
    try:
        return stop is not None and bool(readable((stop,), 0))
    except OSError:  # no descriptor or memory left to ask with: the output is worth more than the answer
        return False


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
