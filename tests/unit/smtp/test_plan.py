"""What one conversation is to do where nobody asked for anything."""

from __future__ import annotations

import pytest

from helpers.talk import BYE, EHLO, GREETING, TARGET, Talk, plan
from smtp_status.findings import Finding
from smtp_status.smtp.dialogue import Dialogue
from smtp_status.smtp.plan import Plan, RawCommand, Route
from smtp_status.smtp.session import command_line


def test_it_says_no_more_than_its_name_and_farewell():
    talk = Talk(Plan(helo="probe.example.org"), GREETING, EHLO, BYE)
    assert talk.commands == ["EHLO probe.example.org", "QUIT"]


def test_without_a_name_it_is_the_address_of_our_end():
    assert Talk(Plan(), GREETING, EHLO, BYE).commands[0] == "EHLO [192.0.2.99]"


def test_nothing_is_known_of_a_target_unless_somebody_says_so():
    assert Route(TARGET) == (TARGET, (), None)


def test_what_is_known_is_found_again_in_the_outcome():
    known = Finding("dns", "policy", cause="an alias", default="warning")
    outcome = Dialogue(plan(), Route(TARGET, (known,)), 0.0).outcome(0.0)
    assert (outcome.target, outcome.findings) == (TARGET, (known,))


@pytest.mark.parametrize(
    ("line", "stage"),
    [
        (b"MAIL FROM:<>", "mail"),
        (b"mail from:<>", "mail"),
        (b"RCPT TO:<a@b.example>", "rcpt"),
        (b"DATA", "data"),
        (b"data", "data"),
        (b".", "message"),
        (b"..", "command"),
        (b". ", "command"),
        (b"NOOP", "command"),
        (b"MAILBOX", "command"),
        (b"VRFY RCPT", "command"),
        (b"", "command"),
    ],
)
def test_the_stage_of_a_raw_command(line, stage):
    assert RawCommand(line).stage == stage


def test_the_line_on_the_wire():
    assert command_line(b"NOOP") == b"NOOP\r\n"


@pytest.mark.parametrize("line", [b"NOOP\r\nQUIT", b"NOOP\n", b"\rNOOP"])
def test_one_command_is_one_line(line):
    with pytest.raises(ValueError, match=r"^line end inside a command$"):
        command_line(line)
