"""The last resort: checks that take a process of their own, as many at work at a time as there are cores."""

from __future__ import annotations

import os
import signal
import time
from heapq import heappop, heappush
from typing import TYPE_CHECKING

from ..text import unknown
from . import spawn, words
from .job import UNKNOWN, Job
from .poller import GONE, READ

if TYPE_CHECKING:
    from collections.abc import Callable

    from .poller import Poller

MAX_OUTPUT = 1024 * 1024
"""Octets kept of each stream; what comes behind is read and thrown away."""

MOST_PER_CORE, FEW_PER_CORE = 50, 8
"""Processes at a time: most of them wait for their servers, and a check that waits for its turn loses time.  Beyond the
few there has to be memory for each."""

MEMORY_OF_ONE = 40 * 1024
"""KiB that a process may take."""

YOUNG = 0.05
"""Seconds in which a process is taken to be at work, whatever it does."""

HURRY = 0.02
"""Seconds between two looks at who is at work, while somebody waits for his turn."""

MEMORY = 3600.0
"""Seconds that a check is remembered for having ended its process."""

MOST_REMEMBERED = 1000


class _Process:
    """One running check: its pid, the read ends of its two pipes, and what has come by them; ``ours``: it is the
    plugin, and no shell."""

    def __init__(self, job: Job, command: list[bytes], ours: bool) -> None:
        self.job = job
        self.ours = ours
        self.began = time.monotonic()
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
        self.told_to_end = False

    def works(self, now: float) -> bool:
        """Whether it takes a core, and not merely waits."""
        if now < self.began + YOUNG:
            return True
        try:
            with open(f"/proc/{self.pid}/stat", "rb") as file:
                return file.read().rpartition(b")")[2].split()[0] in b"RD"
        except OSError:
            return now < self.began + 1.0

    def collect(self) -> None:
        for descriptor, kept in self.read.items():
            try:
                while piece := os.read(descriptor, 1 << 16):
                    kept.extend(piece[: MAX_OUTPUT - len(kept)])
            except BlockingIOError:
                continue

    def signal(self, number: int) -> None:
        self.told_to_end = True
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
        self._fatal: dict[int, float] = {}

    @property
    def pause(self) -> float:
        """Seconds until ``tick`` has to be called again at the latest."""
        if self._waiting:
            return HURRY
        ends = [process.job.end for process in self._running.values() if not process.told_to_end]
        return max(min(ends) - time.monotonic(), 0.0) if ends else 60.0

    def ends_its_process(self, job: Job) -> bool:
        """Whether the same check has done so lately."""
        return self._fatal.get(hash(job.order.command), 0.0) > time.monotonic()

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
            elif now >= process.job.end and not process.told_to_end:
                process.signal(signal.SIGTERM)
        self._start()

    def end(self) -> None:
        """The verdict so far is wanted of all."""
        for _end, _number, job in self._waiting:
            self._done(job, UNKNOWN << 8, unknown("the resident ended before this check began").encode(), b"")
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
            name = spawn.signal_name(os.WTERMSIG(status))
            out, status = unknown(f"the plugin was ended by {name}").encode(), UNKNOWN << 8
            if not process.told_to_end:
                if len(self._fatal) >= MOST_REMEMBERED:
                    self._fatal.clear()
                # A number made of it, not the line, which may hold a password.
                self._fatal[hash(process.job.order.command)] = time.monotonic() + MEMORY
        elif process.ours and not out:
            # Python itself, whose exit status would be taken for a state: the package is being replaced, say.
            said = f"the plugin said nothing and ended with exit status {os.waitstatus_to_exitcode(status)}"
            out, status = unknown(said).encode(), UNKNOWN << 8
        self._done(process.job, status, out, err)
        self._start()

    def _start(self) -> None:
        now = time.monotonic()
        free = self._cores - sum(process.works(now) for process in self._running.values()) if self._waiting else 0
        while self._waiting and free > 0 and self._has_room():
            _end, _number, job = heappop(self._waiting)
            if not job.answered:
                self._run(job)
                free -= 1

    def _has_room(self) -> bool:
        """Whether one more may run beside those that do."""
        running = len(self._running)
        if running < self._cores * FEW_PER_CORE:
            return True
        return running < self._cores * MOST_PER_CORE and _memory_left() > MEMORY_OF_ONE

    def _run(self, job: Job) -> None:
        taken_apart = words.split(job.order.command)
        # A line for a shell is run as it is, whichever plugin it names: there is no telling where.
        command = [b"/bin/sh", b"-c", job.order.command] if taken_apart is None else spawn.plugin(taken_apart[1:])
        try:
            process = _Process(job, command, ours=taken_apart is not None)
        except (OSError, ValueError) as error:
            reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else "a NUL in it"
            text = unknown(f"this host cannot run the plugin: {reason.lower()}")
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


def _memory_left() -> int:
    """KiB of memory that is to be had; without end where the kernel does not say."""
    try:
        with open("/proc/meminfo", "rb") as file:
            return next(int(line.split()[1]) for line in file if line.startswith(b"MemAvailable:"))
    except (OSError, ValueError, StopIteration):
        return 1 << 62
