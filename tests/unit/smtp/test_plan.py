"""What one conversation is to do where nobody asked for anything."""

from __future__ import annotations

from helpers.talk import BYE, EHLO, GREETING, Talk
from smtp_status.smtp.plan import Plan
from smtp_status.tls.plan import TlsPlan


def test_it_says_no_more_than_its_name_and_farewell():
    assert Plan(helo="probe.example.org") == Plan(
        "probe.example.org", None, None, (), None, (), None, False, False, None, 1, TlsPlan("off"), None, verbose=0
    )
    talk = Talk(Plan(helo="probe.example.org"), GREETING, EHLO, BYE)
    assert talk.commands == ["EHLO probe.example.org", "QUIT"]


def test_without_a_name_it_is_the_address_of_our_end():
    assert Talk(Plan(), GREETING, EHLO, BYE).commands[0] == "EHLO [192.0.2.99]"
