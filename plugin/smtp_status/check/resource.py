"""The nagiosplugin Resource: holds the conversations and turns their outcomes into metrics."""

from __future__ import annotations

from functools import partial

import nagiosplugin

from .. import __version__
from ..findings import Outcome, StageTime, Target
from ..net import loop, routes
from ..net.clock import Deadline
from ..options.settings import UsageError
from ..record import NamedTuple
from ..smtp import dialogue
from ..smtp.dialogue import Dialogue
from . import states

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from ssl import SSLContext
    from typing import Callable

    from ..findings import Finding
    from ..net.conversation import Conversation, NewLayer
    from ..net.routes import Survey
    from ..options.settings import Settings
    from ..secrets.repetition import Login
    from ..smtp.plan import Plan, Route
    from ..smtp.session import Search
    from ..tls.judge import Judge
    from ..tls.layer import TlsLayer
    from ..tls.plan import TlsPlan
    from .arrivals import Arrivals
    from .several import Judgement, Verdict


MAILBOX_SECONDS = 1.0
"""How much of the time at most is kept for the mailbox after the last reply."""


class Shared(NamedTuple):
    """What the resources of many checks have in common: the TLS context and the judge of certificates for their plan
    (None: there will be no TLS), and how a pattern is searched for."""

    context: SSLContext | None
    judge: Judge | None
    search: Search


