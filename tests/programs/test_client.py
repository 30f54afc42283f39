"""The thin client in C, with residents that are good, gone, silent or hostile."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import struct
import subprocess
import time
from pathlib import Path
from queue import Queue
from random import Random
from threading import Thread
from typing import Callable, NamedTuple

import pytest

from helpers.plugin import ROOT
from servers.requirements import need

SOURCE = ROOT / "client/check_smtp_status.c"
PLUGIN = '#!/bin/sh\nexec 2>/dev/null\necho "the plugin: $*"\nexit 3\n'
SANITIZED = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-g")


class Client(NamedTuple):
    """A client built for a scratch directory."""

    program: Path
    socket: Path
    plugin: Path

    def run(self, *words: str, wrap: tuple[str, ...] = (), **options) -> tuple[int, str]:
        done = self.start(*words, wrap=wrap, **options)
        out, err = done.communicate(timeout=20)
        assert err == b""
        return done.returncode, out.decode()

    def start(self, *words: str, wrap: tuple[str, ...] = (), env=None, cwd="/") -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [*wrap, str(self.program), *words],
            env=env or {},
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )


def build(base: Path, *flags: str) -> Client:
    base.mkdir()
    client = Client(base / "client", base / "socket", base / "plugin")
    client.plugin.write_text(PLUGIN)
    client.plugin.chmod(0o755)
    made = subprocess.run(
        [
            *("make", "-s", "-C", str(ROOT), "client", f"CLIENT={client.program}"),
            *(f"PLUGIN={client.plugin}", f"SOCKET={client.socket}", f"CFLAGS=-O1 {' '.join(flags)}"),
            *(["STATIC="] if flags else []),  # a sanitizer takes the place of functions of libc
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (made.returncode, made.stderr) == (0, "")
    return client


@pytest.fixture(scope="module")
def plain(workdir: Path) -> Client:
    need("cc")
    return build(workdir / "client")


@pytest.fixture(scope="module")
def sanitized(workdir: Path) -> Client:
    need("cc")
    return build(workdir / "sanitized", *SANITIZED)


@pytest.fixture(params=["plain", "sanitized"])
def client(request) -> Client:
    return request.getfixturevalue(request.param)


class Resident:
    """Listens at the client's socket and plays ``script`` with the one connection it gets."""

    def __init__(self, client: Client, script: Callable[[socket.socket], None]) -> None:
        self._path = client.socket
        self.request: list[bytes] = []
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self._path))
        self._listener.listen(1)
        self._listener.settimeout(10)
        self._script = script
        self._thread = Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Resident:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.join(15)
        self._listener.close()
        self._path.unlink()
        assert not self._thread.is_alive()

    def _serve(self) -> None:
        connection, _ = self._listener.accept()
        with connection:
            connection.settimeout(10)
            (size,) = struct.unpack("!I", connection.recv(4, socket.MSG_WAITALL))
            self.request = connection.recv(size, socket.MSG_WAITALL).split(b"\0")
            self._script(connection)


def says(octets: bytes) -> Callable[[socket.socket], None]:
    return lambda connection: connection.sendall(octets)


def answer(code: int, text: bytes) -> bytes:
    return b"A%d" % code + struct.pack("!I", len(text)) + text


def ran_plugin(*words: str) -> tuple[int, str]:
    return 3, f"the plugin: {' '.join(words)}\n"


@pytest.mark.parametrize("code", [0, 1, 2, 3])
def test_an_answer_is_printed(client, code):
    with Resident(client, says(answer(code, "SMTP ü x\n".encode()))) as resident:
        given = client.run("-H", "mx 1", "", "ö", env={"SMTP_STATUS_AUTHPASS": "s=cret"}, cwd="/usr/lib")
        assert given == (code, "SMTP ü x\n")
    version, network, directory, password, *words, nothing = resident.request
    there = os.stat("/proc/self/ns/net")
    assert (version, directory, password, nothing) == (b"1", b"/usr/lib", b"=s=cret", b"")
    assert network == f"{there.st_dev}:{there.st_ino}".encode()
    assert words == [b"-H", b"mx 1", b"", "ö".encode()]


def test_without_a_password_none_is_sent(client):
    with Resident(client, says(answer(0, b"x\n"))) as resident:
        assert client.run() == (0, "x\n")
    assert resident.request[3:] == [b"", b""]


