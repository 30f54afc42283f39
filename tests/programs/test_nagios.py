"""What contrib/nagios ships, run by the real Nagios 4 and NRPE."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from helpers import consumers
from helpers.plugin import ROOT, STATES, check_form
from servers.certs import Certs
from servers.dovecot import PASSWORD, USER
from servers.installed import plugin_directory
from servers.nagios import Nagios
from servers.nrpe import Nrpe
from servers.ports import silent_port
from servers.process import started
from servers.requirements import need
from servers.scripted import ScriptedServer
from servers.submission import Submission

SHIPPED = ROOT / "contrib" / "nagios"
MX, SMTP = "mx1.example.org", "smtp.example.org"


def replaced(text: str, changes: dict[str, str]) -> str:
    for old, new in changes.items():
        assert old in text, f"{old!r} is not shipped any more"
        text = text.replace(old, new)
    return text


@pytest.fixture(scope="module")
def plugins(workdir: Path) -> Path:
    need("nrpe")
    directory = plugin_directory(workdir / "nagios-plugins")
    (directory / "check_nrpe").symlink_to("/usr/lib/nagios/plugins/check_nrpe")
    return directory


@pytest.fixture(scope="module")
def nrpe(workdir: Path, plugins: Path, submission: Submission) -> Iterator[Nrpe]:
    """NRPE with the shipped command, before Dovecot's LMTP."""
    changes = {
        "/usr/lib/nagios/plugins": str(plugins),
        "/run/dovecot/lmtp": f"127.0.0.1 -p {submission.dovecot.port['lmtp']}",
        "bob@example.org": submission.dovecot.mailbox().address,
    }
    commands = replaced((SHIPPED / "nrpe.cfg").read_text(), changes)
    server = started(lambda base: Nrpe(base, commands), workdir)
    yield server
    server.stop()


@pytest.fixture(scope="module")
def nagios(workdir: Path, plugins: Path, certs: Certs, submission: Submission, nrpe: Nrpe) -> Iterator[Nagios]:
    """Nagios with the shipped services, but for addresses, ports, names and the CA of the tests."""
    postfix = submission.postfix.port
    secret = workdir / "nagios.secret"
    secret.write_text(PASSWORD + "\n")
    secret.chmod(0o644)
    changes = {
        "192.0.2.10": "127.0.0.1",
        "192.0.2.20": "127.0.0.1",
        "postmaster@example.org --quit-after rcpt\n": f"ok@example.test --quit-after rcpt -p {postfix['smtp']}\n",
        "--to monitoring@example.net": f"--to x@elsewhere.example -p {postfix['smtp']}",
        "tls!-S --quit-after tls": f"tls!-S --quit-after tls -p {postfix['soon']}",
        "-p 587": f"-p {postfix['smtp']}",
        "-p 465": f"-p {postfix['smtps']}",
        "-U probe": f"-U {USER}",
        "/etc/nagios4/smtp-probe.secret": str(secret),
    }
    commands = replaced(
        (SHIPPED / "commands.cfg").read_text(),
        {"-t 40 -c": f"-t 40 -p {nrpe.port} -c", "$HOSTNAME$": f"mx1.example.test --ca {certs.ca}"},
    )
    objects = commands + replaced((SHIPPED / "services.cfg").read_text(), changes)
    server = started(lambda base: Nagios(base, plugins, objects), workdir)
    yield server
    server.stop()


def test_what_is_shipped_is_valid(workdir: Path, plugins: Path) -> None:
    objects = "".join((SHIPPED / name).read_text() for name in ("commands.cfg", "services.cfg"))
    nagios = Nagios(workdir / "nagios-shipped", plugins, objects)
    nagios.write()
    said = nagios.validate()
    assert "Checked 8 services." in said
    assert "Checked 2 service dependencies" in said
    assert re.search(r"^Total Warnings: +0$", said, re.M), said
    assert re.search(r"^Total Errors: +0$", said, re.M)


