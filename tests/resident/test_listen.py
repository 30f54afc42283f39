"""The unix socket of the resident: who is served, with what, and what everybody else gets."""

from __future__ import annotations

import json
import os
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.request import urlopen

import pytest

from helpers.plugin import LAUNCHER, check_form
from servers.netns import NetworkNamespace
from servers.ports import free_ports, silent_port
from servers.postman import Postman
from servers.process import started
from servers.requirements import need_root
from servers.resident import Asked, Resident, build_client, request
from servers.scripted import ScriptedServer, SmtpScript
from servers.steady import SteadyServer

LATE = 0.2
"""Seconds by which a deadline may be missed."""


@pytest.fixture(scope="module")
def resident(workdir: Path) -> Iterator[Resident]:
    running = started(Resident, workdir)
    yield running
    running.stop()


@pytest.fixture(scope="module")
def client(workdir: Path, resident: Resident) -> Path:
    """Built so that the plugin says that it was run."""
    base = workdir / "client-of-resident"
    base.mkdir()
    plugin = base / "plugin"
    plugin.write_text(f'#!/bin/sh\necho "the plugin itself"\nexec {sys.executable} {LAUNCHER} "$@"\n')
    plugin.chmod(0o755)
    return build_client(base / "check_smtp_status", plugin, resident.socket)


@pytest.fixture(scope="module")
def slow() -> Iterator[SteadyServer]:
    with SteadyServer(delays={"banner": 1500}) as running:
        yield running


def run(client: Path, *words: str, wrap: tuple[str, ...] = (), **env: str) -> tuple[int, str]:
    done = subprocess.run([*wrap, client, *words], env=env, capture_output=True, text=True, timeout=30, check=False)
    assert done.stderr == ""
    return done.returncode, done.stdout


def to(server: SteadyServer) -> tuple[str, ...]:
    return ("-H", "127.0.0.1", "-p", str(server.port))


def test_a_check(client, resident, server):
    code, out = run(client, *to(server), "-f", "a@example.org", "--to", "b@example.org", "-v")
    assert check_form(code, out).first.startswith("SMTP OK - 127.0.0.1 accepted the message in ")


def test_the_same_line_again(client):
    """Each time it is judged anew, and what is of one run only is that run's."""
    answers = iter((b"250 2.1.5 Ok\r\n", b"450 4.2.0 Later\r\n", b"550 5.1.1 Nobody\r\n"))
    with ScriptedServer(lambda _: SmtpScript(rcpt=next(answers))) as there:
        words = ("-H", there.host, "-p", str(there.port), "-f", "a@example.org", "--to", "b@example.org")
        assert [run(client, *words, "--quit-after", "rcpt")[0] for _ in range(3)] == [0, 1, 2]
    with ScriptedServer(SmtpScript()) as there:
        words = ("-H", there.host, "-p", str(there.port), "-f", "a@example.org", "--to", "b@example.org")
        assert [run(client, *words)[0] for _ in range(2)] == [0, 0]
        first, second = (re.search(rb"Message-ID: (\S+)", session.messages[0])[1] for session in there.sessions)
    assert first != second


def test_a_name(client, server):
    code, out = run(client, "-H", "localhost", "-4", "-p", str(server.port))
    assert check_form(code, out).perfdata["time_dns"]
    code, out = run(client, "-H", "no-such-host.invalid", "-t", "5")
    assert (code, out.startswith("SMTP CRITICAL - no-such-host.invalid dns: ")) == (2, True)


def test_bad_usage(client):
    assert run(client, "-t", "x")[1].startswith("SMTP UNKNOWN - -t takes SECONDS")


def test_files_are_read(client, server, tmp_path):
    message = tmp_path / "message"
    message.write_text("Subject: x\n\nbody\n")
    (tmp_path / "plugins.ini").write_text(f"[a]\nport={server.port}\nto=b@example.org\n[b]\ndomain=example.org\n")
    code, out = run(client, *to(server), "--to", "b@example.org", "--data-file", str(message))
    assert (code, out.startswith("SMTP OK - 127.0.0.1 accepted the message")) == (0, True)
    code, out = run(client, "-H", "127.0.0.1", f"--extra-opts=a@{tmp_path}/plugins.ini")
    assert (code, out.startswith("SMTP OK - 127.0.0.1 accepted the message")) == (0, True)
    code, out = run(client, f"--extra-opts=b@{tmp_path}/plugins.ini", "--nameserver", "127.0.0.1:1", "-t", "1")
    assert out.startswith("the plugin itself\n")
    # One that cannot be read here may be readable where the line comes from.
    code, out = run(client, *to(server), "-S", "--ca", f"{tmp_path}/missing")
    assert (code, out.startswith("the plugin itself\nSMTP UNKNOWN - --ca cannot read ")) == (3, True)


