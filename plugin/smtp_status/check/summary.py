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
    from .resource import SMTP

SENTENCE = LINE - len("SMTP CRITICAL - ")
"""Characters of a sentence, so that the first line has at most LINE before the perfdata, whatever the state."""

HOST_SHOWN = 40
"""Characters of a host's name in a sentence."""

RECIPIENT_SHOWN = 40
"""Characters of a recipient beside the count of those refused, which is to stay legible."""

REMARK_SHOWN = 80
"""Characters of what stands in brackets behind the server's words."""

REMARK_LEAST = 12
"""Characters of a remark that still say something."""

SERVER_KEPT = 20
"""Characters of the server's words that stay, before less is said of other mail in brackets."""

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
        outcome = self._resource.outcomes[0]
        refusal = last_refusal(outcome)
        if refusal is not None:
            return problem(outcome, refusal, "as wanted", parts=self._parts())  # a negative test that held
        return self._succeeded(outcome, tolerated(outcome), (*self._notes(), *self._days(outcome)))

    def problem(self, results: Results) -> str:
        worst = results_of_state(results)
        outcome = self._resource.outcomes[0]
        for result in worst:
            if result.metric.context == "finding" and result.metric.value.stage not in MAILBOX_STAGES:
                return problem(outcome, result.metric.value, parts=self._parts())
        slow = next(result for result in worst if result.metric.context != "finding")
        refusal = last_refusal(outcome)
        if refusal is not None:
            # Too slow, and besides it came to nothing.
            return problem(outcome, refusal, excess(slow), parts=self._parts())
        return but(outcome, slow, self._parts())

    def _succeeded(self, outcome: Outcome, harmless: Finding | None, notes: tuple[str, ...]) -> str:
        return success(outcome, harmless, notes)

    def _parts(self) -> Sequence[Part]:
        """What is said in brackets besides."""
        return ()

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


def results_of_state(results: Results) -> list[Result]:
    """Those that are as bad as all together."""
    return [result for result in results.results if result.state == results.most_significant_state]


def tolerated(outcome: Outcome) -> Finding | None:
    """What went wrong on the way, but is called harmless."""
    return next((finding for finding in before_quit(outcome) if not finding.succeeded), None)


def before_quit(outcome: Outcome) -> list[Finding]:
    """All findings but those on the end of the session."""
    return [finding for finding in outcome.findings if finding.stage != "quit"]


def _refused(finding: Finding) -> bool:
    """Whether the server said no, or nothing; also where ``-R`` or ``-e`` expects just that.  Of a raw command it is
    only said that it was answered, which a no is as well."""
    return not finding.succeeded or (finding.stage != "command" and finding.codes[-1:] >= (_LEAST_REFUSAL,))


def last_refusal(outcome: Outcome) -> Finding | None:
    """The refusal that a conversation ended with, the first of its stage; None where the last word was a success, or
    one of several recipients was accepted."""
    # A fault that keeps no mail away, such as a policy in testing, is not what it ended with.
    told = [finding for finding in before_quit(outcome) if finding.default != "warning"]
    if not told or not _refused(told[-1]):
        return None
    of_stage = [finding for finding in told if finding.stage == told[-1].stage]
    refusals = [finding for finding in of_stage if _refused(finding)]
    # Only behind a reply that leaves the others their own did the conversation go on with them.
    went_on = told[-1].kind in COLUMNS and told[-1].codes != (replies.CLOSING,)
    accepted = went_on and told[-1].stage in _PER_RECIPIENT and len(refusals) < len(of_stage)
    return None if accepted else refusals[0]


def host_of(outcome: Outcome, cause: str = "") -> str:
    """The host, with its address where that tells it apart and ``cause`` does not name it."""
    host, apart = shown_host(outcome.target.host), outcome.target.apart
    return f"{host} {apart}" if apart and apart not in cause.split() else host


def shown_host(host: str) -> str:
    """The name of a host, whoever has chosen it, in at most HOST_SHOWN characters."""
    return middle(clean(host), HOST_SHOWN)


def did(outcome: Outcome) -> tuple[str, Finding | None]:
    """What the server did in the end, in the words of success, and the finding that says so."""
    for row in reversed(stages.ROWS):
        for finding in reversed(outcome.findings) if row.success else ():
            if finding.stage == row.name and finding.codes and not _refused(finding):
                return row.success, finding
    said = [finding for finding in outcome.findings if finding.succeeded and finding.codes and finding.stage != "quit"]
    return "answered", said[-1] if said else None


