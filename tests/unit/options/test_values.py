"""Numbers, ranges, days, timeouts and rules: every form that is taken, and the line for what is not."""

from __future__ import annotations

import pytest
from nagiosplugin import Range, ScalarContext

from helpers.command_lines import fault, made, rules
from smtp_status.options import values
from smtp_status.options.settings import StateRule, shown
from smtp_status.stages import STAGES

STAGE_LIST = " ".join(STAGES)
ALL_STAGES = f"{STAGE_LIST} imap arrive clean"


@pytest.mark.parametrize(
    ("argv", "days"),
    [
        ([], (None, None)),
        (["-D", "21"], (21, None)),
        (["-D", "21,7"], (21, 7)),
        (["-D", "0,0"], (0, 0)),
        (["-D", "7,7"], (7, 7)),
        (["-D", "21,7", "--ignore-certificate-expiration"], (None, None)),
    ],
)
def test_certificate_days(argv: list[str], days: tuple[int | None, int | None]) -> None:
    assert made(*argv).certificate_days == days


@pytest.mark.parametrize("days", ["", "x", "-1", "21,", ",7", "21,7,3", "1.5", "21, 7", "9" * 5000])
def test_faults_of_certificate_days(days: str) -> None:
    assert fault("-D", days) == f"-D takes WARN[,CRIT] in days such as 21,7, not {shown(days)}"


@pytest.mark.parametrize("days", ["7,21", "0,1", "9,10"])
def test_a_warning_that_would_never_show(days: str) -> None:
    assert fault("-D", days) == f"-D takes at least as many days for WARN as for CRIT, not {days}"
    assert fault("-D", days, "--ignore-certificate-expiration") == fault("-D", days)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("5", Range("5")),
        ("0.5", Range("0.5")),
        (".5", Range("0.5")),
        ("1:5", Range("1:5")),
        ("1:", Range("1:")),
        ("~:5", Range("~:5")),
        ("@1:5", Range("@1:5")),
        ("@5", Range("@5")),
        ("-1:5", Range("-1:5")),
        (":5", Range("5")),
        ("~:", Range("~:")),
    ],
)
def test_ranges(text: str, expected: Range) -> None:
    settings = made("-w", text, "--critical", text)
    assert (settings.warning, settings.critical) == (expected, expected)


def test_zero_is_a_real_threshold() -> None:
    threshold = made("-w", "0").warning
    assert threshold is not None
    assert bool(threshold)
    assert (threshold.start, threshold.end) == (0, 0)
    assert not threshold.match(0.001)
    context = ScalarContext("time", warning=threshold)
    assert not context.warning.match(0.001)


MALFORMED = "takes a range of seconds such as 5, 0.1:5, ~:5 or @1:2, not "


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nan",
        "inf",
        "1e400",
        "1e3",
        "x",
        "1:2:3",
        "@",
        ":",
        "@:",
        "~",
        "1,5",
        "5s",
        " 5",
        "\u0665",
        "+5",
        "--5",
        "0x5",
        "1_0",
        "9" * 5000,
    ],
)
def test_malformed_ranges(text: str) -> None:
    assert fault("-w", text) == f"-w {MALFORMED}{shown(text)}"
    if text == text.strip():
        assert fault("--stage-critical", f"rcpt={text}").startswith("--stage-critical takes ")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("-1", "takes a range of seconds, and no time is below 0 as -1 wants it"),
        ("-5:-1", "takes a range of seconds, and no time is below 0 as -5:-1 wants it"),
        ("@~:-1", "takes a range of seconds, and no time is below 0 as @~:-1 wants it"),
        ("5:1", "takes a range that does not begin above its end, not 5:1"),
        ("1000000001", "takes a range of seconds up to 1000000000, not 1000000001"),
        ("1000000001:", "takes a range that does not begin above its end, not 1000000001:"),
    ],
)
def test_ranges_that_make_no_sense(text: str, message: str) -> None:
    assert fault("-c", text) == f"-c {message}"


