"""A process beside the front: started anew, but not without end in a row."""

from __future__ import annotations

import errno
import signal

import pytest

from smtp_status.resident import attendant
from smtp_status.resident.attendant import EARLY, LONGEST_PAUSE, Attendant


class Times:
    """The monotonic clock, the processes that were started and when, and what the log was told."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.started: list[float] = []
        self.signals: list[tuple[int, int]] = []
        self.log: list[str] = []
        self.cannot = False

    def spawn(self, _command: object, **_more: object) -> int:
        if self.cannot:
            raise OSError(errno.EAGAIN, "")
        self.started.append(self.now)
        return len(self.started)


@pytest.fixture
def times(monkeypatch):
    made = Times()
    monkeypatch.setattr(attendant.time, "monotonic", lambda: made.now)
    monkeypatch.setattr(attendant.spawn, "spawn", made.spawn)
    monkeypatch.setattr(attendant.os, "kill", lambda pid, number: made.signals.append((pid, number)))
    monkeypatch.setattr(attendant.log, "tell", made.log.append)
    return made


def pauses(times: Times, one: Attendant, count: int, lives: float) -> list[float]:
    """Seconds from each end to the next start of a process that ends after ``lives`` seconds."""
    found = []
    one.tick(times.now)
    for _ in range(count):
        times.now += lives
        ended = times.now
        one.reap(len(times.started), 1)
        before = len(times.started)
        while len(times.started) == before:
            times.now += 0.25
            one.tick(times.now)
        found.append(times.now - ended)
    return found


def test_each_early_end_doubles_the_pause(times):
    one = Attendant("the web server", [b"x"], [])
    assert pauses(times, one, 8, 0.5) == [1, 2, 4, 8, 16, 32, LONGEST_PAUSE, LONGEST_PAUSE]
    assert times.log[0] == "the web server ended with exit status 1 and is started anew"
    assert pauses(times, one, 1, EARLY) == [1]


def test_one_that_cannot_be_started_is_tried_again(times):
    one = Attendant("the web server", [b"x"], [])
    times.cannot = True
    one.tick(times.now)
    one.tick(times.now + 0.5)
    assert (one.running, times.log) == (False, ["the web server cannot be started: resource temporarily unavailable"])
    times.cannot = False
    one.tick(times.now + 1)
    assert one.running


def test_one_that_is_to_end_is_not_started_anew(times):
    one = Attendant("the web server", [b"x"], [])
    one.tick(times.now)
    one.reap(7, 0)  # another process
    assert one.running
    one.end()
    assert times.signals == [(1, signal.SIGTERM)]
    one.reap(1, -signal.SIGTERM)
    one.tick(times.now + 100)
    assert (one.running, times.log, len(times.started)) == (False, [], 1)
