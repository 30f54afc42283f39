"""Octets to and from one server: the only module with sockets, and the one map from errors to failures.

Everything here is non-blocking; the loop waits.  TLS is a layer of memory buffers (``tls.layer.TlsLayer``), so that
the socket, its time stamps and the border between plain text and TLS stay in this module's hands.
"""

from __future__ import annotations

# The module below ``socket``, with the same sockets and numbers: what is built on it (enumerations of all numbers, a
# file interface) costs a tenth of a check and is not used here.
import _socket as socket
import errno
import os
import select

from ..findings import Address, Failure, TransportError
from . import clock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..tls.layer import Peer, TlsLayer

RECEIVE_SIZE = 64 * 1024

_QUICKACK = getattr(socket, "TCP_QUICKACK", None)

_IN_PROGRESS = frozenset((errno.EINPROGRESS, errno.EWOULDBLOCK, errno.EAGAIN))

_STOOD = frozenset((errno.ECONNRESET, errno.EPIPE))
"""What the result of a connect() says where the connection stood and was reset since: a refusal is ECONNREFUSED."""

SHORTAGES = frozenset((errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS))
"""Errors that say what this machine has none left of, and nothing about a server."""

_KINDS = {
    errno.ECONNREFUSED: ("refused", "connection refused by {peer}"),
    errno.ENOENT: ("notfound", "no such socket {peer}"),
    errno.EHOSTUNREACH: ("unreachable", "no route to {peer}"),
    errno.ENETUNREACH: ("unreachable", "network unreachable for {peer}"),
    errno.EHOSTDOWN: ("unreachable", "host down, {peer}"),
    errno.ENETDOWN: ("unreachable", "network down, {peer}"),
    errno.EAFNOSUPPORT: ("unreachable", "address family not supported for {peer}"),
    errno.EADDRNOTAVAIL: ("unreachable", "no local address to reach {peer} from"),
    errno.ETIMEDOUT: ("unreachable", "the network gave up on {peer}"),  # not our deadline, so no timeout
    errno.ECONNRESET: ("closed", "connection reset by the server"),
    errno.ECONNABORTED: ("closed", "connection aborted"),
    errno.EPIPE: ("closed", "connection closed by the server"),
}


def network_failure(error: OSError, address: Address) -> Failure:
    """The failure an OSError of this connection means; the one map of them."""
    kind, words = _KINDS.get(error.errno or 0, ("unreachable", "{reason}, {peer}"))
    reason = os.strerror(error.errno).lower() if error.errno else "network error"
    return Failure(kind, words.format(peer=address.place, reason=reason))


