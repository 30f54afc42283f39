"""AUTH: which mechanism is taken, the commands of one login, and what its replies mean (RFC 4954)."""

from __future__ import annotations

import base64
import hmac

import pytest

from helpers.forms import FORMS
from helpers.talk import (
    BARE,
    BYE,
    GREETING,
    LOOPBACK,
    OK,
    OTHER,
    SECONDS,
    SENDER,
    TO,
    Talk,
    closed,
    early,
    offer,
    plan,
    reply,
    silence,
)
from smtp_status.findings import Finding, Target
from smtp_status.sasl import binding
from smtp_status.sasl.credentials import Credentials, Secret
from smtp_status.secrets.repetition import HIDDEN
from smtp_status.smtp import authentication, dialogue
from smtp_status.smtp.actions import Answered, Connected
from smtp_status.smtp.plan import Plan, Route
from smtp_status.tls.plan import TlsPlan

PASSWORD = "correct horse"
TOKEN = "correct.horse"


def login(mechanism: str | None = None, **changes: object) -> Plan:
    return plan(credentials=Credentials("user", Secret("pencil"), mechanism, **changes))


def as_probe(mechanism: str, secret: str = PASSWORD) -> Plan:
    return plan(credentials=Credentials("probe", Secret(secret), mechanism, plaintext=True))


def local(wanted: Plan, *script: object) -> Talk:
    return Talk(wanted, *script, target=Target("localhost", (LOOPBACK,)))


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
        ("535 5.7.8 nope", "failure", "PLAIN: credentials rejected"),
        ("454 4.7.0 later", "failure", "PLAIN: temporary authentication failure"),
        ("454 4.7.0 Temporary authentication failure", "failure", "PLAIN"),
        ("530 5.7.0 Must issue a STARTTLS command first", "error", "PLAIN"),
        ("534 5.7.9 weak", "failure", "PLAIN: a stronger mechanism or an app password is wanted"),
        ("538 5.7.11 plain", "failure", "PLAIN: encryption required for this mechanism"),
        ("504 5.5.4 what", "error", "PLAIN: mechanism not supported"),
        ("550 no", "failure", "PLAIN"),
        ("250 ok", "protocol", "not a reply to AUTH PLAIN"),
    ],
)
def test_auth_refused(answer, kind, cause):
    talk = local(login(), GREETING, offer("PLAIN"), answer, BYE)
    assert (talk.last.stage, talk.last.kind, talk.last.cause) == ("auth", kind, cause)
    assert talk.last.codes == (int(answer[:3]),)
    assert talk.verbs == "EHLO AUTH QUIT"


def test_challenge_that_cannot_be_decoded_is_cancelled():
    talk = local(login("CRAM-MD5"), GREETING, offer("CRAM-MD5"), "334 what is your name?", "501 cancelled", BYE)
    assert talk.commands[1:] == ["AUTH CRAM-MD5", "*", "QUIT"]
    assert talk.last == Finding(
        "auth", "protocol", (334,), "what is your name?", "CRAM-MD5 challenge is not valid base64", seconds=SECONDS
    )
    assert "auth" not in talk.times


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6"),
        ("334 VXNlcm5hbWU6 ", "334 UGFzc3dvcmQ6 "),
        ("334 Username:", "334 Password:"),
        ("334", "334"),
        ("334 VXNlcm5hbWU6 please", "334 \u00bfcontrase\u00f1a?"),
    ],
)
def test_prompts_of_login_are_not_read(first, second):
    talk = local(login("LOGIN"), GREETING, offer("LOGIN"), first, second, "235 ok", BYE)
    assert talk.commands[1:] == ["AUTH LOGIN", b64("user"), b64("pencil"), "QUIT"]
    assert talk.last.succeeded


