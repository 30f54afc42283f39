"""RSET and QUIT: when each is said, how long it is waited for, and what is wrong with the answer."""

from __future__ import annotations

import pytest

from helpers.talk import (
    BYE,
    EHLO,
    GREETING,
    OK,
    SECONDS,
    SENDER,
    TO,
    UP_TO_EHLO,
    UP_TO_RCPT,
    WHOLE,
    Talk,
    closed,
    plan,
    silence,
    surplus,
    unasked,
)
from smtp_status.findings import Finding


@pytest.mark.parametrize(
    ("end", "kind", "cause", "timed"),
    [
        ("221 2.0.0 Bye", "success", "", True),
        ("421 4.3.2 busy", "failure", "", True),
        ("500 what?", "error", "", True),
        ("250 Ok", "protocol", "not a reply to QUIT", False),
        ("bye", "protocol", "no reply code", False),
        (silence(waited=2.0), "timeout", "no reply to QUIT for 2.0 s", False),
        (closed(), "closed", "connection closed by the server before the reply to QUIT", False),
        (unasked("421 4.4.2 idle"), "failure", "", False),
    ],
)
def test_quit(end, kind, cause, timed):
    talk = Talk(plan(TO), *WHOLE[:-1], end)
    assert (talk.last.stage, talk.last.kind, talk.last.cause) == ("quit", kind, cause)
    assert ("quit" in talk.times) == timed
    assert talk.outcome.total == 7.0
    assert talk.decisive.succeeded


def test_surplus_bytes_after_the_verdict():
    talk = Talk(plan(TO), *WHOLE[:-1], surplus(b"250 once more"), BYE)
    assert talk.last == Finding("quit", "protocol", text="250 once more", cause="data before it was asked for")
    assert talk.verbs.endswith("<message> QUIT")
    assert "quit" not in talk.times


@pytest.mark.parametrize("answer", ["250 Ok", "500 what?", "450 later", "hello"])
def test_what_is_answered_to_rset_changes_nothing(answer):
    talk = Talk(plan(TO, quit_after="rcpt"), *UP_TO_RCPT, answer, BYE)
    assert talk.verbs == "EHLO MAIL RCPT RSET QUIT"
    assert talk.last.stage == "quit"
    assert all(finding.succeeded for finding in talk.outcome.findings)
    assert talk.times["quit"] == SECONDS


@pytest.mark.parametrize(
    ("failure", "goodbye", "kind", "cause"),
    [
        (closed(), [], "closed", "connection closed by the server before the reply to RSET"),
        (silence(waited=2.0), [silence()], "timeout", "no reply to RSET for 2.0 s"),
        (surplus(b"250 once more"), [BYE], "protocol", "data before it was asked for"),
    ],
)
def test_a_connection_that_breaks_at_rset(failure, goodbye, kind, cause):
    talk = Talk(plan(TO, quit_after="rcpt"), *UP_TO_RCPT, failure, *goodbye)
    assert (talk.last.stage, talk.last.kind, talk.last.cause) == ("quit", kind, cause)
    assert talk.stages.count(("quit", kind)) == 1


def test_rset_and_quit_have_two_seconds_each():
    talk = Talk(plan(TO), *UP_TO_EHLO, OK, "550 no", OK, BYE)
    assert talk.limits[-2:] == [2.0, 2.0]


def test_the_one_that_did_not_come_is_named():
    talk = Talk(plan(sender=SENDER), *UP_TO_EHLO, OK, silence(waited=2.0), BYE)
    assert (talk.last.stage, talk.last.kind, talk.last.cause) == ("quit", "timeout", "no reply to RSET for 2.0 s")
    assert talk.verbs == "EHLO MAIL RSET QUIT"
    talk = Talk(plan(sender=SENDER), *UP_TO_EHLO, OK, OK, silence(waited=2.0))
    assert (talk.last.stage, talk.last.kind, talk.last.cause) == ("quit", "timeout", "no reply to QUIT for 2.0 s")


def test_after_a_failure_nothing_at_quit_counts():
    talk = Talk(plan(TO), *UP_TO_EHLO, OK, "550 no", closed())
    assert talk.last.stage == "rcpt"
    talk = Talk(plan(TO), *UP_TO_EHLO, OK, "550 no", OK, "500 what?")
    assert talk.last.stage == "rcpt"
    assert talk.strict[-2:] == [False, False]


def test_nothing_is_reset_where_the_message_was_accepted_before():
    talk = Talk(plan(TO, quit_after="message"), GREETING, EHLO, OK, OK, "354 go", OK, BYE)
    assert talk.verbs == "EHLO MAIL RCPT DATA <message> QUIT"


def test_lenient_about_what_comes_before_rset_and_quit_once_something_was_wrong():
    talk = Talk(plan(TO), GREETING, EHLO, OK, "550 no", OK, BYE)
    assert talk.verbs == "EHLO MAIL RCPT RSET QUIT"
    assert talk.strict == [True, True, True, True, False, False]


def test_strict_about_what_comes_before_rset_and_quit_where_all_was_well():
    talk = Talk(plan(sender=SENDER), GREETING, EHLO, OK, OK, BYE)
    assert talk.strict == [True] * 5


def test_421_instead_of_rset_is_said():
    talk = Talk(plan(sender=SENDER), GREETING, EHLO, OK, unasked("421 4.3.2 closing"), BYE)
    assert talk.last == Finding("quit", "failure", (421,), "4.3.2 closing", seconds=9999.0)
    assert "quit" not in talk.times
    assert talk.strict[-1] is False


def test_what_rset_took_is_not_taken_from_quit():
    talk = Talk(plan(TO), GREETING, EHLO, OK, "550 no", OK, BYE)
    assert talk.limits[-2:] == [2.0, 2.0]


def test_quit_once_more_after_surplus_octets_is_not_waited_for_long():
    talk = Talk(plan(), GREETING, EHLO, surplus(b"250 again"), BYE)
    assert talk.limits[-2:] == [2.0, 2.0]
    assert talk.last == Finding("quit", "protocol", text="250 again", cause="data before it was asked for")


@pytest.mark.parametrize(("answer", "verbs"), [("200 ok", "EHLO MAIL RSET QUIT"), ("300 what", "EHLO MAIL QUIT")])
def test_only_mail_that_was_accepted_is_reset(answer, verbs):
    assert Talk(plan(sender=SENDER), GREETING, EHLO, answer, *([OK] if "RSET" in verbs else []), BYE).verbs == verbs


def test_how_long_either_is_waited_for(monkeypatch):
    monkeypatch.setattr("smtp_status.smtp.farewell.FAREWELL_SECONDS", 1.5)
    talk = Talk(plan(sender=SENDER), GREETING, EHLO, OK, OK, BYE)
    assert talk.limits[-2:] == [1.5, 1.5]


def test_a_reply_to_quit_that_is_none():
    talk = Talk(plan(), GREETING, EHLO, "221?bye")
    assert (talk.last.kind, talk.last.codes) == ("protocol", (221,))
    assert talk.last.cause == "neither space nor hyphen behind the reply code"
