"""The loop over real sockets on loopback: what comes back, when, and at what price."""

from __future__ import annotations

import itertools
import os
import threading
import time

import pytest

from helpers.conversing import (
    GREETING,
    LATE,
    NOOP,
    OK,
    Stopwatch,
    about,
    ask,
    at,
    hold,
    no_layer,
)
from helpers.talk import TO, plan
from servers.ports import silent_port
from servers.scripted import Deaf, Drip, Eof, HalfClose, Line, Read, Silence, Sleep, SmtpScript
from smtp_status.findings import Target
from smtp_status.net import loop
from smtp_status.net.clock import Deadline
from smtp_status.net.selector import READ, Selector
from smtp_status.smtp.actions import Answered, Ask, Connect, Handshake
from smtp_status.smtp.dialogue import Dialogue
from smtp_status.smtp.plan import Route
from smtp_status.tls import layer
from smtp_status.tls.context import make_context
from smtp_status.tls.plan import TlsPlan


@pytest.fixture
def wakeups(monkeypatch) -> list:
    """One entry for each time the loop has slept."""
    slept: list = []

    class Counting(Selector):
        def select(self, timeout):
            ready = super().select(timeout)
            slept.append(timeout)
            return ready

    monkeypatch.setattr(loop, "Selector", Counting)
    return slept


def test_a_conversation_may_end_without_connecting():
    assert hold() == []


def test_past_the_deadline_what_can_be_said_is_said(scripted):
    server = scripted((GREETING, Silence()))
    with Stopwatch() as watch:
        _, failure, farewell = ask(server, Ask(), NOOP, Ask((b"QUIT\r\n",), 2.0), seconds=0.2)
    assert (failure.kind, farewell.kind) == ("timeout", "timeout")
    assert watch.seconds < 0.2 + LATE
    assert server.session.received == b"NOOP\r\nQUIT\r\n"


def test_deadline_that_has_passed_before(scripted):
    server = scripted((GREETING, Silence()))
    with Stopwatch() as watch:
        results = hold(Connect((at(server.port),)), seconds=0.0)
    assert watch.seconds < LATE
    assert results[0].kind == "timeout"


def test_deadline_counts_from_where_it_began():
    deadline = Deadline(5.0, time.monotonic() - 4.0)
    assert 0.9 < deadline.left() <= 1.0
    assert not deadline.passed()
    assert deadline.elapsed() < 0.5
    deadline.end()
    assert deadline.passed()
    assert deadline.left() == 0.0


def test_an_old_limit_does_not_end_what_comes_after_it(scripted):
    server = scripted((GREETING, Line(), OK, Line(), Sleep(0.25), OK, Eof()))
    _, first, second = ask(server, Ask(), Ask((b"A\r\n",), limit=0.15), NOOP)
    assert isinstance(first, Answered)
    assert isinstance(second, Answered)


def test_stop_ends_everything_at_once(scripted):
    server = scripted((GREETING, Silence()))
    readable, writable = os.pipe()
    timer = threading.Timer(0.2, os.write, (writable, b"x"))
    timer.start()
    with Stopwatch() as watch:
        _, failure, farewell = ask(server, Ask(), NOOP, Ask((b"QUIT\r\n",), 2.0), stop=readable)
    timer.join()
    assert (failure.kind, farewell.kind) == ("timeout", "timeout")
    assert 0.2 <= watch.seconds < 0.2 + LATE
    assert server.session.received == b"NOOP\r\nQUIT\r\n"
    # It stays readable, for whoever looks next.
    assert os.read(readable, 10) == b"x"
    os.close(readable)
    os.close(writable)


# -- work between two waits


def laborious(address, results):
    """A conversation that takes a tenth of a second of work for each reply, as hostile ones can."""
    result = yield Connect((address,))
    for action in (Ask(), NOOP, NOOP, Ask((b"QUIT\r\n",), 2.0)):
        result = yield action
        if isinstance(result, Answered):
            time.sleep(0.1)
    results.append(result)


