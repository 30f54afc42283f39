"""The conversation without a socket: results from a list in, actions and findings out."""

from __future__ import annotations

import base64
import re
import socket

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.talk import (
    BYE,
    EHLO,
    GREETING,
    LOOPBACK,
    OTHER,
    PEER,
    SECONDS,
    SENDER,
    TARGET,
    TO,
    Talk,
    closed,
    early,
    plan,
    reply,
    silence,
    surplus,
    unasked,
)
from smtp_status.findings import Address, Failure, Finding, Target
from smtp_status.sasl.credentials import Credentials, Secret
from smtp_status.smtp import dialogue
from smtp_status.smtp.actions import Answered, Ask, Connected, Handshake, Tell
from smtp_status.smtp.address import parse
from smtp_status.smtp.command import RawCommand
from smtp_status.smtp.patterns import compiled
from smtp_status.smtp.plan import Plan
from smtp_status.smtp.route import Route
from smtp_status.stages import STAGES
from smtp_status.tls.plan import TlsPlan
from smtp_status.tls.policy import TlsPolicy

OK = "250 2.0.0 Ok"
GO = "354 go ahead"
UP_TO_EHLO = (GREETING, EHLO)
UP_TO_RCPT = (GREETING, EHLO, OK, OK)
WHOLE = (GREETING, EHLO, OK, OK, GO, "250 2.0.0 Ok: queued as 4Vx1", BYE)
BARE = "250 mx1"


def raw(*pairs: tuple[str, str | None]) -> tuple[RawCommand, ...]:
    return tuple(RawCommand(line.encode(), None if wanted is None else compiled(wanted)) for line, wanted in pairs)


# -- the whole transaction


def test_whole_transaction():
    talk = Talk(plan(TO), *WHOLE)
    assert talk.commands == [
        "EHLO probe.example.org",
        f"MAIL FROM:<from@example.org> SIZE={len(talk.sent[4]) - 3}",
        "RCPT TO:<to@example.org>",
        "DATA",
        "<message>",
        "QUIT",
    ]
    assert talk.sent[4].startswith(b"Subject: x\r\n")
    assert talk.sent[4].endswith(b"\r\n\r\nbody\r\n.\r\n")
    assert talk.stages == [
        (stage, "success") for stage in ("connect", "banner", "ehlo", "mail", "rcpt", "data", "message", "quit")
    ]
    assert talk.outcome.findings[6] == Finding(
        "message", "success", (250,), "2.0.0 Ok: queued as 4Vx1", seconds=SECONDS
    )
    assert list(talk.times.items()) == [
        (stage, SECONDS) for stage in ("connect", "banner", "ehlo", "mail", "rcpt", "data", "message", "quit")
    ]
    assert talk.outcome.address == PEER
    assert talk.outcome.target == TARGET


def test_total_ends_with_the_reply_to_the_message():
    # connect, banner, EHLO, MAIL, RCPT, DATA, message: a second each; QUIT does not count
    assert Talk(plan(TO), *WHOLE).outcome.total == 7.0


def test_only_the_message_is_timed_from_its_first_octet():
    talk = Talk(plan(TO), *WHOLE)
    exchanges = [action for action in talk.actions if isinstance(action, Ask)]
    assert [action.from_first_octet for action in exchanges] == [False] * 5 + [True, False]


def test_nothing_is_waited_for_longer_than_the_deadline_but_quit():
    talk = Talk(plan(TO), *WHOLE)
    assert talk.limits == [None] * 6 + [2.0]
    assert talk.strict == [True] * 7


def test_transcript():
    talk = Talk(plan(TO), *WHOLE)
    transcript = talk.outcome.transcript
    assert transcript[:2] == ("<<< 220 mx1 ESMTP", ">>> EHLO probe.example.org")
    assert transcript[2:6] == ("<<< 250-mx1", "<<< 250-SIZE 10240000", "<<< 250-8BITMIME", "<<< 250 SMTPUTF8")
    assert ">>> Subject: x" in transcript
    assert transcript[-6:] == (
        ">>> ",
        ">>> body",
        ">>> .",
        "<<< 250 2.0.0 Ok: queued as 4Vx1",
        ">>> QUIT",
        "<<< 221 2.0.0 Bye",
    )


def test_transcript_of_a_long_message_and_a_long_reply():
    greeting = "\n".join(f"220-{number}" for number in range(299)) + "\n220 end"
    talk = Talk(plan(TO, text="Subject: x\n\n" + "line\n" * 100), greeting, *WHOLE[1:])
    transcript = talk.outcome.transcript
    assert transcript[:201] == (*(f"<<< 220-{number}" for number in range(200)), "<<< ... 300 lines in all")
    data = transcript.index(">>> DATA")
    assert transcript[data + 2 + 30] == f">>> ... {len(talk.sent[4]) - 3} octets in all"
    assert transcript[data + 2 + 31] == ">>> ."


