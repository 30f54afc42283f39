"""MAIL with its parameters, several recipients, the message, and LMTP's reply for each recipient."""

from __future__ import annotations

import re

import pytest

from helpers.talk import (
    BYE,
    EHLO,
    GO,
    GREETING,
    OK,
    OTHER,
    SECONDS,
    TO,
    UP_TO_EHLO,
    WHOLE,
    Talk,
    broken,
    closed,
    early,
    plan,
    silence,
)
from smtp_status.findings import Finding
from smtp_status.smtp.actions import Ask
from smtp_status.smtp.address import parse
from smtp_status.smtp.transaction import MESSAGE_LINES_SHOWN


def test_only_the_message_is_timed_from_its_first_octet():
    talk = Talk(plan(TO), *WHOLE)
    exchanges = [action for action in talk.actions if isinstance(action, Ask)]
    assert [action.from_first_octet for action in exchanges] == [False] * 5 + [True, False]


def test_size_counts_what_is_sent_without_dots():
    talk = Talk(plan(TO, text="Subject: x\n\n.a\n..b\n"), *WHOLE)
    stuffed = talk.sent[4].removesuffix(b".\r\n")
    assert stuffed.endswith(b"\r\n..a\r\n...b\r\n")
    assert talk.commands[1] == f"MAIL FROM:<from@example.org> SIZE={len(stuffed) - 2}"


def test_size_is_declared_also_where_it_is_too_large():
    refusal = "552 5.3.4 too big"
    talk = Talk(plan(TO), GREETING, "250-mx1\n250 SIZE 10", refusal, BYE)
    assert re.fullmatch(r"MAIL FROM:<from@example\.org> SIZE=\d+", talk.commands[1])
    assert talk.last == Finding("mail", "failure", (552,), "5.3.4 too big", seconds=SECONDS)


@pytest.mark.parametrize(
    ("offered", "parameters"),
    [
        ("250-mx1\n250 8BITMIME", " BODY=8BITMIME"),
        ("250-mx1\n250-smtputf8\n250 8bitmime", " BODY=8BITMIME"),
        ("250-mx1\n250 SMTPUTF8", ""),
    ],
)
def test_eight_bit_body(offered, parameters):
    message = plan(TO, text="Subject: x\n\ngrün")
    talk = Talk(message, GREETING, offered, OK, OK, GO, OK, BYE)
    assert talk.commands[1] == f"MAIL FROM:<from@example.org>{parameters}"


def test_eight_bit_body_without_an_extension_for_it():
    talk = Talk(plan(TO, text="Subject: x\n\ngrün"), GREETING, "250-mx1\n250 SIZE", BYE)
    assert talk.verbs == "EHLO QUIT"
    assert talk.last == Finding("mail", "missing", cause="8BITMIME not offered, but the message is not ASCII")
    assert talk.outcome.total == 3.0


@pytest.mark.parametrize(
    "wanted",
    [
        plan(TO, text="Subject: grün\n\nbody"),
        plan(parse("grün@example.org"), text="Subject: x\n\nbody"),
        plan(TO, sender=parse("grün@example.org")),
        plan(sender=parse("grün@example.org")),
    ],
)
def test_smtputf8(wanted):
    talk = Talk(wanted, GREETING, "250-mx1\n250-8BITMIME\n250 SMTPUTF8", "550 no", BYE)
    assert talk.commands[1].endswith(" SMTPUTF8")
    without = Talk(wanted, GREETING, "250-mx1\n250 8BITMIME", BYE)
    assert without.verbs == "EHLO QUIT"
    cause = "SMTPUTF8 not offered, but an address or header is not ASCII"
    assert without.last == Finding("mail", "missing", cause=cause)


def test_several_recipients_one_refused():
    talk = Talk(plan(TO, OTHER), *UP_TO_EHLO, OK, OK, "550 5.1.1 unknown", GO, OK, BYE)
    assert talk.verbs == "EHLO MAIL RCPT RCPT DATA <message> QUIT"
    assert talk.outcome.findings[4:6] == (
        Finding("rcpt", "success", (250,), "2.0.0 Ok", about="to@example.org", seconds=SECONDS),
        Finding("rcpt", "failure", (550,), "5.1.1 unknown", about="other@example.org", seconds=SECONDS),
    )
    assert talk.times["rcpt"] == 2 * SECONDS
    # Something was wrong before: QUIT is said, but not judged.
    assert "quit" not in talk.times
    assert talk.last.stage == "message"


def test_all_recipients_refused_no_data():
    talk = Talk(plan(TO, OTHER), *UP_TO_EHLO, OK, "550 no", "450 later", OK, BYE)
    assert talk.verbs == "EHLO MAIL RCPT RCPT RSET QUIT"
    assert [finding.kind for finding in talk.outcome.findings[-2:]] == ["failure", "failure"]


def test_one_recipient_is_not_named():
    talk = Talk(plan(TO), *UP_TO_EHLO, OK, "550 no", OK, BYE)
    assert talk.last.about == ""


