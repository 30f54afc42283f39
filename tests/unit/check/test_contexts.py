"""Findings, seconds and days to states and perfdata, in the order of the output."""

from __future__ import annotations

import nagiosplugin
import pytest
from nagiosplugin import Metric, Range

from helpers.known import BANNER, BEGIN, BYE, CONNECTED, MAIL, RCPT, WHOLE, check, outcome
from smtp_status.check import contexts
from smtp_status.check.contexts import DaysContext, SecondsContext, SMTPResults, plain, range_text
from smtp_status.check.several import Verdict
from smtp_status.findings import Finding
from smtp_status.options import values
from smtp_status.options.settings import Settings, StateRule
from smtp_status.smtp.plan import Plan
from smtp_status.stages import STAGES

GREYLISTED = Finding("rcpt", "failure", (450,), "4.2.0 Greylisted, try again later")
REFUSED = Finding("rcpt", "failure", (550,), "5.1.1 unknown")
SILENT = Finding("message", "timeout", cause="no reply for 9.9 s after the final dot")


def evaluated(context: nagiosplugin.Context, value: object) -> nagiosplugin.Result:
    return context.evaluate(nagiosplugin.Metric(context.name, value), None)


# -- findings


@pytest.mark.parametrize(
    ("finding", "rules", "state"),
    [
        (RCPT, (), nagiosplugin.Ok),
        (GREYLISTED, (), nagiosplugin.Warn),
        (REFUSED, (), nagiosplugin.Critical),
        (SILENT, (), nagiosplugin.Unknown),
        (REFUSED, (StateRule("rcpt", "5xx", "ok"),), nagiosplugin.Ok),
        (RCPT, (StateRule("rcpt", "2xx", "critical"),), nagiosplugin.Critical),
    ],
)
def test_finding(finding, rules, state):
    context = contexts.FindingContext(Settings(Plan(), rules=rules, timeout_state="unknown"))
    result = evaluated(context, finding)
    assert result.state == state
    assert context.performance(nagiosplugin.Metric("rcpt", finding), None) is None


# -- seconds


@pytest.mark.parametrize(
    ("seconds", "state"),
    [(0.5, nagiosplugin.Ok), (1.0, nagiosplugin.Ok), (1.1, nagiosplugin.Warn), (5.1, nagiosplugin.Critical)],
)
def test_seconds(seconds, state):
    assert evaluated(SecondsContext("time", Range("1"), Range("5")), seconds).state == state


def test_critical_is_looked_at_first_and_named():
    context = SecondsContext("time", Range("5"), Range("1"))
    result = evaluated(context, 6.0)
    assert (result.state, result.hint) == (nagiosplugin.Critical, Range("1"))


@pytest.mark.parametrize(
    ("text", "good", "bad"),
    [("0.1:5", 2.0, 0.05), ("@1:2", 3.0, 1.5), ("~:5", 0.0, 6.0), ("2:", 3.0, 1.0), ("0", 0.0, 0.001)],
)
def test_every_form_of_range(text, good, bad):
    context = SecondsContext("time", values.time_range(text), None)
    assert evaluated(context, good).state == nagiosplugin.Ok
    assert evaluated(context, bad).state == nagiosplugin.Warn


def test_without_ranges_everything_is_in_time():
    assert evaluated(SecondsContext("time", None, None), 1e6).state == nagiosplugin.Ok


