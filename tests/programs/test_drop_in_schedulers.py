"""In the place of check_smtp where schedulers call it: Debian's own command definitions in Nagios, and Icinga's own
``smtp`` command with each of its variables, each asked twice: of Debian's check_smtp and of this plugin."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from helpers.plugin import ROOT, STATES
from servers.certs import Certs
from servers.dovecot import PASSWORD, USER
from servers.icinga import ALONE, Icinga
from servers.installed import plugin_directory
from servers.nagios import Nagios
from servers.process import started
from servers.requirements import need
from servers.submission import Submission
from smtp_status.options.table import OPTIONS

ITL = Path("/usr/share/icinga2/include/command-plugins.conf")
THEIRS, OURS = "theirs", "ours"
ANSWERED = "answered in N s: 250 mx1.example.test "


class Case(NamedTuple):
    """Variables of the ``smtp`` command (their names without ``smtp_``) or an ``$ARG1$``; the exit codes of
    check_smtp and of ours; ``line`` is in ours, without state and host."""

    given: dict[str, object]
    theirs: int
    ours: int
    line: str = ANSWERED
    listener: str = "smtp"


LOGIN = {"authtype": "LOGIN", "authuser": USER, "authpass": PASSWORD}

CASES = {
    "nothing": Case({}, 0, 0),
    "address": Case({"address": "127.0.0.1"}, 0, 0),
    "address, a name": Case({"address": "localhost"}, 0, 0),
    "mail_from": Case({"mail_from": "nagios@example.org"}, 0, 0, "accepted the sender in N s: 250 2.1.0 Ok"),
    "mail_from with a name": Case(
        {"mail_from": "Nagios <nagios@example.org>"}, 0, 0, "accepted the sender in N s: 250 2.1.0 Ok"
    ),
    "mail_from, empty": Case({"mail_from": ""}, 0, 0, "accepted the sender in N s: 250 2.1.0 Ok"),
    "expect": Case({"expect": "220"}, 0, 0),
    "expect, a word": Case({"expect": "ESMTP"}, 0, 0),
    "expect, empty": Case({"expect": ""}, 0, 0),
    "expect, missing": Case(
        {"expect": "another"}, 1, 2, "banner: 220 mx1.example.test ESMTP Postfix (greeting without another)"
    ),
    "command": Case({"command": "NOOP"}, 0, 0, "answered in N s: 250 2.0.0 Ok"),
    "command, empty": Case({"command": ""}, 0, 0),
    "command, empty, and response, empty": Case({"command": "", "response": ""}, 0, 0),
    "response": Case({"response": "250"}, 0, 0),
    "command and response": Case({"command": "NOOP", "response": "250"}, 0, 0, "answered in N s: 250 2.0.0 Ok"),
    "command and response, empty": Case({"command": "NOOP", "response": ""}, 0, 0, "answered in N s: 250 2.0.0 Ok"),
    "two commands, one response": Case(
        {"command": ["NOOP", "RSET"], "response": "250"}, 0, 0, "answered in N s: 250 2.0.0 Ok"
    ),
    "command and response, another": Case(
        {"command": "NOOP", "response": "999"}, 1, 2, "command: 250 2.0.0 Ok (NOOP, not as -R expects)"
    ),
    "helo_fqdn": Case({"helo_fqdn": "probe.example.org"}, 0, 0),
    "helo_fqdn, empty": Case({"helo_fqdn": ""}, 0, 0),
    "certificate_age": Case({"certificate_age": "20,10"}, 0, 0, "answered in N s: 250 mx1.example.test "),
    "certificate_age, one": Case({"certificate_age": 20}, 0, 0, "answered in N s: 250 mx1.example.test "),
    "certificate_age, as many days as there are": Case(
        {"certificate_age": 30}, 1, 1, "answered, but the certificate expires in 30 days, more than 30 wanted"
    ),
    "certificate_age, as many for both": Case(
        {"certificate_age": "30,30"},
        2,
        2,
        "answered, but the certificate expires in 30 days, more than 30 wanted",
    ),
    "starttls": Case({"starttls": True}, 0, 0),
    "starttls, not": Case({"starttls": False}, 0, 0),
    "starttls, not offered": Case({"starttls": True}, 1, 2, "starttls: STARTTLS not offered", "notls"),
    "authtype": Case({"authtype": "LOGIN"}, 2, 3, "-A takes --authuser as well", "notls"),
    "authtype, empty": Case({"authtype": ""}, 2, 0, ANSWERED, "notls"),
    "authuser": Case(
        {"authuser": USER},
        *(0, 3),
        "-U takes a password as well: --authpass-file, --authpass or SMTP_STATUS_AUTHPASS",
        "notls",
    ),
    "authuser, empty": Case({"authuser": ""}, 0, 0, ANSWERED, "notls"),
    "authpass": Case({"authpass": PASSWORD}, 0, 3, "-P takes --authuser as well", "notls"),
    "authpass, empty": Case({"authpass": ""}, 0, 0, ANSWERED, "notls"),
    "all three of authentication": Case(
        LOGIN, 0, 0, "authenticated in N s: 235 2.7.0 Authentication successful", "notls"
    ),
    "all three of authentication, empty": Case(dict.fromkeys(LOGIN, ""), 2, 0, ANSWERED, "notls"),
    "ignore_quit": Case({"ignore_quit": True}, 0, 0),
    "ignore_quit, a word": Case({"ignore_quit": "yes"}, 0, 0),
    "ignore_quit, a number": Case({"ignore_quit": 1}, 0, 0),
    "ignore_quit, false": Case({"ignore_quit": False}, 0, 3, "false is one word too many beside -H, -q takes no value"),
    "ignore_quit, empty": Case({"ignore_quit": ""}, 0, 0),
    "warning": Case({"warning": 5}, 0, 0),
    "warning, too slow": Case({"warning": 0.5}, 1, 1, "answered, but it took ", "slow"),
    "critical": Case({"critical": 5}, 0, 0),
    "critical, too slow": Case({"critical": 0.5}, 2, 2, "answered, but it took ", "slow"),
    "timeout": Case({"timeout": 5}, 0, 0),
    "timeout, none": Case({"timeout": 0}, 0, 0),
    "timeout, passed": Case({"timeout": 1}, 2, 2, "timed out at banner: no greeting for N s", "slow"),
    "ipv4": Case({"ipv4": True}, 0, 0),
    "ipv6": Case({"ipv6": True}, 2, 2, "connect: connection refused by ::1 port "),
}


def literal(value: object) -> str:
    return json.dumps(value)


def port(submission: Submission, listener: str) -> int:
    return submission.postfix.port[listener]


@pytest.fixture(scope="module")
def plugins(workdir: Path) -> Path:
    """A directory of plugins in which ``check_smtp`` is ours."""
    directory = plugin_directory(workdir / "drop-in-plugins")
    (directory / "check_smtp").symlink_to("check_smtp_status")
    return directory


@pytest.fixture(scope="module")
def results(
    workdir: Path, plugins: Path, certs: Certs, submission: Submission
) -> Iterator[dict[str, dict[str, object]]]:
    """Every case through Icinga's own command, of both plugins: the result by ``PLUGIN CASE``."""
    theirs = Path(need("check_smtp"))
    config = [
        ALONE,
        # Everything of it but the program, and a machine that trusts the tests' CA
        *(
            f'object CheckCommand "{name}" {{\nimport "smtp"\ncommand = [ "{path}" ]\n'
            f'env.SSL_CERT_FILE = "{certs.ca}"\n}}\n'
            for name, path in ((THEIRS, theirs), (OURS, plugins / "check_smtp"))
        ),
        'object Host "mx" {\ncheck_command = "dummy"\naddress = "127.0.0.1"\naddress6 = "::1"\n}\n',
    ]
    for number, case in enumerate(CASES.values()):
        given = {"port": port(submission, case.listener), **case.given}
        lines = "".join(f"vars.smtp_{name} = {literal(value)}\n" for name, value in given.items())
        config += [
            f'object Service "{name} {number}" {{\nhost_name = "mx"\ncheck_command = "{name}"\n'
            f"check_interval = 1d\nmax_check_attempts = 1\n{lines}}}\n"
            for name in (THEIRS, OURS)
        ]
    icinga = started(lambda base: Icinga(base, plugins, "\n".join(config)), workdir)
    try:
        yield icinga.check_all()
    finally:
        icinga.stop()


