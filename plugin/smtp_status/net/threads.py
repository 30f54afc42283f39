"""Work that cannot be interrupted, never waited for beyond the deadline.

Some library calls end when they end, whatever signal or timer there is.  They run in daemon threads, and whoever waits
goes on without them when the time is up; nothing waits for the threads at exit.
"""

from __future__ import annotations

import errno
import os
from threading import Thread

from .selector import readable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Callable

    from .clock import Deadline


def run_in_threads(jobs: Iterable[Callable[[], None]], deadline: Deadline, stop: int | None) -> None:
    """Do all ``jobs``, which do not raise, at the same time.

    Ends with the last of them, at the deadline, or once the file descriptor ``stop`` is readable (and then ends the
    deadline too); what a job has done by then is for the caller to see.
    """
    told, tell = os.pipe()
    left = 0
    try:
        for job in jobs:
            _start(Thread(target=_work, args=(job, os.dup(tell)), daemon=True))
            left += 1
        while left and not deadline.passed():
            ready = readable((told,) if stop is None else (told, stop), deadline.left())
            if stop in ready:
                deadline.end()
            elif ready:
                left -= len(os.read(told, left))
    finally:
        os.close(told)
        os.close(tell)


def _start(thread: Thread) -> None:
    try:
        thread.start()
    except RuntimeError:  # pthread_create() failed, for want of memory or of processes the user may have
        raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN)) from None


def _work(job: Callable[[], None], tell: int) -> None:
    job()
    try:
        os.write(tell, b".")
    except OSError:
        return  # nobody waits any more
    finally:
        os.close(tell)
