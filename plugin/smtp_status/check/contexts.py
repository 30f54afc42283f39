"""The nagiosplugin Contexts: findings to states by the state table, seconds and days to states by ranges."""

from __future__ import annotations

import nagiosplugin

from ..stages import STAGES
from . import states

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from nagiosplugin import Metric, Range, Resource, Result

    from ..options.settings import Settings

SERVICE_STATES = {
    "ok": nagiosplugin.Ok,
    "warning": nagiosplugin.Warn,
    "critical": nagiosplugin.Critical,
    "unknown": nagiosplugin.Unknown,
}


def contexts(settings: Settings) -> list[nagiosplugin.Context]:
    """One context for each kind of metric the resource makes, but for those of a mailbox (``arrivals.contexts``)."""
    made: list[nagiosplugin.Context] = [
        FindingContext(settings),
        VerdictContext("verdict"),
        SecondsContext("time", settings.warning, settings.critical),
        SecondsContext("time_unjudged", settings.warning, settings.critical, judged=False),
        SecondsContext("unjudged", None, None),
        DaysContext("tls_days", *settings.certificate_days),
        DaysContext("unjudged_days", None, None),
    ]
    return [*made, *of_stages(settings, STAGES)]


def of_stages(settings: Settings, stages: Iterable[str]) -> Iterator[nagiosplugin.Context]:
    """The contexts of the times of ``stages``."""
    for stage in stages:
        warning, critical = settings.stage_warning.get(stage), settings.stage_critical.get(stage)
        yield SecondsContext(f"time_{stage}", warning, critical)


class FindingContext(nagiosplugin.Context):
    """The state of one finding; no perfdata."""

    def __init__(self, settings: Settings) -> None:
        super().__init__("finding")
        self._rules = settings.rules
        self._timeout_state = settings.timeout_state

    def evaluate(self, metric: Metric, resource: Resource) -> Result:
        state = states.state_of(metric.value, self._rules, self._timeout_state)
        return self.result_cls(SERVICE_STATES[state], None, metric)


class VerdictContext(nagiosplugin.Context):
    """The state of several targets; no perfdata."""

    def evaluate(self, metric: Metric, resource: Resource) -> Result:
        return self.result_cls(SERVICE_STATES[metric.value.state], None, metric)


class SecondsContext(nagiosplugin.Context):
    """Seconds against a warning and a critical range, either of which may be None."""

    def __init__(self, name: str, warning: Range | None, critical: Range | None, judged: bool = True) -> None:
        super().__init__(name)
        self._warning = warning
        self._critical = critical
        self._judged = judged

    def evaluate(self, metric: Metric, resource: Resource) -> Result:
        for state, limit in ((nagiosplugin.Critical, self._critical), (nagiosplugin.Warn, self._warning)):
            if self._judged and limit is not None and not limit.match(metric.value):
                return self.result_cls(state, limit, metric)
        return self.result_cls(nagiosplugin.Ok, None, metric)

    def performance(self, metric: Metric, resource: Resource) -> str:
        # Not a Performance: it would quote labels with dots and print small numbers with an exponent.
        return f"{metric.name}={metric.value:.6f}s;{range_text(self._warning)};{range_text(self._critical)};0"


class DaysContext(nagiosplugin.Context):
    """Days a certificate must be valid for more than, whole days rounded down; either limit may be None."""

    def __init__(self, name: str, warning: int | None, critical: int | None) -> None:
        super().__init__(name)
        self._warning = warning
        self._critical = critical

    def evaluate(self, metric: Metric, resource: Resource) -> Result:
        for state, limit in ((nagiosplugin.Critical, self._critical), (nagiosplugin.Warn, self._warning)):
            if limit is not None and metric.value <= limit:
                return self.result_cls(state, limit, metric)
        return self.result_cls(nagiosplugin.Ok, None, metric)

    def performance(self, metric: Metric, resource: Resource) -> str:
        # As a range these were 21: and 7:, but Icinga drops all that is not a plain number. To Icinga Web a number
        # with a limit is bad above it, unless the critical one is the lower of two: hence the 0, and none at all where
        # the warning is 0.
        if not self._warning:
            return f"{metric.name}={metric.value}"
        return f"{metric.name}={metric.value};{self._warning};{self._critical or 0}"


class SMTPResults(nagiosplugin.Results):
    """Results among which nothing outranks CRITICAL: UNKNOWN comes second."""

    _ORDER: Iterable[str] = ("critical", "unknown", "warning", "ok")

    @property
    def most_significant_state(self) -> nagiosplugin.state.ServiceState:
        for word in self._ORDER:
            if self.by_state.get(SERVICE_STATES[word]):
                return SERVICE_STATES[word]
        raise ValueError("no results")


def limit_words(limit: Range, value: float) -> str:
    """Which limit ``value``, in seconds, has not kept."""
    if limit.invert and limit.end == float("inf"):
        return f"less than {plain(max(limit.start, 0))} s wanted"
    if limit.invert and limit.start <= 0:
        return f"more than {plain(limit.end)} s wanted"
    if limit.invert:
        return f"outside of {plain(limit.start)} to {plain(limit.end)} s wanted"
    return f"at most {plain(limit.end)} s wanted" if value > limit.end else f"at least {plain(limit.start)} s wanted"


def range_text(limit: Range | None) -> str:
    """A range for perfdata: a plain number where it starts at 0, '' for none, never an exponent."""
    if limit is None:
        return ""
    inverted = "@" if limit.invert else ""
    start = "~:" if limit.start == float("-inf") else f"{plain(limit.start)}:" if limit.start else ""
    end = "" if limit.end == float("inf") else plain(limit.end)
    return f"{inverted}{start or ('0:' if not end else '')}{end}"


def plain(number: float) -> str:
    """A number without exponent and without zeros at its end: ``5``, ``0.25``."""
    text = f"{number:.6f}"
    return text.rstrip("0").rstrip(".")