def first(result: dict[str, object]) -> str:
    """The first line without what no two runs share."""
    line = str(result["output"]).splitlines()[0].partition(" | ")[0].rstrip()
    return re.sub(r" (in|for|after) [0-9]+\.[0-9]+ s\b", r" \1 N s", line)


@pytest.mark.parametrize("name", CASES)
def test_icingas_own_command(name: str, results: dict[str, dict[str, object]]) -> None:
    case = CASES[name]
    number = list(CASES).index(name)
    assert results[f"{THEIRS} {number}"]["exit_status"] == case.theirs
    ours = results[f"{OURS} {number}"]
    host = "localhost" if case.given.get("address") == "localhost" else "::1" if "ipv6" in case.given else "127.0.0.1"
    said = "" if case.ours == 3 else f"{host} "
    assert first(ours).startswith(f"SMTP {STATES[case.ours]} - {said}{case.line}")
    assert ours["exit_status"] == case.ours


def test_every_variable_of_icingas_own_command_has_a_case() -> None:
    text = ITL.read_text()
    (command,) = re.findall(r'^object CheckCommand "smtp" \{\n(.*?)^\}', text, re.M | re.S)
    variables = set(re.findall(r"\$smtp_(\w+)\$", command))
    assert variables == {"port", *(name for case in CASES.values() for name in case.given)}
    assert len(variables) == 18


