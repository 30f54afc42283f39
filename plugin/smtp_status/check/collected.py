"""A check that sends nothing: has the newest probe of another host arrived, and is it new enough?"""

from __future__ import annotations

import nagiosplugin

from ..arrival.collection import Collection
from ..findings import Finding
from ..net.clock import Deadline
from ..text import clean, cut, middle
from . import output, states
from .arrivals import CountContext
from .contexts import DaysContext, FindingContext, SecondsContext, SMTPResults, limit_words
from .summary import HOST_SHOWN, SENTENCE, excess

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from nagiosplugin import Metric, Results

    from ..arrival.collection import Collected, Found
    from ..options.arrivalplan import ArrivalPlan, Collect
    from ..options.settings import Settings


class Collecting(nagiosplugin.Resource):
    """The mailbox; ``seen`` and ``told`` once it was probed."""

    def __init__(self, settings: Settings, plan: ArrivalPlan, collect: Collect) -> None:
        """Reads the certificate files; raises UsageError where one cannot be used."""
        self.collection = Collection(plan, collect)
        self.seen: Collected
        self.told: list[tuple[Finding, str]] = []
        """Findings, each with what stands in brackets behind it."""
        self.plan = plan
        self.collect = collect
        self._limits = (
            ("critical", settings.stage_critical.get("arrive")),
            ("warning", settings.stage_warning.get("arrive")),
        )
        self._deadline = Deadline(settings.timeout)
        self._stop: int | None = None

    def limit(self, deadline: Deadline, stop: int | None) -> None:
        """When to end."""
        self._deadline = deadline
        self._stop = stop

    def probe(self) -> list[Metric]:
        """Metrics: ``time``, ``time_imap``, ``time_arrive``, ``imap_tls_days``, ``time_pending``, ``mailbox``, and
        every finding."""
        seen = self.seen = self.collection.run(self._deadline, self._stop)
        self.told = self._findings(seen)
        metrics = [nagiosplugin.Metric("time", self._deadline.elapsed(), "s", 0, context="time")]
        if seen.seconds is not None:
            metrics.append(nagiosplugin.Metric("time_imap", seen.seconds, "s", 0, context="time_imap"))
        if seen.newest is not None:
            metrics.append(nagiosplugin.Metric("time_arrive", took(seen.newest), "s", 0, context="arrival"))
        days = self.collection.session.tls_days
        if days is not None:
            metrics.append(nagiosplugin.Metric("imap_tls_days", days, context="imap_tls_days"))
        if seen.newest is not None:
            overdue = max(seen.now - seen.newest.sent - self.collect.every, 0.0)
            metrics.append(nagiosplugin.Metric("time_pending", overdue, "s", 0, context="arrival"))
        if seen.messages is not None:
            metrics.append(nagiosplugin.Metric("mailbox", seen.messages, context="mailbox"))
        return metrics + [nagiosplugin.Metric(one.stage, one, context="finding") for one, _ in self.told]

    def _findings(self, seen: Collected) -> list[tuple[Finding, str]]:
        told = [(Finding("imap", fault.kind, cause=fault.cause), "") for fault in self.collection.session.faults]
        if seen.failure is not None:
            told.append((Finding("imap", seen.failure.kind, cause=seen.failure.cause), ""))
        if seen.seconds is not None:
            told += self._of_newest(seen)
        if seen.unclean is not None:
            left = "1 message left" if seen.left == 1 else f"{seen.left} messages left"
            told.append((Finding("clean", seen.unclean.kind, cause=seen.unclean.cause), left))
        return told

    def _of_newest(self, seen: Collected) -> list[tuple[Finding, str]]:
        wanted, newest = f"one every {self.collect.every} s wanted", seen.newest
        if newest is None:
            cause = f"no probe {self.plan.name} has arrived, {wanted}"
            return [(Finding("arrive", "lost", cause=cause, default="critical"), "")]
        told = []
        age = seen.now - newest.sent
        state, _ = self._late(age - self.collect.every)
        if state:
            cause = f"no probe {self.plan.name} sent in the last {age:.0f} s has arrived, {wanted}"
            told.append((Finding("arrive", "late", cause=cause, default=state), ""))
        state, words = self._late(took(newest))
        if state:
            cause = f"arrive took {took(newest):.3f} s, {words}"
            told.append((Finding("arrive", "late", cause=cause, default=state), ""))
        if not seen.right:
            told.append((Finding("arrive", "spam", cause=f"landed in {seen.folder} after {took(newest):.0f} s"), ""))
        return told

    def _late(self, seconds: float) -> tuple[str, str]:
        for state, limit in self._limits:
            if limit is not None and seconds > 0 and not limit.match(seconds):
                return state, limit_words(limit, seconds)
        return "", ""


