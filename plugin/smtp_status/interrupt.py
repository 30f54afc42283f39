"""Signals as something a loop can wait for: Icinga sends SIGTERM and keeps what is printed then."""

from __future__ import annotations

import os
import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def stop_descriptor() -> int:
    """A file descriptor that becomes readable, and stays so, once one of SIGNALS has come.

    From now on these signals end nothing by themselves.  To be called in the main thread, once.
    """
    readable, writable = os.pipe()
    os.set_blocking(writable, False)
    # The interpreter writes to it at once, whichever thread the signal came to.
    signal.set_wakeup_fd(writable, warn_on_full_buffer=False)

    def note(_number: int, _frame: FrameType | None) -> None:
        # It does not where the wake-up descriptor was taken away for a moment (``patterns.found``).
        try:
            os.write(writable, b".")
        except BlockingIOError:
            return

    for number in SIGNALS:
        signal.signal(number, note)
    return readable
