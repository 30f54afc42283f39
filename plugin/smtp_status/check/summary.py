"""The sentence of the first line, and what ``-v`` shows below it."""

from __future__ import annotations

import nagiosplugin

from ..findings import COLUMNS
from ..smtp import reply_table
from ..text import clean, cut, middle
from .contexts import plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from nagiosplugin import Result, Results

    from ..findings import Finding, Outcome
    from ..options.settings import Settings
    from .resource import SMTP
    from .several import Judgement, Verdict

SENTENCE = 160 - len("SMTP CRITICAL - ")
"""Characters of a sentence, so that the first line has at most 160 before the perfdata, whatever the state."""

HOST_SHOWN = 40
"""Characters of a host's name in a sentence."""

RECIPIENT_SHOWN = 40
"""Characters of a recipient beside the count of those refused, which is to stay legible."""

REMARK_SHOWN = 80
"""Characters of what stands in brackets behind the server's words."""

TOLERATED_SHOWN = 48
"""Characters of a tolerated fault behind a success, whose own words are to stay legible."""

_SUCCESSES = (
    ("message", "accepted the message", "accept mail"),
    ("rcpt", "accepted the recipient", "accept the recipient"),
    ("mail", "accepted the sender", "accept the sender"),
    ("auth", "authenticated", "authenticate"),
)
"""Stages by which a run is called a success, the last one first: of one target, and of several."""

_EARLY_ENDS = {"dns": "found", "sts": "found", "connect": "connect"}
"""What several targets do where no more is asked of them."""

_PER_RECIPIENT = ("rcpt", "message")
"""Stages with a finding for each of several recipients."""

_LEAST_REFUSAL = 400
"""The least reply code that is no yes of any kind (RFC 5321 section 4.2.1)."""

_BAR = 20
"""Columns of the longest bar of the stage table."""

_SAID = 60
"""Characters of a reply in the stage table."""


class SMTPSummary(nagiosplugin.Summary):  # type: ignore[misc]
    """Writes the sentence of the first line."""

    def __init__(self, resource: SMTP, settings: Settings) -> None:
        self._resource = resource
        self._settings = settings

    def ok(self, results: Results) -> str:
        if self._resource.verdict is not None:
            return self._several(self._resource.verdict, None)
        outcome = self._resource.outcomes[0]
        refusal = _last_refusal(outcome)
        if refusal is not None:
            return _problem(outcome, refusal, "as wanted")  # a negative test that held: nothing came after it
        tolerated = next((finding for finding in _before_quit(outcome) if not finding.succeeded), None)
        return _success(outcome, tolerated, (*self._notes(), *self._days(outcome)))

    def problem(self, results: Results) -> str:
        state = results.most_significant_state
        worst = [result for result in results.results if result.state == state]
        if self._resource.verdict is not None:
            return self._several(self._resource.verdict, worst[0])
        outcome = self._resource.outcomes[0]
        for result in worst:
            if result.metric.context == "finding":
                return _problem(outcome, result.metric.value)
        refusal = _last_refusal(outcome)
        if refusal is not None:
            # Too slow, and besides it came to nothing.
            return _problem(outcome, refusal, _excess(worst[0]))
        return _but(outcome, worst[0])

    def _several(self, verdict: Verdict, decisive: Result | None) -> str:
        settings = self._settings
        noun = "exchangers" if settings.domain else "addresses" if settings.all_addresses else "servers"
        goal = "answer as wanted" if any(map(_is_negative, verdict.judgements)) else self._goal()
        count = f"{verdict.accepting} of {len(verdict.judgements)} {noun} {goal}"
        if isinstance(settings.require, int) and verdict.accepting < settings.require:
            count += f", {settings.require} required"
        if decisive is not None and decisive.metric.context == "finding":
            return _told(settings.domain or "", decisive.metric.value, [], f"{count}; ")
        if decisive is not None and decisive.metric.context != "verdict":
            return _but_one(count, verdict, decisive)
        worst: Judgement = verdict.worst
        if worst.state != "ok":
            return _problem(worst.outcome, worst.finding, lead=f"{count}; ")
        for judgement in verdict.judgements:
            refusal = _last_refusal(judgement.outcome)
            if refusal is not None:
                return _problem(judgement.outcome, refusal, "as wanted", f"{count}; ")
        return _sentence(", ".join((count, *self._notes())))

    def _notes(self) -> tuple[str, ...]:
        """Which policies held, each once."""
        survey = self._resource.survey
        of_targets = (note for outcome in self._resource.outcomes for note in outcome.notes)
        return tuple(dict.fromkeys((*of_targets, *(survey.notes if survey is not None else ()))))

    def _days(self, outcome: Outcome) -> tuple[str, ...]:
        """How long the certificate lasts, for those who asked."""
        if self._settings.certificate_days == (None, None) or outcome.tls_days is None:
            return ()
        return (f"certificate {_expiry(outcome.tls_days)}",)

    def _goal(self) -> str:
        """What is asked of the targets, in the plural."""
        plan = self._settings.plan
        asked = {command.stage for command in plan.commands}
        if plan.recipients:
            asked.update(("rcpt", "message"))
        if plan.sender is not None:
            asked.add("mail")
        if plan.credentials is not None:
            asked.add("auth")
        if plan.quit_after in _EARLY_ENDS:
            return _EARLY_ENDS[plan.quit_after]
        if plan.quit_after is not None:
            asked &= {plan.quit_after}
        return next((words for stage, _, words in _SUCCESSES if stage in asked), "answer")


