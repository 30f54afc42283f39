"""Connecting to the first of several addresses that answers (RFC 8305 section 5)."""

from __future__ import annotations

from time import monotonic

from ..findings import Failure, TransportError
from ..smtp.actions import Connected
from . import clock
from .connection import Transport
from .selector import WRITE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..findings import Address
    from ..smtp.actions import Connect, Result
    from .conversation import Driver

ATTEMPT_DELAY = 0.25
"""Seconds until the next address is tried while the last one is silent (RFC 8305 sections 5 and 8)."""


class Connecting:
    """Tries the addresses in their order: the next one ``ATTEMPT_DELAY`` after the last, at once where that failed.

    The first connection that stands is used, and the others are closed.
    """

    events = 0
    """Nothing is waited for on the driver's own connection: there is none yet."""

    def __init__(self, action: Connect, driver: Driver) -> None:
        self.limit: float | None = None
        self._left = list(action.addresses)
        self._driver = driver
        self._tried: list[_Attempt] = []  # in their order; those that wait have no failure

    def start(self) -> Result | None:
        """Try the next address."""
        # The first one is tried also after the deadline: it may answer at once, and its failure names it.
        while self._left and not (self._tried and self._driver.run.deadline.passed()):
            attempt = _Attempt(self._left.pop(0), self)
            self._tried.append(attempt)
            if attempt.begin(self._driver):
                return self._connected(attempt)
            if attempt.waiting:
                self.limit = monotonic() + ATTEMPT_DELAY if self._left else None
                return None
        self.limit = None
        return None if any(attempt.waiting for attempt in self._tried) else self._failed()

    def advance(self) -> Result | None:
        """Not called: each attempt has a socket of its own, and ``ready`` is."""
        return None

    def ready(self, attempt: _Attempt) -> None:
        """Its socket has become writable, or is in error."""
        if attempt.waiting:  # and was not given up for one that stood at the same moment
            self._driver.go_on(lambda: self._finish(attempt))

    def give_up(self) -> Result | None:
        """The deadline has passed, or the time the last address had for itself."""
        if not self._driver.run.deadline.passed():
            return self.start()
        for attempt in self._tried:
            attempt.give_up(self._driver)
        return self._failed()

    def abandon(self) -> None:
        """Leave all that are waited for."""
        for attempt in self._tried:
            attempt.give_up(self._driver)

    def _finish(self, attempt: _Attempt) -> Result | None:
        if attempt.finish(self._driver):
            return self._connected(attempt)
        if attempt is self._tried[-1] or not self._left:
            return self.start()
        return None  # the one after it still has the rest of its time

    def _connected(self, one: _Attempt) -> Connected:
        for attempt in self._tried:
            attempt.give_up(self._driver)
        transport = one.transport
        assert transport is not None
        self._driver.use(transport)
        seconds, self._driver.since = transport.connect_time()
        failed = tuple(attempt.failure for attempt in self._tried if attempt.failure is not None)
        return Connected(transport.address, transport.own(), seconds, monotonic(), failed)

    def _failed(self) -> Failure:
        failures = [attempt.failure for attempt in self._tried if attempt.failure is not None]
        causes = "; ".join(dict.fromkeys(failure.cause for failure in failures))
        # One that was waited for to the end is why the run ended then.
        decisive = next((failure for failure in failures if failure.kind == "timeout"), failures[-1])
        return decisive._replace(cause=causes, at=monotonic())


class _Attempt:
    """One address: its connection, or why there is none."""

    def __init__(self, address: Address, of: Connecting) -> None:
        self.transport: Transport | None = None
        self.failure: Failure | None = None
        self.waiting = False
        self._address = address
        self._of = of

    def begin(self, driver: Driver) -> bool:
        """Whether it stands at once."""
        try:
            self.transport = Transport(self._address, driver.run.source)
            stands = self.transport.connect()
        except TransportError as error:
            self._fail(error.failure)
            return False
        if not stands:
            self.waiting = True
            driver.run.loop.selector.register(self.transport.fileno(), WRITE, lambda: self._of.ready(self))
        return stands

    def finish(self, driver: Driver) -> bool:
        """Whether it stands, now that it has been decided."""
        assert self.transport is not None
        self._leave(driver)
        try:
            self.transport.finish_connect()
        except TransportError as error:
            self._fail(error.failure)
        return self.failure is None

    def give_up(self, driver: Driver) -> None:
        """It is not waited for any longer, if it was."""
        if self.waiting:
            assert self.transport is not None
            self._leave(driver)
            waited = clock.seconds_between(self.transport.began, clock.now())
            cause = f"no answer from {self._address.place} for {waited:.1f} s"
            self._fail(Failure("timeout", cause, waited=waited))

    def _leave(self, driver: Driver) -> None:
        assert self.transport is not None
        self.waiting = False
        driver.run.loop.selector.unregister(self.transport.fileno())

    def _fail(self, failure: Failure) -> None:
        self.failure = failure
        if self.transport is not None:
            self.transport.close()
