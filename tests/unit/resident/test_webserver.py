"""The web server for metrics: what it refuses, and what it says of that."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from http.client import HTTPConnection
from threading import BoundedSemaphore, Event, Thread
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from smtp_status.resident import log
from smtp_status.resident.modules import Modules
from smtp_status.resident.webserver import MOST_LINES, Handler, Meters, Prober, Refusals, Server

NOTHING = {"state": "ok", "seconds": None, "domain": None, "targets": [], "arrival": None, "perfdata": []}


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is told to the log."""
    told: list[str] = []
    monkeypatch.setattr(log, "tell", told.append)
    return told


def test_the_log_is_not_flooded(lines: list[str]) -> None:
    refusals = Refusals()
    for number in range(MOST_LINES + 5):
        refusals.tell(f"number {number}", 1000.0 + number)
    assert lines == [f"a probe was refused: number {number}" for number in range(MOST_LINES)]
    refusals.tell("later", 1060.0)
    refusals.tell("and again", 1061.0)
    assert lines[MOST_LINES:] == [
        "a probe was refused: later (5 more before this one)",
        "a probe was refused: and again",
    ]


class Slow(Prober):
    """A probe lasts until it is told to end."""

    def __init__(self, registry: CollectorRegistry) -> None:
        super().__init__(Modules("/nonexistent"), "/nonexistent", Meters(registry))
        self.begun = Event()
        self.end = Event()

    def probe(self, module: str, target: str, domain: str, seconds: float) -> Mapping[str, Any]:
        self.begun.set()
        assert self.end.wait(30)
        return NOTHING


class Web:
    """The server with room for one probe."""

    def __init__(self, server: Server, prober: Slow) -> None:
        self.port = server.socket.getsockname()[1]
        self.prober = prober

    def ask(self, path: str) -> tuple[int, str]:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    registry = CollectorRegistry()
    prober = Slow(registry)
    monkeypatch.setattr(Handler, "prober", prober, raising=False)
    monkeypatch.setattr(Handler, "registry", registry, raising=False)
    monkeypatch.setattr(Handler, "room", BoundedSemaphore(1))
    with Server(socket.create_server(("127.0.0.1", 0))) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield Web(server, prober)
        finally:
            prober.end.set()
            server.shutdown()
            thread.join()


def test_with_all_probes_in_hand_it_still_tells_of_itself(web: Web, lines: list[str]) -> None:
    first: list[int] = []
    thread = Thread(target=lambda: first.append(web.ask("/probe?target=a&module=mx")[0]))
    thread.start()
    assert web.prober.begun.wait(30)
    assert web.ask("/probe?target=b&module=mx") == (503, "512 probes run already\n")
    status, text = web.ask("/metrics")
    assert (status, "smtp_statusd_probes_refused_total 1.0\n" in text) == (200, True)
    assert lines == ["a probe was refused: 512 probes run already"]
    web.prober.end.set()
    thread.join()
    assert first == [200]
    assert web.ask("/probe?target=a&module=mx")[0] == 200


def test_an_address_that_is_none(web: Web, lines: list[str]) -> None:
    with socket.create_connection(("127.0.0.1", web.port), 30) as sock, sock.makefile("rb") as answer:
        sock.sendall(b"GET http://[/metrics HTTP/1.0\r\n\r\n")
        assert b" 400 " in answer.readline()
    assert lines == []
