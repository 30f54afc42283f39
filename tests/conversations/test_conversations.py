"""Generated conversations: whatever a server says, the verdict is true, the output in form, and no secret is let out.

``make fuzz`` holds many more, with the same players.
"""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conversations import truth
from conversations.simulation import Simulation

from .holding import end, start

SIMULATED = 30_000


def test_conversations_on_a_clock_of_their_own(capsys: pytest.CaptureFixture[str]) -> None:
    held = end(start(f"--count={SIMULATED}"))
    with capsys.disabled():
        print(held, end="")
    assert held.all >= SIMULATED
    assert min(held.taken, held.refused) > held.all / 4, "players that always do the same prove nothing"


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