@pytest.mark.parametrize(
    ("offered", "hint"),
    [
        ("CRAM-MD5 PLAIN LOGIN", "; PLAIN and LOGIN are offered too: -A?"),
        ("CRAM-MD5 LOGIN", "; LOGIN is offered too: -A?"),
        ("CRAM-MD5", ""),
    ],
)
def test_a_mechanism_that_can_never_work_is_named_with_those_that_can(offered, hint):
    challenge = "334 " + b64("<1@mx1>")
    talk = local(login(), GREETING, offer(offered), challenge, "535 5.7.8 nope", BYE)
    assert talk.last.cause == f"CRAM-MD5: credentials rejected{hint}"


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
    assert talk.last.cause == "XOAUTH2: credentials rejected: status 401, scope mail"
    talk = local(login("XOAUTH2"), GREETING, offer("XOAUTH2"), f"334 {error}", "535 Credentials rejected", BYE)
    assert talk.last.cause == "XOAUTH2: status 401, scope mail"


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


@pytest.mark.parametrize("mechanism", ["PLAIN", "XOAUTH2", "OAUTHBEARER"])
def test_accepted_before_a_long_response_was_sent(mechanism):
    """What is too long for the command goes in a second step, and until then nobody has proved anything."""
    who = Credentials("me", Secret("x" * 400), mechanism, True)
    talk = Talk(plan(credentials=who), GREETING, f"250-mx1\n250 AUTH {mechanism}", "235 welcome", BYE)
    assert talk.verbs == "EHLO AUTH QUIT"
    assert (talk.decisive.stage, talk.decisive.kind) == ("auth", "protocol")
    assert talk.decisive.cause == f"{mechanism} accepted before the response was sent"


def test_auth_times_out_and_closes():
    talk = local(login(), GREETING, offer("PLAIN"), silence(), silence())
    assert talk.last == Finding("auth", "timeout", cause="no reply to AUTH PLAIN for 9.9 s")
    talk = local(login(), GREETING, offer("PLAIN"), closed())
    assert talk.last.cause == "connection closed by the server before the reply to AUTH PLAIN"


