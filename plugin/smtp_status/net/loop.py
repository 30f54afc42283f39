"""Drives one or a thousand conversations over transports: a loop that all share, and a run for those of each check.

A conversation is a generator that yields actions (``smtp/actions.py``) and receives what came of them.  Nothing of SMTP
is decided here: this module waits, sends, receives and times.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from time import monotonic

from .clock import GRACE, Deadline
from .conversation import Driver
from .selector import READ, Selector, readable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Callable

    from .conversation import Conversation, NewLayer
    from .selector import Ready

    Timer = tuple[float, int, Callable[[], None]]
    """When, the how manieth timer it is, and what to call."""


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
        loop = Loop(selector)
        run = Run(loop, deadline, new_layer, source)
        if stop is not None:

            def stopped(descriptor: int = stop) -> None:
                selector.unregister(descriptor)
                run.stop()

            def look(descriptor: int = stop) -> None:
                if readable((descriptor,), 0):
                    run.stop()

            selector.register(stop, READ, stopped)
            loop.between = look
        run.hold(conversations)
        loop.start()
        while run.live:
            loop.turn()


LONG = 0.02
"""Seconds of work after which the loop looks up, see ``Loop``."""


class Loop:
    """The selector, the timers, and what is to be started: shared by all runs.

    What one server sends may take its time to work on, and what thirty send takes it thirty times: after LONG seconds
    timers that are overdue are called although not all is done that is ready, and before that ``between`` is.  And
    whoever is ready by then goes before those who wait, unless it has had more than its share: a server that is well
    does not wait for each of thirty that are not before it gets its next command.
    """

    def __init__(self, selector: Selector) -> None:
        self.selector = selector
        self.between: Callable[[], None] | None = None
        self._timers: list[Timer] = []  # the next one first
        self._armed = 0
        self._starting: list[Driver] = []

    def arm(self, at: float, call: Callable[[], None]) -> Timer:
        """Call ``call`` at ``at``, an instant of the monotonic clock."""
        self._armed += 1
        timer = (at, self._armed, call)
        insort(self._timers, timer)
        return timer

    def disarm(self, timer: Timer) -> None:
        """Not this one, if it has not been called yet."""
        place = bisect_left(self._timers, timer[:2])
        if place < len(self._timers) and self._timers[place] is timer:
            del self._timers[place]

    def start_soon(self, driver: Driver) -> None:
        """``driver`` has something to start, once all that came was dealt with."""
        self._starting.append(driver)

    def turn(self, longest: float | None = None) -> bool:
        """Wait until something has come or a timer's time has, at most ``longest`` seconds, and deal with it; whether
        there was anything."""
        self.start()
        wait = longest
        if self._timers:
            left = self._timers[0][0] - monotonic()
            wait = left if longest is None else min(left, longest)
        # What has come is looked at once more before the time is said to be up.
        found = self.selector.select(-1 if wait is None else max(wait, 0.0))
        self._work_off(found)
        self.start()
        return self._call_timers(monotonic()) or bool(found)

    def _work_off(self, found: list[Ready]) -> None:
        """Call all of ``found``, and who becomes ready meanwhile where that takes long."""
        left = found[::-1]  # the next one last
        spent: dict[Ready, float] = {}
        began = looked = now = monotonic()
        while left:
            ready = left.pop()
            before = now
            ready()
            now = monotonic()
            spent[ready] = spent.get(ready, 0.0) + now - before
            if now - looked <= LONG:
                continue
            self._look_up()
            self.start()  # what is to be started has to be, before it can be given up
            if self._timers and self._timers[0][0] <= now - GRACE:
                self._call_timers(now - GRACE)
            if left:
                waiting = set(left)
                # So that they have half of the time at most, and those who wait the rest.
                share = (LONG + now - began) / 2 / (len(spent) + len(left))
                came = self.selector.select(0.0)
                left += [one for one in came if one not in waiting and spent.get(one, 0.0) < share]
            now = looked = monotonic()

    def _look_up(self) -> None:
        if self.between is not None:
            self.between()

    def _call_timers(self, now: float) -> bool:
        """Call those whose time has come; whether there was one."""
        any_due = False
        while self._timers and self._timers[0][0] <= now:
            self._timers.pop(0)[2]()
            self.start()
            any_due = True
        return any_due

    def start(self) -> None:
        """Start what is to be started."""
        # What many conversations say goes out at one go: a server that rests is woken once and not by each of them,
        # which costs both of us a quarter less.
        looked = monotonic()
        while self._starting:
            starting, self._starting = self._starting, []
            for driver in starting:
                driver.start()
                now = monotonic()
                if now - looked > LONG:
                    looked = now
                    self._look_up()


class Run:
    """The conversations of one check: what they share, and those that have not ended.

    ``ended`` is called when the last of them has; ``failed`` with what is raised for anything but a peer's doing,
    which else goes through the loop.
    """

    def __init__(
        self,
        loop: Loop,
        deadline: Deadline,
        new_layer: NewLayer,
        source: str | None = None,
        *,
        ended: Callable[[], None] | None = None,
        failed: Callable[[Exception], None] | None = None,
    ) -> None:
        self.loop = loop
        self.deadline = deadline
        self.new_layer = new_layer
        self.source = source
        self.live: set[Driver] = set()
        self._ended = ended
        self._failed = failed
        self._timer: Timer | None = None

    def hold(self, conversations: Iterable[Conversation]) -> None:
        """Begin all ``conversations``."""
        self._timer = self.loop.arm(self.deadline.at, self._time_is_up)
        drivers = [Driver(conversation, self) for conversation in conversations]
        self.live.update(drivers)
        for driver in drivers:
            driver.begin()
        if not drivers:
            self._end()

    def stop(self) -> None:
        """Let the deadline pass now."""
        self.deadline.end()
        self._disarm()
        # Not here and now: what is to be started soon has to be started before it can be given up.
        self._timer = self.loop.arm(self.deadline.at, self._time_is_up)

    def left(self, driver: Driver) -> None:
        """``driver`` has come to its end."""
        self.live.discard(driver)
        if not self.live:
            self._end()

    def fail(self, error: Exception) -> None:
        """A driver has met an error that is no peer's doing."""
        if self._failed is None:
            raise error
        self._failed(error)

    def abandon(self) -> None:
        """Leave all conversations as they are."""
        self._disarm()
        live, self.live = self.live, set()
        for driver in live:
            driver.abandon()

    def _end(self) -> None:
        self._disarm()
        if self._ended is not None:
            self._ended()

    def _time_is_up(self) -> None:
        for driver in tuple(self.live):
            driver.time_is_up()

    def _disarm(self) -> None:
        if self._timer is not None:
            self.loop.disarm(self._timer)
            self._timer = None
