"""Run a command and write what it took: ``measure.py REPORT COMMAND…``.

The report holds wall seconds and the peak of resident memory in KiB.  A process of its own, and a small one: what the
kernel reports as a child's peak begins with the memory of whoever started it.  Exits as the command does.
"""

from __future__ import annotations

import os
import sys
import time


def main() -> int:
    report, *command = sys.argv[1:]
    began = time.monotonic()
    child = os.posix_spawnp(command[0], command, os.environ)
    _, status, usage = os.wait4(child, 0)
    seconds = time.monotonic() - began
    with open(report, "w", encoding="ascii") as file:
        file.write(f"{seconds} {usage.ru_maxrss}\n")
    return os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status)


if __name__ == "__main__":
    sys.exit(main())
