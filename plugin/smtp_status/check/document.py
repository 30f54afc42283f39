"""The outcome as one JSON document, for programs: ``--output-format json``.

Its form is told, and held to, by docs/outcome.schema.json.  What servers said is as harmless in it as in the ordinary
output: no text has a backslash, and so that JSON needs none either, a quotation mark in a text is shown as QUOTE.
"""

from __future__ import annotations

import json

from .. import __version__
from ..text import clean, cut
from . import several, states

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

    from ..findings import Days, Finding, Outcome, StageTime
    from ..net.routes import Survey
    from ..options.settings import Settings, StateRule
    from .resource import SMTP

QUOTE = "\uff02"
"""The look-alike of a quotation mark, which JSON would have to write with a backslash."""

LONGEST_TEXT = 1000
"""Characters of one text."""

MOST_LINES = 1000
"""Lines of a transcript."""

_CERTIFICATE = "certificate "
_OF_CERTIFICATE = ("subject", "issuer", "names", "valid", "key")


class Conclusion:
    """What nagiosplugin made of the outcomes: the state as a word, its exit code, the sentence and the perfdata."""

    def __init__(self, state: str, code: int, sentence: str, perfdata: Sequence[str]) -> None:
        self.state = state
        self.code = code
        self.sentence = sentence
        self.perfdata = perfdata


def render(told: Conclusion, resource: SMTP, settings: Settings) -> str:
    """The document of a check of servers, as one line."""
    survey = resource.survey
    assert survey is not None
    return whole(
        told,
        domain=_domain(resource, survey, settings),
        targets=_targets(resource, survey, settings),
        arrival=_arrival(resource, settings),
        policies=list(dict.fromkeys((*survey.notes, *(note for one in resource.outcomes for note in one.notes)))),
    )


def whole(
    told: Conclusion,
    *,
    domain: dict[str, Any] | None = None,
    targets: Sequence[dict[str, Any]] = (),
    arrival: dict[str, Any] | None = None,
    policies: Sequence[str] = (),
) -> str:
    """A document of these parts, as one line."""
    figures = [_figure(item) for item in told.perfdata]
    document = {
        "version": __version__,
        "state": told.state,
        "exit_code": told.code,
        "sentence": told.sentence,
        "seconds": next((figure["value"] for figure in figures if figure["label"] == "time"), None),
        "domain": domain,
        "targets": list(targets),
        "arrival": arrival,
        "policies": list(policies),
        "perfdata": figures,
    }
    # Behind _harmless there is no backslash but that of an escaped quotation mark.
    return json.dumps(_harmless(document), ensure_ascii=False, separators=(",", ":")).replace('\\"', QUOTE) + "\n"


def _targets(resource: SMTP, survey: Survey, settings: Settings) -> list[dict[str, Any]]:
    if not survey.routes:
        return []
    if resource.verdict is not None:
        return [
            _target(judgement.outcome, judgement.state, judgement.accepts, settings, "critical")
            for judgement in resource.verdict.judgements
        ]
    (outcome,) = resource.outcomes
    found = [states.state_of(finding, settings.rules, settings.timeout_state) for finding in outcome.findings]
    accepts = several.judge(outcome, settings.rules).accepts
    return [_target(outcome, states.worst(found), accepts, settings, settings.timeout_state)]


def _target(outcome: Outcome, state: str, accepts: bool, settings: Settings, timeout: str) -> dict[str, Any]:
    target = outcome.target
    told: dict[str, Any] = {
        "host": target.host,
        "label": target.label or None,
        "state": state,
        "accepts": accepts,
        "seconds": _seconds(outcome.total),
        "address": None if outcome.address is None else outcome.address.text,
        "port": (outcome.address.port or None) if outcome.address is not None else None,
        "stages": _stages(outcome.findings, outcome.times, settings.rules, timeout),
        "certificate": _certificate(outcome),
        "details": list(outcome.details),
    }
    if settings.verbose > 1:
        told["transcript"] = list(outcome.transcript[:MOST_LINES])
    return told


def _domain(resource: SMTP, survey: Survey, settings: Settings) -> dict[str, Any] | None:
    if settings.domain is None:
        return None
    findings, times = survey.findings, survey.times
    if not survey.routes:
        times = resource.outcomes[0].times
    return {
        "name": settings.domain,
        "stages": _stages(findings, times, settings.rules, "critical" if survey.routes else settings.timeout_state),
        "details": list(survey.details),
    }


