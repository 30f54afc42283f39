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


def test_what_this_machine_is_short_of_is_no_fault_of_the_name(pool, monkeypatch):
    monkeypatch.setattr("smtp_status.net.resolve.addresses", short)
    done: list[int] = []
    lookup = Lookups(pool).look_up("localhost", 25, 0, lambda: done.append(0))
    collected(pool, done, 1)
    with pytest.raises(OSError, match="Too many open files"):
        lookup.route()


def short(*_given: object) -> None:
    raise OSError(24, "Too many open files")
