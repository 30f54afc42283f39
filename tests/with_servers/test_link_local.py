"""Addresses that mean something on one interface only (RFC 4007), in a namespace that has one."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest

from helpers.plugin import Result, run
from servers.certs import Certs
from servers.netns import NetworkNamespace
from servers.requirements import need_root
from servers.scripted import ScriptedServer, SmtpScript

HOST = "fe80::1%lo"


@pytest.fixture(scope="module")
def server(certs: Certs) -> Iterator[tuple[NetworkNamespace, ScriptedServer]]:
    need_root("network namespaces")
    leaf = certs.leaf("linklocal", ("fe80::1",))
    with NetworkNamespace() as space:
        subprocess.run([*space.enter, "ip", "address", "add", "fe80::1/64", "dev", "lo", "nodad"], check=True)
        with space.call(lambda: ScriptedServer(SmtpScript(starttls=certs.context(leaf)), host="::")) as listening:
            yield space, listening


def check(server: tuple[NetworkNamespace, ScriptedServer], *args: str) -> Result:
    space, listening = server
    return run("-H", HOST, "-p", str(listening.port), "-f", "probe@example.test", *args, wrap=space.enter)


ACCEPTED = (0, f"SMTP OK - {HOST} accepted the sender in N s: 250 2.1.0 Sender ok")


def test_plain(server):
    found = check(server)
    assert (found.code, found.steady) == ACCEPTED


def test_the_certificate_has_no_zone(server, certs):
    found = check(server, "-S", "--ca", str(certs.ca))
    assert (found.code, found.steady) == ACCEPTED


def test_source(server):
    found = check(server, "--source", HOST)
    assert (found.code, found.steady) == ACCEPTED
