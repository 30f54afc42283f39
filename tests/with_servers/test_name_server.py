"""The whole plugin where the system's resolver asks a name server that never answers, or is not there."""

from __future__ import annotations

import re
import socket
import time

from helpers.plugin import run
from servers.netns import NetworkNamespace

LATE = 0.5


def test_name_server_that_never_answers(tmp_path):
    """A private network where resolv.conf names a socket nobody reads."""
    conf = tmp_path / "resolv.conf"
    conf.write_text("nameserver 127.0.0.1\n")
    with NetworkNamespace(conf) as namespace:
        silent = namespace.call(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        with silent:
            silent.bind(("127.0.0.1", 53))
            began = time.monotonic()
            result = run("-H", "mx.example.org", "-t", "2", wrap=namespace.enter)
            waited = time.monotonic() - began
            asked = silent.recv(512)
    sentence = r"SMTP CRITICAL - mx\.example\.org timed out at dns: no answer from the resolver for [1-3]\.\d s"
    assert re.fullmatch(sentence, result.first)
    assert result.code == 2
    assert list(result.perfdata) == ["time"]
    assert 1.8 < result.seconds("time") < 2.0 + LATE
    assert waited < 4.0
    assert b"\x02mx\x07example\x03org" in asked


def test_name_server_that_refuses(tmp_path):
    conf = tmp_path / "resolv.conf"
    conf.write_text("nameserver 127.0.0.1\n")
    with NetworkNamespace(conf) as namespace:
        result = run("-H", "mx.example.org", "-t", "5", "--state", "dns:unreachable=warning", wrap=namespace.enter)
    assert result.first == "SMTP WARNING - mx.example.org dns: the resolver fails for now"
    assert list(result.perfdata) == ["time", "time_dns"]