CASES = {
    (MX, "SMTP"): (0, r"SMTP OK - 127\.0\.0\.1 accepted the recipient in [0-9.]+ s: 250 2\.1\.5 Ok"),
    (MX, "SMTP certificate"): (
        2,
        r"SMTP CRITICAL - 127\.0\.0\.1 .*, but the certificate expires in 5 days, more than 7 wanted",
    ),
    (MX, "SMTP relay"): (
        0,
        r"SMTP OK - 127\.0\.0\.1 rcpt: 554 5\.7\.1 x@elsewhere\.example: Relay access denied \(as wanted\)",
    ),
    (MX, "LMTP"): (0, r"SMTP OK - 127\.0\.0\.1 accepted the recipient in [0-9.]+ s: 250 2\.1\.5 OK"),
    (SMTP, "Submission"): (
        0,
        r"SMTP OK - 127\.0\.0\.1 authenticated in .* s: 235 2\.7\.0 Authentication successful"
        r" \(certificate expires in 30 days\)",
    ),
    (SMTP, "Submission TLS"): (0, r"SMTP OK - 127\.0\.0\.1 answered in [0-9.]+ s: 250 .*"),
}


@pytest.mark.parametrize(("host", "service"), CASES, ids=" ".join)
def test_each_service_in_status_and_perfdata_file(host: str, service: str, nagios: Nagios) -> None:
    code, line = CASES[host, service]
    status = nagios.check(host, service)
    first, perfdata = status["plugin_output"], status["performance_data"]
    assert re.fullmatch(line, first), first
    assert status["current_state"] == str(code)
    # Nagios shows line ends as \n; the stage table of -v is there
    table = status["long_plugin_output"].split("\\n")
    assert [row.split()[0] for row in table if row][:3] == [
        "connect",
        *(["tls", "banner"] if service == "Submission TLS" else ["banner", "ehlo"]),
    ]
    whole = f"{first}\n| {perfdata}\n"
    check_form(code, whole)
    assert nagios.perfdata(host, service) == (STATES[code], perfdata)
    assert consumers.nagios(f"|{perfdata}") == consumers.nagios(whole)


def test_the_perfdata_file_has_every_number(nagios: Nagios) -> None:
    nagios.check(SMTP, "Submission TLS")
    _, perfdata = nagios.perfdata(SMTP, "Submission TLS")
    stages = {f"time_{stage}" for stage in ("connect", "tls", "banner", "ehlo", "quit")}
    assert set(consumers.nagios(f"|{perfdata}")) == {"time", *stages, "tls_days"}


def test_its_own_deadline_is_earlier_than_the_one_of_nagios(workdir: Path, plugins: Path) -> None:
    """Nagios kills without a word; what the plugin knows is there only if it ends by itself."""
    with silent_port() as silent:
        services = "".join(
            f"define service {{\nuse generic-service\nhost_name late\nservice_description {name}\n"
            f"check_command check_smtp_status!-p {silent} -t {seconds}\n}}\n"
            for name, seconds in (("in time", 1), ("too late", 30))
        )
        host = "define host {\nuse generic-host\nhost_name late\nmax_check_attempts 1\naddress 127.0.0.1\n}\n"
        objects = (SHIPPED / "commands.cfg").read_text() + host + services
        nagios = started(lambda base: Nagios(base, plugins, objects, timeout=3), workdir)
        try:
            status = nagios.check("late", "in time")
            assert status["current_state"] == "2"
            assert status["plugin_output"].startswith("SMTP CRITICAL - 127.0.0.1 timed out at connect: no answer ")
            assert 0.9 < consumers.nagios(f"|{status['performance_data']}")["time"] < 1.5
            status = nagios.check("late", "too late")
            assert status["plugin_output"].startswith("(Service check timed out after 3.")
            assert status["performance_data"] == ""
        finally:
            nagios.stop()


# -- text from a server, through the commands Debian ships

DEBIAN_COMMANDS = Path("/etc/nagios4/objects/commands.cfg")
FORGED = "1764190001\tdbserver\tMySQL\tOK\t1\tHARD\t0.0\t0.0\tall is well\t"
HOSTILE = {
    "hexadecimal": "no\\x0a" + FORGED.replace("\t", "\\x09"),
    "octal": "no\\012" + FORGED.replace("\t", "\\011"),
    "octal with a nought": "no\\0012" + FORGED.replace("\t", "\\0011"),
    "letters": "no\\n" + FORGED.replace("\t", "\\t"),
    "Unicode": "no\\u000a" + FORGED.replace("\t", "\\U00000009"),
    "the end of it": "no\\c and nothing more",
    "a terminal": "no\\e[2J\\033[2J\\a",
    "bare": "no\x1b[2J\x07\x0b" + FORGED,
    "two backslashes": "no\\\\x0a" + FORGED.replace("\t", "\\\\x09"),
    "octets": "no\\\xff\\x0a",
}


