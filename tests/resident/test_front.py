"""The resident before a core that the test plays: every job is answered once, whatever happens."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from helpers.plugin import LAUNCHER, check_form
from servers.core import Core, Worker
from servers.ports import silent_port
from servers.postman import Postman
from servers.resident import PACKAGES, Resident
from servers.steady import SteadyServer

PLUGIN = "/usr/lib/nagios/plugins/check_smtp_status"

POISON = """

def _poisoned(self, run=Dialogue.run):
    if self._plan.helo == "poison.test":
        import os
        os.kill(os.getpid(), 9)
    if self._plan.helo == "fault.test":
        raise ZeroDivisionError("as an example")
    return run(self)


Dialogue.run = _poisoned
"""


@pytest.fixture(scope="module")
def packages(workdir: Path) -> Path:
    """The package, with a check that kills its process, and one that raises what it must not."""
    copy = workdir / "poisoned"
    shutil.copytree(PACKAGES / "smtp_status", copy / "smtp_status", ignore=shutil.ignore_patterns("__pycache__"))
    with (copy / "smtp_status/smtp/dialogue.py").open("a") as file:
        file.write(POISON)
    return copy


class Scene:
    """A core and a resident that works for it."""

    def __init__(
        self, base: Path, *options: str, packages: Path = PACKAGES, names: int = 1, wrap: Sequence[str] = ()
    ) -> None:
        base.mkdir()
        self.core = Core(base / "core")
        self.resident = Resident(base, "--nagios", str(base / "core"), *options, packages=packages, wrap=wrap)
        self.resident.start()
        self.workers = [self.core.accept() for _ in range(names)]
        self.worker = self.workers[0]

    def stop(self) -> None:
        self.resident.stop()
        self.core.close()


@pytest.fixture
def scene(workdir: Path, packages: Path, request: pytest.FixtureRequest) -> Iterator[Callable[..., Scene]]:
    made: list[Scene] = []

    def make(*options: str, **more: Any) -> Scene:
        made.append(Scene(workdir / f"front{len(os.listdir(workdir))}", *options, packages=packages, **more))
        return made[-1]

    yield make
    for one in made:
        one.stop()


@pytest.fixture(scope="module")
def slow() -> Iterator[SteadyServer]:
    """Greets after a second."""
    with SteadyServer(delays={"banner": 1000}) as running:
        yield running


def line(server: SteadyServer, more: str = "") -> str:
    return f"{PLUGIN} -H 127.0.0.1 -p {server.port} {more}"


def good(worker: Worker, number: int) -> None:
    """Assert that the answer is that of a check that was carried out well."""
    answer = worker.answer(number)
    assert check_form(answer.code, answer.out).first.startswith("SMTP OK - 127.0.0.1 "), answer
    assert answer.code == 0


def test_a_check(scene, server):
    worker = scene().worker
    assert worker.options == {
        "name": "smtp_statusd check_smtp_status",
        "pid": "0",
        "max_jobs": "100000",
        "plugin": "check_smtp_status",
    }
    before = time.time()
    worker.give(7, line(server, "-f 'a@example.org' --to b@example.org"))
    answer = worker.answer(7)
    after = time.time()
    good(worker, 7)
    pairs = answer.pairs
    assert list(pairs) == [
        *("job_id", "type", "timeout", "wait_status", "start", "stop", "runtime", "exited_ok", "outerr", "outstd"),
    ]
    assert (pairs["type"], pairs["timeout"], pairs["exited_ok"], pairs["outerr"]) == ("2", "60", "1", "")
    start, stop = float(pairs["start"]), float(pairs["stop"])
    assert before - 0.001 <= start <= stop <= after + 0.001
    assert abs(float(pairs["runtime"]) - (stop - start)) < 0.00001
    assert all(len(pairs[key].partition(".")[2]) == 6 for key in ("start", "stop"))


def test_bad_usage_and_what_goes_wrong(scene, server):
    worker = scene().worker
    worker.give(1, f"{PLUGIN} -t x")
    worker.give(2, line(server, "-e nonsense"))
    worker.give(3, f"{PLUGIN}")
    worker.give(4, line(server, "-F fault.test"))
    worker.give(5, line(server))
    assert worker.answer(1).code == 3
    assert worker.answer(1).out.startswith("SMTP UNKNOWN - -t takes SECONDS")
    assert worker.answer(2).code == 2
    assert worker.answer(3).out.startswith("SMTP CRITICAL - localhost connect: ")
    assert worker.answer(4).code == 3
    assert (
        worker.answer(4).out == "SMTP UNKNOWN - the plugin is damaged or has a bug: ZeroDivisionError: as an example\n"
    )
    good(worker, 5)


def test_each_name_has_a_connection_of_its_own(scene, server):
    there = scene("--plugin", "check_smtp", "--plugin", "check_smtp_status", names=2)
    assert [worker.plugin for worker in there.workers] == ["check_smtp", "check_smtp_status"]
    for worker in there.workers:
        worker.give(1, f"/anywhere/{worker.plugin} -H 127.0.0.1 -p {server.port}")
        good(worker, 1)


def test_what_takes_a_process_of_its_own(scene, server, tmp_path):
    """The plugin itself is run for check_smtp too; a line for a shell goes to one."""
    worker = scene("--plugin", "check_smtp").worker
    worker.give(1, f"/nowhere/check_smtp -H 127.0.0.1 -p {server.port} --data-file message --to a@b.test")
    worker.give(2, f"/nowhere/check_smtp -H $HOST_THAT_IS_NOT_SET -p {server.port}")
    worker.give(3, "/nowhere/check_smtp -V")
    worker.give(4, "/nowhere/check_smtp ; echo shell; echo problem >&2; exit 2")
    assert worker.answer(1).out == "SMTP UNKNOWN - --data-file cannot read message: No such file or directory\n"
    assert worker.answer(2).code == 127
    assert worker.answer(3).out.startswith("check_smtp_status ")
    assert (worker.answer(4).code, worker.answer(4).out) == (2, "shell\n")
    assert "problem" in worker.answer(4).pairs["outerr"]


def test_nothing_is_inherited(scene, monkeypatch):
    monkeypatch.setenv("SMTP_STATUS_AUTHPASS", "never")
    worker = scene().worker
    worker.give(1, f"{PLUGIN} >/dev/null 2>&1; ls -l /proc/self/fd; env; ulimit -c; pwd")
    said = worker.answer(1).out
    rows = [row for row in said.splitlines() if "->" in row]
    targets = [row.rpartition("-> ")[2] for row in rows]
    assert targets[0] == "/dev/null"
    assert all(target.startswith("pipe:") for target in targets[1:3])
    assert [target for target in targets[3:] if not target.startswith("/proc/")] == []
    names = {row.partition("=")[0] for row in said.splitlines() if "=" in row and "->" not in row}
    assert names <= {"PATH", "PWD", "OLDPWD", "SHLVL", "_"}, names
    assert "\n0\n/\n" in said


def test_a_check_that_kills_its_back_end(scene, server, slow):
    there = scene()
    worker = there.worker
    for number in range(20):
        worker.give(number, line(slow))
    time.sleep(0.5)
    worker.give(99, line(slow, "-F poison.test"))
    for number in range(20):
        good(worker, number)
    assert (worker.answer(99).code, worker.answer(99).out) == (
        3,
        "SMTP UNKNOWN - the plugin was ended by SIGKILL\n",
    )
    assert "was ended by SIGKILL, 21 checks in hand are run one process each" in there.resident.log
    # It is known by now, and ends nobody else's process any more.
    (back_end,) = there.resident.back_ends
    worker.give(100, line(slow, "-F poison.test"))
    assert worker.answer(100).code == 3
    worker.give(101, line(server))
    good(worker, 101)
    assert there.resident.back_ends == [back_end]


def test_an_output_of_many_packets(scene, server):
    """And what others have done meanwhile is not lost with it."""
    worker = scene().worker
    with Postman(lambda _octets: None, {"NOOP": b"250 " + b"x" * 400 + b"\r\n"}) as postman:
        words = f"-H 127.0.0.1 -p {postman.port} --output-format json -vv" + " -C NOOP" * 490
        worker.give(1, f"{PLUGIN} {words}")
        worker.give(2, line(server))
        worker.give(3, f"{sys.executable} {LAUNCHER} {words}; true")
        good(worker, 2)
        for number in (1, 3):
            answer = worker.answer(number)
            assert answer.code == 0
            assert len(answer.out) > 250_000
            assert json.loads(answer.out)["state"] == "ok"


def test_ended_by_a_signal_without_a_name(scene, server, slow):
    number = signal.SIGRTMIN + 6
    there = scene()
    worker = there.worker
    worker.give(1, line(slow))
    time.sleep(0.5)
    (back_end,) = there.resident.back_ends
    os.kill(back_end, number)
    good(worker, 1)
    worker.give(2, line(server))
    good(worker, 2)
    worker.give(3, f"kill -{number} $$")
    assert (worker.answer(3).code, worker.answer(3).out) == (
        3,
        f"SMTP UNKNOWN - the plugin was ended by signal {number}\n",
    )
    assert f"was ended by signal {number}, 1 checks in hand are run one process each" in there.resident.log
    assert "a fault of its own" not in there.resident.log


def test_a_back_end_that_hangs(scene, slow):
    there = scene()
    worker = there.worker
    worker.give(1, line(slow))
    time.sleep(0.3)
    (back_end,) = there.resident.back_ends
    os.kill(back_end, signal.SIGSTOP)
    good(worker, 1)
    assert " hangs and is ended" in there.resident.log


def test_the_end_answers_what_is_in_hand(scene, slow):
    there = scene()
    worker = there.worker
    for number in range(30):
        worker.give(number, line(slow))
    worker.give(30, line(slow, "; true"))
    assert there.resident.end() == 0
    for number in range(31):
        assert worker.answer(number).code == 0
    assert worker.ended()


def test_the_end_after_a_while_has_the_verdict_so_far(scene):
    there = scene()
    worker = there.worker
    with silent_port() as silent:
        worker.give(1, f"{PLUGIN} -H 127.0.0.1 -p {silent} -t 100")
        worker.give(2, f"{PLUGIN} -H 127.0.0.1 -p {silent} -t 100; true")
        began = time.monotonic()
        assert there.resident.end() == 0
    assert 24 < time.monotonic() - began < 29
    assert worker.answer(1).out.startswith("SMTP CRITICAL - 127.0.0.1 timed out at connect: ")


def test_back_ends_are_replaced_and_nothing_is_lost(scene, slow):
    there = scene("--processes", "2")
    worker = there.worker
    before = there.resident.back_ends
    for number in range(40):
        worker.give(number, line(slow))
        if number == 20:
            there.resident.signal(signal.SIGHUP)
        time.sleep(0.02)
    for number in range(40):
        good(worker, number)
    end = time.monotonic() + 20
    while set(before) & set(there.resident.back_ends) or len(there.resident.back_ends) != 2:
        assert time.monotonic() < end, (before, there.resident.back_ends, there.resident.log)
        time.sleep(0.05)
    assert "ended" not in there.resident.log


def test_a_back_end_that_dies_while_it_is_replaced(scene):
    """Whichever of the two it is, one comes of it, and it is a new one."""
    there = scene()
    for victim in (0, -1):
        (before,) = there.resident.back_ends
        there.resident.signal(signal.SIGHUP)
        end = time.monotonic() + 20
        while len(both := there.resident.back_ends) < 2:
            assert time.monotonic() < end, there.resident.log
        os.kill(both[victim], signal.SIGKILL)
        while len(there.resident.back_ends) != 1 or before in there.resident.back_ends:
            assert time.monotonic() < end, (before, both, there.resident.back_ends, there.resident.log)
            time.sleep(0.05)


def test_a_core_that_starts_anew(scene, server, slow):
    """Nagios closes; what was in hand nobody asks for any more."""
    there = scene()
    there.worker.give(1, line(slow))
    there.core.close()
    there.core = Core(there.core.path)
    worker = there.core.accept()
    worker.give(2, line(server))
    good(worker, 2)


def test_a_core_that_keeps_the_connection_and_never_uses_it_again(scene, server, slow):
    """Naemon: another socket stands at the path."""
    there = scene()
    old = there.worker
    old.give(1, line(slow))
    there.core.path.unlink()
    newer = Core(there.core.path)
    worker = newer.accept()
    worker.give(2, line(server))
    good(worker, 2)
    good(old, 1)
    assert old.ended()
    newer.close()


def test_a_job_is_answered_before_its_time(scene):
    """Or the core would take it for running for ever."""
    worker = scene().worker
    with silent_port() as silent:
        began = time.monotonic()
        worker.give(1, f"{PLUGIN} -H 127.0.0.1 -p {silent} -t 100", timeout=5)
        worker.give(2, f"{PLUGIN} -H 127.0.0.1 -p {silent} -t 100; true", timeout=5)
        worker.give(3, f"{PLUGIN} ; trap '' TERM; sleep 30", timeout=5)
        first = worker.answer(1)
        assert 3.4 < time.monotonic() - began < 4.1
        assert first.out.startswith("SMTP CRITICAL - 127.0.0.1 timed out at connect: no answer from 127.0.0.1 ")
        worker.answer(2)
        late = worker.answer(3)
        assert time.monotonic() - began < 4.6
    assert (late.pairs["exited_ok"], late.pairs["error_code"], late.pairs["outstd"]) == ("0", "62", "")


def test_one_alone_is_asked_for_the_verdict_so_far_in_time(scene):
    """Also where nothing else is to be done meanwhile."""
    worker = scene().worker
    with silent_port() as silent:
        for number in range(2):
            time.sleep(number / 2)  # at another point between two ticks
            began = time.monotonic()
            worker.give(number, f"{PLUGIN} -H 127.0.0.1 -p {silent} -t 100 --nameserver 127.0.0.1", timeout=4)
            assert worker.answer(number).out.startswith("SMTP CRITICAL - 127.0.0.1 timed out at connect: ")
            assert 2.4 < time.monotonic() - began < 2.9


def test_a_thousand_jobs_at_once(scene, server):
    worker = scene("--processes", "2").worker
    for number in range(1000):
        worker.give(number, line(server))
    for number in range(1000):
        good(worker, number)


def test_the_plugin_is_not_there_for_a_moment(scene, server, packages):
    """As while it is upgraded: nobody is told WARNING, which is what Python's exit status would say."""
    worker = scene().worker
    entry = packages / "smtp_status/__main__.py"
    away = entry.rename(packages / "away")
    try:
        worker.give(1, line(server, "-V"))
        worker.give(2, line(server))
        answer = worker.answer(1)
        assert (answer.code, answer.out) == (3, "SMTP UNKNOWN - the plugin said nothing and ended with exit status 1\n")
        assert "ModuleNotFoundError" in answer.pairs["outerr"]
        good(worker, 2)
        worker.give(3, f"{PLUGIN} -V >/dev/null 2>&1; exit 1")  # whatever else somebody runs is as it is
        answer = worker.answer(3)
        assert (answer.code, answer.out) == (1, "")
    finally:
        away.rename(entry)