def test_what_is_not_judged_still_shows_its_ranges():
    context = SecondsContext("time", Range("1"), Range("5"), judged=False)
    assert evaluated(context, 10.0).state == nagiosplugin.Ok
    assert context.performance(nagiosplugin.Metric("time", 10.0), None) == "time=10.000000s;1;5;0"


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0.08412, "0.084120s"),
        (0.0, "0.000000s"),
        (0.00000012, "0.000000s"),
        (0.0000016, "0.000002s"),
        (12345.5, "12345.500000s"),
    ],
)
def test_seconds_are_plain_decimals(seconds, shown):
    context = SecondsContext("time", None, None)
    assert context.performance(nagiosplugin.Metric("time", seconds), None) == f"time={shown};;;0"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("5", "5"),
        ("0.25", "0.25"),
        ("0", "0"),
        ("0:5", "5"),
        (":5", "5"),
        ("0:", "0:"),
        ("10:", "10:"),
        ("10:20", "10:20"),
        ("~:5", "~:5"),
        ("@5", "@5"),
        ("@1:2", "@1:2"),
        ("-5:10", "-5:10"),
        ("0.000001", "0.000001"),
        ("1000000000", "1000000000"),
        ("100", "100"),
        ("1.50", "1.5"),
    ],
)
def test_range_text(text, shown):
    assert range_text(Range(text)) == shown
    assert Range(shown) == Range(text)


def test_no_range_is_empty():
    assert range_text(None) == ""


@pytest.mark.parametrize(
    ("number", "shown"), [(5, "5"), (0.25, "0.25"), (1e-05, "0.00001"), (1e9, "1000000000"), (-2.5, "-2.5")]
)
def test_plain(number, shown):
    assert plain(number) == shown


# -- days


@pytest.mark.parametrize(
    ("days", "state"),
    [
        (30, nagiosplugin.Ok),
        (22, nagiosplugin.Ok),
        (21, nagiosplugin.Warn),
        (8, nagiosplugin.Warn),
        (7, nagiosplugin.Critical),
        (-1, nagiosplugin.Critical),
    ],
)
def test_days(days, state):
    assert evaluated(DaysContext("tls_days", 21, 7), days).state == state


def test_days_with_one_limit_or_none():
    assert evaluated(DaysContext("tls_days", 21, None), -5).state == nagiosplugin.Warn
    assert evaluated(DaysContext("tls_days", None, None), -5).state == nagiosplugin.Ok


@pytest.mark.parametrize(
    ("limits", "shown"),
    [
        ((21, 7), "tls_days=30;21;7"),
        ((21, None), "tls_days=30;21;0"),
        ((0, None), "tls_days=30"),
        ((None, None), "tls_days=30"),
    ],
)
def test_days_in_perfdata(limits, shown):
    context = DaysContext("tls_days", *limits)
    assert context.performance(nagiosplugin.Metric("tls_days", 30), None) == shown


# -- the worst of all


@pytest.mark.parametrize(
    ("states", "worst"),
    [
        ([nagiosplugin.Ok], nagiosplugin.Ok),
        ([nagiosplugin.Ok, nagiosplugin.Warn], nagiosplugin.Warn),
        ([nagiosplugin.Unknown, nagiosplugin.Warn], nagiosplugin.Unknown),
        ([nagiosplugin.Unknown, nagiosplugin.Critical, nagiosplugin.Ok], nagiosplugin.Critical),
    ],
)
def test_nothing_outranks_critical(states, worst):
    results = SMTPResults(*(nagiosplugin.Result(state) for state in states))
    assert results.most_significant_state == worst


def test_no_results():
    with pytest.raises(ValueError, match="no results"):
        _ = SMTPResults().most_significant_state


def test_a_context_for_every_metric():
    names = [context.name for context in contexts.contexts(Settings(Plan()))]
    assert len(names) == len(set(names))
    assert {f"time_{stage}" for stage in STAGES} < set(names)


# -- all together


def test_perfdata_in_the_order_of_the_stages():
    times = {"dns": 0.1, "connect": 0.2, "banner": 0.3, "ehlo": 0.4, "tls": 0.5, "quit": 0.6}
    made = check(outcome(*WHOLE, times=times, tls_days=30))
    labels = [item.partition("=")[0] for item in made.perfdata]
    assert labels == ["time", *(f"time_{stage}" for stage in times), "tls_days"]
    assert made.exitcode == 0


def test_perfdata_also_when_it_failed():
    made = check(outcome(*BEGIN, MAIL, REFUSED, times={"connect": 0.001, "rcpt": 0.002}))
    assert made.perfdata == ["time=0.084120s;;;0", "time_connect=0.001000s;;;0", "time_rcpt=0.002000s;;;0"]
    assert made.exitcode == 2


