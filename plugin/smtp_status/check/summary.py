"""The sentence of the first line."""

from __future__ import annotations

import nagiosplugin

from .. import stages
from ..findings import COLUMNS
from ..record import NamedTuple
from ..smtp import replies
from ..stages import MAILBOX_STAGES
from ..text import LINE, clean, cut, middle
from .contexts import limit_words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from nagiosplugin import Result, Results

    from ..findings import Finding, Outcome
    from ..options.settings import Settings
    from .arrivals import Arrivals
    from .resource import SMTP
    from .several import Judgement, Verdict

SENTENCE = LINE - len("SMTP CRITICAL - ")
"""Characters of a sentence, so that the first line has at most LINE before the perfdata, whatever the state."""

HOST_SHOWN = 40
"""Characters of a host's name in a sentence."""

RECIPIENT_SHOWN = 40
"""Characters of a recipient beside the count of those refused, which is to stay legible."""

REMARK_SHOWN = 80
"""Characters of what stands in brackets behind the server's words."""

SERVER_KEPT = 20
"""Characters of the server's words that stay, before less is said of other mail in brackets."""

CAUSE_KEPT = 60
"""The same of what a mailbox or a delivery report says is wrong."""

TOLERATED_SHOWN = 48
"""Characters of a tolerated fault behind a success, whose own words are to stay legible."""

_PER_RECIPIENT = ("rcpt", "message")
"""Stages with a finding for each of several recipients."""

_LEAST_REFUSAL = 400
"""The least reply code that is no yes of any kind (RFC 5321 section 4.2.1)."""

GIVEN_UP = ("earlier", "pending", "hop")
"""What a sentence that is too long does without, in this order."""


class Part(NamedTuple):
    """Something said in brackets; ``kind`` is one of GIVEN_UP, '' for what stays."""

    text: str
    kind: str = ""


