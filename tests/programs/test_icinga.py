"""What contrib/icinga ships, run by the real Icinga 2: every variable, every service template, three nodes."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import trustme

from helpers import consumers
from helpers.plugin import ROOT, check_form
from servers.certs import Certs
from servers.dovecot import PASSWORD, USER
from servers.fakedns import FakeDns, octets
from servers.icinga import ALONE, GraphiteSink, Icinga, InfluxSink, wait_for
from servers.installed import plugin_directory
from servers.ports import silent_port
from servers.process import started
from servers.requirements import find, unmet
from servers.steady import SteadyServer
from servers.submission import Submission
from smtp_status.options.table import OPTIONS, Option

SHIPPED = ROOT / "contrib" / "icinga"
COMMAND = (SHIPPED / "smtp_status.conf").read_text()
SERVICES = (SHIPPED / "smtp_services.conf").read_text()
HOST = "mx1.example.test"
CHECKS = [option for option in OPTIONS if option.name not in {"help", "version"}]
LITTLE = 'check_interval = 1d\nmax_check_attempts = 1\ncheck_command = "smtp_status"\n'


def dsl(value: object) -> str:
    """A literal of Icinga's language: JSON, but for dictionaries."""
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{dsl(key)} = {dsl(one)}" for key, one in value.items()) + " }"
    return json.dumps(value, ensure_ascii=False)


def host(name: str, smtp: Mapping[str, Mapping[str, object]]) -> str:
    kinds = "".join(f"vars.smtp[{dsl(kind)}] = {dsl(config)}\n" for kind, config in smtp.items())
    return f'object Host "{name}" {{\ncheck_command = "dummy"\naddress = "127.0.0.1"\n{kinds}}}\n'


def service(name: str, variables: Mapping[str, object], more: str = "") -> str:
    lines = "".join(f"vars.smtp_status_{key} = {dsl(value)}\n" for key, value in variables.items())
    return f'object Service "{name}" {{\nhost_name = "plain"\n{LITTLE}{more}{lines}}}\n'


def value(option: Option) -> object:
    """Something for its variable: what it says does not matter, only that it arrives whole."""
    if option.name == "verbose":
        return 2
    if option.name == "port":
        return 2525
    if option.optional:
        return [True, "some words"] if option.many else True
    if not option.metavar:
        return True
    words = f"-the \"{option.name}\" 'of' $$HOME \\ ü;*"
    return [words, "twice"] if option.many else words


def words(option: Option, given: Any) -> list[str]:
    """How an option stands on the command line."""
    name = f"--{option.name}"
    if option.name == "verbose":
        return [name] * given
    values = given if isinstance(given, list) else [given]
    if option.optional:
        return [name if one is True else f"{name}={one}" for one in values]
    if given is True:
        return [name]
    return [word for one in values for word in (name, str(one).replace("$$", "$"))]


def suffix(option: Option) -> str:
    return option.name.replace("-", "_") + ("_argument" if option.secret else "")


def exchangers(query: Any, _tcp: bool) -> list[bytes]:
    """A domain whose two exchangers are both this machine, by an address that is not each sender's own host."""
    name, kind = query.question[0].name.to_text(), query.question[0].rdtype.name
    if kind == "MX":
        return octets(query, *(f"{name} 60 IN MX 10 mx{number}.{name}" for number in (1, 2)))
    return octets(query, *([f"{name} 60 IN A 127.0.0.2"] if kind == "A" else []))


class Lab:
    """Icinga with all that is shipped, before Postfix and Dovecot, and what it sent to the data bases."""

    def __init__(self, icinga: Icinga, graphite: GraphiteSink, influxdb: InfluxSink, influxdb2: InfluxSink) -> None:
        self.icinga = icinga
        self.graphite = graphite
        self.influxdb = influxdb
        self.influxdb2 = influxdb2

    def check(self, name: str, on: str = HOST) -> tuple[int, str, dict[str, float]]:
        """Exit status, first line and perfdata of a check made now; all of it in good form, and Icinga reads the
        numbers our imitation of it reads."""
        result = self.icinga.check(on, name)
        perfdata = result["performance_data"]
        whole = f"{result['output'].rstrip()}\n| {' '.join(perfdata)}\n"
        code = int(result["exit_status"])
        parsed = check_form(code, whole)
        assert consumers.icinga(whole).keys() == parsed.perfdata.keys()
        return code, parsed.first, consumers.icinga(whole)


