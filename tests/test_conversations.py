"""Generated conversations: whatever a server says, the verdict is true, the output in form, and no secret is let out.

``make fuzz`` holds many more, with the same players.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest
from conversations import truth
from conversations.simulation import Simulation
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

ROOT = Path(__file__).resolve().parent.parent

_SUMMARY = re.compile(r"(\d+) conversations, 0 faults; .*; taken by the server: (\d+), not: (\d+), not to be known: \d+")


def _hold(*arguments: str) -> tuple[int, int, int]:
    """How many conversations were held, and by how many the server took and did not take what it was asked to."""
    done = subprocess.run(
        [sys.executable, "-m", "conversations", *arguments],
        env={**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT / "plugin"), str(ROOT / "tests")))},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    found = [tuple(map(int, match.groups())) for match in _SUMMARY.finditer(done.stdout)]
    assert found, done.stdout
    held, taken, refused = (sum(column) for column in zip(*found))
    return held, taken, refused


def test_a_hundred_thousand_on_a_clock_of_their_own(capsys: pytest.CaptureFixture[str]) -> None:
    held, taken, refused = _hold("--count=100000", f"--processes={os.cpu_count()}")
    with capsys.disabled():
        print(f" {held} conversations: {taken} transactions taken, {refused} not ", end="")
    assert held >= 100_000
    assert min(taken, refused) > held / 4, "players that always do the same prove nothing"


def test_two_thousand_over_sockets(capsys: pytest.CaptureFixture[str]) -> None:
    held, taken, refused = _hold("--sockets", "--count=20")
    with capsys.disabled():
        print(f" {held} conversations: {taken} transactions taken, {refused} not ", end="")
    assert held == 2_000
    assert min(taken, refused) > held / 4


@settings(
    max_examples=200,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(st.randoms(use_true_random=False))
def test_a_conversation_that_shrinks_to_the_least_that_fails(random: Random) -> None:
    with Simulation() as simulation:
        truth.check(simulation.play(random))
