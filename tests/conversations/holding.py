"""Holding generated conversations in a process of their own, and what it says of them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]

_SUMMARY = re.compile(
    r"(\d+) conversations, 0 faults; .*; taken by the server: (\d+), not: (\d+), not to be known: \d+"
)


class Held(NamedTuple):
    """How many conversations were held, and in how many the server took, and did not take, what it was asked to."""

    all: int
    taken: int
    refused: int

    def __str__(self) -> str:
        return f" {self.all} conversations, {self.taken} transactions taken, {self.refused} not "


def start(*arguments: str) -> subprocess.Popen[str]:
    """Begin, with the arguments of ``python -m conversations``."""
    return subprocess.Popen(
        [sys.executable, "-m", "conversations", *arguments],
        env={**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT / "plugin"), str(ROOT / "tests")))},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def end(process: subprocess.Popen[str]) -> Held:
    """Wait for its end.  Raises AssertionError where anything was wrong."""
    out, _ = process.communicate()
    assert process.returncode == 0, out
    found = [tuple(map(int, match.groups())) for match in _SUMMARY.finditer(out)]
    assert found, out
    return Held(*(sum(column) for column in zip(*found)))