def test_server_text_is_made_harmless():
    talk = Talk(plan(), b"220 \x1b[31m|<a>&\xff\\n", EHLO, BYE)
    assert talk.outcome.transcript[0] == "<<< 220 ␛[31m¦‹a›＆‹FF›∖n"
    assert talk.outcome.findings[1].text == "␛[31m¦a＆‹FF›∖n"


def test_lines_of_a_reply_are_joined():
    talk = Talk(plan(TO), GREETING, EHLO, "550-5.7.1 not\n550-5.7.1   today\n550 5.7.1 sorry", BYE)
    assert talk.last == Finding("mail", "failure", (550,), "5.7.1 not 5.7.1 today 5.7.1 sorry", seconds=SECONDS)


def test_without_sender_and_recipients_there_is_no_mail():
    talk = Talk(plan(), *UP_TO_EHLO, BYE)
    assert talk.verbs == "EHLO QUIT"
    assert talk.outcome.total == 3.0


def test_sender_alone_ends_before_rcpt():
    talk = Talk(plan(sender=SENDER), *UP_TO_EHLO, OK, OK, BYE)
    assert talk.commands[1:] == ["MAIL FROM:<from@example.org>", "RSET", "QUIT"]
    assert talk.decisive.stage == "mail"


def test_recipients_without_sender_use_the_null_path():
    talk = Talk(plan(TO, sender=None), GREETING, BARE, OK, "550 no", OK, BYE)
    assert talk.commands[1] == "MAIL FROM:<>"


def test_dns_comes_first_where_a_name_was_looked_up():
    talk = Talk(plan(), *UP_TO_EHLO, BYE, target=TARGET._replace(dns_seconds=0.5))
    assert talk.outcome.findings[0] == Finding("dns", "success", cause="192.0.2.10", seconds=0.5)
    assert list(talk.times)[:2] == ["dns", "connect"]


# -- connect


def test_connect_fails():
    failure = Failure("refused", "connection refused by 192.0.2.10 port 25")
    talk = Talk(plan(TO), connected=failure)
    assert talk.outcome.findings == (Finding("connect", "refused", cause="connection refused by 192.0.2.10 port 25"),)
    assert talk.times == {}
    assert talk.outcome.total == 1.0
    assert talk.outcome.address is None


def test_addresses_that_failed_before_are_details():
    failed = (Failure("refused", "connection refused by 192.0.2.10 port 25"),)
    connected = Connected(LOOPBACK, ("127.0.0.1", 4), SECONDS, 0.0, failed)
    talk = Talk(plan(), *UP_TO_EHLO, BYE, connected=connected)
    assert talk.outcome.details == (
        "connect: connection refused by 192.0.2.10 port 25",
        "clock: kernel for 0 of 3 replies",
    )
    assert talk.outcome.address == LOOPBACK


# -- the greeting


@pytest.mark.parametrize(
    ("greeting", "kind", "cause"),
    [
        ("554 5.7.1 go away", "failure", ""),
        ("421 4.3.2 busy", "failure", ""),
        ("450 later", "failure", ""),
        ("250 hello", "protocol", "not a greeting"),
        ("221 bye", "protocol", "not a greeting"),
        ("354 go", "protocol", "not a greeting"),
        ("SSH-2.0-OpenSSH", "protocol", "no reply code"),
        ("220-a\n250 b", "protocol", "lines of one reply have different codes, 220 and 250"),
    ],
)
def test_greeting_that_does_not_greet(greeting, kind, cause):
    talk = Talk(plan(TO), greeting, BYE)
    assert talk.verbs == "QUIT"
    assert talk.stages == [("connect", "success"), ("banner", kind)]
    assert talk.last.cause == cause
    assert ("banner" in talk.times) == (kind != "protocol")
    assert talk.limits == [None, 2.0]
    assert talk.strict == [True, False]


@pytest.mark.parametrize(
    ("expected", "greeting", "kind"),
    [
        ("ESMTP", "220 mx1 ESMTP", "success"),
        ("ESMTP", "220-mx1\n220 ESMTP", "success"),
        ("Postfix", "220 mx1 ESMTP", "mismatch"),
        ("ESMTP", "554 mx1 ESMTP", "failure"),
        ("ESMTP", "250 mx1 ESMTP", "protocol"),
        ("220", "220 mx1 ESMTP", "success"),
        ("220 mx1", "220 mx1 ESMTP", "success"),
        ("220 mx2", "220 mx1 ESMTP", "mismatch"),
        ("554", "554 no service", "success"),
        ("554", "220 mx1 ESMTP", "mismatch"),
        ("220", "554 not 220", "mismatch"),
        ("20 mx1", "220 mx1 ESMTP", "success"),
        ("220 b", "220-a\n220 b", "success"),
        ("grüß", "220 grüß", "success"),
    ],
)
def test_expected_greeting(expected, greeting, kind):
    talk = Talk(plan(expect=expected), greeting, *([EHLO] if kind == "success" else []), BYE)
    assert talk.outcome.findings[1].kind == kind
    if kind == "mismatch":
        assert talk.last.cause == f"greeting without {expected}"
        assert talk.last.codes == (int(greeting[:3]),)
        assert talk.times["banner"] == SECONDS


