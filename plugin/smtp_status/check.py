"""The nagiosplugin Check: one run from settings to output and exit code."""

from __future__ import annotations

from time import time

import nagiosplugin

from . import output
from .contexts import SMTPResults, contexts
from .engine import Deadline
from .resource import SMTP
from .summary import SMTPSummary, verbose_blocks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .settings import Settings


class SMTPCheck(nagiosplugin.Check):  # type: ignore[misc]
    """A check with its perfdata in the order of the stages; nagiosplugin sorts them as text."""

    def __init__(self, resource: SMTP, settings: Settings) -> None:
        super().__init__(resource, *contexts(settings), SMTPSummary(resource, settings), SMTPResults())
        self.name = "SMTP"  # not by the constructor: nagiosplugin 1.3 does not take it

    def __call__(self) -> None:
        super().__call__()
        order = {result.metric.name: place for place, result in enumerate(self.results.results)}
        self.perfdata.sort(key=lambda item: order[item.partition("=")[0]])

    @property
    def first_line(self) -> str:
        """State and sentence, without perfdata."""
        return f"{self.name} {str(self.state).upper()} - {self.summary_str}"


def run(settings: Settings, began: float, stop: int | None) -> tuple[str, int]:
    """Run the check: the whole output, and the exit code.

    ``began`` is the instant of the monotonic clock the deadline counts from; ``stop`` a file descriptor that is
    readable once the run has to end.  Raises UsageError.
    """
    resource = SMTP(settings)
    check = SMTPCheck(resource, settings)
    resource.limit(Deadline(settings.timeout, began), time(), stop)
    check()
    blocks = verbose_blocks(resource, settings.verbose)
    status = "OK" if check.state == nagiosplugin.Ok else "FAIL"
    ending = f"SMTP SERVER STATUS : {status}" if settings.verbose > 1 else ""
    return output.render(check.first_line, blocks, ending, check.perfdata), check.exitcode
