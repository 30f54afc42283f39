"""Measures what a check costs and how true its figures are, beside its peers: ``make bench``.

``run.py [--short]``: writes RESULTS.md beside this file and the pictures of docs/.  Short: everything once, so that a
broken script shows (in continuous integration), and nothing is written.
"""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "tests"), str(HERE.parent / "plugin")]

# ruff: noqa: E402 - the tests' servers are found from here on
from commands import Command, Commands, Place
from cost import Spender, instructions, ratio
from growth import Growth
from pictures import draw_errors, draw_waterfall
from truth import Bench, Errors

from servers.certs import Certs
from servers.steady import SteadyServer

DELAYS = {"banner": 8, "ehlo": 3, "starttls": 2, "mail": 5, "rcpt": 20, "data": 3, "message": 35}

FLOOR = "import nagiosplugin, argparse, socket"
"""What no plugin on nagiosplugin can do without."""


def main(short: bool) -> None:
    rounds = 1 if short else 40
    parts = [_head()]
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        certs = Certs(Path(name) / "certs")
        commands = Commands(Path(name) / "site")
        with Spender() as spender:
            parts.append(_cost(commands, spender, certs, rounds))
            parts.append(_growth(Growth(commands, spender, certs, rounds=1 if short else 5), short))
        if os.geteuid() == 0:
            parts.append(_truth(Bench(commands, certs), short))
        else:
            parts.append("## How true the figures are\n\nNot measured: a packet capture takes root.\n")
        if not short:
            _waterfall(commands, certs)
    text = "\n".join(parts)
    if short:
        print(text)
    else:
        (HERE / "RESULTS.md").write_text(text, encoding="utf-8")


def _head() -> str:
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
        models = [line.partition(":")[2].strip() for line in file if line.startswith("model name")]
    machine = f"{len(models)} x {models[0] if models else platform.machine()}"
    system = f"{platform.system()} {platform.release().split('-')[0]}, Python {platform.python_version()}"
    day = time.strftime("%Y-%m-%d", time.gmtime())
    return (
        "# Results\n\n"
        f"Measured by `make bench` on {day}; {machine}; {system}.\n"
        "Absolute times belong to this machine; the ratios hold elsewhere too.\n"
    )


def _cost(commands: Commands, spender: Spender, certs: Certs, rounds: int) -> str:
    with SteadyServer((certs.good.crt, certs.good.key)) as server:
        place = Place(server.host, server.port, certs.ca)
        by_name = place._replace(host="localhost")
        verified = ("--tls", "--tls-verify", "--tls-ca-path", str(certs.ca))
        compared: dict[str, tuple[Command, str]] = {
            FLOOR: (commands.floor(), ""),
            "**plugin**": (commands.plugin(place), ""),
            "**plugin**, STARTTLS verified": (commands.plugin_tls(place), ""),
            "swaks": (commands.swaks(place), "**plugin**"),
            "swaks --tls (verifies nothing, reads the system's CAs)": (
                commands.swaks(by_name, "--tls"),
                "**plugin**, STARTTLS verified",
            ),
            "swaks --tls, verified by the same single CA": (
                commands.swaks(by_name, *verified),
                "**plugin**, STARTTLS verified",
            ),
            "smtplib, nothing else": (commands.smtplib(place), "**plugin**"),
            "check_smtp (C), empty message": (commands.check_smtp(place), "**plugin**"),
            "smtp-source (C)": (commands.smtp_source(place, 1, 1), "**plugin**"),
        }
        taken = spender.interleaved({name: command for name, (command, _) in compared.items()}, rounds)
        counted = list(compared) if rounds > 1 else list(compared)[:2]  # minutes under valgrind otherwise
        spent = {name: instructions(compared[name][0]) for name in counted}
    messages = (len(compared) - 1) * rounds + (len(counted) - 1) * (spent[FLOOR] is not None)
    if server.counts.messages != messages:
        raise SystemExit(f"the server took {server.counts.messages} messages, not {messages}")
    rows = []
    for name, (_, counterpart) in compared.items():
        mine = counterpart or name
        count, own, base = spent.get(name), spent.get(mine), spent[FLOOR]
        rows.append(
            [
                name,
                str(ratio(taken[name], taken[FLOOR])),
                f"{count / base:.2f}" if count and base else "-",
                str(ratio(taken[mine], taken[name])) if counterpart else "",
                f"{own / count:.2f}" if own and count and counterpart else "",
                f"{taken[name].memory / 1024:.0f}",
            ]
        )
    head = ["whole process, one message", "CPU, import = 1", "instructions, import = 1"]
    table = _table([*head, "plugin's CPU / its", "plugin's instructions / its", "MiB"], rows)
    note = f"Median of {rounds} interleaved pairs (quartiles); the server counted {messages} messages."
    return f"## What a check costs\n\n{note}\n\n{table}"


