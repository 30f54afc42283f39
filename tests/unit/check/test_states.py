"""The state table and the rules of ``--state``."""

from __future__ import annotations

import itertools

import pytest

from smtp_status.check import states
from smtp_status.check.states import default_state, ruled_state, state_of, worst
from smtp_status.findings import FAULTS, Finding
from smtp_status.options.settings import StateRule
from smtp_status.stages import STAGES

MAIL_STAGES = ("mail", "rcpt", "data", "message")


def found(stage: str, kind: str, *codes: int) -> Finding:
    return Finding(stage, kind, codes)


def rules(text: str) -> tuple[StateRule, ...]:
    """``rcpt:5xx=ok,any=warning`` as rules."""
    made = []
    for item in text.split(","):
        outcome, _, state = item.partition("=")
        stage, _, what = outcome.partition(":")
        made.append(StateRule(stage, what, state))
    return tuple(made)


# -- the table


@pytest.mark.parametrize("stage", STAGES)
def test_success_is_ok(stage):
    assert default_state(found(stage, "success", 250), "unknown") == "ok"
    assert default_state(found(stage, "success", 421), "unknown") == "ok"


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("code", [400, 450, 451, 452, 454, 455, 459])
def test_4yz(stage, code):
    wanted = "warning" if stage in (*MAIL_STAGES, "quit") else "critical"
    for kind in ("failure", "error"):
        assert default_state(found(stage, kind, code), "unknown") == wanted


@pytest.mark.parametrize("stage", STAGES)
def test_421_is_critical_anywhere_but_at_quit(stage):
    wanted = "warning" if stage == "quit" else "critical"
    assert default_state(found(stage, "error", 421), "unknown") == wanted
    assert default_state(found(stage, "failure", 421), "unknown") == wanted


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("code", [500, 503, 530, 535, 550, 554])
def test_5yz(stage, code):
    wanted = "warning" if stage == "quit" else "critical"
    assert default_state(found(stage, "failure", code), "unknown") == wanted
    assert default_state(found(stage, "error", code), "unknown") == wanted


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("kind", FAULTS)
def test_faults(stage, kind):
    wanted = "warning" if stage == "quit" else "unknown" if kind == "timeout" else "critical"
    assert default_state(found(stage, kind), "unknown") == wanted


@pytest.mark.parametrize("state", ["ok", "warning", "critical", "unknown"])
def test_timeout_takes_the_state_of_t(state):
    assert default_state(found("message", "timeout"), state) == state
    assert default_state(found("dns", "timeout"), state) == state
    assert default_state(found("quit", "timeout"), state) == "warning"


@pytest.mark.parametrize("stage", MAIL_STAGES)
def test_protocol_is_critical_whatever_code_it_came_with(stage):
    assert default_state(found(stage, "protocol", 450), "unknown") == "critical"
    assert default_state(found(stage, "protocol", 250, 450), "unknown") == "critical"


def test_quit_is_looked_at_before_all_else():
    assert default_state(found("quit", "protocol", 250), "critical") == "warning"
    assert default_state(found("quit", "closed"), "critical") == "warning"


# -- the rules


def test_no_rule():
    assert ruled_state(found("rcpt", "failure", 550), ()) is None
    assert ruled_state(found("rcpt", "failure", 550), rules("mail=ok,rcpt:450=ok,rcpt:timeout=ok")) is None


@pytest.mark.parametrize("rule", ["rcpt", "any", "rcpt:failure", "any:failure", "rcpt:550", "rcpt:5xx", "any:x5x"])
def test_a_rule_that_is_about_it(rule):
    assert ruled_state(found("rcpt", "failure", 550), rules(f"{rule}=ok")) == "ok"


@pytest.mark.parametrize("rule", ["mail", "rcpt:error", "rcpt:551", "rcpt:4xx", "rcpt:xx1", "rcpt:2xx", "rcpt:closed"])
def test_a_rule_that_is_not_about_it(rule):
    assert ruled_state(found("rcpt", "failure", 550), rules(f"{rule}=ok")) is None


@pytest.mark.parametrize("kind", [*FAULTS, "failure", "error"])
def test_every_kind(kind):
    for other in (*FAULTS, "failure", "error"):
        wanted = "ok" if other == kind else None
        assert ruled_state(found("tls", kind), rules(f"tls:{other}=ok")) == wanted


