"""Our own connection below the IMAP dialogue: one deadline, caps on what a server may send, and what was said.

``imaplib`` waits for each piece anew and takes whatever comes; this takes no longer and no more than it may.
"""

from __future__ import annotations

import select
from time import monotonic

from ..findings import Failure, TransportError
from ..net.connection import Transport
from ..net.selector import readable
from ..text import clean, cut

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..findings import Address
    from ..net.clock import Deadline
    from ..secrets.repetition import Login
    from ..tls.layer import Peer, TlsLayer

MOST_OCTETS = 16 * 1024 * 1024
"""Octets a server may send in all (the rounds of waiting apart)."""

MOST_LINE = 64 * 1024
"""Octets of one line."""

MOST_LITERAL = 1024 * 1024
"""Octets of one literal: nothing is asked for that has more."""

MOST_LINES = 20_000
"""Lines in answer to one command."""

LINES_SHOWN = 300
LINE_SHOWN = 400

_STARS = b"***"
"""A secret in the transcript."""


class Stream:
    """One connection to the first of some addresses that takes it."""

    def __init__(self, deadline: Deadline, stop: int | None, verbose: int = 0) -> None:
        self.until = deadline.at
        """Instant of the monotonic clock at which every wait ends, besides the deadline."""
        self.stopped = False
        """Whether the run was told to end."""
        self.secrets: set[bytes] = set()
        self.sent: set[bytes] = set()
        """What is never shown: passwords and tokens, and what was made of them for the server."""
        self.names: tuple[str, ...] = ()
        """What of the conversation is no secret: host, user, the check's own name."""
        self.last = b""
        """The last line that came."""
        self.goodbye = b""
        """The line with which the server has said goodbye; a reply to the command may stand behind it."""
        self.transcript: list[str] = []
        self._deadline = deadline
        self._stop = stop
        self._shown = verbose > 1
        self._transport: Transport | None = None
        self._buffer = bytearray()
        self._octets = 0
        self._lines = 0
        self._doing = "the connection"
        self._began = monotonic()
        self._hiding = False

    def login(self) -> Login:
        """All that nobody may be shown, as far as it is known by now."""
        from ..secrets.repetition import Login  # noqa: PLC0415 - only for a server's words

        return Login(self.secrets, self.sent, self.names)

    # -- connecting

    def connect(self, addresses: Iterable[Address], source: str | None) -> Address:
        """Connect to one address after the other, each with its share of the time.  Raises TransportError."""
        left = list(addresses)
        causes: list[Failure] = []
        while left:
            address = left.pop(0)
            end = monotonic() + self._left() / (len(left) + 1)
            try:
                self._connect(Transport(address, source), end)
                return address
            except TransportError as error:
                causes.append(error.failure)
                self.close()
                if self.stopped or not self._left():
                    break
        words = "; ".join(dict.fromkeys(failure.cause for failure in causes))
        raise TransportError(Failure(causes[-1].kind, words))

    def _connect(self, transport: Transport, end: float) -> None:
        self._transport = transport
        if transport.connect():
            return
        began = monotonic()
        if not self._wait(select.POLLOUT, end):
            waited = monotonic() - began
            raise TransportError(Failure("timeout", f"no answer from {transport.address.place} for {waited:.1f} s"))
        transport.finish_connect()

    def close(self) -> None:
        """End the connection; never fails."""
        if self._transport is not None:
            self._transport.close()
            self._transport = None

    @property
    def open(self) -> bool:
        return self._transport is not None

    def start_tls(self, layer: TlsLayer) -> Peer:
        """Begin TLS; nothing the server sent in plain text by now is taken.  Raises TransportError."""
        transport = self._connected()
        if self._buffer:
            raise TransportError(Failure("protocol", "data in plain text before the TLS handshake"))
        self._doing = "the TLS handshake"
        self._began = monotonic()
        transport.start_tls(layer)
        while not transport.handshake():
            if not self._wait(select.POLLIN | (select.POLLOUT if transport.waiting() else 0)):
                raise self._timeout()
        return transport.peer()

    # -- a command and its answer

    def begin(self, doing: str, *, hiding: bool = False) -> None:
        """From now on it is the answer to ``doing`` that is waited for.  ``hiding``: what is sent is a secret."""
        self._doing = doing
        self._began = monotonic()
        self._lines = 0
        self._hiding = hiding

    def renew(self) -> None:
        """Count what the server sends anew: a round of waiting is a question of its own."""
        self._octets = 0

    def send(self, octets: bytes) -> None:
        """Send all of ``octets``.  Raises TransportError."""
        self._tell(b">>> ", _STARS if self._hiding and octets != b"\r\n" else octets)
        transport = self._connected()
        transport.mark()
        done = transport.send(octets)
        while not done:
            if not self._wait(select.POLLIN | select.POLLOUT):
                raise self._timeout()
            done = transport.flush()

    def hide_answers(self) -> None:
        """What is sent until the next ``begin`` is a secret."""
        self._hiding = True

    def readline(self) -> bytes:
        """One line with its end.  Raises TransportError."""
        start = 0
        while True:
            end = self._buffer.find(b"\n", start)
            if end >= 0 or len(self._buffer) > MOST_LINE:
                break
            start = len(self._buffer)
            self._receive()
        if not 0 <= end <= MOST_LINE:
            raise _excess(f"a line of more than {MOST_LINE // 1024} KiB")
        self._lines += 1
        if self._lines > MOST_LINES:
            raise _excess(f"more than {MOST_LINES} lines")
        line = bytes(self._buffer[: end + 1])
        del self._buffer[: end + 1]
        self.last = line
        if line[:5].upper() == b"* BYE":
            self.goodbye = line
        self._tell(b"<<< ", line)
        return line

    def read(self, size: int) -> bytes:
        """The ``size`` octets of a literal.  Raises TransportError."""
        if size > MOST_LITERAL:
            raise _excess(f"a literal of {size} octets")
        while len(self._buffer) < size:
            self._receive()
        octets = bytes(self._buffer[:size])
        del self._buffer[:size]
        self._tell(b"<<< ", b"... %d octets" % size)
        return octets

    def pause(self, seconds: float) -> None:
        """Wait ``seconds``, less where the server says something or the run is told to end."""
        if not self._buffer:
            self._wait(select.POLLIN, monotonic() + seconds)

    def _receive(self) -> None:
        transport = self._connected()
        while True:
            if self._left() == 0.0:
                raise self._timeout()
            received = transport.receive()
            if received == b"":
                raise TransportError(Failure("closed", "closed by the server"))
            if received is not None:
                break
            if not self._wait(select.POLLIN | (select.POLLOUT if transport.waiting() else 0)):
                raise self._timeout()
            if transport.waiting():
                transport.flush()
        self._octets += len(received)
        if self._octets > MOST_OCTETS:
            raise _excess(f"more than {MOST_OCTETS // 1024 // 1024} MiB")
        self._buffer += received

    def _wait(self, events: int, end: float | None = None) -> bool:
        """Whether the socket became ready before ``end`` and the end of all."""
        poll = select.poll()
        poll.register(self._connected().fileno(), events)
        if self._stop is not None:
            poll.register(self._stop, select.POLLIN)
        left = self._left() if end is None else min(self._left(), max(end - monotonic(), 0.0))
        ready = [descriptor for descriptor, _ in poll.poll(left * 1000)]
        if self._stop in ready:
            self.stopped = True
            self._deadline.end()
            return False
        return bool(ready)

    def is_told_to_end(self) -> bool:
        """Look whether the run was told to end."""
        if self._stop is not None and readable((self._stop,), 0):
            self.stopped = True
        return self.stopped

    def _left(self) -> float:
        return max(min(self.until, self._deadline.at) - monotonic(), 0.0)

    def _timeout(self) -> TransportError:
        waited = monotonic() - self._began
        return TransportError(
            Failure("timeout", f"timed out, no end of {self._doing} for {waited:.1f} s", waited=waited)
        )

    def _connected(self) -> Transport:
        if self._transport is None:
            raise TransportError(Failure("closed", "closed by the server"))
        return self._transport

    def _tell(self, mark: bytes, octets: bytes) -> None:
        if not self._shown or len(self.transcript) > LINES_SHOWN:
            return
        if len(self.transcript) == LINES_SHOWN:
            self.transcript.append("...")
            return
        line = octets[:MOST_LINE].rstrip(b"\r\n")
        if not line:
            return
        if b"\n" in line:  # a literal of ours
            line = b"... %d octets" % len(octets)
        self.transcript.append(mark.decode() + cut(clean(line), LINE_SHOWN))


def _excess(what: str) -> TransportError:
    return TransportError(Failure("protocol", f"the server sends {what}"))