def test_work_between_two_waits_does_not_carry_thirty_beyond_the_deadline(scripted):
    server = scripted((GREETING, Line(), OK, Line(), OK, Line(), OK, Eof()), strict=False)
    results = []
    with Stopwatch() as watch:
        loop.converse([laborious(at(server.port), results) for _ in range(30)], Deadline(0.5), no_layer)
    assert watch.seconds < 0.5 + 0.1 + 0.1 + LATE, "one after the other it takes 12 s"
    assert len(results) == 30


def test_work_between_two_waits_does_not_keep_a_signal_from_being_heard(scripted):
    server = scripted((GREETING, Line(), OK, Line(), OK, Line(), OK, Eof()), strict=False)
    readable, writable = os.pipe()
    threading.Timer(0.3, os.write, (writable, b"x")).start()
    heard = []

    def light(address):
        heard.append((yield Connect((address,))))
        heard.append((yield Ask((b"NOOP\r\n",))))
        heard.append(time.monotonic())

    began = time.monotonic()
    silent = scripted((Silence(),), strict=False)
    loop.converse(
        [light(at(silent.port)), *(laborious(at(server.port), []) for _ in range(20))],
        Deadline(30),
        no_layer,
        stop=readable,
    )
    assert 0.3 <= heard[-1] - began < 0.3 + 0.6
    os.close(readable)
    os.close(writable)


@pytest.mark.timing
def test_who_is_quick_does_not_wait_for_all_who_are_not(scripted):
    exchanges = (Ask(), *[NOOP] * 8)
    server = scripted((GREETING, *(Line(), OK) * 8, Eof()), strict=False)
    worked = []
    behind = []

    def at_work(address):
        yield Connect((address,))
        for action in exchanges:
            yield action
            time.sleep(0.03)
            worked.append(1)

    def light(address):
        yield Connect((address,))
        for action in exchanges:
            assert isinstance((yield action), Answered)
            behind.append(len(worked))

    conversations = [at_work(at(server.port)) for _ in range(10)]
    loop.converse([*conversations, light(at(server.port))], Deadline(30), no_layer)
    assert len(worked) == 90
    # It took its turn behind each of the ten before, and what is eight turns later was eighty pieces of work later.
    assert behind[-1] - behind[0] <= 45


@pytest.mark.timing
def test_who_floods_does_not_keep_anybody_waiting():
    """Each piece of work is short, but there is always more of it."""
    calls = []
    with Selector() as selector:
        pipes = [os.pipe() for _ in range(31)]
        for number, (readable, writable) in enumerate(pipes):
            os.write(writable, b"x")
            selector.register(readable, READ, lambda number=number: calls.append(number) or time.sleep(0.002))
        loop.Loop(selector).turn(0.0)
    for descriptor in itertools.chain(*pipes):
        os.close(descriptor)
    assert set(calls) == set(range(31))
    before_the_last = calls[: calls.index(30)]
    assert max(map(before_the_last.count, range(30))) <= 3


@pytest.mark.timing
def test_what_came_while_others_took_the_time_is_no_silence(scripted):
    early, later = (scripted((GREETING, Line(), Sleep(pause), OK, Eof()), strict=False) for pause in (0.5, 1.2))
    deadline = Deadline(2.0)
    results = []

    def at_work(address):
        yield Connect((address,))
        yield Ask()
        yield NOOP
        time.sleep(deadline.left() + 0.01)

    def asking(address):
        yield Connect((address,))
        yield Ask()
        results.append((yield NOOP))

    loop.converse([at_work(at(early.port)), asking(at(later.port))], deadline, no_layer)
    assert isinstance(results[0], Answered)


# -- many


