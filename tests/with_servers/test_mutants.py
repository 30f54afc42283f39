"""What only mutation testing missed: small things a change of the code would have broken unnoticed."""

from __future__ import annotations

import base64
import hmac

import nagiosplugin
import pytest
from nagiosplugin import Metric, Range

from helpers.talk import (
    BYE,
    EHLO,
    GREETING,
    NOW,
    PEER,
    SECONDS,
    SENDER,
    TARGET,
    TO,
    Talk,
    early,
    plan,
    silence,
    surplus,
    unasked,
)
from smtp_status import text
from smtp_status.check import contexts
from smtp_status.check.contexts import DaysContext
from smtp_status.check.several import Verdict
from smtp_status.findings import Address, Finding, Outcome
from smtp_status.options.settings import Settings
from smtp_status.sasl.credentials import Credentials, Secret
from smtp_status.secrets.repetition import HIDDEN
from smtp_status.smtp import address, patterns, replies, session
from smtp_status.smtp.dialogue import Dialogue
from smtp_status.smtp.patterns import compiled
from smtp_status.smtp.plan import Plan, RawCommand, Route
from smtp_status.smtp.replies import Reply
from smtp_status.smtp.transaction import MESSAGE_LINES_SHOWN
from smtp_status.smtp.transcript import KEPT
from smtp_status.tls.plan import TlsPlan

PASSWORD = "correct horse"
TOKEN = "correct.horse"
OK = "250 2.0.0 Ok"
RESPONSE = base64.b64encode(b"\0probe\0" + PASSWORD.encode()).decode()


def commands(*lines: str) -> Plan:
    """Raw commands only, each judged by the reply table."""
    return plan(commands=tuple(RawCommand(line.encode()) for line in lines))


def login(mechanism: str | None = None, **changes: object) -> Plan:
    return plan(credentials=Credentials("probe", Secret(PASSWORD), mechanism, plaintext=True), **changes)


def token_login(mechanism: str) -> Plan:
    return plan(credentials=Credentials("probe", Secret(TOKEN), mechanism, plaintext=True))


def shown(outcome: Outcome) -> str:
    return "\n".join((*outcome.transcript, *(f"{f.text} {f.cause} {f.about}" for f in outcome.findings)))


# -- the beginning and the end


def test_where_it_was_looked_up_and_connected_to():
    target = TARGET._replace(addresses=(PEER, Address(2, ("192.0.2.11", 25), "192.0.2.11", 25)), dns_seconds=0.5)
    talk = Talk(plan(), GREETING, EHLO, BYE, target=target)
    assert talk.outcome.findings[:2] == (
        Finding("dns", "success", cause="192.0.2.10, 192.0.2.11", seconds=0.5),
        Finding("connect", "success", cause="192.0.2.10 port 25", seconds=SECONDS),
    )
    assert talk.actions[0].addresses == target.addresses
    assert talk.times["dns"] == 0.5


def test_nothing_is_reset_where_the_message_was_accepted_before():
    talk = Talk(plan(TO, quit_after="message"), GREETING, EHLO, OK, OK, "354 go", OK, BYE)
    assert talk.verbs == "EHLO MAIL RCPT DATA <message> QUIT"


def test_quit_after_message_leaves_out_raw_commands():
    raw = (RawCommand(b"NOOP"),)
    talk = Talk(plan(TO, quit_after="message", commands=raw), GREETING, EHLO, OK, OK, "354 go", OK, BYE)
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


def test_421_before_the_command_that_is_no_valid_reply():
    talk = Talk(plan(), GREETING, unasked("421-4.3.2 closing\n421+now"), BYE)
    separator = "neither space nor hyphen behind the reply code"
    assert talk.decisive == Finding("ehlo", "protocol", (421,), "4.3.2 closing +now", separator, seconds=9999.0)
    assert "ehlo" not in talk.times


