"""The sentence of the first line where more than one server is at issue: several targets, or a mailbox besides."""

from __future__ import annotations

from ..stages import MAILBOX_STAGES
from ..text import cut
from .several import goal_of
from .summary import (
    REMARK_SHOWN,
    Part,
    SMTPSummary,
    did,
    excess,
    fitted,
    host_of,
    last_refusal,
    problem,
    reply_words,
    results_of_state,
    sentence,
    shown_host,
    success,
    tell,
    tolerated,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from nagiosplugin import Result, Results

    from ..findings import Finding, Outcome
    from .arrivals import Arrivals
    from .several import Judgement, Verdict

CAUSE_KEPT = 60
"""Characters of what a mailbox or a delivery report says is wrong that stay, before less is said in brackets."""


class CombinedSummary(SMTPSummary):
    """Writes it of the verdict on several targets, of what became of the probe, or of both."""

    def ok(self, results: Results) -> str:
        verdict = self._resource.verdict
        return super().ok(results) if verdict is None else self._several(verdict, None)

    def problem(self, results: Results) -> str:
        worst = results_of_state(results)
        if self._resource.verdict is not None:
            return self._several(self._resource.verdict, worst[0])
        # Of what is equally bad the earlier is told: a stage that took too long came before any look into a mailbox.
        if all(one.metric.context == "finding" and one.metric.value.stage in MAILBOX_STAGES for one in worst):
            assert self._resource.arrivals is not None
            return self._of_mailbox(self._resource.arrivals, self._resource.outcomes[0], worst[0].metric.value)
        return super().problem(results)

    def _parts(self) -> list[Part]:
        """What is said in brackets of a mailbox that was looked into."""
        arrivals = self._resource.arrivals
        return [] if arrivals is None else [*arrivals.trouble(), *arrivals.parts()]

    def _succeeded(self, outcome: Outcome, harmless: Finding | None, notes: tuple[str, ...]) -> str:
        """Success, with what became of the probe."""
        arrivals = self._resource.arrivals
        if arrivals is None:
            return super()._succeeded(outcome, harmless, notes)
        fault = next((told.finding for told in arrivals.told if told.finding.kind != "pending"), None)
        words = arrivals.own_words()
        return success(outcome, harmless or fault, notes, f", {words}" if words else "", arrivals.parts())

    def _of_mailbox(self, arrivals: Arrivals, outcome: Outcome, finding: Finding) -> str:
        """A fault of the mailbox or of what should have arrived in it, where SMTP's own is none, or a milder one."""
        told = arrivals.told_by(finding)
        assert told is not None
        parts = arrivals.parts(told)
        if finding.stage != "arrive":
            remark = [part for part in parts if part.text == told.remark]
            others = [part for part in parts if part not in remark]
            words = arrivals.after_words()
            said = [Part(_in_short(outcome)), *([Part(words)] if words else [])]
            host = shown_host(arrivals.plan.host)
            return fitted(f"{host} {finding.stage}: ", finding.cause, [*remark, *said, *others], CAUSE_KEPT)
        if arrivals.former(told):
            return _of_probe(f"{shown_host(arrivals.former(told))} arrive: ", finding, parts)
        if finding.kind == "late" and finding.seconds is not None:
            return fitted(f"{host_of(outcome)} {did(outcome)[0]}, but {finding.cause}", "", parts)
        if finding.kind == "pending" and finding.cause.startswith("not arrived"):
            answer = did(outcome)[1]
            parts = [*([Part(cut(reply_words(answer), REMARK_SHOWN))] if answer is not None else []), *parts]
        return _of_probe(f"{host_of(outcome)} arrive: ", finding, parts)

    def _several(self, verdict: Verdict, decisive: Result | None) -> str:
        settings = self._settings
        worst: Judgement = verdict.worst
        noun = "exchangers" if settings.domain else "addresses" if settings.all_addresses else "servers"
        goal = "answer as wanted" if any(map(_is_negative, verdict.judgements)) else goal_of(settings.plan, verdict)
        count = f"{verdict.accepting} of {len(verdict.judgements)} {noun} {goal}"
        if isinstance(settings.require, int) and verdict.delivering < settings.require:
            count += f", {settings.require} required"
        if decisive is not None and decisive.metric.context in ("finding", "former"):
            if self._resource.arrivals is not None and decisive.metric.value.stage in MAILBOX_STAGES:
                return self._of_mailbox_of_several(self._resource.arrivals, decisive.metric.value, count)
            notes = [] if worst.accepts else [_in_short(worst.outcome)]
            return tell(shown_host(settings.domain or ""), decisive.metric.value, notes, f"{count}; ")
        if decisive is not None and decisive.metric.context != "verdict":
            return _but_one(count, verdict, decisive)
        if worst.state != "ok":
            return self._worst_of_several(worst, f"{count}; ")
        for judgement in verdict.judgements:
            refusal = last_refusal(judgement.outcome)
            if refusal is not None:
                return problem(judgement.outcome, refusal, "as wanted", f"{count}; ")
        arrivals = self._resource.arrivals
        if arrivals is None:
            return sentence(", ".join((count, *self._notes())))
        arrived = arrivals.all_words(len(verdict.judgements))
        said = [words for words in (count, arrived, *self._notes()) if words]
        return fitted(", ".join(said), "", arrivals.parts())

    def _worst_of_several(self, worst: Judgement, lead: str) -> str:
        arrivals = self._resource.arrivals
        told = arrivals.told_by(worst.finding) if arrivals is not None else None
        if arrivals is None or told is None:
            return problem(worst.outcome, worst.finding, lead=lead, parts=self._parts())
        return _of_probe(f"{lead}{host_of(worst.outcome)} arrive: ", worst.finding, arrivals.parts(told))

    def _of_mailbox_of_several(self, arrivals: Arrivals, finding: Finding, count: str) -> str:
        told = arrivals.told_by(finding)
        parts = arrivals.parts(told)
        host = shown_host((told and arrivals.former(told)) or arrivals.plan.host)
        remark = [part for part in parts if told is not None and part.text == told.remark]
        others = [part for part in parts if part not in remark]
        cause = finding.cause.removeprefix("arrive ")
        return fitted(f"{host} {finding.stage}: ", cause, [*remark, Part(count), *others], CAUSE_KEPT)


def _is_negative(judgement: Judgement) -> bool:
    """Whether ``--state`` wants a refusal of this target, or a success not."""
    return last_refusal(judgement.outcome) is not None if judgement.accepts else judgement.finding.succeeded


def _but_one(count: str, verdict: Verdict, result: Result) -> str:
    """Enough of the targets work, but one not in time, or not for long; or all together not in time."""
    for judgement in verdict.judgements:
        if result.metric.name == f"{judgement.outcome.target.label}_{result.metric.context}":
            return sentence(f"{count}, but {host_of(judgement.outcome)}: {excess(result)}")
    return sentence(f"{count}, but {excess(result)}")


def _in_short(outcome: Outcome) -> str:
    """What SMTP came to, for the brackets behind a fault of the mailbox."""
    fault = tolerated(outcome)
    if fault is None:
        return f"{host_of(outcome)} {did(outcome)[0]}"
    return cut(f"{host_of(outcome)} {fault.stage}: {reply_words(fault) if fault.codes else fault.cause}", REMARK_SHOWN)


def _of_probe(before: str, finding: Finding, parts: Sequence[Part]) -> str:
    """What is wrong with a probe; of these only a delivery report is in the words of others, which may be cut."""
    if finding.kind == "bounced":
        return fitted(before, finding.cause, parts, CAUSE_KEPT)
    return fitted(before + finding.cause.removeprefix("arrive "), "", parts)