class SMTP(nagiosplugin.Resource):
    """The SMTP transaction with every target of ``settings``.

    Making it reads the certificate files; it raises UsageError where one cannot be used.  Once ``probe`` has been
    called, ``survey`` says where it went, ``outcomes`` what came of it and ``verdict`` what that means, None with a
    single target.

    ``probe`` finds the routes, holds the conversations and judges.  Whoever has a loop for many takes the first two
    steps himself: ``go``, and ``conversations`` that are to come to their end; he hands in as ``shared`` what his
    resources have in common.
    """

    def __init__(self, settings: Settings, shared: Shared | None = None) -> None:
        self.survey: Survey | None = None
        self.outcomes: tuple[Outcome, ...] = ()
        self.verdict: Verdict | None = None
        self.arrivals: Arrivals | None = None
        self.replied: dict[str, float] = {}
        """By a target's label, with a mailbox: when the reply came that decided, an instant of the monotonic clock."""
        self._settings = settings
        # What costs time of its own is loaded and read before the clock starts: it is not the server's.
        self.new_layer = _layer_maker(settings.plan.tls, shared)
        self._judge = _judge(settings.plan.tls) if shared is None else shared.judge
        dialogue.load(settings.plan)
        self._search = None if shared is None else shared.search
        self._find_routes = _route_finder(settings, self._tolerates) if shared is None else None
        self._dialogues: list[Dialogue | Outcome] = []
        if settings.arrival is not None:
            from .arrivals import Arrivals  # noqa: PLC0415 - few checks look into a mailbox

            self.arrivals = Arrivals(settings, settings.arrival, __version__)
        self._deadline = Deadline(settings.timeout)
        self._now = 0.0
        self._stop: int | None = None
        self._started = 0.0
        self._timed_out = False
        self._login = _login_of(settings)

    def limit(self, deadline: Deadline, now: float, stop: int | None) -> None:
        """When to end: at ``deadline``, or once ``stop`` is readable; ``now`` is the wall clock since the epoch."""
        self._deadline = deadline
        self._now = now
        self._stop = stop

    def probe(self) -> list[nagiosplugin.Metric]:
        """Metrics: every finding (or the verdict on several targets), ``time``, each stage that ended, ``tls_days``.

        Raises UsageError where the addresses found show that something must not be tried.
        """
        settings = self._settings
        if self._find_routes is not None:
            self.go(self._find_routes(self._deadline, self._stop))
            self._hold()
        else:
            self._timed_out = self._deadline.passed()
        assert self.survey is not None
        self.outcomes = tuple(
            dialogue.outcome(self._started) if isinstance(dialogue, Dialogue) else dialogue
            for dialogue in self._dialogues
        )
        named = settings.domain is not None
        if self._login is not None and (named or self.arrivals is not None):
            # A conversation has looked for its own secret, but not at what name servers said, nor for another.
            from .foreign import outcome_without  # noqa: PLC0415 - only with a secret

            self.outcomes = tuple(outcome_without(self._login, outcome, named) for outcome in self.outcomes)
        self._settle_mail()
        if not self.survey.routes:
            return _metrics(self.outcomes[0], self.arrivals)
        if not settings.several:
            # What is to be said of all targets is said of the only one.
            (outcome,) = self.outcomes
            self.outcomes = (outcome._replace(findings=(*self.survey.findings, *outcome.findings)),)
            return _metrics(self.outcomes[0], self.arrivals)
        if any(outcome.target.label == settings.domain for outcome in self.outcomes):
            # A domain that is its own exchanger: one name, one set of figures.
            own = self.survey.times
            self.survey = self.survey._replace(times=())
            self.outcomes = tuple(
                _with_times(outcome, own) if outcome.target.label == settings.domain else outcome
                for outcome in self.outcomes
            )
        from .several import decide  # noqa: PLC0415 - most checks have one target

        arrived = self.arrivals.of_target if self.arrivals is not None else None
        self.verdict = decide(self.outcomes, settings.rules, settings.require, settings.timeout_state, arrived)
        return self._metrics_of_several(self.verdict)

    def go(self, survey: Survey) -> None:
        """Take the routes of ``survey``.  Raises UsageError where one must not be gone."""
        settings = self._settings
        if settings.plan.credentials is not None:
            _check_login(settings.plan, survey.routes)
        if settings.several:
            survey = survey._replace(routes=routes.labelled(survey.routes, settings.all_addresses))
        if self._login is not None:
            from .foreign import survey_without  # noqa: PLC0415 - only with a secret

            survey = survey_without(self._login, survey, settings.domain is not None)
        self.survey = survey
        ended = self._deadline.elapsed()
        if not survey.routes:
            # The domain has no exchangers, and what is wrong with it is all there is to say.  But mail of earlier runs
            # may have arrived.
            self._started = self._deadline.started
            target = Target(settings.domain or "", ())
            self._dialogues = [Outcome(target, survey.findings, survey.times, ended)]
            self._open_mailbox([""])
            return
        # The mailbox is no part of the total, which is SMTP's.
        labels = [route.target.label for route in survey.routes]
        self._started = self._deadline.started + self._open_mailbox(labels)
        self._dialogues = [
            Dialogue(
                self._plan_for(route.target),
                route,
                self._now,
                self._judge,
                self._tolerates,
                search=self._search,
                share=len(survey.routes),
            )
            if route.target.addresses
            else _dead_end(route, ended)
            for route in survey.routes
        ]

    def conversations(self) -> list[Conversation]:
        """The conversations there are to hold."""
        return [dialogue.run() for dialogue in self._dialogues if isinstance(dialogue, Dialogue)]

    def _hold(self) -> None:
        deadline = self._deadline
        assert self.survey is not None
        if not self.survey.routes:
            return
        with_mailbox = self.arrivals is not None and self.arrivals.settlement.noted
        spare = min(MAILBOX_SECONDS, self._settings.timeout / 10) if with_mailbox else 0.0
        deadline.at -= spare
        end = deadline.at
        loop.converse(self.conversations(), deadline, self.new_layer, self._settings.source, self._stop)
        self._timed_out = deadline.passed()
        if deadline.at == end:  # not ended by a signal
            deadline.at += spare

    def _plan_for(self, target: Target) -> Plan:
        """What is said to one target: its message bears its own token."""
        plan = self._settings.plan
        sealing = self._settings.sealing
        if plan.message is not None and sealing is not None:
            from ..arrival import seal  # noqa: PLC0415 - few checks have a receiver elsewhere

            return plan._replace(message=seal.sealed(plan.message, sealing, __version__, self._now))
        if self.arrivals is None or plan.message is None:
            return plan
        return plan._replace(message=self.arrivals.settlement.labelled(plan.message, target.label))

    def _open_mailbox(self, labels: Sequence[str]) -> float:
        """Seconds that the mailbox took before any mail was sent."""
        if self.arrivals is None:
            return 0.0
        began = self._deadline.elapsed()
        self.arrivals.settlement.begin(labels, self._deadline, self._stop)
        return self._deadline.elapsed() - began

    def _settle_mail(self) -> None:
        if self.arrivals is None:
            return
        from .arrivals import sent  # noqa: PLC0415 - loaded by now

        told = {outcome.target.label: sent(outcome, self._started) for outcome in self.outcomes}
        self.replied = {label: what.at for label, what in told.items()}
        self.arrivals.settlement.finish(told, self._deadline)
        assert self._login is not None
        self.arrivals.judge(tuple(told), self._login)

    def _tolerates(self, finding: Finding) -> bool:
        """Whether a conversation goes on beside a fault: where it keeps no mail away, or ``--state`` has it so.

        That takes a rule for its stage, and with a login one that calls the fault by its kind: nobody is to give a
        password to a stranger unawares (``options.tlsplan.tolerated`` has the same of a handshake).
        """
        rule = states.rule_of(finding, self._settings.rules)
        if rule is not None and rule.state == "critical":
            return False
        named = rule is not None and (rule.what or (rule.stage != "any" and not self._settings.plan.logs_in))
        return bool(named) or finding.default == "warning"

    def _metrics_of_several(self, verdict: Verdict) -> list[nagiosplugin.Metric]:
        """The verdict, what is to be said of the domain itself, and each target's own."""
        assert self.survey is not None
        metrics = [nagiosplugin.Metric("verdict", verdict), *_of_findings(self.survey.findings)]
        ended = max(judgement.outcome.total for judgement in verdict.judgements)
        metrics.append(_total(ended, judged=self._time_counts(verdict)))
        arrivals = self.arrivals
        if arrivals is not None:
            metrics += [*arrivals.times(), *arrivals.days(), *arrivals.counts()]
        for stage, seconds in self.survey.times:
            name = f"{self._settings.domain}_time_{stage}"
            metrics.append(nagiosplugin.Metric(name, seconds, "s", 0, context=f"time_{stage}"))
        for judgement in verdict.judgements:
            metrics.extend(_metrics_of_one(judgement, arrivals))
        return metrics if arrivals is None else [*metrics, *arrivals.findings(several=True)]

    def _time_counts(self, verdict: Verdict) -> bool:
        """Whether the total is to be judged: that of targets that timed out says nothing of the others."""
        if not self._timed_out:
            return True
        totals = [one.outcome.total for one in verdict.judgements if one.finding.kind != "timeout"]
        limits = [limit for limit in (self._settings.warning, self._settings.critical) if limit is not None]
        return bool(totals) and not all(limit.match(max(totals)) for limit in limits)


