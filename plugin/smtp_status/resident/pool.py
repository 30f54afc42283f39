"""Work that may hang, in threads: the loop is told of its end by a pipe, and never waits for it."""

from __future__ import annotations

import errno
import os
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Callable

    Job = tuple[Callable[[], None], Callable[[], None]]

IDLE_SECONDS = 60.0
"""How long a thread without work stays."""

MOST = 400
"""Threads at a time; each job that hangs, such as a name nobody answers for, keeps one."""


class Pool:
    """As many threads as there are jobs at work, up to MOST."""

    def __init__(self) -> None:
        self.told, self._tell = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        """Readable once ``collect`` has something to do."""
        self._waiting: SimpleQueue[Job] = SimpleQueue()
        self._done: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._lock = Lock()
        self._free = 0
        """Threads that wait, but for those there is a job for already."""
        self._threads = 0

    def submit(self, work: Callable[[], None], done: Callable[[], None]) -> None:
        """Do ``work``, which does not raise, in a thread; then ``collect`` calls ``done`` in the loop's.

        Raises OSError where there is no thread for it: what waits behind jobs that hang would be taken for one.
        """
        with self._lock:
            free = self._free > 0
            if free:
                self._free -= 1
            elif self._threads < MOST:
                self._threads += 1
            else:
                raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        if free:
            self._waiting.put((work, done))
            return
        try:
            Thread(target=self._serve, args=([(work, done)],), daemon=True).start()
        except (RuntimeError, MemoryError):  # no memory, or no more threads for this user
            with self._lock:
                self._threads -= 1
            raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN)) from None

    def collect(self) -> None:
        """Tell of everything that has been done."""
        try:
            os.read(self.told, 4096)
        except BlockingIOError:
            return
        while True:
            try:
                done = self._done.get_nowait()
            except Empty:
                return
            done()

    def _serve(self, jobs: list[Job]) -> None:
        while jobs:
            work, done = jobs.pop()
            work()
            self._done.put(done)
            del work, done  # what they hold may be secret, and the next one may be long in coming
            with self._lock:
                self._free += 1
            try:
                os.write(self._tell, b".")
            except BlockingIOError:
                pass  # the pipe is full, so the loop will look anyway
            jobs = self._next()

    def _next(self) -> list[Job]:
        """The next job, none where there has been none for a while."""
        try:
            return [self._waiting.get(timeout=IDLE_SECONDS)]
        except Empty:
            with self._lock:
                if self._free > 0:
                    self._free -= 1
                    self._threads -= 1
                    return []
            return [self._waiting.get()]  # it has been given one in this very moment
