"""One conversation over a real socket on loopback: what comes of every action, and when."""

from __future__ import annotations

import contextlib
import itertools
import socket
import sys
import threading
import time

import pytest

from helpers.conversing import (
    GREETING,
    LATE,
    NOOP,
    OK,
    Stopwatch,
    after,
    ask,
    at,
    hold,
    no_layer,
)
from servers.scripted import Close, Deaf, Drip, Eof, Line, Read, Reset, Silence, Sleep, Split
from smtp_status.net import connection, loop
from smtp_status.net.clock import Deadline
from smtp_status.smtp.actions import Answered, Ask, Connect, Tell, Told
from smtp_status.smtp.replies import Reply


def test_greeting_and_command(scripted):
    server = scripted((GREETING, Line(b"NOOP"), OK, Eof()))
    greeting, answer = ask(server, Ask(), NOOP)
    assert greeting.reply == Reply((220,), (b"220 ready",))
    assert answer.reply == Reply((250,), (b"250 Ok",))
    assert (answer.early, answer.unasked) == (False, False)
    assert 0.0 <= answer.seconds < LATE
    assert server.session.closed_how == "client"
    assert server.session.received == b"NOOP\r\n"


def test_what_connected_tells(scripted):
    server = scripted((GREETING, Eof()))
    (connected,) = hold(Connect((at(server.port),)))
    assert connected.address == at(server.port)
    assert connected.own == server.session.peer
    assert 0.0 <= connected.seconds < LATE
    assert connected.failed == ()


def test_latency_is_that_of_the_server(scripted):
    server = scripted((Sleep(0.1), GREETING, Line(), Sleep(0.15), OK, Line(), OK, Eof()))
    greeting, slow, fast = ask(server, Ask(), NOOP, NOOP)
    assert 0.09 < greeting.seconds < 0.1 + LATE
    assert 0.15 <= slow.seconds < 0.15 + LATE
    assert fast.seconds < slow.seconds
    if sys.platform == "linux":
        assert slow.by_kernel


def test_instants_are_of_the_monotonic_clock(scripted):
    before = time.monotonic()
    greeting, answer = ask(scripted((GREETING, Line(), Sleep(0.1), OK, Eof())), Ask(), NOOP)
    assert before <= greeting.at <= answer.at - 0.1 <= time.monotonic()


@pytest.mark.timing
def test_payload_in_pieces_timed_from_its_first_octet(scripted):
    server = scripted((GREETING, Read(300_000), OK, Eof()))

    def pieces():
        yield b"x" * 150_000
        time.sleep(0.1)
        yield b"y" * 150_000

    _, answer = ask(server, Ask(), Ask(pieces(), from_first_octet=True))
    assert 0.1 <= answer.seconds < 0.1 + LATE
    assert server.session.received == b"x" * 150_000 + b"y" * 150_000


def test_payload_timed_from_its_last_octet(scripted):
    server = scripted((GREETING, Read(2), OK, Eof()))

    def pieces():
        yield b"x"
        time.sleep(0.15)
        yield b"y"

    _, answer = ask(server, Ask(), Ask(pieces()))
    assert answer.seconds < 0.15


def test_replies_in_one_segment_are_one_each(scripted):
    server = scripted((GREETING, Line(), b"250 one\r\n550 two\r\n250 three\r\n", Eof()))
    _, one, two, three = ask(server, Ask(), NOOP, Ask(), Ask())
    assert [answer.reply.code for answer in (one, two, three)] == [250, 550, 250]
    assert two.seconds == three.seconds == 0.0


def test_a_reply_to_nothing_is_timed_from_the_one_before(scripted):
    server = scripted((GREETING, Line(), OK, Sleep(0.1), OK, Eof()))
    _, first, second = ask(server, Ask(), NOOP, Ask())
    assert first.seconds < LATE
    assert 0.09 < second.seconds < 0.1 + LATE


def test_tell_has_no_reply(scripted):
    server = scripted((Line(), GREETING, Eof()))
    told, greeting = ask(server, Tell(b"PROXY UNKNOWN\r\n"), Ask())
    assert isinstance(told, Told)
    assert greeting.reply.code == 220


def test_a_reply_however_it_is_cut(scripted):
    reply = b"250-one\r\n250-two\r\n250 three\r\n"
    server = scripted((Drip(GREETING, 1, 0.002), Line(), Split(reply, 1, 8, 9, 28, pause=0.01), Eof()))
    greeting, answer = ask(server, Ask(), NOOP)
    assert greeting.reply.lines == (b"220 ready",)
    assert answer.reply.lines == (b"250-one", b"250-two", b"250 three")


def test_deadline(scripted):
    server = scripted((GREETING, Silence()))
    with Stopwatch() as watch:
        _, failure = ask(server, Ask(), NOOP, seconds=0.3)
    assert (failure.kind, failure.cause, failure.sending) == ("timeout", "", False)
    assert 0.2 < failure.waited < 0.3 + LATE
    assert 0.3 <= watch.seconds < 0.3 + LATE


