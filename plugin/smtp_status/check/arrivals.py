"""Arrival on the nagiosplugin side: metrics of what a mailbox tells, and what the sentences say of its probes."""

from __future__ import annotations

import nagiosplugin

from ..arrival.judgement import figures, findings, ledger_of, rows, shown_seconds, time_of
from ..arrival.settlement import Sent, Settlement
from ..stages import MAILBOX_STAGES
from . import states
from .contexts import SERVICE_STATES, DaysContext, SecondsContext, limit_words, of_stages
from .stagetable import Row
from .summary import Part

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from nagiosplugin import Metric, Resource, Result

    from ..arrival.judgement import ArrivalFinding, Figures
    from ..arrival.settlement import Settled
    from ..findings import Finding, Outcome
    from ..options.arrivalplan import ArrivalPlan, Threshold
    from ..options.settings import Settings
    from ..secrets.repetition import Login


class Arrivals:
    """What became of this run's probes and of those before: judged once ``judge`` was called."""

    def __init__(self, settings: Settings, plan: ArrivalPlan, version: str) -> None:
        """Reads the certificate files; raises UsageError where one cannot be used."""
        self.plan = plan
        self.settlement = Settlement(plan, version)
        self.seen: Settled
        self._login: Login | None = None
        self.told: tuple[ArrivalFinding, ...] = ()
        self._labels: Sequence[str] = ()
        self.figures: Figures | None = None
        self._warning = settings.stage_warning.get("arrive")
        self._critical = settings.stage_critical.get("arrive")

    def judge(self, labels: Sequence[str], login: Login) -> None:
        """Look at what was found; ``labels`` are those of the targets, and nothing of ``login`` is shown."""
        from .foreign import told_without  # noqa: PLC0415 - only with a secret

        self._login = login
        self._labels = labels
        self.seen = self.settlement.outcome(login)
        self.told = tuple(told_without(login, findings(self.seen, self.plan, labels, self._late)))
        self.figures = figures(self.seen, labels)

    def _late(self, seconds: float) -> tuple[str, str]:
        for state, limit in (("critical", self._critical), ("warning", self._warning)):
            if limit is not None and not limit.match(seconds):
                return state, limit_words(limit, seconds)
        return "", ""

    def of_target(self, label: str) -> list[Finding]:
        """The findings that are about one of several targets."""
        return [told.finding for told in self.told if told.finding.stage == "arrive" and told.label == label]

    # -- metrics

    def times(self, label: str = "") -> list[Metric]:
        """What stands behind the stage times of a target, or of the only one."""
        made = []
        if not label and self.seen.seconds is not None:
            made.append(nagiosplugin.Metric("time_imap", self.seen.seconds, "s", 0, context="time_imap"))
        if self.figures is not None and label in self.figures.longest:
            made.append(_seconds(label, "time_arrive", self.figures.longest[label]))
        return made

    @property
    def general(self) -> int:
        """How many figures are about no target, where there are several."""
        return len(self.times()) + len(self.days()) + len(self.counts())

    def ages(self, label: str = "") -> list[Metric]:
        """How long the oldest probe of a target is under way."""
        if self.figures is None or label not in self.figures.oldest:
            return []
        return [_seconds(label, "time_pending", self.figures.oldest[label])]

    def days(self) -> list[Metric]:
        """Days of the mailbox's certificate."""
        days = self.seen.tls_days
        return [] if days is None else [nagiosplugin.Metric("imap_tls_days", days, context="imap_tls_days")]

    def counts(self) -> list[Metric]:
        """What was counted."""
        counted = self.figures
        values: list[tuple[str, int]] = []
        if counted is not None:
            values = [("arrived", counted.arrived), ("pending", counted.pending)]
            values += [("lost", counted.lost), ("spam", counted.spam)]
        if self.seen.messages is not None:
            values.append(("mailbox", self.seen.messages))
        return [nagiosplugin.Metric(name, value, context=name) for name, value in values]

    def findings(self, *, several: bool) -> list[Metric]:
        """What was found; with several targets what is about one of them is part of the verdict."""
        told = [one for one in self.told if not several or one.finding.stage != "arrive" or self.former(one)]
        return [
            nagiosplugin.Metric(
                one.finding.stage, one.finding, context="former" if several and self.former(one) else "finding"
            )
            for one in told
        ]

    # -- words

    def told_by(self, finding: Finding) -> ArrivalFinding | None:
        """The judgement that ``finding`` is of, None where it is none of these."""
        return next((told for told in self.told if told.finding is finding), None)

    def former(self, told: ArrivalFinding) -> str:
        """The target that ``told`` is about where only earlier runs had it, else ''."""
        return "" if told.label in ("", *self._labels) else told.label

    def own_words(self) -> str:
        """What became of this run's only probe, for the sentence of success."""
        account = self.seen.account
        for one in account.arrived if account is not None else ():
            if one.note.own:
                return f"arrived in {self.seen.folders[one.copy.folder]} after {time_of(one)} s"
        for missing in account.pending if account is not None else ():
            if missing.note.own:
                return f"not arrived within {shown_seconds(missing.age)} s"
        return ""

    def after_words(self) -> str:
        """The same in brackets behind a fault of the mailbox."""
        own = ledger_of(self.seen).own
        return f"arrived after {time_of(own[0])} s" if own else ""

    def all_words(self, count: int) -> str:
        """What became of this run's probes to ``count`` targets."""
        account = self.seen.account
        if account is None:
            return ""
        own = ledger_of(self.seen).own
        longest = f" after at most {max(one.seconds for one in own):.3f} s" if own else ""
        return f"{len(own)} of {count} probes arrived{longest}"

    def parts(self, told: ArrivalFinding | None = None) -> list[Part]:
        """What stands in brackets: the remark of ``told``, then what is not zero, but for what ``told`` says."""
        known = ledger_of(self.seen)
        parts = []
        if told is not None:
            parts += [Part(told.remark), Part(told.hop, "hop")]
        if known.earlier:
            parts.append(Part(f"{known.earlier} earlier arrived after at most {known.slowest} s", "earlier"))
        kind = "" if told is None else told.finding.kind
        counted = told is not None and told.finding.cause == f"{known.pending} under way"
        if known.pending and not counted:
            parts.append(Part(f"{known.pending} pending", "pending"))
        if known.lost and kind != "lost":
            parts.append(Part(f"{known.lost} lost", "pending"))
        return [part for part in parts if part.text]

    def trouble(self) -> list[Part]:
        """What is wrong with the mailbox, in brackets behind a fault of SMTP."""
        failure = self.seen.failure
        if failure is None:
            return []
        return [Part(f"imap: {failure.cause}"), *([Part("mailbox full")] if failure.kind == "full" else [])]

    def rows(self) -> list[Row]:
        """The rows of the stage table."""
        seen, known = self.seen, ledger_of(self.seen)
        wrong = {told.finding.stage: told.finding for told in reversed(self.told)}
        made = []
        if "imap" in wrong or seen.seconds is not None:
            made.append(Row("imap", seen.seconds, _said(wrong.get("imap"), f"{self.plan.host} port {self.plan.port}")))
        if seen.account is not None:
            seconds = max((one.seconds for one in known.own), default=None)
            made.append(Row("arrive", seconds, _said(wrong.get("arrive"), self.own_words())))
        if "clean" in wrong:
            made.append(Row("clean", None, _said(wrong["clean"], "")))
        return made

    def details(self) -> list[str]:
        """Lines for ``-v`` below the table."""
        assert self._login is not None
        return self._login.cleared([*rows(self.seen, self.plan), *self.seen.details])


