"""One conversation over one connection: carries out its actions one after the other."""

from __future__ import annotations

from time import monotonic

from ..findings import Failure, TransportError
from ..smtp.actions import Answered, Ask, Connect, Handshake, Tell, Told
from ..smtp.replies import CLOSING, ReplyReader
from . import clock
from .connecting import Connecting
from .selector import READ, WRITE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator
    from typing import Any, Callable, Union

    from ..smtp.actions import Action, Result
    from ..tls.layer import TlsLayer
    from ..tls.plan import TlsPlan
    from .connection import Transport
    from .handshaking import Handshaking
    from .loop import Run, Timer

    Conversation = Generator[Action, Result, None]
    Work = Union[Connecting, "_Telling", "_Asking", "Handshaking"]
    NewLayer = Callable[[TlsPlan, str], TlsLayer]
    Step = Callable[[], Union[Result, None]]


class Driver:
    """One conversation: carries out one action after the other and hands back what came of each."""

    def __init__(self, conversation: Conversation, run: Run) -> None:
        self.run = run
        self.reader = ReplyReader()
        self.since: clock.Instant
        """When the last action ended: what a reply to nothing is timed from."""
        self.secured = False
        """Whether TLS has begun: its layer may hold octets the selector knows nothing of."""
        self._conversation = conversation
        self._transport: Transport | None = None
        self._work: Work | None = None
        self._events = 0
        self._limit: float | None = None
        self._timer: Timer | None = None

    @property
    def transport(self) -> Transport:
        assert self._transport is not None, "a conversation connects first"
        return self._transport

    def use(self, transport: Transport) -> None:
        """Take ``transport`` for the connection."""
        self._transport = transport

    def begin(self) -> None:
        """Ask the conversation what it wants first."""
        try:
            self._hand_over(None)
        except Exception as error:
            self.run.fail(error)

    def start(self) -> None:
        """Begin what the conversation wants next."""
        assert self._work is not None
        self.go_on(self._work.start)

    def ready(self) -> None:
        """The socket has become readable or writable."""
        if self._work is not None:
            self.go_on(self._work.advance)

    def time_is_up(self) -> None:
        """The deadline, or the work's own limit, has passed."""
        if self._work is not None:
            self._disarm()
            self.go_on(self._work.give_up)

    def abandon(self) -> None:
        """Leave the conversation as it is."""
        work, self._work = self._work, None
        if isinstance(work, Connecting):
            work.abandon()
        self._leave()
        self._conversation.close()

    def go_on(self, step: Step) -> None:
        """Take ``step``, and hand over what came of it or wait."""
        try:
            self._take(step)
        except Exception as error:
            self.run.fail(error)

    def _take(self, step: Step) -> None:
        try:
            result = step()
        except TransportError as error:
            result = error.failure._replace(at=monotonic())
        if result is not None:
            self._hand_over(result)
        elif self.run.deadline.passed():
            # Nothing is waited for any more, but what can be said at once (QUIT) was said.
            self.time_is_up()
        else:
            self._watch()

    def _hand_over(self, result: Result | None) -> None:
        """Tell the conversation what came of its last action; what it wants next is to start soon."""
        try:
            action = self._conversation.send(result)  # type: ignore[arg-type] # None begins it
        except StopIteration:
            self._end()
            return
        self._disarm()
        self._work = _WORKS[type(action)](action, self)
        self.run.loop.start_soon(self)

    def _watch(self) -> None:
        work = self._work
        assert work is not None
        events = work.events
        if self.secured and self.transport.waiting():
            events |= WRITE
        if events != self._events:
            if self._events:
                self.run.loop.selector.modify(self.transport.fileno(), events)
            else:
                self.run.loop.selector.register(self.transport.fileno(), events, self.ready)
            self._events = events
        if work.limit != self._limit:
            self._disarm()
            if work.limit is not None:
                self._limit = work.limit
                self._timer = self.run.loop.arm(work.limit, self.time_is_up)

    def _disarm(self) -> None:
        self._limit = None
        if self._timer is not None:
            self.run.loop.disarm(self._timer)
            self._timer = None

    def _end(self) -> None:
        self._work = None
        self._leave()
        self.run.left(self)

    def _leave(self) -> None:
        self._disarm()
        if self._transport is not None:
            if self._events:
                self.run.loop.selector.unregister(self._transport.fileno())
                self._events = 0
            self._transport.close()


class _Telling:
    """Sends octets that have no reply."""

    events = WRITE
    limit = None

    def __init__(self, action: Tell, driver: Driver) -> None:
        self._octets = action.octets
        self._transport = driver.transport
        self._began = monotonic()

    def start(self) -> Result | None:
        return self._told(lambda: self._transport.send(self._octets))

    def advance(self) -> Result | None:
        return self._told(self._transport.flush)

    @staticmethod
    def _told(send: Callable[[], bool]) -> Result | None:
        try:
            return Told(monotonic()) if send() else None
        except TransportError as error:
            if error.failure.kind != "closed":
                raise
            # What the server said before it closed is read as the reply to come.
            return Told(monotonic())

    def give_up(self) -> Failure:
        waited = monotonic() - self._began
        return Failure("timeout", "", waited=waited, sending=True, at=monotonic())