ALONE = (
    ("-V",),
    ("--help",),
    ("-d", "example.org", "--nameserver", "127.0.0.1:1", "-t", "1"),
    ("-H", "127.0.0.1", "--dane", "try", "-t", "1"),
    ("--data-file", "message", "--to", "b@example.org"),
    ("--data-file", "-", "--to", "b@example.org"),
    ("--data-file", "/dev/stdin", "--to", "b@example.org"),
    ("--data-file", "/proc/self/fd/0", "--to", "b@example.org"),
    ("--ca", "certs", "-S"),
    ("--extra-opts",),
    ("--extra-opts=section",),
    ("--extra-opts=@file",),
    ("--imap", "127.0.0.1", "--imap-user", "x"),
)


@pytest.mark.parametrize("words", ALONE, ids=" ".join)
def test_what_the_plugin_carries_out(words, client):
    assert run(client, *words)[1].startswith("the plugin itself\n")


def test_a_pattern_that_takes_too_long(client, scripted):
    server = scripted(ehlo=b"250 " + b"a" * 400 + b"\r\n", strict=False)
    first = time.monotonic()
    # The one that hangs is found out in 10 ms; the plugin begins anew and has its own limit.
    out = run(client, "-H", server.host, "-p", str(server.port), "-C", "EHLO x", "-R", "(a+)+b", "-t", "5")[1]
    assert out.startswith("the plugin itself\n")
    assert time.monotonic() - first < 5


def test_another_network_namespace(client):
    with NetworkNamespace() as namespace:
        assert run(client, "-H", "127.0.0.1", wrap=namespace.enter)[1].startswith("the plugin itself\n")


def test_another_user(workdir, resident):
    need_root("being another user")
    base = workdir / "other-user"
    base.mkdir()
    (base / "plugin").write_text("#!/bin/sh\necho the plugin itself\n")
    (base / "plugin").chmod(0o755)
    other_client = build_client(base / "client", base / "plugin", resident.socket)
    resident.socket.chmod(0o666)
    out = run(other_client, "-H", "127.0.0.1", wrap=("setpriv", "--reuid=65534", "--clear-groups"))[1]
    assert out == "the plugin itself\n"
    resident.socket.chmod(0o660)


def test_root_before_a_resident_of_another_user(workdir, server):
    """Its lines may name no file: root may read more."""
    need_root("a resident of another user")
    from servers.installed import PYTHON, need_packages, plugin_directory  # for this test only

    need_packages()
    base = workdir / "others"
    base.mkdir()
    plugins = plugin_directory(base / "plugins")
    packages = (plugins / "check_smtp_status").resolve().parent / "plugin"
    resident = Resident(base / "r", python=PYTHON, packages=packages, nobody=True)
    resident.base.mkdir()
    resident.start()
    try:
        with Asked(resident, request(*to(server))) as asked:
            assert asked.answer().startswith(b"A0")
        for words in (("--data-file", "/etc/hostname", "--to", "b@x.test"), ("-H", "/run/nowhere")):
            with Asked(resident, request(*to(server)[2:], *words)) as asked:
                assert asked.answer() == b"N"
    finally:
        resident.stop()


@pytest.mark.parametrize(
    "octets",
    [
        request("-t", "x", version=b"2"),
        request("-t", "x", network=b"1:1"),
        request(*["-v"] * 1001),
        request("x" * 140_000),
        struct.pack("!I", 5) + b"abcde",
        struct.pack("!I", 0),
        struct.pack("!I", 2) + b"\0\0\0\0",
        struct.pack("!I", 1 << 31),
        b"\xff" * 100,
        request("-t", "x")[:-1] + b"y",
        request("-t", "x") + b"more",
    ],
    ids=lambda octets: repr(octets[:12]),
)
def test_requests_that_are_none(octets, resident, server):
    with Asked(resident, octets) as asked:
        assert asked.answer() == b"N"
    with Asked(resident, request(*to(server))) as asked:
        assert asked.answer().startswith(b"A0")


