"""The entry point: what it says of whatever stops the plugin, in one harmless line."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from smtp_status import __main__ as entry

SIGNALS = (signal.SIGALRM, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@pytest.fixture(autouse=True)
def signals() -> Iterator[None]:
    """The process was about to end, with an alarm set; here more is to come."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    yield
    signal.alarm(0)
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def stdout(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """What is written to standard output."""
    written: list[bytes] = []
    monkeypatch.setattr(entry.os, "write", lambda number, octets: written.append(octets) or len(octets))
    return written


@pytest.mark.parametrize(
    ("sentence", "line"),
    [
        ("so it is", b"SMTP UNKNOWN - so it is\n"),
        ("a | b <c> & \\d\n\te", b"SMTP UNKNOWN - a / b (c) + /d e\n"),
        ("\x1b[31m\x00 gr\u00fcn", b"SMTP UNKNOWN - ?[31m? gr?n\n"),
        ("x" * 500, b"SMTP UNKNOWN - " + b"x" * 145 + b"\n"),
    ],
)
def test_the_one_line(stdout: list[bytes], sentence: str, line: bytes) -> None:
    assert entry.tell(sentence) == 3
    assert stdout == [line]


def test_nobody_can_be_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_number: int, _octets: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(entry.os, "write", full)
    assert entry.tell("so it is") == 3


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (MemoryError(), b"this host has no memory left for the plugin"),
        (OSError(errno.EMFILE, "Too many open files"), b"this host fails the plugin: too many open files"),
        (OSError("no number"), b"the plugin is damaged or has a bug: OSError: no number"),
        (KeyboardInterrupt(), b"interrupted"),
    ],
)
def test_what_stops_it_is_told(
    monkeypatch: pytest.MonkeyPatch, stdout: list[bytes], error: BaseException, words: bytes
) -> None:
    def main() -> int:
        raise error

    monkeypatch.setattr("smtp_status.cli.main", main)
    assert entry._exit_code() == 3
    assert stdout == [b"SMTP UNKNOWN - " + words + b"\n"]


LOST = """
import os, signal, sys, weakref
from smtp_status import __main__ as entry, text

class Thing:
    pass

def main():
    thing = Thing()
    reference = weakref.ref(thing, lambda _: os.kill(os.getpid(), signal.{name}))
    del thing
    os.write(1, b"went on\\n")

sys.modules["smtp_status.cli"] = type(sys)("smtp_status.cli")
sys.modules["smtp_status.cli"].main = main
{before}
entry.run()
"""


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGHUP"])
def test_a_signal_where_an_exception_would_be_lost(name: str) -> None:
    """Imports call weak references' ends, and what is raised there is printed and forgotten."""
    done = subprocess.run(
        [sys.executable, "-c", LOST.format(name=name, before="")], capture_output=True, timeout=20, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (3, b"SMTP UNKNOWN - interrupted\n", b"")


def test_a_signal_while_something_is_told() -> None:
    """One line comes of it, the first."""
    before = "write = os.write\nos.write = lambda *given: (os.kill(os.getpid(), signal.SIGINT), write(*given))[1]"
    done = subprocess.run(
        [sys.executable, "-c", LOST.format(name="SIGTERM", before=before)], capture_output=True, timeout=20, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (3, b"SMTP UNKNOWN - interrupted\n", b"")
