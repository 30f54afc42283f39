"""A back end: holds the conversations of many checks in one loop, for the front and for thin clients."""

from __future__ import annotations

import gc
import importlib
import os
import pkgutil
import resource
import signal
import socket
import sys
import time
from collections import deque
from typing import TYPE_CHECKING, NoReturn

from ..net import clock
from ..net.loop import Loop
from ..net.selector import READ, WRITE, Selector
from . import link, log, words
from .check import Check, Judges, Means, Wish
from .client import Clients
from .installed import Installed
from .lines import Lines
from .lookups import Lookups
from .pool import Pool
from .trusts import Trusts

if TYPE_CHECKING:
    from .client import Client

TICK, WITH_CLIENTS = 1.0, 0.25
"""Seconds between two looks at what tells nobody, and while clients wait for an acknowledgement or are slow."""

PATIENCE = 0.5
"""Seconds that a new check waits for a moment without anything else to do."""

LOOK = 0.1
"""Seconds between two looks at who has waited too long for descriptors."""

MINUTE = 60.0
"""Seconds between two lines of the log about what was done."""

RESERVE = 64
"""Descriptors that are kept back from checks: each may take one for its connection and one more."""


def run() -> NoReturn:
    """Run one on the descriptors that ``sys.argv`` names, until the front is gone or has enough."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # they are the front's
    descriptors = [int(word) for word in sys.argv[1:] if word.isdecimal()]
    listener = None
    if len(descriptors) > 1:
        listener = socket.socket(fileno=descriptors[1])
        os.set_inheritable(descriptors[1], False)
    with Selector() as selector:
        back_end = BackEnd(selector, link.inherited(descriptors[0]), listener, "-v" in sys.argv[1:])
        _load_everything()
        # What was loaded stays, and is not looked through again and again; the plugin's thresholds are for a process
        # that ends.
        gc.collect()
        gc.freeze()
        back_end.run()
    os._exit(0)  # a thread may still wait for a resolver that does not answer


def _load_everything() -> None:
    """What is loaded later would keep everybody waiting, and come from another version after an upgrade."""
    package = __package__.rpartition(".")[0]
    for part in ("tls", "sasl", "smtp", "net", "options", "check"):
        where = importlib.import_module(f"{package}.{part}")
        for module in pkgutil.iter_modules(where.__path__):
            importlib.import_module(f"{package}.{part}.{module.name}")


class _Job:
    """One check of the front's."""

    def __init__(self, number: bytes, front: link.Link, jobs: dict[bytes, Check]) -> None:
        self._number = number
        self._front = front
        self._jobs = jobs

    def done(self, code: int, output: bytes) -> None:
        self._jobs.pop(self._number, None)
        while len(output) > link.MAX_FIELD:
            part, output = output[: link.MAX_FIELD], output[link.MAX_FIELD :]
            self._front.send(link.packed(link.PART, self._number, part))
        self._front.send(link.packed(link.RESULT, self._number, b"%d" % code, output))

    def alone(self) -> None:
        self._jobs.pop(self._number, None)
        self._front.send(link.packed(link.ALONE, self._number))


class _Tally:
    """How many checks there were since the log told of it."""

    def __init__(self) -> None:
        self.checks = 0
        self.left = 0
        self._next = time.monotonic() + MINUTE

    def tick(self, now: float) -> None:
        """Tell once a minute."""
        if now >= self._next:
            self._next = now + MINUTE
            self.tell()

    def tell(self) -> None:
        """Tell, where there is something to be told."""
        if self.checks:
            log.tell(f"back end {os.getpid()}: {self.checks} checks, {self.left} of them left to the plugin")
            self.checks = self.left = 0