@pytest.fixture(scope="module")
def plugins(workdir: Path) -> Path:
    return plugin_directory(workdir / "icinga-plugins")


@pytest.fixture(scope="module")
def lab(workdir: Path, plugins: Path, certs: Certs, submission: Submission, tmp_path_factory: Any) -> Iterator[Lab]:
    postfix, dovecot = submission.postfix.port, submission.dovecot
    tls = {"smtp_status_ca": str(certs.ca)}
    secret = workdir / "probe.secret"
    secret.write_text(PASSWORD + "\n")
    secret.chmod(0o644)
    login = {"smtp_status_authuser": USER, **tls}
    kinds: dict[str, dict[str, object]] = {
        "mx": {"smtp_status_port": postfix["smtp"], "smtp_status_to": ["ok@example.test"]},
        "submission": {**login, "smtp_status_port": postfix["smtp"], "smtp_status_authpass_file": str(secret)},
        "smtps": {**login, "smtp_status_port": postfix["smtps"], "smtp_status_authpass": PASSWORD},
        "lmtp": {"smtp_status_port": dovecot.port["lmtp"], "smtp_status_to": [dovecot.mailbox().address]},
        "certificate": {**tls, "smtp_status_port": postfix["soon"]},
        "relay": {"smtp_status_port": postfix["smtp"], "smtp_status_to": ["x@elsewhere.example"]},
        "domain": {
            "smtp_status_domain": "example.test",
            "smtp_status_to": ["ok@example.test"],
        },
    }
    sick = {
        "mx": {"smtp_status_port": postfix["smtp"], "smtp_status_to": ["grey@example.test"]},
        "relay": {"smtp_status_port": postfix["smtp"], "smtp_status_to": ["ok@example.test"]},
        "certificate": {**tls, "smtp_status_port": postfix["expired"]},
        "smtps": {**login, "smtp_status_port": postfix["smtps"], "smtp_status_authpass": "wrong"},
    }
    everything = {suffix(option): value(option) for option in CHECKS if option.name != "domain"}
    graphite, influxdb, influxdb2 = GraphiteSink(), InfluxSink(), InfluxSink()
    with silent_port() as silent, FakeDns(exchangers) as dns, SteadyServer(host="127.0.0.2") as exchanger:
        kinds["domain"]["smtp_status_port"] = exchanger.port
        kinds["domain"]["smtp_status_nameserver"] = f"127.0.0.1:{dns.port}"
        config = [
            ALONE,
            COMMAND,
            SERVICES,
            writers(graphite, influxdb, influxdb2),
            host(HOST, kinds),
            host("mx2.example.test", sick),
            host("plain", {}),
            service("everything", everything),
            service("domain", {"domain": "example.test", "nameserver": "127.0.0.1:1", "timeout": 1}),
            service("nothing", {}),
            # Icinga ends it by SIGTERM, and by SIGKILL after another tenth of this time, in which it has to speak.
            service("too-late", {"port": silent, "timeout": 30, "verbose": 1}, "check_timeout = 8\n"),
            service("in-time", {"port": silent, "timeout": 1, "verbose": 1}, "check_timeout = 10\n"),
        ]
        icinga = started(lambda base: Icinga(base, plugins, "\n".join(config)), workdir)
        yield Lab(icinga, graphite, influxdb, influxdb2)
        icinga.stop()
    graphite.close()
    influxdb.close()
    influxdb2.close()


