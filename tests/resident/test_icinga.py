"""The thin client in the plugin's place in the real Icinga 2: on one node, and on the satellite of three."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from programs import test_icinga as three
from servers.icinga import Icinga
from servers.installed import PYTHON, plugin_directory
from servers.requirements import need, need_root
from servers.resident import Resident, build_client, noting
from servers.steady import SteadyServer

SERVICES = 100
INTERVAL = 5
"""Seconds between two checks of a service."""

CONFIG = """
object Endpoint NodeName { }
object Zone "master" { endpoints = [ NodeName ] }
object CheckCommand "client" {
  command = [ PluginContribDir + "/check_smtp_status", "-H", "127.0.0.1", "-p", "%(port)d", "-f", "" ]
}
object Host "mx" {
  check_command = "dummy"
}
for (number in range(%(count)d)) {
  object Service "s" + number {
    host_name = "mx"
    check_command = "client"
    check_interval = %(interval)ds
    retry_interval = %(interval)ds
  }
}
"""


class Site:
    """A directory of plugins where the client stands in the plugin's place, and a resident for it."""

    def __init__(self, base: Path) -> None:
        need("icinga2")
        need_root("Icinga 2 that runs as nobody")
        base.mkdir()
        base.chmod(0o755)
        self.plugins = plugin_directory(base / "plugins")
        packages = (self.plugins / "check_smtp_status").resolve().parent
        self.resident = Resident(base / "r", packages=packages / "plugin", python=PYTHON, nobody=True)
        self.resident.base.mkdir()
        self.fallen_back = base / "fallen-back"
        plugin = noting(base / "plugin", f"{packages}/check_smtp_status.py", self.fallen_back)
        (self.plugins / "check_smtp_status").unlink()
        client = build_client(base / "client", plugin, self.resident.socket)
        shutil.copy(client, self.plugins / "check_smtp_status")
        (self.plugins / "check_smtp_status").chmod(0o755)

    def a_back_end(self) -> int:
        """The pid of one, once there is one."""
        end = time.monotonic() + 20
        while not (there := self.resident.back_ends):
            assert time.monotonic() < end, self.resident.log
            time.sleep(0.05)
        return there[0]

    @property
    def forked(self) -> int:
        """How many checks the plugin itself was run for."""
        return len(self.fallen_back.read_text().splitlines())


@pytest.fixture
def site(workdir: Path, request: pytest.FixtureRequest) -> Iterator[Site]:
    made = Site(workdir / f"icinga-{len(os.listdir(workdir))}")
    yield made
    made.resident.stop()


def test_nothing_lost_and_nothing_false(workdir, site):
    """Back ends killed in the middle of checks, the front stopped, absent, and started again."""
    with SteadyServer(delays={"banner": 400}) as server:
        base = workdir / "icinga-resident"
        base.mkdir()
        config = CONFIG % {"port": server.port, "count": SERVICES, "interval": INTERVAL}
        icinga = Icinga(base, site.plugins, config)
        site.resident.start()
        icinga.start()
        try:

            def seen() -> list[dict]:
                found = icinga.api("GET", "/v1/objects/services?attrs=last_check_result&attrs=last_check")
                return [one["attrs"] for one in found]

            end = time.monotonic() + 30
            while not all(one["last_check_result"] for one in seen()):
                assert time.monotonic() < end
                time.sleep(0.2)
            assert site.forked == 0
            for _ in range(3):
                os.kill(site.a_back_end(), signal.SIGKILL)
                time.sleep(1.3)
            killed = site.forked
            assert killed > 0
            assert site.resident.end() == 0
            time.sleep(1.5)
            absent = site.forked
            assert absent > killed
            site.resident.start()
            site.a_back_end()
            time.sleep(1.5)
            before = site.forked
            time.sleep(INTERVAL + 4)
            assert site.forked - before <= 2
            now = time.time()
            for one in seen():
                result = one["last_check_result"]
                assert result["exit_status"] == 0, result["output"]
                assert result["output"].startswith("SMTP OK - 127.0.0.1 accepted the sender in ")
                assert now - one["last_check"] < 2 * INTERVAL
        finally:
            icinga.stop()


def test_a_resident_on_each_node_that_runs_checks(workdir, site, submission):
    site.resident.start()
    way = next(way for way in three.WAYS.values() if not way.packaged)
    three.three_nodes_agree(way, workdir / "three-with-resident", site.plugins, workdir, submission)
    assert site.forked == 0