def test_what_rset_took_is_not_taken_from_quit():
    talk = Talk(plan(TO), GREETING, EHLO, OK, "550 no", OK, BYE)
    assert talk.limits[-2:] == [2.0, 2.0]


def test_quit_once_more_after_surplus_octets_is_not_waited_for_long():
    talk = Talk(plan(), GREETING, EHLO, surplus(b"250 again"), BYE)
    assert talk.limits[-2:] == [2.0, 2.0]
    assert talk.last == Finding("quit", "protocol", text="250 again", cause="data before it was asked for")


def test_a_greeting_that_is_expected_by_its_text_is_found_once():
    talk = Talk(plan(expect="ESMTP"), GREETING, EHLO, BYE)
    assert talk.outcome.findings[1] == Finding("banner", "success", (220,), "mx1 ESMTP", seconds=SECONDS)


def test_a_greeting_without_what_was_expected():
    talk = Talk(plan(expect="Exim"), GREETING, BYE)
    wrong = Finding("banner", "mismatch", (220,), "mx1 ESMTP", "greeting without Exim", seconds=SECONDS)
    assert talk.decisive == wrong
    assert talk.verbs == "QUIT"


def test_a_greeting_with_what_was_expected_that_does_not_greet():
    named = TARGET._replace(dns_seconds=0.5)
    talk = Talk(plan(expect="ESMTP"), "250 mx1 ESMTP", BYE, target=named)
    wrong = Finding("banner", "protocol", (250,), "mx1 ESMTP", "not a greeting", seconds=SECONDS)
    assert talk.decisive == wrong
    assert Talk(plan(expect="ESMTP"), "554 no ESMTP here", BYE).decisive.cause == ""


def test_three_digits_alone_are_a_code_too():
    talk = Talk(plan(expect="220 mx1"), GREETING, EHLO, BYE)
    assert talk.outcome.findings[1].kind == "success"
    assert Talk(plan(expect="554 no"), "554 no", EHLO, BYE).outcome.findings[1].kind == "success"


@pytest.mark.parametrize("verb", [{}, {"lmtp": True}, {"helo_only": True}], ids=["EHLO", "LHLO", "HELO"])
def test_a_reply_to_the_proxy_header_is_told_as_such(verb):
    talk = Talk(plan(proxy=(), **verb), GREETING, surplus(b"500 what"), BYE)
    assert talk.decisive.cause == "data before it was asked for, perhaps the reply to the PROXY header"


def test_only_the_first_command_can_be_answered_by_the_reply_to_the_proxy_header():
    assert Talk(plan(proxy=()), GREETING, silence(), BYE).decisive.cause == "no reply to EHLO for 9.9 s"
    later = Talk(plan(proxy=(), sender=SENDER), GREETING, EHLO, surplus(b"500 what"), BYE)
    assert later.decisive.cause == "data before it was asked for"


def test_no_hint_at_tls_where_there_is_tls():
    target = TARGET._replace(addresses=(PEER._replace(port=465),))
    talk = Talk(plan(tls=TlsPlan("ssl")), silence(), target=target)
    assert talk.last.cause == "no greeting for 9.9 s"
    talk = Talk(plan(), GREETING, silence(), BYE, target=target)
    assert talk.decisive.cause == "no reply to EHLO for 9.9 s"


def test_lines_of_a_reply_that_did_not_end_are_joined_by_a_space():
    talk = Talk(plan(), GREETING, silence(b"250-mx1", b"250-SI"), BYE)
    assert talk.decisive.text == "250-mx1 250-SI"


def test_what_was_not_sent_is_not_in_the_transcript():
    talk = Talk(plan(), GREETING, EHLO, unasked("421 closing"))
    assert [line for line in talk.outcome.transcript if line.startswith(">>>")] == [">>> EHLO probe.example.org"]
    assert talk.outcome.transcript[-1] == "<<< 421 closing"