class Transport:
    """One connection to one address, perhaps under TLS."""

    def __init__(self, address: Address, source: str | None = None) -> None:
        """Open a socket.  Raises TransportError where this machine cannot, and OSError where it has none left: that
        says nothing about the server."""
        self.address = address
        self.began = clock.now()
        self._source = source
        self._tls: TlsLayer | None = None
        self._unsent = b""  # what the socket had no room for
        self._reset: Failure | None = None  # what the socket told of once, where it has more to say before
        self._first_sent: clock.Instant | None = None
        self._last_sent = self.began
        self.last_received = self.began
        self._send_stamps: list[int] = []
        self._stamped_calls = 0
        try:
            self._socket = socket.socket(address.family, socket.SOCK_STREAM)
        except OSError as error:
            if error.errno in SHORTAGES:
                raise
            raise TransportError(network_failure(error, address)) from None
        self._socket.setblocking(False)
        self._kernel = clock.enable_stamps(self._socket)
        self._news = select.poll()
        self._news.register(self._socket.fileno(), select.POLLIN)

    def fileno(self) -> int:
        """For the selector."""
        return self._socket.fileno()

    def close(self) -> None:
        """Close the connection; never fails."""
        self._socket.close()

    # -- connecting

    def connect(self) -> bool:
        """Begin to connect; True when it stands already.  Raises TransportError."""
        try:
            if self._source is not None and self._socket.family != socket.AF_UNIX:
                # As getaddrinfo() has it: the zone of a link-local address is a number of its own.
                found = socket.getaddrinfo(self._source, 0, self.address.family, 0, 0, socket.AI_NUMERICHOST)
                self._socket.bind(found[0][4])
            self.began = clock.now()
            code = self._socket.connect_ex(self.address.sockaddr)
        except OSError as error:
            raise TransportError(network_failure(error, self.address)) from None
        return self._connect_result(code, at_once=True)

    def finish_connect(self) -> None:
        """The socket became writable: raises TransportError where that means failure."""
        self._connect_result(self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))

    def _connect_result(self, code: int, at_once: bool = False) -> bool:
        if code == errno.EAGAIN and self._socket.family == socket.AF_UNIX:
            # Not in progress but refused for now: the queue of the listener is full, see unix(7).
            raise TransportError(Failure("refused", f"too many connections wait at {self.address.place}"))
        if code in _IN_PROGRESS:
            return False
        if code in _STOOD:
            # Asked for, an error is told once.  What the server said before is still to be read.
            self._reset = network_failure(OSError(code, ""), self.address)
        elif code:
            from .unreachable import explain  # noqa: PLC0415 - only where no connection comes about

            failure = explain(code, self.address, self._socket, at_once)
            raise TransportError(failure or network_failure(OSError(code, ""), self.address))
        return True

    def connect_time(self) -> tuple[float, clock.Instant]:
        """Seconds the connect took and when it stood: TCP's own figure for SYN to SYN-ACK, else from call to now."""
        here = clock.now()
        began, offset, _ = self.began
        own = (here[0] - began) / 1e9
        measured = clock.round_trip(self._socket) if self._kernel else None
        if measured is None or measured > own:
            return own, here
        # The kernel had the SYN-ACK this long after the call began, by the wall clock it stamps segments with.  When
        # the call returned says nothing: the server may have had the processor first.
        stood = began + int(measured * 1e9)
        return measured, (stood, offset, stood + offset)

    def own(self) -> tuple[str, int]:
        """Our end: address without zone, and port; ('', 0) for a unix socket."""
        if self._socket.family == socket.AF_UNIX:
            return "", 0
        try:
            address, port, *_ = self._socket.getsockname()
        except OSError:  # reset between connect and here: the next read tells
            return "", 0
        return address.partition("%")[0], port

    # -- sending

    def mark(self) -> None:
        """What is sent from now on belongs to one exchange: forget the stamps of the one before.

        To be called when there is nothing to receive any more.
        """
        if len(self._send_stamps) < self._stamped_calls:
            self._collect_stamps()  # one that comes late is not the next one's
        self._send_stamps.clear()
        self._stamped_calls = 0
        self._first_sent = None

    def send(self, data: bytes) -> bool:
        """Send ``data``; False when some of it waits for room (``flush``), as nothing may from before.  Raises
        TransportError."""
        if self._first_sent is not None and self.address.port:
            # Else the end of a message waits for the acknowledgement of what went before (Nagle's algorithm).
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._unsent = data if self._tls is None else self._tls.encrypt(data)
        return self.flush()

    def flush(self) -> bool:
        """Send what waits; True when nothing waits any more.  Raises TransportError."""
        while self._unsent:
            taken = self._send_raw(self._unsent)
            if not taken:
                return False
            self._unsent = self._unsent[taken:]
        return True

    def _send_raw(self, data: bytes) -> int:
        # Only the first and the last octet of an exchange need a stamp; a call of less than a block may be either.
        stamped = self._first_sent is None or len(data) < RECEIVE_SIZE
        # Taken before the call: the segment leaves, and on loopback even arrives, while the call lasts.
        before = clock.now()
        try:
            if stamped or not self._kernel:
                taken = self._socket.send(data)
            else:
                taken = self._socket.sendmsg((data,), clock.WITHOUT_SEND_STAMP)
        except (BlockingIOError, InterruptedError):
            return 0
        except OSError as error:
            raise self._error(error) from None
        self._last_sent = before
        if self._first_sent is None:
            self._first_sent = before
        if stamped and self._kernel:
            self._stamped_calls += 1
            self._collect_stamps()  # it is there, as a rule, and would wake the selector
        if self._tls is not None:
            self._acknowledge_at_once()
        return taken

    def _acknowledge_at_once(self) -> None:
        # The session tickets of TLS 1.3 wait for our delayed acknowledgement, and the server's next reply behind
        # them (Nagle's algorithm at its end): 40 ms that are not the server's.
        if _QUICKACK is not None and self.address.port:
            try:
                self._socket.setsockopt(socket.IPPROTO_TCP, _QUICKACK, 1)
            except OSError:
                return

    # -- receiving

    def quiet(self) -> bool:
        """Whether nothing at all has come; False does not say that something has."""
        return not self._news.poll(0) and (self._tls is None or self._tls.quiet())

    def receive(self) -> bytes | None:
        """What has come, at ``last_received``: None when nothing has, empty octets at the end of the stream.

        Raises TransportError.
        """
        if self._tls is None:
            return self._receive_raw()
        plain = self._tls.read()
        if plain is None:
            received = self._receive_raw()
            if received is None:
                return None
            self._feed_tls(received)
            plain = self._tls.read()
            if plain is None:
                # A session ticket, with another or a reply waiting behind it.  Linux acknowledges nothing at once while
                # anything is left to be read, and a stamp is.
                self._collect_stamps()
                self._acknowledge_at_once()
            answer = self._tls.take()
            if answer:  # TLS itself has something to say, such as no to a renegotiation
                self._unsent += answer
                self._flush_quietly(None)
        return plain

    def left(self) -> bytes | None:
        """What came with the octets received last and has not been given yet, None where nothing has; looks at no
        socket.  Raises TransportError."""
        return None if self._tls is None else self._tls.read()

    def _receive_raw(self) -> bytes | None:
        try:
            if self._kernel:
                data, stamp = clock.receive_stamped(self._socket, RECEIVE_SIZE)
            else:
                data, stamp = self._socket.recv(RECEIVE_SIZE), None
        except (BlockingIOError, InterruptedError):
            # It may have been a stamp: one that is left on the error queue would wake the selector for ever.
            self._collect_stamps()
            return None
        except OSError as error:
            raise self._error(error) from None
        if not data and self._reset is not None:
            raise TransportError(self._reset)
        self.last_received = clock.now(stamp)
        return data

    def _error(self, error: OSError) -> TransportError:
        """What an error of the socket means, also for whoever reads on: a reset is told once, then comes the end."""
        failure = network_failure(error, self.address)
        if error.errno == errno.ECONNRESET:
            self._reset = failure
        return TransportError(failure)

    def _collect_stamps(self) -> None:
        if self._kernel:
            self._send_stamps += clock.send_stamps(self._socket, self._stamped_calls - len(self._send_stamps))

    # -- instants

    def first_sent(self) -> clock.Instant:
        """When the first octet since ``mark`` went out."""
        return self._sent_instant(self._first_sent or self._last_sent, 0)

    def last_sent(self) -> clock.Instant:
        """When the last octet went out."""
        return self._sent_instant(self._last_sent, -1)

    def _sent_instant(self, own: clock.Instant, which: int) -> clock.Instant:
        if len(self._send_stamps) < self._stamped_calls:
            self._collect_stamps()
        # A stamp for each call, or it is not known which call the stamps belong to.
        if not self._stamped_calls or len(self._send_stamps) != self._stamped_calls:
            return own
        return clock.stamped(own, self._send_stamps[which])

    # -- TLS

    def start_tls(self, layer: TlsLayer) -> None:
        """Everything from now on goes through ``layer``."""
        self._tls = layer

    def handshake(self) -> bool:
        """Go on with the handshake; True when it is done.  Raises TransportError."""
        assert self._tls is not None
        while True:
            failure: TransportError | None = None
            done = False
            try:
                done = self._tls.handshake()
            except TransportError as error:
                failure = error
            self._unsent += self._tls.take()  # also the alert that tells the server why
            self._flush_quietly(failure)
            if failure is not None:
                raise failure
            if done:
                return True
            received = self._receive_raw()
            if received is None:
                return False
            self._feed_tls(received)

    def _flush_quietly(self, failure: TransportError | None) -> None:
        try:
            self.flush()
        except TransportError:
            # The server closed: what it said before (an alert) is still to be read, and says more.
            if failure is None:
                self._unsent = b""

    def _feed_tls(self, data: bytes) -> None:
        assert self._tls is not None
        if data:
            self._tls.feed(data)
        else:
            self._tls.feed_end()

    def peer(self) -> Peer:
        """What is known of the peer's side of TLS, also after a failed handshake."""
        assert self._tls is not None
        return self._tls.peer()

    def waiting(self) -> bool:
        """Whether there are octets to send that the socket had no room for."""
        return bool(self._unsent)