def writers(graphite: GraphiteSink, influxdb: InfluxSink, influxdb2: InfluxSink) -> str:
    """All as contrib/grafana/README.md has them, but for host and port."""
    text = (ROOT / "contrib/grafana/README.md").read_text()
    objects = re.findall(r"^    object (\w+)Writer .*?^    \}$", text, re.M | re.S)
    assert objects == ["Influxdb", "Graphite", "Influxdb2"]
    places = {
        "Influxdb": f"port = {influxdb.port}\nflush_interval = 1\n",
        "Graphite": f"port = {graphite.port}\n",
        "Influxdb2": f"port = {influxdb2.port}\nflush_interval = 1\n",
    }
    return "\n".join(
        re.sub(r"^    ", "", match[0], flags=re.M)[:-1] + f'host = "127.0.0.1"\n{places[match[1]]}}}'
        for match in re.finditer(r"^    object (\w+)Writer .*?^    \}$", text, re.M | re.S)
    )


def test_icinga_finds_nothing_to_warn_of(lab: Lab) -> None:
    said = lab.icinga.validate()
    assert "Finished validating the configuration file(s)." in said
    assert "warning/" not in said


def test_the_shipped_hosts_are_valid(workdir: Path, plugins: Path) -> None:
    """On one node, as they stand."""
    shipped = (SHIPPED / "smtp_hosts.conf").read_text()
    icinga = Icinga(workdir / "icinga-hosts", plugins, "\n".join([ALONE, COMMAND, SERVICES, shipped]))
    icinga.write()
    said = icinga.validate()
    assert "Instantiated 8 Services." in said
    assert "Instantiated 2 Dependencies." in said
    assert "warning/" not in said


def test_the_domains_of_the_page_are_valid(workdir: Path, plugins: Path) -> None:
    (domains,) = re.findall(r"^```\n(for .*?)^```$", (SHIPPED / "README.md").read_text("utf-8"), re.M | re.S)
    icinga = Icinga(workdir / "icinga-domains", plugins, "\n".join([ALONE, COMMAND, SERVICES, domains]))
    icinga.write()
    said = icinga.validate()
    assert "Instantiated 2 Hosts." in said
    assert "Instantiated 2 Services." in said
    # as the page says, and nothing else
    assert [line for line in said.splitlines() if "warning/" in line and "Apply rule 'smtp-mx'" not in line] == []


def test_every_variable_arrives_as_its_option(lab: Lab) -> None:
    command = lab.icinga.check("plain", "everything")["command"][1:]
    chunks = [words(option, value(option)) for option in CHECKS if option.name != "domain"]
    assert sorted(command) == sorted(word for chunk in chunks for word in chunk)
    for chunk in chunks:
        places = [place for place, word in enumerate(command) if word == chunk[0]]
        assert command[places[0] : places[0] + len(chunk)] == chunk


def test_a_domain_takes_the_place_of_the_host(lab: Lab) -> None:
    command = lab.icinga.check("plain", "domain")["command"]
    assert command[1:] == ["--domain", "example.test", "--nameserver", "127.0.0.1:1", "--timeout", "1"]


def test_without_any_variable_it_is_the_address_of_the_host(lab: Lab) -> None:
    assert lab.icinga.check("plain", "nothing")["command"][1:] == ["--hostname", "127.0.0.1"]
    assert "is not defined" not in lab.icinga.log()


