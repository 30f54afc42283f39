"""One GET over verified HTTPS, for MTA-STS policies (RFC 8461 section 3.3): no redirect, no cache, no proxy.

The connection is the same Transport and TlsLayer that mail goes over, so its failures have the same words; of
HTTP/1.1 (RFC 9112) there is only what one small response needs.
"""

from __future__ import annotations

import select
from time import monotonic

from . import clock, tls
from .model import Failure
from .plan import TlsPlan
from .record import NamedTuple
from .text import cut, sentence
from .transport import Transport, TransportError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .engine import Deadline
    from .model import Address

HEAD_LIMIT = 16 * 1024
"""Octets of status line and header fields."""

_SHOWN = 60


class Page(NamedTuple):
    """A response of status 200: its media type in lower case without parameters ('' where it has none), and body."""

    media_type: str
    body: bytes


class _Fault(Exception):  # noqa: N818 - the peer's fault
    """The response is none we can take; the text says why."""


def fetch(
    addresses: tuple[Address, ...], host: str, path: str, limit: int, deadline: Deadline, *, stop: int | None = None
) -> Page | Failure:
    """The page at ``https://host/path``, of at most ``limit`` octets.

    The certificate must be for ``host`` and verify against the system's authorities.  The addresses are tried in turn
    until one connects, each with its share of the time.  A response that is not 200, too large or malformed is a
    Failure of kind ``policy``; everything else has the kind the transport gives it.
    """
    failures: list[Failure] = []
    for number, address in enumerate(addresses):
        share = deadline.left() / (len(addresses) - number)
        connection = _Connection(host, deadline, stop)
        try:
            connection.connect(address, monotonic() + share)
        except TransportError as error:
            connection.close()
            failures.append(error.failure)
            if deadline.passed():
                break
            continue
        try:
            connection.handshake()
            return connection.get(path, limit)
        except TransportError as error:
            return error.failure
        except _Fault as fault:
            return Failure("policy", str(fault))
        finally:
            connection.close()
    if not failures:
        return Failure("notfound", f"no address for {host}")
    return failures[-1]._replace(cause="; ".join(dict.fromkeys(failure.cause for failure in failures)))


