"""Prometheus itself: it scrapes two hundred servers by smtp_statusd, with the configuration of contrib/prometheus."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from helpers.plugin import ROOT
from servers.imap import PASSWORD, USER, Imap
from servers.ports import free_ports
from servers.postman import Postman
from servers.process import Daemon
from servers.requirements import find, need
from servers.steady import SteadyServer
from smtp_status.resident.exposition import FIGURES, CheckMetrics
from smtp_status.stages import STAGES

pytestmark = pytest.mark.timing  # two hundred checks within each scrape

SHIPPED = ROOT / "contrib/prometheus"
DASHBOARD = ROOT / "contrib/grafana/prometheus.json"
TARGETS = 200
DAEMON = "from smtp_status.resident.daemon import run; run()"

Gain = TypeVar("Gain")


def promtool(*words: object, told: bytes = b"") -> str:
    """What it says; it has nothing to object to."""
    done = subprocess.run([find("promtool") or "", *map(str, words)], input=told, capture_output=True, check=False)
    said = (done.stdout + done.stderr).decode()
    assert done.returncode == 0, said
    return said


def until(look: Callable[[], Gain], good: Callable[[Gain], bool], seconds: float = 60) -> Gain:
    """What ``look`` gives once it is ``good``, or at the end of ``seconds``."""
    end = time.monotonic() + seconds
    while True:
        found = look()
        if good(found) or time.monotonic() > end:
            return found
        time.sleep(0.25)


class Lab:
    """Prometheus, smtp_statusd and a mail server that listens at every address of loopback; one whose mail arrives."""

    def __init__(self, base: Path, mail: int, postman: Postman, imap: Imap) -> None:
        self.mail = mail
        self.arriving = f"127.0.0.1:{postman.port}"
        self.web, self.metrics = free_ports(2)
        self.targets = [f"127.0.{number // 100 + 1}.{number % 100 + 1}:{mail}" for number in range(TARGETS)]
        secret = base / "probe.secret"
        secret.write_text(f"{PASSWORD}\n")
        self.modules = base / "modules.ini"
        text = re.sub(r"^#(?=\S)", "", (SHIPPED / "modules.ini").read_text("utf-8"), flags=re.MULTILINE)
        text = text.replace("imap = imap.example.org", f"imap = 127.0.0.1:{imap.port}\nimap-tls = off")
        text = text.replace("imap-user = probe@example.org", f"imap-user = {USER}")
        self.modules.write_text(text.replace("/etc/smtp_statusd/probe.secret", str(secret)))
        words = ["--metrics", f"127.0.0.1:{self.metrics}", "--modules", self.modules]
        self.log = base / "statusd.log"
        with self.log.open("wb") as log:
            self.statusd = subprocess.Popen([sys.executable, "-c", DAEMON, *words], stderr=log)
        self._configure(base)
        options = ["--web.listen-address", f"127.0.0.1:{self.web}", "--storage.tsdb.path", base / "data"]
        command = [need("prometheus"), "--config.file", base / "prometheus.yml", *options]
        self.prometheus = Daemon([str(word) for word in command], log=base / "prometheus.log")
        self.prometheus.wait_for("127.0.0.1", self.web)
        assert until(self._ready, bool)

    def _configure(self, base: Path) -> None:
        """As shipped, but for what is scraped and how often, and with what stands there as a comment."""
        text = (SHIPPED / "prometheus.yml").read_text("utf-8")
        text = re.sub("^  #(?=- |  )", "  ", text, flags=re.MULTILINE)
        mine = "".join(f"          - {target}\n" for target in self.targets)
        changes = {
            "  scrape_interval: 60s\n": "  scrape_interval: 5s\n  evaluation_interval: 1s\n",
            "scrape_timeout: 30s": "scrape_timeout: 5s",
            "          - mx1.example.org\n          - mx2.example.org\n": mine,
            '["smtp.example.org:587"]': '["127.0.0.1:1"]',
            '["mx1.example.org"]': f'["{self.arriving}"]',
            "scrape_interval: 2m": "scrape_interval: 5s",
            "127.0.0.1:9925": f"127.0.0.1:{self.metrics}",
        }
        for old, new in changes.items():
            assert old in text
            text = text.replace(old, new)
        (base / "prometheus.yml").write_text(text)
        alerts = re.sub(r"for: \d+[mh]", "for: 1s", (SHIPPED / "alerts.yml").read_text("utf-8"))
        (base / "alerts.yml").write_text(alerts)

    def _ready(self) -> bool:
        try:
            with urlopen(f"http://127.0.0.1:{self.web}/-/ready", timeout=10) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def api(self, path: str, **query: str) -> Any:
        with urlopen(f"http://127.0.0.1:{self.web}/api/v1/{path}?{urlencode(query)}", timeout=10) as answer:
            return json.load(answer)["data"]

    def value(self, query: str) -> float:
        """The only value of a query, 0 where there is none."""
        found = self.api("query", query=query)["result"]
        return float(found[0]["value"][1]) if found else 0.0

    def firing(self, job: str) -> dict[str, Any]:
        """The alerts about a job, by their names."""
        alerts = self.api("alerts")["alerts"]
        found = [one for one in alerts if one["state"] == "firing" and one["labels"].get("job") == job]
        return {one["labels"]["alertname"]: one for one in found}

    def stop(self) -> None:
        self.prometheus.stop()
        self.statusd.terminate()
        assert self.statusd.wait(60) == 0


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    need("prometheus")
    with SteadyServer(host="0.0.0.0") as server, Imap(clock=time.time) as imap, Postman(imap.put) as postman:
        made = Lab(tmp_path_factory.mktemp("prometheus"), server.port, postman, imap)
        try:
            # Each test finds what was measured, whichever comes first.
            until(lambda: made.value('count(smtp_status_state{job="smtp"})'), lambda count: count == TARGETS)
            yield made
        finally:
            made.stop()


def test_two_hundred_servers_are_checked(lab: Lab) -> None:
    well = 'count(smtp_status_state{job="smtp",module="mx"} == 0)'
    assert until(lambda: lab.value(well), lambda count: count == TARGETS) == TARGETS
    assert lab.value('count(up{job="smtp"} == 1)') == TARGETS
    assert lab.value('max(scrape_duration_seconds{job="smtp"})') < 5


def test_the_back_ends_check_them(lab: Lab) -> None:
    """No process is started for any but those of a domain and of a mailbox, which the resident does not do."""
    probes = 'sum(smtp_statusd_probes_total{module=~"%s"})'
    assert until(lambda: lab.value(probes % "mx"), lambda count: count > TARGETS) > TARGETS
    assert lab.value(f"smtp_statusd_probes_alone_total - {probes % 'domain|arrival'}") <= 2


def test_what_is_measured(lab: Lab) -> None:
    place = f'{{instance="{lab.targets[0]}"}}'
    found = lab.api("query", query=f"smtp_status_stage_duration_seconds{place}")["result"]
    stages = {one["metric"]["stage"]: float(one["value"][1]) for one in found}
    assert {"connect", "banner", "ehlo", "mail", "rcpt", "quit"} == set(stages)
    assert all(0 < seconds < 1 for seconds in stages.values())
    assert lab.value(f'smtp_status_reply_code{{instance="{lab.targets[0]}",stage="rcpt"}}') == 250


def test_a_server_that_fails_raises_the_alert(lab: Lab) -> None:
    found = until(lambda: lab.firing("submission"), lambda alerts: "MailServerFails" in alerts)
    alert = found["MailServerFails"]
    assert alert["annotations"]["summary"] == "the check of 127.0.0.1:1 is CRITICAL (submission)"
    assert alert["annotations"]["description"].strip() == "127.0.0.1 connect: refused."


def drawn(lab: Lab, instance: str, module: str) -> dict[str, set[str]]:
    """The series that each panel of the dashboard has values for, by its title."""
    model = json.loads(DASHBOARD.read_text("utf-8"))
    found = {}
    for panel in model["panels"]:
        targets = {target["legendFormat"]: target["expr"] for target in panel["targets"]}
        for name, words in targets.items():
            targets[name] = words.replace("$host", instance).replace("$service", module)
        found[panel["title"]] = {name for name, words in targets.items() if lab.api("query", query=words)["result"]}
    return found


def test_the_dashboard_asks_for_what_there_is(lab: Lab) -> None:
    found = drawn(lab, lab.targets[0], "mx")
    assert {title: names for title, names in found.items() if names} == {
        "State": {"state"},
        "Time of each command": {"connect", "banner", "ehlo", "mail", "rcpt", "quit"},
        "Time until the reply that decided (without QUIT)": {"time"},
    }
    hosts = lab.api("series", **{"match[]": "smtp_status_state"})
    assert {one["instance"] for one in hosts} >= set(lab.targets)


def test_the_dashboard_draws_what_became_of_mail(lab: Lab) -> None:
    """Nothing is under way, so that no age is there to be drawn."""
    wanted = {
        "Time until the message was in the mailbox": {"arrive"},
        "Messages arrived, under way, lost, filed as spam": {"arrived", "pending", "lost", "spam"},
        "Messages in the mailbox": {"mailbox"},
    }
    found = until(
        lambda: {title: names for title, names in drawn(lab, lab.arriving, "arrival").items() if title in wanted},
        lambda titles: titles == wanted,
    )
    assert found == wanted
    assert lab.value(f'smtp_status_state{{instance="{lab.arriving}"}}') == 0
    assert lab.value(f'smtp_status_stage_duration_seconds{{instance="{lab.arriving}",stage="imap"}}') > 0


def test_a_probe_that_is_refused_raises_an_alert(lab: Lab) -> None:
    """As of a module that is taken out of the file while Prometheus asks for it still."""
    text = lab.modules.read_text("utf-8")
    lab.modules.write_text(text.replace("[submission]", "[other]"))
    try:
        found = until(lambda: lab.firing("submission"), lambda alerts: "MailCheckMissing" in alerts)
    finally:
        lab.modules.write_text(text)
    assert found["MailCheckMissing"]["annotations"]["summary"] == (
        "no check of 127.0.0.1:1: smtp_statusd does not answer, or refuses the probe (module, target): see its log"
    )
    assert until(lambda: lab.value("smtp_statusd_probes_refused_total"), bool) > 0
    told = "smtp_statusd: a probe was refused: no module 'submission', there are mx, domain, other, arrival\n"
    assert told in lab.log.read_text("utf-8")


SERIES = {
    'smtp_status_state{instance="limit",module="mx"}': "2x120",
    'smtp_status_duration_seconds{instance="limit",module="mx"}': "9x120",
    'smtp_status_state{instance="slow",module="mx"}': "0x120",
    'smtp_status_duration_seconds{instance="slow",module="mx"}': "9x120",
    'smtp_status_certificate_expiry_timestamp_seconds{host="past"}': "60x120",
    'smtp_status_certificate_expiry_timestamp_seconds{host="near"}': "90000x120",
    'smtp_status_certificate_expiry_timestamp_seconds{host="far"}': "9000000x120",
    'smtp_status_imap_certificate_expiry_timestamp_seconds{instance="mx"}': "90000x120",
    'smtp_status_lost_messages{instance="mx",module="arrival",host="mx"}': "2x120",
    'smtp_status_pending_seconds{instance="mx",module="arrival",host="mx"}': "0+60x120",
    'up{instance="gone",module="any"}': "0x120",
    'up{instance="127.0.0.1:9925",job="smtp_statusd"}': "0x120",
}
"""What there is each minute, for two hours from the epoch on."""

ALERTS = {
    "MailServerFails": [
        (
            {"instance": "limit", "module": "mx", "severity": "critical"},
            "the check of limit is CRITICAL (mx)",
            "No fault named here: a limit of the module was passed.",
        )
    ],
    "MailServerWarns": [],
    "MailServerSlow": [({"instance": "slow", "module": "mx", "severity": "warning"}, "slow takes 9s for a mail")],
    "MailIsLost": [
        (
            {"instance": "mx", "module": "arrival", "host": "mx", "severity": "critical"},
            "messages through mx that did not arrive: 2",
        )
    ],
    "MailIsLate": [
        (
            {"instance": "mx", "module": "arrival", "host": "mx", "severity": "warning"},
            "a message through mx is under way for 2h 0m 0s",
        )
    ],
    "MailCheckMissing": [
        (
            {"instance": "gone", "module": "any", "severity": "warning"},
            "no check of gone: smtp_statusd does not answer, or refuses the probe (module, target): see its log",
        )
    ],
    "MailCertificateExpires": [
        ({"host": "past", "severity": "warning"}, "the certificate of past has expired"),
        ({"host": "near", "severity": "warning"}, "the certificate of near expires in 23h 0m 0s"),
    ],
    "MailboxCertificateExpires": [
        (
            {"instance": "mx", "severity": "warning"},
            "the certificate of the IMAP server where mail through mx arrives expires in 23h 0m 0s",
        )
    ],
}
"""The labels, summary and description of those that fire at the end."""


def test_alerts_fire_for_what_they_are_about(tmp_path: Path) -> None:
    need("prometheus")
    wanted = [
        {
            "eval_time": "2h",
            "alertname": name,
            "exp_alerts": [
                {"exp_labels": labels, "exp_annotations": dict(zip(("summary", "description"), words))}
                for labels, *words in alerts
            ],
        }
        for name, alerts in ALERTS.items()
    ]
    series = [{"series": name, "values": values} for name, values in SERIES.items()]
    one = {"interval": "1m", "input_series": series, "alert_rule_test": wanted}
    rules = {"rule_files": [str(SHIPPED / "alerts.yml")], "evaluation_interval": "1m", "tests": [one]}
    (tmp_path / "test.yml").write_text(json.dumps(rules))
    promtool("test", "rules", tmp_path / "test.yml")


def whole() -> dict[str, Any]:
    """A document of a check of two servers that has all a probe may give; what is of mx2 is the worse."""
    targets = [
        {
            "label": f"mx{number}",
            "host": f"mx{number}",
            "state": "critical",
            "accepts": False,
            "seconds": float(number),
            "stages": [
                {
                    "stage": stage,
                    "seconds": float(number),
                    "replies": [{"codes": [550], "kind": "failure", "state": "critical"}],
                }
                for stage in STAGES
            ],
            "certificate": {"expires": days * 86400},
        }
        for number, days in ((1, 30), (2, 10))
    ]
    figures = [{"label": name, "value": 7} for name in FIGURES if not name.startswith("time_")]
    figures += [
        {"label": f"mx{number}_{name}", "value": number}
        for name in FIGURES
        if name.startswith("time_")
        for number in (1, 2)
    ]
    return {
        "state": "critical",
        "seconds": 3.0,
        "domain": None,
        "targets": targets,
        "arrival": {"certificate_expires": 1, "seconds": 0.25, "findings": []},
        "perfdata": figures,
    }


def test_no_name_is_found_wrong() -> None:
    """Whatever a probe may give."""
    need("prometheus")
    text = generate_latest(CheckMetrics(whole()))
    assert text.count(b"# HELP ") == 10 + len(FIGURES)
    promtool("check", "metrics", told=text)


VALUES = {
    "State": [2],
    "Certificate": [10],
    "Time of each command": [2] * len(STAGES),
    "Time until the reply that decided (without QUIT)": [3],
    "Time until the message was in the mailbox": [2, 2],
    "Messages arrived, under way, lost, filed as spam": [7, 7, 7, 7],
    "Messages in the mailbox": [7],
}
"""What the dashboard's panels show of ``whole``."""


