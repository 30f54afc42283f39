"""The sentence of the first line, and what ``-v`` shows below it."""

from __future__ import annotations

import nagiosplugin

from .contexts import plain
from .text import clean, cut, middle

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from nagiosplugin import Result, Results

    from .model import Finding, Outcome
    from .resource import SMTP

FIRST_LINE = 160
"""Characters of the first line before the perfdata."""

HOST_SHOWN = 40
"""Characters of a host's name in a sentence."""

PREFIX = len("SMTP CRITICAL - ")
"""The longest thing that stands before the sentence."""

_SUCCESSES = (
    ("message", "accepted the message"),
    ("rcpt", "accepted the recipient"),
    ("mail", "accepted the sender"),
    ("auth", "authenticated"),
)

_BAR = 20
"""Columns of the longest bar of the stage table."""

_REPLY_SHOWN = 60
"""Characters of a reply in the stage table."""


class SMTPSummary(nagiosplugin.Summary):  # type: ignore[misc]
    """Writes the first line from the results of one target."""

    def __init__(self, resource: SMTP) -> None:
        self._resource = resource

    def ok(self, results: Results) -> str:
        outcome = self._resource.outcomes[0]
        wanted = [result for result in _findings(results) if not result.metric.value.succeeded]
        decisive = [result for result in wanted if result.metric.value.stage != "quit"]
        if decisive:
            return _problem(outcome, decisive[0].metric.value, "as wanted")
        return _success(outcome)

    def problem(self, results: Results) -> str:
        outcome = self._resource.outcomes[0]
        state = results.most_significant_state
        worst = [result for result in results.results if result.state == state]
        for result in worst:
            if result.metric.context == "finding":
                finding = result.metric.value
                return _problem(outcome, finding, "not wanted" if finding.succeeded else "")
        return _but(outcome, worst[0])


def _findings(results: Results) -> Iterable[Result]:
    return (result for result in results.results if result.metric.context == "finding")


def _host(outcome: Outcome) -> str:
    return middle(clean(outcome.target.host), HOST_SHOWN)


def _did(outcome: Outcome) -> tuple[str, Finding | None]:
    """What the server did in the end, in the words of success, and the finding that says so."""
    for stage, words in _SUCCESSES:
        for finding in reversed(outcome.findings):
            if finding.stage == stage and finding.succeeded:
                return words, finding
    said = [finding for finding in outcome.findings if finding.succeeded and finding.codes and finding.stage != "quit"]
    return "answered", said[-1] if said else None


def _success(outcome: Outcome) -> str:
    words, finding = _did(outcome)
    if finding is None:
        # Stopped before the server had said anything.
        last = outcome.findings[-1]
        words = "connected" if last.stage == "connect" else "was found" if last.stage == "dns" else "answered"
        return _sentence(f"{_host(outcome)} {words} in {outcome.total:.3f} s: ", last.cause)
    return _sentence(f"{_host(outcome)} {words} in {outcome.total:.3f} s: ", _reply(finding))


def _problem(outcome: Outcome, finding: Finding, remark: str) -> str:
    notes = [] if not finding.codes else [finding.cause]
    if finding.about:
        notes.insert(0, finding.about if finding.stage == "command" else f"for {finding.about}")
    if finding.stage == "quit":
        notes.append(f"{_did(outcome)[0]} before")
    notes.append(remark)
    after = ", ".join(note for note in notes if note)
    after = f" ({cut(after, FIRST_LINE // 2)})" if after else ""
    if finding.kind == "timeout":
        return _sentence(f"{_host(outcome)} timed out at {finding.stage}: {finding.cause}", "", after)
    before = f"{_host(outcome)} {finding.stage}: "
    if finding.codes:
        return _sentence(before, _reply(finding), after)
    if finding.text:
        return _sentence(f"{before}{finding.cause}: ", finding.text, after)
    return _sentence(before + finding.cause, "", after)


def _but(outcome: Outcome, result: Result) -> str:
    """It worked, but not in time, or not for long."""
    limit, metric = result.hint, result.metric
    begin = f"{_host(outcome)} {_did(outcome)[0]}, but "
    if metric.name == "tls_days":
        days = "1 day" if metric.value == 1 else f"{metric.value} days"
        return _sentence(f"{begin}its certificate expires in {days}, limit {limit}")
    what = "took" if metric.name == "time" else f"{metric.name[len('time_') :]} took"
    return _sentence(f"{begin}{what} {metric.value:.3f} s, {_limit_words(limit, metric.value)}")


def _limit_words(limit: nagiosplugin.Range, value: float) -> str:
    if limit.invert:
        return f"inside {plain(limit.start)} to {plain(limit.end)} s"
    if value > limit.end:
        return f"limit {plain(limit.end)} s"
    return f"at least {plain(limit.start)} s expected"


def _reply(finding: Finding) -> str:
    codes = " and ".join(str(code) for code in finding.codes)
    return f"{codes} {finding.text}".rstrip()


def _sentence(before: str, server: str = "", after: str = "") -> str:
    """The parts within the line's length; what is cut is the server's text, while there is some."""
    room = FIRST_LINE - PREFIX - len(before) - len(after)
    if server and room > 0:
        return f"{before}{cut(server, room)}{after}"
    return cut(f"{before.rstrip(' :')}{after}", FIRST_LINE - PREFIX)


def verbose_blocks(outcomes: tuple[Outcome, ...], verbose: int) -> list[list[str]]:
    """What stands below the first line: stage table and TLS at 1, the transcript at 2, all details at 3."""
    if not verbose:
        return []
    blocks = []
    for outcome in outcomes:
        blocks.append([*stage_table(outcome), *outcome.details])
        if verbose > 1:
            blocks.append(list(outcome.transcript))
    return blocks


def stage_table(outcome: Outcome) -> list[str]:
    """One line for each stage: its time, a bar, and the reply or what went wrong."""
    times = dict(outcome.times)
    longest = max((seconds for stage, seconds in outcome.times if stage != "quit"), default=0.0)
    lines = []
    for stage in dict.fromkeys([finding.stage for finding in outcome.findings]):
        last = [finding for finding in outcome.findings if finding.stage == stage][-1]
        seconds = times.get(stage)
        shown = f"{seconds * 1000:10.3f} ms" if seconds is not None else f"{'-':>13}"
        filled = 0 if seconds is None or not longest else min(_BAR, max(1, round(_BAR * seconds / longest)))
        said = _reply(last) if last.codes else last.cause
        if not last.succeeded:
            said = f"{last.kind}: {said}"
        lines.append(f"{stage:<9}{shown} {'#' * filled:<{_BAR}} {cut(said, _REPLY_SHOWN)}".rstrip())
    return lines