def sent(outcome: Outcome, started: float) -> Sent:
    """What became of the probe in a conversation; ``started``: the instant its total counts from."""
    found = [finding for finding in outcome.findings if finding.stage == "message"]
    at = started + outcome.total
    if any(finding.succeeded for finding in found):
        return Sent("sent", at)
    # Without a reply nobody knows whether the server has it.
    return Sent("unsent" if any(not finding.codes for finding in found) else "refused", at)


def contexts(settings: Settings, plan: ArrivalPlan) -> list[nagiosplugin.Context]:
    """The contexts of what ``Arrivals`` and the stages of a mailbox measure."""
    warning, critical = settings.stage_warning.get("arrive"), settings.stage_critical.get("arrive")
    return [
        SecondsContext("arrival", warning, critical, judged=False),
        DaysContext("imap_tls_days", *settings.certificate_days),
        CountContext("arrived"),
        CountContext("pending", plan.pending),
        CountContext("lost", plan.lost),
        CountContext("spam"),
        CountContext("mailbox"),
        FormerContext(settings),
        *of_stages(settings, MAILBOX_STAGES),
    ]


class FormerContext(nagiosplugin.Context):
    """The state of one finding about a target that only earlier runs had, beside several; no perfdata."""

    def __init__(self, settings: Settings) -> None:
        super().__init__("former")
        self._settings = settings

    def evaluate(self, metric: Metric, resource: Resource) -> Result:
        from .several import of_former  # noqa: PLC0415 - hardly ever

        settings = self._settings
        state = states.state_of(metric.value, settings.rules, settings.timeout_state)
        return self.result_cls(SERVICE_STATES[of_former(metric.value, state, settings.require)], None, metric)


class CountContext(nagiosplugin.Context):
    """A number of messages, which a finding judges."""

    def __init__(self, name: str, limits: Threshold | None = None) -> None:
        super().__init__(name)
        self._limits = limits or (None, None)

    def evaluate(self, metric: Metric, resource: Resource) -> Result:
        return self.result_cls(nagiosplugin.Ok, None, metric)

    def performance(self, metric: Metric, resource: Resource) -> str:
        limits = ("" if limit is None else str(limit) for limit in self._limits)
        return ";".join((f"{metric.name}={metric.value}", *limits)).rstrip(";")


def _said(fault: Finding | None, otherwise: str) -> str:
    return otherwise if fault is None else f"{fault.kind}: {fault.cause}"


def _seconds(label: str, name: str, value: float) -> Metric:
    return nagiosplugin.Metric(f"{label}_{name}" if label else name, value, "s", 0, context="arrival")