def test_an_own_limit_ends_before_the_deadline(scripted):
    server = scripted((GREETING, Silence()))
    with Stopwatch() as watch:
        _, failure = ask(server, Ask(), Ask((b"QUIT\r\n",), limit=0.2))
    assert failure.kind == "timeout"
    assert 0.2 <= watch.seconds < 0.2 + LATE
    assert 0.15 < failure.waited < 0.2 + LATE


def test_one_octet_a_second(scripted):
    server = scripted((Drip(b"220 a\r\n", 1, 1.0), Eof()))
    with Stopwatch() as watch:
        (failure,) = ask(server, Ask(), seconds=1.2)
    assert failure.lines == (b"22",)
    assert 1.2 <= watch.seconds < 1.2 + LATE


def test_a_server_that_stops_reading(scripted):
    server = scripted((GREETING, Read(1000), Deaf()), receive_buffer=4096)
    with Stopwatch() as watch:
        _, failure = ask(server, Ask(), Ask(itertools.repeat(b"x" * 65536, 1000)), seconds=0.25)
    assert (failure.kind, failure.sending) == ("timeout", True)
    assert failure.waited > 0.2
    assert 0.25 <= watch.seconds < 0.25 + LATE


@contextlib.contextmanager
def sink():
    """A server that reads as fast as it can."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def swallow():
            connection, _ = listener.accept()
            buffer = bytearray(1 << 20)
            with connection, contextlib.suppress(OSError):
                connection.sendall(GREETING)
                while connection.recv_into(buffer):
                    pass

        thread = threading.Thread(target=swallow)
        thread.start()
        yield listener.getsockname()[1]
        thread.join()


def test_a_message_without_end_to_a_server_that_reads_fast():
    with sink() as port, Stopwatch() as watch:
        results = hold(Connect((at(port),)), Ask(), Ask(itertools.repeat(b"x" * 1000)), seconds=0.2)
    assert (results[-1].kind, results[-1].sending) == ("timeout", True)
    assert watch.seconds < 0.3 + LATE


def test_refused_in_the_middle_of_a_big_message(scripted):
    """The server does not read on: what is not sent yet is not sent any more."""
    server = scripted((GREETING, Read(1000), b"552 too big\r\n", Deaf()), receive_buffer=4096)
    _, answer = ask(server, Ask(), Ask(itertools.repeat(b"x" * 65536, 1000), from_first_octet=True))
    assert answer.reply.code == 552
    assert answer.early


@pytest.mark.parametrize("end", [Close(), Reset()])
def test_refused_and_closed_in_the_middle_of_a_big_message(scripted, end):
    """Writing fails, and the reason is in the receive buffer."""
    server = scripted((GREETING, Read(1000), b"552 too big\r\n", Sleep(0.05), end), receive_buffer=4096)
    _, answer = ask(server, Ask(), Ask(itertools.repeat(b"x" * 65536, 1000), from_first_octet=True))
    assert isinstance(answer, Answered)
    assert (answer.reply.code, answer.early) == (552, True)


def test_refused_and_reset_just_before_the_next_piece_is_sent(scripted, monkeypatch):
    server = scripted((GREETING, Read(1000), Sleep(0.03), b"552 too big\r\n", Sleep(0.02), Reset()))
    send = connection.Transport.send

    def slow(transport, data):
        if data == b"second":
            time.sleep(0.15)
        return send(transport, data)

    monkeypatch.setattr(connection.Transport, "send", slow)
    _, answer = ask(server, Ask(), Ask([b"x" * 1000, b"second", b"third"]))
    assert isinstance(answer, Answered)
    assert (answer.reply.code, answer.early) == (552, True)


def test_reset_in_the_middle_of_a_big_message(scripted):
    server = scripted((GREETING, Read(1000), Reset()), receive_buffer=4096)
    _, failure = ask(server, Ask(), Ask(itertools.repeat(b"x" * 65536, 1000)))
    assert (failure.kind, failure.sending) == ("closed", True)
    assert failure.cause in ("connection reset by the server", "connection closed by the server")


def test_a_big_message_arrives_whole(scripted):
    server = scripted((GREETING, Read(5_000_000), OK, Eof()))
    pieces = [bytes([number % 256]) * 50_000 for number in range(100)]
    _, answer = ask(server, Ask(), Ask(pieces))
    assert (answer.reply.code, answer.early) == (250, False)
    assert server.session.received == b"".join(pieces)


def test_closed_instead_of_a_reply(scripted):
    _, failure = ask(scripted((GREETING, Line())), Ask(), NOOP)
    assert (failure.kind, failure.cause) == ("closed", "connection closed by the server")
    assert (failure.lines, failure.sending) == ((), False)


def test_closed_in_the_middle_of_a_reply(scripted):
    _, failure = ask(scripted((GREETING, Line(), b"250-a\r\n250")), Ask(), NOOP)
    assert (failure.kind, failure.lines) == ("closed", (b"250-a", b"250"))


def test_reset_instead_of_a_reply(scripted):
    _, failure = ask(scripted((GREETING, Line(), Reset())), Ask(), NOOP)
    assert (failure.kind, failure.cause) == ("closed", "connection reset by the server")


def test_reply_and_close(scripted):
    server = scripted((GREETING, Line(), b"221 Bye\r\n", Close()))
    _, farewell, failure = ask(server, Ask(), NOOP, NOOP)
    assert farewell.reply.code == 221
    assert failure.kind == "closed"


def dawdle(server, *actions) -> list:
    results: list = []
    loop.converse([after(0.03, results, at(server.port), *actions)], Deadline(2.0), no_layer)
    return results[1:]


@pytest.mark.parametrize("surplus", [b"250 again\r\n", b"2", b"450 greylisted\r\n", b"hello\r\n", b"\r\n"])
def test_what_comes_before_the_command_is_a_fault(scripted, surplus):
    server = scripted((GREETING + surplus, Eof()))
    _, failure = dawdle(server, Ask(), NOOP)
    assert (failure.kind, failure.cause) == ("protocol", "data before it was asked for")
    assert failure.lines == (surplus.rstrip(b"\r\n"),)
    assert server.session.received == b""


@pytest.mark.parametrize("surplus", [b"421 4.4.2 idle\r\n", b"421-4.4.2 idle\r\n421 bye\r\n", b"421\r\n"])
@pytest.mark.parametrize("end", [Close(), Eof()])
def test_a_421_that_is_there_already_is_the_reply(scripted, surplus, end):
    server = scripted((GREETING, Sleep(0.01), surplus, end))
    _, answer = dawdle(server, Ask(), NOOP)
    assert isinstance(answer, Answered)
    assert (answer.reply.code, answer.unasked, answer.early) == (421, True, False)
    assert server.session.received == b""


@pytest.mark.parametrize("code", [421, 552])
def test_what_was_read_is_not_lost_to_a_reset_behind_it(scripted, code):
    """Both replies came in one segment, and the reset before the next command."""
    server = scripted((GREETING + b"%d going down\r\n" % code, Reset()))
    _, result = dawdle(server, Ask(), NOOP)
    if code == 421:
        assert (result.reply.code, result.unasked) == (421, True)
    else:
        assert (result.kind, result.lines) == ("protocol", (b"552 going down",))


def test_what_was_said_before_a_reset_is_the_greeting_also_behind_a_proxy_header(scripted):
    server = scripted((b"554 blocked\r\n", Reset()))
    results = dawdle(server, Tell(b"PROXY UNKNOWN\r\n"), Ask())
    assert results[-1].reply.code == 554


def test_a_421_that_is_not_complete_yet_is_waited_for(scripted):
    server = scripted((GREETING, Split(b"421 4.4.2 idle\r\n", 1, 5, pause=0.1), Eof()))
    _, answer = dawdle(server, Ask(), NOOP)
    assert answer.reply.lines == (b"421 4.4.2 idle",)


def test_what_began_like_a_421_and_is_none_is_a_fault(scripted):
    server = scripted((GREETING, Split(b"450 greylisted\r\n", 1, pause=0.1), Eof()))
    _, failure = dawdle(server, Ask(), NOOP)
    assert (failure.kind, failure.lines) == ("protocol", (b"450 greylisted",))


def test_what_never_becomes_the_421_it_began_like_is_a_fault(scripted):
    server = scripted((GREETING + b"42", Eof()))
    _, failure = dawdle(server, Ask(), NOOP._replace(limit=0.1))
    assert (failure.kind, failure.lines) == ("protocol", (b"42",))
    server = scripted((GREETING + b"421 bye", Eof()))
    _, failure = dawdle(server, Ask(), NOOP._replace(limit=0.1))
    assert (failure.kind, failure.lines) == ("timeout", (b"421 bye",))


def test_where_it_does_not_matter_any_more_surplus_is_dropped(scripted):
    server = scripted((GREETING + b"250 again\r\n", Line(), OK, Eof()))
    _, answer = dawdle(server, Ask(), NOOP._replace(strict=False))
    assert (answer.reply.lines, answer.unasked) == ((b"250 Ok",), False)


def test_closed_before_the_command(scripted):
    _, failure = dawdle(scripted((GREETING, Close())), Ask(), NOOP)
    assert (failure.kind, failure.cause, failure.sending) == ("closed", "connection closed by the server", False)


def test_a_line_without_end(scripted):
    (answer,) = ask(scripted((b"220 " + b"x" * 100_000, Eof()), strict=False), Ask())
    assert answer.reply.fault == "reply line longer than 8192 octets"


def test_a_reply_without_end(scripted):
    server = scripted((b"220-flood\r\n" * 100_000, Eof()), strict=False)
    (answer,) = ask(server, Ask())
    assert answer.reply.fault == "reply longer than 1048576 octets"