# -- EHLO


@pytest.mark.parametrize("code", [500, 502, 504])
def test_helo_after(code):
    talk = Talk(plan(TO), GREETING, f"{code} what?", "250 mx1", OK, OK, GO, OK, BYE)
    assert talk.verbs == "EHLO HELO MAIL RCPT DATA <message> QUIT"
    assert talk.commands[1] == "HELO probe.example.org"
    assert talk.commands[2] == "MAIL FROM:<from@example.org>"
    assert talk.times["ehlo"] == 2 * SECONDS
    assert all(finding.succeeded for finding in talk.outcome.findings)
    assert [stage for stage, _ in talk.stages].count("ehlo") == 1


@pytest.mark.parametrize("code", [501, 503, 530, 550, 554, 450, 421, 220, 354])
def test_no_helo_after(code):
    talk = Talk(plan(TO), GREETING, f"{code} no", BYE)
    assert talk.verbs == "EHLO QUIT"
    assert talk.last.stage == "ehlo"
    assert talk.last.kind == ("protocol" if code < 400 else "error" if code in (501, 421) else "failure")


def test_helo_refused_too():
    talk = Talk(plan(), GREETING, "502 no", "550 go away", BYE)
    assert talk.last == Finding("ehlo", "failure", (550,), "go away", seconds=SECONDS)


def test_lhlo_without_helo():
    talk = Talk(plan(lmtp=True), GREETING, "500 what?", BYE)
    assert talk.commands == ["LHLO probe.example.org", "QUIT"]
    assert talk.last.kind == "error"


def test_helo_knows_no_extensions():
    tls = TlsPlan("starttls")
    talk = Talk(plan(tls=tls), GREETING, "502-no\n502 STARTTLS", "250-mx1\n250 STARTTLS", BYE)
    assert talk.verbs == "EHLO HELO QUIT"
    assert talk.last == Finding("starttls", "missing", cause="STARTTLS not offered")


@pytest.mark.parametrize(
    ("own", "name"),
    [("192.0.2.99", "[192.0.2.99]"), ("2001:db8::1", "[IPv6:2001:db8::1]"), ("", "localhost")],
)
def test_name_of_an_unnamed_host(own, name):
    connected = Connected(PEER, (own, 40000), SECONDS, 0.0)
    talk = Talk(plan(helo=None), *UP_TO_EHLO, BYE, connected=connected)
    assert talk.commands[0] == f"EHLO {name}"


# -- MAIL's parameters


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


# -- recipients


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


# -- 421, faults and the wrong reply at every stage


def broken(stage: int, *end: object) -> Talk:
    """A transaction that goes well up to the reply number ``stage``."""
    return Talk(plan(TO), *WHOLE[:stage], *end)


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
        (silence(sending=True, waited=3.0), "the message not taken by the server within 3.0 s"),
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
        (silence(sending=True, waited=3.0), "MAIL not taken by the server within 3.0 s"),
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


@pytest.mark.parametrize("code", [250, 220, 334, 355])
def test_only_354_asks_for_the_message(code):
    talk = broken(4, f"{code} fine", OK, BYE)
    assert talk.verbs == "EHLO MAIL RCPT DATA RSET QUIT"
    assert (talk.last.kind, talk.last.cause) == ("protocol", "not a reply to DATA")
    assert "data" not in talk.times


@pytest.mark.parametrize(("number", "stage"), [(2, "mail"), (3, "rcpt"), (5, "message")])
def test_any_2yz_will_do_for(number, stage):
    talk = Talk(plan(TO), *WHOLE[:number], "251 fine", *WHOLE[number + 1 :])
    assert all(finding.succeeded for finding in talk.outcome.findings)


# -- early replies to the message


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


# -- the farewell


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


def test_rset_and_quit_share_their_two_seconds():
    talk = Talk(plan(TO), *UP_TO_EHLO, OK, "550 no", OK, BYE)
    assert talk.limits[-2:] == [2.0, 1.0]  # each action of these tests takes a second


def test_after_a_failure_nothing_at_quit_counts():
    talk = Talk(plan(TO), *UP_TO_EHLO, OK, "550 no", closed())
    assert talk.last.stage == "rcpt"
    talk = Talk(plan(TO), *UP_TO_EHLO, OK, "550 no", OK, "500 what?")
    assert talk.last.stage == "rcpt"
    assert talk.strict[-2:] == [False, False]


# -- --quit-after


