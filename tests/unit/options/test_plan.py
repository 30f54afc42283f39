"""What is to be said to a server: addresses, commands, message."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from helpers.command_lines import fault, made
from smtp_status.options.settings import shown
from smtp_status.smtp.address import NULL, Mailbox


def test_a_command_line_by_position() -> None:
    settings = made("mx.example.org", "a@example.org", "b@example.org", "Subject: hi\\n\\nbody")
    assert settings.hosts == ("mx.example.org",)
    assert settings.plan.sender == Mailbox("a", "example.org")
    assert settings.plan.recipients == (Mailbox("b", "example.org"),)
    assert settings.plan.message is not None
    text = b"".join(settings.plan.message.chunks())
    assert text.startswith(b"Subject: hi\r\n")
    assert text.endswith(b"\r\n\r\nbody\r\n")
    assert b"\r\nX-Check-SMTP-Status: " in text
    assert b"host=probe.example.net\r\n" in text


def test_positions_and_options_say_the_same() -> None:
    assert made("mx", "a@b.example").plan == made("-H", "mx", "-f", "<a@b.example>").plan
    settings = made("mx", "a@b.example", "c@d.example", "-f", "a@b.example", "--to", "e@f.example")
    assert [mailbox.address for mailbox in settings.plan.recipients] == ["e@f.example", "c@d.example"]


@pytest.mark.parametrize("sender", ["", "<>"])
def test_the_null_reverse_path(sender: str) -> None:
    assert made("-f", sender).plan.sender == NULL
    assert made("mx", sender).plan.sender == NULL


def test_without_sender_and_recipient_there_is_none() -> None:
    plan = made().plan
    assert (plan.sender, plan.recipients, plan.message) == (None, (), None)


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["-f", "a b@c.example"], "-f takes a mail address, not 'a b@c.example': "),
        (["mx", "@"], "FROM takes a mail address, not @: "),
        (["--to", "a@b..c"], "--to takes a mail address, not a@b..c: "),
        (["--to", "<a@b.example>\r\nDATA"], "--to takes no control characters, and there is a 0x0d"),
        (["--to", ""], "--to takes a mail address, and the null path is for senders only"),
        (["mx", "", "<>"], "TO takes a mail address, and the null path is for senders only"),
        (["--to", "a" * 65536 + "@b.example"], "--to takes a mail address, not "),
        (["--to", "a\udcff@b.example"], "--to takes text in UTF-8"),
        (["mx", "a@b.example", "-f", "c@d.example"], "FROM and -f differ, give one"),
        (["mx", "", "a@b.example", "x", "--data", "y"], "DATA and --data differ, give one"),
        (["mx", "", "a@b.example", "x", "--data-file", "/dev/null"], "--data-file and DATA exclude each other"),
        (["--data", "x", "--data-file", "/dev/null"], "--data-file and --data exclude each other"),
    ],
)
def test_faults_of_addresses_and_positions(argv: list[str], message: str) -> None:
    assert fault(*argv).startswith(message)


@pytest.mark.parametrize(
    ("argv", "helo"),
    [
        (["-F", "mx.example.org"], "mx.example.org"),
        (["-F", "probe"], "probe"),
        (["-F", "[192.0.2.1]"], "[192.0.2.1]"),
        (["-F", "my_host"], "my_host"),
        (["-F", "münchen.example"], "xn--mnchen-3ya.example"),
        ([], "probe.example.net"),
    ],
)
def test_helo(argv: list[str], helo: str) -> None:
    assert made(*argv).plan.helo == helo


@pytest.mark.parametrize(("nodename", "shown_as"), [("probe", "probe"), ("a b", "localhost"), ("", "localhost")])
def test_a_host_name_without_dot_is_no_ehlo_name(monkeypatch: pytest.MonkeyPatch, nodename: str, shown_as: str) -> None:
    monkeypatch.setattr("os.uname", lambda: os.uname_result(("Linux", nodename, "1", "1", "x")))
    plan = made("--to", "a@b.example").plan
    assert plan.helo is None
    assert plan.message is not None
    assert f"\r\nFrom: postmaster@{shown_as}\r\n".encode() in b"\r\n" + b"".join(plan.message.chunks())


@pytest.mark.parametrize("name", ["a b", "x" * 256])
def test_faults_of_helo(name: str) -> None:
    assert fault("-F", name) == f"-F takes a name of at most 255 octets without blanks, not {shown(name)}"


def test_expect() -> None:
    assert made("-e", "220 mx").plan.expect == "220 mx"


def test_lmtp() -> None:
    assert not made().plan.lmtp
    assert made("-L").plan.lmtp


def test_commands_and_responses_are_paired_in_order() -> None:
    commands = made(
        "-C", "NOOP", "-C", "RCPT TO:<a@b.example>", "-R", "250", "-C", "DATA", "-C", ".", "-R", "Ok"
    ).plan.commands
    assert [command.line for command in commands] == [b"NOOP", b"RCPT TO:<a@b.example>", b"DATA", b"."]
    assert [command.stage for command in commands] == ["command", "rcpt", "data", "message"]
    assert [command.expected and command.expected.pattern for command in commands] == ["^(?:250)", "Ok", None, None]
    assert made("-C", "mail from:<>").plan.commands[0].stage == "mail"
    assert made("-R", "250").plan.commands == ()


@pytest.mark.parametrize(
    ("argv", "pairs"),
    [
        (["-C", "", "-R", ""], []),
        (["-C", "", "-R", "250"], []),
        (["-C", "NOOP", "-R", ""], [(b"NOOP", None)]),
        (["-C", "NOOP", "-R", "", "-C", "RSET", "-R", "250"], [(b"NOOP", None), (b"RSET", "^(?:250)")]),
        (["-C", "", "-R", "", "-C", "RSET", "-R", "250"], [(b"RSET", "^(?:250)")]),
        (["-C", "", "-C", "RSET", "-R", "250"], [(b"RSET", "^(?:250)")]),
    ],
)
def test_empty_commands_are_not_sent_and_empty_responses_keep_their_rank(
    argv: list[str], pairs: list[tuple[bytes, str | None]]
) -> None:
    commands = made(*argv).plan.commands
    assert [(one.line, one.expected.pattern if one.expected else None) for one in commands] == pairs


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["-C", " "], "-C takes a command of 1 to 998 octets, not ' '"),
        (["-C", "x" * 999], "-C takes a command of 1 to 998 octets, not one of 999"),
        (["-C", f"AUTH XOAUTH2 {'dXNlcj1w' * 150}"], "-C takes a command of 1 to 998 octets, not one of 1213"),
        (["-C", "NOOP\r\nQUIT"], "-C takes no control characters, and there is a 0x0d"),
        (["-C", "a\tb"], "-C takes no control characters, and there is a 0x09"),
        (["-R", "("], "-R takes a regular expression: missing ), unterminated subpattern"),
        (["-R", "2)|(3"], "-R takes a regular expression: unbalanced parenthesis"),
        (["-R", "[[:foo:]]"], "-R takes a regular expression: there is no class [:foo:]"),
        (["-R", "a{99999999999999999999}"], "-R takes a regular expression: too deep or too large a repetition"),
        (["-R", "x" * 999], "-R takes a regular expression of at most 998 characters"),
    ],
)
def test_faults_of_commands(argv: list[str], message: str) -> None:
    assert fault(*argv) == message


def test_subject_headers_and_file(place: Path) -> None:
    (place / "mail").write_bytes(b"Subject: one\n\nbody\n")
    argv = ["--to", "a@b.example", "--data-file", "mail", "--subject", "two", "--header", "X-A: 1", "--header", "X-A:2"]
    message = made(*argv).plan.message
    assert message is not None
    text = b"".join(message.chunks())
    assert b"Subject: two\r\n" in text
    assert b"X-A: 1\r\nX-A: 2\r\n" in text
    assert text.endswith(b"\r\n\r\nbody\r\n")


@pytest.mark.parametrize("more", [[], ["--to", "a@b.example"]])
@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--data-file", "missing"], "--data-file cannot read missing: No such file or directory"),
        (["--data-file", "."], "--data-file cannot read .: Is a directory"),
        (["--data", "x" * 999], "--data cannot be sent: line 1 is longer than 998 octets"),
        (["--data", "a\0b"], "--data cannot be sent: line 1 holds the control character 0x00"),
        (["--data", "a\udcffb"], "--data takes text in UTF-8"),
        (["--header", "X"], "--header takes 'Name: value', not X"),
        (["--header", "a b: c"], "--header cannot be sent: a header name is printable ASCII without space and colon"),
        (["--header", "X: a\nb"], "--header takes no control characters, and there is a 0x0a"),
        (["--subject", "a\r\nb"], "--subject takes no control characters, and there is a 0x0d"),
        (
            ["--header", "X: ok", "--header", "Y: " + "y" * 999],
            "--header cannot be sent: header Y has a word too long for a line of 998 octets",
        ),
        (
            ["--subject", "y" * 999],
            "--subject cannot be sent: header Subject has a word too long for a line of 998 octets",
        ),
    ],
)
def test_faults_of_the_message(place: Path, argv: list[str], message: str, more: list[str]) -> None:
    assert fault(*argv, *more) == message


def test_a_pipe_nobody_writes_to_is_left_at_the_deadline(place: Path) -> None:
    os.mkfifo(place / "pipe")
    said = fault("--to", "a@b.example", "--data-file", "pipe", "-t", "0.05")
    assert said == "--data-file cannot read pipe: its end did not come in time"


def test_standard_input_is_read_for_recipients_only(monkeypatch: pytest.MonkeyPatch) -> None:
    from smtp_status.smtp.message import Message

    files = []
    real = Message.build

    def build(data: Any, file: Any, *rest: Any) -> Message:
        files.append(file)
        return real(data, None, *rest)

    monkeypatch.setattr(Message, "build", build)
    assert made("--data-file", "-").plan.message is None
    assert files == []
    assert made("--data-file", "-", "--to", "a@b.example").plan.message is not None
    assert files == ["-"]


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--proxy-version", "2"], "--proxy-version takes --proxy as well"),
        (["--proxy", "--proxy-version", "3"], "--proxy-version takes 1 or 2, not 3"),
        (["--helo", "-S"], "--helo and -S exclude each other, since HELO tells of no extension"),
        (["--helo", "-L"], "--helo and -L exclude each other, since HELO tells of no extension"),
        (["--helo", "-D", "5"], "--helo and -D exclude each other, since HELO tells of no extension"),
        (
            ["--helo", "-U", "u", "-P", "secret"],
            "--helo and -U exclude each other, since HELO tells of no extension",
        ),
        (
            ["--helo", "--dane", "try", "-H", "mx.example.org"],
            "--helo and --dane exclude each other, since HELO tells of no extension",
        ),
    ],
)
def test_what_does_not_go_together(argv: list[str], message: str) -> None:
    assert fault(*argv) == message