AUTHENTICATED = (
    r"SMTP OK - 127\.0\.0\.1 authenticated in .* s: 235 2\.7\.0 Authentication successful"
    r" \(certificate expires in 30 days\)"
)
GOOD = {
    "smtp-mx": (0, r"SMTP OK - 127\.0\.0\.1 accepted the recipient in .* s: 250 2\.1\.5 Ok"),
    "smtp-submission": (0, AUTHENTICATED),
    "smtp-smtps": (0, AUTHENTICATED),
    "smtp-lmtp": (0, r"SMTP OK - 127\.0\.0\.1 accepted the recipient in .* s: 250 2\.1\.5 OK"),
    "smtp-certificate": (2, r"SMTP CRITICAL - .*the certificate expires in 5 days, more than 7 wanted"),
    "smtp-relay": (
        0,
        r"SMTP OK - 127\.0\.0\.1 rcpt: 554 5\.7\.1 x@elsewhere\.example: Relay access denied \(as wanted\)",
    ),
    "smtp-domain": (0, "SMTP OK - 2 of 2 exchangers accept the recipient"),
}
SICK = {
    "smtp-mx": (
        1,
        r"SMTP WARNING - 127\.0\.0\.1 rcpt: 450 4\.2\.0 grey@example\.test: .*Greylisted, try again later.*",
    ),
    "smtp-relay": (2, r"SMTP CRITICAL - 127\.0\.0\.1 rcpt: 250 2\.1\.5 Ok \(not wanted\)"),
    "smtp-certificate": (2, r"SMTP CRITICAL - 127\.0\.0\.1 tls: .*expired.*"),
    "smtp-smtps": (2, r"SMTP CRITICAL - 127\.0\.0\.1 auth: 535 5\.7\.8 Error: authentication failed.*"),
}


@pytest.mark.parametrize(
    ("on", "name", "code", "line"),
    [(HOST, name, *wanted) for name, wanted in GOOD.items()]
    + [("mx2.example.test", name, *wanted) for name, wanted in SICK.items()],
)
def test_each_template_against_real_servers(on: str, name: str, code: int, line: str, lab: Lab) -> None:
    got, first, perfdata = lab.check(name, on)
    assert re.fullmatch(line, first), first
    assert got == code
    assert "time" in perfdata


def test_passwords_are_not_on_the_command_line(lab: Lab) -> None:
    for name in ("smtp-submission", "smtp-smtps"):
        result = lab.icinga.check(HOST, name)
        assert result["exit_status"] == 0
        assert PASSWORD not in json.dumps(result)


def test_graphite_gets_every_number(lab: Lab) -> None:
    assert lab.graphite.connected.wait(20)
    _, _, perfdata = lab.check("smtp-mx")
    before = "icinga2.mx1_example_test.services.smtp-mx.smtp_status.perfdata"

    def arrived_all() -> bool:
        metrics = lab.graphite.metrics()
        missing = [label for label, number in perfdata.items() if number not in metrics[f"{before}.{label}.value"]]
        if missing:
            raise LookupError(missing)
        return True

    assert wait_for(arrived_all, 20)
    assert set(perfdata) == {"time", "time_connect", "time_banner", "time_ehlo", "time_mail", "time_rcpt", "time_quit"}


def test_the_dashboards_ask_for_what_icinga_writes(lab: Lab) -> None:
    """Every query about the stages of this check, its state and its certificate finds a number."""
    assert lab.graphite.connected.wait(20)
    _, _, perfdata = lab.check("smtp-submission")
    wanted = {*perfdata, "state"}

    def targets(name: str) -> list[str]:
        model = json.loads((ROOT / f"contrib/grafana/{name}.json").read_text())
        return [target.get("target") or target["query"] for panel in model["panels"] for target in panel["targets"]]

    def graphite() -> set[str]:
        found = set()
        for target in targets("graphite"):
            path = re.fullmatch(r"alias\((.*), '\w+'\)", target)
            assert path
            name = path[1].replace("$host", "mx1_example_test").replace("$service", "smtp-submission")
            if name in lab.graphite.metrics():
                found.add(name.split(".")[-2] if name.endswith(".value") else name.split(".")[-1])
        if found != wanted:
            raise LookupError(found)
        return found

    def influxdb() -> set[str]:
        found = set()
        before = f"smtp_status,hostname={HOST},service=smtp-submission"
        for query in targets("influxdb"):
            field = re.match(
                r'SELECT last\("(\w+)"\) FROM "smtp_status" WHERE "hostname" =~ .* AND "service" =~ ', query
            )
            metric = re.search(r""" AND "metric" = '(\w+)'""", query)
            assert field
            point = f"{before},metric={metric[1]}" if metric else before
            if any(re.match(rf"{re.escape(point)} (\S*,)?{field[1]}=", line) for line in lab.influxdb.lines):
                found.add(metric[1] if metric else field[1])
        if found != wanted:
            raise LookupError(found)
        return found

    def influxdb2() -> set[str]:
        found = set()
        for query in targets("influxdb2"):
            point = re.search(
                r'r\._measurement == "(\w+)" and r\._field == "(\w+)"\)\n'
                r'  \|> filter\(fn: \(r\) => r\.hostname == "\$\{host\}" and r\.service == "\$\{service\}"'
                r'(?: and r\.metric == "(\w+)")?\)\n',
                query,
            )
            assert point
            tags = f"{point[1]},hostname={HOST},service=smtp-submission" + (f",metric={point[3]}" if point[3] else "")
            if any(re.match(rf"{re.escape(tags)} (\S*,)?{point[2]}=", line) for line in lab.influxdb2.lines):
                found.add(point[3] or point[2])
        if found != wanted:
            raise LookupError(found)
        return found

    assert wait_for(graphite, 20) == wanted
    assert wait_for(influxdb, 20) == wanted
    assert wait_for(influxdb2, 20) == wanted
    assert lab.influxdb2.path == "/api/v2/write?precision=s&org=monitoring&bucket=icinga2"


