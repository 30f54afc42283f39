"""Drives one or a thousand conversations over transports in one loop, under one deadline.

A conversation is a generator that yields actions (``actions.py``) and receives what came of them.  Nothing of SMTP
is decided here: this room waits, sends, receives and times.
"""

from __future__ import annotations

from bisect import insort
from time import monotonic

from .conversation import Driver
from .deadline import Deadline
from .selector import READ, Selector

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from .conversation import Conversation, NewLayer


def converse(
    conversations: Iterable[Conversation],
    deadline: Deadline,
    new_layer: NewLayer,
    source: str | None = None,
    stop: int | None = None,
) -> None:
    """Hold all conversations at the same time until each has ended.

    ``new_layer`` makes the TLS layer for a Handshake.  ``source`` is the own address to connect from.  Once the
    deadline has passed, or the file descriptor ``stop`` is readable, every wait ends at once with a failure of kind
    ``timeout``, and each conversation still comes to its own end.  Never raises for anything a peer does.
    """
    with Selector() as selector:
        loop = Loop(selector, deadline, source, new_layer, stop)
        for conversation in conversations:
            loop.add(conversation)
        loop.run()


class Loop:
    """The selector, the timers, and the conversations that have not ended."""

    def __init__(
        self, selector: Selector, deadline: Deadline, source: str | None, new_layer: NewLayer, stop: int | None
    ) -> None:
        self.selector = selector
        self.deadline = deadline
        self.source = source
        self.new_layer = new_layer
        self._live: set[Driver] = set()
        self._timers: list[tuple[float, int, Driver]] = []  # the next one first
        self._armed = 0
        self._starting: list[Driver] = []
        self._stop = stop
        if stop is not None:
            selector.register(stop, READ, self._stopped)

    def add(self, conversation: Conversation) -> None:
        driver = Driver(conversation, self)
        self._live.add(driver)
        driver.begin()

    def ended(self, driver: Driver) -> None:
        self._live.discard(driver)

    def arm(self, driver: Driver, at: float) -> int:
        """Wake ``driver`` at ``at``; the number by which it knows whether this still concerns it."""
        self._armed += 1
        insort(self._timers, (at, self._armed, driver))
        return self._armed

    def start_soon(self, driver: Driver) -> None:
        """``driver`` has something to start, once all that came was dealt with."""
        self._starting.append(driver)

    def run(self) -> None:
        self._start()
        while self._live:
            end = min(self._timers[0][0], self.deadline.at) if self._timers else self.deadline.at
            # What has come is looked at once more before the time is said to be up.
            for ready in self.selector.select(max(end - monotonic(), 0.0)):
                ready()
            self._start()
            now = monotonic()
            if now >= self.deadline.at:
                for driver in tuple(self._live):
                    driver.time_is_up()
            while self._timers and self._timers[0][0] <= now:
                _at, number, driver = self._timers.pop(0)
                if driver.armed == number:
                    driver.time_is_up()
            self._start()

    def _start(self) -> None:
        # What many conversations say goes out at one go: a server that rests is woken once and not by each of them,
        # which costs both of us a quarter less.
        while self._starting:
            starting, self._starting = self._starting, []
            for driver in starting:
                driver.start()

    def _stopped(self) -> None:
        assert self._stop is not None
        self.selector.unregister(self._stop)
        self.deadline.end()