def test_a_request_however_it_is_cut(resident, server):
    whole = request(*to(server))
    for at in (1, 3, 4, 5, len(whole) - 1):
        with Asked(resident, whole[:at]) as asked:
            time.sleep(0.05)
            asked.sock.sendall(whole[at:])
            assert asked.answer().startswith(b"A0")


def test_a_thousand_that_say_nothing(client, resident, server):
    """Whoever speaks is served at once; the silent ones are left after two seconds."""
    silent = [Asked(resident, request("-t", "x")[: number % 20]) for number in range(1000)]
    try:
        began = time.monotonic()
        code, out = run(client, *to(server))
        assert (code, out.startswith("SMTP OK")) == (0, True), out
        assert time.monotonic() - began < 1.0
        for asked in silent:
            asked.sock.settimeout(5)
            assert asked.answer() == b""
    finally:
        for asked in silent:
            asked.sock.close()


def test_a_long_document(client):
    with Postman(lambda _octets: None, {"NOOP": b"250 " + b"x" * 400 + b"\r\n"}) as postman:
        words = ("-H", "127.0.0.1", "-p", str(postman.port), "--output-format", "json", "-vv", *("-C", "NOOP") * 490)
        code, out = run(client, *words)
    assert code == 0
    assert len(out) > 250_000
    assert json.loads(out)["state"] == "ok"


def test_more_clients_than_descriptors(workdir, server):
    """They take turns."""
    few = started(lambda base: Resident(base, wrap=("prlimit", "--nofile=72")), workdir)
    with ExitStack() as stack:
        clients = [stack.enter_context(Asked(few, request(*to(server)))) for _ in range(40)]
        for client in clients:
            assert client.answer().startswith(b"A0")
    few.stop()


def test_one_that_never_takes_its_answer_is_left(resident, server):
    with Asked(resident, request(*to(server), "-v", "-v")) as asked:
        time.sleep(0.5)
        assert asked.answer().startswith(b"A0")


def test_the_line_is_acknowledged(resident, slow):
    with Asked(resident, request(*to(slow))) as asked:
        began = time.monotonic()
        assert asked.sock.recv(1) == b"A"
        assert time.monotonic() - began < 0.9
        assert asked.answer().startswith(b"0")


def test_sigterm_has_the_verdict_so_far(client):
    with silent_port() as silent:
        process = subprocess.Popen(
            [client, "-H", "127.0.0.1", "-p", str(silent), "-t", "20"], env={}, stdout=subprocess.PIPE, text=True
        )
        time.sleep(1)
        process.terminate()
        out, _ = process.communicate(timeout=5)
    assert process.returncode == 2
    assert out.startswith("SMTP CRITICAL - 127.0.0.1 timed out at connect: no answer from 127.0.0.1 ")


def test_a_client_that_is_gone_ends_its_check(resident):
    def connections() -> int:
        return len(os.listdir(f"/proc/{resident.back_ends[0]}/fd"))

    before = connections()
    with silent_port() as silent:
        with Asked(resident, request("-H", "127.0.0.1", "-p", str(silent), "-t", "60")):
            time.sleep(0.5)
            assert connections() > before
        end = time.monotonic() + 5
        while connections() > before:
            assert time.monotonic() < end
            time.sleep(0.05)


def test_a_resident_that_dies_in_the_middle(client, resident, slow):
    process = subprocess.Popen([client, *to(slow)], env={}, stdout=subprocess.PIPE, text=True)
    time.sleep(0.7)
    os.kill(resident.back_ends[0], signal.SIGKILL)
    out, _ = process.communicate(timeout=20)
    assert process.returncode == 0
    assert out.startswith("the plugin itself\nSMTP OK - 127.0.0.1 answered in ")
    time.sleep(1.5)
    assert run(client, *to(slow))[1].startswith("SMTP OK")


def test_the_password_counts_from_the_job_only(workdir, server, monkeypatch):
    monkeypatch.setenv("SMTP_STATUS_AUTHPASS", "never")
    resident = started(Resident, workdir)
    try:
        words = (*to(server), "-U", "monitor", "-A", "PLAIN")
        with Asked(resident, request(*words)) as asked:
            assert asked.answer()[:2] == b"A3"
        with Asked(resident, request(*words, password=b"=secret")) as asked:
            assert asked.answer()[:2] == b"A0"
    finally:
        resident.stop()