def test_the_page_says_what_each_variable_is_here() -> None:
    page = (ROOT / "docs/moving-from-check_smtp.md").read_text("utf-8").partition("## The variables of Icinga")[2]
    rows = re.findall(r"^\| `smtp_(\w+)` \| `smtp_status_(\w+)` \|", page, re.M)
    variables = {"port", *(name for case in CASES.values() for name in case.given)}
    assert sorted(name for name, _ in rows) == sorted(variables)
    ours = {option.name.replace("-", "_"): option for option in OPTIONS}
    letters = dict(re.findall(r'"-(\w)" = \{\n\s+(?:value|set_if) = "\$smtp_(\w+)\$"', ITL.read_text()))
    assert {ours[here].letter: name for name, here in rows}.items() <= letters.items()


DEBIAN = Path("/etc/nagios-plugins/config/mail.cfg")
SAMPLE = (
    "define command {\ncommand_name check_smtp_sample\ncommand_line $USER1$/check_smtp -H $HOSTADDRESS$ $ARG1$\n}\n"
)
"""As Nagios itself brings it (commands.cfg of its samples): no quotes."""

ARGUMENTS = {
    # $ARG1$: exit codes of both, our first line
    "": Case({}, 0, 0),
    "-S": Case({}, 0, 0),
    "-v": Case({}, 0, 0),
    "-w5": Case({}, 0, 0),
    "-t0": Case({}, 0, 0),
    "yes": Case({}, 0, 3, "yes is one word too many beside -H"),
    "25": Case({}, 0, 3, "25 is one word too many beside -H, -p?"),
}


def definitions() -> dict[str, str]:
    """The commands of Debian's that run check_smtp, by name, and the sample of Nagios."""
    found = re.findall(r"define command \{.*?\n\}", DEBIAN.read_text(), re.S)
    kept = [text for text in (*found, SAMPLE) if "/check_smtp " in text]
    return {re.findall(r"command_name\s+(\S+)", text)[0]: text for text in kept}


COMMANDS = ("check_smtp", "check_smtp_4", "check_smtp_sample")


@pytest.fixture(scope="module")
def status(workdir: Path, plugins: Path, certs: Certs, submission: Submission) -> Iterator[dict[str, dict[str, str]]]:
    """Every definition with every argument through Nagios, of both plugins: the status by ``PLUGIN COMMAND NUMBER``.

    Of a definition only the path is another one, and the port, which is 25 there."""
    need("check_smtp")
    objects = ["define host {\nuse generic-host\nhost_name mx\nmax_check_attempts 1\naddress 127.0.0.1\n}\n"]
    for name, text in definitions().items():
        for plugin, program in ((THEIRS, need("check_smtp")), (OURS, str(plugins / "check_smtp"))):
            line = f"/usr/bin/env SSL_CERT_FILE={certs.ca} {program} -p {port(submission, 'smtp')} "
            objects.append(re.sub(r"\S*/check_smtp ", line, text).replace(name, f"{plugin}_{name}", 1) + "\n")
            objects += [
                f"define service {{\nuse generic-service\nhost_name mx\nservice_description {plugin} {name} {number}\n"
                f"check_command {plugin}_{name}{'!' if argument else ''}{argument}\n}}\n"
                for number, argument in enumerate(ARGUMENTS)
            ]
    nagios = started(lambda base: Nagios(base, plugins, "".join(objects)), workdir)
    try:
        names = [f"{one} {name} {n}" for one in (THEIRS, OURS) for name in definitions() for n in range(len(ARGUMENTS))]
        yield nagios.check_all("mx", names)
    finally:
        nagios.stop()


def test_the_definitions_are_all_there() -> None:
    assert tuple(definitions()) == COMMANDS


@pytest.mark.parametrize("argument", ARGUMENTS)
@pytest.mark.parametrize("command", COMMANDS)
def test_debians_own_definitions(command: str, argument: str, status: dict[str, dict[str, str]]) -> None:
    # behind -4 a truth is what Icinga would write
    case = ARGUMENTS["" if (command, argument) == ("check_smtp_4", "yes") else argument]
    number = list(ARGUMENTS).index(argument)
    assert status[f"{THEIRS} {command} {number}"]["current_state"] == str(case.theirs)
    ours = status[f"{OURS} {command} {number}"]
    said = "" if case.ours == 3 else "127.0.0.1 "
    assert first({"output": ours["plugin_output"]}).startswith(f"SMTP {STATES[case.ours]} - {said}{case.line}")
    assert ours["current_state"] == str(case.ours)
