"""The targets of ``make fuzz`` for a short while, without atheris: seeds, what hypothesis makes of octets, and both."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fuzzing.targets import TARGETS, seeds


@pytest.mark.parametrize("name", TARGETS)
def test_a_parser_with_octets_from_nowhere(name: str) -> None:
    @settings(max_examples=200, derandomize=True, database=None, deadline=None)
    @given(st.binary(max_size=400))
    def hold(octets: bytes) -> None:
        TARGETS[name](octets)

    hold()


@pytest.mark.parametrize("name", TARGETS)
def test_a_parser_with_octets_a_little_wrong(name: str) -> None:
    random = Random(name)
    for octets in seeds(name):
        TARGETS[name](octets)
        for _ in range(200):
            changed = bytearray(octets)
            for _ in range(random.randrange(1, 6)):
                at = random.randrange(len(changed))
                changed[at : at + random.randrange(3)] = random.randbytes(random.randrange(3)) + changed[at : at + 2]
            TARGETS[name](bytes(changed))
