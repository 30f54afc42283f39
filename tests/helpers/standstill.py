"""Standstills of the machine: times in which nothing ran that wanted to.

A virtual machine may stand still for half a second, whatever runs in it.  An answer that is due within 0.15 s cannot
come then, and says nothing about who should have given it.  ``Watch`` has a process that only sleeps, and notes when
it was not woken.  Run as a program this is that process.
"""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time

LEAST = 0.1
"""Seconds that are a standstill.  Two programs for each processor let a third one wait less."""

NAP = 0.01


class Watch:
    """Notes standstills from now on, until ``close``; ``pid`` is of the process that does."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-S", "-E", __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            start_new_session=True,  # Ctrl-C is not for it
        )
        self.pid = self._process.pid
        self.longest()

    def longest(self) -> float:
        """Seconds of the longest standstill since it was asked last; 0 where there was none."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(b"?")
        return float(self._process.stdout.readline())

    def close(self) -> None:
        """Ends the process."""
        self._process.communicate()


def _note() -> None:
    longest = 0.0
    last = time.monotonic()
    while True:
        asked = select.select([0], [], [], NAP)[0]
        now = time.monotonic()
        longest = max(longest, now - last)
        last = now
        if not asked:
            continue
        if not os.read(0, 1):
            return
        os.write(1, b"%.3f\n" % (longest if longest > LEAST else 0))
        longest = 0.0


if __name__ == "__main__":
    _note()
