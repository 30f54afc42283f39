"""Generated conversations: whatever a server says, the verdict is true, the output in form, and no secret is let out.

``make fuzz`` holds many more, with the same players.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conversations import truth
from conversations.simulation import Simulation

pytestmark = pytest.mark.timing

ROOT = Path(__file__).resolve().parents[2]

_SUMMARY = re.compile(
    r"(\d+) conversations, 0 faults; .*; taken by the server: (\d+), not: (\d+), not to be known: \d+"
)


SIMULATED = 30_000
OVER_SOCKETS = 2_000


class Held(NamedTuple):
    """How many conversations were held, and in how many the server took, and did not take, what it was asked to."""

    all: int
    taken: int
    refused: int

    def __str__(self) -> str:
        return f" {self.all} conversations, {self.taken} transactions taken, {self.refused} not "


def _start(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "conversations", *arguments],
        env={**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT / "plugin"), str(ROOT / "tests")))},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _end(process: subprocess.Popen[str]) -> Held:
    out, _ = process.communicate()
    assert process.returncode == 0, out
    found = [tuple(map(int, match.groups())) for match in _SUMMARY.finditer(out)]
    assert found, out
    return Held(*(sum(column) for column in zip(*found)))


@pytest.fixture(scope="module")
def over_sockets() -> Iterator[subprocess.Popen[str]]:
    """Conversations over sockets, which mostly wait, beside the others, which never do."""
    process = _start("--sockets", f"--count={OVER_SOCKETS // 100}")
    yield process
    process.kill()
    process.wait()


@pytest.mark.usefixtures("over_sockets")
def test_conversations_on_a_clock_of_their_own(capsys: pytest.CaptureFixture[str]) -> None:
    held = _end(_start(f"--count={SIMULATED}", f"--processes={os.cpu_count()}"))
    with capsys.disabled():
        print(held, end="")
    assert held.all >= SIMULATED
    assert min(held.taken, held.refused) > held.all / 4, "players that always do the same prove nothing"


def test_conversations_over_sockets(over_sockets: subprocess.Popen[str], capsys: pytest.CaptureFixture[str]) -> None:
    held = _end(over_sockets)
    with capsys.disabled():
        print(held, end="")
    assert held.all == OVER_SOCKETS
    assert min(held.taken, held.refused) > held.all / 4


@settings(
    max_examples=100,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(st.randoms(use_true_random=False))
def test_a_conversation_that_shrinks_to_the_least_that_fails(random: Random) -> None:
    with Simulation() as simulation:
        truth.check(simulation.play(random))
