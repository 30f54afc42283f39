"""The last resort: checks that take a process of their own, as many at a time as there are cores."""

from __future__ import annotations

import os
import signal
import time
from heapq import heappop, heappush
from typing import TYPE_CHECKING

from . import spawn, words
from .job import UNKNOWN, Job
from .poller import GONE, READ

if TYPE_CHECKING:
    from collections.abc import Callable

    from .poller import Poller

MAX_OUTPUT = 64 * 1024
"""Octets kept of each stream; what comes behind is read and thrown away."""

MOST = 64
"""Processes at a time where waiting checks would come too late otherwise."""


class _Process:
    """One running check: its pid, the read ends of its two pipes, and what has come by them."""

    def __init__(self, job: Job, command: list[bytes]) -> None:
        self.job = job
        self.read = {}
        ends = [os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK) for _ in range(2)]
        try:
            for _reading, writing in ends:
                os.set_blocking(writing, True)
            self.pid = spawn.spawn(command, out=ends[0][1], err=ends[1][1], group=True)
        except BaseException:
            for reading, _writing in ends:
                os.close(reading)
            raise
        finally:
            for _reading, writing in ends:
                os.close(writing)
        self.read = {reading: bytearray() for reading, _writing in ends}

    def collect(self) -> None:
        for descriptor, kept in self.read.items():
            try:
                while piece := os.read(descriptor, MAX_OUTPUT):
                    kept.extend(piece[: MAX_OUTPUT - len(kept)])
            except BlockingIOError:
                continue

    def signal(self, number: int) -> None:
        try:
            os.killpg(self.pid, number)
        except OSError:
            return


class Alone:
    """Runs jobs, the nearest deadline first, and calls ``done(job, status, out, err)`` for each."""

    def __init__(self, poller: Poller, done: Callable[[Job, int, bytes, bytes], None]) -> None:
        self._poller = poller
        self._done = done
        self._cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        self._waiting: list[tuple[float, int, Job]] = []
        self._running: dict[int, _Process] = {}

    def __len__(self) -> int:
        return len(self._waiting) + len(self._running)

    def add(self, job: Job) -> None:
        """Run it as soon as it is its turn."""
        heappush(self._waiting, (job.end, job.number, job))
        self._start()

    def tick(self, now: float) -> None:
        """End what has no time left, and start what cannot wait for its turn any longer."""
        for process in self._running.values():
            if process.job.answered:
                process.signal(signal.SIGKILL)
            elif now >= process.job.end:
                process.signal(signal.SIGTERM)
        self._start()

    def end(self) -> None:
        """The verdict so far is wanted of all."""
        for _end, _number, job in self._waiting:
            self._done(job, UNKNOWN << 8, b"SMTP UNKNOWN - the resident ended before this check began\n", b"")
        self._waiting.clear()
        for process in self._running.values():
            process.signal(signal.SIGTERM)

    def kill(self) -> None:
        """Nobody waits for anything any more."""
        for process in self._running.values():
            process.signal(signal.SIGKILL)

    def reap(self, pid: int, status: int) -> None:
        """``pid``, perhaps one of these, has ended."""
        process = self._running.pop(pid, None)
        if process is None:
            return
        process.collect()
        for descriptor in process.read:
            self._poller.forget(descriptor)
            os.close(descriptor)
        out, err = map(bytes, process.read.values())
        if os.WIFSIGNALED(status) and not out:
            name = signal.Signals(os.WTERMSIG(status)).name
            out, status = b"SMTP UNKNOWN - the plugin was ended by %s\n" % name.encode(), UNKNOWN << 8
        self._done(process.job, status, out, err)
        self._start()

    def _start(self) -> None:
        now = time.monotonic()
        while self._waiting:
            job = self._waiting[0][2]
            if len(self._running) >= (self._cores if now < job.latest else MOST):
                return
            heappop(self._waiting)
            if not job.answered:
                self._run(job)

    def _run(self, job: Job) -> None:
        taken_apart = words.split(job.order.command)
        # A line for a shell is run as it is, whichever plugin it names: there is no telling where.
        command = [b"/bin/sh", b"-c", job.order.command] if taken_apart is None else spawn.plugin(taken_apart[1:])
        try:
            process = _Process(job, command)
        except (OSError, ValueError) as error:
            reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else "a NUL in it"
            text = f"SMTP UNKNOWN - this host cannot run the plugin: {reason.lower()}\n"
            self._done(job, UNKNOWN << 8, text.encode(), b"")
            return
        self._running[process.pid] = process
        for descriptor in process.read:
            self._poller.watch(descriptor, READ, self._collector(process, descriptor))

    def _collector(self, process: _Process, descriptor: int) -> Callable[[int], None]:
        def collect(events: int) -> None:
            process.collect()
            if events & GONE:  # its end is told by SIGCHLD
                self._poller.forget(descriptor)

        return collect
