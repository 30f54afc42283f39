"""In the place of check_smtp: the same command lines through Debian's and through ours, and where the two differ."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pytest

from helpers.plugin import Result, run
from servers.certs import Certs
from servers.dovecot import PASSWORD, USER
from servers.ports import refusing_port
from servers.requirements import need
from servers.scripted import Close, Silence
from servers.submission import Submission

LOGIN = ("-A", "LOGIN", "-U", USER, "-P", PASSWORD)
TRANSACTION = ("-C", "RCPT TO:<discard@example.test>", "-R", "250", "-C", "DATA", "-R", "354", "-C", ".", "-R", "250")

Theirs = Callable[..., int]
Ours = Callable[..., Result]


@pytest.fixture(scope="session")
def theirs() -> Theirs:
    """Runs Debian's check_smtp (monitoring-plugins 2.3) and returns its exit code."""
    program = need("check_smtp")

    def start(*args: str) -> int:
        done = subprocess.run([program, *args], capture_output=True, timeout=20, check=False)
        return done.returncode

    return start


@pytest.fixture(scope="session")
def ours(certs: Certs) -> Ours:
    """Runs the plugin on a machine that trusts the tests' CA."""

    def start(*args: str, form: bool = True) -> Result:
        return run(*args, env={"SSL_CERT_FILE": str(certs.ca)}, form=form)

    return start


def both(theirs: Theirs, ours: Ours, *line: str) -> tuple[int, int]:
    """The exit codes of the two for one command line, run at the same time."""
    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(theirs, *line)
        own = ours(*line).code
        return other.result(), own


def at(submission: Submission, listener: str) -> tuple[str, ...]:
    """The options that lead to a listener of Postfix or Dovecot."""
    port = submission.postfix.port.get(listener) or submission.dovecot.port[listener]
    return ("-H", "127.0.0.1", "-p", str(port))


SAME: dict[str, tuple[str, tuple[str, ...], int]] = {
    # what is tried: listener, options, exit code of both
    "greeting": ("smtp", (), 0),
    "IPv4": ("smtp", ("-4",), 0),
    "expected greeting": ("smtp", ("-e", "220"), 0),
    "expected start": ("smtp", ("-e", "220 mx1.example.test"), 0),
    "expected word": ("smtp", ("-e", "ESMTP"), 0),
    "FROM": ("smtp", ("-f", "a@example.org"), 0),
    "HELO name": ("smtp", ("-F", "probe.example.org"), 0),
    "command": ("smtp", ("-C", "NOOP"), 0),
    "command and response": ("smtp", ("-C", "NOOP", "-R", "250"), 0),
    "two commands": ("smtp", ("-C", "NOOP", "-R", "250", "-C", "VRFY nobody@example.test", "-R", "550"), 0),
    "expression": ("smtp", ("-C", "NOOP", "-R", "25[[:digit:]]"), 0),
    "transaction": ("smtp", ("-f", "a@example.org", *TRANSACTION), 0),
    "transaction in TLS": ("smtp", ("-S", "-f", "a@example.org", *TRANSACTION), 0),
    "times": ("smtp", ("-w", "5", "-c", "10", "-t", "10"), 0),
    "old spellings": ("smtp", ("-wt", "5", "-ct", "10", "-to", "10"), 0),
    "too slow": ("slow", ("-w", "0.5", "-c", "5"), 1),
    "much too slow": ("slow", ("-w", "0.3", "-c", "0.5"), 2),
    "timeout": ("slower", ("-t", "1"), 2),
    "STARTTLS": ("smtp", ("-S",), 0),
    "STARTTLS demanded": ("mustls", ("-S", "-f", "a@example.org"), 0),
    "days left": ("smtp", ("-S", "-D", "20,10"), 0),
    "days left, STARTTLS implied": ("smtp", ("-D", "10"), 0),
    "days left, warning": ("smtp", ("-D", "60,10"), 1),
    "days left, one limit": ("smtp", ("-D", "60"), 1),
    "days left, critical": ("smtp", ("-D", "90,60"), 2),
    "expired": ("expired", ("-D", "5"), 2),
    "login": ("notls", LOGIN, 0),
    "login in TLS": ("smtp", ("-S", *LOGIN), 0),
    "wrong password": ("notls", (*LOGIN[:-1], "wrong-one"), 2),
    "login not offered": ("smtp", LOGIN, 2),
    "LMTP": ("lmtp", ("-L",), 0),
    "QUIT ignored": ("smtp", ("-q",), 0),
    "an empty word": ("smtp", ("",), 0),
    "empty words and a truth": ("smtp", ("", "-q", "true", ""), 0),
    "nothing expected": ("smtp", ("-e", ""), 0),
    "no HELO name": ("smtp", ("-F", ""), 0),
    "no command": ("smtp", ("-C", "", "-R", ""), 0),
    "no login": ("smtp", ("-U", "", "-P", ""), 0),
    "no limit": ("smtp", ("-t", "0"), 0),
    "address with a name": ("smtp", ("-f", "Nagios <a@example.org>"), 0),
    "as many days as there are": ("smtp", ("-D", "30"), 1),
    "as many days for both": ("smtp", ("-D", "30,30"), 2),
    "a day less": ("smtp", ("-D", "29,29"), 0),
    "verbose": ("smtp", ("-v",), 0),
    "silent": ("smtps", ("-t", "1"), 2),
    "no such option": ("smtp", ("--bogus",), 3),
    "no time": ("smtp", ("-w", "x"), 3),
    "other family": ("smtp", ("-6",), 3),
    "no ini file": ("smtp", ("--extra-opts=@/nonexistent",), 3),
}


