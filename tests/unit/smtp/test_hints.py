"""What is said of a refusal or a lack, by the words that came."""

from __future__ import annotations

import pytest

from helpers.talk import BARE, BYE, GREETING, OK, SENDER, TO, Talk, plan
from smtp_status.findings import Finding
from smtp_status.tls.plan import TlsPlan


@pytest.mark.parametrize(
    ("greeting", "replies", "came"),
    [
        (GREETING, ("500 5.5.1 what?", "250 mx1"), "EHLO was refused: 500 5.5.1 what?"),
        (GREETING, ("250-mx1\n250-SIZE 100\n250 XXXXXXXA",), "XXXXXXXA: a firewall's ESMTP inspection?"),
        (GREETING, ("250-mx1\n250-XXXXXXXX\n250 SIZE",), "XXXXXXXX: a firewall's ESMTP inspection?"),
        (
            "220 **************2*******0*0*0**************",
            ("250 mx1",),
            "a greeting of asterisks: a firewall's SMTP inspection?",
        ),
        (GREETING, ("250-mx1\n250-XXX\n250 XEXCH50",), ""),
        ("220 *** welcome to the mail server of example.org ***", ("250 mx1",), ""),
    ],
)
def test_what_came_in_the_place_of_starttls(greeting, replies, came):
    talk = Talk(plan(tls=TlsPlan("starttls")), greeting, *replies, BYE)
    assert talk.last == Finding("starttls", "missing", cause="STARTTLS not offered" + (f"; {came}" if came else ""))


def test_a_greeting_of_asterisks_is_told():
    stars = "220 ****************2******0*****"
    talk = Talk(plan(expect="Postfix"), stars, BYE)
    assert talk.last.cause == "greeting without Postfix; asterisks: a firewall's SMTP inspection?"
    told = Talk(plan(), stars, "250 mx1", BYE).outcome.details
    assert "banner: asterisks, as a firewall's SMTP inspection puts them" in told


def test_a_refusal_of_asterisks_is_told():
    talk = Talk(plan(), "554 ************************", BYE)
    assert (talk.last.stage, talk.last.codes) == ("banner", (554,))
    assert talk.last.cause == "asterisks: a firewall's SMTP inspection?"


def test_why_is_in_the_words_about_ehlo():
    about_names = "504 5.5.2 probe: need fully-qualified hostname"
    talk = Talk(plan(), GREETING, about_names, "504 5.5.2 Bad", BYE)
    assert talk.last.cause == "it wants another name of this host: -F?"


@pytest.mark.parametrize(
    ("reply", "hint"),
    [
        ("450 4.7.1 Helo command rejected: Host not found", "it wants another name of this host: -F?"),
        ("550 5.7.1 Bad HELO/EHLO: not a name", "it wants another name of this host: -F?"),
        ("503 5.5.1 Error: send HELO/EHLO first", ""),
        ("550 polite people say HELO first", ""),
        ("550 5.1.1 <helo@example.org>: Recipient address rejected: User unknown", ""),
        ("550 5.1.8 <michelot@helo.example>: Sender address rejected: Domain not found", ""),
        ("550 5.7.23 SPF fail: identity=mailfrom; helo=probe.example.org; envelope-from=x@example.net", ""),
        ("450 4.7.25 Client host rejected: cannot find your hostname, [192.0.2.1]", ""),
    ],
)
def test_a_name_is_asked_for_again_by_who_forgot_it(reply, hint):
    talk = Talk(plan(sender=SENDER), GREETING, BARE, reply, BYE)
    assert (talk.last.stage, talk.last.cause) == ("mail", hint)
    # Postfix waits with it until it knows the recipient.
    talk = Talk(plan(TO), GREETING, BARE, OK, reply, OK, BYE)
    assert (talk.last.stage, talk.last.cause) == ("rcpt", hint)


@pytest.mark.parametrize(
    ("reply", "hint"),
    [
        (
            "504 5.5.2 <x>: Helo command rejected: need fully-qualified hostname",
            "it wants another name of this host: -F?",
        ),
        ("501 5.5.4 Invalid domain name", "it wants another name of this host: -F?"),
        ("550 5.7.1 Bad HELO name", "it wants another name of this host: -F?"),
        ("501 Syntactically invalid EHLO argument(s)", "it wants another name of this host: -F?"),
        ("501 5.0.0 EHLO requires domain address", "it wants another name of this host: -F?"),
        # Postfix with smtpd_delay_reject=no says what it has against the address only now.
        ("450 4.7.25 Client host rejected: cannot find your hostname, [192.0.2.1]", ""),
        ("554 5.7.1 Client host [192.0.2.1] blocked using bl.example; no hostname", ""),
        ("550 your host name has no reverse DNS", ""),
        ("550 Hello named client, go away", ""),
        ("504 5.5.1 not implemented", "an LMTP server? try --lmtp"),
        ("500 5.5.1 unknown", "an LMTP server? try --lmtp"),
        ("550 5.7.1 go away", ""),
    ],
)
def test_a_hint_looks_at_the_words(reply, hint):
    again = (reply,) if reply[:3] in ("500", "504") else ()
    talk = Talk(plan(), GREETING, reply, *again, BYE)
    assert (talk.last.stage, talk.last.cause) == ("ehlo", hint)


@pytest.mark.parametrize(
    ("reply", "hint"),
    [
        ("500 5.5.2 command not recognized", "perhaps the reply to the PROXY header"),
        ("504 5.5.2 need fully-qualified hostname", "it wants another name of this host: -F?"),
        ("550 5.7.1 go away", ""),
    ],
)
@pytest.mark.parametrize("verb", [{}, {"lmtp": True}, {"helo_only": True}], ids=["EHLO", "LHLO", "HELO"])
def test_behind_a_proxy_header_a_refusal_is_the_last_word(verb, reply, hint):
    talk = Talk(plan(proxy=(), **verb), GREETING, reply, BYE)
    assert (talk.last.stage, talk.last.cause) == ("ehlo", hint)
    assert talk.commands[-1] == "QUIT" and talk.commands[-2].endswith("LO probe.example.org")


def test_within_tls_no_proxy_header_is_answered():
    talk = Talk(plan(proxy=(), tls=TlsPlan("ssl")), GREETING, "500 what?", "250 mx1", BYE)
    assert talk.last.succeeded


def test_helo_first_and_nothing_else():
    talk = Talk(plan(helo_only=True), GREETING, "250-mx1\n250 PIPELINING", BYE)
    assert talk.commands == ["HELO probe.example.org", "QUIT"]
    assert talk.last.succeeded


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
