"""The state table: what each finding of a conversation means to the one who is woken up."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..findings import Finding
    from ..options.settings import StateRule

SEVERITY = ("ok", "warning", "unknown", "critical")
"""States from the mildest to the worst; nothing outranks mail that does not get through."""

BY_TIMEOUT = "-t"
"""Stands for the STATE of ``--timeout``."""

DEFAULTS = (
    # stage      what        state; the first row that fits counts
    ("quit", "", "warning"),  # the result was decided before
    ("clean", "", "warning"),
    ("any", "timeout", BY_TIMEOUT),
    ("any", "protocol", "critical"),
    ("any", "421", "critical"),
    ("mail", "4xx", "warning"),  # greylisting, quota, try again later
    ("rcpt", "4xx", "warning"),
    ("data", "4xx", "warning"),
    ("message", "4xx", "warning"),
    ("arrive", "bounced", "critical"),
    ("arrive", "", "warning"),  # how many are lost, how late one is, and what is under way have states of their own
    ("any", "", "critical"),
)


def matches(stage: str, what: str, finding: Finding) -> bool:
    """Whether a rule is about ``finding``.  Without ``what`` it is about whatever went wrong; a code may be about
    a success too."""
    if stage not in ("any", finding.stage):
        return False
    if what in ("", finding.kind):
        return not finding.succeeded
    if not what[0].isdigit() and what[0] != "x":
        return False
    code = str(finding.codes[-1]) if finding.codes else ""
    return len(code) == len(what) and all(digit in ("x", shown) for digit, shown in zip(what, code))


def default_state(finding: Finding, timeout_state: str) -> str:
    """The state by ``DEFAULTS``."""
    if finding.succeeded:
        return "ok"
    if finding.default:
        return finding.default
    for stage, what, state in DEFAULTS:
        if matches(stage, what, finding):
            return timeout_state if state == BY_TIMEOUT else state
    return "critical"


def rule_of(finding: Finding, rules: Iterable[StateRule]) -> StateRule | None:
    """The rule of ``--state`` for a finding, None where none is about it.

    The most specific rule counts: a named stage before ``any``, a code or kind before none, more digits before
    fewer; then the later one.
    """
    best: tuple[bool, bool, int] | None = None
    found = None
    for rule in rules:
        if matches(rule.stage, rule.what, finding):
            rank = (rule.stage != "any", rule.what != "", sum(char.isdigit() for char in rule.what))
            if best is None or rank >= best:
                best, found = rank, rule
    return found


def ruled_state(finding: Finding, rules: Iterable[StateRule]) -> str | None:
    """The state by ``--state``, None where no rule is about the finding."""
    rule = rule_of(finding, rules)
    return None if rule is None else rule.state


def state_of(finding: Finding, rules: Iterable[StateRule], timeout_state: str) -> str:
    """The state of one finding: ``ok``, ``warning``, ``unknown`` or ``critical``."""
    return ruled_state(finding, rules) or default_state(finding, timeout_state)


def worst(states: Iterable[str]) -> str:
    """The worst of some states, ``ok`` of none."""
    return max(states, key=SEVERITY.index, default="ok")
