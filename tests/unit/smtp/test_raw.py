"""Raw commands and the patterns for their replies, as users of check_smtp give them."""

from __future__ import annotations

import pytest

from helpers.talk import (
    BYE,
    GO,
    OK,
    SECONDS,
    SENDER,
    TO,
    UP_TO_EHLO,
    WHOLE,
    Talk,
    plan,
    raw,
)
from smtp_status.findings import Finding


def test_raw_commands_as_check_smtp_sends_them():
    commands = raw(("RCPT TO:<x@example.org>", "250"), ("DATA", "354"), (".", "250"))
    talk = Talk(plan(sender=SENDER, commands=commands), *UP_TO_EHLO, OK, OK, GO, "250 queued", BYE)
    assert talk.commands[1:] == ["MAIL FROM:<from@example.org>", "RCPT TO:<x@example.org>", "DATA", ".", "QUIT"]
    assert [stage for stage, _ in talk.stages] == [
        *("connect", "banner", "ehlo", "mail", "rcpt", "data", "message", "quit")
    ]
    assert talk.times["message"] == SECONDS


def test_raw_commands_come_after_the_transaction():
    talk = Talk(plan(TO, commands=raw(("NOOP", None))), *WHOLE[:-1], OK, BYE)
    assert talk.verbs.endswith("<message> NOOP QUIT")


def test_the_first_raw_command_that_fails_ends_it():
    commands = raw(("VRFY a", None), ("VRFY b", None), ("NOOP", None))
    talk = Talk(plan(commands=commands), *UP_TO_EHLO, OK, "550 unknown", BYE)
    assert talk.verbs == "EHLO VRFY VRFY QUIT"
    assert talk.last == Finding("command", "failure", (550,), "unknown", about="VRFY b", seconds=SECONDS)
    assert talk.times["command"] == 2 * SECONDS


@pytest.mark.parametrize(
    ("line", "answer", "kind"),
    [
        ("NOOP", "250 ok", "success"),
        ("NOOP", "354 ok", "protocol"),
        ("noop", "500 what?", "error"),
        ("HELP", "214 read", "success"),
        ("HELP", "250 read", "protocol"),
        ("EXPN list", "252 no", "success"),
        ("ETRN example.org", "250 ok", "success"),
        ("ETRN example.org", "458 no", "failure"),
        ("XCLIENT NAME=x", "220 hello", "success"),
        ("TURN", "502 no", "failure"),
        ("AUTH LOGIN", "334 VXNlcm5hbWU6", "success"),
        ("AUTH LOGIN", "535 no", "failure"),
        ("dXNlcg==", "334 UGFzc3dvcmQ6", "success"),
    ],
)
def test_raw_reply_by_the_table(line, answer, kind):
    cancelled = ["501 cancelled"] if answer.startswith("334") else []
    talk = Talk(plan(commands=raw((line, None))), *UP_TO_EHLO, answer, *cancelled, BYE)
    assert (talk.decisive.stage, talk.decisive.kind, talk.decisive.about) == ("command", kind, line)


@pytest.mark.parametrize(
    ("pattern", "answer", "kind"),
    [
        ("250", "250 ok", "success"),
        ("250", "550 not 250", "mismatch"),
        ("55[0-9]", "550 unknown", "success"),
        ("unknown$", "550 unknown", "success"),
        ("^two", "250-one\n250 two", "mismatch"),
        ("250 two", "250-one\n250 two", "success"),
        ("one$", "250-one\n250 two", "success"),
        ("one[[:space:]]250", "250-one\n250 two", "mismatch"),
        ("1|2", "250 ok", "success"),
        ("nothing", "250 ok", "mismatch"),
        ("4", "250 4", "mismatch"),
    ],
)
def test_raw_reply_by_its_pattern(pattern, answer, kind):
    talk = Talk(plan(commands=raw(("XTEST", pattern))), *UP_TO_EHLO, answer, BYE)
    assert talk.decisive.kind == kind
    assert talk.decisive.cause == ("" if kind == "success" else "not as -R expects")
    assert talk.decisive.codes == (int(answer[:3]),)