@pytest.mark.timing
def test_each_deadline_is_kept_beside_a_thousand_others(resident):
    """Within 0.2 s."""
    with silent_port() as silent:
        words = ("-H", "127.0.0.1", "-p", str(silent))
        began = time.monotonic()
        waiting = {}
        poll = select.poll()
        for number in range(1000):
            asked = Asked(resident, request(*words, "-t", f"{4 + number % 50 * 0.04:.2f}"))
            waiting[asked.sock.fileno()] = (asked, time.monotonic() + 4 + number % 50 * 0.04)
            poll.register(asked.sock.fileno(), select.POLLIN | select.POLLHUP)
        assert time.monotonic() - began < 3.5
        late = []
        answers = dict.fromkeys(waiting, b"")
        while waiting:
            for descriptor, _events in poll.poll(8000):
                asked, due = waiting[descriptor]
                piece = asked.sock.recv(1 << 16)
                answers[descriptor] += piece
                if len(answers[descriptor]) > 1:
                    late.append(time.monotonic() - due)
                    poll.unregister(descriptor)
                    asked.sock.close()
                    del waiting[descriptor]
    assert all(answer.startswith(b"A2") for answer in answers.values())
    assert min(late) > -0.1
    assert sorted(late)[990] < LATE, sorted(late)[-20:]


