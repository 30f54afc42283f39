"""Measures what a check costs with the resident, beside forked plugins, in the real Nagios 4 and Icinga 2: part of
``make bench``, as root.

``resident.py [--short]``: writes RESIDENT.md beside this file.  Short: a few seconds of each, and nothing is written.
Counted is the processor time of the scheduler, everything it has started and the resident together, over a window in
which the conversations that the server had are counted too.  Machines have moods: all ways have their turn, and again,
and what is told are medians, the ratios being those within a round.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "tests"), str(HERE.parent / "plugin")]

# ruff: noqa: E402 - the tests' servers are found from here on
import at_once
from table import Table

from servers.certs import Certs
from servers.icinga import Icinga
from servers.installed import PYTHON, plugin_directory
from servers.nagios import Nagios
from servers.process import processes
from servers.requirements import need
from servers.resident import Resident, build_client
from servers.steady import SteadyServer

TICKS = os.sysconf("SC_CLK_TCK")

NAGIOS = """
interval_length=1
execute_service_checks=1
service_inter_check_delay_method=s
max_service_check_spread=1
status_update_interval=30
"""


class Way(NamedTuple):
    """How checks are carried out: ``plugin`` names the command, ``rate`` is services a minute."""

    name: str
    plugin: str
    rate: int
    tls: bool = False
    resident: bool = False


class Spent(NamedTuple):
    """Milliseconds of processor time a check, the checks of the window, and the resident's memory in MiB (PSS)."""

    milliseconds: float
    checks: int
    memory: float


