"""One connection: errors as failures, octets both ways, and the instants of what was sent and received."""

from __future__ import annotations

import errno
import select
import socket
import time
from collections.abc import Iterator

import pytest

from servers.ports import refusing_port
from smtp_status.findings import Address, Failure, TransportError
from smtp_status.net import clock, connection
from smtp_status.net.connection import Transport, network_failure


def at(port: int, host: str = "127.0.0.1") -> Address:
    return Address(socket.AF_INET, (host, port), host, port)


@pytest.mark.parametrize(
    ("number", "kind", "cause"),
    [
        (errno.ECONNREFUSED, "refused", "connection refused by 127.0.0.1 port 25"),
        (errno.EHOSTUNREACH, "unreachable", "no route to 127.0.0.1 port 25"),
        (errno.ENETUNREACH, "unreachable", "network unreachable for 127.0.0.1 port 25"),
        (errno.ECONNRESET, "closed", "connection reset by the server"),
        (errno.EPIPE, "closed", "connection closed by the server"),
        (errno.ETIMEDOUT, "unreachable", "the network gave up on 127.0.0.1 port 25"),
    ],
)
def test_what_an_error_means(number: int, kind: str, cause: str) -> None:
    told = network_failure(OSError(number, "x"), at(25))
    assert told.kind == kind
    assert told.cause.startswith(cause)


def test_an_error_nobody_foresaw_has_the_systems_words() -> None:
    told = network_failure(OSError(errno.EPROTO, "x"), at(25))
    assert told == Failure("unreachable", "protocol error, 127.0.0.1 port 25")
    assert network_failure(OSError("no number"), at(25)) == Failure("unreachable", "network error, 127.0.0.1 port 25")


@pytest.fixture
def ends() -> Iterator[tuple[Transport, socket.socket]]:
    """A connection that stands, and its other end."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ours = Transport(at(listener.getsockname()[1]))
        if not ours.connect():
            assert select.select([], [ours], [], 5)[1]
            ours.finish_connect()
        theirs, _ = listener.accept()
        with theirs:
            yield ours, theirs
        ours.close()


def heard(transport: Transport) -> bytes | None:
    """What has come, once something has."""
    assert select.select([transport], [], [], 5)[0]
    until = time.monotonic() + 5
    while time.monotonic() < until:
        octets = transport.receive()
        if octets is not None:  # it may have been a time stamp that woke us
            return octets
    raise TimeoutError


def test_octets_both_ways(ends: tuple[Transport, socket.socket]) -> None:
    ours, theirs = ends
    assert ours.receive() is None
    assert ours.send(b"EHLO x\r\n")
    assert theirs.recv(100) == b"EHLO x\r\n"
    theirs.send(b"250 x\r\n")
    assert heard(ours) == b"250 x\r\n"
    assert ours.receive() is None
    theirs.close()
    assert heard(ours) == b""


def test_a_reset_is_a_failure_after_what_was_said_before(ends: tuple[Transport, socket.socket]) -> None:
    ours, theirs = ends
    theirs.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    theirs.close()
    assert select.select([ours], [], [], 5)[0]
    with pytest.raises(TransportError, match=r"^connection reset by the server$") as caught:
        ours.receive()
    assert caught.value.failure.kind == "closed"


@pytest.mark.parametrize("said", [b"", b"554 5.7.1 you are blocked\r\n"])
def test_a_reset_before_anybody_looked_is_no_failure_to_connect(said: bytes) -> None:
    """The connection stood; what was said before comes first, however often the socket's error was asked for."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ours = Transport(at(listener.getsockname()[1]))
        stands = ours.connect()
        theirs, _ = listener.accept()
        theirs.send(said)
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        theirs.close()
        time.sleep(0.05)
        if not stands:
            ours.finish_connect()
        if said:
            assert ours.receive() == said
        for _ in range(2):
            with pytest.raises(TransportError, match=r"^connection reset by the server$") as caught:
                ours.receive()
            assert caught.value.failure.kind == "closed"
        ours.close()


def test_what_there_is_no_room_for_waits(ends: tuple[Transport, socket.socket]) -> None:
    ours, theirs = ends
    octets = b"x" * 16_000_000
    assert not ours.send(octets)
    assert ours.waiting()
    received = 0
    theirs.settimeout(5)
    while received < len(octets):
        received += len(theirs.recv(1 << 20))
        ours.flush()
    assert not ours.waiting()
    assert received == len(octets)


def test_nothing_has_come_where_it_is_quiet(ends: tuple[Transport, socket.socket]) -> None:
    ours, theirs = ends
    assert ours.quiet()
    theirs.send(b"421 bye\r\n")
    assert select.select([ours], [], [], 5)[0]
    assert not ours.quiet()


def test_instants_of_one_exchange(ends: tuple[Transport, socket.socket]) -> None:
    """From the last octet sent to the first received, by the kernel's clock; a second exchange has its own."""
    ours, theirs = ends
    for pause in (0.05, 0.0):
        ours.mark()
        assert ours.send(b"NOOP\r\n")
        theirs.recv(100)
        time.sleep(pause)
        theirs.send(b"250 ok\r\n")
        assert heard(ours) == b"250 ok\r\n"
        seconds, by_kernel = clock.measured(ours.last_sent(), ours.last_received)
        assert by_kernel
        assert pause <= seconds < pause + 0.5
        assert clock.measured(ours.first_sent(), ours.last_received)[0] >= seconds


def test_how_long_it_took_to_connect(ends: tuple[Transport, socket.socket]) -> None:
    seconds, _stood = ends[0].connect_time()
    assert 0 < seconds < 0.9
    assert ends[0].own() == ends[1].getpeername()[:2]


def test_refused() -> None:
    with refusing_port() as port:
        ours = Transport(at(port))
        with pytest.raises(TransportError) as caught:
            if not ours.connect():
                select.select([], [ours], [], 5)
                ours.finish_connect()
        ours.close()
    assert caught.value.failure == Failure("refused", f"connection refused by 127.0.0.1 port {port}")


def test_a_source_that_is_not_ours() -> None:
    ours = Transport(at(25), source="192.0.2.1")
    with pytest.raises(TransportError) as caught:
        ours.connect()
    ours.close()
    assert caught.value.failure.kind == "unreachable"
    assert caught.value.failure.cause.startswith("no local address to reach 127.0.0.1 port 25 from")


def test_a_socket_path_without_a_listener(tmp_path) -> None:  # type: ignore[no-untyped-def]
    path = str(tmp_path / "socket")
    ours = Transport(Address(socket.AF_UNIX, path, path, 0))
    with pytest.raises(TransportError) as caught:
        ours.connect()
    assert caught.value.failure == Failure("notfound", f"no such socket {path}")
    assert ours.own() == ("", 0)
    ours.close()


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENOMEM])
def test_a_machine_without_sockets_left_is_not_the_servers_fault(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def none_left(*_: int) -> None:
        raise OSError(number, "x")

    monkeypatch.setattr(connection.socket, "socket", none_left)
    with pytest.raises(OSError) as caught:
        Transport(at(25))
    assert caught.value.errno == number