def test_a_message_that_just_fits_the_transcript_is_shown_whole():
    shortest = plan(TO, text="x")
    head = len(shortest.message.head_lines(1000)) - 1
    for more, octets in ((0, False), (1, True)):
        wanted = plan(TO, text="\n".join("x" * (MESSAGE_LINES_SHOWN - head + more)))
        talk = Talk(wanted, GREETING, EHLO, OK, OK, "354 go", OK, BYE)
        assert (f">>> ... {wanted.message.size} octets in all" in talk.outcome.transcript) is octets
        assert talk.outcome.transcript.count(">>> x") == MESSAGE_LINES_SHOWN - head


@pytest.mark.parametrize("surplus", [0, 2])
def test_a_reply_that_just_fits_the_transcript_is_shown_whole(surplus):
    lines = KEPT // len("250-x.")
    hello = "\n".join(["250-x"] * (lines - 1 + surplus) + ["250 x"])
    talk = Talk(plan(), GREETING, hello, BYE)
    more = [line for line in talk.outcome.transcript if line.endswith("lines in all")]
    assert more == [f"<<< ... {lines + 2} lines in all"] * (surplus > 0)
    assert talk.outcome.transcript.count("<<< 250-x") == lines - 1 + (surplus > 0)


def test_a_single_recipient_is_not_named_with_lmtp_either():
    talk = Talk(plan(TO, lmtp=True), GREETING, EHLO, OK, OK, "354 go", "550 no", OK, BYE)
    assert talk.decisive == Finding("message", "failure", (550,), "no", seconds=SECONDS)


def test_smtputf8_comes_last():
    sender = address.parse("übel@example.org")
    talk = Talk(plan(sender=sender), GREETING, EHLO, OK, OK, BYE)
    assert talk.sent[1] == "MAIL FROM:<übel@example.org> SMTPUTF8\r\n".encode()


def test_nothing_has_happened_yet():
    outcome = Dialogue(plan(), Route(TARGET), NOW).outcome(0.5)
    assert (outcome.total, outcome.tls_days, outcome.findings, outcome.address) == (0.0, None, (), None)


def test_nothing_is_connected_to_after_the_last_lookup():
    talk = Talk(plan(quit_after="sts"))
    assert talk.actions == []
    assert talk.outcome.findings == ()


def test_tls_from_the_first_byte_stands_where_it_happened():
    talk = Talk(plan(tls=TlsPlan("ssl")), GREETING, EHLO, BYE)
    assert list(talk.times) == ["connect", "tls", "banner", "ehlo", "quit"]
    assert list(Talk(plan(), GREETING, EHLO, BYE).times) == ["connect", "banner", "ehlo", "quit"]


def test_clocks_are_told_where_there_were_replies_and_all_is_asked_for():
    assert Talk(plan(), GREETING, EHLO, BYE).outcome.details == ("clock: kernel for 0 of 3 replies",)
    assert Talk(plan(), silence()).outcome.details == ()
    assert Talk(plan(verbose=1), GREETING, EHLO, BYE).outcome.details == ()


def test_a_name_loses_its_dot_and_nothing_else():
    target = TARGET._replace(host="mx1.example.XX.")
    talk = Talk(plan(tls=TlsPlan("ssl")), GREETING, EHLO, BYE, target=target)
    assert talk.actions[1].name == "mx1.example.XX"


def test_silence_after_the_second_hello_names_it():
    assert Talk(plan(), GREETING, "500 what", silence(), BYE).decisive.cause == "no reply to HELO for 9.9 s"


@pytest.mark.parametrize(
    ("lmtp", "replies", "cause"),
    [
        (False, ("500 what", "500 what"), "an LMTP server? try --lmtp"),
        (False, ("502 what", "550 no"), ""),
        (True, ("500 what",), "no LMTP server? try without --lmtp"),
        (True, ("550 no",), ""),
    ],
)
def test_hello_in_the_wrong_protocol(lmtp, replies, cause):
    assert Talk(plan(lmtp=lmtp), GREETING, *replies, BYE).decisive.cause == cause


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