def success(
    outcome: Outcome,
    harmless: Finding | None,
    notes: tuple[str, ...],
    arrived: str = "",
    parts: Sequence[Part] = (),
) -> str:
    """``harmless``: what went wrong on the way, and is tolerated; ``notes``: which policies held; ``arrived``
    and ``parts``: what became of the probe, and of others."""
    words, finding = did(outcome)
    said = reply_words(finding) if finding is not None else ""
    if finding is None:
        # Stopped before the server had said anything.
        last = outcome.findings[-1]
        words = stages.row(last.stage).success or words
        said = last.cause
    remarks = list(notes)
    if harmless is not None:
        fault = f"{harmless.stage}: {reply_words(harmless) if harmless.codes else harmless.cause}"
        remarks.append(f"{cut(fault, TOLERATED_SHOWN)}, tolerated")
    noted = [Part(cut(", ".join(remarks), REMARK_SHOWN))] if remarks else []
    return fitted(f"{host_of(outcome)} {words} in {outcome.total:.3f} s{arrived}: ", said, [*noted, *parts])


def problem(outcome: Outcome, finding: Finding, wish: str = "", lead: str = "", parts: Sequence[Part] = ()) -> str:
    """A finding with its host, stage, code and cause; a success stands here when ``--state`` does not want it.
    ``parts``: what is said of a mailbox."""
    notes = [finding.cause] if finding.codes else []
    if finding.about:
        notes.insert(0, finding.about if finding.stage == "command" else _recipient(outcome, finding))
    if finding.stage == "quit":
        notes.append(f"{did(outcome)[0]} before")
    notes.append("not wanted" if finding.succeeded and not wish else wish)
    return tell(host_of(outcome, finding.cause), finding, notes, lead, parts)


def _recipient(outcome: Outcome, finding: Finding) -> str:
    """Whom a reply is about, and how many of those asked at its stage were refused, where that is not the only one."""
    asked = [other for other in outcome.findings if other.stage == finding.stage and other.about]
    refused = sum(map(_refused, asked))
    if refused < 2 or not _refused(finding):
        return f"for {finding.about}"
    return f"for {middle(finding.about, RECIPIENT_SHOWN)}, {refused} of {len(asked)} refused"


def tell(host: str, finding: Finding, notes: list[str], lead: str, parts: Sequence[Part] = ()) -> str:
    """``lead``, host, stage and what was said; in brackets ``notes`` and ``parts``."""
    remark = cut(", ".join(note for note in notes if note), REMARK_SHOWN)
    said = [*([Part(remark)] if remark else []), *parts]
    timed_out = "timed out at " if finding.kind == "timeout" else ""
    where = f"{host} " if host else ""
    before = f"{lead}{where}{timed_out}{finding.stage}: "
    if finding.codes:
        words = reply_words(finding)
        room = SENTENCE - len(before) - min(len(words), SERVER_KEPT) - len(" ()")
        if len(remark) > room:
            # The code and what comes first of the server's words say more.
            said = [*([Part(cut(remark, room))] if room >= REMARK_LEAST else []), *parts]
        return fitted(before, words, said)
    if finding.text:
        return fitted(f"{before}{finding.cause}: ", finding.text, said)
    return fitted(before + finding.cause, "", said)


def but(outcome: Outcome, result: Result, parts: Sequence[Part] = ()) -> str:
    """It worked, but not in time, or not for long."""
    before = f"{host_of(outcome)} {did(outcome)[0]}, but {excess(result)}"
    if result.metric.context == "time" and outcome.passed_over:
        # They may be what took so long; which ones they all are stands at -v.
        before = cut(f"{before}; {'; '.join(dict.fromkeys(outcome.passed_over))}", SENTENCE)
    return fitted(before, "", parts)


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


def fitted(before: str, server: str, parts: Sequence[Part], kept: int = SERVER_KEPT) -> str:
    """The sentence within the line's length: before the server's words are cut too far, parts are given up."""
    left = list(parts)
    for kind in ("", *GIVEN_UP):
        left = [part for part in left if not kind or part.kind != kind]
        after = f" ({', '.join(part.text for part in left)})" if left else ""
        if len(before) + len(after) + min(len(server), kept) <= SENTENCE:
            break
    return sentence(before, server, after)


def sentence(before: str, server: str = "", after: str = "") -> str:
    """The parts within the line's length; the server's text is what is cut, while there is some."""
    room = SENTENCE - len(before) - len(after)
    if server and room > 0:
        return f"{before}{cut(server, room)}{after}"
    return cut(f"{before.removesuffix(': ')}{after}", SENTENCE)
