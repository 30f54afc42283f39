"""How a conversation opens: the lookup, the connection, the PROXY header, the greeting."""

from __future__ import annotations

import pytest

from helpers.talk import (
    BYE,
    EHLO,
    GO,
    GREETING,
    LOOPBACK,
    OK,
    PEER,
    SECONDS,
    TARGET,
    TO,
    UP_TO_EHLO,
    Talk,
    closed,
    plan,
    silence,
)
from smtp_status.findings import Address, Failure, Finding, Target
from smtp_status.smtp.actions import Connected, Tell
from smtp_status.tls.plan import TlsPlan


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
    """It takes three for a code (docs/options.md); a text may stand anywhere, and the greeting must be 220 too."""
    talk = Talk(plan(expect=expected), greeting, *([EHLO] if kind == "success" else []), BYE)
    (banner,) = [finding for finding in talk.outcome.findings if finding.stage == "banner"]
    assert banner.kind == kind


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


def test_helo_alone_knows_no_extensions_either():
    talk = Talk(plan(TO, helo_only=True, quit_after="mail"), GREETING, EHLO, OK, OK, BYE)
    assert talk.commands[:2] == ["HELO probe.example.org", "MAIL FROM:<from@example.org>"]


def test_helo_knows_no_extensions():
    tls = TlsPlan("starttls")
    talk = Talk(plan(tls=tls), GREETING, "502-no\n502 STARTTLS", "250-mx1\n250 STARTTLS", BYE)
    assert talk.verbs == "EHLO HELO QUIT"
    assert talk.last == Finding("starttls", "missing", cause="STARTTLS not offered; EHLO was refused: 502 no STARTTLS")


@pytest.mark.parametrize(
    ("own", "name"),
    [("192.0.2.99", "[192.0.2.99]"), ("2001:db8::1", "[IPv6:2001:db8::1]"), ("", "localhost")],
)
def test_name_of_an_unnamed_host(own, name):
    connected = Connected(PEER, (own, 40000), SECONDS, 0.0)
    talk = Talk(plan(helo=None), *UP_TO_EHLO, BYE, connected=connected)
    assert talk.commands[0] == f"EHLO {name}"


def test_where_it_was_looked_up_and_connected_to():
    target = TARGET._replace(addresses=(PEER, Address(2, ("192.0.2.11", 25), "192.0.2.11", 25)), dns_seconds=0.5)
    talk = Talk(plan(), GREETING, EHLO, BYE, target=target)
    assert talk.outcome.findings[:2] == (
        Finding("dns", "success", cause="192.0.2.10, 192.0.2.11", seconds=0.5),
        Finding("connect", "success", cause="192.0.2.10 port 25", seconds=SECONDS),
    )
    assert talk.actions[0].addresses == target.addresses
    assert talk.times["dns"] == 0.5


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


def test_silence_after_the_second_hello_names_it():
    assert Talk(plan(), GREETING, "500 what", silence(), BYE).decisive.cause == "no reply to HELO for 9.9 s"
