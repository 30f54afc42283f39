"""Threads for what may hang: nothing waits behind it, and nothing is lost."""

from __future__ import annotations

import select
import time
from collections.abc import Callable, Iterator
from threading import Event, Thread

import pytest

from smtp_status.resident import pool as module
from smtp_status.resident.lookups import Lookups
from smtp_status.resident.pool import Pool


@pytest.fixture
def pool() -> Pool:
    return Pool()


@pytest.fixture
def hanging() -> Iterator[Callable[[], object]]:
    """Work that does not end before the test does."""
    end = Event()
    yield end.wait
    end.set()


def collected(pool: Pool, done: list[int], count: int) -> None:
    """Wait until so many have been told of."""
    end = time.monotonic() + 10
    while len(done) < count:
        assert time.monotonic() < end, f"{len(done)} of {count}"
        if select.select([pool.told], [], [], 0.05)[0]:
            pool.collect()


def test_nothing_waits_behind_what_hangs(pool, hanging, monkeypatch):
    monkeypatch.setattr(module, "MOST", 3)
    done: list[int] = []
    for _ in range(2):
        pool.submit(hanging, lambda: None)
    for number in range(20):
        pool.submit(lambda: None, lambda: done.append(number))  # noqa: B023 - only how many
        collected(pool, done, number + 1)
    pool.submit(hanging, lambda: None)
    with pytest.raises(BlockingIOError):
        pool.submit(lambda: None, lambda: None)


def test_a_thread_that_leaves_takes_no_job_with_it(pool, monkeypatch):
    """Jobs come at the very moment at which threads have waited long enough."""
    monkeypatch.setattr(module, "IDLE_SECONDS", 0.001)
    done: list[int] = []
    for number in range(500):
        pool.submit(lambda: None, lambda: done.append(0))
        collected(pool, done, number + 1)
        time.sleep(0.001)


def test_no_thread_is_to_be_had(pool, monkeypatch):
    def start(_thread: Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(Thread, "start", start)
        with pytest.raises(BlockingIOError):
            pool.submit(lambda: None, lambda: None)
        lookups = Lookups(pool)
        with pytest.raises(BlockingIOError):
            lookups.look_up("localhost", 25, 0, lambda: None)
    done: list[int] = []
    lookup = lookups.look_up("localhost", 25, 0, lambda: done.append(0))
    collected(pool, done, 1)
    assert (lookup.done, lookup.failure) == (True, None)


class Held:
    """In the place of a pool: keeps what it is to do."""

    def __init__(self) -> None:
        self.jobs: list[tuple[Callable[[], None], Callable[[], None]]] = []

    def submit(self, work: Callable[[], None], done: Callable[[], None]) -> None:
        self.jobs.append((work, done))


def test_a_name_that_is_asked_for_again(monkeypatch):
    """Those that come together share one answer; behind a question that is out for long one asks anew, at twice the
    distance each time."""
    now = [1000.0]
    monkeypatch.setattr("smtp_status.resident.lookups.time.monotonic", lambda: now[0])
    held, done = Held(), []
    lookups = Lookups(held)
    asked: list[float] = []
    for seconds in (0, 0.25, 0.5, 1.0, 1.25, 1.5, 3.25, 3.5, 3.75, 7.25, 7.5, 7.75):
        now[0] = 1000.0 + seconds
        lookups.look_up("localhost", 25, 0, lambda at=seconds: done.append(at))
        asked += [seconds] * (len(held.jobs) - len(asked))
    assert asked == [0, 0.5, 1.5, 3.5, 7.5]
    order = (2, 4, 0, 1, 3)  # whichever is answered first: each has its own that wait for it
    for number in order:
        for step in held.jobs[number]:
            step()
    assert done == [1.5, 3.25, 7.5, 7.75, 0, 0.25, 0.5, 1.0, 1.25, 3.5, 3.75, 7.25]
    lookup = lookups.look_up("localhost", 25, 0, lambda: done.append(8))
    assert len(held.jobs) == 6  # none is out, so the next one asks at once
    for step in held.jobs[5]:
        step()
    assert (done[-1], lookup.done, lookup.failure) == (8, True, None)


def test_a_name_that_is_out_where_no_thread_is_to_be_had(pool, monkeypatch):
    """It is waited for: a process of its own would wait for the same, and take 40 ms besides."""
    monkeypatch.setattr(module, "MOST", 1)
    monkeypatch.setattr("smtp_status.resident.lookups.PATIENCE", 0.0)
    go_on = Event()

    def hang(*_given: object) -> None:
        go_on.wait(10)
        raise OSError("nobody there")

    monkeypatch.setattr("smtp_status.net.resolve.addresses", hang)
    lookups, done = Lookups(pool), []
    lookups.look_up("mx.example.org", 25, 0, lambda: done.append(1))
    lookups.look_up("mx.example.org", 25, 0, lambda: done.append(2))
    with pytest.raises(BlockingIOError):
        lookups.look_up("mx2.example.org", 25, 0, lambda: done.append(3))
    go_on.set()
    collected(pool, done, 2)
    assert done == [1, 2]


def test_what_this_machine_is_short_of_is_no_fault_of_the_name(pool, monkeypatch):
    monkeypatch.setattr("smtp_status.net.resolve.addresses", short)
    done: list[int] = []
    lookup = Lookups(pool).look_up("localhost", 25, 0, lambda: done.append(0))
    collected(pool, done, 1)
    with pytest.raises(OSError, match="Too many open files"):
        lookup.route()


def short(*_given: object) -> None:
    raise OSError(24, "Too many open files")