def _before_quit(outcome: Outcome) -> list[Finding]:
    return [finding for finding in outcome.findings if finding.stage != "quit"]


def _refused(finding: Finding) -> bool:
    """Whether the server said no, or nothing; also where ``-R`` or ``-e`` expects just that.  Of a raw command it is
    only said that it was answered, which a no is as well."""
    return not finding.succeeded or (finding.stage != "command" and finding.codes[-1:] >= (_LEAST_REFUSAL,))


def _last_refusal(outcome: Outcome) -> Finding | None:
    """The refusal that a conversation ended with, the first of its stage; None where the last word was a success, or
    one of several recipients was accepted."""
    # A fault that keeps no mail away, such as a policy in testing, is not what it ended with.
    told = [finding for finding in _before_quit(outcome) if finding.default != "warning"]
    if not told or not _refused(told[-1]):
        return None
    of_stage = [finding for finding in told if finding.stage == told[-1].stage]
    refusals = [finding for finding in of_stage if _refused(finding)]
    # Only behind a reply that leaves the others their own did the conversation go on with them.
    went_on = told[-1].kind in COLUMNS and told[-1].codes != (reply_table.CLOSING,)
    accepted = went_on and told[-1].stage in _PER_RECIPIENT and len(refusals) < len(of_stage)
    return None if accepted else refusals[0]


def _is_negative(judgement: Judgement) -> bool:
    """Whether ``--state`` wants a refusal of this target, or a success not."""
    return _last_refusal(judgement.outcome) is not None if judgement.accepts else judgement.finding.succeeded


def _host(outcome: Outcome) -> str:
    return _shown_host(outcome.target.host)


def _shown_host(host: str) -> str:
    return middle(clean(host), HOST_SHOWN)


def _did(outcome: Outcome) -> tuple[str, Finding | None]:
    """What the server did in the end, in the words of success, and the finding that says so."""
    for stage, words, _ in _SUCCESSES:
        for finding in reversed(outcome.findings):
            if finding.stage == stage and not _refused(finding):
                return words, finding
    said = [finding for finding in outcome.findings if finding.succeeded and finding.codes and finding.stage != "quit"]
    return "answered", said[-1] if said else None


def _success(outcome: Outcome, tolerated: Finding | None, notes: tuple[str, ...]) -> str:
    """``tolerated``: what went wrong on the way, but is called harmless; ``notes``: which policies held."""
    words, finding = _did(outcome)
    said = _reply(finding) if finding is not None else ""
    if finding is None:
        # Stopped before the server had said anything.
        last = outcome.findings[-1]
        words = {"dns": "was found", "connect": "connected"}.get(last.stage, "answered")
        said = last.cause
    remarks = list(notes)
    if tolerated is not None:
        fault = f"{tolerated.stage}: {_reply(tolerated) if tolerated.codes else tolerated.cause}"
        remarks.append(f"{cut(fault, TOLERATED_SHOWN)}, tolerated")
    after = f" ({cut(', '.join(remarks), REMARK_SHOWN)})" if remarks else ""
    return _sentence(f"{_host(outcome)} {words} in {outcome.total:.3f} s: ", said, after)


def _problem(outcome: Outcome, finding: Finding, wish: str = "", lead: str = "") -> str:
    """A finding with its host, stage, code and cause; a success stands here when ``--state`` does not want it."""
    notes = [finding.cause] if finding.codes else []
    if finding.about:
        notes.insert(0, finding.about if finding.stage == "command" else _recipient(outcome, finding))
    if finding.stage == "quit":
        notes.append(f"{_did(outcome)[0]} before")
    notes.append("not wanted" if finding.succeeded and not wish else wish)
    return _told(outcome.target.host, finding, notes, lead)


