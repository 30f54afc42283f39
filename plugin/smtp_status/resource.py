"""The nagiosplugin Resource: holds the conversations and turns their outcomes into metrics."""

from __future__ import annotations

import nagiosplugin

from . import engine
from .dialogue import Dialogue
from .model import Finding, Outcome, StageTime
from .resolve import look_up

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .plan import Plan, TlsPlan
    from .resolve import Lookup
    from .settings import Settings
    from .tls import TlsLayer


class SMTP(nagiosplugin.Resource):  # type: ignore[misc]
    """The SMTP transaction with the target of ``settings``.

    ``outcomes`` holds what came of it once ``probe`` has been called.
    """

    def __init__(self, settings: Settings, deadline: engine.Deadline, now: float, stop: int | None = None) -> None:
        self.outcomes: tuple[Outcome, ...] = ()
        self._settings = settings
        self._deadline = deadline
        self._now = now
        self._stop = stop

    def probe(self) -> list[nagiosplugin.Metric]:
        """A metric for every finding, for ``time``, for each stage that ended and for the certificate's days."""
        self.outcomes = self._converse()
        return [metric for outcome in self.outcomes for metric in _metrics(outcome)]

    def _converse(self) -> tuple[Outcome, ...]:
        settings = self._settings
        lookups = look_up(settings.hosts, settings.port, settings.family, self._deadline, self._stop)
        dialogues = [
            None if lookup.failure is not None else Dialogue(settings.plan, lookup.target(), self._now)
            for lookup in lookups
        ]
        talking = [dialogue.run() for dialogue in dialogues if dialogue is not None]
        engine.run(talking, self._deadline, _LayerMaker(settings.plan), settings.source, self._stop)
        return tuple(
            _unresolved(lookup, self._deadline) if dialogue is None else dialogue.outcome(self._deadline.started)
            for lookup, dialogue in zip(lookups, dialogues)
        )


class _LayerMaker:
    """Makes TLS layers; the context is made with the first, since it costs more than all of them."""

    def __init__(self, plan: Plan) -> None:
        self._context = None
        if plan.tls.mode != "off":
            from .tls import make_context  # noqa: PLC0415 - ssl costs a third of a check without it

            self._context = make_context(plan.tls)

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
    total = nagiosplugin.Metric("time", outcome.total, "s", 0, context="total" if timed_out else "time")
    metrics.append(total)
    for stage, seconds in outcome.times:
        metrics.append(nagiosplugin.Metric(f"time_{stage}", seconds, "s", 0))
    if outcome.tls_days is not None:
        metrics.append(nagiosplugin.Metric("tls_days", outcome.tls_days))
    return metrics
