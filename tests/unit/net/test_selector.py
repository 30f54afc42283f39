"""Who is called when: by epoll, and by poll where there is none."""

from __future__ import annotations

import os
import resource
import select
import socket
import time
from collections.abc import Iterator

import pytest

from helpers.descriptors import none_left_open
from smtp_status.net.selector import READ, WRITE, Selector


@pytest.fixture(params=["epoll", "poll"])
def selector(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Selector]:
    if request.param == "poll":
        monkeypatch.delattr(select, "epoll", raising=False)
    elif not hasattr(select, "epoll"):
        pytest.skip("this system has no epoll")
    with Selector() as made:
        yield made


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    here, there = socket.socketpair()
    with here, there:
        yield here, there


def ours() -> None:
    """Stands for who wants to be called."""


def others() -> None:
    """Stands for somebody else."""


def test_nobody_is_called_before_something_comes(selector, ends):
    here, there = ends
    selector.register(here.fileno(), READ, ours)
    assert selector.select(0.0) == []
    there.send(b"x")
    assert selector.select(5.0) == [ours]


def test_everybody_is_called_by_what_came_for_him(selector, ends):
    here, there = ends
    selector.register(here.fileno(), READ, ours)
    selector.register(there.fileno(), READ, others)
    here.send(b"x")
    assert selector.select(5.0) == [others]
    there.send(b"x")
    assert set(selector.select(5.0)) == {ours, others}


def test_other_events(selector, ends):
    descriptor = ends[0].fileno()
    selector.register(descriptor, WRITE, ours)
    assert selector.select(5.0) == [ours]
    selector.modify(descriptor, READ)
    assert selector.select(0.0) == []
    selector.modify(descriptor, READ | WRITE)
    assert selector.select(5.0) == [ours]


def test_an_end_is_something_that_comes(selector, ends):
    here, there = ends
    selector.register(here.fileno(), READ, ours)
    there.close()
    assert selector.select(5.0) == [ours]


def test_who_is_no_longer_watched_is_not_called(selector, ends):
    here, there = ends
    selector.register(here.fileno(), READ, ours)
    there.send(b"x")
    selector.unregister(here.fileno())
    assert selector.select(0.0) == []
    selector.register(here.fileno(), READ, others)
    assert selector.select(5.0) == [others]


def test_the_time_is_in_seconds(selector, ends):
    selector.register(ends[0].fileno(), READ, ours)
    waited = []
    for _ in range(3):  # a busy machine may be late once
        before = time.monotonic()
        assert selector.select(0.2) == []
        waited.append(time.monotonic() - before)
    assert 0.2 <= min(waited) < 0.4


def test_nothing_is_left_open(selector):
    with none_left_open(), Selector():
        pass


@pytest.fixture
def descriptors() -> Iterator[list[int]]:
    """More of them than FD_SETSIZE, all readable."""
    many = 1100
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < many + 100:
        pytest.skip(f"a process may have {hard} file descriptors here: ulimit -Hn {many + 100}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, many + 100), hard))
    readable, writable = os.pipe()
    os.write(writable, b".")
    made = [os.dup(readable) for _ in range(many)]
    yield made
    for descriptor in (*made, readable, writable):
        os.close(descriptor)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_all_are_told_however_many(selector, descriptors):
    for descriptor in descriptors:
        selector.register(descriptor, READ, ours)
    assert len(selector.select(1.0)) == len(descriptors)
    for descriptor in descriptors:
        selector.unregister(descriptor)
