"""The protocol between Nagios 4 or Naemon and a worker, on the core's query socket: octets in, jobs out, and back.

After the registration was answered both sides send messages of ``key=value`` pairs (``lib/kvvec.c`` and
``lib/worker.c`` of Nagios Core).  Nothing here touches a socket.
"""

from __future__ import annotations

from typing import NamedTuple

_PAIR_END = b"\0"
_MESSAGE_END = b"\1\0\0\0"

MAX_MESSAGE = 1 << 24
"""Octets of one message; the core's own limit on a command line is far below."""

LONGEST = 10**9
"""Seconds of a job, as good as without end, that an instant can be made of."""

TIMED_OUT = 62
"""ETIME, by which the core knows a check that was ended for its time."""


class ProtocolError(ValueError):
    """The core sent what is no message, or refused the registration: the text says which."""


class Order(NamedTuple):
    """One job as the core gave it: ``number`` and ``kind`` are to come back as they came; ``timeout`` in seconds."""

    number: bytes
    kind: bytes
    timeout: int
    command: bytes


class End(NamedTuple):
    """How a job ended: instants since the epoch, the status as wait(2) has it, what was printed.

    ``timed_out``: there is no status, its time was up.
    """

    start: float
    stop: float
    status: int
    out: bytes = b""
    err: bytes = b""
    timed_out: bool = False


def registration(plugin: str) -> bytes:
    """The words that register a worker for the checks whose command is ``plugin``.

    No pid: at its own SIGHUP the core kills every worker whose pid it knows, and this one has other work to do.
    """
    return f"@wproc register name=smtp_statusd {plugin};pid=0;max_jobs=100000;plugin={plugin}\0".encode()


class Orders:
    """Takes octets from the core and gives the jobs they amount to."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self.registered = False

    def feed(self, octets: bytes) -> list[Order]:
        """The jobs that are complete now.  Raises ProtocolError."""
        self._buffer += octets
        if not self.registered and not self._greeted():
            return []
        *messages, rest = self._buffer.split(_MESSAGE_END)
        self._buffer = rest
        if len(rest) > MAX_MESSAGE:
            raise ProtocolError("a message without end")
        return [_order(bytes(message)) for message in messages]

    def _greeted(self) -> bool:
        said, end, rest = self._buffer.partition(_PAIR_END)
        if not end and len(said) < 1000:
            return False
        if said != b"OK":
            raise ProtocolError(f"the registration was answered {bytes(said[:80])!r}")
        self._buffer = rest
        self.registered = True
        return True


def answer(order: Order, end: End) -> bytes:
    """The message that tells how a job ended."""
    pairs = [
        (b"job_id", order.number),
        (b"type", order.kind),
        (b"timeout", b"%d" % order.timeout),
        (b"wait_status", b"%d" % (0 if end.timed_out else end.status)),
        # The core reads what is behind the point as a whole number of microseconds.
        (b"start", b"%.6f" % end.start),
        (b"stop", b"%.6f" % end.stop),
        (b"runtime", b"%.6f" % max(end.stop - end.start, 0)),
        (b"exited_ok", b"0" if end.timed_out else b"1"),
    ]
    if end.timed_out:
        pairs.append((b"error_code", b"%d" % TIMED_OUT))
    # Octets that end a pair or a message cannot be part of a value.
    pairs += [(b"outerr", end.err.replace(b"\0", b"")), (b"outstd", end.out.replace(b"\0", b""))]
    return b"".join(key + b"=" + value + _PAIR_END for key, value in pairs) + _MESSAGE_END


def _order(message: bytes) -> Order:
    pairs = dict(pair.split(b"=", 1) for pair in message.split(_PAIR_END) if b"=" in pair)
    try:
        number, kind, command = pairs[b"job_id"], pairs[b"type"], pairs[b"command"]
        timeout = min(int(pairs[b"timeout"]), LONGEST)
    except (KeyError, ValueError):
        raise ProtocolError("a job without number, type, command or timeout") from None
    return Order(number, kind, timeout, command)