@pytest.mark.parametrize(
    ("stage", "script", "verbs"),
    [
        ("connect", (), ""),
        ("banner", (GREETING, BYE), "QUIT"),
        ("ehlo", (*UP_TO_EHLO, BYE), "EHLO QUIT"),
        ("mail", (*UP_TO_EHLO, OK, OK, BYE), "EHLO MAIL RSET QUIT"),
        ("rcpt", (*UP_TO_RCPT, OK, BYE), "EHLO MAIL RCPT RSET QUIT"),
        ("data", (*UP_TO_RCPT, GO), "EHLO MAIL RCPT DATA"),
        ("message", WHOLE, "EHLO MAIL RCPT DATA <message> QUIT"),
    ],
)
def test_quit_after(stage, script, verbs):
    talk = Talk(plan(TO, quit_after=stage), *script)
    assert talk.verbs == verbs
    assert talk.decisive.stage == stage
    assert all(finding.succeeded for finding in talk.outcome.findings)


def test_quit_after_dns():
    talk = Talk(plan(TO, quit_after="dns"), target=TARGET._replace(dns_seconds=0.5))
    assert talk.actions == []
    assert talk.stages == [("dns", "success")]
    assert talk.outcome.total == 0.5


def test_quit_after_rcpt_looks_at_all_recipients():
    talk = Talk(plan(TO, OTHER, quit_after="rcpt"), *UP_TO_EHLO, OK, "550 no", OK, OK, BYE)
    assert talk.verbs == "EHLO MAIL RCPT RCPT RSET QUIT"


def test_quit_after_a_stage_that_failed():
    talk = Talk(plan(TO, quit_after="mail"), *UP_TO_EHLO, "550 no", BYE)
    assert talk.verbs == "EHLO MAIL QUIT"
    assert talk.last.kind == "failure"


# -- LMTP


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
    assert talk.last == Finding("message", "timeout", cause="no reply for 9.9 s after the final dot")
    assert "message" not in talk.times
    assert talk.verbs.endswith("<message> QUIT")


# -- PROXY


@pytest.mark.parametrize(
    ("proxy", "header"),
    [
        ((), b"PROXY TCP4 192.0.2.99 192.0.2.10 40000 25\r\n"),
        (("2001:db8::1", 1, "2001:db8::2", 25), b"PROXY TCP6 2001:db8::1 2001:db8::2 1 25\r\n"),
        (("198.51.100.1", 0, "198.51.100.2", 65535), b"PROXY TCP4 198.51.100.1 198.51.100.2 0 65535\r\n"),
    ],
)
def test_proxy(proxy, header):
    talk = Talk(plan(proxy=proxy), *UP_TO_EHLO, BYE)
    assert talk.actions[1] == Tell(header)
    assert talk.outcome.transcript[0] == f">>> {header.decode().strip()}"
    assert talk.times["banner"] == SECONDS


def test_proxy_names_no_zone():
    where = Address(10, ("fe80::2%eth0", 25, 0, 2), "fe80::2%eth0", 25)
    connected = Connected(where, ("fe80::1", 40000), SECONDS, 0.0)
    talk = Talk(plan(proxy=()), *UP_TO_EHLO, BYE, target=Target("mx1", (where,)), connected=connected)
    assert talk.actions[1] == Tell(b"PROXY TCP6 fe80::1 fe80::2 40000 25\r\n")


def test_proxy_on_a_socket_path():
    where = Address(1, "/run/lmtp", "/run/lmtp", 0)
    connected = Connected(where, ("", 0), SECONDS, 0.0)
    talk = Talk(plan(proxy=()), *UP_TO_EHLO, BYE, target=Target("/run/lmtp", (where,)), connected=connected)
    assert talk.actions[1] == Tell(b"PROXY UNKNOWN\r\n")


def test_proxy_comes_before_tls():
    talk = Talk(plan(proxy=(), tls=TlsPlan("ssl")), *UP_TO_EHLO, BYE)
    assert [type(action).__name__ for action in talk.actions[:4]] == ["Connect", "Tell", "Handshake", "Ask"]


def test_proxy_header_not_taken():
    talk = Talk(plan(proxy=()), told=closed(sending=True))
    assert talk.last == Finding("banner", "closed", cause="connection closed by the server while PROXY was sent")


# -- raw commands


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
    talk = Talk(plan(commands=raw((line, None))), *UP_TO_EHLO, answer, BYE)
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


# -- STARTTLS and TLS from the first byte

STARTTLS = "250-mx1\n250-STARTTLS\n250-SIZE\n250 AUTH PLAIN"
SECURE = plan(tls=TlsPlan("starttls"))
READY = "220 2.0.0 ready"