def test_a_pattern_can_want_a_refusal():
    talk = Talk(plan(sender=SENDER, commands=raw(("RCPT TO:<x@y>", "55"))), *UP_TO_EHLO, OK, "554 no", OK, BYE)
    assert all(finding.succeeded for finding in talk.outcome.findings)
    assert talk.verbs == "EHLO MAIL RCPT RSET QUIT"


def test_raw_mail_is_reset():
    talk = Talk(plan(commands=raw(("mail from:<>", None))), *UP_TO_EHLO, OK, OK, BYE)
    assert talk.verbs == "EHLO mail RSET QUIT"
    assert talk.decisive.stage == "mail"


def test_raw_mail_after_a_message_is_reset_too():
    talk = Talk(plan(TO, commands=raw(("MAIL FROM:<>", None))), *WHOLE[:-1], OK, OK, BYE)
    assert talk.verbs.endswith("<message> MAIL RSET QUIT")


def test_raw_data_alone_closes():
    talk = Talk(plan(sender=SENDER, commands=raw(("DATA", None))), *UP_TO_EHLO, OK, GO)
    assert talk.verbs == "EHLO MAIL DATA"


def test_raw_quit_is_not_said_twice():
    talk = Talk(plan(commands=raw(("QUIT", None))), *UP_TO_EHLO, BYE)
    assert talk.verbs == "EHLO QUIT"
    assert talk.last == Finding("command", "success", (221,), "2.0.0 Bye", about="QUIT", seconds=SECONDS)


def test_raw_replies_that_are_no_replies():
    talk = Talk(plan(commands=raw(("XTEST", "hello"))), *UP_TO_EHLO, "hello", BYE)
    assert (talk.last.kind, talk.last.cause) == ("protocol", "no reply code")


@pytest.mark.parametrize(
    ("stage", "sent"),
    [("command", "NOOP NOOP"), ("mail", "NOOP NOOP MAIL"), ("rcpt", "NOOP NOOP MAIL RCPT RCPT")],
)
def test_quit_after_a_run_of_raw_commands(stage, sent):
    lines = ["NOOP", "NOOP", "MAIL FROM:<>", "RCPT TO:<a@b>", "RCPT TO:<c@d>", "DATA", ".", "RCPT TO:<e@f>"]
    commands = raw(*((line, None) for line in lines))
    count = len(sent.split())
    goodbye = [OK, BYE] if "MAIL" in sent else [BYE]
    talk = Talk(plan(commands=commands, quit_after=stage), *UP_TO_EHLO, *[OK] * count, *goodbye)
    assert talk.verbs == f"EHLO {sent} {'RSET ' if 'MAIL' in sent else ''}QUIT"


@pytest.mark.parametrize("more", [{}, {"quit_after": "command"}])
def test_a_login_that_was_begun_is_cancelled_before_quit(more):
    """Else the server takes QUIT for the user's name, which is base64, and asks for the password."""
    commands = raw(("AUTH LOGIN", "334"))
    talk = Talk(plan(commands=commands, **more), *UP_TO_EHLO, "334 VXNlcm5hbWU6", "501 cancelled", BYE)
    assert talk.commands[-3:] == ["AUTH LOGIN", "*", "QUIT"]
    assert [finding.stage for finding in talk.outcome.findings[-2:]] == ["command", "quit"]
    assert all(finding.succeeded for finding in talk.outcome.findings)


def test_what_was_answered_is_not_cancelled():
    commands = raw(("AUTH LOGIN", None), ("dXNlcg==", None), ("cGFzcw==", None))
    talk = Talk(plan(commands=commands), *UP_TO_EHLO, "334 VXNl", "334 UGFz", "535 no", BYE)
    assert talk.commands[-2:] == ["cGFzcw==", "QUIT"]