def test_more_checks_than_descriptors(scene, server):
    """Those there is no room for have a process each: none waits until its time is over."""
    worker = scene(wrap=("prlimit", "--nofile=110:110")).worker
    with silent_port() as port:
        for number in range(30):
            worker.give(number, f"{PLUGIN} -H 127.0.0.1 -p {port} -t 8 -F {number}.example.org")
        worker.give(30, line(server, "-t 10"))
        good(worker, 30)
        for number in range(30):
            answer = worker.answer(number)
            waited = rf"SMTP CRITICAL - 127\.0\.0\.1 timed out at connect: no answer from \S+ port {port} for [6-9]"
            assert (answer.code, bool(re.match(waited, answer.out))) == (2, True), answer


def test_more_checks_than_descriptors_for_a_while(scene, slow):
    """Those that wait for no more than a part of their time take no process."""
    there = scene("-v", wrap=("prlimit", "--nofile=110:110"))
    for number in range(60):
        there.worker.give(number, line(slow, f"-t 40 -F {number}.example.org"))
    for number in range(60):
        good(there.worker, number)
    assert there.resident.end() == 0
    assert re.search(r"^smtp_statusd: back end \d+: 60 checks, 0 of them left to the plugin$", there.resident.log, re.M)


def test_what_the_core_says_is_no_message(scene):
    there = scene()
    there.worker._socket.sendall(b"job_id=1\0\1\0\0\0")
    assert there.worker.ended()
    assert there.core.accept().plugin == "check_smtp_status"
    assert "is left alone: a job without number, type, command or timeout" in there.resident.log


