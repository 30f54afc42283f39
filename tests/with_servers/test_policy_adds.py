"""A policy only ever adds to what was asked: with ``-S`` and its kin certificates are judged as without a policy."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import dns.message
import pytest

from helpers.plugin import Result, run
from servers.certs import Certs, Leaf
from servers.fakedns import FakeDns, octets, one_exchanger
from servers.steady import SteadyServer

HOST = "mx1.example.test"
Ask = Callable[..., Result]


def without_records(query: dns.message.Message, _tcp: bool) -> list[bytes]:
    """One host at 127.0.0.2, and no TLSA record."""
    kind = query.question[0].rdtype.name
    return octets(query, *([f"{HOST}. 60 IN A 127.0.0.2"] if kind == "A" else []))


@pytest.fixture
def ask(certs: Certs) -> Iterator[Ask]:
    """Asks a server that shows ``leaf``; where ``published`` is given, a TLSA record of it is there."""
    servers: list[SteadyServer] = []

    def asked(leaf: Leaf, *options: str, published: Leaf | None = None) -> Result:
        server = SteadyServer((leaf.crt, leaf.key), host="127.0.0.2")
        servers.append(server)
        server.__enter__()
        reply = without_records if published is None else one_exchanger(published.crt)
        with FakeDns(reply) as resolver:
            at = ("-H", HOST, "--nameserver", f"127.0.0.1:{resolver.port}", "-p", str(server.port))
            env = {"SSL_CERT_FILE": str(certs.ca)}
            return run(*at, "-f", "a@example.org", "-t", "5", "--dane", "try", *options, env=env)

    yield asked
    for server in servers:
        server.__exit__(None, None, None)


@pytest.mark.parametrize("asking", [("-S",), ("-D", "5"), ("--tls-name", HOST), ("-S", "-U", "probe", "-P", "s3cret")])
@pytest.mark.parametrize(
    ("which", "cause"),
    [
        ("selfsigned", "self-signed certificate"),
        ("expired", "certificate expired 42 hours ago"),
        ("wrong_name", f"certificate is for other.example.test, not for {HOST}"),
    ],
)
def test_what_was_asked_is_judged(ask: Ask, certs: Certs, which: str, cause: str, asking: tuple[str, ...]) -> None:
    found = ask(getattr(certs, which), *asking)
    assert (found.code, found.first) == (2, f"SMTP CRITICAL - {HOST} tls: {cause}")
    assert "time_auth" not in found.perfdata
    assert "time_mail" not in found.perfdata


def test_a_good_one_is_still_good(ask: Ask, certs: Certs) -> None:
    found = ask(certs.good, "-S")
    assert found.code == 0, found.first


def test_nobody_asked_and_the_row_says_so(ask: Ask, certs: Certs) -> None:
    found = ask(certs.selfsigned, "-v")
    assert found.code == 0, found.first
    (row,) = (line for line in found.lines if line.startswith("tls "))
    assert row.endswith("not verified")


def test_a_record_that_matches_is_what_counts(ask: Ask, certs: Certs) -> None:
    found = ask(certs.expired, "-S", published=certs.expired)
    assert (found.code, "TLSA 3 1 1 matched" in found.first) == (0, True), found.first


def test_what_is_tolerated_goes_on_to_the_refusal_behind_it(ask: Ask, certs: Certs) -> None:
    found = ask(certs.expired, "-S", "--state", "tls:expired=ok", "-C", "VRFY x", "-R", "999")
    assert (found.code, "command" in found.first) == (2, True), found.first
