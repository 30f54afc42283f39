"""What the kernel tells of a process: how long it waited for a processor, and what it is waiting for now.

Times that are measured on a busy machine hold what other programs took; the kernel counts just that, and it can be
subtracted.  Elsewhere than on Linux nothing is known, and nothing is subtracted.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from helpers.measure import waited_for_processor

SYN_SENT = "02"  # enum of include/net/tcp_states.h, as /proc/net/tcp has it


def seconds_until_the_end(process: subprocess.Popen[bytes], since: float, timeout: float = 10) -> float:
    """Seconds from ``since`` (of the monotonic clock) to the end of ``process``, without those in which the process or
    this one waited for a processor meanwhile.  The process is still to be waited for."""
    ours, theirs = waited_for_processor(os.getpid()), waited_for_processor(process.pid)
    until = time.monotonic() + timeout
    while os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is None:
        if time.monotonic() > until:
            raise TimeoutError(f"process {process.pid} goes on after {timeout} s")
        time.sleep(0.002)
    took = time.monotonic() - since
    waited = waited_for_processor(process.pid) - theirs + waited_for_processor(os.getpid()) - ours
    return took - waited


def wait_until(happened: Callable[[], object], timeout: float = 10) -> None:
    """Wait until ``happened()`` is true."""
    until = time.monotonic() + timeout
    while not happened():
        if time.monotonic() > until:
            raise TimeoutError(f"{happened} did not become true within {timeout} s")
        time.sleep(0.01)


def catches(process: subprocess.Popen[bytes], number: signal.Signals) -> bool:
    """Whether the process has a handler for a signal by now."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    caught = int(status.partition("SigCgt:")[2].split()[0], 16)
    return bool(caught >> (number - 1) & 1)


def waits_in(process: subprocess.Popen[bytes], function: str) -> bool:
    """Whether the process sleeps in this function of the kernel, or one whose name holds that: they differ a little
    from kernel to kernel."""
    return function in Path(f"/proc/{process.pid}/wchan").read_text()


def connecting_to(port: int) -> int:
    """How many here have asked for a connection to ``port`` of loopback and wait for the answer."""
    rows = [row.split() for row in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(row[2].endswith(f":{port:04X}") and row[3] == SYN_SENT for row in rows)
