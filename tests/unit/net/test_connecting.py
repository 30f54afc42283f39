"""Connecting over real sockets on loopback: which address is taken, how long each is waited for, and what failed."""

from __future__ import annotations

import contextlib
import socket
import threading

from helpers.conversing import GREETING, LATE, NOOP, OK, Stopwatch, about, ask, at, hold
from helpers.descriptors import none_left_open
from servers.ports import refusing_port, silent_port
from servers.scripted import Eof, Line
from smtp_status.findings import Address, Failure
from smtp_status.smtp.actions import Ask, Connect


def test_unix_socket(scripted, tmp_path):
    server = scripted((GREETING, Line(), OK, Eof()), path=tmp_path / "s")
    where = Address(socket.AF_UNIX, str(server.path), str(server.path), 0)
    connected, greeting, answer = hold(Connect((where,)), Ask(), NOOP)
    assert connected.own == ("", 0)
    assert (greeting.reply.code, answer.reply.code) == (220, 250)
    assert not answer.by_kernel


def test_source(scripted):
    server = scripted((GREETING, Eof()))
    ask(server, Ask(), source="127.0.0.9")
    assert server.session.peer[0] == "127.0.0.9"


def test_source_that_is_not_ours(scripted):
    server = scripted((GREETING, Eof()))
    (failure,) = hold(Connect((at(server.port),)), source="192.0.2.1")
    assert failure.kind == "unreachable"
    assert failure.cause == f"no local address to reach 127.0.0.1 port {server.port} from"


def test_refused():
    with refusing_port() as port:
        (failure,) = hold(Connect((at(port),)))
    assert failure._replace(at=0.0) == Failure("refused", f"connection refused by 127.0.0.1 port {port}")


def test_missing_socket(tmp_path):
    path = str(tmp_path / "none")
    (failure,) = hold(Connect((Address(socket.AF_UNIX, path, path, 0),)))
    assert (failure.kind, failure.cause) == ("notfound", f"no such socket {path}")


def test_unix_socket_with_a_full_queue(tmp_path):
    path = str(tmp_path / "full")
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket(socket.AF_UNIX))
        listener.bind(path)
        listener.listen(0)
        for _ in range(8):
            filler = stack.enter_context(socket.socket(socket.AF_UNIX))
            filler.setblocking(False)
            if filler.connect_ex(path):
                break
        (failure,) = hold(Connect((Address(socket.AF_UNIX, path, path, 0),)))
    assert (failure.kind, failure.cause) == ("refused", f"too many connections wait at {path}")


def test_the_next_address_is_tried(scripted):
    server = scripted((GREETING, Eof()))
    with refusing_port() as port:
        connected, greeting = hold(Connect((at(port), at(port), at(server.port))), Ask())
    assert connected.address == at(server.port)
    assert [failure.cause for failure in connected.failed] == [f"connection refused by 127.0.0.1 port {port}"] * 2
    assert greeting.reply.code == 220


def test_all_addresses_refuse():
    with refusing_port() as one, refusing_port() as two:
        (failure,) = hold(Connect((at(one), at(two), at(two))))
    assert failure.kind == "refused"
    assert failure.cause == (f"connection refused by 127.0.0.1 port {one}; connection refused by 127.0.0.1 port {two}")


def test_the_next_address_is_tried_while_the_last_is_silent(scripted):
    server = scripted((GREETING, Eof()))
    with silent_port() as port, Stopwatch() as watch:
        connected, greeting = hold(Connect((at(port), at(server.port))), Ask())
    assert connected.address == at(server.port)
    assert connected.failed[0].kind == "timeout"
    assert about(f"no answer from 127.0.0.1 port {port} for 0.# s").fullmatch(connected.failed[0].cause)
    assert greeting.reply.code == 220
    assert 0.25 <= watch.seconds < 0.25 + LATE
    assert connected.seconds < watch.seconds - 0.25 + 0.001


def test_two_addresses_are_silent_for_a_while_each(scripted):
    server = scripted((GREETING, Eof()))
    with silent_port() as one, silent_port() as two, Stopwatch() as watch:
        connected = hold(Connect((at(one), at(two), at(server.port))))[0]
    assert connected.address == at(server.port)
    assert 0.5 <= watch.seconds < 0.5 + LATE
    assert [failure.kind for failure in connected.failed] == ["timeout", "timeout"]
    assert connected.failed[0].waited > connected.failed[1].waited + 0.2


def test_a_refusal_does_not_hurry_the_one_that_is_silent(scripted):
    """Refused at once, then silent: the third address comes when the second has had its time."""
    server = scripted((GREETING, Eof()))
    with refusing_port() as one, silent_port() as two, Stopwatch() as watch:
        connected = hold(Connect((at(one), at(two), at(server.port))))[0]
    assert [failure.kind for failure in connected.failed] == ["refused", "timeout"]
    assert 0.25 <= watch.seconds < 0.25 + LATE


def test_the_first_address_may_answer_last(scripted):
    """It is still waited for when another one was begun, and wins where that fails."""
    with contextlib.ExitStack() as stack:
        refusing = stack.enter_context(refusing_port())
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        slow = listener.getsockname()[1]
        # One fills its queue, so that the first segment is lost; there is room when it is sent again.
        stack.enter_context(socket.create_connection(("127.0.0.1", slow)))
        timer = threading.Timer(0.5, lambda: stack.enter_context(listener.accept()[0]))
        timer.start()
        connected = hold(Connect((at(slow), at(refusing))))[0]
        timer.join()
    assert connected.address == at(slow)
    assert [failure.kind for failure in connected.failed] == ["refused"]


def test_silent_addresses_end_with_the_deadline():
    with silent_port() as one, silent_port() as two, Stopwatch() as watch:
        (failure,) = hold(Connect((at(one), at(two))), seconds=0.6)
    assert failure.kind == "timeout"
    causes = f"no answer from 127.0.0.1 port {one} for 0.# s; no answer from 127.0.0.1 port {two} for 0.# s"
    assert about(causes).fullmatch(failure.cause)
    assert 0.6 <= watch.seconds < 0.6 + LATE


def test_nothing_is_left_open_of_what_was_tried(scripted):
    server = scripted((GREETING, Eof()))
    with none_left_open(), silent_port() as port:
        hold(Connect((at(port), at(port), at(server.port))), Ask())
        hold(Connect((at(port), at(port))), seconds=0.3)


def test_the_last_address_has_all_the_time_left():
    with refusing_port() as one, silent_port() as two, Stopwatch() as watch:
        (failure,) = hold(Connect((at(one), at(two))), seconds=0.5)
    causes = f"connection refused by 127.0.0.1 port {one}; no answer from 127.0.0.1 port {two} for 0.# s"
    assert about(causes).fullmatch(failure.cause)
    assert 0.5 <= watch.seconds < 0.5 + LATE