class BackEnd:
    """The loop, who asks, and what is in hand; ``verbose``: the log tells how much was done."""

    def __init__(
        self, selector: Selector, front: link.Link, listener: socket.socket | None, verbose: bool = False
    ) -> None:
        self._selector = selector
        self._loop = Loop(selector)
        self._pool = Pool()
        self._trusts = Trusts()
        self._lines = Lines()
        self._means = Means(self._loop, self._pool, Lookups(self._pool), self._trusts, self._lines, Judges())
        self._front = front
        self._front_events = 0
        self._clients = None if listener is None else Clients(listener, selector, self._asked)
        self._installed = Installed()
        self._stamping = clock.stamping()
        self._jobs: dict[bytes, Check] = {}
        self._checks: dict[Check, None] = {}
        self._new: deque[tuple[float, Check]] = deque()
        self._most = max(resource.getrlimit(resource.RLIMIT_NOFILE)[0] - RESERVE, 2)
        self._look_at = 0.0
        self._finishing = False
        self._tally = _Tally() if verbose else None

    def run(self) -> None:
        """Work until there is nobody left to work for."""
        self._selector.register(self._pool.told, READ, self._pool.collect)
        self._watch_front()
        if self._clients is not None:
            self._clients.listen(True)
        self._front.send(link.READY)
        last_tick = 0.0
        while not self._finished():
            now = time.monotonic()
            next_tick = last_tick + (WITH_CLIENTS if self._clients else TICK)
            if now >= next_tick:
                last_tick = now
                self._tick(now)
            room = self._room()
            pause = max(next_tick - now, 0.0)
            if self._new:
                pause = 0.0 if room else min(pause, LOOK)
            busy = self._loop.turn(pause)
            # A check that begins while there is something else to do would count that as its server's time.
            while self._new and self._room() and (not busy or time.monotonic() - self._new[0][0] > PATIENCE):
                _since, check = self._new.popleft()
                check.begin()
                if not busy:
                    break
            self._leave_who_waits_for_room()
            if self._front.waiting:
                self._watch_front()
        if self._tally is not None:
            self._tally.tell()

    def _finished(self) -> bool:
        busy = self._checks or self._front.waiting or (self._clients is not None and len(self._clients))
        return self._finishing and not busy

    @property
    def _begun(self) -> int:
        return len(self._checks) - len(self._new)

    def _spare(self) -> bool:
        """Whether there are descriptors left for one more check."""
        return 2 * self._begun + len(self._clients or ()) < self._most

    def _room(self) -> bool:
        """Whether one more may begin: one at a time always, or those who wait for it would keep it waiting."""
        return not self._begun or self._spare()

    def _leave_who_waits_for_room(self) -> None:
        """Each in a process of its own: its time would be over before it began, and its server would be blamed.  Not
        sooner than that may be: a process takes forty times what a check takes here."""
        now = time.monotonic()
        if not self._new or now < self._look_at or self._room():
            return
        self._look_at = now + LOOK
        overdue = [(since, check) for since, check in self._new if now - since > check.patience]
        for entry in overdue:
            self._new.remove(entry)
            entry[1].leave()

    def _tick(self, now: float) -> None:
        self._trusts.tick(now)
        self._lines.tick(now)
        if self._tally is not None:
            self._tally.tick(now)
        if self._clients is not None:
            self._clients.tick(now)
            if not self._finishing:
                self._clients.listen(self._spare())
        if self._installed.is_another(now):
            self._front.send(link.OUTDATED)

    def _add(self, wish: Wish) -> Check:
        check = Check(wish, self._means, self._ended)
        self._checks[check] = None
        self._new.append((wish.arrived, check))
        return check

    def _ended(self, check: Check) -> None:
        self._checks.pop(check, None)
        self._count(check.left)

    def _count(self, left: bool) -> None:
        if self._tally is not None:
            self._tally.checks += 1
            self._tally.left += left

    # -- the front

    def _watch_front(self) -> None:
        events = READ | (WRITE if self._front.waiting else 0)
        if events != self._front_events:
            if self._front_events:
                self._selector.modify(self._front.fileno(), events)
            else:
                self._selector.register(self._front.fileno(), events, self._hear_front)
            self._front_events = events

    def _hear_front(self) -> None:
        self._front.flush()
        packets = self._front.receive()
        if packets is None:
            # Nobody is there to be told.  Clients are served to their end; somebody else listens for new ones.
            self._selector.unregister(self._front.fileno())
            self._finish()
            for check in list(self._jobs.values()):
                check.stop()
            return
        for packet in packets:
            kind = packet[:1]
            if kind == link.CHECK:
                self._take(*link.unpacked(packet, 3))
            elif kind == link.END:
                self._end(link.unpacked(packet, 1)[0])
            elif kind == link.FINISH:
                self._finish()
            elif kind == link.PING:
                self._front.send(link.PONG)
        self._watch_front()

    def _take(self, number: bytes, end: bytes, command: bytes) -> None:
        job = _Job(number, self._front, self._jobs)
        taken_apart = words.split(command)
        if taken_apart is None:
            self._count(left=True)
            job.alone()
            return
        arguments = [os.fsdecode(word) for word in taken_apart[1:]]
        self._jobs[number] = self._add(Wish(arguments, {}, time.monotonic(), float(end), True, job))

    def _end(self, number: bytes) -> None:
        if number:
            check = self._jobs.get(number)
            if check is not None:
                check.stop()
        else:
            for check in list(self._checks):
                check.stop()

    def _finish(self) -> None:
        self._finishing = True
        if self._clients is not None:
            self._clients.stop_listening()

    # -- thin clients

    def _asked(self, client: Client) -> None:
        request = client.request
        assert request is not None
        environ = {} if request.password is None else {"SMTP_STATUS_AUTHPASS": request.password}
        check = self._add(Wish(request.words, environ, client.arrived, None, client.files, client))
        client.stop = check.stop
