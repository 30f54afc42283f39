"""The other end of the thin client: what is a request, and how many may be incomplete."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from smtp_status.net.selector import Selector
from smtp_status.resident import client
from smtp_status.resident.client import LENGTH, Client, Clients, RefusedError, Request, parse, request_of


class Door:
    """A listening socket with its clients, and those that have knocked."""

    def __init__(self, path: Path, selector: Selector) -> None:
        self.path = path
        self.asked: list[Client] = []
        self.clients = Clients(self._listening(), selector, self.asked.append)
        self.clients.listen(True)
        self.sockets: list[socket.socket] = []
        self._selector = selector

    def _listening(self) -> socket.socket:
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(str(self.path))
        listener.listen(100)
        listener.setblocking(False)
        return listener

    def knock(self, octets: bytes) -> socket.socket:
        """A client that says ``octets`` and is heard."""
        one = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        one.connect(str(self.path))
        one.settimeout(10)
        one.sendall(octets)
        self.sockets.append(one)
        for _ in range(2):
            for ready in self._selector.select(0):
                ready()
        return one


@pytest.fixture
def door(tmp_path) -> Iterator[Door]:
    with Selector() as selector:
        made = Door(tmp_path / "socket", selector)
        yield made
        made.clients.stop_listening()
        for one in made.asked:
            one.close()
        made.clients.tick(float("inf"))  # whoever still owes something has had its time
        for socket_of_client in made.sockets:
            socket_of_client.close()


def closed(one: socket.socket) -> bool:
    """Whether the other end has left."""
    one.setblocking(False)
    try:
        return one.recv(1) == b""
    except BlockingIOError:
        return False


def test_of_many_that_do_not_finish_what_they_ask_the_oldest_goes(door, monkeypatch):
    monkeypatch.setattr(Clients, "MOST_HALF_OPEN", 3)
    whole = request_of(["-H", "mx1"])
    half = [door.knock(whole[:7]) for _ in range(3)]
    good = door.knock(whole)
    assert [one.request.words for one in door.asked] == [["-H", "mx1"]]
    assert [closed(one) for one in (*half, good)] == [False, False, False, False]
    fourth = door.knock(whole[:7])
    assert [closed(one) for one in (*half, fourth, good)] == [True, False, False, False, False]
    assert len(door.clients) == 4


@pytest.mark.parametrize(
    "octets",
    [
        LENGTH.pack(client.MAX_REQUEST + 1),
        request_of(["x"]) + b"x",
        LENGTH.pack(1) + b"\0",
        request_of(["x"] * (client.MAX_WORDS + 1)),
    ],
    ids=["too long", "more than was due", "no fields", "too many words"],
)
def test_what_is_no_request_is_not_for_the_resident(door, octets):
    one = door.knock(octets)
    assert one.recv(10) == b"N"
    assert (door.asked, len(door.clients)) == ([], 0)


def test_a_request():
    fields = request_of(["-H", "mx1", ""])[LENGTH.size :]
    network = client.network_namespace()
    assert parse(fields, network) == Request(["-H", "mx1", ""], None, "/")
    assert parse(b"1\0N\0/tmp\0=pass\0-v\0", b"N") == Request(["-v"], "pass", "/tmp")
    assert parse(b"1\0N\0/tmp\0=\0", b"N") == Request([], "", "/tmp")
    for other in (b"2\0N\0/\0\0", b"1\0M\0/\0\0", b"1\0N\0/\0\0-v"):
        with pytest.raises(RefusedError):
            parse(other, b"N")
