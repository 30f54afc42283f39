"""The program: argv in, one verdict out."""

from __future__ import annotations

import os
import sys
from time import monotonic

from . import __version__, output
from .configure import settings_from
from .settings import InformationWanted, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

UNKNOWN = 3


def main(argv: Sequence[str] | None = None) -> int:
    """Run one check; the exit code by the Monitoring Plugins guidelines: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN."""
    try:
        text, code = _run(sys.argv[1:] if argv is None else argv)
    except InformationWanted as wanted:
        text, code = _information(wanted.topic), UNKNOWN
    except UsageError as error:
        text, code = f"SMTP UNKNOWN - {error}\n", UNKNOWN
    output.write(text)
    return code


def _run(argv: Sequence[str]) -> tuple[str, int]:
    began = monotonic()
    settings = settings_from(argv, os.environ)
    # Behind the settings: a mistake in these needs no nagiosplugin Check to be told.
    from . import check, interrupt  # noqa: PLC0415

    return check.run(settings, began, interrupt.stop_descriptor())


def _information(topic: str) -> str:
    if topic == "version":
        return f"check_smtp_status {__version__}\n"
    from .help import text  # noqa: PLC0415 - only here

    return text()
