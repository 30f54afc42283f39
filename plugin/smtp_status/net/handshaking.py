"""Beginning TLS on a connection."""

from __future__ import annotations

from time import monotonic

from ..findings import Failure, TransportError
from ..smtp.actions import Secured
from . import clock
from .selector import READ

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..smtp.actions import Handshake, Result
    from .conversation import Driver


class Handshaking:
    """Begins TLS on the connection."""

    events = READ
    limit = None

    def __init__(self, action: Handshake, driver: Driver) -> None:
        self._action = action
        self._driver = driver
        self._transport = driver.transport
        self._began = monotonic()

    def start(self) -> Result | None:
        reader = self._driver.reader
        # With TLS from the first byte nothing is plain text, and what is no TLS fails as such.
        if reader.idle and self._action.plan.mode != "ssl":
            received = self._transport.receive()
            if received is not None:
                reader.feed(received)
        if not reader.idle:
            # An attacker's commands or replies, put in before the encryption begins (RFC 3207 section 6).
            return Failure("protocol", "data in plain text before the TLS handshake", reader.begun(), at=monotonic())
        self._driver.secured = True
        self._transport.start_tls(self._driver.run.new_layer(self._action.plan, self._action.name))
        self._transport.mark()
        return self.advance()

    def advance(self) -> Result | None:
        try:
            if not self._transport.handshake():
                return None
        except TransportError as error:
            return self._failed(error.failure)
        peer = self._transport.peer()
        start, end = self._transport.first_sent(), self._transport.last_received
        self._driver.since = end
        seconds = clock.seconds_between(start, end)
        return Secured(peer.version, peer.cipher, peer.chain, seconds, monotonic(), peer.unique)

    def give_up(self) -> Failure:
        waited = monotonic() - self._began
        return self._failed(Failure("timeout", f"no end of the handshake after {waited:.1f} s", waited=waited))

    def _failed(self, failure: Failure) -> Failure:
        return failure._replace(chain=self._transport.peer().chain, at=monotonic())
