"""The kernel's time stamps: of real segments on loopback, and of ancillary data of every shape."""

from __future__ import annotations

import socket
import struct
import sys
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from smtp_status.net import timestamps

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="only Linux stamps segments")
STAMPING = timestamps._SO_TIMESTAMPING


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    """A connection over loopback; the first end asked for stamps before it connected."""
    with socket.create_server(("127.0.0.1", 0)) as listener, closing(socket.socket()) as here:
        assert timestamps.enable(here)
        here.connect(listener.getsockname())
        there, _ = listener.accept()
        with there:
            yield here, there


@LINUX
def test_what_comes_has_the_stamp_of_its_arrival(ends):
    here, there = ends
    before = time.time_ns()
    there.send(b"220 ready\r\n")
    data, stamp = timestamps.receive(here, 100)
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
        stamps += timestamps.sent(here, 2 - len(stamps))
    assert len(stamps) == 2
    assert before <= stamps[0] <= stamps[1] <= time.time_ns()
    assert timestamps.sent(here, 1) == []


@LINUX
def test_no_more_stamps_than_are_due(ends):
    here, _ = ends
    here.send(b"one")
    here.send(b"two")
    until = time.monotonic() + 5
    first: list[int] = []
    while not first and time.monotonic() < until:
        first = timestamps.sent(here, 1)
    assert len(first) == 1


@LINUX
def test_a_call_can_go_without_a_stamp(ends):
    here, there = ends
    here.sendmsg((b"silent",), timestamps.WITHOUT_SEND_STAMP)
    assert there.recv(100) == b"silent"
    assert timestamps.sent(here, 1) == []


@LINUX
def test_the_round_trip_of_a_connection_on_loopback(ends):
    seconds = timestamps.round_trip(ends[0])
    assert seconds is not None
    assert 0 < seconds < 1


def test_a_unix_socket_has_none():
    here, there = socket.socketpair()
    with here, there:
        assert not timestamps.enable(here)
        assert timestamps.round_trip(here) is None


def test_another_system_has_none(monkeypatch):
    monkeypatch.setattr(sys, "platform", "freebsd14")
    with socket.socket() as unconnected:
        assert not timestamps.enable(unconnected)
        assert timestamps.round_trip(unconnected) is None


def test_a_kernel_that_refuses(monkeypatch):
    with socket.socket() as closed:
        pass
    assert not timestamps.enable(closed)


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
    assert timestamps._stamp(ancillary) == stamp