def test_no_command_line_is_logged(scene, server):
    there = scene("-v")
    there.worker.give(1, line(server, "-U monitor -P verysecret -F poison.test"))
    there.worker.answer(1)
    there.worker.give(2, line(server, "-U monitor -P verysecret -F fault.test"))
    there.worker.answer(2)
    assert there.resident.end() == 0
    assert "verysecret" not in there.resident.log
    assert all(row.startswith("smtp_statusd: ") for row in there.resident.log.splitlines()), there.resident.log


def test_it_tells_how_much_was_done(scene, server):
    there = scene("-v")
    for number, more in enumerate(("", "", "--nameserver 127.0.0.1")):
        there.worker.give(number, line(server, more))
        good(there.worker, number)
    there.worker.give(3, line(server, "$(true)"))
    there.worker.answer(3)
    assert there.resident.end() == 0
    assert re.search(r"^smtp_statusd: back end \d+: 4 checks, 2 of them left to the plugin$", there.resident.log, re.M)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "takes --nagios SOCKET, --listen PATH, --metrics ADDR:PORT, or several of them"),
        (["--listen"], "option --listen requires argument, see --help"),
        (["--listen", "socket"], "--listen takes the absolute path of a unix socket, not 'socket'"),
        (["--listen", "/" + "x" * 107], "--listen takes the absolute path of a unix socket, not '/" + "x" * 59 + "'"),
        (["--nonsense"], "option --nonsense not recognized, see --help"),
        (["--listen", "/nowhere/s", "more"], "takes options only, not 'more'"),
        (["--listen", "/nowhere/s", "--processes", "0"], "--processes takes a number from 1 to 64, not '0'"),
        (["--listen", "/nowhere/s", "--plugin", "x"], "--plugin takes --nagios as well"),
        (["--nagios", "/nowhere/s", "--plugin", "a;b"], "--plugin takes the first word of a command line, not 'a;b'"),
        (["--listen", "/nowhere/s"], "cannot listen at /nowhere/s: no such file or directory"),
        (["--listen", "/etc/passwd"], "cannot listen at /etc/passwd: something else than a socket is there"),
    ],
)
def test_bad_usage_of_the_resident(words, sentence):
    done = subprocess.run(
        [sys.executable, "-m", "smtp_status.resident.daemon", *words],
        env={"PYTHONPATH": str(PACKAGES)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (3, "", f"smtp_statusd: {sentence}\n")


def test_no_memory_is_written_to_a_disk(scene):
    resident = scene().resident
    for pid in (resident.front, *resident.back_ends):
        limits = Path(f"/proc/{pid}/limits").read_text()
        assert re.search(r"^Max core file size +0 +0 ", limits, re.M), limits


def test_it_tells_the_service_manager(workdir, server, tmp_path):
    base = workdir / "notified"
    base.mkdir()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(base / "manager"))
        manager.settimeout(20)
        resident = Resident(base)
        process = subprocess.Popen(
            resident.command,
            env={"PYTHONPATH": str(PACKAGES), "NOTIFY_SOCKET": str(base / "manager")},
            stderr=subprocess.DEVNULL,
        )
        try:
            assert manager.recv(100) == b"READY=1"
            assert (base / "socket").stat().st_mode & 0o777 == 0o660
            process.terminate()
            assert manager.recv(100) == b"STOPPING=1"
            assert process.wait(20) == 0
            assert not (base / "socket").exists()
        finally:
            process.kill()
            process.wait()
