"""Work that may hang, in threads: the loop is told of its end by a pipe, and never waits for it."""

from __future__ import annotations

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
        self._idle = 0
        self._threads = 0

    def submit(self, work: Callable[[], None], done: Callable[[], None]) -> None:
        """Do ``work``, which does not raise, in a thread; then ``collect`` calls ``done`` in the loop's."""
        with self._lock:
            enough = self._idle > self._waiting.qsize() or self._threads >= MOST
            if not enough:
                self._threads += 1
        self._waiting.put((work, done))
        if not enough:
            try:
                Thread(target=self._serve, daemon=True).start()
            except RuntimeError:  # no memory, or no more threads for this user: it waits for one that is there
                with self._lock:
                    self._threads -= 1

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

    def _serve(self) -> None:
        while True:
            with self._lock:
                self._idle += 1
            try:
                work, done = self._waiting.get(timeout=IDLE_SECONDS)
            except Empty:
                work, done = None, None
            with self._lock:
                self._idle -= 1
                if work is None:
                    self._threads -= 1
                    return
            work()
            assert done is not None
            self._done.put(done)
            del work, done  # what they hold may be secret, and the next one may be long in coming
            try:
                os.write(self._tell, b".")
            except BlockingIOError:
                continue  # the pipe is full, so the loop will look anyway