def _route_finder(settings: Settings, tolerates: Callable[[Finding], bool]) -> Callable[[Deadline, int | None], Survey]:
    if settings.domain is not None or settings.dane != "off" or settings.nameserver is not None:
        from ..maildomain.routes import Finder  # noqa: PLC0415 - dnspython costs more than all the rest of a check

        return Finder(settings, tolerates)
    survey = routes.to_addresses(settings.hosts, settings.port, settings.family)
    if survey is not None:
        return lambda _deadline, _stop: survey
    from ..net.resolve import of_hosts  # noqa: PLC0415 - addresses need no resolver

    return partial(of_hosts, settings.hosts, settings.port, settings.family)


def _judge(plan: TlsPlan) -> Judge | None:
    """The judge of the run's certificates, None where there will be none."""
    if plan.mode == "off":
        return None
    from ..tls.judge import Judge  # noqa: PLC0415 - only with TLS

    try:
        return Judge(plan)
    except ValueError as error:
        raise UsageError(str(error)) from None


def _login_of(settings: Settings) -> Login | None:
    if settings.plan.credentials is None and settings.arrival is None:
        return None
    from .foreign import login_of  # noqa: PLC0415 - most checks do not log in

    return login_of(settings)


def _layer_maker(plan: TlsPlan, shared: Shared | None) -> NewLayer:
    """What makes TLS layers; their context is made first, since it costs more than all of them."""
    context = None if shared is None else shared.context
    if plan.mode != "off":
        from ..net import handshaking  # noqa: F401, PLC0415 - only with TLS, and before any clock starts
    if plan.mode != "off" and context is None:
        from ..tls.context import make_context  # noqa: PLC0415 - ssl costs a third of a check without it

        try:
            context = make_context(plan)
        except ValueError as error:
            raise UsageError(str(error)) from None

    def new_layer(plan: TlsPlan, name: str) -> TlsLayer:
        from ..tls.layer import TlsLayer  # noqa: PLC0415 - as above

        assert context is not None
        return TlsLayer(context, name, plan)

    return new_layer