class Site:
    """The plugins, as packages would leave them, and what everything else is made below."""

    def __init__(self, base: Path, certs: Certs, server: SteadyServer, seconds: float) -> None:
        self.base = base
        self.seconds = seconds
        self._certs = certs
        self._server = server
        self.plugins = plugin_directory(base / "plugins")
        (self.plugins / "check_smtp").symlink_to(need("check_smtp"))
        self._made = 0

    def directory(self) -> Path:
        """A new one, for everybody."""
        self._made += 1
        path = self.base / str(self._made)
        path.mkdir()
        path.chmod(0o777)
        return path

    def arguments(self, way: Way) -> list[str]:
        """A real conversation: connect to MAIL, QUIT."""
        plain = ["-H", "127.0.0.1", "-p", str(self._server.port), "-f", "probe@example.org", "-t", "20"]
        ours = way.plugin != "check_smtp"
        return plain + ((["-S", "--ca", str(self._certs.ca)] if ours else ["-S"]) if way.tls else [])

    # -- Nagios

    def in_nagios(self, way: Way) -> Spent:
        """What a check costs in Nagios 4."""
        base = self.directory()
        command = f"$USER1$/{way.plugin} {' '.join(self.arguments(way))}"
        objects = "define host {\nuse generic-host\nhost_name mx\nmax_check_attempts 1\naddress 127.0.0.1\n}\n"
        objects += f"define command {{\ncommand_name smtp\ncommand_line {command}\n}}\n"
        interval = 60 if self.seconds >= 60 else 5
        for number in range(max(way.rate * interval // 60, 1)):
            objects += (
                f"define service {{\nuse generic-service\nhost_name mx\nservice_description s{number}\n"
                f"check_interval {interval}\nretry_interval {interval}\ncheck_command smtp\n}}\n"
            )
        nagios = Nagios(base / "n", self.plugins, objects, extra=NAGIOS)
        options = ["--nagios", str(base / "n/rw/nagios.qh"), "--plugin", way.plugin]
        with self._resident(base, options if way.resident else None) as resident:
            (base / "n").mkdir()
            nagios.start()
            try:
                return self._measured(lambda: nagios.pid, resident)
            finally:
                nagios.stop()

    # -- Icinga

    def in_icinga(self, way: Way) -> Spent:
        """What a check costs in Icinga 2, where the client stands in the plugin's place."""
        base = self.directory()
        with self._resident(base, [] if way.resident else None) as resident:
            plugins = self.plugins
            if resident is not None:
                plugins = base / "plugins"
                plugins.mkdir()
                build_client(plugins / way.plugin, self.plugins / way.plugin, resident.socket)
            words = ", ".join(f'"{word}"' for word in self.arguments(way))
            config = f'object CheckCommand "bench" {{\n  command = [ "{plugins}/{way.plugin}", {words} ]\n}}\n'
            config += 'object Endpoint "master.example.org" { }\n'
            config += 'object Zone "master" { endpoints = [ "master.example.org" ] }\n'
            config += (
                f'object PerfdataWriter "p" {{\n  service_temp_path = "{base}/i/perfdata"\n'
                f'  host_temp_path = "{base}/i/hosts"\n  rotation_interval = 1h\n}}\n'
            )
            config += 'object Host "mx" {\n  check_command = "dummy"\n}\n'
            count = max(way.rate * 5 // 60, 1)
            config += (
                f'for (n in range({count})) {{\n  object Service "s" + n {{\n    host_name = "mx"\n'
                '    check_command = "bench"\n    check_interval = 5s\n    retry_interval = 5s\n  }\n}\n'
            )
            icinga = Icinga(base / "i", plugins, config)
            (base / "i").mkdir()
            icinga.start()
            try:
                return self._measured(lambda: _icinga(base), resident)
            finally:
                icinga.stop()

    # -- what both have in common

    @contextmanager
    def _resident(self, base: Path, options: list[str] | None) -> Iterator[Resident | None]:
        if options is None:
            yield None
            return
        packages = (self.plugins / "check_smtp_status").resolve().parent / "plugin"
        (base / "r").mkdir()
        resident = Resident(base / "r", *options, packages=packages, python=PYTHON, nobody=True)
        resident.start()
        try:
            yield resident
        finally:
            resident.stop()

    def _measured(self, root: Callable[[], int], resident: Resident | None) -> Spent:
        time.sleep(min(8.0, self.seconds))  # until everything was checked once

        def spent() -> float:
            pids = _family(root()) | ({resident.front, *resident.back_ends} if resident is not None else set())
            return sum(map(_seconds, pids))

        before, began = spent(), self._server.so_far().connections
        time.sleep(self.seconds)
        after, ended = spent(), self._server.so_far().connections
        checks = max(ended - began, 1)
        memory = 0.0
        if resident is not None:
            memory = sum(map(_memory, (resident.front, *resident.back_ends)))
        return Spent((after - before) / checks * 1000, checks, memory)


def _icinga(base: Path) -> int:
    return min(pid for pid, words in processes() if str(base) in " ".join(words) and "icinga2" in words[0])


def _family(root: int) -> set[int]:
    """A process and all its descendants."""
    parents = {}
    for pid, _words in processes():
        fields = _stat(pid)
        if fields:
            parents[pid] = int(fields[1])
    found = {root}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def _stat(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _seconds(pid: int) -> float:
    """Processor time of a process and of those children that it has waited for."""
    fields = _stat(pid)
    return sum(map(int, fields[11:15])) / TICKS if fields else 0.0


def _memory(pid: int) -> float:
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return int(re.search(r"^Pss:\s+(\d+)", text, re.M)[1]) / 1024  # type: ignore[index]


CLIENT = "check_smtp_status"

IN_NAGIOS = (
    Way("forked C check_smtp", "check_smtp", 1000),
    Way("forked check_smtp_status", CLIENT, 300),
    Way("**resident**, 1,000 services a minute", CLIENT, 1000, resident=True),
    Way("**resident**, 5,000 services a minute", CLIENT, 5000, resident=True),
    Way("forked C check_smtp, STARTTLS, verifies nothing", "check_smtp", 1000, tls=True),
    Way("**resident**, STARTTLS verified", CLIENT, 1000, tls=True, resident=True),
)
IN_ICINGA = (
    Way("forked C check_smtp", "check_smtp", 1000),
    Way("forked check_smtp_status", CLIENT, 300),
    Way("**client and resident**", CLIENT, 1000, resident=True),
    Way("forked C check_smtp, STARTTLS, verifies nothing", "check_smtp", 1000, tls=True),
    Way("**client and resident**, STARTTLS verified", CLIENT, 1000, tls=True, resident=True),
)


def _table(head: str, ways: tuple[Way, ...], measure: Callable[[Way], Spent], rounds: int) -> Table:
    spent: dict[Way, list[Spent]] = {way: [] for way in ways}
    shares: dict[Way, list[float]] = {way: [] for way in ways}
    for number in range(rounds):
        peers: dict[bool, float] = {}
        for way in ways:
            one = measure(way)
            peers.setdefault(way.tls, one.milliseconds)
            spent[way].append(one)
            shares[way].append(one.milliseconds / peers[way.tls])
            print(number, way.name, *one, f"{shares[way][-1]:.2f}", sep="\t", file=sys.stderr, flush=True)
    rows = [
        [
            way.name,
            f"{median(one.milliseconds for one in spent[way]):.2f}",
            f"{median(shares[way]):.2f}",
            f"{sum(one.checks for one in spent[way])}",
            f"{max(one.memory for one in spent[way]):.0f}" if way.resident else "",
        ]
        for way in ways
    ]
    return Table([head, "ms CPU a check", "C check_smtp = 1", "checks counted", "resident, MiB PSS"], rows)


def main(short: bool) -> None:
    seconds, rounds = (3.0, 1) if short else (15.0, 3)
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        base = Path(name)
        base.chmod(0o755)
        certs = Certs(base / "certs")
        subprocess.run(["chmod", "-R", "a+rX", base / "certs"], check=True)
        with SteadyServer((certs.good.crt, certs.good.key)) as server:
            site = Site(base, certs, server, seconds)
            tables = [
                _table("Nagios 4, a check", IN_NAGIOS[2:3] if short else IN_NAGIOS, site.in_nagios, rounds),
                _table("Icinga 2, a check", IN_ICINGA[2:3] if short else IN_ICINGA, site.in_icinga, rounds),
                at_once.table(base, 1 if short else 5),
            ]
    text = (
        "# What a check costs with the resident\n\n"
        "Processor time of the scheduler, all it starts and the resident, a check; each a real conversation on loopback"
        " (connect to MAIL, QUIT). Made by `make bench`.\n\n" + "\n".join(map(str, tables))
    )
    if short:
        print(text)
    else:
        (HERE / "RESIDENT.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main("--short" in sys.argv[1:])