def debian_command(name: str, changes: dict[str, str]) -> str:
    """A command as nagios4-common ships it."""
    match = re.search(rf"define command \{{\s*command_name\s+{name}\s.*?\n\}}", DEBIAN_COMMANDS.read_text(), re.S)
    assert match is not None, f"{DEBIAN_COMMANDS} has no {name}"
    return replaced(match[0] + "\n", changes)


def test_no_text_of_a_server_becomes_a_record_or_a_line(
    workdir: Path, plugins: Path, scripted: Callable[..., ScriptedServer]
) -> None:
    """Debian's commands put the first line through ``printf '%b'``: into a file that others read, and into mail."""
    out = workdir / "nagios-out"
    out.mkdir()
    out.chmod(0o777)
    mail, records = out / "mail", out / "records"
    mail.write_text('#!/bin/sh\ncat > "$0.$$.part" && mv "$0.$$.part" "$0.$$"\n')
    mail.chmod(0o755)
    servers = {name: scripted(banner=b"554 " + text.encode("latin-1") + b"\r\n") for name, text in HOSTILE.items()}
    objects = (
        (SHIPPED / "commands.cfg").read_text()
        + debian_command("process-service-perfdata", {"/var/lib/nagios4/service-perfdata.out": str(records)})
        + debian_command("notify-service-by-email", {"/usr/bin/mail": str(mail)})
        + "define contact {\ncontact_name reader\nemail reader@example.test\n"
        "service_notification_period 24x7\nhost_notification_period 24x7\nhost_notification_options n\n"
        "service_notification_options w,u,c\nservice_notification_commands notify-service-by-email\n"
        "host_notification_commands nothing\n}\n"
        "define host {\nuse generic-host\nhost_name hostile\naddress 127.0.0.1\nmax_check_attempts 1\n}\n"
        + "".join(
            f"define service {{\nuse generic-service\nhost_name hostile\nservice_description {name}\n"
            f"max_check_attempts 1\ncontacts reader\ncheck_command check_smtp_status!-vvv -p {server.port}\n}}\n"
            for name, server in servers.items()
        )
    )
    extra = "enable_notifications=1\nservice_perfdata_command=process-service-perfdata\n"
    nagios = started(lambda base: Nagios(base, plugins, objects, extra=extra), workdir)
    try:
        shown = nagios.check_all("hostile", list(HOSTILE))
        until = time.monotonic() + 20
        while time.monotonic() < until:
            lines = records.read_text().split("\n") if records.exists() else []
            sent = [path.read_text() for path in out.glob("mail.*") if path.suffix != ".part"]
            if len(lines) > len(HOSTILE) and len(sent) >= len(HOSTILE):
                break
            time.sleep(0.1)
    finally:
        nagios.stop()
    assert sorted(line.split("\t")[1:4] for line in lines[:-1]) == sorted(
        ["hostile", name, "CRITICAL"] for name in HOSTILE
    )
    assert lines[-1] == ""
    # ten fields each: what looks like a tabulator in the text is none
    assert {line.count("\t") for line in lines[:-1]} == {9}
    assert not set(records.read_text() + "".join(sent)) & {chr(code) for code in range(0x20) if chr(code) not in "\t\n"}
    for status in shown.values():
        assert "\\" not in status["plugin_output"].replace("\\n", "")
    assert len(sent) == len(HOSTILE)
    for told in sent:
        before, _, info = told.partition("Additional Info:\n\n")
        assert re.fullmatch(r"SMTP CRITICAL - 127\.0\.0\.1 banner: 554 no[^\n]*\n", info), info
        assert before.startswith("***** Nagios *****\n\nNotification Type: PROBLEM\n")
