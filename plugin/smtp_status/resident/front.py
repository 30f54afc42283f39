"""The front: between the scheduler and the back ends, with a hand on every check that is not answered yet.

It must not die: the checks it has in hand would be lost to Nagios for minutes.  So it knows nothing of SMTP, never
waits for anything but its descriptors, holds no state that a back end could spoil, and what goes wrong with one check
ends there.
"""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

from ..text import unknown
from . import log, worker
from .alone import Alone
from .backends import BackEnds
from .job import UNKNOWN, Job
from .notify import notify
from .poller import READ, WRITE, Poller, safely

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .attendant import Attendant
    from .backends import Wanted
    from .connection import Connection, Core

TICK, RESTLESS = 1.0, 0.25
"""Seconds between two looks at what tells nobody, and between those while a core, a back end or the end is to come."""

PATIENCE, GRACE = 25.0, 3.0
"""Seconds that what is in hand has after SIGTERM, then the verdict so far is asked for; and for the answers to that."""


class Front:
    """The loop that everything meets in."""

    def __init__(self, cores: Sequence[Core], wanted: Wanted, beside: Sequence[Attendant] = ()) -> None:
        self._poller = Poller()
        self._cores = cores
        self._beside = beside
        self._connections: dict[Connection, Core] = {}
        self._jobs: dict[int, Job] = {}
        self._numbers = 0
        self._told_ready = False
        self._next_tick = 0.0
        self._finish_by: float | None = None
        self._alone = Alone(self._poller, self._answer)
        self._back_ends = BackEnds(self._poller, wanted, self._answer, self._alone.add)

    def run(self) -> None:
        """Work until SIGTERM or SIGINT, and what is in hand then is done."""
        self._catch_signals()
        while not self._finished():
            now = time.monotonic()
            if now >= self._next_tick:
                self._next_tick = now + RESTLESS
                safely(self._tick, now)
            safely(self._alone.tick, now)
            self._poller.wait(min(self._next_tick - time.monotonic(), self._alone.pause))
        self._back_ends.kill()
        self._alone.kill()
        for one in self._beside:
            one.kill()

    def _tick(self, now: float) -> None:
        self._back_ends.tick(now)
        for job in [job for job in self._jobs.values() if now >= job.due]:
            self._back_ends.forget(job)
            self._answer(job, 0, timed_out=True)
        rests = self._finish_by is None and self._back_ends.rest and all(core.connection for core in self._cores)
        self._next_tick = min([now + (TICK if rests else RESTLESS), *[job.due for job in self._jobs.values()]])
        if self._finish_by is not None:
            if now >= self._finish_by:
                self._back_ends.end()
                self._alone.end()
        elif self._back_ends.ready or self._told_ready:
            self._be_there()

    def _be_there(self) -> None:
        for core in self._cores:
            connection = core.tick()
            if connection is not None:
                self._connections[connection] = core
                self._watch_core(connection)
        for connection, core in list(self._connections.items()):
            # Another core has come meanwhile, and what this one had asked for is done.
            if core.connection is not connection and not (connection.in_hand or connection.flush()):
                self._leave(connection)
        for one in self._beside:
            one.tick(time.monotonic())
        if not self._told_ready:
            self._told_ready = True
            log.tell("ready")
            notify("READY=1")

    def _catch_signals(self) -> None:
        told, tell = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        signal.set_wakeup_fd(tell, warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
            signal.signal(number, lambda _number, _frame: None)
        self._poller.watch(told, READ, lambda _events: self._signalled(os.read(told, 4096)))

    def _signalled(self, numbers: bytes) -> None:
        if signal.SIGCHLD in numbers:
            self._reap()
        if signal.SIGHUP in numbers:
            self._back_ends.replace()
        if (signal.SIGTERM in numbers or signal.SIGINT in numbers) and self._finish_by is None:
            self._finish()

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            self._alone.reap(pid, status)
            self._back_ends.reap(pid, os.waitstatus_to_exitcode(status))
            for one in self._beside:
                one.reap(pid, os.waitstatus_to_exitcode(status))

    def _watch_core(self, connection: Connection) -> None:
        events = READ | (WRITE if connection.flush() else 0)
        self._poller.watch(connection.fileno(), events, lambda _events: self._hear(connection))

    def _hear(self, connection: Connection) -> None:
        core, registered = self._connections[connection], connection.registered
        why = "has closed the connection"
        try:
            orders, more = connection.receive()
        except worker.ProtocolError as error:
            orders, more, why = [], False, f"is left alone: {error}"
        if connection.registered and not registered:
            core.tell(f"at work for {core.path}: {core.plugin}")
        for order in orders:
            self._take(connection, order)
        if more:
            self._watch_core(connection)
            return
        if self._finish_by is not None:  # nothing more is wanted of it, but it is owed answers
            self._poller.forget(connection.fileno())
            return
        # What was in hand for it nobody will ask for any more: a core that starts anew makes its checks anew.
        for job in [job for job in self._jobs.values() if job.connection is connection]:
            job.answered = True
            del self._jobs[job.number]
            self._back_ends.forget(job)
        self._leave(connection)
        if core.connection is connection:
            core.lost(why)

    def _take(self, connection: Connection, order: worker.Order) -> None:
        self._numbers += 1
        job = self._jobs[self._numbers] = Job(self._numbers, order, connection)
        connection.in_hand += 1
        self._next_tick = min(self._next_tick, job.due)
        if self._alone.ends_its_process(job) or not self._back_ends.take(job):
            self._alone.add(job)

    def _answer(self, job: Job, status: int, out: bytes = b"", err: bytes = b"", timed_out: bool = False) -> None:
        if self._jobs.pop(job.number, None) is None:
            return
        job.answered = True
        connection = job.connection
        connection.answer(job, worker.End(job.began, time.time(), status, out, err, timed_out))
        if self._finish_by is None:
            self._watch_core(connection)

    def _leave(self, connection: Connection) -> None:
        self._poller.forget(connection.fileno())
        self._connections.pop(connection, None)
        connection.close()

    def _finish(self) -> None:
        """Take nothing new; what is in hand is brought to its end."""
        log.tell("ends when the checks in hand are done")
        notify("STOPPING=1")
        self._finish_by = time.monotonic() + PATIENCE
        for connection in list(self._connections):
            connection.refuse()
            safely(self._hear, connection)
        for one in self._beside:
            one.end()
        self._back_ends.finish()

    def _finished(self) -> bool:
        if self._finish_by is None:
            return False
        if time.monotonic() >= self._finish_by + GRACE:
            for job in list(self._jobs.values()):
                self._answer(job, UNKNOWN << 8, unknown("the resident was ended before this check had").encode())
            return True
        others = [len(self._back_ends), len(self._alone), *(one.running for one in self._beside)]
        return not any((self._jobs, *others, *[connection.flush() for connection in self._connections]))
