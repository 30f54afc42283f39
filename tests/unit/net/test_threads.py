"""Work that cannot be interrupted: done side by side, and left alone when the time is up."""

from __future__ import annotations

import errno
import os
import threading

import pytest

from helpers.descriptors import none_left_open
from smtp_status.net import threads
from smtp_status.net.clock import Deadline
from smtp_status.net.threads import run_in_threads


@pytest.fixture
def gate():
    """Keeps jobs from ending until the test is over."""
    opened = threading.Event()
    before = set(threading.enumerate())
    yield opened
    opened.set()
    for thread in set(threading.enumerate()) - before:
        thread.join(5.0)


def test_all_is_done_when_it_returns():
    done: list[int] = []
    run_in_threads([lambda number=number: done.append(number) for number in range(20)], Deadline(5.0), None)
    assert sorted(done) == list(range(20))


def test_no_work_takes_no_time():
    deadline = Deadline(5.0)
    run_in_threads([], deadline, None)
    assert not deadline.passed()


def test_the_jobs_run_at_the_same_time():
    """Each waits for the other."""
    meeting = threading.Barrier(2, timeout=5.0)
    met: list[int] = []
    run_in_threads([lambda: met.append(meeting.wait())] * 2, Deadline(5.0), None)
    assert sorted(met) == [0, 1]


def test_one_that_does_not_end_is_left_at_the_deadline(gate):
    done: list[str] = []
    deadline = Deadline(0.1)
    run_in_threads([gate.wait, lambda: done.append("other")], deadline, None)
    assert deadline.passed()
    assert done == ["other"]


def test_none_of_them_keeps_the_program_from_ending(gate):
    before = set(threading.enumerate())
    run_in_threads([gate.wait], Deadline(0.01), None)
    (left,) = set(threading.enumerate()) - before
    assert left.daemon


def test_stop_ends_the_wait_and_the_deadline(gate):
    readable, writable = os.pipe()
    os.write(writable, b"x")
    deadline = Deadline(60.0)
    run_in_threads([gate.wait], deadline, readable)
    assert deadline.passed()
    assert os.read(readable, 10) == b"x"
    os.close(readable)
    os.close(writable)


def test_a_system_without_room_for_a_thread(monkeypatch):
    class Refused(threading.Thread):
        def start(self) -> None:
            raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threads, "Thread", Refused)
    with pytest.raises(OSError) as caught:
        run_in_threads([lambda: None], Deadline(5.0), None)
    assert (caught.value.errno, caught.value.strerror) == (errno.EAGAIN, os.strerror(errno.EAGAIN))


def test_no_descriptor_is_left_open(gate):
    with none_left_open():
        run_in_threads([lambda: None], Deadline(5.0), None)
    assert not gate.is_set()