def test_ranges_in_perfdata():
    made = check(
        outcome(*WHOLE, times={"banner": 0.001, "rcpt": 0.002}),
        warning=Range("1"),
        critical=Range("5"),
        stage_warning={"banner": Range("0.5")},
        stage_critical={"rcpt": Range("1:2")},
    )
    assert made.perfdata == [
        "time=0.084120s;1;5;0",
        "time_banner=0.001000s;0.5;;0",
        "time_rcpt=0.002000s;;1:2;0",
    ]
    assert made.exitcode == 2


def test_the_worse_of_finding_and_time():
    slow = outcome(*BEGIN, MAIL, GREYLISTED, total=6.0)
    assert check(slow).exitcode == 1
    assert check(slow, critical=Range("5")).exitcode == 2
    assert check(slow, warning=Range("5")).exitcode == 1


def test_the_deadline_is_not_judged_by_the_total_but_ended_stages_are():
    silent = outcome(*BEGIN, MAIL, RCPT, SILENT, total=10.0, times={"banner": 3.0})
    assert check(silent, timeout_state="ok", critical=Range("5")).exitcode == 0
    assert check(silent, timeout_state="unknown", critical=Range("5")).exitcode == 3
    late = check(silent, timeout_state="unknown", critical=Range("5"), stage_warning={"banner": Range("2")})
    assert late.exitcode == 3
    assert late.perfdata[0] == "time=10.000000s;;5;0"
    assert check(silent, timeout_state="ok", stage_critical={"banner": Range("2")}).exitcode == 2


def test_a_deadline_at_quit_leaves_the_total_judged():
    late = outcome(*WHOLE[:-1], Finding("quit", "timeout", cause="no reply to QUIT for 2.0 s"), total=6.0)
    assert check(late).exitcode == 1
    assert check(late, critical=Range("5")).exitcode == 2


def test_several_recipients_the_worst():
    made = check(outcome(*BEGIN, MAIL, RCPT._replace(about="a@b"), GREYLISTED._replace(about="c@d"), *WHOLE[5:]))
    assert made.exitcode == 1
    assert check(outcome(*BEGIN, MAIL, REFUSED, GREYLISTED)).exitcode == 2


def test_unknown_on_request_only():
    assert check(outcome(*BEGIN, MAIL, REFUSED), state="rcpt:550=unknown").exitcode == 3
    assert check(outcome(CONNECTED, BANNER, BYE)).exitcode == 0


@pytest.mark.parametrize("state", ["ok", "warning", "critical", "unknown"])
def test_the_verdict_on_several_targets(state):
    made = {context.name: context for context in contexts.contexts(Settings(Plan()))}
    metric = Metric("verdict", Verdict(state, ()))
    result = made["verdict"].evaluate(metric, None)
    assert (result.state, result.hint, result.metric) == (contexts.SERVICE_STATES[state], None, metric)


def test_contexts_that_judge_nothing():
    settings = Settings(Plan(), warning=Range("1"), critical=Range("2"), certificate_days=(30, 10))
    made = {context.name: context for context in contexts.contexts(settings)}
    assert made["unjudged"].evaluate(Metric("mx1_time", 9.0), None).state == nagiosplugin.Ok
    assert made["unjudged"].performance(Metric("mx1_time", 9.0), None) == "mx1_time=9.000000s;;;0"
    assert made["unjudged_days"].evaluate(Metric("mx1_tls_days", 1), None).state == nagiosplugin.Ok
    assert made["time_unjudged"].evaluate(Metric("time", 9.0), None).state == nagiosplugin.Ok
    assert made["time_unjudged"].performance(Metric("time", 9.0), None) == "time=9.000000s;1;2;0"


def test_the_limit_of_days_is_told():
    metric = Metric("tls_days", 5)
    result = DaysContext("tls_days", 30, 10).evaluate(metric, None)
    assert (result.state, result.hint, result.metric) == (nagiosplugin.Critical, 10, metric)