class SMTPSummary(nagiosplugin.Summary):
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
            return _problem(outcome, refusal, "as wanted", parts=self._parts())  # a negative test that held
        tolerated = next((finding for finding in _before_quit(outcome) if not finding.succeeded), None)
        notes = (*self._notes(), *self._days(outcome))
        if self._resource.arrivals is not None:
            return self._arrived(self._resource.arrivals, outcome, tolerated, notes)
        return _success(outcome, tolerated, notes)

    def problem(self, results: Results) -> str:
        state = results.most_significant_state
        worst = [result for result in results.results if result.state == state]
        if self._resource.verdict is not None:
            return self._several(self._resource.verdict, worst[0])
        outcome = self._resource.outcomes[0]
        arrivals = self._resource.arrivals
        told = [result.metric.value for result in worst if result.metric.context == "finding"]
        for finding in told:
            if finding.stage not in MAILBOX_STAGES:
                return _problem(outcome, finding, parts=self._parts())
        # Of what is equally bad the earlier is told: a stage that took too long came before any look into a mailbox.
        slow = next((result for result in worst if result.metric.context != "finding"), None)
        if slow is None:
            assert arrivals is not None
            return self._of_mailbox(arrivals, outcome, told[0])
        refusal = _last_refusal(outcome)
        if refusal is not None:
            # Too slow, and besides it came to nothing.
            return _problem(outcome, refusal, excess(slow), parts=self._parts())
        return _but(outcome, slow, self._parts())

    def _parts(self) -> list[Part]:
        """What is said in brackets of a mailbox that was looked into."""
        arrivals = self._resource.arrivals
        return [] if arrivals is None else [*arrivals.trouble(), *arrivals.parts()]

    def _arrived(self, arrivals: Arrivals, outcome: Outcome, tolerated: Finding | None, notes: tuple[str, ...]) -> str:
        """Success, with what became of the probe."""
        fault = next((told.finding for told in arrivals.told if told.finding.kind != "pending"), None)
        words = arrivals.own_words()
        return _success(outcome, tolerated or fault, notes, f", {words}" if words else "", arrivals.parts())

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
            host = _shown_host(arrivals.plan.host)
            return _fitted(f"{host} {finding.stage}: ", finding.cause, [*remark, *said, *others], CAUSE_KEPT)
        if arrivals.former(told):
            return _of_probe(f"{_shown_host(arrivals.former(told))} arrive: ", finding, parts)
        if finding.kind == "late" and finding.seconds is not None:
            return _fitted(f"{_host(outcome)} {_did(outcome)[0]}, but {finding.cause}", "", parts)
        if finding.kind == "pending" and finding.cause.startswith("not arrived"):
            answer = _did(outcome)[1]
            parts = [*([Part(cut(reply_words(answer), REMARK_SHOWN))] if answer is not None else []), *parts]
        return _of_probe(f"{_host(outcome)} arrive: ", finding, parts)

    def _several(self, verdict: Verdict, decisive: Result | None) -> str:
        from .several import goal_of  # noqa: PLC0415 - loaded by now

        settings = self._settings
        worst: Judgement = verdict.worst
        noun = "exchangers" if settings.domain else "addresses" if settings.all_addresses else "servers"
        goal = "answer as wanted" if any(map(_is_negative, verdict.judgements)) else goal_of(settings.plan, verdict)
        count = f"{verdict.accepting} of {len(verdict.judgements)} {noun} {goal}"
        if isinstance(settings.require, int) and verdict.delivering < settings.require:
            count += f", {settings.require} required"
        if decisive is not None and decisive.metric.context == "finding":
            if self._resource.arrivals is not None and decisive.metric.value.stage in MAILBOX_STAGES:
                return self._of_mailbox_of_several(self._resource.arrivals, decisive.metric.value, count)
            notes = [] if worst.accepts else [_in_short(worst.outcome)]
            return _told(_shown_host(settings.domain or ""), decisive.metric.value, notes, f"{count}; ")
        if decisive is not None and decisive.metric.context != "verdict":
            return _but_one(count, verdict, decisive)
        if worst.state != "ok":
            return self._worst_of_several(worst, f"{count}; ")
        for judgement in verdict.judgements:
            refusal = _last_refusal(judgement.outcome)
            if refusal is not None:
                return _problem(judgement.outcome, refusal, "as wanted", f"{count}; ")
        arrivals = self._resource.arrivals
        if arrivals is None:
            return _sentence(", ".join((count, *self._notes())))
        arrived = arrivals.all_words(len(verdict.judgements))
        said = [words for words in (count, arrived, *self._notes()) if words]
        return _fitted(", ".join(said), "", arrivals.parts())

    def _worst_of_several(self, worst: Judgement, lead: str) -> str:
        arrivals = self._resource.arrivals
        told = arrivals.told_by(worst.finding) if arrivals is not None else None
        if arrivals is None or told is None:
            return _problem(worst.outcome, worst.finding, lead=lead, parts=self._parts())
        return _of_probe(f"{lead}{_host(worst.outcome)} arrive: ", worst.finding, arrivals.parts(told))

    def _of_mailbox_of_several(self, arrivals: Arrivals, finding: Finding, count: str) -> str:
        told = arrivals.told_by(finding)
        parts = arrivals.parts(told)
        host = _shown_host((told and arrivals.former(told)) or arrivals.plan.host)
        remark = [part for part in parts if told is not None and part.text == told.remark]
        others = [part for part in parts if part not in remark]
        cause = finding.cause.removeprefix("arrive ")
        return _fitted(f"{host} {finding.stage}: ", cause, [*remark, Part(count), *others], CAUSE_KEPT)

    def _notes(self) -> tuple[str, ...]:
        """Which policies held, each once."""
        survey = self._resource.survey
        of_targets = (note for outcome in self._resource.outcomes for note in outcome.notes)
        return tuple(dict.fromkeys((*of_targets, *(survey.notes if survey is not None else ()))))

    def _days(self, outcome: Outcome) -> tuple[str, ...]:
        """How long the certificate lasts, for those who asked."""
        if self._settings.certificate_days == (None, None) or outcome.tls_days is None:
            return ()
        return (f"certificate {outcome.tls_days.words}",)


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
    went_on = told[-1].kind in COLUMNS and told[-1].codes != (replies.CLOSING,)
    accepted = went_on and told[-1].stage in _PER_RECIPIENT and len(refusals) < len(of_stage)
    return None if accepted else refusals[0]


