"""From argv to Settings: what every option does, and the one line each mistake gets."""

from __future__ import annotations

import os
import re
import socket
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from nagiosplugin import Range, ScalarContext

from smtp_status.options import build, hosts, table
from smtp_status.options.build import settings_from
from smtp_status.options.credentials import plaintext_refusal
from smtp_status.options.settings import InformationWanted, Settings, StateRule, UsageError, shown
from smtp_status.smtp import patterns
from smtp_status.smtp.address import NULL, Mailbox
from smtp_status.smtp.plan import Plan
from smtp_status.tls.plan import TlsPlan

STAGE_LIST = "dns sts connect banner ehlo starttls tls auth mail rcpt data message command quit"


@pytest.fixture(autouse=True)
def own_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host whose name is known."""
    name = os.uname_result(("Linux", "probe.example.net", "1", "1", "x"))
    monkeypatch.setattr("os.uname", lambda: name)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A current directory of its own, so that messages name short paths."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def made(*argv: str, **environ: str) -> Settings:
    return settings_from(argv, environ)


def fault(*argv: str, **environ: str) -> str:
    with pytest.raises(UsageError) as caught:
        settings_from(argv, environ)
    return str(caught.value)


def rules(*argv: str) -> list[tuple[str, str, str]]:
    return [(rule.stage, rule.what, rule.state) for rule in made(*argv).rules]


# Server


def test_the_defaults() -> None:
    assert made() == Settings(plan=Plan(helo="probe.example.net"))
    assert made().plan.tls == TlsPlan()


@pytest.mark.parametrize(
    ("argv", "targets"),
    [
        ([], ("localhost",)),
        (["mx.example.org"], ("mx.example.org",)),
        (["-H", "mx.example.org."], ("mx.example.org.",)),
        (["-H", "MX_1"], ("MX_1",)),
        (["-H", "192.0.2.1"], ("192.0.2.1",)),
        (["-H", "::1"], ("::1",)),
        (["-H", "[::1]"], ("::1",)),
        (["-H", "[192.0.2.1]"], ("192.0.2.1",)),
        (["-H", "fe80::1%lo"], ("fe80::1%lo",)),
        (["-H", "fe80::1%1"], ("fe80::1%1",)),
        (["-H", "/run/dovecot/lmtp"], ("/run/dovecot/lmtp",)),
        (["-H", "münchen.example"], ("xn--mnchen-3ya.example",)),
        (["-H", "a", "-H", "b", "-H", "a"], ("a", "b")),
        (["-H", "a", ""], ("a",)),
        (["-H", "a", "-4", "", ""], ("a",)),
        (["-H", "a", "-q", "true"], ("a",)),
        (["-vS", "YES", "-H", "a", "--lmtp", "1", ""], ("a",)),
        (["-d", "example.org", "--mta-sts", "true", ""], ()),
        (["-d", "example.org"], ()),
    ],
)
def test_hosts(argv: list[str], targets: tuple[str, ...]) -> None:
    assert made(*argv).hosts == targets


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        ([""], "HOST takes a host name, an address or the path of a unix socket, not an empty text"),
        (["-H", ""], "-H takes a host name, an address or the path of a unix socket, not an empty text"),
        (["-H", "a b"], "-H takes a host name or an address, not 'a b'"),
        (["-H", "a..b"], "-H takes a host name or an address, not a..b"),
        (["-H", "."], "-H takes a host name or an address, not ."),
        (["-H", "-a"], "-H takes a host name or an address, not -a"),
        (["-H", "mx:25"], "-H takes a host name or an address, not mx:25, the port goes to -p"),
        (["-H", "a|b"], "-H takes a host name or an address, not a¦b"),
        (["-H", "a" * 64], f"-H takes a host name or an address, not {'a' * 20}…{'a' * 19}"),
        (["-H", "a." * 128], f"-H takes a host name or an address, not {'a.' * 10}….{'a.' * 9}"),
        (["-H", "x" * 65536], f"-H takes a host name or an address, not {'x' * 20}…{'x' * 18}…"),
        (["-H", "10.1"], "-H takes a host name or an address, and 10.1 is no valid IPv4 address"),
        (["-H", "0.0.0.0"], "-H takes an address to connect to, not 0.0.0.0"),
        (["-H", "[::]"], "-H takes an address to connect to, not [::]"),
        (["-H", "0x7f000001"], "-H takes a host name or an address, and 0x7f000001 is no valid IPv4 address"),
        (["-H", "192.0.2.256"], "-H takes a host name or an address, and 192.0.2.256 is no valid IPv4 address"),
        (["-H", "[mx]"], "-H takes an IPv4 or IPv6 address, not [mx]"),
        (["-H", "[::1"], "-H takes an IPv4 or IPv6 address, not [::1"),
        (["-H", "::g"], "-H takes a host name or an address, not ::g"),
        (["-H", "fe80::1%nope"], "-H takes an address of a network interface this host has, not fe80::1%nope"),
        (["-H", "ü" * 70 + ".example"], None),
        (["-H", "a\u2044b.example"], "-H takes a host name, and a\u2044b.example has no form in ASCII (IDNA)"),
        (["-H", "/" + "x" * 107], None),
        (["-H", "a\nb"], "-H takes no control characters, and there is a 0x0a"),
        (["-H", "a\x7fb"], "-H takes no control characters, and there is a 0x7f"),
        (["-H", "mx\udcff"], "-H takes text in UTF-8"),
        (["-H", "a", "b"], "b is one word too many beside -H"),
        (["a", "--hostname", "a"], "a is one word too many beside --hostname"),
        (["-H", "a", "25"], "25 is one word too many beside -H, -p?"),
        (["-H", "a", "-p", "25", "-q", "5 s"], "'5 s' is one word too many beside -H"),
        (["-H", "a", "true"], "true is one word too many beside -H"),
        (["-H", "a", "-w", "5", "1"], "1 is one word too many beside -H, -p?"),
        (["-H", "a", "-q", "true", "true"], "true is one word too many beside -H"),
        (["-H", "a", "-q", "false"], "false is one word too many beside -H"),
        (["-H", "a", "-q", "--", "true"], "true is one word too many beside -H"),
        (["-H", "a", "-d", "example.org"], "-H and --domain exclude each other"),
        (["a", "-d", "example.org"], "a is one word too many beside -d"),
        (
            ["-d", "a.example", "-d", "b.example"],
            "-d is given twice, with a.example and b.example: each domain takes a check of its own",
        ),
        (["-4", "-H", "::1"], "-H takes a name or an IPv4 address with -4, not ::1"),
        (["--use-ipv6", "127.0.0.1"], "HOST takes a name or an IPv6 address with -6, not 127.0.0.1"),
        (["-4", "-6"], "-6 and -4 exclude each other"),
        (["--use-ipv4", "-6"], "-6 and --use-ipv4 exclude each other"),
    ],
)
def test_faults_of_hosts(argv: list[str], message: str | None) -> None:
    said = fault(*argv)
    if message is None:
        assert said.startswith("-H takes ")
    else:
        assert said == message


@pytest.mark.parametrize(
    ("argv", "port"),
    [
        ([], 25),
        (["-s"], 465),
        (["-S"], 25),
        (["-s", "-p", "2465"], 2465),
        (["-p", "1"], 1),
        (["-p", "65535"], 65535),
        (["-p", "025"], 25),
        (["-H", "/s"], 0),
        (["-H", "/s", "-p", "24"], 0),
        (["-H", "/s", "-H", "mx", "-p", "24"], 24),
        (["-d", "example.org"], 25),
    ],
)
def test_ports(argv: list[str], port: int) -> None:
    assert made(*argv).port == port


@pytest.mark.parametrize(
    "port", ["0", "65536", "-1", "+25", "25.0", "smtp", "", " 25", "0x19", "2_5", "\u0662\u0665", "9" * 5000]
)
def test_faults_of_ports(port: str) -> None:
    assert fault("-p", port) == f"-p takes a port from 1 to 65535, not {shown(port)}"


def test_families() -> None:
    assert (made().family, made("-4").family, made("-6").family) == (0, 4, 6)
    assert made("-4", "127.0.0.1").hosts == ("127.0.0.1",)
    assert made("-6", "/run/lmtp").family == 6


def test_source() -> None:
    assert (made("--source", "127.0.0.1").source, made("--source", "127.0.0.1").family) == ("127.0.0.1", 4)
    assert made("--source", "127.0.0.1", "-4", "127.0.0.2").family == 4


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--source", "192.0.2.1"], "--source takes an address of this host, not 192.0.2.1"),
        (["--source", "mx"], "--source takes an IPv4 or IPv6 address, not mx"),
        (["--source", ""], "--source takes an IPv4 or IPv6 address, not ''"),
        (["--source", "127.0.0.1", "-6"], "--source takes an IPv6 address with -6, not 127.0.0.1"),
        (["--source", "127.0.0.1", "::1"], "--source 127.0.0.1 cannot be used to connect to ::1"),
        (["--source", "127.0.0.1", "/run/lmtp"], "--source 127.0.0.1 cannot be used to connect to /run/lmtp"),
    ],
)
def test_faults_of_source(argv: list[str], message: str) -> None:
    assert fault(*argv) == message


@pytest.mark.skipif(not socket.has_ipv6 or not hosts.is_own("::1"), reason="needs IPv6 on loopback")
def test_source_with_ipv6() -> None:
    assert (made("--source", "[::1]").source, made("--source", "::1").family) == ("::1", 6)


def test_proxy() -> None:
    assert made().plan.proxy is None
    assert made("-r").plan.proxy == ()
    assert made("--proxy").plan.proxy == ()
    assert made("--proxy=192.0.2.1:5,192.0.2.2:25").plan.proxy == ("192.0.2.1", 5, "192.0.2.2", 25)
    assert made("--proxy=[::1]:0,[::2]:25").plan.proxy == ("::1", 0, "::2", 25)


@pytest.mark.parametrize(
    "value", ["", "x", "192.0.2.1:5", "192.0.2.1,192.0.2.2", "::1:5,::2:5", "a:1,b:2", "192.0.2.1:5,192.0.2.2:65536"]
)
def test_faults_of_proxy(value: str) -> None:
    assert fault(f"--proxy={value}") == f"--proxy takes SRC:PORT,DST:PORT, IPv6 addresses in [], not {shown(value)}"


@pytest.mark.parametrize("value", ["[::1]:5,192.0.2.1:5", "[fe80::1%1]:5,[::1]:5"])
def test_addresses_of_proxy_do_not_fit(value: str) -> None:
    assert fault(f"--proxy={value}") == f"--proxy takes two plain addresses of one family, not {value}"


# Transaction


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


@pytest.mark.parametrize("option", ["-e", "-F", "-C", "-R", "-A", "-U", "-P"])
def test_an_empty_value_is_an_option_not_given(option: str) -> None:
    assert made(option, "") == made()
    assert made(option, "", "-H", "a") == made("-H", "a")


def test_an_empty_value_takes_nothing_away() -> None:
    assert made("-e", "220 mx", "-e", "").plan.expect == "220 mx"
    login = made("-S", "-U", "a", "-P", "geheim", "-A", "").plan.credentials
    assert login is not None
    assert (login.user, login.mechanism) == ("a", None)
    assert made("-f", "").plan.sender == NULL


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
        (["-C", "x" * 999], f"-C takes a command of 1 to 998 octets, not {'x' * 20}…{'x' * 19}"),
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


@pytest.mark.parametrize(
    ("pattern", "line", "matches"),
    [
        ("250", "250 ok", True),
        ("250", "550 250", False),
        ("250|251", "251 ok", True),
        ("250|251", "550 251", False),
        ("ok", "250 ok", True),
        ("^250", "550 250", False),
        ("ok$", "250 ok", True),
        ("", "anything", True),
        ("250[[:space:]]ok", "250 ok", True),
        ("250[ -]", "250-ok", True),
        ("[^[:digit:] ]", "250 1", False),
        ("[^[:digit:] ]", "250 1x", True),
        ("[]x]", "]", True),
        ("[^]x]", "]", False),
        ("[[:alpha:][:digit:]_]+$", "ab_1", True),
        ("[[:punct:]]", "a", False),
        ("[[:punct:]]", "-", True),
        (r"\[[:alpha:]", "[:", True),
        (r"\[[:alpha:]", "[z", False),
        (r"\[:alpha:\]", "[:alpha:]", True),
        (r"[\]]", "]", True),
        ("[[a]", "[", True),
        ("(?i)OK", "250 ok", True),
        ("250 ok$", "250-ok\n250 ok", True),
        ("^250 ok", "250-ok\n250 ok", True),
        (r"\d{3} ok", "250 ok", True),
    ],
)
def test_patterns(pattern: str, line: str, matches: bool) -> None:
    assert bool(patterns.compiled(pattern).search(line)) == matches


@pytest.mark.parametrize("name", patterns.CLASSES)
def test_every_class_of_posix_holds_what_it_should(name: str) -> None:
    inside = {chr(code) for code in range(256) if patterns.compiled(f"[[:{name}:]]").search(chr(code))}
    ascii_letters = {chr(code) for code in range(128) if chr(code).isalpha()}
    digits = set("0123456789")
    printable = {chr(code) for code in range(32, 127)}
    assert (
        inside
        == {
            "alpha": ascii_letters,
            "digit": digits,
            "alnum": ascii_letters | digits,
            "upper": {char for char in ascii_letters if char.isupper()},
            "lower": {char for char in ascii_letters if char.islower()},
            "xdigit": set("0123456789abcdefABCDEF"),
            "space": set(" \t\n\r\f\v"),
            "blank": set(" \t"),
            "cntrl": {chr(code) for code in range(32)} | {"\x7f"},
            "graph": printable - {" "},
            "print": printable,
            "punct": printable - {" "} - ascii_letters - digits,
        }[name]
    )


@pytest.mark.parametrize(
    ("argv", "stage"),
    [
        (["--quit-after", "banner"], "banner"),
        (["--quit-after", "EHLO"], "ehlo"),
        (["--quit-after", "quit"], None),
        (["mx", "--quit-after", "dns"], "dns"),
        (["-d", "example.org", "--quit-after", "dns"], "dns"),
        (["-d", "example.org", "--mta-sts", "--quit-after", "sts"], "sts"),
        (["-S", "--quit-after", "starttls"], "starttls"),
        (["-D", "3", "--quit-after", "tls"], "tls"),
        (["-s", "--quit-after", "tls"], "tls"),
        (["--dane", "try", "--quit-after", "starttls"], "starttls"),
        (["-U", "a", "-P", "b", "--quit-after", "auth"], "auth"),
        (["-f", "", "--quit-after", "mail"], "mail"),
        (["--to", "a@b.example", "--quit-after", "mail"], "mail"),
        (["--to", "a@b.example", "--quit-after", "rcpt"], "rcpt"),
        (["--to", "a@b.example", "--quit-after", "data"], "data"),
        (["--to", "a@b.example", "--quit-after", "message"], "message"),
        (["-f", "", "-C", "RCPT TO:<a@b.example>", "--quit-after", "rcpt"], "rcpt"),
        (["-C", "NOOP", "--quit-after", "command"], "command"),
    ],
)
def test_quit_after(argv: list[str], stage: str | None) -> None:
    assert made(*argv).plan.quit_after == stage


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["127.0.0.1", "--quit-after", "dns"], "dns is a stage this run does not have, the host is no name"),
        (["--quit-after", "sts"], "sts is a stage this run does not have, it takes --mta-sts"),
        (["-s", "--quit-after", "starttls"], "starttls is a stage this run does not have, it takes --starttls"),
        (["--quit-after", "tls"], "tls is a stage this run does not have, it takes --starttls or --ssl"),
        (["--quit-after", "auth"], "auth is a stage this run does not have, it takes --authuser"),
        (["--quit-after", "mail"], "mail is a stage this run does not have, it takes --from or --to"),
        (["-f", "", "--quit-after", "rcpt"], "rcpt is a stage this run does not have, it takes --to"),
        (["-f", "", "--quit-after", "data"], "data is a stage this run does not have, it takes --to"),
        (["-f", "", "--quit-after", "message"], "message is a stage this run does not have, it takes --to"),
        (["--quit-after", "command"], "command is a stage this run does not have, it takes --command"),
        (["--quit-after", "bogus"], f"takes a stage, not bogus: {STAGE_LIST}"),
        (["--quit-after", ""], f"takes a stage, not '': {STAGE_LIST}"),
    ],
)
def test_faults_of_quit_after(argv: list[str], message: str) -> None:
    assert fault(*argv) == f"--quit-after {message}"


# Message


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


# TLS


@pytest.mark.parametrize(
    ("argv", "mode", "verify"),
    [
        ([], "off", True),
        (["-S"], "starttls", True),
        (["-s"], "ssl", True),
        (["--tls"], "ssl", True),
        (["-D", "3"], "starttls", True),
        (["-D", "3", "-s"], "ssl", True),
        (["-D", "3", "-S"], "starttls", True),
        (["-S", "--no-verify"], "starttls", False),
        (["--dane", "off"], "off", True),
        (["--dane", "try"], "offered", False),
        (["-d", "example.org", "--mta-sts"], "offered", False),
        (["-S", "--dane", "require"], "starttls", False),
        (["--sni", "-S"], "starttls", True),
        (["--ca", "."], "off", True),
    ],
)
def test_tls_modes(argv: list[str], mode: str, verify: bool) -> None:
    tls = made(*argv).plan.tls
    assert (tls.mode, tls.verify) == (mode, verify)


def test_tls_details(place: Path) -> None:
    for name in ("ca.pem", "cert.pem", "key.pem"):
        (place / name).write_text("x")
    argv = ["-S", "--ca", "ca.pem", "--client-cert", "cert.pem", "--client-key", "key.pem", "--tls-min", "1.3"]
    tls = made(*argv, "--tls-name", "MX.example.org.").plan.tls
    assert tls == TlsPlan("starttls", "MX.example.org", "ca.pem", "cert.pem", "key.pem", "1.3", True, frozenset())
    assert made("--ca", str(place)).plan.tls.ca == str(place)
    assert made("--tls-name", "[::1]").plan.tls.name == "::1"
    assert made("-S", "--tls-name", "lmtp", "/run/lmtp").plan.tls.name == "lmtp"


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["-s", "-S"], "-S and -s exclude each other"),
        (["--starttls", "--tls"], "--starttls and --tls exclude each other"),
        (["--client-key", "x"], "--client-key takes --client-cert as well"),
        (["--client-cert", "x"], "--client-cert cannot read x: No such file or directory"),
        (["--client-cert", "."], "--client-cert cannot read .: not a regular file"),
        (["--client-cert", "there", "--client-key", "x"], "--client-key cannot read x: No such file or directory"),
        (["--ca", "x"], "--ca cannot read x: No such file or directory"),
        (["--ca", "fifo"], "--ca cannot read fifo: not a regular file"),
        (["--ca", ""], "--ca cannot read '': No such file or directory"),
        (["--tls-min", "1.1"], "--tls-min takes 1.2 or 1.3, not 1.1"),
        (["--tls-name", "a b"], "--tls-name takes a host name or an address, not 'a b'"),
        (["-S", "/run/lmtp"], "TLS to the unix socket /run/lmtp takes --tls-name, the name of the certificate"),
        (
            ["-D", "3", "-H", "/run/lmtp"],
            "TLS to the unix socket /run/lmtp takes --tls-name, the name of the certificate",
        ),
    ],
)
def test_faults_of_tls(place: Path, argv: list[str], message: str) -> None:
    (place / "there").write_text("x")
    os.mkfifo(place / "fifo")
    assert fault(*argv) == message


@pytest.mark.parametrize(
    ("argv", "days"),
    [
        ([], (None, None)),
        (["-D", "21"], (21, None)),
        (["-D", "21,7"], (21, 7)),
        (["-D", "0,0"], (0, 0)),
        (["-D", "7,7"], (7, 7)),
        (["-D", "21,7", "--ignore-certificate-expiration"], (None, None)),
    ],
)
def test_certificate_days(argv: list[str], days: tuple[int | None, int | None]) -> None:
    assert made(*argv).certificate_days == days


@pytest.mark.parametrize("days", ["", "x", "-1", "21,", ",7", "21,7,3", "1.5", "21, 7", "9" * 5000])
def test_faults_of_certificate_days(days: str) -> None:
    assert fault("-D", days) == f"-D takes WARN[,CRIT] in days such as 21,7, not {shown(days)}"


@pytest.mark.parametrize("days", ["7,21", "0,1", "9,10"])
def test_a_warning_that_would_never_show(days: str) -> None:
    assert fault("-D", days) == f"-D takes at least as many days for WARN as for CRIT, not {days}"
    assert fault("-D", days, "--ignore-certificate-expiration") == fault("-D", days)


@pytest.mark.parametrize(
    ("argv", "kinds"),
    [
        ([], set()),
        (["--state", "tls:expired=ok"], {"expired"}),
        (["--state", "tls:expired=warning,tls:name=unknown,tls:verify=ok"], {"expired", "name", "verify"}),
        (["--state", "any:name=warning"], {"name"}),
        (["--ignore-certificate-expiration"], {"expired"}),
        (["--state", "tls:expired=critical"], set()),
        (["--state", "tls:expired=ok,tls:expired=critical"], set()),
        (["--state", "tls:expired=critical,tls:expired=ok"], {"expired"}),
        (["--state", "tls=ok"], set()),
        (["--state", "any=ok"], set()),
        (["--state", "tls:expired=ok,tls=critical"], {"expired"}),
        (["--state", "any:expired=ok,tls=critical"], set()),
        (["--state", "any:expired=ok,tls:expired=critical"], set()),
        (["--state", "any:expired=critical,tls:expired=ok"], {"expired"}),
        (["--state", "starttls:expired=ok,tls:handshake=ok"], set()),
    ],
)
def test_what_a_handshake_goes_on_with(argv: list[str], kinds: set[str]) -> None:
    assert made(*argv).plan.tls.tolerate == kinds


# Authentication


def login(*argv: str, **environ: str) -> tuple[str, str | None, str | None, bool]:
    """User, password, mechanism and whether plain text is allowed."""
    credentials = made(*argv, **environ).plan.credentials
    assert credentials is not None
    secret = credentials.secret.value if credentials.secret else None
    return (credentials.user, secret, credentials.mechanism, credentials.plaintext)


def test_no_credentials() -> None:
    assert made().plan.credentials is None
    assert made(SMTP_STATUS_AUTHPASS="secret").plan.credentials is None


def test_credentials(place: Path) -> None:
    (place / "cert").write_text("x")
    assert login("-U", "me", "-P", "secret") == ("me", "secret", None, False)
    assert login("-A", "cram-md5", "-U", "me", "-P", "-x y") == ("me", "-x y", "CRAM-MD5", False)
    assert login("-S", "-A", "PLAIN", "-U", "mé", "-P", "pä") == ("mé", "pä", "PLAIN", False)
    assert login("-A", "LOGIN", "-U", "me", "-P", "x", "--auth-plaintext") == ("me", "x", "LOGIN", True)
    assert login("-A", "EXTERNAL", "-U", "") == ("", None, "EXTERNAL", False)
    assert login("--client-cert", "cert", "-U", "me") == ("me", None, None, False)
    assert "hunter2" not in repr(made("-U", "me", "-P", "hunter2"))


def test_where_the_password_comes_from(place: Path) -> None:
    (place / "unix").write_text("file\n")
    (place / "dos").write_bytes(b"file\r\n")
    (place / "bare").write_text(" file ")
    (place / "f.ini").write_text("[check_smtp]\nauthpass=ini\n")
    ini = "--extra-opts=@f.ini"
    assert login("-U", "me", "--authpass-file", "unix")[1] == "file"
    assert login("-U", "me", "--authpass-file", "dos")[1] == "file"
    assert login("-U", "me", "--authpass-file", "bare")[1] == " file "
    assert login("-U", "me", ini, "-P", "arg", "--authpass-file", "bare", SMTP_STATUS_AUTHPASS="env")[1] == "arg"
    assert login("-U", "me", ini, "--authpass-file", "unix", SMTP_STATUS_AUTHPASS="env")[1] == "file"
    assert login("-U", "me", ini, SMTP_STATUS_AUTHPASS="env")[1] == "env"
    assert login("-U", "me", ini, SMTP_STATUS_AUTHPASS="")[1] == "ini"


CONTROL = "takes a password on one line, in UTF-8 and without control characters"


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["-A", "PLAIN"], "-A takes --authuser as well"),
        (["--authtype", "EXTERNAL"], "--authtype takes --authuser as well"),
        (["-P", "geheim"], "-P takes --authuser as well"),
        (["--authpass-file", "x"], "--authpass-file takes --authuser as well"),
        (
            ["-A", "NTLM", "-U", "a", "-P", "geheim"],
            "-A takes no NTLM, but EXTERNAL SCRAM-SHA-256 SCRAM-SHA-1 CRAM-MD5 OAUTHBEARER XOAUTH2 PLAIN LOGIN",
        ),
        (["-U", "", "-P", "geheim"], "-P takes --authuser as well"),
        (["-U", "", "-A", "LOGIN"], "-A takes --authuser as well"),
        (["-U", "a" * 256, "-P", "geheim"], "-U takes at most 255 octets"),
        (["-U", "a"], "-U takes a password as well: --authpass-file, --authpass or SMTP_STATUS_AUTHPASS"),
        (["-U", "a\nb", "-P", "geheim"], "-U takes no control characters, and there is a 0x0a"),
        (["-U", "a", "-P", ""], "-U takes a password as well: --authpass-file, --authpass or SMTP_STATUS_AUTHPASS"),
        (["-U", "a", "-P", "geheim\n"], "-P takes no control characters, and there is a 0x0a"),
        (["-U", "a", "-P", "geheim\udcff"], "-P takes text in UTF-8"),
        (["-U", "a", "-P", "x" * 8193], "-P takes a password of at most 8192 octets"),
        (["-U", "a", "--authpass-file", "missing"], "--authpass-file cannot read missing: No such file or directory"),
        (["-U", "a", "--authpass-file", "."], "--authpass-file cannot read .: not a regular file"),
        (["-U", "a", "--authpass-file", "fifo"], "--authpass-file cannot read fifo: not a regular file"),
        (["-U", "a", "--authpass-file", "empty"], "--authpass-file takes a password, not an empty one"),
        (["-U", "a", "--authpass-file", "two"], f"--authpass-file {CONTROL}"),
        (["-U", "a", "--authpass-file", "latin"], "--authpass-file takes a file in UTF-8"),
        (["-U", "a", "--authpass-file", "big"], "--authpass-file cannot read big: longer than 8194 octets"),
        (
            ["-S", "-A", "SCRAM-SHA-1", "-U", "a", "-P", "a\u0627geheim"],
            "-A SCRAM-SHA-1 cannot be used: password mixes writing directions"
            " in a way that SASLprep (RFC 4013) prohibits",
        ),
    ],
)
def test_faults_of_credentials(place: Path, argv: list[str], message: str) -> None:
    (place / "empty").write_text("\n")
    (place / "two").write_text("geheim\ngeheim\n")
    (place / "latin").write_bytes(b"geheim\xff\n")
    (place / "big").write_text("geheim" * 2000)
    os.mkfifo(place / "fifo")
    said = fault(*argv)
    assert said == message
    assert "geheim" not in said


@pytest.mark.parametrize("value", ["geheim\n", "geheim\udcff"])
def test_a_bad_password_in_the_environment(value: str) -> None:
    assert fault("-U", "a", SMTP_STATUS_AUTHPASS=value) == f"SMTP_STATUS_AUTHPASS {CONTROL}"


REFUSAL = "would send the password readable to 192.0.2.1: use --starttls, --ssl or --auth-plaintext"
LOGIN = ["-U", "a", "-P", "geheim"]


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "XOAUTH2", "OAUTHBEARER"])
def test_a_readable_password_is_not_sent_to_another_host(mechanism: str) -> None:
    assert fault("-A", mechanism.lower(), *LOGIN, "192.0.2.1") == f"--authtype {mechanism} {REFUSAL}"
    assert fault("-A", mechanism, *LOGIN, "::ffff:192.0.2.1").startswith(f"--authtype {mechanism} would send")


@pytest.mark.parametrize(
    "argv",
    [
        ["-A", "PLAIN", "127.0.0.1"],
        ["-A", "PLAIN", "127.255.0.1"],
        ["-A", "PLAIN", "::1"],
        ["-A", "PLAIN", "::ffff:127.0.0.1"],
        ["-A", "PLAIN", "/run/smtp"],
        ["-A", "PLAIN", "-S", "192.0.2.1"],
        ["-A", "PLAIN", "-s", "192.0.2.1"],
        ["-A", "PLAIN", "--auth-plaintext", "192.0.2.1"],
        ["-A", "CRAM-MD5", "192.0.2.1"],
        ["192.0.2.1"],
    ],
)
def test_where_a_password_may_be_sent(argv: list[str]) -> None:
    assert made(*argv, *LOGIN).plan.credentials is not None


def test_for_a_name_the_address_decides() -> None:
    plan = made("-A", "PLAIN", *LOGIN, "mx.example.org").plan
    assert str(plaintext_refusal(plan, "192.0.2.1")) == f"--authtype PLAIN {REFUSAL}"
    assert plaintext_refusal(plan, "127.0.0.1") is None
    assert plaintext_refusal(plan, "/run/smtp") is None


# Mail domain


def test_domain_side() -> None:
    settings = made(
        "-d", "bücher.example", "--nameserver", "192.0.2.53", "--require", "ALL", "--dane", "Try", "--mta-sts"
    )
    assert settings.domain == "xn--bcher-kva.example"
    assert made("-d", "example.org.").domain == "example.org"
    assert settings.hosts == ()
    assert settings.nameserver == ("192.0.2.53", 53)
    assert (settings.require, settings.dane, settings.mta_sts) == ("all", "try", True)
    assert made("--all-addresses").all_addresses
    assert made("--require", "2").require == 2
    assert [made("--require", wanted).several for wanted in ("1", "2", "all", "any")] == [False, True, False, False]
    assert made("--require", "any").require == "any"


@pytest.mark.parametrize(
    ("text", "nameserver"),
    [
        ("192.0.2.53:5353", ("192.0.2.53", 5353)),
        ("::1", ("::1", 53)),
        ("[::1]", ("::1", 53)),
        ("[::1]:5353", ("::1", 5353)),
    ],
)
def test_nameservers(text: str, nameserver: tuple[str, int]) -> None:
    assert made("--nameserver", text).nameserver == nameserver


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["-d", ""], "-d takes a mail domain, not ''"),
        (["-d", "192.0.2.1"], "-d takes a mail domain, not 192.0.2.1"),
        (["-d", "/run/x"], "-d takes a mail domain, not /run/x"),
        (["-d", "a@b.example"], "-d takes a mail domain, not a@b.example"),
        (["-d", "192.0.2.256"], "-d takes a mail domain, not 192.0.2.256"),
        (["-d", "b.example:25"], "-d takes a mail domain, not b.example:25"),
        (
            ["--nameserver", "ns.example"],
            "--nameserver takes ADDR[:PORT], an IPv6 address with port in [], not ns.example",
        ),
        (
            ["--nameserver", "192.0.2.1:0"],
            "--nameserver takes ADDR[:PORT], an IPv6 address with port in [], not 192.0.2.1:0",
        ),
        (["--nameserver", "[x]"], "--nameserver takes an IPv4 or IPv6 address, not [x]"),
        (["--require", "0"], "--require takes all, any or a number from 1 to 9999, not 0"),
        (["--require", "most"], "--require takes all, any or a number from 1 to 9999, not most"),
        (["--dane", "yes"], "--dane takes off, try or require, not yes"),
        (["--dane", "try", "192.0.2.1"], "--dane takes hosts by name, there are no TLSA records for 192.0.2.1"),
        (["--mta-sts"], "--mta-sts takes --domain as well: the policy is one of a domain"),
    ],
)
def test_faults_of_the_domain_side(argv: list[str], message: str) -> None:
    assert fault(*argv) == message


# Judgement


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("5", Range("5")),
        ("0.5", Range("0.5")),
        (".5", Range("0.5")),
        ("1:5", Range("1:5")),
        ("1:", Range("1:")),
        ("~:5", Range("~:5")),
        ("@1:5", Range("@1:5")),
        ("@5", Range("@5")),
        ("-1:5", Range("-1:5")),
        (":5", Range("5")),
        ("~:", Range("~:")),
    ],
)
def test_ranges(text: str, expected: Range) -> None:
    settings = made("-w", text, "--critical", text)
    assert (settings.warning, settings.critical) == (expected, expected)


def test_zero_is_a_real_threshold() -> None:
    threshold = made("-w", "0").warning
    assert threshold is not None
    assert bool(threshold)
    assert (threshold.start, threshold.end) == (0, 0)
    assert not threshold.match(0.001)
    context = ScalarContext("time", warning=threshold)
    assert not context.warning.match(0.001)


MALFORMED = "takes a range of seconds such as 5, 0.1:5, ~:5 or @1:2, not "


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nan",
        "inf",
        "1e400",
        "1e3",
        "x",
        "1:2:3",
        "@",
        ":",
        "@:",
        "~",
        "1,5",
        "5s",
        " 5",
        "\u0665",
        "+5",
        "--5",
        "0x5",
        "1_0",
        "9" * 5000,
    ],
)
def test_malformed_ranges(text: str) -> None:
    assert fault("-w", text) == f"-w {MALFORMED}{shown(text)}"
    if text == text.strip():
        assert fault("--stage-critical", f"rcpt={text}").startswith("--stage-critical takes ")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("-1", "takes a range of seconds, and no time is below 0 as -1 wants it"),
        ("-5:-1", "takes a range of seconds, and no time is below 0 as -5:-1 wants it"),
        ("@~:-1", "takes a range of seconds, and no time is below 0 as @~:-1 wants it"),
        ("5:1", "takes a range that does not begin above its end, not 5:1"),
        ("1000000001", "takes a range of seconds up to 1000000000, not 1000000001"),
        ("1000000001:", "takes a range that does not begin above its end, not 1000000001:"),
    ],
)
def test_ranges_that_make_no_sense(text: str, message: str) -> None:
    assert fault("-c", text) == f"-c {message}"


def test_stage_ranges() -> None:
    settings = made("--stage-warning", "rcpt=1,DATA=2", "--stage-warning", "rcpt=3", "--stage-critical", "message=@1:2")
    assert settings.stage_warning == {"rcpt": Range("3"), "data": Range("2")}
    assert settings.stage_critical == {"message": Range("@1:2")}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "takes STAGE=RANGE[,...], not ''"),
        ("rcpt", "takes STAGE=RANGE[,...], not rcpt"),
        ("rcpt=1,", "takes STAGE=RANGE[,...], not ''"),
        ("bogus=1", f"takes a stage, not bogus: {STAGE_LIST}"),
        ("rcpt=", f"{MALFORMED}''"),
    ],
)
def test_faults_of_stage_ranges(text: str, message: str) -> None:
    assert fault("--stage-warning", text) == f"--stage-warning {message}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10", (10.0, "critical")),
        ("0.5", (0.5, "critical")),
        ("1000000", (1000000.0, "critical")),
        ("10:warning", (10.0, "warning")),
        ("10:WARNING", (10.0, "warning")),
        ("10:Unknown", (10.0, "unknown")),
        ("0", (86400.0, "critical")),
        ("0.0:unknown", (86400.0, "unknown")),
        ("10:0", (10.0, "ok")),
        ("10:1", (10.0, "warning")),
        ("10:2", (10.0, "critical")),
        ("10:3", (10.0, "unknown")),
    ],
)
def test_timeouts(text: str, expected: tuple[float, str]) -> None:
    settings = made("-t", text)
    assert (settings.timeout, settings.timeout_state) == expected


@pytest.mark.parametrize("text", ["", "-1", "nan", "inf", "1e9", "1000001", "10s", ":ok", "x", "9" * 5000])
def test_faults_of_timeouts(text: str) -> None:
    assert fault("-t", text) == f"-t takes SECONDS[:STATE], from 0 to 1000000 s, not {shown(text)}"


@pytest.mark.parametrize("state", ["", "4", "bad", "ok "])
def test_faults_of_the_state_of_a_timeout(state: str) -> None:
    assert (
        fault("-t", f"10:{state}") == f"-t takes a STATE of ok warning critical unknown, or 0 to 3, not {shown(state)}"
    )


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (["--state", "rcpt=ok"], [("rcpt", "", "ok")]),
        (["--state", "rcpt:5xx=ok,rcpt:2xx=critical"], [("rcpt", "5xx", "ok"), ("rcpt", "2xx", "critical")]),
        (["--state", "ANY:TimeOut=Unknown"], [("any", "timeout", "unknown")]),
        (["--state", "any:45X=warning , mail:x50=ok"], [("any", "45x", "warning"), ("mail", "x50", "ok")]),
        (["--state", "dns:nullmx=ok"], [("dns", "nullmx", "ok")]),
        (
            ["--state", "mail:failure=ok", "--state", "mail:error=ok"],
            [("mail", "failure", "ok"), ("mail", "error", "ok")],
        ),
        (["-q"], [("quit", "", "ok")]),
        (["--state", "quit=critical", "-q"], [("quit", "", "critical"), ("quit", "", "ok")]),
        (["-q", "--state", "quit=critical"], [("quit", "", "ok"), ("quit", "", "critical")]),
        (["--ignore-certificate-expiration"], [("tls", "expired", "ok")]),
    ],
)
def test_rules(argv: list[str], expected: list[tuple[str, str, str]]) -> None:
    assert rules(*argv) == expected
    assert all(isinstance(rule, StateRule) for rule in made(*argv).rules)


FORM = "takes STAGE[:WHAT]=STATE[,...], not"
WHAT = "takes a code such as 450 or 5xx, or a kind that --help lists, not"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", f"{FORM} ''"),
        ("rcpt", f"{FORM} rcpt"),
        ("rcpt=ok,", f"{FORM} ''"),
        ("rcpt:=ok", f"{FORM} rcpt:=ok"),
        ("=ok", f"takes any or a stage, not '': {STAGE_LIST}"),
        ("bogus=ok", f"takes any or a stage, not bogus: {STAGE_LIST}"),
        ("rcpt:nonsense=ok", f"{WHAT} nonsense"),
        ("rcpt:650=ok", f"{WHAT} 650"),
        ("rcpt:160=ok", f"{WHAT} 160"),
        ("rcpt:560=ok", f"{WHAT} 560"),
        ("rcpt:55=ok", f"{WHAT} 55"),
        ("rcpt:5555=ok", f"{WHAT} 5555"),
        ("rcpt:success=ok", f"{WHAT} success"),
        ("rcpt=bad", "takes a STATE of ok warning critical unknown, not bad"),
        ("rcpt=0", "takes a STATE of ok warning critical unknown, not 0"),
    ],
)
def test_faults_of_rules(text: str, message: str) -> None:
    assert fault("--state", text) == f"--state {message}"


# General


def test_verbosity_ends_at_three() -> None:
    assert [made(*["-v"] * count).verbose for count in (0, 1, 3, 5)] == [0, 1, 3, 3]


def test_options_without_effect() -> None:
    assert made("--sni", "--output-format", "test-format") == made()


def test_help_and_version_come_before_faults_of_values() -> None:
    for word, topic in (("-h", "help"), ("-V", "version")):
        with pytest.raises(InformationWanted) as caught:
            made("-p", "x", word)
        assert caught.value.topic == topic


def test_the_last_use_of_an_option_counts() -> None:
    assert made("-p", "x", "-p", "26").port == 26
    assert made("-f", "a@b.example", "--from", "c@d.example").plan.sender == Mailbox("c", "d.example")


def test_a_message_is_one_clean_line_that_fits() -> None:
    said = str(UsageError("a\nb|c<d>\x1b[0m\udcff" + "x" * 500))
    assert said.startswith("a␊b¦c‹d›␛[0m‹FF›")
    assert len(said) == 145
    assert said.endswith("…")


# A command line of check_smtp that is seen in the wild.
@pytest.mark.parametrize(
    "argv",
    [
        "-H mx.example.org -p 25 -f nagios@example.org -w 3 -c 5 -t 10",
        "-4 -H 192.0.2.1 -S -D 30,14",
        "-H mx -e 220 -C NOOP -R 250 -q -v",
        "-H mx -p 587 -S -A LOGIN -U user -P pass -F probe.example.org",
        "-wt 3 -ct 5 -to 4 mx",
        "-rSHmx",
        "-H mx --ssl --sni --ignore-certificate-expiration --ignore-quit-failure --output-format mp-test-json",
        "-H mx -L -p 24",
    ],
)
def test_command_lines_of_check_smtp(argv: str) -> None:
    assert made(*argv.split()).hosts in {("mx",), ("mx.example.org",), ("192.0.2.1",)}


def words() -> st.SearchStrategy[list[str]]:
    """Words that look like a command line, with bad ones among them."""
    letters = [f"-{option.letter}" for option in table.OPTIONS if option.letter]
    names = [f"--{name}" for option in table.OPTIONS for name in option.names]
    values = ["", "-", "mx", "::1", "/run/x", "a@b.example", "rcpt", "rcpt=1", "rcpt:5xx=ok", "1", "0", "21,7", "PLAIN"]
    odd = st.text(st.characters(codec=None), max_size=6) | st.sampled_from(
        ["\udcff", "a" * 1000, "\n", "@", "%", "[", "x@"]
    )
    word = st.sampled_from(letters + names) | st.sampled_from(values) | odd
    return st.lists(word, max_size=8)


@given(words(), st.booleans())
@hypothesis_settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_the_command_line_there_are_settings_or_one_line(argv: list[str], environ: bool) -> None:
    # Standard input is not the test's to read.
    argv = [word for word in argv if word != "-"]
    try:
        settings = settings_from(argv, {"SMTP_STATUS_AUTHPASS": "geheim"} if environ else {})
    except InformationWanted:
        return
    except UsageError as error:
        said = str(error)
        assert 0 < len(said) <= 145
        assert said.isprintable()
        assert not re.search(r"[|<>&]|geheim", said)
        said.encode()
    else:
        assert settings.timeout > 0
        assert settings.hosts or settings.domain
        assert "geheim" not in repr(settings)


def test_modules_for_rare_cases_are_not_imported_for_a_plain_check() -> None:
    import subprocess
    import sys

    code = (
        "import sys; from smtp_status.options.build import settings_from; settings_from(['mx', '', 'a@b.example'], {});"
        "print(*sorted({'ssl', 'dns', 'typing', 'dataclasses', 'argparse', 'email', 'asyncio', 'json', 'tempfile',"
        " 'ipaddress', 'smtp_status.sasl.mechanisms', 'smtp_status.options.inifile', 'smtp_status.options.help',"
        " 'smtp_status.smtp.patterns'}"
        " & set(sys.modules)))"
    )
    environ = {**os.environ, "PYTHONPATH": str(Path(build.__file__).parents[2])}

    def output(program: str) -> set[str]:
        run = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True, env=environ, cwd="/"
        )
        return set(run.stdout.split())

    assert output(code) <= output("import nagiosplugin, sys; print(*sys.modules)")