def test_every_query_of_the_dashboard_has_one_value(tmp_path: Path) -> None:
    need("prometheus")
    series = []
    for family in text_string_to_metric_families(generate_latest(CheckMetrics(whole())).decode()):
        for sample in family.samples:
            labels = {**sample.labels, "instance": "mx", "module": "all"}
            shown = ",".join(f'{name}="{value}"' for name, value in labels.items())
            series.append({"series": f"{sample.name}{{{shown}}}", "values": str(sample.value)})
    model = json.loads(DASHBOARD.read_text("utf-8"))
    assert [panel["title"] for panel in model["panels"]] == list(VALUES)
    wanted = [
        {
            "expr": target["expr"].replace("$host", "mx").replace("$service", "all"),
            "eval_time": "0m",
            "exp_samples": [{"labels": "{}", "value": value}],
        }
        for panel in model["panels"]
        for target, value in zip(panel["targets"], VALUES[panel["title"]])
    ]
    assert len(wanted) == sum(map(len, VALUES.values())) == sum(len(panel["targets"]) for panel in model["panels"])
    one = {"interval": "1m", "input_series": series, "promql_expr_test": wanted}
    (tmp_path / "test.yml").write_text(json.dumps({"evaluation_interval": "1m", "tests": [one]}))
    promtool("test", "rules", tmp_path / "test.yml")


@pytest.mark.parametrize("words", [("config", "prometheus.yml"), ("rules", "alerts.yml")])
def test_what_is_shipped_is_good(words: tuple[str, str]) -> None:
    need("prometheus")
    assert "SUCCESS" in promtool("check", words[0], SHIPPED / words[1])
