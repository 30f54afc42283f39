"""The web server of ``smtp_statusd --metrics``, by itself: without back ends it runs the plugin for each probe."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from servers.requirements import find, need
from servers.scripted import Sleep
from smtp_status.resident import spawn

MODULES = """\
[mx]
to = bob@example.org
quit-after = rcpt

[login]
authuser = probe
authpass = correct-horse
timeout = 20
"""


class Web:
    """The server's process, and questions to it."""

    def __init__(self, base: Path, back_ends: str = "/nonexistent") -> None:
        self.modules = base / "modules.ini"
        self.modules.write_text(MODULES)
        sock = socket.create_server(("127.0.0.1", 0))
        self.port = sock.getsockname()[1]
        self.log = base / "metrics.log"
        with self.log.open("wb") as log:
            command = spawn.web_server(str(sock.fileno()), str(self.modules), back_ends)
            self.process = subprocess.Popen(command, pass_fds=[sock.fileno()], stderr=log)
        sock.close()

    def ask(self, path: str, **headers: str) -> tuple[int, str, str]:
        """Status, kind and text of an answer."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        with contextlib.closing(connection):
            connection.request("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})
            answer = connection.getresponse()
            return answer.status, answer.headers["Content-Type"], answer.read().decode()

    def probe(self, query: str, **headers: str) -> dict[str, float]:
        """The samples without labels."""
        status, kind, text = self.ask(f"/probe?{query}", **headers)
        assert (status, kind.partition(";")[0]) == (200, "text/plain"), text
        families = text_string_to_metric_families(text)
        return {sample.name: sample.value for family in families for sample in family.samples if not sample.labels}


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    made = Web(tmp_path_factory.mktemp("metrics"))
    yield made
    made.process.terminate()
    assert made.process.wait(10) == 0


def test_a_probe(web: Web, scripted: Any) -> None:
    server = scripted()
    found = web.probe(f"target={server.host}:{server.port}&module=mx")
    assert found["smtp_status_state"] == 0
    assert 0 < found["smtp_status_duration_seconds"] < 1


def test_a_probe_that_is_refused(web: Web, scripted: Any) -> None:
    server = scripted(rcpt=b"550 5.1.1 No such user\r\n")
    _, _, text = web.ask(f"/probe?target={server.host}:{server.port}&module=mx")
    assert "smtp_status_state 2.0\n" in text
    assert f'smtp_status_fault{{host="{server.host}",kind="failure",stage="rcpt"}} 1.0\n' in text
    assert "No such user" not in text


def test_openmetrics_where_it_is_asked_for(web: Web) -> None:
    accept = "application/openmetrics-text; version=1.0.0"
    _, kind, text = web.ask("/probe?target=127.0.0.1:1&module=mx", Accept=accept)
    assert kind.startswith("application/openmetrics-text")
    assert text.endswith("# EOF\n")


@pytest.mark.parametrize(
    "query",
    [
        *("", "target=127.0.0.1", "module=mx", "target=127.0.0.1&module=none", "target=/run/x&module=mx"),
        *("target=-v&module=mx", "target=a&target=b&module=mx", "target=a&module=mx&quit-after=data"),
        *("target=a%0Ab&module=mx", "target=a&domain=b.example&module=mx", "target=a&module=mx%40/etc/passwd"),
    ],
)
def test_what_is_asked_wrongly(web: Web, query: str) -> None:
    status, kind, text = web.ask(f"/probe?{query}")
    assert (status, kind, text.count("\n")) == (400, "text/plain; charset=utf-8", 1)


def test_a_refusal_is_counted_and_the_log_says_why(tmp_path: Path) -> None:
    """Prometheus shows no more of it than that there was no answer."""
    web = Web(tmp_path)
    try:
        _, _, text = web.ask("/probe?target=a&module=m%1b%0ax")
        assert text == "no module 'm??x', there are mx, login\n"
        assert web.log.read_text() == f"smtp_statusd: a probe was refused: {text}"
        assert "smtp_statusd_probes_refused_total 1.0\n" in web.ask("/metrics")[2]
    finally:
        web.process.terminate()
        assert web.process.wait(10) == 0


@pytest.mark.parametrize("path", ["/probe?target=127.0.0.1:1&module=mx", "/metrics"])
def test_promtool_finds_nothing_wrong_with_the_metrics(web: Web, path: str) -> None:
    need("prometheus")
    _, _, text = web.ask(path)
    command = [find("promtool") or "", "check", "metrics"]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_other_pages(web: Web) -> None:
    assert web.ask("/")[0] == 200
    assert web.ask("/nothing") == (404, "text/plain; charset=utf-8", "there are /probe and /metrics\n")


def test_it_tells_of_itself(web: Web) -> None:
    web.probe("target=127.0.0.1:1&module=mx")
    status, _, text = web.ask("/metrics")
    assert status == 200
    found = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert found["smtp_statusd_probes_total", "mx", "critical"] >= 1
    assert found["smtp_statusd_probes_alone_total",] >= 1
    assert found["smtp_statusd_probes_in_progress",] == 0
    assert found["smtp_statusd_probe_duration_seconds_count", "mx"] >= 1
    assert "process_resident_memory_bytes" in text and "smtp_statusd_build_info" in text


@pytest.mark.timing
def test_it_ends_before_the_scrape_does(web: Web, scripted: Any) -> None:
    server = scripted(mail=Sleep(30), strict=False)
    began = time.monotonic()
    found = web.probe(f"target={server.host}:{server.port}&module=mx", X_Prometheus_Scrape_Timeout_Seconds="2")
    assert time.monotonic() - began < 2
    assert found["smtp_status_state"] == 2


def test_a_module_that_is_spoilt_is_unknown_and_the_log_says_why(web: Web, scripted: Any) -> None:
    web.modules.write_text(MODULES + "\n[bad]\nport = smtp\n")
    assert web.probe("target=127.0.0.1&module=bad") == {"smtp_status_state": 3}
    assert "smtp_statusd: module bad: SMTP UNKNOWN - --port takes a port" in web.log.read_text()


class Look:
    """A step of a script that looks at the arguments of all processes."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def play(self, _session: Any) -> None:
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                self.seen.append(path.read_text("utf-8", "replace"))


def test_no_secret_is_told(web: Web, scripted: Any) -> None:
    """Neither in an answer nor in an argument of the process that is run for it."""
    look = Look()
    server = scripted(banner=(look, b"220 scripted.test ESMTP correct-horse\r\n"), strict=False)
    _, _, text = web.ask(f"/probe?target={server.host}:{server.port}&module=login")
    assert "correct-horse" not in text
    assert any("--extra-opts=login@" in line for line in look.seen)
    assert not [line for line in look.seen if "correct-horse" in line]


def test_a_request_that_never_ends_keeps_nobody_waiting(web: Web) -> None:
    with socket.create_connection(("127.0.0.1", web.port)) as slow:
        slow.sendall(b"GET /metrics HTT")
        assert web.ask("/metrics")[0] == 200
