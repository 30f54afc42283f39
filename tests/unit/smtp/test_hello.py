"""EHLO, HELO and LHLO: which is said, by what name, and what the server's extensions are."""

from __future__ import annotations

import pytest

from helpers.talk import (
    BYE,
    GO,
    GREETING,
    OK,
    PEER,
    SECONDS,
    TO,
    UP_TO_EHLO,
    Talk,
    plan,
)
from smtp_status.findings import Finding
from smtp_status.smtp.actions import Connected
from smtp_status.tls.plan import TlsPlan


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
