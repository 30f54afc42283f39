"""How far the figures of each method are from a packet capture (root only; elsewhere a test's ``Skipped``)."""

from __future__ import annotations

import json
import os
import random
import re
import subprocess
from collections import defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from commands import Command, Commands, Place, present
from proof import prove

from servers.capture import Capture, Packet, conversations, name_of, stages, turns
from servers.certs import Certs
from servers.netns import NetworkNamespace
from servers.steady import SteadyServer

COMMANDS = ("ehlo", "mail", "rcpt", "data", "message")

_TIME = re.compile(r"\btime(?:_([a-z]+))?=([0-9.]+)s")


class Errors(NamedTuple):
    """Distances from the truth in microseconds, in rising order."""

    ranked: list[float]

    def at(self, share: float) -> float:
        """What this share of the figures keeps."""
        return self.ranked[min(int(len(self.ranked) * share), len(self.ranked) - 1)]

    def __str__(self) -> str:
        return f"{self.at(0.5):.1f} / {self.at(0.99):.1f}"


class Run(NamedTuple):
    """One fresh process: whose figures it gives, and the EHLO name by which the capture knows it."""

    method: str
    name: str
    command: Command


class Truth:
    """A server in a network namespace of its own, and the capture of what goes to and from it."""

    def __init__(self, commands: Commands, certs: Certs) -> None:
        self._commands = commands
        self._certificate = (certs.good.crt, certs.good.key)
        self._authority = certs.ca
        self._file = certs.directory / "capture"

    def fresh(self, count: int, at_once: int, *, tls: bool = False, peers: bool = False) -> dict[str, Errors]:
        """``count`` fresh processes of each method, ``at_once`` of them at a time and in no order.

        ``commands``, ``connect``, ``banner`` and ``starttls`` are the plugin's; ``smtplib`` and ``check-smtp`` (its
        ``time``) there with ``peers``.
        """
        with NetworkNamespace() as namespace, SteadyServer(self._certificate, wrap=namespace.enter) as server:
            place = Place(server.host, server.port, self._authority)
            runs = [run for number in range(count) for run in self._runs(place, number, tls, peers)]
            random.Random(0).shuffle(runs)
            with (
                Capture(self._file, server.port, wrap=namespace.enter) as capture,
                ThreadPoolExecutor(at_once) as starters,
            ):
                said = list(starters.map(lambda run: _output(run.command, namespace.enter), runs))
            measured = {run.name: (run.method, text) for run, text in zip(runs, said)}
        prove(server.counts, [run.command for run in runs])
        found: dict[str, list[float]] = defaultdict(list)
        for packets in conversations(capture.packets):
            method, text = measured[name_of(packets)]
            for what, error in _distances(method, text, packets):
                found[what].append(error)
        return {what: Errors(sorted(errors)) for what, errors in found.items()}

    def crowd(self, count: int, *, tls: bool = False) -> dict[str, Errors]:
        """``count`` conversations at once in one process."""
        with NetworkNamespace() as namespace, SteadyServer(self._certificate, wrap=namespace.enter) as server:
            command = self._commands.crowd(Place(server.host, server.port, self._authority), count, tls=tls, times=True)
            with Capture(self._file, server.port, wrap=namespace.enter) as capture:
                told = json.loads(_output(command, namespace.enter))
        prove(server.counts, [command])
        found: dict[str, list[float]] = defaultdict(list)
        for packets in conversations(capture.packets):
            for what, error in _stage_distances(told[name_of(packets)][0], stages(packets)):
                found[what].append(error)
        return {what: Errors(sorted(errors)) for what, errors in found.items()}

    def _runs(self, place: Place, number: int, tls: bool, peers: bool) -> list[Run]:
        names = {method: f"{method}{number}.example.org" for method in ("plugin", "smtplib", "check-smtp")}
        made = {
            "plugin": self._commands.plugin(place, tls=tls, name=names["plugin"]),
            "smtplib": self._commands.smtplib(place, name=names["smtplib"]) if peers else None,
            "check-smtp": self._commands.check_smtp(place, name=names["check-smtp"]) if peers else None,
        }
        return [Run(method, names[method], command) for method, command in present(made).items()]


def _output(command: Command, enter: Sequence[str]) -> str:
    environment = {"PATH": os.environ["PATH"], **command.environment}
    done = subprocess.run([*enter, *command.words], env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"exit code {done.returncode}: {' '.join(command.words)}: {done.stdout}{done.stderr}")
    return done.stdout


def _distances(method: str, text: str, packets: Sequence[Packet]) -> list[tuple[str, float]]:
    if method == "smtplib":
        return [
            ("smtplib", error)
            for what, error in _stage_distances(json.loads(text), stages(packets))
            if what == "commands"
        ]
    times = {stage: float(seconds) for stage, seconds in _TIME.findall(text)}
    if method == "check-smtp":
        # Its total begins before the connect and ends after the reply to QUIT.
        truth = (turns(packets)[-1].answered - packets[0].at) / 1e9
        return [("check-smtp", abs(times[""] - truth) * 1e6)]
    return _stage_distances(times, stages(packets))


def _stage_distances(times: Mapping[str, float], truth: Mapping[str, float]) -> list[tuple[str, float]]:
    found = []
    for stage, seconds in truth.items():
        if stage in times and stage != "quit":
            what = "commands" if stage in COMMANDS else stage
            found.append((what, abs(times[stage] - seconds) * 1e6))
    return found
