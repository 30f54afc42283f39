"""Commands: which stage a raw one counts as, and that each is one line on the wire."""

from __future__ import annotations

import pytest

from smtp_status.smtp.command import RawCommand, command_line


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