def test_stage_ranges() -> None:
    settings = made("--stage-warning", "rcpt=1,DATA=2", "--stage-warning", "rcpt=3", "--stage-critical", "message=@1:2")
    assert settings.stage_warning == {"rcpt": Range("3"), "data": Range("2")}
    assert settings.stage_critical == {"message": Range("@1:2")}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "takes STAGE=RANGE[,...], not ''"),
        ("rcpt", "takes STAGE=RANGE[,...], not rcpt"),
        ("rcpt=1,", "takes STAGE=RANGE[,...], not ''"),
        ("bogus=1", f"takes a stage, not bogus: {ALL_STAGES}"),
        ("rcpt=", f"{MALFORMED}''"),
    ],
)
def test_faults_of_stage_ranges(text: str, message: str) -> None:
    assert fault("--stage-warning", text) == f"--stage-warning {message}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10", (10.0, "critical")),
        ("0.5", (0.5, "critical")),
        ("1000000", (1000000.0, "critical")),
        ("10:warning", (10.0, "warning")),
        ("10:WARNING", (10.0, "warning")),
        ("10:Unknown", (10.0, "unknown")),
        ("0", (86400.0, "critical")),
        ("0.0:unknown", (86400.0, "unknown")),
        ("10:0", (10.0, "ok")),
        ("10:1", (10.0, "warning")),
        ("10:2", (10.0, "critical")),
        ("10:3", (10.0, "unknown")),
    ],
)
def test_timeouts(text: str, expected: tuple[float, str]) -> None:
    settings = made("-t", text)
    assert (settings.timeout, settings.timeout_state) == expected


@pytest.mark.parametrize("text", ["", "-1", "nan", "inf", "1e9", "1000001", "10s", ":ok", "x", "9" * 5000])
def test_faults_of_timeouts(text: str) -> None:
    assert fault("-t", text) == f"-t takes SECONDS[:STATE], from 0 to 1000000 s, not {shown(text)}"


@pytest.mark.parametrize("state", ["", "4", "bad", "ok "])
def test_faults_of_the_state_of_a_timeout(state: str) -> None:
    assert (
        fault("-t", f"10:{state}") == f"-t takes a STATE of ok warning critical unknown, or 0 to 3, not {shown(state)}"
    )


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (["--state", "rcpt=ok"], [("rcpt", "", "ok")]),
        (["--state", "rcpt:5xx=ok,rcpt:2xx=critical"], [("rcpt", "5xx", "ok"), ("rcpt", "2xx", "critical")]),
        (["--state", "ANY:TimeOut=Unknown"], [("any", "timeout", "unknown")]),
        (["--state", "any:45X=warning , mail:x50=ok"], [("any", "45x", "warning"), ("mail", "x50", "ok")]),
        (["--state", "dns:nullmx=ok"], [("dns", "nullmx", "ok")]),
        (
            ["--state", "mail:failure=ok", "--state", "mail:error=ok"],
            [("mail", "failure", "ok"), ("mail", "error", "ok")],
        ),
        (["-q"], [("quit", "", "ok")]),
        (["--state", "quit=critical", "-q"], [("quit", "", "critical"), ("quit", "", "ok")]),
        (["-q", "--state", "quit=critical"], [("quit", "", "ok"), ("quit", "", "critical")]),
        (["--ignore-certificate-expiration"], [("tls", "expired", "ok")]),
    ],
)
def test_rules(argv: list[str], expected: list[tuple[str, str, str]]) -> None:
    assert rules(*argv) == expected
    assert all(isinstance(rule, StateRule) for rule in made(*argv).rules)


FORM = "takes STAGE[:WHAT]=STATE[,...], not"
WHAT = "takes a code such as 450 or 5xx, or a kind that --help lists, not"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", f"{FORM} ''"),
        ("rcpt", f"{FORM} rcpt"),
        ("rcpt=ok,", f"{FORM} ''"),
        ("rcpt:=ok", f"{FORM} rcpt:=ok"),
        ("=ok", f"takes any or a stage, not '': {ALL_STAGES}"),
        ("bogus=ok", f"takes any or a stage, not bogus: {ALL_STAGES}"),
        ("rcpt:nonsense=ok", f"{WHAT} nonsense"),
        ("rcpt:650=ok", f"{WHAT} 650"),
        ("rcpt:160=ok", f"{WHAT} 160"),
        ("rcpt:560=ok", f"{WHAT} 560"),
        ("rcpt:55=ok", f"{WHAT} 55"),
        ("rcpt:5555=ok", f"{WHAT} 5555"),
        ("rcpt:success=ok", f"{WHAT} success"),
        ("rcpt=bad", "takes a STATE of ok warning critical unknown, not bad"),
        ("rcpt=0", "takes a STATE of ok warning critical unknown, not 0"),
    ],
)
def test_faults_of_rules(text: str, message: str) -> None:
    assert fault("--state", text) == f"--state {message}"


@pytest.mark.parametrize(("text", "expected"), [("json", "json"), ("JSON", "json"), ("text", ""), ("", "")])
def test_output_format(text, expected):
    assert values.output_format(text) == expected