def test_421_at_a_recipient_ends_it():
    talk = Talk(plan(TO, OTHER), *UP_TO_EHLO, OK, "421 4.3.2 going down", closed(sending=True))
    assert talk.verbs == "EHLO MAIL RCPT RSET"
    assert talk.last == Finding("rcpt", "error", (421,), "4.3.2 going down", about="to@example.org", seconds=SECONDS)


def test_a_recipient_that_gets_no_reply_takes_the_stage_time():
    talk = Talk(plan(TO, OTHER), *UP_TO_EHLO, OK, OK, silence(), silence(), silence())
    assert "rcpt" not in talk.times
    assert talk.last == Finding("rcpt", "timeout", cause="no reply to RCPT for 9.9 s")


@pytest.mark.parametrize("code", [250, 220, 334, 355])
def test_only_354_asks_for_the_message(code):
    talk = broken(4, f"{code} fine", OK, BYE)
    assert talk.verbs == "EHLO MAIL RCPT DATA RSET QUIT"
    assert (talk.last.kind, talk.last.cause) == ("protocol", "not a reply to DATA")
    assert "data" not in talk.times


def test_refused_while_the_message_is_sent():
    talk = broken(5, early("552 5.3.4 too big"))
    assert talk.last == Finding("message", "failure", (552,), "5.3.4 too big", seconds=SECONDS)
    assert talk.times["message"] == SECONDS
    # What is sent now would be message.
    assert talk.verbs.endswith("DATA <message>")


def test_accepted_while_the_message_is_sent():
    talk = broken(5, early("250 thank you"))
    assert talk.last.kind == "protocol"
    assert talk.last.cause == "accepted before all of the message was sent"
    assert "message" not in talk.times


def test_lmtp_one_reply_for_each_recipient():
    talk = Talk(plan(TO, OTHER, lmtp=True), GREETING, EHLO, OK, OK, OK, GO, "250 2.1.5 for to", "550 5.2.2 full", BYE)
    assert talk.verbs == "LHLO MAIL RCPT RCPT DATA <message> QUIT"
    assert talk.outcome.findings[-2:] == (
        Finding("message", "success", (250,), "2.1.5 for to", about="to@example.org", seconds=SECONDS),
        Finding("message", "failure", (550,), "5.2.2 full", about="other@example.org", seconds=SECONDS),
    )
    assert talk.times["message"] == 2 * SECONDS


def test_lmtp_refused_recipients_get_no_reply():
    talk = Talk(plan(TO, OTHER, lmtp=True), GREETING, EHLO, OK, "550 no", OK, GO, "250 fine", BYE)
    assert [(finding.kind, finding.about) for finding in talk.outcome.findings[-3:]] == [
        ("success", "other@example.org"),
        ("success", ""),
        ("success", "other@example.org"),
    ]


def test_lmtp_all_refused_at_the_message():
    talk = Talk(plan(TO, OTHER, lmtp=True), GREETING, EHLO, OK, OK, OK, GO, "450 later", "550 never", OK, BYE)
    assert talk.verbs.endswith("<message> RSET QUIT")


def test_lmtp_421_ends_it():
    talk = Talk(plan(TO, OTHER, lmtp=True), GREETING, EHLO, OK, OK, OK, GO, "421 bye", closed(sending=True))
    assert talk.last == Finding("message", "error", (421,), "bye", about="to@example.org", seconds=SECONDS)


def test_lmtp_early_reply_ends_it():
    talk = Talk(plan(TO, OTHER, lmtp=True), GREETING, EHLO, OK, OK, OK, GO, early("552 too big"))
    assert talk.last == Finding("message", "failure", (552,), "too big", about="to@example.org", seconds=SECONDS)


def test_lmtp_missing_reply():
    talk = Talk(plan(TO, OTHER, lmtp=True), GREETING, EHLO, OK, OK, OK, GO, OK, silence(), silence())
    assert talk.last == Finding(
        "message",
        "timeout",
        cause="1 of 2 replies came, none for other@example.org: no reply for 9.9 s after the final dot",
    )
    assert "message" not in talk.times
    assert talk.verbs.endswith("<message> QUIT")


def test_a_message_that_just_fits_the_transcript_is_shown_whole():
    shortest = plan(TO, text="x")
    head = len(shortest.message.head_lines(1000)) - 1
    for more, octets in ((0, False), (1, True)):
        wanted = plan(TO, text="\n".join("x" * (MESSAGE_LINES_SHOWN - head + more)))
        talk = Talk(wanted, GREETING, EHLO, OK, OK, "354 go", OK, BYE)
        assert (f">>> ... {wanted.message.size} octets in all" in talk.outcome.transcript) is octets
        assert talk.outcome.transcript.count(">>> x") == MESSAGE_LINES_SHOWN - head


def test_a_single_recipient_is_not_named_with_lmtp_either():
    talk = Talk(plan(TO, lmtp=True), GREETING, EHLO, OK, OK, "354 go", "550 no", OK, BYE)
    assert talk.decisive == Finding("message", "failure", (550,), "no", seconds=SECONDS)


def test_smtputf8_comes_last():
    sender = parse("übel@example.org")
    talk = Talk(plan(sender=sender), GREETING, EHLO, OK, OK, BYE)
    assert talk.sent[1] == "MAIL FROM:<übel@example.org> SMTPUTF8\r\n".encode()
