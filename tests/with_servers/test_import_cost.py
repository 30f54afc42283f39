"""What one check costs: the modules each kind of run loads, and the instructions of a whole one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from helpers.runs import DOMAIN_FLOOR, FLOOR, ROOT, RUN, install, instructions
from servers.certs import Certs
from servers.fakedns import FakeDns, octets, one_exchanger
from servers.requirements import need
from servers.steady import SteadyServer

pytestmark = pytest.mark.timing

# Prints what is loaded at the end that nagiosplugin had not brought.
LIST = """
import json, os, sys
import nagiosplugin
before = set(sys.modules)
from smtp_status.cli import main
code = main(sys.argv[1:])
os.write(2, json.dumps([code, sorted(set(sys.modules) - before)]).encode())
"""

NETWORK = {"_socket", "select"}
TLS = {"ssl", "_ssl", "socket", "selectors", "math", "array", "struct", "_struct", "base64", "binascii"}

# Rooms that a run without such a wish has no use for.
RARE_PACKAGES = {"arrival", "maildomain", "resident", "sasl", "tls"}
RARE = {
    *("check.several", "net.handshaking", "net.resolve", "net.threads", "net.unreachable"),
    *("check.arrivals", "check.combined", "options.arrival", "options.arrivalplan", "options.tlsplan"),
    *("options.credentials", "options.files", "options.help", "options.inifile"),
    *("smtp.authentication", "smtp.message", "smtp.patterns", "smtp.raw", "smtp.starttls"),
}
TYPES = {"sasl", "sasl.credentials", "tls", "tls.plan"}
"""What says how TLS and a login are wanted; every run has it."""


TLS_ROOM = {
    f"tls.{name}"
    for name in (
        *("certificate", "context", "der", "failures", "judge", "keyexchange", "layer", "messages", "peer"),
        *("publickey", "validity"),
    )
}
TLS_ROOM |= {"smtp.starttls", "net.handshaking", "options.tlsplan"}
LOGIN = {f"sasl.{name}" for name in ("cram_md5", "exchange", "login", "mechanisms", "oauth", "saslprep", "scram")}
LOGIN |= {"smtp.authentication"}


class Loaded(NamedTuple):
    """The exit code, and the modules loaded besides nagiosplugin's: the plugin's own by their name in the package."""

    code: int
    own: set[str]
    foreign: set[str]

    @property
    def rare(self) -> set[str]:
        """Those of the own that a plain check has no use for."""
        return {name for name in self.own - TYPES if name in RARE or name.partition(".")[0] in RARE_PACKAGES}


def loaded(*arguments: str) -> Loaded:
    done = subprocess.run(
        [sys.executable, "-c", LIST, *arguments],
        env={"PYTHONPATH": str(ROOT / "plugin")},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        check=True,
    )
    code, names = json.loads(done.stderr)
    own = {name.partition(".")[2] for name in names if name.startswith("smtp_status.")}
    return Loaded(code, own, {name for name in names if name.partition(".")[0] != "smtp_status"})


@pytest.fixture(scope="module")
def server(certs: Certs) -> Iterator[SteadyServer]:
    with SteadyServer((certs.good.crt, certs.good.key), host="0.0.0.0") as running:  # 127.0.0.2 too
        yield running


def host(server: SteadyServer) -> tuple[str, ...]:
    return ("-H", "127.0.0.1", "-p", str(server.port))


MAIL = ("-f", "a@example.org", "--to", "b@example.org")


def test_a_check_without_mail(server):
    run = loaded(*host(server))
    assert (run.code, run.rare, run.foreign - NETWORK) == (0, set(), set())


def test_a_whole_transaction(server):
    run = loaded(*host(server), *MAIL, "-w", "5", "-c", "10", "-t", "20")
    assert (run.code, run.rare, run.foreign - NETWORK) == (0, {"smtp.message"}, set())


def test_an_error(server):
    run = loaded(*host(server), "-e", "another greeting")
    assert (run.code, run.rare, run.foreign - NETWORK) == (2, set(), set())


def test_bad_usage():
    run = loaded("-t", "-1")
    assert (run.code, run.rare, run.foreign - NETWORK) == (3, set(), set())
    assert not run.own & {"check.check", "net.loop", "net.connection", "smtp.dialogue"}


def test_starttls(server, certs):
    run = loaded(*host(server), *MAIL, "-S", "--ca", str(certs.ca))
    expected = {"smtp.message", "options.files", *TLS_ROOM}
    assert (run.code, run.rare, run.foreign - NETWORK - TLS) == (0, expected, set())


def test_login(server):
    run = loaded(*host(server), "-U", "monitor", "-P", "s3cret", "-A", "PLAIN")
    assert (run.code, run.rare) == (0, {"options.credentials", "options.files", *LOGIN})
    assert run.foreign - NETWORK <= {"base64", "binascii", "struct", "_struct"}


def test_a_name(server):
    run = loaded("-H", "localhost", "-p", str(server.port), "-4")
    assert (run.code, run.rare, run.foreign - NETWORK) == (0, {"net.resolve", "net.threads"}, set())


def test_nothing_needs_dnspython(server):
    for run in (loaded(*host(server), "-H", "127.0.0.2"), loaded("-H", "localhost", "-p", str(server.port), "-4")):
        assert not any(name.partition(".")[0] == "dns" for name in run.foreign)


DNS = {"maildomain", "check.several", "check.combined"}
DNS |= {f"maildomain.{name}" for name in ("codec", "mx", "refusals", "resolvconf", "resolver", "routes")}
DANE = {"maildomain.mtasts", "maildomain.policies", "tls.chain", "tls.policy", "tls.tlsa", *TLS_ROOM}

LATE = """
import sys
from smtp_status.options.build import settings_from
from smtp_status.check.resource import SMTP
resource = SMTP(settings_from(sys.argv[1:], {}))
before = set(sys.modules)
resource.probe()
assert resource.verdict.accepting == 2, resource.outcomes
print(*sorted(set(sys.modules) - before))
"""


def domain_reply(query, _tcp):
    """One domain whose two exchangers are both this machine."""
    name, kind = query.question[0].name.to_text(), query.question[0].rdtype.name
    if kind == "MX":
        return octets(query, *(f"{name} 60 IN MX 10 mx{number}.test." for number in (1, 2)))
    return octets(query, *([f"{name} 60 IN A 127.0.0.2"] if kind == "A" else []))


def test_a_domain():
    with FakeDns(domain_reply) as dns, SteadyServer(host="127.0.0.2") as server:
        asked = ("-d", "one.test", "--nameserver", f"127.0.0.1:{dns.port}", "-p", str(server.port))
        run = loaded(*asked)
        assert (run.code, run.rare) == (0, DNS)
        assert not run.foreign & {"ssl", "_ssl", "http.client"}
        run = loaded(*asked, "--dane", "try")
        assert (run.code, run.rare) == (0, DNS | DANE)
        assert "http.client" not in run.foreign


@pytest.mark.parametrize("policies", [(), ("--dane", "require"), ("--dane", "require", "--mta-sts")])
def test_nothing_is_loaded_while_the_clock_runs(dnsworld, policies):
    """But what judges in the end."""
    done = subprocess.run(
        [*dnsworld.enter, sys.executable, "-c", LATE, "-d", "example.test", *policies],
        env={"PYTHONPATH": str(ROOT / "plugin"), "SSL_CERT_FILE": str(dnsworld.certs.ca)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stderr, done.stdout.split()) == ("", ["smtp_status.check.several"])


# The instructions of one run, in those of what no such plugin can do without.  The figures are in bench/RESULTS.md;
# these are the limits, a little above them.


@pytest.fixture(scope="module")
def environment(workdir: Path) -> dict[str, str]:
    return install(workdir / "site")


def python(environment: Mapping[str, str], *words: str) -> int:
    return instructions([sys.executable, "-c", *words], environment)


@pytest.fixture(scope="module")
def floor(environment: dict[str, str]) -> int:
    return python(environment, FLOOR)


@pytest.mark.parametrize(("options", "limit"), [((), 0.93), (MAIL, 0.95)])
def test_instructions_of_a_plain_check(options, limit, server, environment, floor):
    assert python(environment, RUN, *host(server), *options) / floor < limit


def test_instructions_with_verified_starttls(server, environment, certs, floor):
    took = python(environment, RUN, *host(server), *MAIL, "-S", "--ca", str(certs.ca))
    swaks = [need("swaks"), "--server", "localhost", "--port", str(server.port), "-f", MAIL[1], "--to", MAIL[3]]
    # As its users write it, which verifies nothing but reads all authorities of the system.
    assert took / instructions([*swaks, "--tls"], environment) < 0.5
    assert took / floor < 1.40


def test_instructions_of_a_domain_with_one_exchanger(server, environment, certs):
    floor = python(environment, DOMAIN_FLOOR)
    for policy, lookups, limit in (
        ((), {"MX", "A", "AAAA"}, 0.95),
        (("--dane", "try"), {"MX", "A", "AAAA", "SOA", "TLSA"}, 1.10),
    ):
        with FakeDns(one_exchanger(certs.good.crt)) as dns:
            asked = ("-d", "example.test", "--nameserver", f"{dns.host}:{dns.port}", "-p", str(server.port))
            assert python(environment, RUN, *asked, *MAIL, *policy) / floor < limit
        assert {query.question[0].rdtype.name for query in dns.queries} == lookups


def test_memory_of_a_whole_transaction(server, environment, tmp_path):
    report = tmp_path / "report"
    command = [sys.executable, "-c", RUN, *host(server), *MAIL]
    measure = [sys.executable, "-S", str(ROOT / "tests/helpers/measure.py"), str(report)]
    subprocess.run(
        [*measure, *command], env={"PATH": os.environ["PATH"], **environment}, check=True, capture_output=True
    )
    assert int(report.read_text().split()[1]) < 20 * 1024