def test_sixty_conversations_at_once(scripted):
    server = scripted(banner=(Sleep(0.2), b"220 mx\r\n"), message=(Sleep(0.2), OK))
    target = Target("localhost", (at(server.port),))
    dialogues = [Dialogue(plan(TO), Route(target), 0.0) for _ in range(60)]
    deadline = Deadline(10.0)
    with Stopwatch() as watch:
        loop.converse([dialogue.run() for dialogue in dialogues], deadline, no_layer)
    for dialogue in dialogues:
        outcome = dialogue.outcome(deadline.started)
        assert [finding.kind for finding in outcome.findings] == ["success"] * 8
        assert outcome.findings[-1].stage == "quit"
        assert 0.4 <= outcome.total <= watch.seconds
    assert watch.seconds < 5.0, "one after the other it takes 24 s"
    sessions = server.wait(60)
    assert {b" ".join(session.commands) for session in sessions} == {b"EHLO MAIL RCPT DATA QUIT"}


def test_each_has_an_end_of_its_own(scripted):
    silent = scripted((GREETING, Silence()))
    server = scripted(SmtpScript())
    ends = []
    for port in (silent.port, server.port, silent.port):
        target = Target("localhost", (at(port),))
        ends.append(Dialogue(plan(TO), Route(target), 0.0))
    deadline = Deadline(0.3)
    loop.converse([dialogue.run() for dialogue in ends], deadline, no_layer)
    outcomes = [dialogue.outcome(deadline.started) for dialogue in ends]
    assert [outcome.findings[-1].stage for outcome in outcomes] == ["ehlo", "quit", "ehlo"]
    assert [outcome.findings[-1].kind for outcome in outcomes] == ["timeout", "success", "timeout"]
    for session in silent.wait(2):
        assert session.received == b"EHLO probe.example.org\r\nQUIT\r\n"


# -- no busy loop


def test_waiting_costs_nothing(scripted, wakeups):
    """Kernel stamps on the error queue wake the loop once for each send, not for ever."""
    server = scripted((GREETING, Line(), OK, Silence()))
    _, _, failure = ask(server, Ask(), NOOP, NOOP, seconds=0.2)
    assert failure.kind == "timeout"
    assert len(wakeups) <= 12


def test_waiting_for_room_costs_nothing(scripted, wakeups):
    server = scripted((GREETING, Read(1000), Deaf()), receive_buffer=4096)
    ask(server, Ask(), Ask(itertools.repeat(b"x" * 65536, 1000)), seconds=0.2)
    assert len(wakeups) <= 60


def test_waiting_for_a_connection_costs_nothing(wakeups):
    with silent_port() as port:
        hold(Connect((at(port), at(port))), seconds=0.2)
    assert len(wakeups) <= 5


def test_waiting_in_a_handshake_costs_nothing(scripted, wakeups):
    server = scripted(Silence())
    secure = TlsPlan("ssl", verify=False)
    context = make_context(secure)
    (failure,) = ask(
        server,
        Handshake(secure, "localhost"),
        seconds=0.2,
        new_layer=lambda _plan, name: layer.TlsLayer(context, name),
    )
    assert failure.kind == "timeout"
    assert about("no end of the handshake after 0.# s").fullmatch(failure.cause)
    assert len(wakeups) <= 8


def test_a_server_that_has_said_all_it_wants_to_say(scripted, wakeups):
    """The end of its stream ends the exchange, also while there is something to send."""
    server = scripted((GREETING, Read(1000), HalfClose(), Deaf()), receive_buffer=4096)
    with Stopwatch() as watch:
        _, failure = ask(server, Ask(), Ask(itertools.repeat(b"x" * 65536, 1000)))
    assert (failure.kind, failure.cause, failure.sending) == ("closed", "connection closed by the server", True)
    assert watch.seconds < LATE
    assert len(wakeups) <= 60


def test_dripping_wakes_once_for_each_octet(scripted, wakeups):
    server = scripted((Drip(b"220 " + b"x" * 46 + b"\r\n", 1, 0.002), Eof()))
    ask(server, Ask())
    assert len(wakeups) <= 60
