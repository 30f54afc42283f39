"""The conversation without a socket: results from a list in, actions and findings out."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.talk import (
    BARE,
    BYE,
    EHLO,
    EHLO_TLS,
    GO,
    GREETING,
    NOW,
    OK,
    OTHER,
    PEER,
    SECONDS,
    SENDER,
    TARGET,
    TO,
    UP_TO_EHLO,
    UP_TO_RCPT,
    WHOLE,
    Talk,
    closed,
    early,
    offer,
    plan,
    raw,
    silence,
    surplus,
    unasked,
)
from smtp_status.findings import Finding
from smtp_status.sasl.credentials import Credentials, Secret
from smtp_status.smtp.dialogue import Dialogue
from smtp_status.smtp.plan import RawCommand, Route
from smtp_status.smtp.transcript import KEPT
from smtp_status.stages import STAGES
from smtp_status.tls.plan import TlsPlan

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
    greeting = "\n".join(f"220-{number}" for number in range(1999)) + "\n220 end"
    talk = Talk(plan(TO, text="Subject: x\n\n" + "line\n" * 100), greeting, *WHOLE[1:])
    transcript = talk.outcome.transcript
    kept = transcript.index("<<< ... 2000 lines in all")
    assert transcript[: kept - 1] == tuple(f"<<< 220-{number}" for number in range(kept - 1))  # the last one is cut
    assert KEPT - 9 < sum(len(line) - 4 + 1 for line in transcript[:kept]) <= KEPT + 9
    data = transcript.index(">>> DATA")
    assert transcript[data + 2 + 30] == f">>> ... {len(talk.sent[4]) - 3} octets in all"
    assert transcript[data + 2 + 31] == ">>> ."


def test_server_text_is_made_harmless():
    talk = Talk(plan(), b"220 \x1b[31m|<a>&\xff\\n", EHLO, BYE)
    assert talk.outcome.transcript[0] == "<<< 220 ␛[31m¦‹a›＆‹FF›∖n"
    assert talk.outcome.findings[1].text == "␛[31m¦a＆‹FF›∖n"


def test_lines_of_a_reply_are_joined():
    talk = Talk(plan(TO), GREETING, EHLO, "550-5.7.1 not\n550-5.7.1   today\n550 5.7.1 sorry", BYE)
    assert talk.last == Finding("mail", "failure", (550,), "5.7.1 not today sorry", seconds=SECONDS)


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


# -- whatever the server does


results = st.one_of(
    st.builds(lambda code, text: f"{code} {text}", st.integers(200, 559), st.sampled_from(["ok", "STARTTLS", ""])),
    st.sampled_from(
        [GREETING, EHLO, OK, GO, BYE, EHLO_TLS, offer("PLAIN", "LOGIN"), "334 ", "334 !", "hello", "220-a\n250 b"]
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


def test_the_run_ends_where_the_lookup_would_be():
    """A numeric address beside a name (``-H mx1 -H 192.0.2.1 --quit-after dns``) is not looked up, nor sent to."""
    talk = Talk(plan(TO, quit_after="dns"))
    assert (talk.actions, talk.outcome.findings) == ([], ())


def test_quit_after_message_leaves_out_raw_commands():
    raw = (RawCommand(b"NOOP"),)
    talk = Talk(plan(TO, quit_after="message", commands=raw), GREETING, EHLO, OK, OK, "354 go", OK, BYE)
    assert talk.verbs == "EHLO MAIL RCPT DATA <message> QUIT"


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