def test_starttls_forgets_what_was_said_before():
    talk = Talk(plan(TO, tls=TlsPlan("starttls")), GREETING, STARTTLS, READY, BARE, OK, OK, GO, OK, BYE)
    assert talk.verbs == "EHLO STARTTLS EHLO MAIL RCPT DATA <message> QUIT"
    assert talk.commands[3] == "MAIL FROM:<from@example.org>"
    assert talk.times["ehlo"] == 2 * SECONDS
    assert [stage for stage, _ in talk.stages][:6] == ["connect", "banner", "ehlo", "starttls", "tls", "ehlo"]
    assert talk.outcome.findings[4].cause == "TLSv1.3 TLS_AES_256_GCM_SHA384"


def test_auth_offered_before_tls_does_not_count():
    wanted = SECURE._replace(credentials=Credentials("user", Secret("pencil")))
    talk = Talk(wanted, GREETING, STARTTLS, READY, BARE, BYE)
    assert talk.last == Finding("auth", "missing", cause="AUTH not offered")


def test_handshake_is_asked_for_by_name():
    talk = Talk(SECURE, GREETING, STARTTLS, READY, BARE, BYE)
    assert Handshake(SECURE.tls, "mx1.example.org") in talk.actions
    named = plan(tls=TlsPlan("ssl", name="mail.example.net"))
    assert Talk(named, *UP_TO_EHLO, BYE).actions[1] == Handshake(named.tls, "mail.example.net")
    dotted = Talk(SECURE, GREETING, STARTTLS, READY, BARE, BYE, target=TARGET._replace(host="mx1.example.org."))
    assert Handshake(SECURE.tls, "mx1.example.org") in dotted.actions


def test_starttls_not_offered():
    talk = Talk(SECURE, *UP_TO_EHLO, BYE)
    assert talk.last == Finding("starttls", "missing", cause="STARTTLS not offered")
    assert talk.verbs == "EHLO QUIT"


@pytest.mark.parametrize(
    ("answer", "kind"), [("454 no TLS now", "failure"), ("501 what?", "error"), ("250 fine", "protocol")]
)
def test_starttls_refused(answer, kind):
    talk = Talk(SECURE, GREETING, STARTTLS, answer, BYE)
    assert (talk.last.stage, talk.last.kind) == ("starttls", kind)
    assert talk.verbs == "EHLO STARTTLS QUIT"


def test_plain_text_behind_starttls():
    injected = Failure("protocol", "data in plain text before the TLS handshake", (b"250 injected",))
    talk = Talk(SECURE, GREETING, STARTTLS, READY, secured=injected)
    assert talk.last == Finding(
        "starttls", "protocol", text="250 injected", cause="data in plain text before the TLS handshake"
    )
    assert "starttls" not in talk.times
    assert talk.verbs == "EHLO STARTTLS"


def test_handshake_fails():
    failure = Failure("handshake", "TLS handshake failed: no shared cipher")
    talk = Talk(SECURE, GREETING, STARTTLS, READY, secured=failure)
    assert talk.last == Finding("tls", "handshake", cause="TLS handshake failed: no shared cipher")
    assert talk.times["starttls"] == SECONDS
    assert "tls" not in talk.times
    assert "QUIT" not in talk.verbs


def test_alert_after_the_handshake_is_of_stage_tls():
    alert = Failure("handshake", "TLS handshake failed: certificate required")
    talk = Talk(plan(tls=TlsPlan("ssl")), alert)
    assert talk.last == Finding("tls", "handshake", cause="TLS handshake failed: certificate required")
    assert "tls" not in talk.times
    assert "QUIT" not in talk.verbs


@pytest.mark.parametrize(
    ("stage", "script", "verbs"),
    [
        ("ehlo", (GREETING, STARTTLS, READY, BARE, BYE), "EHLO STARTTLS EHLO QUIT"),
        ("starttls", (GREETING, STARTTLS, READY), "EHLO STARTTLS"),
        ("tls", (GREETING, STARTTLS, READY, BYE), "EHLO STARTTLS QUIT"),
    ],
)
def test_quit_after_with_starttls(stage, script, verbs):
    assert Talk(SECURE._replace(quit_after=stage), *script).verbs == verbs


def test_tls_from_the_first_byte():
    talk = Talk(plan(tls=TlsPlan("ssl")), *UP_TO_EHLO, BYE)
    assert [type(action).__name__ for action in talk.actions[:3]] == ["Connect", "Handshake", "Ask"]
    assert talk.verbs == "EHLO QUIT"
    silent = Talk(plan(tls=TlsPlan("ssl"), quit_after="tls"))
    assert silent.verbs == ""


def test_unverified_tls_says_so():
    talk = Talk(plan(tls=TlsPlan("ssl", verify=False)), *UP_TO_EHLO, BYE)
    assert talk.outcome.findings[1].cause == "TLSv1.3 TLS_AES_256_GCM_SHA384, not verified"


def test_starttls_where_offered():
    wanted = plan(tls=TlsPlan("offered"))
    assert Talk(wanted, *UP_TO_EHLO, BYE).verbs == "EHLO QUIT"
    assert Talk(wanted, GREETING, STARTTLS, READY, BARE, BYE).verbs == "EHLO STARTTLS EHLO QUIT"


