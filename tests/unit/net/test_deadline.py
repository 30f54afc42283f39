"""The one deadline: when it passes, and that it can only come sooner."""

from __future__ import annotations

import pytest

from smtp_status.net import deadline as module
from smtp_status.net.deadline import Deadline


@pytest.fixture
def clock(monkeypatch) -> list[float]:
    """The monotonic clock, stopped: its only element is what it shows."""
    shown = [100.0]
    monkeypatch.setattr(module, "monotonic", lambda: shown[0])
    return shown


def test_it_passes_when_its_seconds_are_over(clock):
    deadline = Deadline(10.0)
    clock[0] = 109.5
    assert (deadline.passed(), deadline.left(), deadline.elapsed()) == (False, 0.5, 9.5)
    clock[0] = 110.0
    assert (deadline.passed(), deadline.left(), deadline.elapsed()) == (True, 0.0, 10.0)


def test_nothing_is_left_of_what_has_passed(clock):
    deadline = Deadline(1.0)
    clock[0] = 200.0
    assert deadline.left() == 0.0


def test_what_happened_before_counts(clock):
    deadline = Deadline(10.0, began=95.0)
    assert (deadline.started, deadline.left()) == (100.0, 5.0)
    assert clock == [100.0]


def test_it_can_be_ended_and_not_put_off(clock):
    deadline = Deadline(10.0)
    clock[0] = 103.0
    deadline.end()
    assert (deadline.passed(), deadline.at) == (True, 103.0)
    clock[0] = 104.0
    deadline.end()
    assert deadline.at == 103.0
