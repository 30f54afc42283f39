"""Run a command and write what it took: ``measure.py REPORT COMMAND…``.

The report holds wall seconds, without those in which the command waited for a processor that others had, and the peak
of resident memory in KiB.  A process of its own, and a small one: what the kernel reports as a child's peak begins with
the memory of whoever started it.  Exits as the command does.
"""

from __future__ import annotations

import os
import sys
import time


def waited_for_processor(pid: int) -> float:
    """Seconds in which the process could have run and did not, since it began; 0 where the kernel does not tell.

    Of its first thread; also where it has ended and nobody has waited for it yet.  See
    ``Documentation/scheduler/sched-stats.rst`` in the Linux sources.
    """
    try:
        with open(f"/proc/{pid}/schedstat", encoding="ascii") as file:
            return int(file.read().split()[1]) / 1e9
    except OSError:
        return 0.0


def main() -> int:
    report, *command = sys.argv[1:]
    began = time.monotonic()
    child = os.posix_spawnp(command[0], command, os.environ)
    os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
    seconds = time.monotonic() - began - waited_for_processor(child)
    _, status, usage = os.wait4(child, 0)
    with open(report, "w", encoding="ascii") as file:
        file.write(f"{seconds} {usage.ru_maxrss}\n")
    return os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status)


if __name__ == "__main__":
    sys.exit(main())
