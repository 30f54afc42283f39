"""What may happen at every command: 421, silence, an end, no reply, the wrong one; and the words for it."""

from __future__ import annotations

import pytest

from helpers.talk import (
    BYE,
    EHLO,
    GREETING,
    OK,
    PEER,
    SECONDS,
    SENDER,
    TARGET,
    TO,
    WHOLE,
    Talk,
    broken,
    closed,
    plan,
    silence,
    surplus,
    unasked,
)
from smtp_status.findings import Failure, Finding, Target
from smtp_status.smtp.session import command_line
from smtp_status.tls.plan import TlsPlan

PLACES = [(0, "banner"), (1, "ehlo"), (2, "mail"), (3, "rcpt"), (4, "data"), (5, "message")]
RSET_FROM = 3


def farewell(stage: int) -> list[str]:
    return [OK, BYE] if stage >= RSET_FROM else [BYE]


@pytest.mark.parametrize(("number", "stage"), PLACES)
def test_421_anywhere(number, stage):
    talk = broken(number, "421 4.3.2 going down", *farewell(number))
    kind = "failure" if stage == "banner" else "error"
    assert talk.last == Finding(stage, kind, (421,), "4.3.2 going down", seconds=SECONDS)
    assert talk.times[stage] == SECONDS
    assert talk.outcome.total == 2.0 + number
    assert talk.strict[-1] is False


@pytest.mark.parametrize(("number", "stage"), PLACES[1:])
def test_421_unasked_is_the_reply_to_the_next_command(number, stage):
    talk = broken(number, unasked("421 4.4.2 idle for too long"), closed(sending=True))
    assert talk.last.stage == stage
    assert (talk.last.codes, talk.last.text) == ((421,), "4.4.2 idle for too long")
    assert stage not in talk.times


@pytest.mark.parametrize(("number", "stage"), PLACES)
def test_timeout_anywhere(number, stage):
    goodbye = [silence()] if number in (1, 2) else [silence(), silence()] if number >= RSET_FROM else []
    talk = broken(number, silence(), *goodbye)
    words = {
        "banner": "no greeting for 9.9 s",
        "message": "no reply for 9.9 s after the final dot",
    }
    verb = {"ehlo": "EHLO", "mail": "MAIL", "rcpt": "RCPT", "data": "DATA"}.get(stage, "")
    assert talk.last == Finding(stage, "timeout", cause=words.get(stage, f"no reply to {verb} for 9.9 s"))
    assert stage not in talk.times
    wanted = {0: "", 1: "QUIT", 2: "QUIT"}.get(number, "RSET QUIT")
    assert talk.verbs.endswith(wanted)
    assert ("QUIT" in talk.verbs) == (number > 0)


@pytest.mark.parametrize(("number", "stage"), PLACES)
def test_closed_anywhere(number, stage):
    talk = broken(number, closed())
    asked = {
        "banner": "greeting",
        "ehlo": "reply to EHLO",
        "mail": "reply to MAIL",
        "rcpt": "reply to RCPT",
        "data": "reply to DATA",
        "message": "reply to the final dot",
    }[stage]
    assert talk.last == Finding(stage, "closed", cause=f"connection closed by the server before the {asked}")
    assert "QUIT" not in talk.verbs
    assert stage not in talk.times


@pytest.mark.parametrize(("number", "stage"), PLACES)
def test_no_reply_code_anywhere(number, stage):
    talk = broken(number, "hello", *farewell(number))
    assert talk.last == Finding(stage, "protocol", (), "hello", "no reply code", seconds=SECONDS)
    assert stage not in talk.times
    assert talk.outcome.transcript.index("<<< hello") > 0 or number == 0


@pytest.mark.parametrize(("number", "stage"), PLACES[1:5])
def test_data_before_it_was_asked_for(number, stage):
    talk = broken(number, surplus(b"250 twice"), *farewell(number))
    assert talk.last == Finding(stage, "protocol", text="250 twice", cause="data before it was asked for")
    assert stage not in talk.times


def test_data_before_the_message_is_sent():
    """After 354 no command can be said any more."""
    talk = broken(5, surplus(b"250 twice"))
    assert talk.verbs == "EHLO MAIL RCPT DATA"
    assert talk.last == Finding("message", "protocol", text="250 twice", cause="data before it was asked for")


@pytest.mark.parametrize(
    ("failure", "cause"),
    [
        (silence(b"250-a", waited=3.0), "reply to the final dot incomplete after 3.0 s"),
        (silence(sending=True, waited=3.0), "the server did not take the message within 3.0 s"),
        (closed(b"250-a"), "connection closed by the server in the middle of the reply to the final dot"),
        (closed(sending=True), "connection closed by the server while the message was sent"),
        (Failure("unreachable", "no route to 192.0.2.10 port 25"), "no route to 192.0.2.10 port 25"),
        (
            Failure("timeout", "the network gave up on 192.0.2.10 port 25", sending=True),
            "the network gave up on 192.0.2.10 port 25",
        ),
    ],
)
def test_words_for_what_happened_to_the_message(failure, cause):
    goodbye = [silence(), silence()] if failure.kind == "timeout" and not failure.sending else []
    talk = broken(5, failure, *goodbye)
    assert (talk.last.stage, talk.last.kind, talk.last.cause) == ("message", failure.kind, cause)


