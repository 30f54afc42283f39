"""The resident as a worker of the real Nagios 4: nothing late, nothing lost, nothing wrong, whatever happens to it."""

from __future__ import annotations

import os
import random
import re
import shutil
import signal
import subprocess
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from servers.installed import PYTHON, plugin_directory
from servers.nagios import Nagios
from servers.requirements import need, need_root
from servers.resident import PACKAGES, Resident
from servers.steady import SteadyServer

DELAY = 2.0
"""Seconds that each conversation takes."""

POISON = """

def _poisoned(self, run=Dialogue.run):
    if self._plan.helo == "poison.test":
        import os
        os.kill(os.getpid(), 9)
    return run(self)


Dialogue.run = _poisoned
"""
"""What makes a check kill the process that carries it out."""

MAIN = """
interval_length=1
execute_service_checks=1
service_perfdata_file_template=$LASTSERVICECHECK$\\t$SERVICEDESC$\\t$SERVICESTATE$\\t$SERVICEOUTPUT$\\t$SERVICEPERFDATA$
service_inter_check_delay_method=s
max_service_check_spread=1
check_for_orphaned_services=1
status_update_interval=5
"""

HOST = "define host {\nuse generic-host\nhost_name mx\nmax_check_attempts 1\naddress 127.0.0.1\n}\n"
COMMAND = (
    "define command {\ncommand_name smtp\ncommand_line $USER1$/check_smtp_status -H 127.0.0.1 -t 30 -q $ARG1$\n}\n"
)


def service(name: str, arguments: str, interval: int) -> str:
    return (
        f"define service {{\nuse generic-service\nhost_name mx\nservice_description {name}\n"
        f"check_interval {interval}\nretry_interval {interval}\ncheck_command smtp!{arguments}\n}}\n"
    )


@pytest.fixture(scope="module")
def packages(workdir: Path) -> Path:
    """The package, with a check that kills its process."""
    need("nagios")
    need_root("processes of another user")
    copy = workdir / "packages"
    shutil.copytree(PACKAGES / "smtp_status", copy / "smtp_status", ignore=shutil.ignore_patterns("__pycache__"))
    with (copy / "smtp_status/smtp/dialogue.py").open("a") as file:
        file.write(POISON)
    # Nobody may write there: each process would compile all of it.
    subprocess.run([PYTHON, "-m", "compileall", "-q", copy], check=True)
    return copy


@pytest.fixture(scope="module")
def server() -> Iterator[SteadyServer]:
    with SteadyServer(delays={"banner": DELAY * 1000}) as running:
        yield running


class Checked:
    """What the perfdata file of Nagios says of every check: when, and with which state and output."""

    def __init__(self, nagios: Nagios) -> None:
        self.times: dict[str, list[int]] = defaultdict(list)
        self.outputs: dict[str, set[tuple[str, str]]] = defaultdict(set)
        for line in (nagios.base / "perfdata").read_text().splitlines():
            at, name, state, output, _perfdata = line.split("\t")
            self.times[name].append(int(at))
            self.outputs[name].add((state, re.sub(r"in [0-9.]+ s", "in N s", output)))

    def longest_gap(self, name: str, since: int, until: int) -> int:
        """The longest time without a check between the two instants, in seconds."""
        times = [since, *(at for at in sorted(self.times[name]) if since <= at <= until), until]
        return max(later - earlier for earlier, later in zip(times, times[1:]))


def good(state: str, output: str) -> bool:
    """Whether this is what came of a server that did all that was asked of it."""
    return state == "OK" and output.startswith("SMTP OK - 127.0.0.1 answered in N s: 250 steady.test ")


