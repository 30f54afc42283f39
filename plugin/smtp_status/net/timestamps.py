"""The kernel's own time stamps of what a socket sent and received (Linux; elsewhere there simply are none).

A process learns of a reply when the scheduler lets it, which on a busy monitoring host is milliseconds late.  The
kernel stamps the segment when it comes in and when it goes out.  See ``Documentation/networking/timestamping.rst``
in the Linux sources for the flags; the values are part of the kernel's stable interface and absent from Python's
socket module.  No privileges are needed.
"""

from __future__ import annotations

import _socket as socket  # as in transport.py
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

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


def enable(sock: socket.socket) -> bool:
    """Ask for stamps on ``sock``, of the last octet of each call that sends and of all that comes in; before connect(),
    so that the first segment has one.  False: there are none."""
    if sys.platform != "linux" or sock.family == socket.AF_UNIX:
        return False
    try:
        sock.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPING, _TX_SOFTWARE | _RX_SOFTWARE | _SOFTWARE | _OPT_TSONLY)
    except OSError:
        return False
    return True


def receive(sock: socket.socket, size: int) -> tuple[bytes, int | None]:
    """Up to ``size`` octets and the stamp of the last of them in nanoseconds.  Raises OSError as recv() does."""
    data, ancillary, _flags, _peer = sock.recvmsg(size, _ANCILLARY_SPACE)
    return data, _stamp(ancillary)


def sent(sock: socket.socket, due: int) -> list[int]:
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