@pytest.mark.parametrize("case", SAME)
def test_same_state(submission: Submission, theirs: Theirs, ours: Ours, case):
    listener, options, code = SAME[case]
    line = (*at(submission, listener), *options)
    assert both(theirs, ours, *line) == (code, code)


def test_long_names(submission: Submission, theirs: Theirs, ours: Ours):
    line = (
        *("--hostname=127.0.0.1", f"--port={submission.postfix.port['smtp']}", "--use-ipv4", "--expect=220"),
        *("--command=NOOP", "--response=250", "--from=a@example.org", "--fqdn=probe.example.org", "--starttls"),
        *("--warning=5", "--critical=9", "--timeout=10", "--ignore-quit-failure", "--verbose"),
    )
    assert both(theirs, ours, *line) == (0, 0)


def test_host_by_position(submission: Submission, theirs: Theirs, ours: Ours):
    line = ("-p", str(submission.postfix.port["smtp"]), "127.0.0.1")
    assert both(theirs, ours, *line) == (0, 0)


def test_connection_refused(theirs: Theirs, ours: Ours):
    with refusing_port() as port:
        line = ("-H", "127.0.0.1", "-p", str(port))
        assert both(theirs, ours, *line) == (2, 2)


@pytest.mark.parametrize("option", ["-h", "--help", "-V", "--version"])
def test_help_and_version(theirs: Theirs, ours: Ours, option):
    assert (theirs(option), ours(option, form=False).code) == (3, 3)


class Difference(NamedTuple):
    """A deliberate one: ``give`` are the options of ours that give the state of theirs."""

    listener: str
    options: tuple[str, ...]
    theirs: int
    ours: int
    first: str
    give: tuple[str, ...] = ()