def _recipient(outcome: Outcome, finding: Finding) -> str:
    """Whom a reply is about, and how many of those asked at its stage were refused, where that is not the only one."""
    asked = [other for other in outcome.findings if other.stage == finding.stage and other.about]
    refused = sum(map(_refused, asked))
    if refused < 2 or not _refused(finding):
        return f"for {finding.about}"
    return f"for {middle(finding.about, RECIPIENT_SHOWN)}, {refused} of {len(asked)} refused"


def _told(host: str, finding: Finding, notes: list[str], lead: str) -> str:
    remark = cut(", ".join(note for note in notes if note), REMARK_SHOWN)
    after = f" ({remark})" if remark else ""
    timed_out = "timed out at " if finding.kind == "timeout" else ""
    where = f"{_shown_host(host)} " if host else ""
    before = f"{lead}{where}{timed_out}{finding.stage}: "
    if finding.codes:
        return _sentence(before, _reply(finding), after)
    if finding.text:
        return _sentence(f"{before}{finding.cause}: ", finding.text, after)
    return _sentence(before + finding.cause, "", after)


def _but(outcome: Outcome, result: Result) -> str:
    """It worked, but not in time, or not for long."""
    return _sentence(f"{_host(outcome)} {_did(outcome)[0]}, but {_excess(result)}")


def _but_one(count: str, verdict: Verdict, result: Result) -> str:
    """Enough of the targets work, but one not in time, or not for long; or all together not in time."""
    for judgement in verdict.judgements:
        if result.metric.name == f"{judgement.outcome.target.label}_{result.metric.context}":
            return _sentence(f"{count}, but {_host(judgement.outcome)}: {_excess(result)}")
    return _sentence(f"{count}, but {_excess(result)}")


def _excess(result: Result) -> str:
    """Which limit was not kept, and by what."""
    limit, value, context = result.hint, result.metric.value, result.metric.context
    if context == "tls_days":
        return f"the certificate {_expiry(value)}, more than {limit} wanted"
    what = "it" if context == "time" else context[len("time_") :]
    if limit.invert and limit.end == float("inf"):
        words = f"less than {plain(max(limit.start, 0))} s wanted"
    elif limit.invert and limit.start <= 0:
        words = f"more than {plain(limit.end)} s wanted"
    elif limit.invert:
        words = f"outside of {plain(limit.start)} to {plain(limit.end)} s wanted"
    elif value > limit.end:
        words = f"at most {plain(limit.end)} s wanted"
    else:
        words = f"at least {plain(limit.start)} s wanted"
    return f"{what} took {value:.3f} s, {words}"


def _expiry(days: int) -> str:
    count = "1 day" if abs(days) == 1 else f"{abs(days)} days"
    return f"expires in {count}" if days >= 0 else f"expired {count} ago"


def _reply(finding: Finding) -> str:
    """The server's reply, without what is only meant for programs: the challenge of a login."""
    if finding.stage == "auth" and finding.codes == (reply_table.CONTINUE,):
        return str(reply_table.CONTINUE)
    codes = " and ".join(str(code) for code in finding.codes)
    return f"{codes} {finding.text}".rstrip()


def _sentence(before: str, server: str = "", after: str = "") -> str:
    """The parts within the line's length; the server's text is what is cut, while there is some."""
    room = SENTENCE - len(before) - len(after)
    if server and room > 0:
        return f"{before}{cut(server, room)}{after}"
    return cut(f"{before.rstrip(' :')}{after}", SENTENCE)


def stage_table(outcome: Outcome) -> list[str]:
    """One line for each stage: its time, a bar, and the reply or what went wrong."""
    times = dict(outcome.times)
    longest = max((seconds for stage, seconds in outcome.times if stage != "quit"), default=0.0)
    lines = []
    for stage in dict.fromkeys(finding.stage for finding in outcome.findings):
        of_stage = [finding for finding in outcome.findings if finding.stage == stage]
        shown_finding = next((finding for finding in of_stage if not finding.succeeded), of_stage[-1])
        seconds = times.get(stage)
        shown = f"{seconds * 1000:10.3f} ms" if seconds is not None else f"{'-':>13}"
        filled = 0 if seconds is None or not longest else min(_BAR, max(1, round(_BAR * seconds / longest)))
        said = _reply(shown_finding) if shown_finding.codes else shown_finding.cause
        if not shown_finding.succeeded:
            said = f"{shown_finding.kind}: {said}"
        lines.append(f"{stage:<9}{shown} {'#' * filled:<{_BAR}} {cut(said, _SAID)}".rstrip())
    return lines
