"""The program: argv and signals in, one verdict out."""

from __future__ import annotations

import os
import signal
import sys
from time import monotonic

from . import __version__
from .check import output
from .options.build import settings_from
from .options.settings import InformationWanted, UsageError
from .text import unknown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType

    from .options.settings import Settings

UNREAD_SECONDS = 10.0
"""How long somebody is waited for who does not read that the command line is wrong, or the help."""

UNKNOWN = 3

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
"""What ends a check early; Icinga sends SIGTERM and keeps what is printed then."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one check; the exit code by the Monitoring Plugins guidelines: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN."""
    end = monotonic() + UNREAD_SECONDS
    stop = None
    try:
        began = monotonic()
        settings = settings_from(sys.argv[1:] if argv is None else argv, os.environ)
        end = began + settings.timeout
        stop = _stop_descriptor()
        text, code = _run(settings, began, stop)
    except InformationWanted as wanted:
        text, code = _information(wanted.topic), UNKNOWN
    except UsageError as error:
        text, code = unknown(str(error)), UNKNOWN
    output.write(text, end - monotonic(), SIGNALS, stop)
    return code


def _run(settings: Settings, began: float, stop: int) -> tuple[str, int]:
    # Behind the settings: a mistake in these needs no nagiosplugin Check to be told.
    from .check import check  # noqa: PLC0415

    return check.perform(settings, began, stop)


def _stop_descriptor() -> int:
    """A file descriptor that becomes readable, and stays so, once one of SIGNALS has come.

    From now on these signals end nothing by themselves.  To be called in the main thread, once.
    """
    readable, writable = os.pipe()
    os.set_blocking(writable, False)
    # The interpreter writes to it at once, whichever thread the signal came to.
    signal.set_wakeup_fd(writable, warn_on_full_buffer=False)

    def note(_number: int, _frame: FrameType | None) -> None:
        # It does not where the wake-up descriptor was taken away for a moment (``smtp.patterns.found``).
        try:
            os.write(writable, b".")
        except BlockingIOError:
            return

    for number in SIGNALS:
        signal.signal(number, note)
    return readable


def _information(topic: str) -> str:
    if topic == "version":
        return f"check_smtp_status {__version__}\n"
    from .options.help import text  # noqa: PLC0415 - only here

    return text()