class CollectingSummary(nagiosplugin.Summary):
    """Writes the sentence of the first line."""

    def __init__(self, resource: Collecting) -> None:
        self._resource = resource

    def ok(self, results: Results) -> str:
        resource, seen = self._resource, self._resource.seen
        where = middle(clean(resource.plan.host), HOST_SHOWN)
        if seen.newest is None:
            finding, _ = resource.told[0]
            return cut(f"{where} {finding.stage}: {finding.cause} (tolerated)", SENTENCE)
        newest = seen.newest
        age = max(seen.now - newest.sent, 0.0)
        return cut(
            f"{where} has probe {resource.plan.name} in {seen.folder}, sent {age:.0f} s ago,"
            f" arrived after {took(newest):.0f} s",
            SENTENCE,
        )

    def problem(self, results: Results) -> str:
        worst = [one for one in results.results if one.state == results.most_significant_state]
        finding = next((one.metric.value for one in worst if one.metric.context == "finding"), None)
        where = middle(clean(self._resource.plan.host), HOST_SHOWN)
        if finding is None:
            return f"{where}: {excess(worst[0])}"
        remark = next(remark for told, remark in self._resource.told if told is finding)
        after = f" ({remark})" if remark else ""
        before = f"{where} {finding.stage}: "
        return before + cut(finding.cause, SENTENCE - len(before) - len(after)) + after


def perform(settings: Settings, plan: ArrivalPlan, collect: Collect, began: float, stop: int | None) -> tuple[str, int]:
    """Run the check: the whole output, and the exit code.  As ``check.perform``."""
    resource = Collecting(settings, plan, collect)
    warning, critical = settings.stage_warning, settings.stage_critical
    check = nagiosplugin.Check(
        resource,
        FindingContext(settings),
        SecondsContext("time", settings.warning, settings.critical),
        SecondsContext("time_imap", warning.get("imap"), critical.get("imap")),
        SecondsContext("arrival", warning.get("arrive"), critical.get("arrive"), judged=False),
        DaysContext("imap_tls_days", *settings.certificate_days),
        CountContext("mailbox"),
        CollectingSummary(resource),
        SMTPResults(),
    )
    resource.limit(Deadline(settings.timeout, began), stop)
    check()
    order = {result.metric.name: place for place, result in enumerate(check.results.results)}
    perfdata = sorted(check.perfdata, key=lambda item: order[item.partition("=")[0]])
    if settings.output_format == "json":
        from . import document  # noqa: PLC0415 - for programs only

        told = document.Conclusion(str(check.state), check.exitcode, check.summary_str, perfdata)
        return document.whole(told, arrival=_document(resource, settings)), check.exitcode
    session = resource.collection.session
    status = "OK" if check.state == nagiosplugin.Ok else "FAIL"
    ending = f"SMTP SERVER STATUS : {status}" if settings.verbose > 1 else ""
    table = tuple(session.details) if settings.verbose else ()
    transcript = tuple(session.transcript()) if settings.verbose > 1 else ()
    first = f"SMTP {str(check.state).upper()} - {check.summary_str}"
    return output.render(first, [output.Section(table, transcript, perfdata)], ending), check.exitcode


def _document(resource: Collecting, settings: Settings) -> dict[str, Any]:
    """What is told to programs of the mailbox and the newest probe; of the others nothing is known."""
    from .document import MOST_LINES, expires, of_mailbox  # noqa: PLC0415 - for programs only

    seen, session = resource.seen, resource.collection.session
    newest = seen.newest
    told: dict[str, Any] = {
        "seconds": None if seen.seconds is None else round(seen.seconds, 6),
        "arrived": None if seen.seconds is None else int(newest is not None),
        "pending": None,
        "lost": None,
        "spam": None if seen.seconds is None else int(newest is not None and not seen.right),
        "slowest": None if newest is None else round(took(newest), 6),
        "oldest": None,
        "messages": seen.messages,
        "certificate_days": session.tls_days,
        "certificate_expires": expires(session.tls_days),
        "findings": [
            of_mailbox(finding, remark, states.state_of(finding, settings.rules, settings.timeout_state))
            for finding, remark in resource.told
        ],
        "details": list(session.details),
    }
    if settings.verbose > 1:
        told["transcript"] = list(session.transcript()[:MOST_LINES])
    return told


def took(found: Found) -> float:
    """Seconds from one host's clock to another's, not below 0."""
    return max(found.came - found.sent, 0.0)
