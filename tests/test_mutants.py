"""What only mutation testing missed: small things a change of the code would have broken unnoticed."""

from __future__ import annotations

import base64

import nagiosplugin
import pytest
from nagiosplugin import Metric, Range

from smtp_status import contexts, text, wire
from smtp_status.contexts import DaysContext
from smtp_status.model import Address, Finding, Outcome, Reply
from smtp_status.patterns import compiled
from smtp_status.plan import Credentials, Plan, RawCommand, Secret, TlsPlan
from smtp_status.settings import Settings
from smtp_status.verdict import Verdict
from talk import BYE, EHLO, GREETING, PEER, SECONDS, SENDER, TARGET, TO, Talk, plan, silence, surplus, unasked

PASSWORD = "correct horse"
OK = "250 2.0.0 Ok"
RESPONSE = base64.b64encode(b"\0probe\0" + PASSWORD.encode()).decode()


def commands(*lines: str) -> Plan:
    """Raw commands only, each judged by the reply table."""
    return plan(commands=tuple(RawCommand(line.encode()) for line in lines))


def login(mechanism: str | None = None, **changes: object) -> Plan:
    return plan(credentials=Credentials("probe", Secret(PASSWORD), mechanism, plaintext=True), **changes)


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


def test_what_rset_took_is_not_waited_for_at_quit_again():
    talk = Talk(plan(TO), GREETING, EHLO, OK, "550 no", OK, BYE)
    assert talk.limits[-2:] == [2.0, 1.0]  # each action takes a second of this clock


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


def test_three_digits_alone_are_a_code_too():
    talk = Talk(plan(expect="220 mx1"), GREETING, EHLO, BYE)
    assert talk.outcome.findings[1].kind == "success"
    assert Talk(plan(expect="554 no"), "554 no", EHLO, BYE).outcome.findings[1].kind == "success"


@pytest.mark.parametrize(("lmtp", "verb"), [(False, "EHLO"), (True, "LHLO")])
def test_a_reply_to_the_proxy_header_is_told_as_such(lmtp, verb):
    talk = Talk(plan(proxy=(), lmtp=lmtp), GREETING, surplus(b"500 what"), BYE)
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


# -- AUTH


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
    assert talk.decisive.text == "not ***"


def test_an_explanation_is_hidden_and_shown_alone_where_the_code_says_nothing():
    token = base64.b64encode(b'{"status":"invalid_token","scope":"correct horse"}').decode()
    hello = "250-mx1\n250 AUTH XOAUTH2"
    talk = Talk(login("XOAUTH2"), GREETING, hello, f"334 {token}", "550 no", BYE)
    assert talk.decisive.cause == "status invalid_token, scope ***"
    talk = Talk(login("XOAUTH2"), GREETING, hello, f"334 {token}", "535 no", BYE)
    assert talk.decisive.cause == "credentials rejected: status invalid_token, scope ***"


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
    assert base64.b64decode(talk.commands[2]).startswith(b"probe ")


def test_silence_at_auth_names_the_command():
    hello = "250-mx1\n250 AUTH LOGIN"
    assert Talk(login("LOGIN"), GREETING, hello, silence(), BYE).decisive.cause == "no reply to AUTH for 9.9 s"
    talk = Talk(login("LOGIN"), GREETING, hello, "334 VXNlcm5hbWU6", silence(), BYE)
    assert talk.decisive.cause == "no reply to AUTH for 9.9 s"


def test_a_cancelled_exchange_is_not_waited_for_long():
    talk = Talk(login("LOGIN"), GREETING, "250-mx1\n250 AUTH LOGIN", "334 not base64!", "501 ok", BYE)
    assert talk.commands[2] == "*"
    assert talk.limits[3:] == [2.0, 2.0]
    assert talk.decisive.cause == "challenge is not valid base64"


def test_a_login_that_is_answered_with_another_success_is_not_finished():
    talk = Talk(login("LOGIN"), GREETING, "250-mx1\n250 AUTH LOGIN", "250 ok", BYE)
    assert talk.decisive.cause == "not a reply to AUTH"


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
    assert talk.decisive.text == "no: ***"
    assert talk.decisive.about == f"{verb} PLAIN ***"
    assert f">>> {verb} PLAIN ***" in talk.outcome.transcript


@pytest.mark.parametrize("line", ["AUTH PLAIN", "AUTH PLAIN =", "HELP PLAIN Y29ycmVjdCBob3JzZQ=="])
def test_what_is_no_response_is_no_secret(line):
    talk = Talk(commands(line), GREETING, EHLO, "500 what is = or PLAIN * Y29ycmVjdCBob3JzZQ==", BYE)
    assert talk.decisive.about == line
    assert talk.decisive.text == "what is = or PLAIN * Y29ycmVjdCBob3JzZQ=="


def test_a_response_that_is_no_base64_is_a_secret_as_it_is():
    talk = Talk(commands("AUTH PLAIN open!"), GREETING, EHLO, "535 not open!", BYE)
    assert talk.decisive.text == "not ***"


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


def test_escapes_at_the_borders_of_their_widths():
    assert text.clean("\u00ff\u0100\uffff\U00010000\U0001ffff") == "ÿĀ\\uffff𐀀\\U0001ffff"
    assert text.clean("\x9f\u0600\u2028") == "\\x9f\\u0600\\u2028"


def test_short_secrets_next_to_octets_of_other_scripts():
    assert text.redact(b"\x80pw pw\x81 pw", [b"pw"]) == b"\x80pw pw\x81 ***"
    assert text.redact(b"apw, (pw)", [b"pw"]) == b"apw, (***)"
    assert text.redact(b"pw a", [b"pw"]) == b"*** a"
    assert text.redact(b"a pw", [b"pw"]) == b"a ***"


def test_an_escape_at_the_very_beginning_is_not_cut_in_two():
    assert text.cut("\\x1b[31m", 3) == "…"
    assert text.middle("\\U0001ffff" + "x" * 20, 12) == "…" + "x" * 5


def test_an_escape_is_found_from_any_place_within_it():
    assert text.cut("a\\U0001ffffb", 11) == "a…"
    assert text.cut("a\\U0001ffffb", 12) == "a\\U0001ffffb"


def test_only_the_first_equals_sign_of_a_keyword_is_one():
    assert wire.extensions(Reply((250,), (b"250-mx1", b"250-AUTH=PLAIN X=Y", b"250 X=1=2"))) == {
        "AUTH": "PLAIN X=Y",
        "X": "1=2",
    }


def test_a_line_end_in_a_command_is_told():
    with pytest.raises(ValueError, match=r"^line end inside a command$"):
        wire.command_line(b"NOOP\nQUIT")
