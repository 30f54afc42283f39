"""Instants, what lies between them, and the one deadline of a run: the one place that knows which clock measured a
latency.
"""

from __future__ import annotations

from time import monotonic, perf_counter_ns, time_ns

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

    Instant = tuple[int, int, Optional[int]]
    """A moment: on this process's monotonic clock; what lay between that and the wall clock then; and, where the kernel
    stamped it, on the kernel's clock.  Nanoseconds.

    The kernel stamps by the wall clock, and a wall clock set between two instants shows in what lay between the clocks.
    (No class of its own: a conversation has some thirty, and a process may have a thousand conversations.)
    """


_READINGS = 3
"""How often the clocks are read at most: one that only moves every few milliseconds never looks undisturbed."""

_SET = 1_000_000  # nanoseconds by which the offset must move to mean that the wall clock was set


def now(kernel: int | None = None) -> Instant:
    """This moment, as this process sees it, with the kernel's stamp of what it just learnt of."""
    for _ in range(_READINGS):
        process = perf_counter_ns()
        offset = time_ns() - process
        # A process put aside between the two readings would look like a wall clock that was set.
        if perf_counter_ns() - process < _SET // 2:
            break
    return (process, offset, kernel)


def stamped(instant: Instant, kernel: int | None) -> Instant:
    """The same moment with the kernel's stamp of it."""
    return (instant[0], instant[1], kernel)


def when(instant: Instant) -> float | None:
    """The moment by the kernel's stamp, in seconds of the monotonic clock, None where it has none.

    A process that has a thousand conversations learns of a reply long after it came.
    """
    process, offset, kernel = instant
    # perf_counter_ns() is the monotonic clock wherever there are stamps.  Nothing is learnt of before it happens.
    return None if kernel is None or kernel - offset > process else (kernel - offset) / 1e9


def measured(start: Instant, end: Instant) -> tuple[float, bool]:
    """Seconds from ``start`` to ``end`` by the kernel's clock, and True, where it can tell; else by the process's.

    The two clocks are never mixed in one figure.
    """
    began, offset, sent = start
    ended, offset_then, received = end
    if sent is None or received is None or abs(offset_then - offset) > _SET:
        return max(ended - began, 0) / 1e9, False
    # The kernel saw the end before this process did and the start after it, or a stamp is not what it seems.
    if 0 <= received - sent <= ended - began:
        return (received - sent) / 1e9, True
    return max(ended - began, 0) / 1e9, False


def seconds_between(start: Instant, end: Instant) -> float:
    """Seconds from ``start`` to ``end``, by whichever clock can tell."""
    return measured(start, end)[0]


GRACE = 0.1
"""Seconds behind a deadline, or any instant something ends at, in which what has come by then is still looked at."""


class Deadline:
    """The one end of everything; ``started`` and ``at`` are instants of the monotonic clock in seconds.

    ``began``: the instant ``seconds`` count from, where that was earlier than now.
    """

    def __init__(self, seconds: float, began: float | None = None) -> None:
        self.started = monotonic()
        self.at = (self.started if began is None else began) + seconds

    def elapsed(self) -> float:
        """Seconds since it was made."""
        return monotonic() - self.started

    def left(self) -> float:
        """Seconds left, 0 when it has passed."""
        return max(self.at - monotonic(), 0.0)

    def passed(self) -> bool:
        """Whether it has passed."""
        return monotonic() >= self.at

    def overdue(self) -> bool:
        """Whether it has passed for so long that not even what has come is looked at."""
        return monotonic() >= self.at + GRACE

    def end(self) -> None:
        """Let it pass now."""
        self.at = min(self.at, monotonic())
