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

from helpers.plugin import ROOT
from servers.ports import free_ports
from servers.process import Daemon
from servers.requirements import find, need
from servers.steady import SteadyServer
from smtp_status.stages import STAGES

pytestmark = pytest.mark.timing  # two hundred checks within each scrape

SHIPPED = ROOT / "contrib/prometheus"
TARGETS = 200
DAEMON = "from smtp_status.resident.daemon import run; run()"

Gain = TypeVar("Gain")


def until(look: Callable[[], Gain], good: Callable[[Gain], bool], seconds: float = 60) -> Gain:
    """What ``look`` gives once it is ``good``, or at the end of ``seconds``."""
    end = time.monotonic() + seconds
    while True:
        found = look()
        if good(found) or time.monotonic() > end:
            return found
        time.sleep(0.25)


class Lab:
    """Prometheus, smtp_statusd and a mail server that listens at every address of loopback."""

    def __init__(self, base: Path, mail: int) -> None:
        self.mail = mail
        self.web, self.metrics = free_ports(2)
        self.targets = [f"127.0.{number // 100 + 1}.{number % 100 + 1}:{mail}" for number in range(TARGETS)]
        secret = base / "probe.secret"
        secret.write_text("hunter2\n")
        modules = base / "modules.ini"
        text = (SHIPPED / "modules.ini").read_text("utf-8")
        modules.write_text(text.replace("/etc/smtp_statusd/probe.secret", str(secret)))
        words = ["--metrics", f"127.0.0.1:{self.metrics}", "--modules", modules]
        with (base / "statusd.log").open("wb") as log:
            self.statusd = subprocess.Popen([sys.executable, "-c", DAEMON, *words], stderr=log)
        self._configure(base)
        options = ["--web.listen-address", f"127.0.0.1:{self.web}", "--storage.tsdb.path", base / "data"]
        command = [need("prometheus"), "--config.file", base / "prometheus.yml", *options]
        self.prometheus = Daemon([str(word) for word in command], log=base / "prometheus.log")
        self.prometheus.wait_for("127.0.0.1", self.web)
        assert until(self._ready, bool)

    def _configure(self, base: Path) -> None:
        """As shipped, but for what is scraped and how often."""
        text = (SHIPPED / "prometheus.yml").read_text("utf-8")
        mine = "".join(f"          - {target}\n" for target in self.targets)
        changes = {
            "  scrape_interval: 60s\n": "  scrape_interval: 5s\n  evaluation_interval: 1s\n",
            "scrape_timeout: 30s": "scrape_timeout: 5s",
            "          - mx1.example.org\n          - mx2.example.org\n": mine,
            '["smtp.example.org:587"]': '["127.0.0.1:1"]',
            "scrape_interval: 5m": "scrape_interval: 5s",
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

    def stop(self) -> None:
        self.prometheus.stop()
        self.statusd.terminate()
        assert self.statusd.wait(60) == 0


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    need("prometheus")
    with SteadyServer(host="0.0.0.0") as server:
        made = Lab(tmp_path_factory.mktemp("prometheus"), server.port)
        try:
            yield made
        finally:
            made.stop()


def test_two_hundred_servers_are_checked(lab: Lab) -> None:
    well = 'count(smtp_status_state{job="smtp",module="mx"} == 0)'
    assert until(lambda: lab.value(well), lambda count: count == TARGETS) == TARGETS
    assert lab.value('count(up{job="smtp"} == 1)') == TARGETS
    assert lab.value('max(scrape_duration_seconds{job="smtp"})') < 5


def test_the_back_ends_check_them(lab: Lab) -> None:
    """No process is started for any but those of the domain, which the resident does not do."""
    probes = 'sum(smtp_statusd_probes_total{module="%s"})'
    assert until(lambda: lab.value(probes % "mx"), lambda count: count > TARGETS) > TARGETS
    assert lab.value(f"smtp_statusd_probes_alone_total - {probes % 'domain'}") <= 1


def test_what_is_measured(lab: Lab) -> None:
    place = f'{{instance="{lab.targets[0]}"}}'
    found = lab.api("query", query=f"smtp_status_stage_seconds{place}")["result"]
    stages = {one["metric"]["stage"]: float(one["value"][1]) for one in found}
    assert {"connect", "banner", "ehlo", "mail", "rcpt", "quit"} == set(stages)
    assert all(0 < seconds < 1 for seconds in stages.values())
    assert lab.value(f'smtp_status_reply_code{{instance="{lab.targets[0]}",stage="rcpt"}}') == 250


def test_a_server_that_fails_raises_the_alert(lab: Lab) -> None:
    def firing() -> dict[str, Any]:
        alerts = lab.api("alerts")["alerts"]
        found = [one for one in alerts if one["state"] == "firing" and one["labels"]["job"] == "submission"]
        return {one["labels"]["alertname"]: one for one in found}

    found = until(firing, lambda alerts: "MailServerFails" in alerts)
    alert = found["MailServerFails"]
    assert alert["annotations"]["summary"] == "127.0.0.1:1 does not take mail (submission)"
    assert alert["annotations"]["description"].strip() == "127.0.0.1 connect: refused."


def test_the_dashboard_asks_for_what_there_is(lab: Lab) -> None:
    model = json.loads((ROOT / "contrib/grafana/prometheus.json").read_text("utf-8"))
    found = {}
    for panel in model["panels"]:
        for target in panel["targets"]:
            words = target["expr"].replace("$host", lab.targets[0]).replace("$service", "mx")
            found[target["legendFormat"]] = bool(lab.api("query", query=words)["result"])
    there = {"state", "time", "connect", "banner", "ehlo", "mail", "rcpt", "quit"}
    assert {name for name, some in found.items() if some} == there
    assert set(found) == {"state", "time", "tls_days", *STAGES}
    hosts = lab.api("series", **{"match[]": "smtp_status_state"})
    assert {one["instance"] for one in hosts} >= set(lab.targets)


@pytest.mark.parametrize("words", [("config", "prometheus.yml"), ("rules", "alerts.yml")])
def test_what_is_shipped_is_good(words: tuple[str, str]) -> None:
    need("prometheus")
    command = [find("promtool") or "", "check", words[0], words[1]]
    done = subprocess.run(command, cwd=SHIPPED, capture_output=True, text=True, check=False)
    assert (done.returncode, "SUCCESS" in done.stdout + done.stderr) == (0, True), done.stdout + done.stderr
