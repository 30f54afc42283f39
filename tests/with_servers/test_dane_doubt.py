"""DANE where the question whether the resolver validates at all was lost: what came with AD binds all the same."""

from __future__ import annotations

from collections.abc import Iterator

import dns.message
import pytest

from helpers.plugin import Result, run
from servers.certs import Certs
from servers.fakedns import FakeDns, Reply, octets, one_exchanger
from servers.steady import SteadyServer


def without_root(reply: Reply, kinds: tuple[str, ...] = ()) -> Reply:
    """``reply``, but for SOA of the root, which gets lost, and for ``kinds``, which fail."""

    def lossy(query: dns.message.Message, tcp: bool) -> list[bytes]:
        kind = query.question[0].rdtype.name
        if kind == "SOA":
            return []
        return octets(query, rcode="SERVFAIL", error=(6, "")) if kind in kinds else list(reply(query, tcp))

    return lossy


@pytest.fixture
def server(certs: Certs) -> Iterator[SteadyServer]:
    with SteadyServer((certs.good.crt, certs.good.key), host="127.0.0.2") as running:
        yield running


def ask(server: SteadyServer, reply: Reply, policy: str) -> Result:
    with FakeDns(reply) as dns:
        at = ("--nameserver", f"127.0.0.1:{dns.port}", "-p", str(server.port))
        return run("-d", "example.test", *at, "--dane", policy, "-t", "2", "--quit-after", "tls")


@pytest.mark.parametrize("policy", ["try", "require"])
def test_records_that_match(server: SteadyServer, certs: Certs, policy: str) -> None:
    found = ask(server, without_root(one_exchanger(certs.good.crt)), policy)
    assert found.code == 0, found.first
    assert "TLSA 3 1 1 matched" in found.first


@pytest.mark.parametrize("policy", ["try", "require"])
def test_records_that_do_not(server: SteadyServer, certs: Certs, policy: str) -> None:
    found = ask(server, without_root(one_exchanger(certs.rsa.crt)), policy)
    assert found.code == 2, found.first
    assert "TLSA 3 1 1 does not match the certificate" in found.first


def test_a_lookup_that_failed(server: SteadyServer, certs: Certs) -> None:
    found = ask(server, without_root(one_exchanger(certs.good.crt), ("TLSA",)), "try")
    assert (found.code, "DANE: TLSA lookup: DNSSEC validation fails: bogus" in found.first) == (2, True), found.first
