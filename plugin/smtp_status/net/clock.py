"""Instants, the kernel's stamps of them, what lies between, and the one deadline of a run: the one place that knows
which clock measured a latency.

A process learns of a reply when the scheduler lets it, which on a busy monitoring host is milliseconds late.  The
kernel stamps the segment when it comes in and when it goes out (Linux; elsewhere there simply are no stamps).  See
``Documentation/networking/timestamping.rst`` in the Linux sources for the flags; the values are part of the kernel's
stable interface and absent from Python's socket module.  No privileges are needed.
"""

from __future__ import annotations

import _socket as socket  # as in net/connection.py
import sys
from time import monotonic, perf_counter_ns, time_ns

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
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


_SO_TIMESTAMPING = 37
_TX_SOFTWARE = 1 << 1
_RX_SOFTWARE = 1 << 3
_SOFTWARE = 1 << 4
_OPT_TSONLY = 1 << 11  # the error queue returns stamps without a copy of the data sent

_MSG_ERRQUEUE = getattr(socket, "MSG_ERRQUEUE", 0x2000)
_TIMESPECS = (24, 48)  # octets of three times two of C's long, seconds and nanoseconds; the first is the software's
_ANCILLARY_SPACE = 256

# Places of tcpi_rtt, in microseconds, and tcpi_total_retrans among the unsigned ints of struct tcp_info.
_TCPI_RTT, _TCPI_TOTAL_RETRANS = 17, 25
_TCP_INFO_SIZE = 104

WITHOUT_SEND_STAMP = ((socket.SOL_SOCKET, _SO_TIMESTAMPING, bytes(4)),)
"""Ancillary data for ``sendmsg``: no stamp for this call."""


def enable_stamps(sock: socket.socket) -> bool:
    """Ask for stamps on ``sock``, of the last octet of each call that sends and of all that comes in; before connect(),
    so that the first segment has one.  False: there are none."""
    if sys.platform != "linux" or sock.family == socket.AF_UNIX:
        return False
    try:
        sock.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPING, _TX_SOFTWARE | _RX_SOFTWARE | _SOFTWARE | _OPT_TSONLY)
    except OSError:
        return False
    return True


def stamping() -> socket.socket | None:
    """A socket that wants stamps, to be kept for as long as others come and go: the kernel changes its own code for the
    first that wants some, and after the last, which costs each of them a tenth of a conversation."""
    try:
        keeper = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    except OSError:
        return None
    return keeper if enable_stamps(keeper) else None


def receive_stamped(sock: socket.socket, size: int) -> tuple[bytes, int | None]:
    """Up to ``size`` octets and the stamp of the last of them in nanoseconds.  Raises OSError as recv() does."""
    data, ancillary, _flags, _peer = sock.recvmsg(size, _ANCILLARY_SPACE)
    return data, _stamp(ancillary)


def send_stamps(sock: socket.socket, due: int) -> list[int]:
    """The send stamps that have come since the last call, oldest first, in nanoseconds: all, or ``due`` of them.

    They wait on the error queue, and while one waits there poll() reports the socket in error: read them whenever
    there was nothing else to read.
    """
    stamps: list[int] = []
    while True:
        try:
            _data, ancillary, _flags, _peer = sock.recvmsg(1, _ANCILLARY_SPACE, _MSG_ERRQUEUE | socket.MSG_DONTWAIT)
        except OSError:  # EAGAIN: no more; anything else shows itself at the next send or receive
            return stamps
        stamp = _stamp(ancillary)
        if stamp is not None:
            stamps.append(stamp)
            if len(stamps) == due:
                return stamps


def round_trip(sock: socket.socket) -> float | None:
    """Seconds between SYN and SYN-ACK as TCP itself measured them; to be read right after the connect.

    None where it cannot tell, or where the SYN had to be sent more than once: it measures the last of them.
    """
    if sys.platform != "linux" or sock.family == socket.AF_UNIX:
        return None
    try:
        info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO_SIZE)
    except OSError:
        return None
    numbers = memoryview(info[: len(info) // 4 * 4]).cast("I")
    if len(numbers) <= _TCPI_TOTAL_RETRANS or numbers[_TCPI_TOTAL_RETRANS]:
        return None
    microseconds = numbers[_TCPI_RTT]
    return microseconds / 1e6 if microseconds else None


def _stamp(ancillary: Sequence[tuple[int, int, bytes]]) -> int | None:
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPING and len(data) in _TIMESPECS:
            times = memoryview(data).cast("l")
            if times[0]:  # all zero: a stamp of another source only
                return times[0] * 1_000_000_000 + times[1]
    return None