@pytest.mark.parametrize(
    ("failure", "cause"),
    [
        (silence(b"250-a", waited=3.0), "reply to MAIL incomplete after 3.0 s"),
        (silence(sending=True, waited=3.0), "the server did not take MAIL within 3.0 s"),
        (closed(b"250-a"), "connection closed by the server in the middle of the reply to MAIL"),
        (closed(sending=True), "connection closed by the server while MAIL was sent"),
    ],
)
def test_words_for_what_happened_to_a_command(failure, cause):
    goodbye = [silence()] if failure.kind == "timeout" and not failure.sending else []
    talk = broken(2, failure, *goodbye)
    assert (talk.last.stage, talk.last.kind, talk.last.cause) == ("mail", failure.kind, cause)


@pytest.mark.parametrize(
    ("lines", "cause"),
    [((), "no greeting for 9.9 s"), ((b"220-a",), "greeting incomplete after 9.9 s")],
)
def test_words_for_a_silent_greeting(lines, cause):
    assert Talk(plan(), silence(*lines)).last.cause == cause


def test_silent_banner_on_465_hints_at_tls():
    where = PEER._replace(port=465)
    talk = Talk(plan(), silence(), target=Target("mx", (where,)))
    assert talk.last.cause == "no greeting for 9.9 s; port 465 speaks TLS from the first byte: --ssl?"


@pytest.mark.parametrize(("number", "stage"), [(4, "data"), (5, "message")])
def test_refused_after_mail_is_reset_before_quit(number, stage):
    talk = broken(number, "451 4.3.0 try later", OK, BYE)
    assert talk.verbs.endswith("RSET QUIT")
    assert talk.last == Finding(stage, "failure", (451,), "4.3.0 try later", seconds=SECONDS)
    assert "quit" not in talk.times


@pytest.mark.parametrize(("number", "stage"), [(2, "mail"), (3, "rcpt"), (5, "message")])
def test_any_2yz_will_do_for(number, stage):
    talk = Talk(plan(TO), *WHOLE[:number], "251 fine", *WHOLE[number + 1 :])
    assert all(finding.succeeded for finding in talk.outcome.findings)


def test_421_before_the_command_that_is_no_valid_reply():
    talk = Talk(plan(), GREETING, unasked("421-4.3.2 closing\n421+now"), BYE)
    separator = "neither space nor hyphen behind the reply code"
    assert talk.decisive == Finding("ehlo", "protocol", (421,), "4.3.2 closing +now", separator, seconds=9999.0)
    assert "ehlo" not in talk.times


@pytest.mark.parametrize("verb", [{}, {"lmtp": True}, {"helo_only": True}], ids=["EHLO", "LHLO", "HELO"])
def test_a_reply_to_the_proxy_header_is_told_as_such(verb):
    talk = Talk(plan(proxy=(), **verb), GREETING, surplus(b"500 what"), BYE)
    assert talk.decisive.cause == "data before it was asked for, perhaps the reply to the PROXY header"


def test_only_the_first_command_can_be_answered_by_the_reply_to_the_proxy_header():
    assert Talk(plan(proxy=()), GREETING, silence(), BYE).decisive.cause == "no reply to EHLO for 9.9 s"
    later = Talk(plan(proxy=(), sender=SENDER), GREETING, EHLO, surplus(b"500 what"), BYE)
    assert later.decisive.cause == "data before it was asked for"
    secure = plan(proxy=(), tls=TlsPlan("starttls"))
    within = Talk(secure, GREETING, "250-mx1\n250 STARTTLS", "220 go", surplus(b"500 what"), BYE)
    assert within.decisive.cause == "data before it was asked for"


def test_no_hint_at_tls_where_there_is_tls():
    target = TARGET._replace(addresses=(PEER._replace(port=465),))
    talk = Talk(plan(tls=TlsPlan("ssl")), silence(), target=target)
    assert talk.last.cause == "no greeting for 9.9 s"
    talk = Talk(plan(), GREETING, silence(), BYE, target=target)
    assert talk.decisive.cause == "no reply to EHLO for 9.9 s"


def test_a_name_loses_its_dot_and_nothing_else():
    target = TARGET._replace(host="mx1.example.XX.")
    talk = Talk(plan(tls=TlsPlan("ssl")), GREETING, EHLO, BYE, target=target)
    assert talk.actions[1].name == "mx1.example.XX"


def test_a_line_end_in_a_command_is_told():
    with pytest.raises(ValueError, match=r"^line end inside a command$"):
        command_line(b"NOOP\nQUIT")