def test_octets_that_come_one_by_one(client):
    text = answer(1, b"SMTP WARNING - slowly\n")

    def script(connection: socket.socket) -> None:
        for number in range(len(text)):
            connection.sendall(text[number : number + 1])
            time.sleep(0.002)

    with Resident(client, script):
        assert client.run("-v") == (1, "SMTP WARNING - slowly\n")


def test_nobody_there(client):
    assert client.run("-H", "mx") == ran_plugin("-H", "mx")


def test_nobody_listens_any_more(client):
    with socket.socket(socket.AF_UNIX) as gone:
        gone.bind(str(client.socket))
    try:
        assert client.run("-H", "mx") == ran_plugin("-H", "mx")
    finally:
        client.socket.unlink()


def test_the_socket_is_for_others(client):
    """Refused by its mode."""
    if os.geteuid() != 0:
        pytest.skip("needs root to be another user")
    with Resident(client, lambda _connection: None):
        client.socket.chmod(0o600)
        setpriv = ("setpriv", "--reuid=65534", "--clear-groups")
        assert client.run("-H", "mx", wrap=setpriv) == ran_plugin("-H", "mx")
        with socket.socket(socket.AF_UNIX) as end:
            end.connect(str(client.socket))
            end.sendall(bytes(4))


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"N",
        b"AN",
        b"A",
        b"A0",
        b"A0\0\0\0",
        b"A0\0\0\0\5",
        b"A0\0\0\0\5abcd",
        b"B",
        b"\0" * 100,
        b"A4\0\0\0\1x",
        b"A/\0\0\0\1x",
        b"A-1\0\0\0\1x",
        b"A0\xff\xff\xff\xffx",
        b"A0\0\1\0\1" + b"x" * 60000,
        b"A0\0\x10\0\1" + b"x" * 1_100_000,
        b"A\xff\xff\xff\xff\xff" + b"x" * 70000,
        Random(300).randbytes(300).replace(b"A", b"B"),
    ],
    ids=lambda octets: repr(octets[:8]),
)
def test_an_answer_that_is_none(client, octets):
    def script(connection: socket.socket) -> None:
        try:
            connection.sendall(octets)
        except OSError:
            return

    with Resident(client, script):
        assert client.run("-H", "mx") == ran_plugin("-H", "mx")


def test_octets_behind_the_answer_are_nobodys(client):
    with Resident(client, says(answer(0, b"x\n") + b"y" * 100)):
        assert client.run() == (0, "x\n")


def test_the_longest_answer(client):
    text = b"x" * ((1 << 20) - 1) + b"\n"
    with Resident(client, says(answer(0, text))):
        assert client.run() == (0, text.decode())


@pytest.mark.parametrize("accepting", [True, False])
def test_a_silent_one_is_waited_for_a_second(plain, accepting):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(plain.socket))
        listener.listen(1 if accepting else 0)
        began = time.monotonic()
        try:
            assert plain.run("-H", "mx") == ran_plugin("-H", "mx")
            assert 0.9 < time.monotonic() - began < 2
        finally:
            plain.socket.unlink()


def test_a_full_queue_is_not_waited_for(plain):
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as other:
        listener.bind(str(plain.socket))
        listener.listen(0)
        other.connect(str(plain.socket))
        began = time.monotonic()
        try:
            assert plain.run("-H", "mx") == ran_plugin("-H", "mx")
            assert time.monotonic() - began < 0.5
        finally:
            plain.socket.unlink()


TELLING = ("SSL_CERT_FILE", "SSL_CERT_DIR", "OPENSSL_CONF", "MP_CONFIG_FILE", "NAGIOS_CONFIG_PATH", "RES_OPTIONS")


@pytest.mark.parametrize("name", [*TELLING, "LOCALDOMAIN", "HOSTALIASES"])
def test_an_environment_that_changes_verdicts(plain, name):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(plain.socket))
        listener.listen(5)
        listener.settimeout(0.1)
        try:
            assert plain.run("-H", "mx", env={name: "x"}) == ran_plugin("-H", "mx")
            with pytest.raises(TimeoutError):
                listener.accept()
        finally:
            plain.socket.unlink()


def test_a_line_that_is_too_long(client):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(client.socket))
        listener.listen(5)
        try:
            code, out = client.run("x" * 100_000, "y" * 100_000)
            assert (code, len(out)) == (3, len("the plugin: ") + 200_002)
            code, out = client.run(env={"SMTP_STATUS_AUTHPASS": "x" * 131_000})
            assert (code, out) == (3, "the plugin: \n")
        finally:
            client.socket.unlink()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_is_passed_on(client, number):
    def script(connection: socket.socket) -> None:
        connection.sendall(b"A")
        started.get().send_signal(number)
        assert connection.recv(1) == b""
        connection.sendall(answer(2, b"SMTP CRITICAL - so far\n")[1:])

    started: Queue[subprocess.Popen[bytes]] = Queue()
    with Resident(client, script):
        process = client.start("-H", "mx")
        started.put(process)
        out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err) == (2, b"SMTP CRITICAL - so far\n", b"")


