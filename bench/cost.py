"""Processor time, memory and instructions of whole processes."""

from __future__ import annotations

import json
import os
import re
import shutil
import statistics
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from commands import Command

_LAUNCHER = str(Path(__file__).resolve().parent / "rusage.py")


class Spent(NamedTuple):
    """Processor seconds of a process, user and system together, and the peak of its memory in KiB."""

    seconds: float
    memory: int


class Series(NamedTuple):
    """What several runs of one command spent."""

    runs: list[Spent]

    @property
    def seconds(self) -> float:
        """The median."""
        return statistics.median(run.seconds for run in self.runs)

    @property
    def memory(self) -> int:
        """The largest."""
        return max(run.memory for run in self.runs)


class Ratio(NamedTuple):
    """How one command's processor time relates to another's, pair by pair: median and quartiles."""

    median: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.median:.2f} ({self.low:.2f} to {self.high:.2f})"


class Spender:
    """Starts commands from a small process of its own: what the kernel reports as a child's peak of memory begins with
    the memory of whoever started it."""

    def __enter__(self) -> Spender:
        self._process = subprocess.Popen(
            [sys.executable, "-S", "-E", _LAUNCHER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate(timeout=10)

    def spend(self, command: Command) -> Spent:
        """Run once; a command that fails ends the benchmark."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps([list(command.words), dict(command.environment)]) + "\n")
        self._process.stdin.flush()
        status, seconds, memory = json.loads(self._process.stdout.readline())
        if status:
            raise SystemExit(f"exit status {status}: {' '.join(command.words)}")
        return Spent(seconds, memory)

    def interleaved(self, commands: Mapping[str, Command], rounds: int) -> dict[str, Series]:
        """``rounds`` runs of each command, in turn, so that what else the machine does meets them all alike."""
        found: dict[str, list[Spent]] = {name: [] for name in commands}
        for _ in range(rounds):
            for name, command in commands.items():
                found[name].append(self.spend(command))
        return {name: Series(runs) for name, runs in found.items()}


def ratio(one: Series, other: Series) -> Ratio:
    """Of pairs that ran one right after the other."""
    ratios = [a.seconds / b.seconds for a, b in zip(one.runs, other.runs)]
    if len(ratios) < 2:
        return Ratio(ratios[0], ratios[0], ratios[0])
    low, median, high = statistics.quantiles(ratios, n=4)
    return Ratio(median, low, high)


def instructions(command: Command) -> int | None:
    """Instructions of one run, None where there is no valgrind.  They repeat within 0.2 %."""
    valgrind = shutil.which("valgrind")
    if valgrind is None:
        return None
    tool = (valgrind, "--tool=cachegrind", "--cache-sim=no", f"--cachegrind-out-file={os.devnull}")
    done = subprocess.run(
        [*tool, *command.words], env=dict(command.environment), capture_output=True, text=True, check=False
    )
    found = re.search(r"I\s+refs:\s+([\d,]+)", done.stderr)
    if done.returncode or not found:
        raise SystemExit(f"exit status {done.returncode} under valgrind: {' '.join(command.words)}")
    return int(found[1].replace(",", ""))
