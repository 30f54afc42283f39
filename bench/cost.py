"""Processor time, memory and instructions of whole processes."""

from __future__ import annotations

import json
import math
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

from commands import Command

from helpers import runs
from servers import requirements

_LAUNCHER = str(Path(__file__).resolve().parent / "rusage.py")

Name = TypeVar("Name")


class Spent(NamedTuple):
    """Processor seconds of a process, user and system together, and the peak of its memory in KiB."""

    seconds: float
    memory: int


class Series(NamedTuple):
    """What several runs of one command spent."""

    runs: list[Spent]

    @property
    def each(self) -> list[float]:
        """Processor seconds of each run."""
        return [run.seconds for run in self.runs]

    @property
    def seconds(self) -> float:
        """The median."""
        return statistics.median(self.each)

    @property
    def memory(self) -> float:
        """The largest peak, in MiB."""
        return max(run.memory for run in self.runs) / 1024


class Grown(NamedTuple):
    """A client with much to do, and with the least there is in the same rounds: what it spends above that is for the
    work, without the start of the process."""

    whole: Series
    least: Series

    @property
    def each(self) -> list[float]:
        """Processor seconds above the least, round by round."""
        return [more - less for more, less in zip(self.whole.each, self.least.each)]

    @property
    def seconds(self) -> float:
        """The median."""
        return statistics.median(self.each)

    @property
    def seen(self) -> bool:
        """Whether three quarters of the rounds grew by more than half of the median; else it is lost in the noise."""
        low, median, _ = _quartiles(self.each)
        return low > max(median / 2, 0)


class Ratio(NamedTuple):
    """How one command's processor time relates to another's, pair by pair: quartiles."""

    low: float
    median: float
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

    def interleaved(self, commands: Mapping[Name, Command], rounds: int) -> dict[Name, Series]:
        """``rounds`` runs of each command, in turn, so that what else the machine does meets them all alike."""
        found: dict[Name, list[Spent]] = {name: [] for name in commands}
        for _ in range(rounds):
            for name, command in commands.items():
                found[name].append(self._spend(command))
        return {name: Series(spent) for name, spent in found.items()}

    def _spend(self, command: Command) -> Spent:
        """Run once; a command that fails ends the benchmark, with what it says when it is run again to be heard."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps([list(command.words), dict(command.environment)]) + "\n")
        self._process.stdin.flush()
        code, seconds, memory = json.loads(self._process.stdout.readline())
        if code:
            again = subprocess.run(
                command.words, env=dict(command.environment), capture_output=True, text=True, check=False
            )
            raise SystemExit(f"exit code {code}: {' '.join(command.words)}\n{again.stdout}{again.stderr}")
        return Spent(seconds, memory)


def ratio(one: Series | Grown, other: Series | Grown) -> Ratio:
    """Of pairs that ran in the same round."""
    return Ratio(*_quartiles([a / b if b else math.inf for a, b in zip(one.each, other.each)]))


def instructions(command: Command) -> int | None:
    """Instructions of one run, None where there is no valgrind."""
    if requirements.installed("valgrind") is None:
        return None
    return runs.instructions(command.words, command.environment)


def _quartiles(values: Sequence[float]) -> tuple[float, float, float]:
    if len(values) < 2:
        return (values[0], values[0], values[0])
    low, median, high = statistics.quantiles(values, n=4)
    return (low, median, high)
