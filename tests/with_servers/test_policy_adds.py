"""A policy only ever adds to what was asked: with ``-S`` and its kin certificates are judged as without a policy."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import dns.message
import pytest

from helpers.plugin import Result, run
from servers.certs import Certs, Leaf
from servers.fakedns import FakeDns, Reply, octets, one_exchanger
from servers.scripted import ScriptedServer, plain
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


def refusing_lookup(query: dns.message.Message, _tcp: bool) -> list[bytes]:
    """One host at 127.0.0.2, authenticated, whose TLSA records cannot be had."""
    kind = query.question[0].rdtype.name
    if kind == "TLSA":
        return octets(query, rcode="SERVFAIL")
    known = {"A": f"{HOST}. 60 IN A 127.0.0.2", "SOA": ". 60 IN SOA ns.test. root.test. 1 3600 600 86400 5"}
    return octets(query, *([known[kind]] if kind in known else []), ad=True)


class TestTolerated:
    """What keeps senders away and is called harmless: the conversation goes on, and what comes of it is judged."""

    @pytest.fixture
    def mail(self, certs: Certs, scripted: Callable[..., ScriptedServer]) -> Ask:
        def asked(reply: Reply, tls: bool, *options: str) -> Result:
            server = scripted(
                host="127.0.0.2", starttls=certs.context(certs.good) if tls else None, rcpt=b"550 5.7.1 no\r\n"
            )
            with FakeDns(reply) as resolver:
                at = ("-H", HOST, "--nameserver", f"127.0.0.1:{resolver.port}", "-p", str(server.port), "-t", "5")
                return run(*at, "--dane", "try", "--to", "bob@example.org", *options)

        return asked

    @pytest.mark.parametrize("rule", ["starttls:missing=ok", "starttls=ok", "any:missing=warning"])
    def test_no_starttls(self, mail: Ask, certs: Certs, rule: str) -> None:
        published = one_exchanger(certs.good.crt)
        lacking = f"SMTP CRITICAL - {HOST} starttls: STARTTLS not offered, but DANE demands it"
        assert mail(published, False).first == lacking
        found = mail(published, False, "--state", rule)
        assert (found.code, found.first) == (2, f"SMTP CRITICAL - {HOST} rcpt: 550 5.7.1 no")

    def test_who_asks_for_tls_himself_gets_it(self, mail: Ask, certs: Certs) -> None:
        found = mail(one_exchanger(certs.good.crt), False, "-S", "--state", "starttls:missing=warning")
        assert (found.code, "time_mail" in found.perfdata) == (1, False)

    @pytest.mark.parametrize("rule", ["dns:servfail=ok", "dns=ok"])
    def test_a_failed_lookup(self, mail: Ask, rule: str) -> None:
        failed = f"SMTP CRITICAL - {HOST} dns: DANE: TLSA lookup: the resolver fails (SERVFAIL)"
        assert mail(refusing_lookup, True).first == failed
        found = mail(refusing_lookup, True, "--state", rule)
        assert (found.code, found.first) == (2, f"SMTP CRITICAL - {HOST} rcpt: 550 5.7.1 no")
        bare = mail(refusing_lookup, False, "--state", rule)
        assert bare.first == f"SMTP CRITICAL - {HOST} starttls: STARTTLS not offered, but DANE demands it"

    def test_a_rule_for_everything_lets_nothing_go_on(self, mail: Ask, certs: Certs) -> None:
        for reply, tls in ((one_exchanger(certs.good.crt), False), (refusing_lookup, True)):
            found = mail(reply, tls, "--state", "any=ok")
            assert (found.code, "time_mail" in found.perfdata) == (0, False), found.first


class TestTolerantOfAStranger:
    """Nobody gives a password to a stranger by a rule that does not call the fault by its kind."""

    FAILED = "dns: DANE: TLSA lookup: the resolver fails (SERVFAIL)"
    LACKING = "starttls: STARTTLS not offered, but DANE demands it"
    OTHER = "tls: DANE: TLSA 3 1 1 does not match the certificate"

    @pytest.fixture
    def logs_in(self, certs: Certs, scripted: Callable[..., ScriptedServer]) -> Callable[..., tuple[str, bool]]:
        """The first line, and whether the server was given a password."""

        def asked(reply: Reply, tls: bool, *options: str) -> tuple[str, bool]:
            context = certs.context(certs.selfsigned) if tls else None
            server = scripted(host="127.0.0.2", starttls=context, auth={"PLAIN": plain("u", "horse7battery")})
            with FakeDns(reply) as resolver:
                at = ("-H", HOST, "--nameserver", f"127.0.0.1:{resolver.port}", "-p", str(server.port), "-t", "5")
                found = run(*at, "--dane", "try", "--auth-plaintext", *options)
            given = any(session.responses for session in server.sessions)
            return found.first.partition(" - ")[2].removeprefix(f"{HOST} "), given

        return asked

    @pytest.mark.parametrize(
        "login", [("-U", "u", "-P", "horse7battery"), ("-C", "AUTH PLAIN AHUAaG9yc2U3YmF0dGVyeQ==")]
    )
    @pytest.mark.parametrize("rule", ["any=ok", "tls=ok,dns=ok,starttls=ok"])
    def test_no_password(
        self, logs_in: Callable[..., tuple[str, bool]], certs: Certs, login: tuple[str, ...], rule: str
    ) -> None:
        published = one_exchanger(certs.good.crt)
        asked = ("--state", rule, *login)
        assert logs_in(refusing_lookup, True, *asked) == (f"{self.FAILED} (as wanted)", False)
        assert logs_in(published, False, *asked) == (f"{self.LACKING} (as wanted)", False)
        assert logs_in(published, True, *asked) == (f"{self.OTHER} (as wanted)", False)
        assert logs_in(without_records, True, "-S", *asked) == ("tls: self-signed certificate (as wanted)", False)

    @pytest.mark.parametrize("rule", ["tls:verify=ok", "any:verify=ok"])
    def test_who_names_the_fault(self, logs_in: Callable[..., tuple[str, bool]], certs: Certs, rule: str) -> None:
        published = one_exchanger(certs.good.crt)
        _first, given = logs_in(published, True, "--state", rule, "-U", "u", "-P", "horse7battery")
        assert given
