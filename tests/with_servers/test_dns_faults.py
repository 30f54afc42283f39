"""Faults in DNS answers through the whole plugin: ``faults.py`` for the stage that comes before the connection."""

from __future__ import annotations

import struct
import sys
from pathlib import Path

import dns.message
import pytest

from helpers import measure
from helpers.plugin import run
from servers.fakedns import FakeDns, Reply, answer, octets, raw

MX = 15
SECONDS = 1.0


def _truncated(query: dns.message.Message, stream: bool) -> list[bytes]:
    """Cut off over UDP, and over TCP too."""
    whole = octets(query, "example.test. 60 IN MX 10 mx.example.test.")[0]
    return [whole[:2] + struct.pack("!H", 0x8380) + whole[4:]]


def _cut(query: dns.message.Message, _stream: bool) -> list[bytes]:
    return [octets(query, "example.test. 60 IN MX 10 mx.example.test.")[0][:-3]]


def _other_id(query: dns.message.Message, _stream: bool) -> list[bytes]:
    whole = octets(query, "example.test. 60 IN MX 0 .")[0]
    return [bytes((whole[0] ^ 1,)) + whole[1:]] * 20


def _looping(query: dns.message.Message, _stream: bool) -> list[bytes]:
    return octets(query, "example.test. 60 IN CNAME other.test.", "other.test. 60 IN CNAME example.test.")


def _large(query: dns.message.Message, stream: bool) -> list[bytes]:
    """64 KiB of malformed records, over TCP."""
    if not stream:
        return _truncated(query, stream)
    return raw(query, MX, *(b"\0" for _ in range(4900)))


def _hostile_name(query: dns.message.Message, _stream: bool) -> list[bytes]:
    return raw(query, MX, b"\0\x0a\x08|\x1b[2J\r\n<\0")


def _hostile_words(query: dns.message.Message, _stream: bool) -> list[bytes]:
    return [answer(query, rcode="SERVFAIL", error=(22, "time=0s | OK\x1b[2J\n")).to_wire()]


FAULTS: dict[str, tuple[Reply, str]] = {
    "silence": (lambda _query, _stream: [], "timed out at dns: MX: no answer from"),
    "wrong id": (_other_id, "timed out at dns: MX: no answer from"),
    "garbage": (lambda query, _stream: [bytes((query.id >> 8 ^ 1,)) * 64], "timed out at dns: MX: no answer from"),
    "truncated everywhere": (_truncated, "dns: MX: "),
    "cut in the middle": (_cut, "dns: MX: malformed answer"),
    "looping CNAME": (_looping, "dns: MX: the CNAME records do not end"),
    "64 KiB": (_large, "dns: MX: "),
    "hostile name": (_hostile_name, "dns: MX "),
    "hostile words": (_hostile_words, "dns: MX: the resolver fails (SERVFAIL), time=0s"),
    "refused": (lambda query, _stream: octets(query, rcode="REFUSED"), "dns: MX: "),
    "NXDOMAIN": (lambda query, _stream: octets(query, rcode="NXDOMAIN"), "dns: MX: no such name (NXDOMAIN)"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_of_an_answer(fault: str, tmp_path: Path) -> None:
    reply, words = FAULTS[fault]
    report = tmp_path / "report"
    with FakeDns(reply) as server:
        found = run(
            *("-d", "example.test", "--nameserver", f"127.0.0.1:{server.port}", "--to", "a@example.test"),
            *("-t", str(SECONDS), "-vvv"),
            wrap=[sys.executable, "-I", "-S", measure.__file__, str(report)],
        )
    took = float(report.read_text().split()[0])
    assert (found.code, took < SECONDS + 0.5) == (2, True), (found.first, took)
    assert found.first.startswith("SMTP CRITICAL - example.test "), found.first
    assert words in found.first, found.first