def test_commands_that_were_sent_are_in_the_transcript_and_no_others():
    def said(talk: Talk) -> list[str]:
        return [line for line in talk.outcome.transcript if line.startswith(">>>")]

    hello = ">>> EHLO probe.example.org"
    assert said(Talk(plan(), GREETING, silence(), BYE)) == [hello, ">>> QUIT"]
    assert said(Talk(commands("NOOP"), GREETING, EHLO, unasked("421 closing"), BYE)) == [hello, ">>> QUIT"]


# -- AUTH


def test_after_a_login_it_goes_on():
    talk = Talk(login("PLAIN", sender=SENDER), GREETING, "250-mx1\n250 AUTH PLAIN", "235 ok", OK, OK, BYE)
    assert talk.verbs == "EHLO AUTH MAIL RSET QUIT"


def test_oauthbearer_tells_where_it_goes():
    talk = Talk(token_login("OAUTHBEARER"), GREETING, "250-mx1\n250 AUTH OAUTHBEARER", "235 ok", BYE)
    assert b"\x01host=mx1.example.org\x01port=25\x01" in base64.b64decode(talk.commands[1].split()[2])


@pytest.mark.parametrize(("length", "lines"), [(372, 1), (373, 2)])
def test_512_octets_are_not_too_many_for_a_command(length, lines):
    name = "u" * length
    credentials = Credentials(name, None, "EXTERNAL")
    replies = ["235 ok"] if lines == 1 else ["334", "235 ok"]
    talk = Talk(plan(credentials=credentials), GREETING, "250-mx1\n250 AUTH EXTERNAL", *replies, BYE)
    response = base64.b64encode(name.encode()).decode()
    assert talk.commands[1:-1] == ([f"AUTH EXTERNAL {response}"] if lines == 1 else ["AUTH EXTERNAL", response])
    assert (len(talk.sent[1]) == 512) is (lines == 1)


def test_responses_without_anything_to_hide_look_like_others():
    talk = Talk(
        plan(credentials=Credentials("", None, "EXTERNAL")),
        *(GREETING, "250-mx1\n250 AUTH EXTERNAL", "235 ok", BYE),
    )
    assert talk.commands[1] == "AUTH EXTERNAL ="
    assert ">>> AUTH EXTERNAL ***" in talk.outcome.transcript
    talk = Talk(token_login("XOAUTH2"), GREETING, "250-mx1\n250 AUTH XOAUTH2", "334 e30=", "535 no", BYE)
    assert talk.commands[2] == ""
    assert ">>> ***" in talk.outcome.transcript


