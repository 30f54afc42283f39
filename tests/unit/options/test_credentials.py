"""Who logs in: from where the password comes, and where it is not sent."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from helpers.command_lines import fault, login, made
from smtp_status.options.credentials import plaintext_refusal


def test_no_credentials() -> None:
    assert made().plan.credentials is None
    assert made(SMTP_STATUS_AUTHPASS="secret").plan.credentials is None


def test_credentials(place: Path) -> None:
    (place / "cert").write_text("x")
    assert login("-U", "me", "-P", "secret") == ("me", "secret", None, False)
    assert login("-A", "cram-md5", "-U", "me", "-P", "-x y") == ("me", "-x y", "CRAM-MD5", False)
    assert login("-S", "-A", "PLAIN", "-U", "mé", "-P", "pä") == ("mé", "pä", "PLAIN", False)
    assert login("-s", "-A", "scram-sha-512-plus", "-U", "me", "-P", "x") == ("me", "x", "SCRAM-SHA-512-PLUS", False)
    assert login("-A", "LOGIN", "-U", "me", "-P", "x", "--auth-plaintext") == ("me", "x", "LOGIN", True)
    assert login("-A", "EXTERNAL", "-U", "") == ("", None, "EXTERNAL", False)
    assert login("--client-cert", "cert", "-U", "me") == ("me", None, None, False)
    assert "hunter2" not in repr(made("-U", "me", "-P", "hunter2"))


def test_where_the_password_comes_from(place: Path) -> None:
    (place / "unix").write_text("file\n")
    (place / "dos").write_bytes(b"file\r\n")
    (place / "bare").write_text(" file ")
    (place / "mark").write_bytes(b"\xef\xbb\xbffile\r\n")
    (place / "f.ini").write_text("[check_smtp]\nauthpass=ini\n")
    ini = "--extra-opts=@f.ini"
    assert login("-U", "me", "--authpass-file", "unix")[1] == "file"
    assert login("-U", "me", "--authpass-file", "dos")[1] == "file"
    assert login("-U", "me", "--authpass-file", "bare")[1] == " file "
    assert login("-U", "me", "--authpass-file", "mark")[1] == "file"
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
            "-A takes no NTLM, but EXTERNAL SCRAM-SHA-512[-PLUS] SCRAM-SHA-256[-PLUS] SCRAM-SHA-1[-PLUS] CRAM-MD5"
            " OAUTHBEARER XOAUTH2 PLAIN LOGIN",
        ),
        (
            ["-A", "scram-sha-1-plus", "-U", "a", "-P", "geheim"],
            "-A SCRAM-SHA-1-PLUS takes TLS as well: --starttls or --ssl",
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
        (["-U", "a", "--authpass-file", "big"], "--authpass-file cannot read big: longer than 8197 octets"),
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


@pytest.mark.parametrize("mechanism", ["XOAUTH2", "OAUTHBEARER"])
@pytest.mark.parametrize(
    ("token", "reason"),
    [
        ('"ya29.abc"', "the quotes around it do not belong to it"),
        ("'ya29.abc'", "the quotes around it do not belong to it"),
        ("Bearer ya29.abc", "Bearer in front of it does not belong to it"),
        ("bearer ya29.abc", "Bearer in front of it does not belong to it"),
        ('{"access_token": "ya29.abc"}', "it is JSON; take the value of access_token"),
        ("\ufeffya29.abc", "it begins with a byte order mark"),
        ("ya29.abc ", "there are blanks around it"),
        ("ya29.äbc", "it holds characters that no token has"),
        ("ya29=abc", "it holds characters that no token has"),
        ("===", "it holds characters that no token has"),
    ],
)
def test_a_token_that_cannot_be_one(mechanism: str, token: str, reason: str) -> None:
    assert fault("-S", "-A", mechanism, "-U", "a", "-P", token) == (
        f"-A {mechanism} cannot be used: the token cannot be one: {reason}"
    )


@pytest.mark.parametrize("token", ["ya29.a0AfH6-_~+/x", "eyJhbGciOi.eyJzdWIi.c2ln", "abc=="])
def test_a_token_that_can_be_one(token: str) -> None:
    login = made("-S", "-A", "XOAUTH2", "-U", "a", "-P", token).plan.credentials
    assert login is not None
    assert login.secret is not None
    assert login.secret.value == token
