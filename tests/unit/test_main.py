"""The entry point: what it says of whatever stops the plugin, in one harmless line."""

from __future__ import annotations

import errno
import os
import sys

import pytest

from smtp_status import __main__ as entry

OLD = "1.0.0"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (MemoryError(), "this host has no memory left for the plugin"),
        (OSError(errno.EMFILE, "Too many open files"), "this host fails the plugin: too many open files"),
        (OSError("no number"), "the plugin is damaged or has a bug: OSError: no number"),
        (ValueError("what"), "the plugin is damaged or has a bug: ValueError: what"),
        (
            ModuleNotFoundError("No module named 'other'", name="other"),
            "the plugin is damaged or has a bug: ModuleNotFoundError: No module named 'other'",
        ),
        (
            ModuleNotFoundError("No module named 'dns'", name="dns"),
            f"dnspython is missing: apt-get install python3-dnspython or pip install dnspython, for {sys.executable}",
        ),
        (
            ModuleNotFoundError("No module named 'nagiosplugin'", name="nagiosplugin"),
            "nagiosplugin is missing: apt-get install python3-nagiosplugin or pip install nagiosplugin,"
            f" for {sys.executable}",
        ),
    ],
)
def test_reasons(error: Exception, words: str) -> None:
    assert entry.reason(error) == words


@pytest.mark.parametrize(
    ("older", "newer"),
    [("1.3", "1.3.1"), ("1.3.1", "1.3.2"), ("1.9", "1.10"), ("1.3rc1", "1.3"), ("0", "1")],
)
def test_versions_are_compared_by_their_numbers(older: str, newer: str) -> None:
    assert entry._numbers(older) < entry._numbers(newer)


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
    assert entry.unknown(sentence) == 3
    assert stdout == [line]


def test_nobody_can_be_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_number: int, _octets: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(entry.os, "write", full)
    assert entry.unknown("so it is") == 3
