"""Which clock measures a latency: the kernel's where it stamped both ends, never a mixture."""

from __future__ import annotations

import socket
import struct
import sys
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from smtp_status.net import clock
from smtp_status.net.clock import Deadline, measured, seconds_between, stamped

OFFSET = 1_700_000_000_000_000_000
MS = 1_000_000


def instant(process: int, kernel: int | None = None, moved: int = 0) -> tuple:
    """Nanoseconds of both clocks, the kernel's given as if it counted like the process's."""
    return process, OFFSET + moved, None if kernel is None else OFFSET + kernel


def test_now_is_the_process_clock_and_its_distance_from_the_wall_clock():
    before, wall = time.perf_counter_ns(), time.time_ns()
    process, offset, kernel = clock.now()
    assert before <= process <= time.perf_counter_ns()
    assert abs(process + offset - wall) < 1_000_000_000
    assert kernel is None


@pytest.mark.parametrize(("between", "again"), [(499_999, False), (500_000, True), (20 * MS, True)])
def test_now_is_asked_again_where_the_process_was_put_aside_between_the_clocks(monkeypatch, between, again):
    readings = iter((MS, MS + between, 50 * MS, 50 * MS + 100))
    monkeypatch.setattr(clock, "perf_counter_ns", lambda: next(readings))
    monkeypatch.setattr(clock, "time_ns", lambda: OFFSET)
    process = 50 * MS if again else MS
    assert clock.now(3) == (process, OFFSET - process, 3)


def test_stamped_keeps_the_moment():
    assert stamped((1, 2, None), 3) == (1, 2, 3)
    assert stamped((1, 2, 3), None) == (1, 2, None)


def test_process_clock_without_stamps():
    assert seconds_between(instant(10 * MS), instant(25 * MS)) == 0.015


def test_kernel_clock_where_both_are_stamped():
    start, end = instant(10 * MS, 11 * MS), instant(25 * MS, 20 * MS)
    assert measured(start, end) == (0.009, True)
    assert seconds_between(start, end) == 0.009


def test_stamps_as_near_and_as_far_as_they_can_be_are_believed():
    assert measured(instant(10 * MS, 11 * MS), instant(25 * MS, 11 * MS)) == (0.0, True)
    assert measured(instant(10 * MS, 10 * MS), instant(25 * MS, 25 * MS)) == (0.015, True)


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (instant(10 * MS, 11 * MS), instant(25 * MS)),
        (instant(10 * MS), instant(25 * MS, 20 * MS)),
    ],
)
def test_one_stamp_is_no_stamp(start, end):
    assert measured(start, end) == (0.015, False)
    assert seconds_between(start, end) == 0.015


@pytest.mark.parametrize("moved", [-3600 * 1000 * MS, -2 * MS, 2 * MS, 3600 * 1000 * MS])
def test_a_wall_clock_that_was_set_is_not_believed(moved):
    start, end = instant(10 * MS, 11 * MS), instant(25 * MS, 20 * MS, moved)
    assert measured(start, end) == (0.015, False)
    assert seconds_between(start, end) == 0.015


def test_a_wall_clock_that_is_slewed_is_believed():
    assert measured(instant(10 * MS, 11 * MS), instant(25 * MS, 20 * MS, MS)) == (0.009, True)


@pytest.mark.parametrize("kernel_end", [10 * MS, 27 * MS])
def test_stamps_that_cannot_be_true_are_not_believed(kernel_end):
    """Before the start, or further from it than this process saw."""
    start, end = instant(10 * MS, 11 * MS), instant(25 * MS, kernel_end)
    assert measured(start, end) == (0.015, False)
    assert seconds_between(start, end) == 0.015


def test_never_negative():
    assert seconds_between(instant(25 * MS), instant(10 * MS)) == 0.0
    assert seconds_between(instant(25 * MS, 24 * MS), instant(10 * MS, 9 * MS)) == 0.0


def test_when_the_kernel_saw_it():
    assert clock.when((5_000_000_000, 10, 4_000_000_010)) == 4.0
    assert clock.when((5_000_000_000, 10, None)) is None
    assert clock.when((5_000_000_000, 10, 5_000_000_011)) is None


@pytest.fixture
def stopped(monkeypatch) -> list[float]:
    """The monotonic clock, stopped: its only element is what it shows."""
    shown = [100.0]
    monkeypatch.setattr(clock, "monotonic", lambda: shown[0])
    return shown


def test_it_passes_when_its_seconds_are_over(stopped):
    deadline = Deadline(10.0)
    stopped[0] = 109.5
    assert (deadline.passed(), deadline.left(), deadline.elapsed()) == (False, 0.5, 9.5)
    stopped[0] = 110.0
    assert (deadline.passed(), deadline.left(), deadline.elapsed()) == (True, 0.0, 10.0)


def test_nothing_is_left_of_what_has_passed(stopped):
    deadline = Deadline(1.0)
    stopped[0] = 200.0
    assert deadline.left() == 0.0


