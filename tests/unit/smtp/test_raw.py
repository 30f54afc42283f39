"""Raw commands and the patterns for their replies, as users of check_smtp give them."""

from __future__ import annotations

import base64

import pytest

from helpers.talk import (
    BYE,
    EHLO,
    GO,
    GREETING,
    OK,
    SECONDS,
    SENDER,
    TO,
    UP_TO_EHLO,
    WHOLE,
    Talk,
    closed,
    early,
    plan,
    raw,
    silence,
    unasked,
)
from smtp_status.findings import Finding
from smtp_status.secrets.repetition import HIDDEN
from smtp_status.smtp import patterns
from smtp_status.smtp.patterns import compiled
from smtp_status.smtp.plan import Plan, RawCommand

PASSWORD = "correct horse"
RESPONSE = base64.b64encode(b"\0probe\0" + PASSWORD.encode()).decode()


def commands(*lines: str) -> Plan:
    """Raw commands only, each judged by the reply table."""
    return plan(commands=raw(*((line, None) for line in lines)))


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


@pytest.mark.parametrize("late", [silence(), BYE])
def test_what_answers_the_cancelling_too_late_is_no_reply_to_what_follows(late):
    mail = plan(commands=raw(("AUTH LOGIN", "334")), sender=SENDER)
    talk = Talk(mail, *UP_TO_EHLO, OK, "334 VXNl", silence(waited=2.0), "501 cancelled", late)
    assert talk.commands[-3:] == ["*", "RSET", "QUIT"]
    told = [finding for finding in talk.outcome.findings if finding.stage == "quit"]
    assert [(finding.kind, finding.cause) for finding in told] == [("timeout", "no reply to * for 2.0 s")]


@pytest.mark.parametrize("ends", [(closed(),), ("421 too long", BYE), ("334 what", BYE), ("blah", BYE)])
def test_whatever_answers_the_cancelling_in_time_will_do(ends):
    talk = Talk(plan(commands=raw(("AUTH LOGIN", "334"))), *UP_TO_EHLO, "334 VXNl", *ends)
    assert all(finding.succeeded for finding in talk.outcome.findings)


def test_what_was_answered_is_not_cancelled():
    commands = raw(("AUTH LOGIN", None), ("dXNlcg==", None), ("cGFzcw==", None))
    talk = Talk(plan(commands=commands), *UP_TO_EHLO, "334 VXNl", "334 UGFz", "535 no", BYE)
    assert talk.commands[-2:] == ["cGFzcw==", "QUIT"]


def test_what_answers_a_challenge_is_a_secret():
    lines = ("AUTH LOGIN", "cHJvYmU=", "Y29ycmVjdCBob3JzZQ==")
    talk = Talk(commands(*lines), GREETING, EHLO, "334 a", "334 b", "235 ok", BYE)
    assert talk.commands[1:4] == [*lines]
    assert [line for line in talk.outcome.transcript if line.startswith(">>>")][1:4] == [
        *(">>> AUTH LOGIN", ">>> ***", ">>> ***")
    ]
    assert PASSWORD not in repr(talk.outcome)


@pytest.mark.parametrize("verb", ["AUTH", "auth"])
@pytest.mark.parametrize("echo", [PASSWORD, RESPONSE, PASSWORD.encode().hex(), "***"])
def test_what_comes_along_with_auth_is_a_secret(verb, echo):
    talk = Talk(commands(f"{verb} PLAIN {RESPONSE}"), GREETING, EHLO, f"535 no: {echo}", BYE)
    assert talk.commands[1] == f"{verb} PLAIN {RESPONSE}"
    assert talk.decisive.text == ("no: ***" if echo == "***" else HIDDEN)
    assert talk.decisive.about == f"{verb} PLAIN ***"
    assert f">>> {verb} PLAIN ***" in talk.outcome.transcript


@pytest.mark.parametrize("line", [f" AUTH PLAIN {RESPONSE}", f"AUTH  PLAIN {RESPONSE}", f"  AUTH   PLAIN  {RESPONSE}"])
def test_blanks_that_a_server_may_pass_over_show_nothing(line):
    talk = Talk(commands(line), GREETING, EHLO, f"535 no: {PASSWORD}", BYE)
    assert talk.commands[1] == line
    assert (talk.decisive.kind, talk.decisive.text, talk.decisive.about) == ("failure", HIDDEN, "AUTH PLAIN ***")
    assert ">>> AUTH PLAIN ***" in talk.outcome.transcript