def _check_login(plan: Plan, found: Iterable[Route]) -> None:
    from ..options.credentials import plaintext_refusal  # noqa: PLC0415 - most checks do not log in

    for route in found:
        for address in route.target.addresses:
            refusal = plaintext_refusal(plan, address.text)
            if refusal is not None:
                raise refusal


def _with_times(outcome: Outcome, more: Iterable[StageTime]) -> Outcome:
    """``outcome`` with the times of stages before its own, added up where it has the stage too."""
    times = dict(outcome.times)
    early = {stage: seconds + times.pop(stage, 0.0) for stage, seconds in more}
    return outcome._replace(times=tuple(StageTime(*time) for time in (*early.items(), *times.items())))


def _dead_end(route: Route, elapsed: float) -> Outcome:
    seconds = route.target.dns_seconds
    times = () if seconds is None else (StageTime("dns", seconds),)
    return Outcome(route.target, route.findings, times, elapsed)


def _metrics(outcome: Outcome, arrivals: Arrivals | None = None) -> list[nagiosplugin.Metric]:
    # What the deadline cut short is not judged by its time any more; what keeps no mail away cut nothing short.
    cut_short = (finding for finding in outcome.findings if finding.stage != "quit" and not finding.default)
    timed_out = any(finding.kind == "timeout" for finding in cut_short)
    total = _total(outcome.total, judged=not timed_out)
    metrics = [*_of_findings(outcome.findings), total, *_stage_metrics(outcome, arrivals)]
    if arrivals is not None:
        metrics += [*arrivals.days(), *arrivals.ages(), *arrivals.counts(), *arrivals.findings(several=False)]
    return metrics


def _of_findings(findings: Iterable[Finding]) -> list[nagiosplugin.Metric]:
    return [nagiosplugin.Metric(finding.stage, finding, context="finding") for finding in findings]


def _metrics_of_one(judgement: Judgement, arrivals: Arrivals | None) -> list[nagiosplugin.Metric]:
    """One of several targets: its times and days count only where it accepts; else its finding says enough."""
    outcome = judgement.outcome
    total = nagiosplugin.Metric(f"{outcome.target.label}_time", outcome.total, "s", 0, context="unjudged")
    metrics = [total, *_stage_metrics(outcome, arrivals, f"{outcome.target.label}_")]
    if arrivals is not None:
        metrics += arrivals.ages(outcome.target.label)
    if judgement.accepts:
        return metrics
    return [
        metric.replace(context="unjudged_days" if metric.context == "tls_days" else "unjudged")
        if metric.context != "arrival"
        else metric
        for metric in metrics
    ]


def _total(seconds: float, judged: bool) -> nagiosplugin.Metric:
    return nagiosplugin.Metric("time", seconds, "s", 0, context="time" if judged else "time_unjudged")


def _stage_metrics(outcome: Outcome, arrivals: Arrivals | None, before: str = "") -> list[nagiosplugin.Metric]:
    metrics = [
        nagiosplugin.Metric(f"{before}time_{stage}", seconds, "s", 0, context=f"time_{stage}")
        for stage, seconds in outcome.times
    ]
    if arrivals is not None:
        metrics += arrivals.times(outcome.target.label)
    if outcome.tls_days is not None:
        metrics.append(nagiosplugin.Metric(f"{before}tls_days", outcome.tls_days, context="tls_days"))
    return metrics