@pytest.mark.parametrize(
    ("wanted", "hello", "cause"),
    [
        (login(), BARE, "AUTH not offered"),
        (login(), "250-mx1\n250 STARTTLS", "AUTH not offered, STARTTLS is: -S?"),
        (login("CRAM-MD5"), offer("PLAIN"), "CRAM-MD5 not offered, only PLAIN"),
        (login(), offer("GSSAPI", "NTLM"), "no mechanism in common, offered: GSSAPI NTLM"),
        (
            login(),
            offer("NTLM", "XOAUTH2"),
            "no mechanism for passwords in common, offered: NTLM XOAUTH2; a token and -A?",
        ),
        (
            login(),
            offer("XOAUTH2", "OAUTHBEARER"),
            "no mechanism for passwords in common, offered: XOAUTH2 OAUTHBEARER; a token and -A?",
        ),
        (
            login(),
            offer("PLAIN", "LOGIN"),
            "without TLS no mechanism offered hides the password (PLAIN LOGIN); another port? --auth-plaintext?",
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
        assert talk.last.text == HIDDEN


@pytest.mark.parametrize(
    ("answer", "meaning"),
    [
        ("454 4.7.0 later", "temporary authentication failure"),
        ("454 4.7.0 Temporary authentication failure", ""),
        ("454-4.7.0 TEMPORARY\n454 authentication failure: try later", ""),
        ("535 5.7.8 temporary authentication failure", "credentials rejected"),
        ("454", "temporary authentication failure"),
        ("530 5.7.0 Must issue a STARTTLS command first", ""),
        ("550 no", ""),
    ],
)
def test_meaning(answer, meaning):
    assert authentication.meaning(reply(answer)) == meaning


def test_every_code_of_the_rfc_has_a_meaning():
    # RFC 4954 sections 4 and 6
    assert set(authentication.MEANINGS) == {432, 454, 500, 501, 502, 503, 504, 534, 535, 538}
    assert authentication.MEANINGS[535] == "credentials rejected"


@pytest.mark.parametrize("form", FORMS)
def test_no_secret_in_any_form(form):
    secret = "Tr0ub4dor&3 /+=|horse"
    echo = FORMS[form](secret).replace("\n", "")
    wanted = plan(TO, credentials=Credentials("alice@x.test", Secret(secret), "PLAIN"))
    offered = f"250-{echo}\n{offer('PLAIN')}"
    later = (f"{code} {echo}" for code in (235, 250, 550, 250, 221))
    outcome = local(wanted, f"220 {echo}", offered, *later).outcome
    told = [(one.codes, one.text) for one in outcome.findings if one.codes]
    assert told == [((code,), HIDDEN) for code in (220, 250, 235, 250, 550)]
    heard = [line for line in outcome.transcript if line.startswith("<<<")]
    assert heard == [f"<<< {code}{HIDDEN}" for code in ("220 ", "250-", "235 ", "250 ", "550 ", "250 ", "221 ")]


def test_no_secret_in_pieces():
    wanted = plan(TO, OTHER, credentials=Credentials("user", Secret("hunter2"), "PLAIN"))
    lines = "\n".join(f"550-{char}" for char in "hunt") + "\n550 er"
    script = (GREETING, offer("PLAIN"), "235 fine", "250 2.1.0 hunt", "250 2.1.5 er2", lines, "354 go", "250 ok", BYE)
    outcome = local(wanted, *script).outcome
    assert [one.text for one in outcome.findings if one.codes][2:6] == ["fine", HIDDEN, HIDDEN, HIDDEN]
    heard = [line for line in outcome.transcript if line.startswith("<<<")]
    assert heard[3:7] == ["<<< 235 fine", *[f"<<< 250 {HIDDEN}"] * 2, f"<<< 550-{HIDDEN}"]
    assert heard[7:] == ["<<< 354 go", "<<< 250 ok", f"<<< {BYE}"]


def test_no_secret_in_the_list_of_mechanisms():
    wanted = plan(credentials=Credentials("user", Secret("hunter2"), None))
    talk = local(wanted, GREETING, offer("HUNTER2", "X-HUNT"), BYE)
    assert talk.last.cause == f"no mechanism in common, offered: {HIDDEN} X-HUNT"
    assert "hunter2" not in repr(talk.outcome).lower()


def test_ordinary_words_stay_beside_a_common_password():
    wanted = plan(credentials=Credentials("user", Secret("password"), "PLAIN"))
    talk = local(
        wanted, GREETING, offer("PLAIN"), "535 5.7.8 Error: authentication failed: invalid user or password", BYE
    )
    assert talk.last.text == "5.7.8 Error: authentication failed: invalid user or password"


def test_after_a_login_it_goes_on():
    talk = Talk(as_probe("PLAIN")._replace(sender=SENDER), GREETING, "250-mx1\n250 AUTH PLAIN", "235 ok", OK, OK, BYE)
    assert talk.verbs == "EHLO AUTH MAIL RSET QUIT"


def test_oauthbearer_tells_where_it_goes():
    talk = Talk(as_probe("OAUTHBEARER", TOKEN), GREETING, "250-mx1\n250 AUTH OAUTHBEARER", "235 ok", BYE)
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
    talk = Talk(as_probe("XOAUTH2", TOKEN), GREETING, "250-mx1\n250 AUTH XOAUTH2", "334 e30=", "535 no", BYE)
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
    assert final not in repr(talk.outcome)


def test_a_reply_cut_off_hides_the_password_too():
    talk = Talk(as_probe("PLAIN"), GREETING, "250-mx1\n250 AUTH PLAIN", silence(f"535-not {PASSWORD}".encode()), BYE)
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
    assert PASSWORD not in repr(talk.outcome)
    assert talk.decisive.text == HIDDEN


def test_an_explanation_is_hidden_and_shown_alone_where_the_code_says_nothing():
    token = base64.b64encode(b'{"status":"invalid_token","scope":"correct.horse"}').decode()
    hello = "250-mx1\n250 AUTH XOAUTH2"
    talk = Talk(as_probe("XOAUTH2", TOKEN), GREETING, hello, f"334 {token}", "550 no", BYE)
    assert talk.decisive.cause == f"XOAUTH2: {HIDDEN}"
    talk = Talk(as_probe("XOAUTH2", TOKEN), GREETING, hello, f"334 {token}", "535 no", BYE)
    assert talk.decisive.cause == f"XOAUTH2: credentials rejected: {HIDDEN}"


def test_a_login_that_is_refused_ends_it():
    talk = Talk(as_probe("PLAIN")._replace(sender=SENDER), GREETING, "250-mx1\n250 AUTH PLAIN", "535 no", BYE)
    assert talk.verbs == "EHLO AUTH QUIT"


def test_responses_are_not_in_the_transcript():
    talk = Talk(
        as_probe("LOGIN"), GREETING, "250-mx1\n250 AUTH LOGIN", "334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6", "235 ok", BYE
    )
    assert [line for line in talk.outcome.transcript if line.startswith(">>>")] == [
        *(">>> EHLO probe.example.org", ">>> AUTH LOGIN", ">>> ***", ">>> ***", ">>> QUIT")
    ]
    talk = Talk(as_probe("PLAIN"), GREETING, "250-mx1\n250 AUTH PLAIN", "235 ok", BYE)
    assert ">>> AUTH PLAIN ***" in talk.outcome.transcript


def test_a_challenge_in_several_lines_is_one():
    hello = "250-mx1\n250 AUTH CRAM-MD5"
    talk = Talk(as_probe("CRAM-MD5"), GREETING, hello, "334-PDE4\n334 OTY+", "235 ok", BYE)
    digest = hmac.new(PASSWORD.encode(), b"<1896>", "md5").hexdigest()
    assert base64.b64decode(talk.commands[2]) == f"probe {digest}".encode()


def test_silence_at_auth_names_the_command():
    hello = "250-mx1\n250 AUTH LOGIN"
    assert Talk(as_probe("LOGIN"), GREETING, hello, silence(), BYE).decisive.cause == "no reply to AUTH LOGIN for 9.9 s"
    talk = Talk(as_probe("LOGIN"), GREETING, hello, "334 VXNlcm5hbWU6", silence(), BYE)
    assert talk.decisive.cause == "no reply to AUTH LOGIN for 9.9 s"


def test_a_cancelled_exchange_is_not_waited_for_long():
    talk = Talk(as_probe("CRAM-MD5"), GREETING, "250-mx1\n250 AUTH CRAM-MD5", "334 not base64!", "501 ok", BYE)
    assert talk.commands[2] == "*"
    assert talk.limits[3:] == [2.0, 2.0]
    assert talk.strict[3:] == [False, False]
    assert talk.decisive.cause == "CRAM-MD5 challenge is not valid base64"


def test_a_login_that_is_answered_with_another_success_is_not_finished():
    talk = Talk(as_probe("LOGIN"), GREETING, "250-mx1\n250 AUTH LOGIN", "250 ok", BYE)
    assert talk.decisive.cause == "not a reply to AUTH LOGIN"


def test_a_login_that_is_accepted_before_it_was_sent_is_none():
    talk = Talk(as_probe("PLAIN"), GREETING, "250-mx1\n250 AUTH PLAIN", early("235 ok"))
    assert (talk.decisive.kind, talk.decisive.cause) == ("protocol", "not a reply to AUTH PLAIN")


def test_where_nothing_can_be_bound_nobody_knows():
    """No fault of the server: its certificate is signed in a way that names no hash (RFC 5929 section 4.1)."""
    wanted = login("SCRAM-SHA-256-PLUS")._replace(tls=TlsPlan("ssl"))
    talk = Talk(wanted, GREETING, offer("SCRAM-SHA-256-PLUS"), BYE)
    assert talk.decisive == Finding(
        "auth", "missing", cause=f"{binding.NONE}, offered: SCRAM-SHA-256-PLUS", default="unknown"
    )
    assert talk.verbs == "EHLO QUIT"