@pytest.mark.parametrize("line", ["AUTH PLAIN", "AUTH PLAIN =", "HELP PLAIN Y29ycmVjdCBob3JzZQ=="])
def test_what_is_no_response_is_no_secret(line):
    talk = Talk(commands(line), GREETING, EHLO, "500 what is = or PLAIN * Y29ycmVjdCBob3JzZQ==", BYE)
    assert talk.decisive.about == line
    assert talk.decisive.text == "what is = or PLAIN * Y29ycmVjdCBob3JzZQ=="


def test_a_response_that_is_no_base64_is_a_secret_as_it_is():
    talk = Talk(commands("AUTH PLAIN open!"), GREETING, EHLO, "535 not open!", BYE)
    assert talk.decisive.text == HIDDEN


def test_a_response_that_cannot_be_decoded_is_a_secret_as_it_is():
    talk = Talk(commands("AUTH PLAIN abcde"), GREETING, EHLO, "535 not abcde", BYE)
    assert talk.decisive.text == HIDDEN
    talk = Talk(commands("AUTH PLAIN abcde"), GREETING, EHLO, "535 not XXXX", BYE)
    assert talk.decisive.text == "not XXXX"


def test_the_user_name_in_a_response_is_no_secret():
    response = base64.b64encode(b"\0quartz77\0" + PASSWORD.encode()).decode()
    talk = Talk(commands(f"AUTH PLAIN {response}"), GREETING, EHLO, "535 no user quartz77", BYE)
    assert talk.decisive.text == "no user quartz77"


def test_a_secret_is_not_named_as_the_command_that_got_no_reply():
    talk = Talk(commands("AUTH LOGIN", "Y29ycmVjdCBob3JzZQ=="), GREETING, EHLO, "334 a", silence(), BYE)
    assert talk.decisive.cause == "no reply to *** for 9.9 s"


def test_a_pattern_that_takes_too_long_is_a_mismatch(monkeypatch):
    def found(_pattern, _lines):
        raise patterns.Overdue

    monkeypatch.setattr(patterns, "found", found)
    talk = Talk(plan(commands=(RawCommand(b"NOOP", compiled("x")),)), GREETING, EHLO, OK, BYE)
    assert (talk.decisive.kind, talk.decisive.cause) == ("mismatch", "-R takes too long to search this")


def test_a_star_cancels_and_is_no_secret():
    talk = Talk(commands("AUTH LOGIN", "*"), GREETING, EHLO, "334 a", "501 * it is", BYE)
    assert talk.decisive.text == "* it is"
    assert ">>> *" in talk.outcome.transcript


def test_only_raw_commands_of_stage_command_are_named():
    talk = Talk(commands("DATA", "."), GREETING, EHLO, "354 go", "550 5.7.1 no", BYE)
    assert talk.decisive == Finding("message", "failure", (550,), "5.7.1 no", seconds=SECONDS)
    talk = Talk(commands("DATA", "."), GREETING, EHLO, "354 go", silence(), BYE)
    assert talk.decisive.cause == "no reply for 9.9 s after the final dot"
    pattern = plan(commands=(RawCommand(b"VRFY bob", compiled("^550")),))
    talk = Talk(pattern, GREETING, EHLO, "550 no", BYE)
    assert talk.decisive == Finding("command", "success", (550,), "no", about="VRFY bob", seconds=SECONDS)


@pytest.mark.parametrize("code", [200, 259, 300])
def test_a_raw_message_that_was_accepted_is_not_reset(code):
    pattern = compiled(str(code))
    mail = (RawCommand(b"MAIL FROM:<>"), RawCommand(b"DATA"), RawCommand(b".", pattern))
    talk = Talk(
        plan(commands=mail),
        *(GREETING, EHLO, OK, "354 go", f"{code} done"),
        *([BYE] if code < 300 else [OK, BYE]),
    )
    assert talk.verbs == "EHLO MAIL DATA ." + (" QUIT" if code < 300 else " RSET QUIT")


def test_a_pattern_sees_octets_that_are_not_utf_8():
    pattern = compiled(r"\\xff")
    talk = Talk(plan(commands=(RawCommand(b"NOOP", pattern),)), GREETING, EHLO, b"250 \xff", BYE)
    assert talk.decisive.kind == "success"


def test_a_pattern_does_not_judge_what_came_before_the_command():
    pattern = compiled("[0-9]{3}")
    talk = Talk(plan(commands=(RawCommand(b"NOOP", pattern),)), GREETING, EHLO, unasked("421 closing"), BYE)
    assert talk.decisive == Finding("command", "error", (421,), "closing", about="NOOP", seconds=9999.0)
    talk = Talk(plan(commands=(RawCommand(b"NOOP", pattern),)), GREETING, EHLO, early("250 ok"))
    assert (talk.decisive.kind, talk.decisive.codes) == ("protocol", (250,))
