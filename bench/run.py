"""Measures what a check costs and how true its figures are, beside its peers: ``make bench``.

``run.py [--short]``: writes RESULTS.md beside this file and the pictures of docs/.  Short: everything once, so that a
broken script shows (in continuous integration), and nothing is written.  What this machine has not got is left out,
and the results say so.
"""

from __future__ import annotations

import platform
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "tests"), str(HERE.parent / "plugin")]

# ruff: noqa: E402 - the tests' servers are found from here on
import pytest
from arrival import Arrivals
from commands import PEERS, Commands, Place
from cost import Spender
from growth import Growth, Rounds
from pictures import draw_errors, draw_waterfall
from price import Price
from table import Table
from truth import Errors, Truth

from servers import requirements
from servers.certs import Certs
from servers.steady import SteadyServer

DELAYS = {"banner": 8, "ehlo": 3, "starttls": 2, "mail": 5, "rcpt": 20, "data": 3, "message": 35}


class Extent(NamedTuple):
    """How much is measured: rounds of a whole process and how many of its commands valgrind counts (None: all);
    rounds by recipients, octets, lines and conversations; processes one at a time and at once, conversations in one;
    messages in a big mailbox, and those whose arrival is timed."""

    rounds: int
    counted: int | None
    recipients: Rounds
    octets: Rounds
    lines: Rounds
    conversations: Rounds
    idle: int
    burst: int
    crowd: int
    mailbox: int = 50_000
    arrivals: int = 40


FULL = Extent(
    rounds=40,
    counted=None,
    recipients={1: 40, 10: 40, 100: 40, 1000: 20},
    octets={1000: 40, 100_000: 40, 1_000_000: 40, 10_000_000: 40, 50_000_000: 20},
    lines={5: 40, 100: 40, 1000: 20, 10_000: 10},
    conversations={10: 40, 100: 20, 1000: 10},
    idle=100,
    burst=300,
    crowd=200,
)
SHORT = Extent(
    rounds=1,
    counted=2,
    recipients={1: 1, 10: 1},
    octets={1000: 1, 1_000_000: 1},
    lines={5: 1, 50: 1},
    conversations={10: 1},
    idle=4,
    burst=8,
    crowd=20,
    mailbox=100,
    arrivals=2,
)


class Situations(NamedTuple):
    """How far each method is from the truth: one process at a time, many at once, many conversations in one process;
    plain and with STARTTLS."""

    idle: dict[str, Errors]
    idle_tls: dict[str, Errors]
    burst: dict[str, Errors]
    burst_tls: dict[str, Errors]
    crowd: dict[str, Errors]
    crowd_tls: dict[str, Errors]


def main(short: bool) -> None:
    extent = SHORT if short else FULL
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        certs = Certs(Path(name) / "certs")
        commands = Commands(Path(name) / "site")
        with Spender() as spender:
            price = Price(commands, spender, certs, rounds=extent.rounds, counted=extent.counted)
            parts = [_head(), _price(price, extent), _growth(Growth(commands, spender, certs), extent)]
        try:
            situations = _situations(Truth(commands, certs), extent)
            parts.append(_truth(situations, extent))
        except pytest.skip.Exception as missing:  # which is how the tests' servers tell it
            situations = None
            parts.append(f"## How true the figures are\n\nNot measured: {missing}.\n")
        parts.append(_arrival(certs, extent))
        text = "\n".join(parts)
        if short:
            print(text)
            return
        (HERE / "RESULTS.md").write_text(text, encoding="utf-8")
        if situations:
            _draw_errors(situations)
        _draw_waterfall(commands, certs)


def _arrival(certs: Certs, extent: Extent) -> str:
    try:
        return Arrivals(certs).report(extent.mailbox, extent.arrivals)
    except pytest.skip.Exception as missing:
        return f"## Arrival\n\nNot measured: {missing}.\n"


def _head() -> str:
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
        models = [line.partition(":")[2].strip() for line in file if line.startswith("model name")]
    machine = f"{len(models)} x {models[0] if models else platform.machine()}"
    system = f"{platform.system()} {platform.release().split('-')[0]}, Python {platform.python_version()}"
    day = time.strftime("%Y-%m-%d", time.gmtime())
    lacking = [requirements.how_to_install(name) for name in (*PEERS, "valgrind") if not requirements.installed(name)]
    left_out = "".join(f"\nLeft out: {lack}\n" for lack in lacking)
    return (
        "# Results\n\n"
        f"Measured by `make bench` on {day}; {machine}; {system}.\n"
        "Absolute times belong to this machine; the ratios hold elsewhere too.\n"
        "The servers counted connections, handshakes, recipients, messages and octets: all the work was done.\n"
        f"{left_out}"
    )