DIFFERENT = {
    "server that refuses everybody": Difference(
        "deny",
        (),
        *(1, 2),
        "banner: 554 5.7.1 localhost[127.0.0.1]: Client host rejected: Client denied",
        ("--state", "banner=warning"),
    ),
    "other greeting than expected": Difference(
        "smtp",
        ("-e", "another"),
        *(1, 2),
        "banner: 220 mx1.example.test ESMTP Postfix (greeting without another)",
        ("--state", "banner:mismatch=warning"),
    ),
    "expected code that stands elsewhere": Difference(
        "smtp",
        ("-e", "250"),
        *(0, 2),
        "banner: 220 mx1.example.test ESMTP Postfix (greeting without 250)",
        ("--state", "banner:mismatch=ok"),
    ),
    "other response than expected": Difference(
        "smtp",
        ("-C", "NOOP", "-R", "999"),
        *(1, 2),
        "command: 250 2.0.0 Ok (NOOP, not as -R expects)",
        ("--state", "command:mismatch=warning"),
    ),
    "recipient refused": Difference(
        "smtp",
        ("-f", "a@example.org", "-C", "RCPT TO:<x@elsewhere.example>", "-R", "250"),
        *(1, 2),
        "rcpt: 554 5.7.1 x@elsewhere.example: Relay access denied (not as -R expects)",
        ("--state", "rcpt:mismatch=warning"),
    ),
    "command refused, no response expected": Difference(
        "smtp",
        ("-C", "TURN"),
        *(0, 2),
        "command: 500 5.5.2 Error: command not recognized (TURN)",
        ("--state", "command=ok"),
    ),
    "MAIL refused": Difference(
        "mustls",
        ("-f", "a@example.org"),
        *(0, 2),
        "mail: 530 5.7.0 Must issue a STARTTLS command first",
        ("--state", "mail=ok"),
    ),
    "LMTP to a server of SMTP": Difference(
        "smtp",
        ("-L",),
        *(0, 2),
        "ehlo: 500 5.5.2 Error: command not recognized (no LMTP server? try without --lmtp)",
        ("--state", "ehlo=ok"),
    ),
    "SMTP to a server of LMTP": Difference(
        "lmtp",
        (),
        *(0, 2),
        "ehlo: 500 5.5.1 Unknown command (an LMTP server? try --lmtp)",
        ("--state", "ehlo=ok"),
    ),
    "STARTTLS not offered": Difference(
        "notls",
        ("-S",),
        *(1, 2),
        "starttls: STARTTLS not offered",
        ("--state", "starttls:missing=warning"),
    ),
    "STARTTLS refused": Difference(
        "mismatch",
        ("-S",),
        *(3, 2),
        "starttls: 454 4.7.0 TLS not available due to local problem",
        ("--state", "starttls:454=unknown"),
    ),
    "certificate expired": Difference(
        "expired",
        ("-S",),
        *(0, 2),
        "tls: certificate expired 42 hours ago",
        ("--ignore-certificate-expiration",),
    ),
    "certificate self-signed": Difference(
        "selfsigned",
        ("-S",),
        *(0, 2),
        "tls: self-signed certificate",
        ("--no-verify",),
    ),
    "certificate of another name": Difference(
        "wrongname",
        ("-S",),
        *(0, 2),
        "tls: certificate is for other.example.test, not for 127.0.0.1; --tls-name?",
        ("--state", "tls:name=ok"),
    ),
    "intermediate certificate missing": Difference(
        "leafonly",
        ("-S",),
        *(0, 2),
        'tls: the server does not send the certificate of "Test Intermediate CA", and it is not trusted here',
        ("--state", "tls:verify=ok"),
    ),
    "mechanism not filled in": Difference(
        "notls",
        ("-A", "", "-U", USER, "-P", PASSWORD),
        *(2, 0),
        "authenticated in N s: 235 2.7.0 Authentication successful",
        ("--state", "auth:235=critical"),
    ),
    "login by another mechanism": Difference(
        "notls",
        ("-A", "PLAIN", "-U", USER, "-P", PASSWORD),
        *(2, 0),
        "authenticated in N s: 235 2.7.0 Authentication successful",
        ("--state", "auth:235=critical"),
    ),
}


@pytest.mark.parametrize("case", DIFFERENT)
def test_different_state(submission: Submission, theirs: Theirs, ours: Ours, case):
    difference = DIFFERENT[case]
    line = (*at(submission, difference.listener), *difference.options)
    assert theirs(*line) == difference.theirs
    result = ours(*line)
    assert (result.code, result.steady) == (difference.ours, f"SMTP {result.state} - 127.0.0.1 {difference.first}")
    assert ours(*line, *difference.give).code == difference.theirs


MEANT_FOR_SOMETHING = {
    # listener, options, exit code of check_smtp, our line of UNKNOWN
    "a port without its option": ("smtp", ("25",), 0, "25 is one word too many beside -H, -p?"),
    "a word too many": ("smtp", ("-q", "false"), 0, "false is one word too many beside -H, -q takes no value"),
    "user alone": (
        "notls",
        ("-U", USER),
        0,
        "-U takes a password as well: --authpass-file, --authpass or SMTP_STATUS_AUTHPASS",
    ),
    "password alone": ("notls", ("-P", PASSWORD), 0, "-P takes --authuser as well"),
    "mechanism alone": ("notls", ("-A", "LOGIN"), 2, "-A takes --authuser as well"),
    "empty days": ("smtp", ("-S", "-D", ""), 0, "-D takes WARN[,CRIT] in days such as 21,7, not ''"),
    "both families": ("smtp", ("-6", "-4"), 0, "-6 and -4 exclude each other"),
}


@pytest.mark.parametrize("case", MEANT_FOR_SOMETHING)
def test_different_where_check_smtp_looks_away(submission: Submission, theirs: Theirs, ours: Ours, case):
    listener, options, code, sentence = MEANT_FOR_SOMETHING[case]
    line = (*at(submission, listener), *options)
    assert theirs(*line) == code
    result = ours(*line)
    assert (result.code, result.first) == (3, f"SMTP UNKNOWN - {sentence}")


def test_different_where_a_mechanism_is_not_known(submission: Submission, theirs: Theirs, ours: Ours):
    line = (*at(submission, "notls"), "-A", "NTLM", "-U", USER, "-P", PASSWORD)
    assert theirs(*line) == 2
    result = ours(*line)
    assert (result.code, result.first.startswith("SMTP UNKNOWN - -A takes no NTLM, but EXTERNAL ")) == (3, True)