@pytest.mark.parametrize(
    ("what", "codes"),
    [
        ("450", {450}),
        ("45x", {450, 451, 455}),
        ("4xx", {400, 421, 450, 451, 455}),
        ("x5x", {250, 354, 450, 451, 455, 550}),
        ("xx0", {220, 250, 400, 450, 550}),
        ("xxx", {220, 221, 250, 354, 400, 421, 450, 451, 455, 550}),
    ],
)
def test_x_is_any_digit(what, codes):
    every = (220, 221, 250, 354, 400, 421, 450, 451, 455, 550)
    rule = rules(f"any:{what}=ok")
    assert {code for code in every if ruled_state(found("rcpt", "failure", code), rule) == "ok"} == codes


def test_a_success_is_touched_by_a_code_only():
    success = found("rcpt", "success", 250)
    for rule in ("rcpt", "any", "rcpt:failure", "any:protocol"):
        assert state_of(success, rules(f"{rule}=critical"), "critical") == "ok"
    for rule in ("rcpt:2xx", "any:250", "rcpt:xxx"):
        assert state_of(success, rules(f"{rule}=critical"), "critical") == "critical"


def test_a_fault_without_a_code_is_touched_by_no_code():
    assert ruled_state(found("rcpt", "timeout"), rules("rcpt:xxx=ok")) is None


def test_of_different_codes_the_last_one_counts():
    mixed = found("ehlo", "protocol", 250, 550)
    assert ruled_state(mixed, rules("ehlo:550=ok")) == "ok"
    assert ruled_state(mixed, rules("ehlo:250=ok")) is None


IN_ORDER = ["any=", "any:failure=", "any:4xx=", "any:45x=", "any:450=", "rcpt=", "rcpt:4xx=", "rcpt:45x=", "rcpt:450="]


@pytest.mark.parametrize(("weak", "strong"), [*itertools.combinations(IN_ORDER, 2)])
def test_the_most_specific_rule_wins_wherever_it_stands(weak, strong):
    finding = found("rcpt", "failure", 450)
    for text in (f"{weak}unknown,{strong}ok", f"{strong}ok,{weak}unknown"):
        assert ruled_state(finding, rules(text)) == "ok", text


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("rcpt", "rcpt"),
        ("rcpt:450", "rcpt:450"),
        ("rcpt:45x", "rcpt:4x0"),
        ("any:failure", "any:failure"),
        ("rcpt:failure", "rcpt:xxx"),
        ("rcpt:xxx", "rcpt:failure"),
    ],
)
def test_of_equals_the_later_wins(first, second):
    finding = found("rcpt", "failure", 450)
    assert ruled_state(finding, rules(f"{first}=ok,{second}=unknown")) == "unknown"
    assert ruled_state(finding, rules(f"{second}=unknown,{first}=ok")) == "ok"


def test_a_rule_for_timeouts_wins_over_t():
    assert state_of(found("banner", "timeout"), rules("banner:timeout=warning"), "unknown") == "warning"
    assert state_of(found("ehlo", "timeout"), rules("banner:timeout=warning"), "unknown") == "unknown"


def test_a_server_that_must_not_relay():
    rule = rules("rcpt:5xx=ok,rcpt:2xx=critical")
    assert state_of(found("rcpt", "failure", 554), rule, "critical") == "ok"
    assert state_of(found("rcpt", "success", 250), rule, "critical") == "critical"
    assert state_of(found("rcpt", "failure", 450), rule, "critical") == "warning"
    assert state_of(found("mail", "failure", 554), rule, "critical") == "critical"


def test_quit_failures_ignored():
    assert state_of(found("quit", "closed"), rules("quit=ok"), "critical") == "ok"


# -- several


def test_worst():
    assert worst([]) == "ok"
    for order in itertools.permutations(["ok", "warning", "unknown", "critical"]):
        assert worst(order) == "critical"
    assert worst(["ok", "unknown", "warning"]) == "unknown"
    assert worst(["warning", "ok"]) == "warning"
    assert states.SEVERITY == ("ok", "warning", "unknown", "critical")