def _growth(growth: Growth, short: bool) -> str:
    recipients = growth.recipients((1, 10) if short else (1, 10, 100, 1000))
    octets = growth.octets((1000, 1_000_000) if short else (1000, 100_000, 1_000_000, 10_000_000, 50_000_000))
    lines = growth.lines((5, 50) if short else (5, 100, 1000, 10_000))
    conversations = growth.conversations((10,) if short else (10, 100, 1000))
    return "\n".join(
        [
            "## How the cost grows\n",
            "Processor milliseconds of the whole process, MiB of memory at its peak.\n",
            _table(["recipients", "plugin", "smtplib", "plugin's MiB"], recipients),
            _table(["message", "plugin", "smtplib", "smtp-source", "plugin's MiB", "smtplib's MiB"], octets),
            _table(["lines of EHLO", "plugin", "plugin, octet by octet"], lines),
            "Processor microseconds for each conversation of one process:\n",
            _table(
                ["conversations", "plugin", "plugin, STARTTLS", "smtp-source", "plugin / smtp-source"], conversations
            ),
        ]
    )


def _truth(bench: Bench, short: bool) -> str:
    count = 8 if short else 300
    idle = bench.fresh(4 if short else 100, 1, peers=True)
    idle_tls = bench.fresh(4 if short else 100, 1, tls=True)
    burst = bench.fresh(count, 16, peers=True)
    burst_tls = bench.fresh(count, 16, tls=True)
    crowd, crowd_tls = bench.crowd(20 if short else 200), bench.crowd(20 if short else 200, tls=True)
    situations = (idle, idle_tls, burst, burst_tls, crowd, crowd_tls)
    what = {
        "commands": "plugin: ehlo mail rcpt data message",
        "starttls": "plugin: starttls",
        "connect": "plugin: connect",
        "banner": "plugin: banner",
        "smtplib": "smtplib and perf_counter: the same commands",
        "check_smtp": "check_smtp: its `time`",
    }
    rows = [[words, *(str(one[key]) if key in one else "" for one in situations)] for key, words in what.items()]
    head = ["µs from the capture, median / 99 %", "one at a time", "with STARTTLS", f"{count} processes, 16 at once"]
    table = _table([*head, "with STARTTLS", f"{20 if short else 200} in one process", "with STARTTLS"], rows)
    times = burst["check_smtp"].at(0.99) / burst["commands"].at(0.99)
    if not short:
        _draw(burst, burst_tls)
    return (
        f"## How true the figures are\n\n{table}\n"
        f"With 16 at once the `time` of check_smtp is {times:.0f} times as wrong as a command of the plugin (99 %).\n"
    )


def _draw(burst: dict[str, Errors], burst_tls: dict[str, Errors]) -> None:
    methods = {
        "plugin": burst["commands"],
        "plugin, STARTTLS": burst_tls["commands"],
        "plugin, connect": burst["connect"],
        "smtplib, perf_counter": burst["smtplib"],
        "check_smtp, time": burst["check_smtp"],
    }
    draw_errors(methods, "Fresh processes, 16 at once on two processors", HERE.parent / "docs/latency-errors.svg")


def _waterfall(commands: Commands, certs: Certs) -> None:
    with SteadyServer((certs.good.crt, certs.good.key), delays=DELAYS) as server:
        command = commands.plugin_tls(Place(server.host, server.port, certs.ca))
        done = subprocess.run(command.words, env=dict(command.environment), capture_output=True, text=True, check=True)
    times = {stage: float(seconds) for stage, seconds in re.findall(r"time_([a-z]+)=([0-9.]+)s", done.stdout)}
    times.pop("quit")
    twice = {**DELAYS, "ehlo": 2 * DELAYS["ehlo"]}  # once more inside TLS
    draw_waterfall(times, twice, HERE.parent / "docs/stages.svg")


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


if __name__ == "__main__":
    main(short="--short" in sys.argv[1:])