def test_different_name_not_found(theirs: Theirs, ours: Ours):
    line = ("-H", "no-such-host.invalid", "-t", "5")
    assert theirs(*line) == 3
    result = ours(*line)
    assert result.code == 2
    assert result.first.startswith("SMTP CRITICAL - no-such-host.invalid ")
    assert ours(*line, "--state", "dns=unknown").code == 3


def test_different_unix_socket(submission: Submission, theirs: Theirs, ours: Ours):
    line = ("-H", str(submission.dovecot.lmtp), "-L")
    assert both(theirs, ours, *line) == (3, 0)


def test_different_days_of_a_warning_that_never_shows(submission: Submission, theirs: Theirs, ours: Ours):
    line = (*at(submission, "smtp"), "-S", "-D", "7,21")
    assert theirs(*line) == 0
    result = ours(*line)
    assert (result.code, result.first) == (
        3,
        "SMTP UNKNOWN - -D takes at least as many days for WARN as for CRIT, not 7,21",
    )
    assert ours(*line[:-1], "7").code == 0


def test_different_end_at_quit(theirs: Theirs, ours: Ours, scripted):
    line = ("-H", "127.0.0.1", "-p", str(scripted(quit=Close()).port))
    assert theirs(*line) == 0
    result = ours(*line)
    assert (result.code, result.first) == (
        1,
        "SMTP WARNING - 127.0.0.1 quit: connection closed by the server before the reply to QUIT (answered before)",
    )
    assert ours(*line, "-q").code == 0


def test_different_silence_at_quit(theirs: Theirs, ours: Ours, scripted):
    line = ("-H", "127.0.0.1", "-p", str(scripted(quit=Silence()).port), "-t", "1")
    assert theirs(*line) == 2
    result = ours(*line)
    assert (result.code, result.steady) == (
        1,
        "SMTP WARNING - 127.0.0.1 timed out at quit: no reply to QUIT for N s (answered before)",
    )
    assert ours(*line, "--state", "quit=critical").code == 2


NEWER: dict[str, tuple[str, tuple[str, ...]]] = {
    # options of monitoring-plugins 3.0 and nagios-plugins 2.5 that 2.3 does not have
    "-s": ("smtps", ("-s",)),
    "--ssl": ("smtps", ("--ssl",)),
    "--tls": ("smtps", ("--tls",)),
    "--starttls": ("smtp", ("--starttls",)),
    "--sni": ("smtp", ("-S", "--sni")),
    "--certificate": ("smtp", ("--certificate", "20,10")),
    "--certificate with --ssl": ("smtps", ("--ssl", "--certificate=20")),
    "--ignore-certificate-expiration": ("expired", ("-S", "--ignore-certificate-expiration")),
    "-r": ("proxy", ("-r",)),
    "--proxy": ("proxy", ("--proxy",)),
    "--lmtp": ("lmtp", ("--lmtp",)),
    "--ignore-quit-failure": ("smtp", ("--ignore-quit-failure",)),
    "--authtype": ("notls", ("--authtype", "LOGIN", "--authuser", USER, "--authpass", PASSWORD)),
    "-t with a state": ("smtp", ("-t", "10:warning")),
    "--timeout with a state": ("smtp", ("--timeout=10:2",)),
    "--output-format": ("smtp", ("--output-format", "icinga-web")),
}


@pytest.mark.parametrize("option", NEWER)
def test_newer_options(submission: Submission, ours: Ours, option):
    listener, options = NEWER[option]
    assert ours(*at(submission, listener), *options).state == "OK"


@pytest.mark.parametrize(
    ("word", "code"), [("ok", 0), ("WARNING", 1), ("Critical", 2), ("unknown", 3), ("0", 0), ("3", 3)]
)
def test_state_of_the_timeout(submission: Submission, ours: Ours, word, code):
    result = ours(*at(submission, "slow"), "-t", f"0.3:{word}")
    assert result.code == code
    wanted = "" if code else " (as wanted)"
    assert result.steady == f"SMTP {result.state} - 127.0.0.1 timed out at banner: no greeting for N s{wanted}"


def test_extra_opts(submission: Submission, ours: Ours, theirs: Theirs, tmp_path: Path):
    ini = tmp_path / "plugins.ini"
    ini.write_text(f"[mail]\nhostname=127.0.0.1\nport={submission.postfix.port['slow']}\nwarning=0.5\n")
    line = (f"--extra-opts=mail@{ini}",)
    assert both(theirs, ours, *line) == (1, 1)
    line = (*line, "-w", "5")
    assert both(theirs, ours, *line) == (0, 0)