class _Asking:
    """Sends one payload and reads one reply."""

    events = READ
    """What to wait for: replies always, since one may come before everything was sent."""
    _unasked = False

    def __init__(self, action: Ask, driver: Driver) -> None:
        payload, limit, self._strict, self._from_first_octet = action
        self._began = monotonic()
        self.limit = None if limit is None else self._began + limit
        self._driver = driver
        self._transport = driver.transport
        self._reader = driver.reader
        self._pieces = iter(payload)
        self._piece: bytes | None = None  # the next of them
        self._asks = bool(payload)
        self._sent_all = not self._asks

    def start(self) -> Result | None:
        if self._asks:
            fault = self._look_before_sending()
            if fault is not None:
                return fault
            self._transport.mark()
            self._piece = next(self._pieces, None)
        if self._sent_all:
            result = self._heard()
            if result is not None:
                return result
        return self.advance()

    def advance(self) -> Result | None:
        while True:
            sending = not self._sent_all
            try:
                if self._driver.secured and self._transport.waiting():
                    self._transport.flush()  # the end of a handshake, or TLS's own answer to the server
                more = sending and self._send()
            except TransportError as error:
                return self._cut_off(error)
            if sending and self._sent_all and not self._driver.secured:
                return None  # the server has to get it first, and the selector tells when it has answered
            # A server that reads fast leaves no pause in a long message, and may have said no to it long ago.
            result = None if more and self._transport.quiet() else self._receive()
            if result is not None or not more or self._driver.run.deadline.passed():
                return result

    def give_up(self) -> Result:
        if self._sent_all:
            # Others may have taken the time in which it was to be read, or that the server has closed behind it.
            result = self._receive() or self._receive()
            if result is not None:
                return result
        begun = self._reader.begun()
        if self._unasked and begun[0][:3] != b"421":
            return _too_early(begun)  # it never became the 421 it began like
        waited = monotonic() - self._began
        if self._asks and self._sent_all and not self._unasked:
            waited = clock.seconds_between(self._transport.last_sent(), clock.now())
        return self._broken(Failure("timeout", "", waited=waited))

    def _look_before_sending(self) -> Failure | None:
        """Lock-step: nothing may be here before the question.  A 421 may, and is then the reply (it ends all)."""
        if self._reader.idle and self._transport.quiet():
            return None
        received = self._more()
        if received is not None:
            self._reader.feed(received)
        elif self._reader.idle:
            return None
        if not self._strict:
            self._reader.discard()
            return None
        if self._reader.idle:
            return Failure("closed", "connection closed by the server", unsent=True, at=monotonic())
        begun = self._reader.begun()
        if begun[0][:3] == b"421"[: len(begun[0])]:
            self._sent_all = self._unasked = True
            return None
        return _too_early(begun)

    def _more(self) -> bytes | None:
        """What has come since; where something came before and was not taken yet, errors behind it do not count."""
        try:
            return self._transport.receive()
        except TransportError:
            if self._reader.idle:
                raise
            return None

    def _send(self) -> bool:
        """Send one piece; whether more is left and there is room for it."""
        room = self._transport.flush()
        if room and self._piece is not None:
            room = self._transport.send(self._piece)
            self._piece = next(self._pieces, None)
        self._sent_all = room and self._piece is None
        self.events = READ if self._sent_all else READ | WRITE
        return room and not self._sent_all

    def _cut_off(self, error: TransportError) -> Result:
        """Sending failed: what the server said before it closed is in our buffer, and says more than the error."""
        result = self._receive()
        return result if isinstance(result, Answered) else self._broken(error.failure)

    def _receive(self) -> Result | None:
        """What one look at the socket comes to: who sends more than that is called again, once all others were."""
        if self._driver.run.deadline.overdue():
            return None
        try:
            received = self._transport.receive()
            while received is not None:
                if not received:
                    return self._broken(Failure("closed", "connection closed by the server"))
                self._reader.feed(received)
                result = self._heard()
                if result is not None or self._driver.run.deadline.passed():
                    return result
                received = self._transport.left()
        except TransportError as error:
            return self._broken(error.failure)
        return None

    def _heard(self) -> Result | None:
        """What the octets that have come amount to."""
        reply = self._reader.next_reply()
        if reply is None:
            return None
        if self._unasked and reply.code != CLOSING:
            return _too_early(reply.lines)
        end = self._transport.last_received
        if not self._asks or self._unasked:
            start = self._driver.since
        elif self._from_first_octet:
            start = self._transport.first_sent()
        else:
            start = self._transport.last_sent()
        self._driver.since = end
        seconds, by_kernel = clock.measured(start, end)
        at = clock.when(end) if by_kernel else None
        return Answered(reply, seconds, at or monotonic(), not self._sent_all, self._unasked, by_kernel)

    def _broken(self, failure: Failure) -> Failure:
        return failure._replace(lines=self._reader.begun(), sending=not self._sent_all, at=monotonic())


def _too_early(lines: tuple[bytes, ...]) -> Failure:
    return Failure("protocol", "data before it was asked for", lines, unsent=True, at=monotonic())


def _handshaking(action: Handshake, driver: Driver) -> Handshaking:
    from .handshaking import Handshaking  # noqa: PLC0415 - only with TLS

    return Handshaking(action, driver)


_WORKS: dict[type[Action], Callable[[Any, Driver], Work]] = {
    Connect: Connecting,
    Tell: _Telling,
    Ask: _Asking,
    Handshake: _handshaking,
}