def test_the_signature_of_the_server_may_come_with_the_235(monkeypatch):
    # RFC 7677 section 3
    monkeypatch.setattr("smtp_status.sasl.mechanisms.urandom", lambda _: base64.b64decode("rOprNGfwEbeRWgbNEkqO"))
    first = b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
    final = base64.b64encode(b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=").decode()
    credentials = Credentials("user", Secret("pencil"), "SCRAM-SHA-256")
    talk = Talk(
        plan(credentials=credentials),
        *(GREETING, "250-mx1\n250 AUTH SCRAM-SHA-256"),
        *(f"334 {base64.b64encode(first).decode()}", f"235-{final}\n235 ok", BYE),
    )
    assert talk.decisive.kind == "success"
    assert final not in shown(talk.outcome)


def test_a_reply_cut_off_hides_the_password_too():
    talk = Talk(login("PLAIN"), GREETING, "250-mx1\n250 AUTH PLAIN", silence(f"535-not {PASSWORD}".encode()), BYE)
    assert talk.decisive.text == f"535-{HIDDEN}"


def test_a_mechanism_that_cannot_take_the_password_is_told_before_it_is_tried():
    credentials = Credentials("probe", Secret("bell\x07"), "SCRAM-SHA-256")
    talk = Talk(plan(credentials=credentials), GREETING, "250-mx1\n250 AUTH SCRAM-SHA-256", BYE)
    assert talk.decisive.kind == "missing"
    assert talk.decisive.stage == "auth"
    assert talk.verbs == "EHLO QUIT"
    spoilt = Credentials("probe", Secret("b\u00e4d\u2028"), "SCRAM-SHA-256")
    talk = Talk(plan(credentials=spoilt), GREETING, "250-mx1\n250 AUTH SCRAM-SHA-256", BYE)
    assert talk.decisive.cause == "password holds a character that SASLprep (RFC 4013) prohibits"


def test_a_client_certificate_is_the_login_where_there_is_no_password():
    tls = TlsPlan("ssl", client_cert="/etc/ssl/probe.pem")
    talk = Talk(
        plan(tls=tls, credentials=Credentials("probe", None)),
        *(GREETING, "250-mx1\n250 AUTH PLAIN EXTERNAL", "235 ok", BYE),
    )
    assert talk.commands[1] == "AUTH EXTERNAL cHJvYmU="
    without = plan(tls=TlsPlan("ssl"), credentials=Credentials("probe", None))
    assert Talk(without, GREETING, "250-mx1\n250 AUTH PLAIN EXTERNAL", BYE).decisive.kind == "missing"


def test_the_password_stays_hidden_with_a_mechanism_that_does_not_use_it():
    talk = Talk(
        plan(credentials=Credentials("probe", Secret(PASSWORD), "EXTERNAL")),
        *(GREETING, "250-mx1\n250 AUTH EXTERNAL", f"535 not {PASSWORD}", BYE),
    )
    assert PASSWORD not in shown(talk.outcome)
    assert talk.decisive.text == HIDDEN


def test_an_explanation_is_hidden_and_shown_alone_where_the_code_says_nothing():
    token = base64.b64encode(b'{"status":"invalid_token","scope":"correct.horse"}').decode()
    hello = "250-mx1\n250 AUTH XOAUTH2"
    talk = Talk(token_login("XOAUTH2"), GREETING, hello, f"334 {token}", "550 no", BYE)
    assert talk.decisive.cause == f"XOAUTH2: {HIDDEN}"
    talk = Talk(token_login("XOAUTH2"), GREETING, hello, f"334 {token}", "535 no", BYE)
    assert talk.decisive.cause == f"XOAUTH2: credentials rejected: {HIDDEN}"


def test_a_login_that_is_refused_ends_it():
    talk = Talk(login("PLAIN", sender=SENDER), GREETING, "250-mx1\n250 AUTH PLAIN", "535 no", BYE)
    assert talk.verbs == "EHLO AUTH QUIT"


def test_responses_are_not_in_the_transcript():
    talk = Talk(
        login("LOGIN"), GREETING, "250-mx1\n250 AUTH LOGIN", "334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6", "235 ok", BYE
    )
    assert [line for line in talk.outcome.transcript if line.startswith(">>>")] == [
        *(">>> EHLO probe.example.org", ">>> AUTH LOGIN", ">>> ***", ">>> ***", ">>> QUIT")
    ]
    talk = Talk(login("PLAIN"), GREETING, "250-mx1\n250 AUTH PLAIN", "235 ok", BYE)
    assert ">>> AUTH PLAIN ***" in talk.outcome.transcript


def test_a_challenge_in_several_lines_is_one():
    hello = "250-mx1\n250 AUTH CRAM-MD5"
    talk = Talk(login("CRAM-MD5"), GREETING, hello, "334-PDE4\n334 OTY+", "235 ok", BYE)
    digest = hmac.new(PASSWORD.encode(), b"<1896>", "md5").hexdigest()
    assert base64.b64decode(talk.commands[2]) == f"probe {digest}".encode()


def test_silence_at_auth_names_the_command():
    hello = "250-mx1\n250 AUTH LOGIN"
    assert Talk(login("LOGIN"), GREETING, hello, silence(), BYE).decisive.cause == "no reply to AUTH LOGIN for 9.9 s"
    talk = Talk(login("LOGIN"), GREETING, hello, "334 VXNlcm5hbWU6", silence(), BYE)
    assert talk.decisive.cause == "no reply to AUTH LOGIN for 9.9 s"


def test_a_cancelled_exchange_is_not_waited_for_long():
    talk = Talk(login("CRAM-MD5"), GREETING, "250-mx1\n250 AUTH CRAM-MD5", "334 not base64!", "501 ok", BYE)
    assert talk.commands[2] == "*"
    assert talk.limits[3:] == [2.0, 2.0]
    assert talk.strict[3:] == [False, False]
    assert talk.decisive.cause == "CRAM-MD5 challenge is not valid base64"


def test_a_login_that_is_answered_with_another_success_is_not_finished():
    talk = Talk(login("LOGIN"), GREETING, "250-mx1\n250 AUTH LOGIN", "250 ok", BYE)
    assert talk.decisive.cause == "not a reply to AUTH LOGIN"


# -- raw commands


def test_what_answers_a_challenge_is_a_secret():
    talk = Talk(
        commands("AUTH LOGIN", "cHJvYmU=", "Y29ycmVjdCBob3JzZQ=="), GREETING, EHLO, "334 a", "334 b", "235 ok", BYE
    )
    assert [line for line in talk.outcome.transcript if line.startswith(">>>")][1:4] == [
        *(">>> AUTH LOGIN", ">>> ***", ">>> ***")
    ]
    assert PASSWORD not in shown(talk.outcome)


@pytest.mark.parametrize("verb", ["AUTH", "auth"])
@pytest.mark.parametrize("echo", [PASSWORD, RESPONSE, PASSWORD.encode().hex(), "***"])
def test_what_comes_along_with_auth_is_a_secret(verb, echo):
    talk = Talk(commands(f"{verb} PLAIN {RESPONSE}"), GREETING, EHLO, f"535 no: {echo}", BYE)
    assert talk.decisive.text == ("no: ***" if echo == "***" else HIDDEN)
    assert talk.decisive.about == f"{verb} PLAIN ***"
    assert f">>> {verb} PLAIN ***" in talk.outcome.transcript


@pytest.mark.parametrize("line", ["AUTH PLAIN", "AUTH PLAIN =", "HELP PLAIN Y29ycmVjdCBob3JzZQ=="])
def test_what_is_no_response_is_no_secret(line):
    talk = Talk(commands(line), GREETING, EHLO, "500 what is = or PLAIN * Y29ycmVjdCBob3JzZQ==", BYE)
    assert talk.decisive.about == line
    assert talk.decisive.text == "what is = or PLAIN * Y29ycmVjdCBob3JzZQ=="


def test_a_response_that_is_no_base64_is_a_secret_as_it_is():
    talk = Talk(commands("AUTH PLAIN open!"), GREETING, EHLO, "535 not open!", BYE)
    assert talk.decisive.text == HIDDEN


def test_a_response_that_cannot_be_decoded_is_a_secret_as_it_is():
    talk = Talk(commands("AUTH PLAIN abcde"), GREETING, EHLO, "535 not abcde but XXXX", BYE)
    assert talk.decisive.text == HIDDEN


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


def test_a_login_that_is_accepted_before_it_was_sent_is_none():
    talk = Talk(login("PLAIN"), GREETING, "250-mx1\n250 AUTH PLAIN", early("235 ok"))
    assert (talk.decisive.kind, talk.decisive.cause) == ("protocol", "not a reply to AUTH PLAIN")


# -- several targets, days


@pytest.mark.parametrize("state", ["ok", "warning", "critical", "unknown"])
def test_the_verdict_on_several_targets(state):
    made = {context.name: context for context in contexts.contexts(Settings(Plan()))}
    metric = Metric("verdict", Verdict(state, ()))
    result = made["verdict"].evaluate(metric, None)
    assert (result.state, result.hint, result.metric) == (contexts.SERVICE_STATES[state], None, metric)


def test_contexts_that_judge_nothing():
    settings = Settings(Plan(), warning=Range("1"), critical=Range("2"), certificate_days=(30, 10))
    made = {context.name: context for context in contexts.contexts(settings)}
    assert made["unjudged"].evaluate(Metric("mx1_time", 9.0), None).state == nagiosplugin.Ok
    assert made["unjudged"].performance(Metric("mx1_time", 9.0), None) == "mx1_time=9.000000s;;;0"
    assert made["unjudged_days"].evaluate(Metric("mx1_tls_days", 1), None).state == nagiosplugin.Ok
    assert made["time_unjudged"].evaluate(Metric("time", 9.0), None).state == nagiosplugin.Ok
    assert made["time_unjudged"].performance(Metric("time", 9.0), None) == "time=9.000000s;1;2;0"


def test_the_limit_of_days_is_told():
    metric = Metric("tls_days", 5)
    result = DaysContext("tls_days", 30, 10).evaluate(metric, None)
    assert (result.state, result.hint, result.metric) == (nagiosplugin.Critical, 10, metric)


# -- text and wire


def test_numbers_at_the_borders_of_their_widths():
    assert text.clean("\u00ff\u0100\uffff\U00010000\U0001ffff") == "ÿĀ‹U+FFFF›𐀀‹U+1FFFF›"
    assert text.clean("\x9f\u0600\u2028") == "‹U+009F›‹U+0600›‹U+2028›"
    assert text.clean(b"\x7f\x80\xff") == "␡‹80›‹FF›"


def test_a_text_too_long_ends_with_a_whole_character():
    assert text.clean("x" * (text.RAW_LIMIT - 1) + "é") == "x" * (text.RAW_LIMIT - 1) + "…"
    assert text.clean("x" * (text.RAW_LIMIT - 3) + "\U0001f600") == "x" * (text.RAW_LIMIT - 3) + "…"
    # no character has so many octets
    assert text.clean(b"x" * 8000 + b"\x80" * 400) == "x" * 8000 + "‹80›" * 189 + "…"


def test_brackets_end_where_they_end_first():
    assert text.sentence("<a@b>>x <c@d>, <e>f g>h") == "a@b›x c@d, ef g›h"


def test_a_number_at_the_very_beginning_is_not_cut_in_two():
    assert text.cut("‹1B›[31m", 3) == "…"
    assert text.middle("‹U+10FFFF›" + "x" * 20, 12) == "…" + "x" * 5


def test_a_number_is_found_from_any_place_within_it():
    assert text.cut("a‹U+10FFFF›b", 11) == "a…"
    assert text.cut("a‹U+10FFFF›b", 12) == "a‹U+10FFFF›b"


def test_only_the_first_equals_sign_of_a_keyword_is_one():
    assert replies.extensions(Reply((250,), (b"250-mx1", b"250-AUTH=PLAIN X=Y", b"250 X=1=2"))) == {
        "AUTH": "PLAIN X=Y",
        "X": "1=2",
    }


def test_an_empty_line_behind_a_reply_is_a_line():
    reader = replies.ReplyReader()
    reader.feed(b"250 a\r\n\n250 b\n")
    found = [reader.next_reply() for _ in range(3)]
    assert [(one.code, one.fault) for one in found if one is not None] == [(250, ""), (0, "no reply code"), (250, "")]


def test_a_line_end_in_a_command_is_told():
    with pytest.raises(ValueError, match=r"^line end inside a command$"):
        session.command_line(b"NOOP\nQUIT")