def test_its_own_deadline_tells_where_the_time_went(lab: Lab) -> None:
    code, first, perfdata = lab.check("in-time", "plain")
    assert code == 2
    line = r"SMTP CRITICAL - 127\.0\.0\.1 timed out at connect: no answer from 127\.0\.0\.1 port [0-9]+ for [0-2]\.\d s"
    assert re.fullmatch(line, first)
    assert list(perfdata) == ["time"]


def test_ended_by_icinga_it_still_says_what_it_knows(lab: Lab) -> None:
    result = lab.icinga.check("plain", "too-late")
    output = result["output"]
    assert result["exit_status"] == 128
    assert "<Timeout exceeded.>" in output
    assert re.search(r"SMTP CRITICAL - 127\.0\.0\.1 .*connect", output)
    assert 5 < consumers.icinga("| " + " ".join(result["performance_data"]))["time"] < 10


def arrived(node: Icinga, name: str) -> str:
    """The output of the last check of a service, once there is one."""
    result = node.service("mx1.example.org", name)["last_check_result"]
    if result is None:
        raise OSError("no result yet")
    return str(result["output"])


class Way(NamedTuple):
    """One of those README tells to bring the CheckCommand to three nodes.

    ``packaged``: the Debian package is installed on all of them; ``includes``: what each icinga2.conf says then.
    ``zone`` is where the master has the command, ``command`` its text.
    """

    packaged: bool
    includes: str
    zone: str
    command: str


# The Director writes no condition around a command.
UNCONDITIONAL = re.sub(r"^if .*\n\nglobals.*\n\n|\n\}\n\Z", "", COMMAND, flags=re.M)
WAYS = {
    "no package": Way(False, "", "global-templates", COMMAND),
    "package on every node": Way(True, "", "global-templates", COMMAND),
    "package, included as well": Way(True, "include <smtp_status>", "global-templates", COMMAND),
    "package and Director": Way(True, "", "director-global", UNCONDITIONAL),
    "package, included, nothing synchronised": Way(True, "include <smtp_status>", "", ""),
}


@pytest.fixture(scope="module")
def packaged(workdir: Path) -> Path:
    """Icinga's own library with what the Debian package puts there."""
    if find("dpkg-deb") is None:
        unmet("no dpkg-deb: this is no Debian")
    base = workdir / "icinga-package"
    made = subprocess.run([sys.executable, ROOT / "contrib/deb.py", base], capture_output=True, text=True, check=True)
    subprocess.run(["dpkg-deb", "-x", made.stdout.strip(), base / "root"], check=True)
    library = base / "library"
    shutil.copytree("/usr/share/icinga2/include", library)
    shutil.copytree(base / "root/usr/share/icinga2/include", library, dirs_exist_ok=True)
    base.chmod(0o755)
    return library


