"""Command lines taken apart as one of Nagios's own workers does it."""

from __future__ import annotations

import random
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from servers.process import Daemon
from servers.requirements import need, need_root
from smtp_status.resident.words import split

ALPHABET = ["a", "b", " ", "'", '"', "\\", "~", "ä"] * 4 + ["\t", "$", "`", "|", ">", "&", ";", "(", ")", "*", "?"]


@pytest.fixture(scope="module")
def worker(workdir: Path) -> Iterator[socket.socket]:
    """The connection to a worker of Nagios itself."""
    program = need("nagios")
    need_root("a worker that runs as nobody")
    base = workdir / "worker"
    base.mkdir()
    base.chmod(0o777)
    path = base / "core"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        path.chmod(0o777)
        listener.listen()
        listener.settimeout(10)
        worker = Daemon(
            ["setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups", program, "--worker", str(path)],
            log=base / "log",
            env={"HOME": "/nowhere"},
            setup=f"cd {base}",
        )
        connection, _ = listener.accept()
        connection.settimeout(10)
        assert connection.recv(1000).startswith(b"@wproc register name=")
        connection.sendall(b"OK\0")
        yield connection
        connection.close()
        worker.stop()


def outputs(worker: socket.socket, lines: list[bytes]) -> dict[int, bytes]:
    """What each command line prints, run by the worker."""
    found: dict[int, bytes] = {}
    buffer = b""
    asked = 0
    while len(found) < len(lines):
        for number in range(asked, min(len(found) + 20, len(lines))):
            worker.sendall(b"job_id=%d\0type=0\0command=%s\0timeout=20\0\1\0\0\0" % (number, lines[number]))
            asked = number + 1
        buffer += worker.recv(1 << 16)
        *messages, buffer = buffer.split(b"\1\0\0\0")
        for message in messages:
            pairs = dict(pair.split(b"=", 1) for pair in message.split(b"\0") if pair)
            if b"job_id" in pairs:
                found[int(pairs[b"job_id"])] = pairs[b"outstd"]
    return found


def test_against_a_worker_of_nagios(worker):
    """A shell makes something else of the tilde: so it is seen whether there was one."""
    chance = random.Random(3464)
    tails = ["".join(chance.choices(ALPHABET, k=chance.randrange(15))).encode() for _ in range(1000)]
    lines = [b"/usr/bin/printf [%s] ~ " + tail for tail in tails]
    shells = 0
    for number, said in outputs(worker, lines).items():
        words = split(lines[number])
        if words is None:
            shells += 1
            assert not said.startswith(b"[~]"), lines[number]
        else:
            assert said == b"".join(b"[" + word + b"]" for word in words[2:]), lines[number]
    assert 200 < shells < 900