def _is_negative(judgement: Judgement) -> bool:
    """Whether ``--state`` wants a refusal of this target, or a success not."""
    return _last_refusal(judgement.outcome) is not None if judgement.accepts else judgement.finding.succeeded


def _host(outcome: Outcome, cause: str = "") -> str:
    """The host, with its address where that tells it apart and ``cause`` does not name it."""
    host, apart = _shown_host(outcome.target.host), outcome.target.apart
    return f"{host} {apart}" if apart and apart not in cause.split() else host


def _shown_host(host: str) -> str:
    return middle(clean(host), HOST_SHOWN)


def _did(outcome: Outcome) -> tuple[str, Finding | None]:
    """What the server did in the end, in the words of success, and the finding that says so."""
    for row in reversed(stages.ROWS):
        for finding in reversed(outcome.findings) if row.success else ():
            if finding.stage == row.name and finding.codes and not _refused(finding):
                return row.success, finding
    said = [finding for finding in outcome.findings if finding.succeeded and finding.codes and finding.stage != "quit"]
    return "answered", said[-1] if said else None


def _success(
    outcome: Outcome,
    tolerated: Finding | None,
    notes: tuple[str, ...],
    arrived: str = "",
    parts: Sequence[Part] = (),
) -> str:
    """``tolerated``: what went wrong on the way, but is called harmless; ``notes``: which policies held; ``arrived``
    and ``parts``: what became of the probe, and of others."""
    words, finding = _did(outcome)
    said = reply_words(finding) if finding is not None else ""
    if finding is None:
        # Stopped before the server had said anything.
        last = outcome.findings[-1]
        words = stages.row(last.stage).success or words
        said = last.cause
    remarks = list(notes)
    if tolerated is not None:
        fault = f"{tolerated.stage}: {reply_words(tolerated) if tolerated.codes else tolerated.cause}"
        remarks.append(f"{cut(fault, TOLERATED_SHOWN)}, tolerated")
    noted = [Part(cut(", ".join(remarks), REMARK_SHOWN))] if remarks else []
    return _fitted(f"{_host(outcome)} {words} in {outcome.total:.3f} s{arrived}: ", said, [*noted, *parts])


def _problem(outcome: Outcome, finding: Finding, wish: str = "", lead: str = "", parts: Sequence[Part] = ()) -> str:
    """A finding with its host, stage, code and cause; a success stands here when ``--state`` does not want it.
    ``parts``: what is said of a mailbox."""
    notes = [finding.cause] if finding.codes else []
    if finding.about:
        notes.insert(0, finding.about if finding.stage == "command" else _recipient(outcome, finding))
    if finding.stage == "quit":
        notes.append(f"{_did(outcome)[0]} before")
    notes.append("not wanted" if finding.succeeded and not wish else wish)
    return _told(_host(outcome, finding.cause), finding, notes, lead, parts)


def _recipient(outcome: Outcome, finding: Finding) -> str:
    """Whom a reply is about, and how many of those asked at its stage were refused, where that is not the only one."""
    asked = [other for other in outcome.findings if other.stage == finding.stage and other.about]
    refused = sum(map(_refused, asked))
    if refused < 2 or not _refused(finding):
        return f"for {finding.about}"
    return f"for {middle(finding.about, RECIPIENT_SHOWN)}, {refused} of {len(asked)} refused"


