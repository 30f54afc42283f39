"""The nagiosplugin Resource: holds the conversations and turns their outcomes into metrics."""

from __future__ import annotations

import nagiosplugin

from . import engine, labels
from .dialogue import Dialogue
from .model import Finding, Outcome, StageTime
from .planning import plaintext_refusal
from .resolve import look_up
from .settings import UsageError
from .verdict import Judgement, Verdict, decide

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .model import Target
    from .plan import Plan, TlsPlan
    from .resolve import Lookup
    from .settings import Settings
    from .tls import TlsLayer


class SMTP(nagiosplugin.Resource):  # type: ignore[misc]
    """The SMTP transaction with every target of ``settings``.

    Making it reads the certificate files; it raises UsageError where one cannot be used.  Once ``probe`` has been
    called, ``outcomes`` holds what came of it and ``verdict`` what it means, None with a single target.
    """

    def __init__(self, settings: Settings) -> None:
        self.outcomes: tuple[Outcome, ...] = ()
        self.verdict: Verdict | None = None
        self._settings = settings
        self._new_layer = _LayerMaker(settings.plan)
        self._deadline = engine.Deadline(settings.timeout)
        self._now = 0.0
        self._stop: int | None = None

    def limit(self, deadline: engine.Deadline, now: float, stop: int | None) -> None:
        """When to end: at ``deadline``, or once ``stop`` is readable; ``now`` is the wall clock since the epoch."""
        self._deadline = deadline
        self._now = now
        self._stop = stop

    def probe(self) -> list[nagiosplugin.Metric]:
        """Metrics: every finding (or the verdict on several targets), ``time``, each stage that ended, ``tls_days``.

        Raises UsageError where the addresses found show that something must not be tried.
        """
        settings = self._settings
        targets = self._targets()
        self.outcomes = self._converse(targets)
        if not settings.several:
            return _metrics(self.outcomes[0])
        self.verdict = decide(self.outcomes, settings.rules, settings.require, settings.timeout_state)
        return _metrics_of_several(self.verdict, self._deadline)

    def _targets(self) -> list[Target | Outcome]:
        """Whom to talk to; an Outcome stands for a host that could not be found."""
        settings = self._settings
        lookups = look_up(settings.hosts, settings.port, settings.family, self._deadline, self._stop)
        targets: list[Target | Outcome] = []
        for lookup in lookups:
            if lookup.failure is not None:
                targets.append(_unresolved(lookup, self._deadline))
                continue
            target = lookup.target()
            for address in target.addresses:
                refusal = plaintext_refusal(settings.plan, address.text)
                if refusal is not None:
                    raise refusal
            targets.extend(labels.single_addresses(target) if settings.all_addresses else [target])
        return labels.labelled(targets) if settings.several else targets

    def _converse(self, targets: list[Target | Outcome]) -> tuple[Outcome, ...]:
        dialogues = [
            target if isinstance(target, Outcome) else Dialogue(self._settings.plan, target, self._now)
            for target in targets
        ]
        talking = [dialogue.run() for dialogue in dialogues if isinstance(dialogue, Dialogue)]
        engine.run(talking, self._deadline, self._new_layer, self._settings.source, self._stop)
        return tuple(
            dialogue.outcome(self._deadline.started) if isinstance(dialogue, Dialogue) else dialogue
            for dialogue in dialogues
        )


class _LayerMaker:
    """Makes TLS layers; their context is made first, since it costs more than all of them."""

    def __init__(self, plan: Plan) -> None:
        self._context = None
        if plan.tls.mode != "off":
            from .tls import make_context  # noqa: PLC0415 - ssl costs a third of a check without it

            try:
                self._context = make_context(plan.tls)
            except ValueError as error:
                raise UsageError(str(error)) from None

    def __call__(self, plan: TlsPlan, name: str) -> TlsLayer:
        from .tls import TlsLayer  # noqa: PLC0415 - as above

        assert self._context is not None
        return TlsLayer(self._context, name)


def _unresolved(lookup: Lookup, deadline: engine.Deadline) -> Outcome:
    failure = lookup.failure
    assert failure is not None
    finding = Finding("dns", failure.kind, cause=failure.cause)
    times = () if lookup.seconds is None else (StageTime("dns", lookup.seconds),)
    return Outcome(lookup.target(), (finding,), times, deadline.elapsed())


def _metrics(outcome: Outcome) -> list[nagiosplugin.Metric]:
    metrics = [nagiosplugin.Metric(finding.stage, finding, context="finding") for finding in outcome.findings]
    # What the deadline cut short is not judged by its time any more.
    timed_out = any(finding.kind == "timeout" and finding.stage != "quit" for finding in outcome.findings)
    return [*metrics, _total(outcome.total, judged=not timed_out), *_stage_metrics(outcome)]


def _metrics_of_several(verdict: Verdict, deadline: engine.Deadline) -> list[nagiosplugin.Metric]:
    metrics = [nagiosplugin.Metric("verdict", verdict)]
    ended = max(judgement.outcome.total for judgement in verdict.judgements)
    metrics.append(_total(ended, judged=not deadline.passed()))
    for judgement in verdict.judgements:
        metrics.extend(_metrics_of_one(judgement))
    return metrics


def _metrics_of_one(judgement: Judgement) -> list[nagiosplugin.Metric]:
    """One of several targets: its times and days count only where it accepts; else its finding says enough."""
    outcome = judgement.outcome
    total = nagiosplugin.Metric(f"{outcome.target.label}_time", outcome.total, "s", 0, context="unjudged")
    metrics = [total, *_stage_metrics(outcome, f"{outcome.target.label}_")]
    if judgement.accepts:
        return metrics
    return [
        metric.replace(context="unjudged_days" if metric.context == "tls_days" else "unjudged") for metric in metrics
    ]


def _total(seconds: float, judged: bool) -> nagiosplugin.Metric:
    return nagiosplugin.Metric("time", seconds, "s", 0, context="time" if judged else "time_unjudged")


def _stage_metrics(outcome: Outcome, before: str = "") -> list[nagiosplugin.Metric]:
    metrics = [
        nagiosplugin.Metric(f"{before}time_{stage}", seconds, "s", 0, context=f"time_{stage}")
        for stage, seconds in outcome.times
    ]
    if outcome.tls_days is not None:
        metrics.append(nagiosplugin.Metric(f"{before}tls_days", outcome.tls_days, context="tls_days"))
    return metrics
