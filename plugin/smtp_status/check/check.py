"""The nagiosplugin Check: one run from settings to output and exit code."""

from __future__ import annotations

from time import time

import nagiosplugin

from ..findings import Outcome, Target
from ..net.clock import Deadline
from . import output
from .contexts import SMTPResults, contexts
from .resource import SMTP
from .summary import SMTPSummary

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..options.settings import Settings
    from .arrivals import Arrivals
    from .several import Verdict


class SMTPCheck(nagiosplugin.Check):
    """A check with its perfdata in the order of the stages; nagiosplugin sorts them as text.

    ``like``: another check, whose settings judge in the same way, to have the contexts in common with.
    """

    def __init__(self, resource: SMTP, settings: Settings, like: SMTPCheck | None = None) -> None:
        made = contexts(settings) if like is None else []
        if settings.arrival is not None:
            from . import arrivals  # noqa: PLC0415 - few checks look into a mailbox

            made += arrivals.contexts(settings, settings.arrival)
        super().__init__(resource, *made, _summary(resource, settings), SMTPResults())
        if like is not None:
            self.contexts: nagiosplugin.context.Contexts = like.contexts
        self.name = "SMTP"  # not by the constructor: nagiosplugin 1.3 does not take it

    def __call__(self) -> None:
        super().__call__()
        order = {result.metric.name: place for place, result in enumerate(self.results.results)}
        self.perfdata.sort(key=lambda item: order[item.partition("=")[0]])

    @property
    def first_line(self) -> str:
        """State and sentence, without perfdata."""
        return f"{self.name} {str(self.state).upper()} - {self.summary_str}"


def _summary(resource: SMTP, settings: Settings) -> SMTPSummary:
    if not settings.several and settings.arrival is None:
        return SMTPSummary(resource, settings)
    from .combined import CombinedSummary  # noqa: PLC0415 - most checks are of one server alone

    return CombinedSummary(resource, settings)


def perform(settings: Settings, began: float, stop: int | None) -> tuple[str, int]:
    """Run the check: the whole output, and the exit code.

    ``began`` is the instant of the monotonic clock the deadline counts from; ``stop`` a file descriptor that is
    readable once the run has to end.  Raises UsageError.
    """
    arrival = settings.arrival
    if arrival is not None and arrival.collect is not None:
        from . import collected  # noqa: PLC0415 - few checks only receive

        return collected.perform(settings, arrival, arrival.collect, began, stop)
    resource = SMTP(settings)
    check = SMTPCheck(resource, settings)
    resource.limit(Deadline(settings.timeout, began), time(), stop)
    check()
    return report(check, resource, settings)


def report(check: SMTPCheck, resource: SMTP, settings: Settings) -> tuple[str, int]:
    """The whole output and the exit code of a check that was run."""
    if settings.output_format == "json":
        from . import document  # noqa: PLC0415 - for programs only

        told = document.Conclusion(str(check.state), check.exitcode, check.summary_str, check.perfdata)
        return document.render(told, resource, settings), check.exitcode
    status = "OK" if check.state == nagiosplugin.Ok else "FAIL"
    ending = f"SMTP SERVER STATUS : {status}" if settings.verbose > 1 else ""
    survey = resource.survey
    assert survey is not None
    opening = survey.details if settings.verbose else ()
    if resource.verdict is None:
        section = _shown(resource.outcomes[0], settings.verbose, arrivals=resource.arrivals)
        sections = [section._replace(perfdata=check.perfdata)]
        return output.render(check.first_line, sections, ending, opening=opening), check.exitcode
    arrivals = resource.arrivals
    own = 1 + len(survey.times) + (arrivals.general if arrivals is not None else 0)
    sections = _sections(resource.verdict, check.perfdata[own:], settings.verbose, arrivals)
    if arrivals is not None and settings.verbose:
        # What was seen in the mailbox is about all targets.
        sections.append(output.Section(_table_of(arrivals), arrivals.seen.transcript if settings.verbose > 1 else ()))
    return output.render(check.first_line, sections, ending, check.perfdata[:own], opening), check.exitcode


def _sections(verdict: Verdict, perfdata: list[str], verbose: int, arrivals: Arrivals | None) -> list[output.Section]:
    """One section for each target, with the perfdata that is its own."""
    worst = verdict.worst
    sections = []
    left = perfdata
    for judgement in verdict.judgements:
        outcome = judgement.outcome
        count = 1 + len(outcome.times) + (outcome.tls_days is not None)
        if arrivals is not None:
            count += len(arrivals.times(outcome.target.label)) + len(arrivals.ages(outcome.target.label))
        section = _shown(outcome, verbose, f"{outcome.target.label}:")
        expendable = judgement.state == "ok" or judgement != worst
        sections.append(section._replace(perfdata=left[:count], expendable=expendable))
        left = left[count:]
    assert not left, "a figure that no target claims"
    return sections


def _shown(outcome: Outcome, verbose: int, heading: str = "", arrivals: Arrivals | None = None) -> output.Section:
    """Stage table and details at ``-v``, the transcript too at ``-vv``."""
    if not verbose:
        return output.Section()
    from .stagetable import stage_table  # noqa: PLC0415 - for -v only

    rows = arrivals.rows() if arrivals is not None else []
    table = ([heading] if heading else []) + [*stage_table(outcome, rows), *outcome.details]
    if arrivals is None:
        return output.Section(table, outcome.transcript if verbose > 1 else ())
    transcript = (*outcome.transcript, "=== mailbox", *arrivals.seen.transcript)
    return output.Section([*table, *arrivals.details()], transcript if verbose > 1 else ())


def _table_of(arrivals: Arrivals) -> list[str]:
    from .stagetable import stage_table  # noqa: PLC0415 - as above

    nobody = Outcome(Target("", ()), ())
    return ["mailbox:", *stage_table(nobody, arrivals.rows()), *arrivals.details()]