def _arrival(resource: SMTP, settings: Settings) -> dict[str, Any] | None:
    """What became of the probes; None where no mailbox was to be looked into."""
    arrivals = resource.arrivals
    if arrivals is None:
        return None
    seen, counted = arrivals.seen, arrivals.figures
    timeout = "critical" if resource.verdict is not None else settings.timeout_state
    told: dict[str, Any] = {
        "seconds": None if seen.seconds is None else _seconds(seen.seconds),
        "arrived": None if counted is None else counted.arrived,
        "pending": None if counted is None else counted.pending,
        "lost": None if counted is None else counted.lost,
        "spam": None if counted is None else counted.spam,
        "slowest": None if counted is None else max(map(_seconds, counted.longest.values()), default=None),
        "oldest": None if counted is None else max(map(_seconds, counted.oldest.values()), default=None),
        "messages": seen.messages,
        "certificate_days": seen.tls_days,
        "certificate_expires": expires(seen.tls_days),
        "findings": [
            of_mailbox(
                one.finding,
                ", ".join(words for words in (one.remark, one.hop) if words),
                states.state_of(one.finding, settings.rules, timeout),
                one.label,
            )
            for one in arrivals.told
        ],
        "details": arrivals.details(),
    }
    if settings.verbose > 1:
        told["transcript"] = list(seen.transcript[:MOST_LINES])
    return told


def of_mailbox(finding: Finding, remark: str, state: str, label: str = "") -> dict[str, Any]:
    """One finding about a mailbox, or a message in it."""
    return {
        "stage": finding.stage,
        "target": label or None,
        "kind": finding.kind,
        "cause": finding.cause,
        "remark": remark,
        "state": state,
    }


def _stages(
    findings: Iterable[Finding], times: Iterable[StageTime], rules: Sequence[StateRule], timeout: str
) -> list[dict[str, Any]]:
    seconds = dict(times)
    replies: dict[str, list[dict[str, Any]]] = {}
    for finding in findings:
        replies.setdefault(finding.stage, []).append(
            {
                "kind": finding.kind,
                "codes": list(finding.codes),
                "text": finding.text,
                "cause": finding.cause,
                "about": finding.about or None,
                "seconds": None if finding.seconds is None else _seconds(finding.seconds),
                "state": states.state_of(finding, rules, timeout),
            }
        )
    for stage in seconds:
        replies.setdefault(stage, [])
    return [
        {
            "stage": stage,
            "state": states.worst(reply["state"] for reply in told) if told else "ok",
            "seconds": _seconds(seconds[stage]) if stage in seconds else None,
            "replies": told,
        }
        for stage, told in replies.items()
    ]


def _certificate(outcome: Outcome) -> dict[str, Any] | None:
    """What is known of the leaf certificate, None where there was none."""
    facts = (line[len(_CERTIFICATE) :].partition(": ") for line in outcome.details if line.startswith(_CERTIFICATE))
    told: dict[str, Any] = {name: value for name, _, value in facts if name in _OF_CERTIFICATE}
    if not told and outcome.tls_days is None:
        return None
    return {"days": outcome.tls_days, "expires": expires(outcome.tls_days), **dict.fromkeys(_OF_CERTIFICATE), **told}


def expires(days: Days | None) -> int | None:
    """The instant after which a certificate is not valid any more."""
    return None if days is None else days.expires


def _figure(item: str) -> dict[str, Any]:
    """``label=value;warn;crit;min`` in parts."""
    label, _, rest = item.partition("=")
    value, warning, critical, *_ = (*rest.split(";"), "", "")
    unit = value.lstrip("-.0123456789")
    number = value[: len(value) - len(unit)]
    return {
        "label": label,
        "value": float(number) if "." in number else int(number),
        "unit": unit,
        "warning": warning or None,
        "critical": critical or None,
    }


def _seconds(value: float) -> float:
    return round(value, 6)


def _harmless(value: Any) -> Any:
    """``value`` with every text in it clean and not too long."""
    if isinstance(value, str):
        return cut(clean(value), LONGEST_TEXT)
    if isinstance(value, list):
        return [_harmless(item) for item in value]
    if isinstance(value, dict):
        mapping: Mapping[str, Any] = value
        return {name: _harmless(item) for name, item in mapping.items()}
    return value
