"""Command lines taken apart as the core's own workers do it, with one of them to compare with."""

from __future__ import annotations

import random
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from servers.process import Daemon
from servers.requirements import need, need_root
from smtp_status.resident.words import split


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"", []),
        (b"  a\t b\r\nc ", [b"a", b"b", b"c"]),
        (b"a 'b c' \"d  e\"", [b"a", b"b c", b"d  e"]),
        (b"a '' \"\"", [b"a", b"", b""]),
        (b"a'b'\"c\"d", [b"abcd"]),
        (rb"a\ b \'c \"d", [b"a b", b"'c", b'"d']),
        (rb"'a\b' \"a\b\"", [rb"a\b", b'"ab"']),
        (rb'"a\b" "a\\b" "a\$b" "a\`b"', [rb"a\b", rb"a\b", b"a$b", b"a`b"]),
        (b"a '`$|<>&;()*?'", [b"a", b"`$|<>&;()*?"]),
        (b'a "|<>&;()*?"', [b"a", b"|<>&;()*?"]),
        (rb"a \$b \| \;", [b"a", b"$b", b"|", b";"]),
        (b"a ~ # { } [ ] ! % =", [b"a", b"~", b"#", b"{", b"}", b"[", b"]", b"!", b"%", b"="]),
        (b"a\\", [b"a"]),
        (b"a \\", [b"a", b""]),
        ("a 'ö ß'".encode(), [b"a", "ö ß".encode()]),
    ],
)
def test_without_a_shell(line, words):
    assert split(line) == words


@pytest.mark.parametrize("char", "|<>&;()*?`$")
def test_what_takes_a_shell_outside_of_quotes(char):
    assert split(f"a b{char}c".encode()) is None
    assert split(f"a 'b{char}c'".encode()) == [b"a", f"b{char}c".encode()]
    inside_double = split(f'a "b{char}c"'.encode())
    assert inside_double == (None if char in "`$" else [b"a", f"b{char}c".encode()])


@pytest.mark.parametrize("line", [b"a 'b", b'a "b', b"a 'b\" c"])
def test_an_open_quote_takes_a_shell(line):
    assert split(line) is None


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