def test_what_happened_before_counts(stopped):
    deadline = Deadline(10.0, began=95.0)
    assert (deadline.started, deadline.left()) == (100.0, 5.0)
    assert stopped == [100.0]


def test_it_can_be_ended_and_not_put_off(stopped):
    deadline = Deadline(10.0)
    stopped[0] = 103.0
    deadline.end()
    assert (deadline.passed(), deadline.at) == (True, 103.0)
    stopped[0] = 104.0
    deadline.end()
    assert deadline.at == 103.0


def test_a_clock_that_never_looks_undisturbed_is_not_asked_for_ever(monkeypatch):
    readings = iter(range(0, 1000 * MS, 15 * MS))
    monkeypatch.setattr(clock, "perf_counter_ns", lambda: next(readings))
    monkeypatch.setattr(clock, "time_ns", lambda: OFFSET)
    assert clock.now() == (60 * MS, OFFSET - 60 * MS, None)


LINUX = pytest.mark.skipif(sys.platform != "linux", reason="only Linux stamps segments")
STAMPING = clock._SO_TIMESTAMPING


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    """A connection over loopback; the first end asked for stamps before it connected."""
    with socket.create_server(("127.0.0.1", 0)) as listener, closing(socket.socket()) as here:
        assert clock.enable_stamps(here)
        here.connect(listener.getsockname())
        there, _ = listener.accept()
        with there:
            # The kernel changes its own code for the first who wants stamps, and leaves that to a thread of its own.
            until = time.monotonic() + 10
            stamp = None
            while stamp is None:
                assert time.monotonic() < until
                there.send(b"-")
                _, stamp = clock.receive_stamped(here, 1)
            yield here, there


@LINUX
def test_what_comes_has_the_stamp_of_its_arrival(ends):
    here, there = ends
    before = time.time_ns()
    there.send(b"220 ready\r\n")
    data, stamp = clock.receive_stamped(here, 100)
    assert data == b"220 ready\r\n"
    assert stamp is not None
    assert before <= stamp <= time.time_ns()


@LINUX
def test_what_is_sent_has_a_stamp_for_each_call(ends):
    here, _ = ends
    before = time.time_ns()
    here.send(b"one")
    here.send(b"two")
    stamps: list[int] = []
    until = time.monotonic() + 5
    while len(stamps) < 2 and time.monotonic() < until:
        stamps += clock.send_stamps(here, 2 - len(stamps))
    assert len(stamps) == 2
    assert before <= stamps[0] <= stamps[1] <= time.time_ns()
    assert clock.send_stamps(here, 1) == []


@LINUX
def test_no_more_stamps_than_are_due(ends):
    here, _ = ends
    here.send(b"one")
    here.send(b"two")
    until = time.monotonic() + 5
    first: list[int] = []
    while not first and time.monotonic() < until:
        first = clock.send_stamps(here, 1)
    assert len(first) == 1


@LINUX
def test_a_call_can_go_without_a_stamp(ends):
    here, there = ends
    here.sendmsg((b"silent",), clock.WITHOUT_SEND_STAMP)
    assert there.recv(100) == b"silent"
    assert clock.send_stamps(here, 1) == []


@LINUX
def test_the_round_trip_of_a_connection_on_loopback(ends):
    seconds = clock.round_trip(ends[0])
    assert seconds is not None
    assert 0 < seconds < 1


def test_a_unix_socket_has_none():
    here, there = socket.socketpair()
    with here, there:
        assert not clock.enable_stamps(here)
        assert clock.round_trip(here) is None


def test_another_system_has_none(monkeypatch):
    monkeypatch.setattr(sys, "platform", "freebsd14")
    with socket.socket() as unconnected:
        assert not clock.enable_stamps(unconnected)
        assert clock.round_trip(unconnected) is None


def test_a_kernel_that_refuses(monkeypatch):
    with socket.socket() as closed:
        pass
    assert not clock.enable_stamps(closed)


def times(*pairs: tuple[int, int]) -> bytes:
    return struct.pack(f"{2 * len(pairs)}l", *(number for pair in pairs for number in pair))


@pytest.mark.parametrize(
    ("ancillary", "stamp"),
    [
        ([], None),
        ([(socket.SOL_SOCKET, STAMPING, times((7, 5), (0, 0), (0, 0)))], 7_000_000_005),
        # a hardware stamp only
        ([(socket.SOL_SOCKET, STAMPING, times((0, 0), (0, 0), (7, 5)))], None),
        ([(socket.SOL_SOCKET, STAMPING, b"short")], None),
        ([(socket.SOL_SOCKET, STAMPING + 1, times((7, 5), (0, 0), (0, 0)))], None),
        ([(socket.IPPROTO_IP, STAMPING, times((7, 5), (0, 0), (0, 0)))], None),
        ([(0, 0, b""), (socket.SOL_SOCKET, STAMPING, times((7, 5), (0, 0), (0, 0)))], 7_000_000_005),
    ],
)
def test_ancillary_data(ancillary, stamp):
    assert clock._stamp(ancillary) == stamp