def test_it_does_not_grow(resident, server):
    """Resident memory of the back end over some thousand checks."""

    def many(count: int) -> None:
        def some() -> None:
            for _ in range(count // 4):
                with Asked(resident, request(*to(server), "-f", "")) as asked:
                    assert asked.answer().startswith(b"A0")

        threads = [threading.Thread(target=some) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    many(800)
    before = pss(resident.back_ends[0])
    many(3000)
    assert pss(resident.back_ends[0]) - before < 1024
    assert pss(resident.back_ends[0]) + pss(resident.front) < 40 * 1024


def test_names_of_certificates_share_the_authorities(workdir, certs):
    """As many services as there are servers behind a balancer: the name of each is looked at, and costs nothing."""
    resident = started(Resident, workdir)
    try:
        with SteadyServer((certs.good.crt, certs.good.key)) as there:

            def check(name: str) -> bytes:
                with Asked(
                    resident, request(*to(there), "-S", "--tls-name", name, "--state", "tls:verify=ok")
                ) as asked:
                    return asked.answer()

            assert check("mx1.example.test").startswith(b"A0")
            before = pss(resident.back_ends[0])
            wrong = [check(f"mx{number}.example.org") for number in range(60)]
            assert all(f"not for mx{number}.example.org".encode() in said for number, said in enumerate(wrong)), wrong[
                0
            ]
            assert check("mx2.example.test").startswith(b"A0")
            assert pss(resident.back_ends[0]) - before < 8 * 1024
    finally:
        resident.stop()


def pss(pid: int) -> int:
    """KiB of memory of a process."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return next(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:"))


def test_a_second_one_does_not_take_the_socket(resident):
    done = subprocess.run(resident.command, env={"PYTHONPATH": "plugin"}, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (
        3,
        f"smtp_statusd: cannot listen at {resident.socket}: somebody listens there already\n",
    )
    assert "`cannot listen at …: somebody listens there already`" in Path("docs/resident.md").read_text()


def test_another_one_takes_its_place_while_it_ends(workdir, server):
    """A check in hand keeps it for seconds: meanwhile nobody waits for it, and whoever comes after it is not ended
    with it."""
    with SteadyServer(delays={"banner": 4000}) as slower:
        first = started(Resident, workdir)
        second = Resident(workdir / "second")
        second.base.mkdir()
        second.socket = first.socket
        pid = first.front
        with Asked(first, request(*to(slower))) as in_hand:
            assert in_hand.sock.recv(1) == b"A"
            os.kill(pid, signal.SIGTERM)
            end = time.monotonic() + 3  # in hand for longer
            while connects(first.socket):
                assert time.monotonic() < end
                time.sleep(0.01)
            second.start()
            try:
                with Asked(second, request(*to(server))) as asked:
                    assert asked.answer().startswith(b"A0")
                assert in_hand.answer().startswith(b"0")
                end = time.monotonic() + 20
                while Path("/proc", str(pid), "fd").exists() and os.listdir(f"/proc/{pid}/fd"):
                    assert time.monotonic() < end
                    time.sleep(0.05)
                with Asked(second, request(*to(server))) as asked:
                    assert asked.answer().startswith(b"A0")
            finally:
                second.stop()
                first.stop()
        assert first.log.endswith("smtp_statusd: ends when the checks in hand are done\n")


def connects(path: Path) -> bool:
    """Whether somebody listens at ``path``."""
    with socket.socket(socket.AF_UNIX) as sock:
        return sock.connect_ex(str(path)) == 0


@pytest.mark.parametrize("closed", ["<&- >&-", "<&- >&- 2>&-"])
def test_standard_descriptors_that_are_closed(workdir, server, closed):
    """As some supervisors leave them: they are no descriptors of anything else."""

    def make(base: Path) -> Resident:
        # Where its standard error is closed nobody hears that it is ready.
        said = f"exec 3>&2; (until [ -S {base}/socket ]; do sleep 0.05; done; echo ready >&3) & exec 3>&-;"
        return Resident(base, wrap=("sh", "-c", f'{said} exec "$@" {closed}', "sh"))

    resident = started(make, workdir)
    try:
        with Asked(resident, request(*to(server))) as asked:
            assert asked.answer().startswith(b"A0")
        assert "Traceback" not in resident.log
    finally:
        resident.stop()


def test_a_socket_nobody_listens_at_is_replaced(workdir, server):
    resident = started(Resident, workdir)
    os.kill(resident.front, signal.SIGKILL)
    resident.stop()
    assert resident.socket.exists()
    resident.start()
    try:
        with Asked(resident, request(*to(server))) as asked:
            assert asked.answer().startswith(b"A0")
    finally:
        resident.stop()


def upgradable(copy: Path) -> Path:
    """The package at ``copy``, where it is looked more often whether there is another version of it."""
    shutil.copytree(Path("plugin/smtp_status").resolve(), copy / "smtp_status")
    look = copy / "smtp_status/resident/installed.py"
    look.write_text(look.read_text().replace("LOOK = 10.0", "LOOK = 0.3"))
    return copy


def upgrade(copy: Path) -> None:
    init = copy / "smtp_status/__init__.py"
    init.write_text(init.read_text().replace("__version__ = ", '__version__ = "9.9"  # '))


def test_another_version_on_disk(workdir, server):
    """The back ends are replaced by themselves; LOOK is shorter here."""
    copy = upgradable(workdir / "upgraded")
    resident = started(lambda base: Resident(base, packages=copy), workdir)
    try:
        (before,) = resident.back_ends
        upgrade(copy)
        end = time.monotonic() + 15
        while before in resident.back_ends or not resident.back_ends:
            assert time.monotonic() < end
            time.sleep(0.1)
        with Asked(resident, request(*to(server))) as asked:
            assert asked.answer().startswith(b"A0")
    finally:
        resident.stop()


def test_another_version_of_the_web_server(workdir, server):
    """It is started anew too, and nobody is turned away meanwhile; what it had not loaded yet it takes from neither."""
    (workdir / "modules.ini").write_text("[mx]\ntimeout = 5\n")
    copy = upgradable(workdir / "upgraded web")
    (port,) = free_ports(1)
    options = ("--metrics", f"127.0.0.1:{port}", "--modules", str(workdir / "modules.ini"))
    resident = started(lambda base: Resident(base, *options, packages=copy), workdir)

    def get(path: str) -> str:
        with urlopen(f"http://127.0.0.1:{port}{path}", timeout=30) as answer:
            return answer.read().decode()

    probe = f"/probe?module=mx&target=127.0.0.1:{server.port}"
    try:
        assert 'version="9.9"' not in get("/metrics")
        upgrade(copy)
        (copy / "smtp_status/resident/exposition.py").write_text("raise ImportError('of another version')\n")
        assert "smtp_status_state 0.0" in get(probe)
        shutil.copy("plugin/smtp_status/resident/exposition.py", copy / "smtp_status/resident")
        end = time.monotonic() + 20
        while 'version="9.9"' not in get("/metrics"):
            assert "smtp_status_state 0.0" in get(probe)
            assert time.monotonic() < end, resident.log
        assert "smtp_status_state 0.0" in get(probe)
    finally:
        resident.stop()
