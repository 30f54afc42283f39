"""A process beside the front that is started anew when it ends: the web server for metrics."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

from . import log, spawn

if TYPE_CHECKING:
    from collections.abc import Sequence

PAUSE = 1.0
"""Seconds between two starts; twice as many for each that ends early."""

LONGEST_PAUSE = 60.0

EARLY = 10.0
"""Seconds: one that ends sooner than this has ended early."""


class Attendant:
    """Keeps ``command`` running, with the descriptors ``keep`` for it; ``name`` is what the log calls it."""

    def __init__(self, name: str, command: Sequence[bytes], keep: Sequence[int]) -> None:
        self._name = name
        self._command = command
        self._keep = keep
        self._pid: int | None = None
        self._began = 0.0
        self._start_at = 0.0
        self._pause = PAUSE
        self._ending = False

    @property
    def running(self) -> bool:
        """Whether it is there."""
        return self._pid is not None

    def tick(self, now: float) -> None:
        """Start it where it is missing."""
        if self._pid is not None or self._ending or now < self._start_at:
            return
        self._began = now
        try:
            self._pid = spawn.spawn(self._command, out=2, err=2, keep=self._keep)
        except OSError as error:
            log.tell(f"{self._name} cannot be started: {os.strerror(error.errno or 0).lower()}")
            self._later()

    def reap(self, pid: int, status: int) -> None:
        """``pid``, perhaps this one, has ended with ``status``, negative for a signal."""
        if pid != self._pid:
            return
        self._pid = None
        if self._ending:
            return
        how = f"was ended by {spawn.signal_name(-status)}" if status < 0 else f"ended with exit status {status}"
        log.tell(f"{self._name} {how} and is started anew")
        if time.monotonic() - self._began >= EARLY:
            self._pause = PAUSE
        self._later()

    def end(self) -> None:
        """It is to end when what it has in hand is done."""
        self._ending = True
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """Nobody waits for it any more."""
        self._ending = True
        self._signal(signal.SIGKILL)

    def _later(self) -> None:
        self._start_at = time.monotonic() + self._pause
        self._pause = min(self._pause * 2, LONGEST_PAUSE)

    def _signal(self, number: int) -> None:
        if self._pid is not None:
            try:
                os.kill(self._pid, number)
            except OSError:
                return