# -- AUTH


def login(mechanism: str | None = None, **changes: object) -> Plan:
    return plan(credentials=Credentials("user", Secret("pencil"), mechanism, **changes))


def local(wanted: Plan, *script: object) -> Talk:
    return Talk(wanted, *script, target=Target("localhost", (LOOPBACK,)))


def offer(*mechanisms: str) -> str:
    return "250-mx1\n250 AUTH " + " ".join(mechanisms)


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def test_plain():
    talk = local(login(), GREETING, offer("PLAIN"), "235 2.7.0 welcome", BYE)
    assert talk.commands[1] == f"AUTH PLAIN {b64(chr(0) + 'user' + chr(0) + 'pencil')}"
    assert talk.decisive == Finding("auth", "success", (235,), "2.7.0 welcome", "PLAIN", seconds=SECONDS)
    assert ">>> AUTH PLAIN ***" in talk.outcome.transcript


def test_login():
    talk = local(login("LOGIN"), GREETING, offer("LOGIN"), f"334 {b64('Username:')}", "334 UGFzc3dvcmQ6", "235 ok", BYE)
    assert talk.commands[1:4] == ["AUTH LOGIN", b64("user"), b64("pencil")]
    assert talk.times["auth"] == 3 * SECONDS
    assert talk.outcome.transcript.count(">>> ***") == 2


def test_mechanism_in_lower_case_and_in_two_lines():
    talk = local(login(), GREETING, "250-mx1\n250-AUTH=login\n250 AUTH plain", "235 ok", BYE)
    assert talk.commands[1].startswith("AUTH PLAIN ")


@pytest.mark.parametrize(
    ("answer", "kind", "cause"),
    [
        ("535 5.7.8 nope", "failure", "credentials rejected"),
        ("454 4.7.0 later", "failure", "temporary authentication failure"),
        ("454 4.7.0 Temporary authentication failure", "failure", ""),
        ("530 5.7.0 Must issue a STARTTLS command first", "error", ""),
        ("534 5.7.9 weak", "failure", "mechanism too weak"),
        ("538 5.7.11 plain", "failure", "encryption required for this mechanism"),
        ("504 5.5.4 what", "error", "mechanism not supported"),
        ("550 no", "failure", ""),
        ("250 ok", "protocol", "not a reply to AUTH"),
    ],
)
def test_auth_refused(answer, kind, cause):
    talk = local(login(), GREETING, offer("PLAIN"), answer, BYE)
    assert (talk.last.stage, talk.last.kind, talk.last.cause) == ("auth", kind, cause)
    assert talk.last.codes == (int(answer[:3]),)
    assert talk.verbs == "EHLO AUTH QUIT"


def test_challenge_that_cannot_be_decoded_is_cancelled():
    talk = local(login("LOGIN"), GREETING, offer("LOGIN"), "334 what is your name?", "501 cancelled", BYE)
    assert talk.commands[1:] == ["AUTH LOGIN", "*", "QUIT"]
    assert talk.last == Finding(
        "auth", "protocol", (334,), "what is your name?", "challenge is not valid base64", seconds=SECONDS
    )
    assert "auth" not in talk.times


def test_challenge_too_many_is_cancelled():
    talk = local(login("PLAIN"), GREETING, offer("PLAIN"), "334", "501 cancelled", BYE)
    assert talk.commands[2:] == ["*", "QUIT"]
    assert talk.last.cause == "PLAIN challenge after everything was said"


def test_accepted_too_soon_is_not_cancelled():
    talk = local(login("LOGIN"), GREETING, offer("LOGIN"), "235 welcome", BYE)
    assert talk.commands[1:] == ["AUTH LOGIN", "QUIT"]
    assert (talk.last.kind, talk.last.codes) == ("protocol", (235,))
    assert talk.last.cause == "LOGIN accepted before the password was asked for"


def test_false_server_signature_is_cancelled():
    wanted = login("SCRAM-SHA-1")
    talk = dialogue.Dialogue(wanted, Route(Target("localhost", (LOOPBACK,))), 0.0)
    run = talk.run()
    run.send(None)
    action = run.send(Connected(LOOPBACK, ("127.0.0.1", 4), 0.0, 0.0))
    for step in (GREETING, offer("SCRAM-SHA-1")):
        action = run.send(Answered(reply(step), 0.0, 0.0))
    initial = base64.b64decode(b"".join(action.payload).split()[2])
    nonce = initial.split(b"r=")[1].decode()
    action = run.send(Answered(reply("334 " + b64(f"r={nonce}x,s={b64('salt')},i=4096")), 0.0, 0.0))
    assert base64.b64decode(b"".join(action.payload)).startswith(b"c=biws,r=")
    action = run.send(Answered(reply("334 " + b64(f"v={b64('false')}")), 0.0, 0.0))
    assert b"".join(action.payload) == b"*\r\n"
    last = talk.outcome(0.0).findings[-1]
    assert (last.kind, last.cause) == ("protocol", "SCRAM-SHA-1 server signature is false")


