"""From argv to Settings: what concerns the whole, and that nothing else can come of any command line."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from helpers.command_lines import fault, made
from smtp_status.options import build, table
from smtp_status.options.build import settings_from
from smtp_status.options.settings import InformationWanted, UsageError
from smtp_status.smtp.address import NULL, Mailbox
from smtp_status.stages import STAGES

STAGE_LIST = " ".join(STAGES)


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