@pytest.fixture(scope="module")
def three_nodes(
    workdir: Path, plugins: Path, packaged: Path, submission: Submission
) -> Iterator[dict[str, Future[None]]]:
    """All ways at the same time: most of their 15 s each node waits for another one."""
    with ThreadPoolExecutor(len(WAYS)) as pool:
        yield {
            name: pool.submit(three_nodes_agree, way, workdir / f"icinga-way-{number}", plugins, packaged, submission)
            for number, (name, way) in enumerate(WAYS.items())
        }


@pytest.mark.parametrize("name", WAYS)
def test_three_nodes_with_the_check_on_the_agent(name: str, three_nodes: dict[str, Future[None]]) -> None:
    three_nodes[name].result()


def three_nodes_agree(way: Way, base: Path, plugins: Path, packaged: Path, submission: Submission) -> None:
    """Master to satellite to agent, by the shipped zones; the CheckCommand comes to the agent with the zone, or is
    there by the package."""
    base.mkdir()
    shipped = SHIPPED / "distributed"
    ca = trustme.CA(key_type=trustme.KeyType.ECDSA)
    names = {"master": "master.example.org", "satellite": "satellite.example.org", "agent": "mx1.example.org"}
    hosts = (shipped / "zones.d/satellite/hosts.conf").read_text()
    for old, new in {
        '"192.0.2.10"': '"127.0.0.1"',
        '"/run/dovecot/lmtp"': f'"127.0.0.1"\nsmtp_status_port = {submission.dovecot.port["lmtp"]}',
        '"bob@example.org"': f'"{submission.dovecot.mailbox().address}"',
        '"postmaster@example.org" ]': f'"ok@example.test" ]\nsmtp_status_port = {submission.postfix.port["smtp"]}',
    }.items():
        assert old in hosts
        hosts = hosts.replace(old, new)
    graphite = GraphiteSink()
    nodes: dict[str, Icinga] = {}
    try:
        for role in ("agent", "satellite", "master"):
            config = (shipped / f"zones-{role}.conf").read_text()
            for child, node in nodes.items():
                address = f'host = "{names[child]}"'
                config = config.replace(address, f'host = "127.0.0.1"\nport = {node.port}')
            assert ('host = "127.0.0.1"' in config) == (role != "agent")
            zones = {}
            if role == "master":
                config += f'object GraphiteWriter "g" {{\nhost = "127.0.0.1"\nport = {graphite.port}\n}}\n'
                zones = {"satellite/hosts.conf": hosts, "global-templates/smtp_services.conf": SERVICES}
                if way.zone:
                    zones[f"{way.zone}/smtp_status.conf"] = way.command
            place = base / role
            place.mkdir()
            nodes[role] = Icinga(
                place,
                plugins,
                config,
                name=names[role],
                ca=ca,
                zones=zones,
                library=packaged if way.packaged else None,
                includes=way.includes,
            )
            nodes[role].start()
        master = nodes["master"]
        satellite = nodes["satellite"]
        wait_for(lambda: satellite.service("mx1.example.org", "smtp-lmtp"), 60)
        wait_for(lambda: satellite.connected(names["master"], names["agent"]), 60)
        wait_for(lambda: nodes["agent"].knows("smtp_status"), 60)

        assert graphite.connected.wait(20)
        for name, runs_on in (("smtp-lmtp", "agent"), ("smtp-mx", "satellite")):
            # of the satellite: for its first minute it does not listen to a parent's wishes
            result = satellite.check("mx1.example.org", name)
            assert result["exit_status"] == 0, result["output"]
            assert result["output"].startswith("SMTP OK - 127.0.0.1 accepted the recipient in ")
            assert (result["check_source"], result["scheduling_source"]) == (names[runs_on], names["satellite"])
            assert wait_for(partial(arrived, master, name), 30) == result["output"]

        path = "icinga2.mx1_example_org.services.smtp-lmtp.smtp_status.perfdata.time_rcpt.value"
        assert wait_for(lambda: graphite.metrics()[path], 30)
        for node in nodes.values():
            assert "re-defined" not in node.log()
    finally:
        for node in nodes.values():
            node.stop()
        graphite.close()
