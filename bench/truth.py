"""How far the figures of each method are from a packet capture (root only)."""

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

from commands import Command, Commands, Place

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


class Bench:
    """A server in a network namespace of its own, and the capture of what goes to and from it."""

    def __init__(self, commands: Commands, certs: Certs) -> None:
        self._commands = commands
        self._certificate = (certs.good.crt, certs.good.key)
        self._authority = certs.ca
        self._file = certs.directory / "capture"

    def fresh(self, count: int, at_once: int, tls: bool = False, peers: bool = False) -> dict[str, Errors]:
        """``count`` fresh processes of each method, ``at_once`` of them at a time and in no order.

        ``commands``, ``connect``, ``banner`` and ``starttls`` are the plugin's; ``smtplib`` and ``check_smtp`` (its
        ``time``) there with ``peers``.
        """
        with NetworkNamespace() as namespace, SteadyServer(self._certificate, wrap=namespace.enter) as server:
            place = Place(server.host, server.port, self._authority)
            runs: list[tuple[str, str, Command]] = []
            for number in range(count):
                make = self._commands.plugin_tls if tls else self._commands.plugin
                runs.append(("plugin", f"n{number}.example.org", make(place, name=f"n{number}.example.org")))
                if peers:
                    runs.append(
                        (
                            "smtplib",
                            f"s{number}.example.org",
                            self._commands.smtplib(place, name=f"s{number}.example.org"),
                        )
                    )
                    runs.append(
                        (
                            "check_smtp",
                            f"c{number}.example.org",
                            self._commands.check_smtp(place, f"c{number}.example.org"),
                        )
                    )
            random.Random(0).shuffle(runs)
            with (
                Capture(self._file, server.port, wrap=namespace.enter) as capture,
                ThreadPoolExecutor(at_once) as starters,
            ):
                said = list(starters.map(lambda run: _output(run[2], namespace.enter), runs))
            measured = {name: (method, text) for (method, name, _), text in zip(runs, said)}
        _prove(server, len(runs))
        found: dict[str, list[float]] = defaultdict(list)
        for packets in conversations(capture.packets):
            method, text = measured[name_of(packets)]
            for what, error in _distances(method, text, packets):
                found[what].append(error)
        return {what: Errors(sorted(errors)) for what, errors in found.items()}

    def crowd(self, count: int, tls: bool = False) -> dict[str, Errors]:
        """``count`` conversations at once in one process."""
        with NetworkNamespace() as namespace, SteadyServer(self._certificate, wrap=namespace.enter) as server:
            command = self._commands.crowd(Place(server.host, server.port, self._authority), count, tls)
            with Capture(self._file, server.port, wrap=namespace.enter) as capture:
                told = json.loads(_output(command, namespace.enter))
        _prove(server, count)
        found: dict[str, list[float]] = defaultdict(list)
        for packets in conversations(capture.packets):
            for what, error in _stage_distances(told[name_of(packets)][0], stages(packets)):
                found[what].append(error)
        return {what: Errors(sorted(errors)) for what, errors in found.items()}


def _output(command: Command, enter: Sequence[str]) -> str:
    environment = {"PATH": os.environ["PATH"], **command.environment}
    done = subprocess.run([*enter, *command.words], env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"exit status {done.returncode}: {' '.join(command.words)}: {done.stdout}{done.stderr}")
    return done.stdout


def _prove(server: SteadyServer, messages: int) -> None:
    if server.counts.messages != messages:
        raise SystemExit(f"the server took {server.counts.messages} messages, not {messages}")


def _distances(method: str, text: str, packets: Sequence[Packet]) -> list[tuple[str, float]]:
    if method == "smtplib":
        return [
            ("smtplib", error)
            for what, error in _stage_distances(json.loads(text), stages(packets))
            if what == "commands"
        ]
    times = {stage: float(seconds) for stage, seconds in _TIME.findall(text)}
    if method == "check_smtp":
        # Its total begins before the connect and ends after the reply to QUIT.
        truth = (turns(packets)[-1].answered - packets[0].at) / 1e9
        return [("check_smtp", abs(times[""] - truth) * 1e6)]
    return _stage_distances(times, stages(packets))


def _stage_distances(times: Mapping[str, float], truth: Mapping[str, float]) -> list[tuple[str, float]]:
    found = []
    for stage, seconds in truth.items():
        if stage in times and stage != "quit":
            what = "commands" if stage in COMMANDS else stage
            found.append((what, abs(times[stage] - seconds) * 1e6))
    return found
