"""The rules every output is held against can be broken, and are seen then."""

from __future__ import annotations

from pathlib import Path

import pytest

from helpers.plugin import check_form, run

GOOD = "SMTP OK - mx1.example.org accepted the message in 0.084 s: 250 2.0.0 Ok"
DATA = "time=0.084120s;1;5;0 time_connect=0.000100s;;;0 time_rcpt=0.000200s tls_days=-3;30;7"


def test_parts_of_a_good_output():
    result = check_form(0, f"{GOOD} | {DATA}\n")
    assert (result.code, result.state, result.first, result.lines) == (0, "OK", GOOD, [GOOD])
    assert list(result.perfdata) == ["time", "time_connect", "time_rcpt", "tls_days"]
    assert result.perfdata["time"] == "0.084120s;1;5;0"
    assert result.seconds("time_rcpt") == 0.0002


@pytest.mark.parametrize(
    "out",
    [
        "SMTP OK - more lines\nbanner 0.1 s\n<<< 220 mx1\n| time=0.100000s;;;0\n",
        "SMTP OK - no perfdata\n",
        "SMTP OK - two targets | time=0.100000s mx1.test_time=0.100000s mx1.test_time_rcpt=0.100000s"
        " mx2.test_time=0.100000s\n",
        "SMTP OK - TLS first | time=0.100000s time_connect=0.000001s time_tls=0.000001s time_banner=0.000001s\n",
        "SMTP OK - TLS in its place | time=0.100000s time_banner=0.000001s time_ehlo=0.000001s time_tls=0.000001s\n",
    ],
)
def test_other_good_outputs(out):
    check_form(0, out)


@pytest.mark.parametrize(
    ("code", "out", "complaint"),
    [
        (1, f"{GOOD} | {DATA}\n", "exit code 1"),
        (0, "OK - mx1\n", "no status line"),
        (0, "SMTP OK -\n", "no status line"),
        (0, f"{GOOD} | a | {DATA}\n", "more than one"),
        (0, f"{GOOD} | {DATA}\nmore\n", "after the perfdata"),
        (0, f"{GOOD} |\n", "without perfdata"),
        (0, f"SMTP OK - {'x' * 151} | {DATA}\n", "161 characters"),
        (0, "SMTP OK - <b>bold</b>\n", "web page"),
        (0, f"{GOOD} | time=1e-05s\n", "no consumer agrees on"),
        (0, f"{GOOD} | 'time'=0.100000s\n", "no consumer agrees on"),
        (0, f"{GOOD} | time=U\n", "no consumer agrees on"),
        (0, f"{GOOD} | time=0.100000s  time_ehlo=0.100000s\n", "no consumer agrees on"),
        (0, f"{GOOD} | time=0.1s\n", "six decimals"),
        (0, f"{GOOD} | time=0.100000\n", "have a unit"),
        (0, f"{GOOD} | time=0.100000s tls_days=1.5\n", "days and counts are whole"),
        (0, f"{GOOD} | time=0.100000s time=0.100000s\n", "twice"),
        (0, f"{GOOD} | time_ehlo=0.100000s time=0.100000s\n", "not the first"),
        (0, f"{GOOD} | time=0.100000s time_rcpt=0.100000s time_mail=0.100000s\n", "out of order"),
        (0, f"{GOOD} | time=0.100000s time_tls=0.1000000s time_ehlo=0.100000s\n", "six decimals"),
        (0, f"{GOOD} | time=0.100000s time_tls=0.100000s time_ehlo=0.100000s\n", "out of order"),
        (0, f"{GOOD} | time=0.100000s time_helo=0.100000s\n", "unknown stage"),
        (0, f"{GOOD}\nno \\x0a | time=0.100000s\n", "a backslash"),
        (0, f"{GOOD} | time=0.100000s size=1\n", "unknown label"),
        (0, f"{GOOD} | time=0.100000s a_time=0.100000s b_time=0.100000s a_time_rcpt=0.100000s\n", "mixed"),
    ],
)
def test_broken_rules_are_seen(code, out, complaint):
    with pytest.raises(AssertionError, match=complaint):
        check_form(code, out)


@pytest.mark.parametrize(
    ("program", "complaint"),
    [
        ("print('SMTP OK - x'); sys.stderr.write('warning')", "stderr is not empty"),
        ("print('SMTP OK - ' + 'x' * 9000)", "bytes of output"),
        ("print('SMTP OK - \\x1b[1m')", "unprintable"),
        ("print('SMTP OK - x', end='')", "no line end"),
        ("print('SMTP OK - x\\n')", "empty line at the end"),
    ],
)
def test_run_sees_more(tmp_path: Path, program, complaint):
    launcher = tmp_path / "fake.py"
    launcher.write_text(f"import sys\n{program}\n")
    with pytest.raises(AssertionError, match=complaint):
        run(launcher=launcher)


def test_run_hands_over_arguments_input_and_environment(tmp_path: Path):
    launcher = tmp_path / "fake.py"
    launcher.write_text(
        "import os, sys\n"
        "print('SMTP WARNING -', *sys.argv[1:], sys.stdin.read(), *sorted(os.environ.keys() - {'LC_CTYPE'}))\n"
        "sys.exit(1)\n"
    )
    result = run("-H", "mx1", input="mail", env={"A": "b"}, launcher=launcher)
    assert (result.state, result.first) == ("WARNING", "SMTP WARNING - -H mx1 mail A PATH")