def _price(price: Price, extent: Extent) -> str:
    return "\n".join(
        [
            "## What a check costs\n",
            f"Medians of {extent.rounds} interleaved pairs (quartiles). CPU is user and system time together.\n",
            str(price.message()),
            "A check of a domain, beside the import of what asks its name servers:\n",
            str(price.domain()),
        ]
    )


def _growth(growth: Growth, extent: Extent) -> str:
    scales = (extent.recipients, extent.octets, extent.lines, extent.conversations)
    rounds = [rounds for scale in scales for rounds in scale.values()]
    return "\n".join(
        [
            "## How the cost grows\n",
            "Processor milliseconds of the whole process, and MiB of memory at its peak. Growth is what a client",
            "spends above its own run with the least to do (one recipient, 1 KB, 5 lines), which is made in the same",
            "rounds: the start of a process is in no proportion to the work. Growth lost in the noise is left out.",
            f"Medians of {min(rounds)} to {max(rounds)} rounds (quartiles).\n",
            str(growth.recipients(extent.recipients)),
            str(growth.octets(extent.octets)),
            "Octet by octet is how the server sends its reply; what waits together is read together.\n",
            str(growth.lines(extent.lines)),
            "Processor microseconds for each further conversation of one process. smtp-source holds 50 at a time and",
            "cannot speak TLS; what TLS itself costs is shown by a client of nothing but Python's ssl and socket, one",
            "conversation after another.\n",
            str(growth.conversations(extent.conversations)),
        ]
    )


def _situations(truth: Truth, extent: Extent) -> Situations:
    return Situations(
        idle=truth.fresh(extent.idle, 1, peers=True),
        idle_tls=truth.fresh(extent.idle, 1, tls=True),
        burst=truth.fresh(extent.burst, 16, peers=True),
        burst_tls=truth.fresh(extent.burst, 16, tls=True),
        crowd=truth.crowd(extent.crowd),
        crowd_tls=truth.crowd(extent.crowd, tls=True),
    )


def _truth(found: Situations, extent: Extent) -> str:
    methods = {
        "commands": "plugin: ehlo mail rcpt data message",
        "starttls": "plugin: starttls",
        "connect": "plugin: connect",
        "banner": "plugin: banner",
        "smtplib": "smtplib and perf_counter: the same commands",
        "check-smtp": "check_smtp: its `time`",
    }
    rows = [
        [words, *(str(errors[key]) if key in errors else "" for errors in found)]
        for key, words in methods.items()
        if key in found.burst | found.burst_tls
    ]
    crowd, burst = f"{extent.crowd} in one process", f"{extent.burst} of each, 16 at once"
    head = ["µs from the capture, median / 99 %", "processes, one at a time", "with STARTTLS", burst, "with STARTTLS"]
    table = Table([*head, crowd, "with STARTTLS"], rows)
    if "check-smtp" not in found.burst:
        return f"## How true the figures are\n\n{table}"
    times = found.burst["check-smtp"].at(0.99) / found.burst["commands"].at(0.99)
    return (
        f"## How true the figures are\n\n{table}\n"
        f"With 16 at once the `time` of check_smtp is {times:.0f} times as wrong as a command of the plugin (99 %).\n"
    )


def _draw_errors(found: Situations) -> None:
    methods = {
        "plugin": found.burst.get("commands"),
        "plugin, STARTTLS": found.burst_tls.get("commands"),
        "plugin, connect": found.burst.get("connect"),
        "smtplib, perf_counter": found.burst.get("smtplib"),
        "check_smtp, time": found.burst.get("check-smtp"),
    }
    present = {name: errors for name, errors in methods.items() if errors}
    draw_errors(present, "Fresh processes, 16 at once on two processors", HERE.parent / "docs/latency-errors.svg")


def _draw_waterfall(commands: Commands, certs: Certs) -> None:
    with SteadyServer((certs.good.crt, certs.good.key), delays=DELAYS) as server:
        command = commands.plugin(Place(server.host, server.port, certs.ca), tls=True)
        done = subprocess.run(command.words, env=dict(command.environment), capture_output=True, text=True, check=True)
    times = {stage: float(seconds) for stage, seconds in re.findall(r"time_([a-z]+)=([0-9.]+)s", done.stdout)}
    times.pop("quit")
    twice = {**DELAYS, "ehlo": 2 * DELAYS["ehlo"]}  # once more inside TLS
    draw_waterfall(times, twice, HERE.parent / "docs/stages.svg")


if __name__ == "__main__":
    main(short="--short" in sys.argv[1:])
