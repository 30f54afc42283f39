"""Several targets, one state: who accepts mail, who does not, and how much of that is enough."""

from __future__ import annotations

from .. import stages
from ..record import NamedTuple
from . import states

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Callable

    from ..findings import Finding, Outcome
    from ..options.settings import StateRule
    from ..smtp.plan import Plan


UNDELIVERED = ("bounced", "lost", "late")
"""Kinds of faults of a probe with which its target does not count as one that works."""


class Judgement(NamedTuple):
    """One target's outcome judged: its state and the finding that gave it that state.

    ``accepts``: nothing went wrong before ``quit`` but what does not keep mail away.  ``delivers``: and nothing is
    wrong with the probes sent to it, as far as a mailbox tells.
    """

    outcome: Outcome
    state: str
    finding: Finding
    accepts: bool
    delivers: bool


class Verdict(NamedTuple):
    """The state of all targets together; ``judgements`` in the order of the targets."""

    state: str
    judgements: tuple[Judgement, ...]

    @property
    def accepting(self) -> int:
        """How many accept."""
        return sum(judgement.accepts for judgement in self.judgements)

    @property
    def delivering(self) -> int:
        """How many of these are not known to lose or delay what they took."""
        return sum(judgement.delivers for judgement in self.judgements)

    @property
    def worst(self) -> Judgement:
        """The worst target, the first of several."""
        return max(self.judgements, key=lambda judgement: states.SEVERITY.index(judgement.state))


def judge(outcome: Outcome, rules: Iterable[StateRule], arrived: Sequence[Finding] = ()) -> Judgement:
    """Judge one target among several.  A timeout is that target's failure here; the STATE of ``-t`` is for all.

    ``arrived``: what is wrong with the probes that were sent to it.
    """
    judged = [(states.state_of(finding, rules, "critical"), finding) for finding in outcome.findings]
    accepts = all(state == "ok" or _harmless(state, finding) for state, finding in judged)
    of_probes = [(states.state_of(finding, rules, "critical"), finding) for finding in arrived]
    delivers = accepts and not any(state != "ok" and finding.kind in UNDELIVERED for state, finding in of_probes)
    judged += of_probes
    worst_state = states.worst(state for state, _ in judged)
    decisive = next(finding for state, finding in judged if state == worst_state)
    return Judgement(outcome, worst_state, decisive, accepts, delivers)


def _harmless(state: str, finding: Finding) -> bool:
    return finding.stage == "quit" or (finding.default == "warning" and state == "warning")


def _timed_out(finding: Finding, rules: Iterable[StateRule]) -> bool:
    """Whether the STATE of ``-t`` says what ``finding`` means: ``--state`` would come before it."""
    return finding.kind == "timeout" and states.ruled_state(finding, rules) is None


def decide(
    outcomes: Sequence[Outcome],
    rules: Iterable[StateRule],
    require: str | int | None,
    timeout_state: str,
    arrived: Callable[[str], Sequence[Finding]] | None = None,
) -> Verdict:
    """The verdict on at least one outcome by ``--require``.

    ``arrived`` tells by a target's label what is wrong with the probes sent to it, where a mailbox was looked into.
    """
    rules = tuple(rules)
    judgements = tuple(
        judge(outcome, rules, arrived(outcome.target.label) if arrived is not None else ()) for outcome in outcomes
    )
    accepting = sum(judgement.delivers for judgement in judgements)
    found = [judgement.state for judgement in judgements]
    if not accepting and all(_timed_out(judgement.finding, rules) for judgement in judgements):
        state = timeout_state
    elif require == "all":
        state = states.worst(found)
    elif isinstance(require, int):
        state = "ok" if accepting >= require else "critical"
    elif accepting == len(judgements):
        # What was wrong at quit is worth a word of warning where nothing else is.
        state = states.worst(found) if require is None else "ok"
    elif accepting and any(judgement.accepts and not judgement.delivers for judgement in judgements):
        state = "warning"  # whatever is enough: mail was taken and did not arrive
    elif accepting:
        state = "warning" if require is None else "ok"
    else:
        mildest = min(found, key=states.SEVERITY.index)
        state = states.worst((mildest, "warning"))
    return Verdict(state, judgements)


def of_former(finding: Finding, state: str, require: str | int | None) -> str:
    """What the ``state`` of what is wrong with a probe comes to where its target is asked no more: that does not count
    for ``--require``, and is no worse than one that is asked, beside others that work."""
    if require == "all" or state == "ok":
        return state
    if isinstance(require, int):
        return "ok"
    if finding.kind in UNDELIVERED:
        return "warning"
    return state if require is None else "ok"


def goal_of(plan: Plan, verdict: Verdict) -> str:
    """What is asked of the targets, in the plural; of one that answers well, and whose certificate or policy is what is
    wrong, it is not said that it does not answer."""
    if plan.quit_after is not None:
        asked = {plan.quit_after}
    else:
        has = plan.has
        asked = {row.name for row in stages.ROWS if has.get(row.needs)}
        asked.update(command.stage for command in plan.commands)
    words = (row.successes for row in reversed(stages.ROWS) if row.name in asked and row.successes)
    fails_to_pass = any(not one.accepts and _is_about_tls(one.finding) for one in verdict.judgements)
    return next(words, "pass" if fails_to_pass else "answer")


def _is_about_tls(finding: Finding) -> bool:
    return finding.stage in ("sts", "starttls", "tls") or finding.cause.startswith("DANE")
