"""The benchmark runs: everything once, with no regard to the figures."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping

import pytest

from helpers.plugin import ROOT
from servers.requirements import how_to_install, need, need_namespaces, need_root
from servers.steady import Counts

pytestmark = pytest.mark.timing

BENCH = [sys.executable, str(ROOT / "bench/run.py"), "--short"]

# Runs what comes behind "--", with nothing where the files before it are.
HIDE = 'while [ "$1" != -- ]; do mount --bind /dev/null "$1"; shift; done; shift; exec "$@"'

PROGRAMS = ("swaks", "check_smtp", "smtp-source", "valgrind", "tcpdump")


def bench(*wrap: str, environment: Mapping[str, str] = os.environ) -> list[str]:
    """The lines of the results."""
    done = subprocess.run([*wrap, *BENCH], env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


def rows(lines: list[str]) -> list[str]:
    """The first column of each table, its head first."""
    return [line.split(" | ")[0].removeprefix("| ") for line in lines if line.startswith("| ") and "---" not in line]


def test_the_short_form_runs_all_comparisons() -> None:
    need_root("a packet capture")
    for program in PROGRAMS:
        need(program)
    results = ROOT / "bench/RESULTS.md"
    before = results.read_bytes() if results.exists() else None
    lines = bench()
    assert [line for line in lines if line.startswith("## ")] == [
        "## What a check costs",
        "## How the cost grows",
        "## How true the figures are",
        "## Arrival",
    ]
    assert not [line for line in lines if line.startswith(("Left out", "Not measured"))]
    assert len(rows(lines)) == (1 + 9) + (1 + 3) + (1 + 2) + (1 + 2) + (1 + 2) + (1 + 1) + (1 + 6) + (1 + 3)
    assert (results.read_bytes() if results.exists() else None) == before


def test_what_is_missing_is_left_out_and_named() -> None:
    need_namespaces("m")
    hidden = [need(program) for program in PROGRAMS]
    environment = {name: value for name, value in os.environ.items() if name != "REQUIRE_REAL"}
    lines = bench("unshare", "--mount", "sh", "-e", "-c", HIDE, "sh", *hidden, "--", environment=environment)
    said = [line for line in lines if line.startswith(("Left out", "Not measured"))]
    assert said == [
        *(f"Left out: {how_to_install(program)}" for program in PROGRAMS[:-1]),
        f"Not measured: {how_to_install('tcpdump')}.",
        f"Not measured: {how_to_install('valgrind')}.",
    ]
    assert rows(lines) == [
        "whole process, one message",
        "import nagiosplugin, argparse, socket",
        "**plugin**",
        "**plugin**, STARTTLS verified",
        "smtplib, nothing else",
        "whole process, one message to a domain's one exchanger",
        "import nagiosplugin, dns.resolver",
        "**plugin**, -d",
        "**plugin**, -d --dane try",
        *("recipients", "1", "10"),
        *("message", "1 KB", "1 MB"),
        *("lines of EHLO", "5", "50"),
        *("conversations", "10"),
    ]


@pytest.fixture
def instruments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "bench"))


@pytest.mark.usefixtures("instruments")
def test_work_that_was_not_done_ends_the_benchmark() -> None:
    from commands import Command
    from proof import prove

    one = Command(["plugin"], {}, Counts(connections=1, recipients=2, messages=1, octets=1000))
    prove(Counts(connections=2, recipients=4, messages=2, octets=2345), [one] * 2)
    for fewer in ({"recipients": 3}, {"messages": 1}, {"octets": 1999}, {"handshakes": 1}):
        with pytest.raises(SystemExit, match="the server should have done"):
            prove(Counts(connections=2, recipients=4, messages=2, octets=2000)._replace(**fewer), [one] * 2)


@pytest.mark.usefixtures("instruments")
def test_a_command_that_fails_ends_the_benchmark_with_what_it_says() -> None:
    from commands import Command
    from cost import Spender

    failing = Command([sys.executable, "-c", "raise SystemExit('no such luck')"], {}, Counts())
    with Spender() as spender, pytest.raises(SystemExit, match=r"exit code 1: .*\nno such luck"):
        spender.interleaved({"failing": failing}, 1)


@pytest.mark.usefixtures("instruments")
def test_growth_is_the_cost_above_the_least_and_told_from_noise() -> None:
    from cost import Grown, Series, Spent, ratio

    def grown(*seconds: float) -> Grown:
        least = [Spent(float(number), 1024) for number in range(len(seconds))]
        return Grown(Series([Spent(one.seconds + more, 2048) for one, more in zip(least, seconds)]), Series(least))

    mine, peer = grown(2.0, 2.0, 2.0), grown(4.0, 4.0, 8.0)
    assert (mine.each, mine.seconds, mine.seen, peer.seen) == ([2.0, 2.0, 2.0], 2.0, True, True)
    assert str(ratio(mine, peer)) == "0.50 (0.25 to 0.50)"
    assert not grown(0.0, 0.0, 0.0).seen
    assert not grown(-1.0, 1.0, 1.5, 2.0).seen