class _Connection:
    """One connection to a web server; every wait ends at the deadline."""

    def __init__(self, host: str, deadline: Deadline, stop: int | None) -> None:
        self._host = host
        self._deadline = deadline
        self._stop = stop
        self._began = clock.now()
        self._transport: Transport | None = None
        self._received = bytearray()
        self._ended = False

    @property
    def transport(self) -> Transport:
        assert self._transport is not None
        return self._transport

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def connect(self, address: Address, until: float) -> None:
        """Raises TransportError, also where ``until`` comes first."""
        self._transport = Transport(address)
        if not self._transport.connect():
            self._wait(until, writing=True)
            self._transport.finish_connect()

    def handshake(self) -> None:
        """Raises TransportError."""
        context = tls.make_context(TlsPlan(mode="ssl"))
        self.transport.start_tls(tls.TlsLayer(context, self._host))
        while not self.transport.handshake():
            self._wait()

    def get(self, path: str, limit: int) -> Page:
        """Raises TransportError and _Fault."""
        self._send(
            f"GET {path} HTTP/1.1\r\nHost: {self._host}\r\nUser-Agent: check_smtp_status\r\n"
            "Accept: text/plain\r\nConnection: close\r\n\r\n".encode("ascii")
        )
        status, fields = self._head()
        if status != 200:
            words = f"HTTP status {status}, not 200"
            raise _Fault(f"{words}: a redirect, which senders do not follow" if 300 <= status < 400 else words)
        if fields.get("transfer-encoding", "identity").lower() not in ("identity", "chunked"):
            raise _Fault(f"transfer coding {_shown(fields['transfer-encoding'])}")
        if fields.get("content-encoding", "identity").lower() != "identity":
            raise _Fault(f"content coding {_shown(fields['content-encoding'])}, which nobody asked for")
        if fields.get("transfer-encoding", "").lower() == "chunked":
            body = self._chunks(limit)
        elif "content-length" in fields:
            body = self._sized(fields["content-length"], limit)
        else:
            body = self._to_the_end(limit)
        return Page(fields.get("content-type", "").partition(";")[0].strip().lower(), body)

    # -- HTTP

    def _head(self) -> tuple[int, dict[str, str]]:
        """Status and header fields of the final response, names in lower case; of equal fields the first."""
        while True:
            version, _space, rest = self._line().partition(" ")
            status = rest[:3]
            if not version.startswith("HTTP/1.") or not (status.isascii() and status.isdigit() and len(status) == 3):
                raise _Fault("no HTTP response")
            fields: dict[str, str] = {}
            size = 0
            while True:
                line = self._line()
                size += len(line)
                if size > HEAD_LIMIT:
                    raise _Fault("HTTP header too large")
                if not line:
                    break
                name, colon, value = line.partition(":")
                if not colon:
                    raise _Fault("malformed HTTP header")
                fields.setdefault(name.lower(), value.strip())
            if not status.startswith("1"):
                return int(status), fields

    def _chunks(self, limit: int) -> bytes:
        body = b""
        while True:
            digits = self._line().partition(";")[0].strip()
            if not digits or len(digits) > 8 or set(digits.lower()) - set("0123456789abcdef"):
                raise _Fault("malformed HTTP chunk")
            size = int(digits, 16)
            if size == 0:
                return body
            self._check_size(len(body) + size, limit)
            body += self._take(size)
            if self._line():
                raise _Fault("malformed HTTP chunk")

    def _sized(self, length: str, limit: int) -> bytes:
        if not (length.isascii() and length.isdigit() and len(length) < 10):
            raise _Fault("malformed Content-Length")
        self._check_size(int(length), limit)
        return self._take(int(length))

    def _to_the_end(self, limit: int) -> bytes:
        while not self._ended:
            self._check_size(len(self._received), limit)
            self._receive()
        self._check_size(len(self._received), limit)
        return bytes(self._received)

    @staticmethod
    def _check_size(size: int, limit: int) -> None:
        if size > limit:
            raise _Fault(f"more than {limit // 1024} KiB")

    # -- octets

    def _line(self) -> str:
        """The next line without its end."""
        while True:
            end = self._received.find(b"\n")
            if end > HEAD_LIMIT or (end < 0 and len(self._received) > HEAD_LIMIT):
                raise _Fault("HTTP line too long")
            if end >= 0:
                line = bytes(self._received[:end])
                del self._received[: end + 1]
                return line.rstrip(b"\r").decode("latin-1")
            self._more()

    def _take(self, count: int) -> bytes:
        while len(self._received) < count:
            self._more()
        octets = bytes(self._received[:count])
        del self._received[:count]
        return octets

    def _more(self) -> None:
        if self._ended:
            raise _Fault("the HTTP response breaks off")
        self._receive()

    def _receive(self) -> None:
        while True:
            received = self.transport.receive()
            if received is not None:
                self._received += received[0]
                self._ended = not received[0]
                if self._deadline.passed():
                    self._time_is_up()
                return
            self._wait()

    def _send(self, octets: bytes) -> None:
        left = memoryview(octets)
        while left or not self.transport.flush():
            taken = self.transport.send(left) if left else 0
            left = left[taken:]
            if not taken:
                self._wait(writing=True)

    def _wait(self, until: float | None = None, writing: bool = False) -> None:
        """Wait until the socket is ready; TransportError when the time is up."""
        writing = writing or self.transport.waiting()
        end = self._deadline.at if until is None else min(until, self._deadline.at)
        readers = ([] if writing else [self.transport.fileno()]) + ([] if self._stop is None else [self._stop])
        writers = [self.transport.fileno()] if writing else []
        readable, writable, _ = select.select(readers, writers, [], max(end - monotonic(), 0.0))
        if self._stop is not None and self._stop in readable:
            self._deadline.end()
            self._time_is_up()
        if not readable and not writable:
            self._time_is_up()

    def _time_is_up(self) -> None:
        waited = clock.seconds_between(self._began, clock.now())
        raise TransportError(Failure("timeout", f"no answer from {self._host} for {waited:.1f} s", waited=waited))


def _shown(foreign: str) -> str:
    return cut(sentence(foreign), _SHOWN)
