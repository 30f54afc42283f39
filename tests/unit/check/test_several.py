"""Several targets, one state: every way of ``--require`` with every mixture of targets."""

from __future__ import annotations

import pytest

from helpers.known import BEGIN, BYE, MAIL, RCPT, outcome, rules
from smtp_status.check.several import Judgement, decide, judge
from smtp_status.findings import Finding, Outcome, Target

DENIED = Finding("rcpt", "failure", (554,), "5.7.1 Relay access denied")
GREYLISTED = Finding("rcpt", "failure", (450,), "4.2.0 Greylisted")
SILENT = Finding("banner", "timeout", cause="no greeting for 1.0 s")
LATE_BYE = Finding("quit", "timeout", cause="no reply to QUIT for 2.0 s")
ALIAS = Finding("dns", "policy", cause="the exchanger is an alias (CNAME) of x", default="warning")

# one letter for one target, for the table below
TARGETS: dict[str, tuple[Finding, ...]] = {
    "a": (*BEGIN, MAIL, RCPT, BYE),  # accepts
    "q": (*BEGIN, MAIL, RCPT, LATE_BYE),  # accepts, and is late with its farewell
    "w": (ALIAS, *BEGIN, MAIL, RCPT, BYE),  # accepts, with a warning that keeps no mail away
    "g": (*BEGIN, MAIL, GREYLISTED, BYE),
    "d": (*BEGIN, MAIL, DENIED, BYE),
    "s": (BEGIN[0], SILENT),
}


def made(letters: str) -> list[Outcome]:
    return [
        outcome(*TARGETS[letter], target=Target(f"mx{number}.test", (), f"mx{number}.test"))
        for number, letter in enumerate(letters)
    ]


@pytest.mark.parametrize(
    ("letter", "state", "stage", "accepts"),
    [
        ("a", "ok", "connect", True),
        ("q", "warning", "quit", True),
        ("w", "warning", "dns", True),
        ("g", "warning", "rcpt", False),
        ("d", "critical", "rcpt", False),
        ("s", "critical", "banner", False),
    ],
)
def test_one_of_them(letter: str, state: str, stage: str, accepts: bool) -> None:
    (one,) = made(letter)
    judged = judge(one, ())
    assert (judged.outcome, judged.state, judged.finding.stage, judged.accepts) == (one, state, stage, accepts)


def test_of_equal_findings_the_first_decides() -> None:
    one = outcome(*BEGIN, MAIL, DENIED, DENIED._replace(text="again"))
    assert judge(one, ()).finding is DENIED


@pytest.mark.parametrize(
    ("letters", "default", "every", "some", "two"),
    [
        ("aa", "ok", "ok", "ok", "ok"),
        ("a", "ok", "ok", "ok", "critical"),
        ("aq", "warning", "warning", "ok", "ok"),
        ("aw", "warning", "warning", "ok", "ok"),
        ("ad", "warning", "critical", "ok", "critical"),
        ("ag", "warning", "warning", "ok", "critical"),
        ("aad", "warning", "critical", "ok", "ok"),
        ("gg", "warning", "warning", "warning", "critical"),
        ("gd", "warning", "critical", "warning", "critical"),
        ("dd", "critical", "critical", "critical", "critical"),
        ("ds", "critical", "critical", "critical", "critical"),
    ],
)
def test_what_is_required(letters: str, default: str, every: str, some: str, two: str) -> None:
    found = [decide(made(letters), (), require, "unknown").state for require in (None, "all", "any", 2)]
    assert found == [default, every, some, two]


@pytest.mark.parametrize("require", [None, "all", "any", 1, 2])
def test_where_all_of_them_time_out_the_state_of_the_deadline_counts(require: str | int | None) -> None:
    assert decide(made("ss"), (), require, "unknown").state == "unknown"
    assert decide(made("sd"), (), require, "unknown").state == "critical"


def test_a_rule_comes_before_the_state_of_the_deadline() -> None:
    assert decide(made("ss"), rules("banner:timeout=warning"), None, "unknown").state == "warning"
    assert decide(made("ss"), rules("rcpt:timeout=warning"), None, "unknown").state == "unknown"


def test_a_rule_makes_one_accept() -> None:
    verdict = decide(made("gd"), rules("rcpt:45x=ok"), None, "critical")
    assert [judgement.accepts for judgement in verdict.judgements] == [True, False]
    assert (verdict.state, verdict.accepting) == ("warning", 1)


def test_a_rule_makes_one_refuse() -> None:
    assert decide(made("aa"), rules("rcpt:2xx=critical"), None, "critical").state == "critical"


def test_the_worst_is_the_first_of_the_worst() -> None:
    verdict = decide(made("agdd"), (), None, "critical")
    worst: Judgement = verdict.worst
    assert worst.outcome.target.host == "mx2.test"
    assert [judgement.outcome.target.host for judgement in verdict.judgements] == [f"mx{n}.test" for n in range(4)]
    # CRITICAL outranks UNKNOWN
    unknown = decide(made("gd"), rules("rcpt:450=unknown"), None, "critical")
    assert unknown.worst.outcome.target.host == "mx1.test"


GONE = Finding("arrive", "lost", cause="did not arrive", default="critical")


def test_mail_that_was_taken_and_did_not_arrive() -> None:
    def arrived(label: str) -> tuple[Finding, ...]:
        return (GONE,) if label == "mx1.test" else ()

    verdict = decide(made("aa"), (), "any", "critical", arrived)
    assert [(one.accepts, one.delivers) for one in verdict.judgements] == [(True, True), (True, False)]
    assert (verdict.state, verdict.worst.finding) == ("warning", GONE)
    assert decide(made("aa"), (), 2, "critical", arrived).state == "critical"
    assert decide(made("aa"), (), "all", "critical", arrived).state == "critical"
