"""What contrib/nagios ships, run by the real Nagios 4 and NRPE."""

from __future__ import annotations

import re
from collections.abc import Iterator
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