def _told(host: str, finding: Finding, notes: list[str], lead: str, parts: Sequence[Part] = ()) -> str:
    remark = cut(", ".join(note for note in notes if note), REMARK_SHOWN)
    said = [*([Part(remark)] if remark else []), *parts]
    timed_out = "timed out at " if finding.kind == "timeout" else ""
    where = f"{host} " if host else ""
    before = f"{lead}{where}{timed_out}{finding.stage}: "
    if finding.codes:
        return _fitted(before, reply_words(finding), said)
    if finding.text:
        return _fitted(f"{before}{finding.cause}: ", finding.text, said)
    return _fitted(before + finding.cause, "", said)


def _but(outcome: Outcome, result: Result, parts: Sequence[Part] = ()) -> str:
    """It worked, but not in time, or not for long."""
    before = f"{_host(outcome)} {_did(outcome)[0]}, but {excess(result)}"
    if result.metric.context == "time" and outcome.passed_over:
        # They may be what took so long; which ones they all are stands at -v.
        before = cut(f"{before}; {'; '.join(dict.fromkeys(outcome.passed_over))}", SENTENCE)
    return _fitted(before, "", parts)


def _but_one(count: str, verdict: Verdict, result: Result) -> str:
    """Enough of the targets work, but one not in time, or not for long; or all together not in time."""
    for judgement in verdict.judgements:
        if result.metric.name == f"{judgement.outcome.target.label}_{result.metric.context}":
            return _sentence(f"{count}, but {_host(judgement.outcome)}: {excess(result)}")
    return _sentence(f"{count}, but {excess(result)}")


def excess(result: Result) -> str:
    """Which limit of seconds or days was not kept, and by what: ``it took 2.500 s, at most 2 s wanted``."""
    limit, value, context = result.hint, result.metric.value, result.metric.context
    if context in ("tls_days", "imap_tls_days"):
        whose = "the certificate" if context == "tls_days" else "the mailbox's certificate"
        return f"{whose} {value.words}, more than {limit} wanted"
    what = "it" if context == "time" else context[len("time_") :]
    return f"{what} took {value:.3f} s, {limit_words(limit, value)}"


def reply_words(finding: Finding) -> str:
    """The server's reply, without what is only meant for programs: the challenge of a login."""
    if finding.stage == "auth" and finding.codes == (replies.CONTINUE,):
        return str(replies.CONTINUE)
    codes = " and ".join(str(code) for code in finding.codes)
    return f"{codes} {finding.text}".rstrip()


def _in_short(outcome: Outcome) -> str:
    """What SMTP came to, for the brackets behind a fault of the mailbox."""
    fault = next((finding for finding in _before_quit(outcome) if not finding.succeeded), None)
    if fault is None:
        return f"{_host(outcome)} {_did(outcome)[0]}"
    return cut(f"{_host(outcome)} {fault.stage}: {reply_words(fault) if fault.codes else fault.cause}", REMARK_SHOWN)


def _of_probe(before: str, finding: Finding, parts: Sequence[Part]) -> str:
    """What is wrong with a probe; of these only a delivery report is in the words of others, which may be cut."""
    if finding.kind == "bounced":
        return _fitted(before, finding.cause, parts, CAUSE_KEPT)
    return _fitted(before + finding.cause.removeprefix("arrive "), "", parts)


def _fitted(before: str, server: str, parts: Sequence[Part], kept: int = SERVER_KEPT) -> str:
    """The sentence within the line's length: before the server's words are cut too far, parts are given up."""
    left = list(parts)
    for kind in ("", *GIVEN_UP):
        left = [part for part in left if not kind or part.kind != kind]
        after = f" ({', '.join(part.text for part in left)})" if left else ""
        if len(before) + len(after) + min(len(server), kept) <= SENTENCE:
            break
    return _sentence(before, server, after)


def _sentence(before: str, server: str = "", after: str = "") -> str:
    """The parts within the line's length; the server's text is what is cut, while there is some."""
    room = SENTENCE - len(before) - len(after)
    if server and room > 0:
        return f"{before}{cut(server, room)}{after}"
    return cut(f"{before.removesuffix(': ')}{after}", SENTENCE)