def test_token_refused_with_an_explanation():
    error = b64('{"status":"401","scope":"mail"}')
    talk = local(login("XOAUTH2"), GREETING, offer("XOAUTH2"), f"334 {error}", "535 5.7.8 no", BYE)
    assert talk.sent[2] == b"\r\n"
    assert talk.last.cause == "credentials rejected: status 401, scope mail"
    talk = local(login("XOAUTH2"), GREETING, offer("XOAUTH2"), f"334 {error}", "535 Credentials rejected", BYE)
    assert talk.last.cause == "status 401, scope mail"


def test_long_initial_response_comes_after_an_empty_challenge():
    token = "t" * 600
    wanted = plan(credentials=Credentials("user", Secret(token), "OAUTHBEARER"))
    talk = local(wanted, GREETING, offer("OAUTHBEARER"), "334 ", "235 ok", BYE)
    assert talk.commands[1] == "AUTH OAUTHBEARER"
    assert f"Bearer {token}".encode() in base64.b64decode(talk.sent[2])
    assert talk.decisive.succeeded
    pushy = local(wanted, GREETING, offer("OAUTHBEARER"), f"334 {b64('x')}", "501 ok", BYE)
    assert pushy.last.cause == "OAUTHBEARER challenge before the initial response"


@pytest.mark.parametrize("length", [1, 2, 3])
def test_a_command_is_at_most_512_octets_with_its_initial_response(length):
    # AUTH PLAIN SP base64 CRLF: the last that fits has 372 octets of response
    room = 372 - len("\0user\0")
    for secret, fits in (("p" * room, True), ("p" * (room + length), False)):
        wanted = plan(credentials=Credentials("user", Secret(secret), "PLAIN"))
        script = ["235 ok"] if fits else ["334 ", "235 ok"]
        talk = local(wanted, GREETING, offer("PLAIN"), *script, BYE)
        assert (talk.commands[1] != "AUTH PLAIN") == fits
        assert max(len(one) for one in talk.sent[:2]) <= 512


def test_empty_initial_response_is_an_equals_sign():
    wanted = plan(credentials=Credentials("", None, "EXTERNAL"))
    talk = local(wanted, GREETING, offer("EXTERNAL"), "235 ok", BYE)
    assert talk.commands[1] == "AUTH EXTERNAL ="


def test_auth_times_out_and_closes():
    talk = local(login(), GREETING, offer("PLAIN"), silence(), silence())
    assert talk.last == Finding("auth", "timeout", cause="no reply to AUTH for 9.9 s")
    talk = local(login(), GREETING, offer("PLAIN"), closed())
    assert talk.last.cause == "connection closed by the server before the reply to AUTH"


@pytest.mark.parametrize(
    ("wanted", "hello", "cause"),
    [
        (login(), BARE, "AUTH not offered"),
        (login(), "250-mx1\n250 STARTTLS", "AUTH not offered, STARTTLS is: -S?"),
        (login("CRAM-MD5"), offer("PLAIN"), "CRAM-MD5 not offered, only PLAIN"),
        (login(), offer("GSSAPI", "NTLM"), "no mechanism in common, offered: GSSAPI NTLM"),
        (
            login(),
            offer("PLAIN", "LOGIN"),
            "without TLS no mechanism offered hides the password (PLAIN LOGIN); --auth-plaintext allows it",
        ),
        (
            login("PLAIN"),
            "250-mx1\n250-STARTTLS\n250 AUTH PLAIN",
            "without TLS no mechanism offered hides the password (PLAIN); STARTTLS is offered: -S?",
        ),
    ],
)
def test_why_there_is_no_mechanism(wanted, hello, cause):
    talk = Talk(wanted, GREETING, hello, BYE)
    assert talk.last == Finding("auth", "missing", cause=cause)
    assert talk.verbs == "EHLO QUIT"


def test_in_clear_text_only_what_hides_the_password():
    talk = Talk(login(), GREETING, offer("PLAIN", "CRAM-MD5"), "504 no", BYE)
    assert talk.commands[1] == "AUTH CRAM-MD5"
    talk = Talk(login(plaintext=True), GREETING, offer("PLAIN"), "235 ok", BYE)
    assert talk.verbs == "EHLO AUTH QUIT"


def test_quit_after_auth():
    talk = local(login()._replace(sender=SENDER, quit_after="auth"), GREETING, offer("PLAIN"), "235 ok", BYE)
    assert talk.verbs == "EHLO AUTH QUIT"


