"""One line an event on standard error, for the supervisor to keep.  Never waits, and never holds a command line."""

from __future__ import annotations

import os
import select


def tell(text: str) -> None:
    """Say it; a line that cannot be taken now is lost: whoever waits here would keep the scheduler waiting."""
    line = f"smtp_statusd: {text}\n".encode("utf-8", "backslashreplace")
    try:
        poll = select.poll()
        poll.register(2, select.POLLOUT)
        if any(events & select.POLLOUT for _descriptor, events in poll.poll(0)):
            os.write(2, line)
    except OSError:
        return
