"""One connection of the scripted server: what it can do, and the record of what happened."""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable
from typing import NamedTuple, TypeVar

Gain = TypeVar("Gain")

_LINE_MAXIMUM = 1024
_AUTH_LINE_MAXIMUM = 12288  # RFC 4954 section 4
_TEXT_LINE_MAXIMUM = 1000  # RFC 5321 section 4.5.3.1.6, with CR LF


class Ended(Exception):
    """The connection is over; ``how`` as in ``Session.closed_how``."""

    def __init__(self, how: str) -> None:
        super().__init__(how)
        self.how = how


class Event(NamedTuple):
    """Something that happened: ``at`` by time.monotonic(), ``what`` is ``recv``, ``send``, ``tls``,
    ``closed``."""

    at: float
    what: str
    data: bytes


class Session:
    """One client's connection.  Read the record after the session is ``done``.

    ``lines``: the command lines read, without line ends.  ``messages``: as the client meant them, dots
    removed, without the final one.  ``reads``: name of the reading step and the raw bytes it took, in order.
    ``early``: bytes that were there, unasked, when something was sent.  ``events``: everything with its time.
    ``faults``: what the client did against RFC 5321.  ``error``: an exception of the script itself.

    ``closed_how``: ``client`` (it closed first), ``client-reset``, ``server``, ``server-reset``, ``tls`` (the
    handshake failed, see ``tls_error``) or ``limit`` (time limit or end of the test).
    """

    def __init__(self, connection: socket.socket, peer: object, limit: float) -> None:
        self.peer = peer
        self.began = time.monotonic()
        self.done = threading.Event()
        self.lines: list[bytes] = []
        self.messages: list[bytes] = []
        self.responses: list[bytes] = []
        self.reads: list[tuple[str, bytes]] = []
        self.events: list[Event] = []
        self.faults: list[str] = []
        self.early: list[bytes] = []
        self.closed_how = ""
        self.error: BaseException | None = None
        self.tls: str | None = None
        self.tls_error: str | None = None
        self.sni: str | None = None
        self.peer_certificate: bytes | None = None
        self.turns: dict[int, int] = {}
        self._connection = connection
        self._end = self.began + limit
        self._received = bytearray()
        self._taken = 0
        self._noticed = 0
        self._sent = bytearray()
        self._reading = True
        self._stopped = threading.Event()

    def __repr__(self) -> str:
        events = (f"\n  {at - self.began:7.3f} {what} {data!r}" for at, what, data in self.events)
        return f"<Session {self.closed_how} faults={self.faults} tls={self.tls}{''.join(events)}>"

    @property
    def received(self) -> bytes:
        """Everything the client sent, in clear, also what no step asked for."""
        return bytes(self._received)

    @property
    def sent(self) -> bytes:
        """Everything the server sent, in clear."""
        return bytes(self._sent)

    @property
    def commands(self) -> list[bytes]:
        """The verbs of the command lines, in upper case: what the conversation was, at a glance."""
        return [line.split(b" ", 1)[0].upper() for line in self.lines]

    @property
    def message(self) -> bytes:
        """The only message of the session."""
        assert len(self.messages) == 1, f"{len(self.messages)} messages: {self!r}"
        return self.messages[0]

    def send(self, data: bytes) -> None:
        """Send ``data`` at once, noting what the client said before it was due."""
        self.poll()
        waiting = bytes(self._received[max(self._taken, self._noticed) :])
        if waiting:
            self.early.append(waiting)
            self._noticed = len(self._received)
        self._sent += data
        self._note("send", data)
        self._guard(lambda: self._connection.sendall(data))

    def poll(self) -> None:
        """Take in what has already arrived, without waiting; of a client that never pauses a mebibyte at most."""
        self._connection.settimeout(0)
        with contextlib.suppress(OSError):
            for _ in range(16):
                data = self._connection.recv(65536)
                if not data:
                    break
                self._take_in(data)

    def read_line(self) -> bytes:
        """The next line without its end; bare LF and overlong lines become faults."""
        line = self._take_until(b"\n")
        self.reads.append(("line", line))
        if not line.endswith(b"\r\n"):
            self.faults.append(f"bare LF: {line!r}")
        if b"\r" in line[:-2]:
            self.faults.append(f"bare CR: {line!r}")
        if len(line) > (_AUTH_LINE_MAXIMUM if self.lines and self.lines[-1][:4] == b"AUTH" else _LINE_MAXIMUM):
            self.faults.append(f"line of {len(line)} octets: {line[:40]!r}")
        self.lines.append(line.rstrip(b"\r\n"))
        return self.lines[-1]

    def read_response(self) -> bytes:
        """A line of a SASL dialogue: kept in ``responses``, not among the command lines."""
        line = self._take_until(b"\n")
        self.reads.append(("response", line))
        self.responses.append(line.rstrip(b"\r\n"))
        return self.responses[-1]

    def read_message(self) -> bytes:
        """The message up to the line with the dot alone, dots removed."""
        start = self._taken
        while True:
            raw = bytes(self._received[start:])
            if raw.startswith(b".\r\n"):
                end = 3
                break
            found = raw.find(b"\r\n.\r\n")
            if found >= 0:
                end = found + 5
                break
            self._receive()
        raw = raw[:end]
        self._taken = start + end
        self.reads.append(("message", raw))
        lines = raw[:-3].split(b"\r\n")
        for line in lines:
            if b"\r" in line or b"\n" in line:
                self.faults.append(f"bare CR or LF in the message: {line!r}")
            if len(line) + 2 > _TEXT_LINE_MAXIMUM:
                self.faults.append(f"text line of {len(line) + 2} octets")
        self.messages.append(b"\r\n".join(line[1:] if line.startswith(b".") else line for line in lines))
        return self.messages[-1]

    def read_bytes(self, count: int) -> bytes:
        """The next ``count`` bytes, whatever they are."""
        while len(self._received) - self._taken < count:
            self._receive()
        data = bytes(self._received[self._taken : self._taken + count])
        self._taken += count
        self.reads.append(("bytes", data))
        return data

    def read_end(self) -> None:
        """Record all that comes until the client closes; the session is over then."""
        while True:
            self._receive()

    def ignore(self) -> None:
        """Never read again; wait for the client to give up."""
        self._reading = False
        hangup = select.poll()
        hangup.register(self._connection, select.POLLRDHUP | select.POLLHUP | select.POLLERR)
        hung_up = hangup.poll(max(self._remaining(), 0.0) * 1000)
        raise Ended("client" if hung_up and not self._stopped.is_set() else "limit")

    def sleep(self, seconds: float) -> None:
        """Do nothing for a while."""
        if self._stopped.wait(min(seconds, max(self._remaining(), 0.0))) or self._remaining() <= 0:
            raise Ended("limit")

    def start_tls(self, context: ssl.SSLContext) -> None:
        """The server's side of a handshake."""
        if context.sni_callback is None:
            context.sni_callback = _remember_name
        self._connection.settimeout(max(self._remaining(), 0.01))
        secured = context.wrap_socket(self._connection, server_side=True, do_handshake_on_connect=False)
        self._connection = secured
        try:
            secured.do_handshake()
        except OSError as error:
            self.tls_error = str(error)
            self._note("tls", self.tls_error.encode())
            raise Ended("tls") from error
        finally:
            self.sni = getattr(secured, "offered_name", None)
        self.tls = secured.version()
        self.peer_certificate = secured.getpeercert(binary_form=True) or None
        self._note("tls", (self.tls or "").encode())

    def tls_unique(self) -> bytes:
        """The server's own view of the channel binding of that name (RFC 5929 section 3)."""
        assert isinstance(self._connection, ssl.SSLSocket)
        return self._connection.get_channel_binding("tls-unique") or b""

    def half_close(self) -> None:
        """Send the end of the stream, and go on reading."""
        # Not SSLSocket.shutdown, which would end TLS in the other direction too.
        self._guard(lambda: socket.socket.shutdown(self._connection, socket.SHUT_WR))

    def reset(self) -> None:
        """Make the end of the connection a TCP reset."""
        self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def notify_close(self) -> None:
        """Send TLS's close_notify, if there is TLS, without waiting for the client's."""
        if isinstance(self._connection, ssl.SSLSocket) and self.tls:
            self._connection.settimeout(0)
            with contextlib.suppress(OSError):
                self._connection.unwrap()

    def finish(self, how: str) -> None:
        """Close the connection and complete the record."""
        if self._reading:
            with contextlib.suppress(ValueError):
                self.poll()
        self.closed_how = "limit" if self._stopped.is_set() else how
        self._note("closed", self.closed_how.encode())
        self._connection.close()
        self.done.set()

    def stop(self) -> None:
        """End the session from another thread."""
        self._stopped.set()
        with contextlib.suppress(OSError):
            socket.socket.shutdown(self._connection, socket.SHUT_RDWR)

    def _remaining(self) -> float:
        return self._end - time.monotonic()

    def _guard(self, action: Callable[[], Gain]) -> Gain:
        """Do something with the socket within the time left; its errors are ways to end."""
        remaining = self._remaining()
        if remaining <= 0:
            raise Ended("limit")
        self._connection.settimeout(remaining)
        try:
            return action()
        except socket.timeout as error:
            raise Ended("limit") from error
        except OSError as error:
            raise Ended("client-reset") from error

    def _receive(self) -> None:
        data = self._guard(lambda: self._connection.recv(65536))
        if not data:
            raise Ended("client")
        self._take_in(data)

    def _take_in(self, data: bytes) -> None:
        self._received += data
        self._note("recv", data)

    def _take_until(self, mark: bytes) -> bytes:
        while True:
            found = self._received.find(mark, self._taken)
            if found >= 0:
                break
            self._receive()
        data = bytes(self._received[self._taken : found + len(mark)])
        self._taken = found + len(mark)
        return data

    def _note(self, what: str, data: bytes) -> None:
        self.events.append(Event(time.monotonic(), what, data))


def _remember_name(connection: ssl.SSLSocket | ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
    connection.offered_name = name  # type: ignore[union-attr]