def test_no_secret_anywhere_even_when_the_server_echoes_it():
    secret = "correct horse"
    wanted = plan(credentials=Credentials("user", Secret(secret), "PLAIN"))
    both = b64(chr(0) + "user" + chr(0) + secret)
    for echo in (secret, b64(secret), both, f"you said {both}!"):
        talk = local(wanted, f"220 {secret}", offer("PLAIN"), f"535 {echo}", f"221 {echo}")
        shown = repr(talk.outcome)
        assert secret not in shown
        assert b64(secret) not in shown
        assert both not in shown
        assert "***" in talk.last.text


# -- whatever the server does


results = st.one_of(
    st.builds(lambda code, text: f"{code} {text}", st.integers(200, 559), st.sampled_from(["ok", "STARTTLS", ""])),
    st.sampled_from(
        [GREETING, EHLO, OK, GO, BYE, STARTTLS, offer("PLAIN", "LOGIN"), "334 ", "334 !", "hello", "220-a\n250 b"]
    ),
    st.sampled_from([silence(), silence(sending=True), closed(), closed(b"250-x"), surplus(b"250 x")]),
    st.sampled_from([unasked("421 bye"), early("552 big"), early("250 fine")]),
)
plans = st.sampled_from(
    [
        plan(TO),
        plan(TO, OTHER),
        plan(TO, OTHER, lmtp=True),
        plan(sender=SENDER, commands=raw(("RCPT TO:<a@b>", "250"), ("DATA", "354"), (".", None))),
        plan(TO, tls=TlsPlan("starttls"), credentials=Credentials("user", Secret("pencil"))),
        plan(TO, tls=TlsPlan("ssl"), quit_after="rcpt"),
    ]
)


@settings(max_examples=300, deadline=None)
@given(plans, st.lists(results, max_size=12), st.sampled_from([closed(), silence(), silence(sending=True)]))
def test_whatever_the_server_does_the_conversation_ends_and_says_how(wanted, script, rest):
    talk = Talk(wanted, *script, rest=rest)
    outcome = talk.outcome
    assert outcome.findings
    assert 0.0 <= outcome.total <= len(talk.actions)
    order = list(STAGES)
    if wanted.tls.mode == "ssl":  # TLS comes before the greeting then
        order.remove("tls")
        order.insert(order.index("banner"), "tls")
    assert [time.stage for time in outcome.times] == [stage for stage in order if stage in talk.times]
    assert all(finding.stage in STAGES for finding in outcome.findings)
    assert all(line.isprintable() and "|" not in line for line in outcome.transcript)
    before = [finding for finding in outcome.findings if finding.stage != "quit"]
    if not all(finding.succeeded for finding in before):
        assert before == list(outcome.findings)
    if "DATA" in talk.verbs.split():
        assert ("rcpt", "success") in talk.stages
    assert talk.verbs.count("QUIT") <= 2


# -- what may be mistaken


@pytest.mark.parametrize(
    ("expected", "greeting", "kind"),
    [
        ("5", "554 5.7.1 no service", "failure"),
        ("42", "421 4.3.2 come back later", "failure"),
        ("5", "220 mx1", "mismatch"),
        ("42", "220 mx42 ESMTP", "success"),
        ("2", "220 mx1", "success"),
    ],
)
def test_a_text_of_one_or_two_digits_is_no_code(expected, greeting, kind):
    """It takes three for a code (contract, ``-e``); a text may stand anywhere, and the greeting must be 220 too."""
    talk = Talk(plan(expect=expected), greeting, *([EHLO] if kind == "success" else []), BYE)
    (banner,) = [finding for finding in talk.outcome.findings if finding.stage == "banner"]
    assert banner.kind == kind


@pytest.mark.parametrize("stage", ["starttls", "tls"])
def test_the_run_ends_where_the_stage_to_stop_after_would_be(stage):
    """With a policy asked for, TLS is used where it is offered; where it is not, the message must not be sent."""
    stopping = plan(TO, tls=TlsPlan("offered"), quit_after=stage)
    talk = Talk(stopping, GREETING, EHLO, BYE, policy=TlsPolicy("mx1.example.org"))
    assert talk.verbs == "EHLO QUIT"


def test_the_run_ends_where_the_lookup_would_be():
    """A numeric address beside a name (``-H mx1 -H 192.0.2.1 --quit-after dns``) is not looked up, nor sent to."""
    talk = Talk(plan(TO, quit_after="dns"))
    assert (talk.actions, talk.outcome.findings) == ([], ())


def test_the_zone_of_an_address_is_no_part_of_its_name():
    """RFC 4007 section 11: it means something on this machine only; no certificate can have it."""
    address = Address(socket.AF_INET6, ("fe80::1", 465, 0, 2), "fe80::1", 465)
    target = Target("fe80::1%eth0", (address,))
    talk = Talk(plan(tls=TlsPlan("ssl")), closed(), target=target)
    (handshake,) = [action for action in talk.actions if isinstance(action, Handshake)]
    assert handshake.name == "fe80::1"