class Scene:
    """A Nagios with ``count`` services that are checked every ``interval`` seconds, and one that kills its process."""

    def __init__(self, base: Path, packages: Path, port: int, count: int, interval: int) -> None:
        base.mkdir()
        base.chmod(0o755)
        self.names = [f"s{number}" for number in range(count)]
        objects = HOST + COMMAND + service("poison", f"-p {port} -F poison.test", interval)
        objects += "".join(service(name, f"-p {port}", interval) for name in self.names)
        plugins = plugin_directory(base / "plugins")
        self.nagios = Nagios(base / "n", plugins, objects, extra=MAIN)
        socket = str(self.nagios.base / "rw/nagios.qh")
        self.resident = Resident(base / "r", "--nagios", socket, packages=packages, python=PYTHON, nobody=True)
        self.resident.base.mkdir()
        self._began = int(time.time())

    def stop(self) -> None:
        self.resident.stop()
        self.nagios.stop()

    def judge(self, longest: int) -> Checked:
        """Assert that nothing was lost or wrong since the beginning, and nothing later than ``longest`` seconds."""
        until = int(time.time())
        log = (self.nagios.base / "nagios.log").read_text()
        checked = Checked(self.nagios)
        wrong = {name: bad for name in self.names if (bad := {one for one in checked.outputs[name] if not good(*one)})}
        assert not wrong, (len(wrong), dict(list(wrong.items())[:3]))
        assert "orphan" not in log.lower()
        gaps = {name: checked.longest_gap(name, self._began, until) for name in self.names}
        late = {name: gap for name, gap in gaps.items() if gap > longest}
        assert not late, (len(late), dict(list(late.items())[:3]), self.resident.log)
        return checked


@pytest.fixture
def scene(workdir: Path, packages: Path, server: SteadyServer) -> Iterator[Callable[..., Scene]]:
    made: list[Scene] = []

    def make(count: int, interval: int, port: int = server.port) -> Scene:
        made.append(Scene(workdir / f"nagios-{count}", packages, port, count, interval))
        return made[-1]

    yield make
    for one in made:
        one.stop()


@pytest.mark.timing
def test_back_ends_that_die_with_checks_in_hand(scene):
    """Of 2,000 services, 200 in hand: none is late or wrong, and the one that does it each time is found out."""
    chance = random.Random(15)
    there = scene(2000, 20)
    there.resident.start()
    there.nagios.start()
    for _ in range(2):
        # One of them at any moment; the check that ends its process has another one, at its turn.
        time.sleep(13 + chance.random() * 4)
        while not (back_ends := there.resident.back_ends):
            time.sleep(0.05)  # the check that ends its process has just done so
        os.kill(chance.choice(back_ends), signal.SIGKILL)
    time.sleep(10)
    there.resident.signal(signal.SIGHUP)
    time.sleep(15)
    checked = there.judge(45)
    assert all(checked.times[name] for name in there.names)
    # Nagios may have forked the plugin for the first one, before the resident had registered.
    assert ("UNKNOWN", "SMTP UNKNOWN - the plugin was ended by SIGKILL") in checked.outputs["poison"]
    hands = [int(number) for number in re.findall(r"was ended by SIGKILL, ([0-9]+) checks in hand", there.resident.log)]
    assert max(hands) > 100, there.resident.log


def test_front_and_core_that_come_and_go(scene):
    """Absent at first, stopped and started, and Nagios the same; with SIGHUP for both."""
    with SteadyServer(delays={"banner": 1000}) as quick:
        there = scene(20, 5, quick.port)
        there.nagios.start()
        for event in (
            there.resident.start,
            lambda: there.resident.signal(signal.SIGHUP),
            there.resident.end,
            there.resident.start,
            there.nagios.reload,
        ):
            time.sleep(7)
            event()
        time.sleep(8)
        there.nagios.end()
        time.sleep(1)
        there.nagios.restart()
        time.sleep(9)
        # One that Nagios hands over while the front leaves is made at the next interval; and what it had not done when
        # it was ended it does by a new schedule.
        checked = there.judge(25)
    assert all(len(checked.times[name]) >= 5 for name in there.names)
    assert there.resident.log.count(f"at work for {there.nagios.base}/rw/nagios.qh: check_smtp_status") >= 3
    assert there.resident.end() == 0
