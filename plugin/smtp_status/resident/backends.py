"""The back ends of a front: started, fed, replaced, and found out when one dies."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING, NamedTuple

from . import link, log, spawn
from .poller import READ, WRITE

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from .job import Job
    from .poller import Poller

PING_EVERY = 1.0
"""Seconds between two pings."""

SILENCE = 10
"""Pings without an answer after which a back end hangs."""

EARLY = 2.0
"""Seconds: a back end that ends sooner than this is not started anew at once."""

LONGEST_PAUSE = 60.0
"""Seconds between two starts of back ends that end early, at the most."""


class Wanted(NamedTuple):
    """How many back ends, the socket they accept clients from, and whether they say more."""

    processes: int
    listener: socket.socket | None
    verbose: bool


class Member:
    """One process and what it has in hand."""

    def __init__(self, wanted: Wanted) -> None:
        self.link, other = link.pair()
        with other:
            keep = [other.fileno()] if wanted.listener is None else [other.fileno(), wanted.listener.fileno()]
            words = [str(descriptor) for descriptor in keep] + (["-v"] if wanted.verbose else [])
            self.pid = spawn.spawn(spawn.back_end(*words), out=2, err=2, keep=keep)
        self.jobs: dict[int, Job] = {}
        self.began = time.monotonic()
        self.ready = False
        self.finishing = False
        self.silent = 0
        self.ping_at = 0.0
        self.replaces: Member | None = None

    def send(self, kind: bytes, *fields: bytes) -> None:
        self.link.send(link.packed(kind, *fields))

    def finish(self) -> None:
        if not self.finishing:
            self.finishing = True
            self.send(link.FINISH)

    def kill(self) -> None:
        try:
            os.kill(self.pid, signal.SIGKILL)
        except OSError:
            return


class BackEnds:
    """``result(job, status, output)``, the status as wait(2) has it, is called for what a back end has done, and
    ``alone(job)`` for what takes a process of its own: a line that is none for a back end, and whatever a dead one had
    in hand."""

    def __init__(
        self,
        poller: Poller,
        wanted: Wanted,
        result: Callable[[Job, int, bytes], None],
        alone: Callable[[Job], None],
    ) -> None:
        self._poller = poller
        self._wanted = wanted
        self._result = result
        self._alone = alone
        self._all: dict[int, Member] = {}
        self._outdated: list[Member] = []
        self._pause = 0.0
        self._start_at = 0.0
        self._ending = False

    def __len__(self) -> int:
        return len(self._all)

    @property
    def ready(self) -> bool:
        """Whether as many as there should be are at work."""
        return sum(one.ready and not one.finishing for one in self._all.values()) >= self._wanted.processes

    @property
    def rest(self) -> bool:
        """Whether as many as there should be are at work, and none is to be replaced."""
        there = self._all.values()
        return self.ready and len(there) == self._wanted.processes and not self._outdated

    def take(self, job: Job) -> bool:
        """Give ``job`` to the one that has least in hand; False where none can have it."""
        if len(job.order.command) > link.MAX_FIELD:
            return False
        there = [one for one in self._all.values() if not one.finishing]
        if not there:
            return False
        chosen = min(there, key=lambda one: (not one.ready, len(one.jobs)))
        chosen.jobs[job.number] = job
        chosen.send(link.CHECK, b"%d" % job.number, b"%.6f" % job.end, job.order.command)
        self._watch(chosen)
        return True

    def forget(self, job: Job) -> None:
        """Nobody wants this one any more."""
        for one in self._all.values():
            if one.jobs.pop(job.number, None) is not None:
                one.send(link.END, b"%d" % job.number)

    def replace(self) -> None:
        """Replace all that are there now, one after the other."""
        self._outdated = [one for one in self._all.values() if not one.finishing and one.replaces is None]

    def finish(self) -> None:
        """Take nothing new; each ends when what it has in hand is done."""
        self._ending = True
        if self._wanted.listener is not None:
            # Once no back end has it either, clients are turned away at once, and another resident may take its place.
            self._wanted.listener.close()
        for one in self._all.values():
            one.finish()

    def end(self) -> None:
        """The verdict so far is wanted of everything in hand."""
        for one in self._all.values():
            one.send(link.END)

    def kill(self) -> None:
        """Nobody waits for anything any more."""
        for one in self._all.values():
            one.kill()

    def tick(self, now: float) -> None:
        """Start what is missing, replace the next one, and end what hangs."""
        for one in self._all.values():
            if now < one.ping_at:
                continue
            one.ping_at = now + PING_EVERY
            one.silent += 1
            one.send(link.PING)
            if one.silent > SILENCE * (1 if one.ready else 6):
                log.tell(f"back end {one.pid} hangs and is ended")
                one.kill()
        if self._ending or now < self._start_at:
            return
        there = [one for one in self._all.values() if not one.finishing]
        replacing = any(one.replaces is not None for one in there)
        if len(there) - replacing < self._wanted.processes:
            self._start(None)
        elif self._outdated and not replacing:
            old = self._outdated.pop(0)
            if old.pid in self._all and not old.finishing:
                self._start(old)

    def reap(self, pid: int, status: int) -> None:
        """``pid``, perhaps one of these, has ended."""
        one = self._all.get(pid)
        if one is None:
            return
        self._receive(one)
        del self._all[pid]
        self._poller.forget(one.link.fileno())
        one.link.close()
        for other in self._all.values():
            if other.replaces is one:
                other.replaces = None  # it takes its place all the same, and no third one is wanted
        if one.replaces is not None and not one.finishing:
            self._outdated.append(one.replaces)
        jobs = list(one.jobs.values())
        how = f"was ended by {spawn.signal_name(-status)}" if status < 0 else f"ended with exit status {status}"
        if not one.finishing or jobs:
            log.tell(f"back end {pid} {how}, {len(jobs)} checks in hand are run one process each")
            early = time.monotonic() - one.began < EARLY
            self._pause = min(self._pause * 2 or 1.0, LONGEST_PAUSE) if early else 0.0
            self._start_at = time.monotonic() + self._pause
        # None of them is handed to the next back end: the one that did it would end that too.
        for job in jobs:
            self._alone(job)
        self.tick(time.monotonic())

    def _start(self, replaces: Member | None) -> None:
        try:
            one = Member(self._wanted)
        except OSError as error:
            log.tell(f"no back end can be started: {os.strerror(error.errno or 0).lower()}")
            self._start_at = time.monotonic() + 1.0
            return
        one.replaces = replaces
        self._all[one.pid] = one
        self._watch(one)

    def _watch(self, one: Member) -> None:
        def ready(_events: int) -> None:
            if self._receive(one):
                one.link.flush()
                self._watch(one)
            else:
                self._poller.forget(one.link.fileno())
                one.kill()  # if it is not dead, it cannot be told anything any more

        self._poller.watch(one.link.fileno(), READ | (WRITE if one.link.waiting else 0), ready)

    def _receive(self, one: Member) -> bool:
        """Deal with what one says; False when it is gone."""
        packets = one.link.receive()
        for packet in packets or ():
            kind = packet[:1]
            if kind == link.PONG:
                one.silent = 0
            elif kind == link.READY:
                one.ready = True
                self._pause = 0.0
                if one.replaces is not None:
                    one.replaces.finish()
                    one.replaces = None
            elif kind == link.OUTDATED:
                self._outdated.append(one)
            elif kind == link.ALONE:
                job = one.jobs.pop(int(link.unpacked(packet, 1)[0]), None)
                if job is not None:
                    self._alone(job)
            elif kind == link.PART:
                number, output = link.unpacked(packet, 2)
                job = one.jobs.get(int(number))
                if job is not None:
                    job.parts.append(output)
            elif kind == link.RESULT:
                number, code, output = link.unpacked(packet, 3)
                job = one.jobs.pop(int(number), None)
                if job is not None:
                    self._result(job, int(code) << 8, b"".join((*job.parts, output)))
        return packets is not None