def test_a_signal_before_the_request_was_taken(client):
    def script(_connection: socket.socket) -> None:
        started.get().send_signal(signal.SIGTERM)
        time.sleep(0.1)

    started: Queue[subprocess.Popen[bytes]] = Queue()
    with Resident(client, script):
        process = client.start("-H", "mx")
        started.put(process)
        out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err) == (3, b"SMTP UNKNOWN - interrupted\n", b"")


EARLY = """
#define _GNU_SOURCE
#include <signal.h>
#include <sys/socket.h>
static inline int interrupted_socket(int family, int kind, int protocol)
{
    (void)raise(SIGTERM);
    return socket(family, kind, protocol);
}
#define socket interrupted_socket
"""


def test_a_signal_before_there_is_a_connection(workdir):
    """There is nothing to pass it on by, and it is not forgotten."""
    need("cc")
    (workdir / "early.h").write_text(EARLY)
    client = build(workdir / "early", "-include", str(workdir / "early.h"))
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(client.socket))
        listener.listen(1)
        Thread(target=serve_one, args=(listener,), daemon=True).start()
        assert client.run("-H", "mx") == (3, "SMTP UNKNOWN - interrupted\n")
        listener.shutdown(socket.SHUT_RDWR)


def serve_one(listener: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection, _ = listener.accept()
        with connection:
            connection.sendall(answer(0, b"SMTP OK - as if nothing were\n"))


def test_no_plugin_either(client):
    client.plugin.chmod(0o644)
    try:
        assert client.run() == (3, f"SMTP UNKNOWN - {client.plugin} cannot be run: Permission denied\n")
    finally:
        client.plugin.chmod(0o755)


def test_a_closed_output(plain):
    """What is opened next would be standard output: this is for the plugin."""
    with Resident(plain, says(answer(1, b"x\n"))):
        assert plain.run(wrap=("sh", "-c", 'exec "$@" >&-', "sh"))[0] == 3
        with socket.socket(socket.AF_UNIX) as end:
            end.connect(str(plain.socket))
            end.sendall(bytes(4))
            assert end.recv(100) == answer(1, b"x\n")


def test_nobody_reads_the_output(plain):
    with Resident(plain, says(answer(1, b"x\n"))):
        process = subprocess.run(
            ["bash", "-c", 'set -o pipefail; "$0" | exec >&-', plain.program],
            env={},
            stderr=subprocess.PIPE,
            check=False,
        )
    assert (process.returncode, process.stderr) == (1, b"")


@pytest.fixture(scope="module")
def dynamic(workdir: Path) -> Client:
    """Built with libc as a library of its own."""
    return build(workdir / "client-dynamic", "-g")


@pytest.mark.parametrize("octets", [answer(0, b"fine\n"), b"A0\0\0\0\5abcd", b"A0\xff\xff\xff\xffx", b"N"])
def test_under_valgrind(dynamic, octets):
    """Which takes the place of functions of libc."""
    valgrind = (need("valgrind"), "-q", "--error-exitcode=99", "--leak-check=full", "--track-fds=yes")
    with Resident(dynamic, says(octets)):
        process = dynamic.start("-H", "mx", wrap=valgrind, env={"SMTP_STATUS_AUTHPASS": "x"})
        out, err = process.communicate(timeout=30)
    good = octets == answer(0, b"fine\n")
    assert (process.returncode, out) == ((0, b"fine\n") if good else (3, b"the plugin: -H mx\n"))
    # The kernel closes the connection; nothing else is open, and nothing wrong was read.
    assert [line for line in err.splitlines() if b"Invalid" in line or b"uninitialised" in line] == []


def needed(client: Client) -> list[str]:
    """The libraries a program is loaded with."""
    said = subprocess.run(["readelf", "-d", client.program], capture_output=True, text=True, check=True).stdout
    return [line.split("[")[1].rstrip("]") for line in said.splitlines() if "(NEEDED)" in line]


def test_it_is_small_and_needs_libc_only(plain, dynamic):
    assert len(SOURCE.read_text().splitlines()) < 150
    assert (needed(plain), needed(dynamic)) == ([], ["libc.so.6"])
