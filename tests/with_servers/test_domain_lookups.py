"""The lookups of a mail domain in a world of its own: signed zones, two validating resolvers, a web server."""

from __future__ import annotations

import re

import dns.flags
import pytest

from servers import zones
from servers.dnsworld import BIND, UNBOUND, UNVALIDATING
from smtp_status.findings import Finding
from smtp_status.maildomain import https, mtasts, mx, resolvconf
from smtp_status.maildomain.codec import MxRecord
from smtp_status.maildomain.resolver import ask_all
from smtp_status.net.clock import Deadline
from smtp_status.net.routes import reachable_first
from smtp_status.tls import context


@pytest.fixture
def world(dnsworld):
    return dnsworld


def look_up(world, *steps, server=UNBOUND, seconds=10.0):
    """What the lookups find, asking one resolver of the world."""
    found = world.call(lambda: ask_all(steps, resolvconf.named(server), Deadline(seconds)))
    return [result for result, _seconds in found]


def exchangers(world, name, *, server=UNBOUND, with_tlsa=True):
    """The domain and its exchangers, looked up as a check does."""
    (found,) = look_up(world, mx.mail_domain(zones.full(name)), server=server)
    steps = [mx.exchanger(entry, found, 25, 0, with_tlsa) for entry in found.entries]
    return found, look_up(world, *steps, server=server) if steps else []


class TestWorld:
    """What the tests take for granted."""

    @pytest.mark.parametrize(("server", "ad"), [(UNBOUND, True), (BIND, True), (UNVALIDATING, False)])
    def test_who_validates(self, world, server, ad):
        for name, kind in ((".", "SOA"), ("example.test", "MX")):
            assert bool(world.ask(name, kind, server).flags & dns.flags.AD) is ad

    @pytest.mark.parametrize(
        ("server", "doubt"), [(UNBOUND, ""), (BIND, ""), (UNVALIDATING, "resolver does not validate DNSSEC")]
    )
    def test_doubt(self, world, server, doubt):
        assert look_up(world, mx.dnssec_doubt(True), server=server) == [doubt]

    def test_resolv_conf_is_its_own(self, world):
        resolver = resolvconf.of_system(str(world.resolv_conf))
        assert ([server.text for server in resolver.servers], resolver.believed) == ([UNBOUND], True)

    def test_a_mail_server_on_each_address(self, world):
        for host, port in zones.LISTENERS.values():
            with world._namespace.connect(host, port) as connection:
                assert port == 465 or connection.recv(9).startswith((b"220 ", b"554 "))


@pytest.mark.parametrize("server", [UNBOUND, BIND])
class TestDomains:
    @pytest.mark.parametrize(
        ("name", "entries"),
        [
            ("example", [MxRecord(10, "mx1.example.test"), MxRecord(20, "mx2.example.test")]),
            (
                "three",
                [MxRecord(10, "mx1.example.test"), MxRecord(10, "mx2.example.test"), MxRecord(30, "dead.example.test")],
            ),
            ("aliasdom", [MxRecord(10, "mx1.example.test"), MxRecord(20, "mx2.example.test")]),
            ("implicit", [MxRecord(0, "implicit.example.test")]),
            ("nodata", [MxRecord(0, "nodata.example.test")]),
            ("wild.wild", [MxRecord(10, "mx1.example.test")]),
            ("literal", [MxRecord(10, "mx1.example.test")]),
        ],
    )
    def test_entries(self, world, server, name, entries):
        found, _ = exchangers(world, name, server=server, with_tlsa=False)
        assert (list(found.entries), found.fault, found.secure) == (entries, None, True)
        assert found.implicit is (name in ("implicit", "nodata"))

    @pytest.mark.parametrize(
        ("name", "kind", "cause"),
        [
            ("null", "nullmx", "accepts no mail, null MX"),
            ("nullplus", "nullmx", "null MX beside other MX: senders may bounce every message"),
            ("onlyliteral", "protocol", "MX 127.0.0.2 is an address, not a name"),
            ("nosuch.test", "notfound", "MX: no such name (NXDOMAIN)"),
        ],
    )
    def test_faults(self, world, server, name, kind, cause):
        found, _ = exchangers(world, name, server=server)
        assert found.fault == Finding("dns", kind, cause=cause)

    @pytest.mark.parametrize("name", ["bogus.test", "expired.test", "badds.test"])
    def test_bogus(self, world, server, name):
        found, _ = exchangers(world, name, server=server)
        # Unbound says why, more or less of it as long as it remembers; BIND 9.18 does not.
        why = r"(bogus|signature expired|DNSKEY missing), validation failure \S+ MX IN\S: .+"
        why = why if server == UNBOUND else "the resolver answers only without it"
        assert (found.fault.stage, found.fault.kind) == ("dns", "bogus")
        assert re.fullmatch(f"MX: DNSSEC validation fails: {why}", found.fault.cause)

    def test_unsigned(self, world, server):
        found, (exchanger,) = exchangers(world, "plain.test", server=server)
        assert (found.secure, exchanger.secure, exchanger.failure) == (False, False, None)
        assert exchanger.tlsa.failure.cause == "the MX answer is not authenticated by DNSSEC"

    def test_no_address(self, world, server):
        _, (exchanger,) = exchangers(world, "nohost", server=server)
        assert exchanger.failure.cause == "no address: no such name (NXDOMAIN)"
        _, (exchanger,) = exchangers(world, "nodata", server=server)
        assert exchanger.failure.cause == "no MX and no address: no A or AAAA record (NODATA)"

    def test_ipv6(self, world, server):
        _, (exchanger,) = exchangers(world, "v6", server=server)
        assert [address.sockaddr for address in exchanger.addresses] == [("2001:db8::25", 25, 0, 0)]

    def test_an_alias(self, world, server):
        _, (exchanger,) = exchangers(world, "cnamemx", server=server)
        cause = "the exchanger is an alias (CNAME) of mx1.example.test"
        assert exchanger.warnings == (Finding("dns", "protocol", cause=cause),)

    @pytest.mark.parametrize(
        ("name", "base", "words"),
        [
            ("nomatch", "mx.nomatch.example.test", ["3 1 1"]),
            ("rollover", "mx.rollover.example.test", ["3 1 1", "3 1 1"]),
            ("mixed", "mx.mixed.example.test", ["3 1 1"]),
            ("unusable", "mx.unusable.example.test", []),
            ("tlsacname", "mx.tlsacname.example.test", ["3 0 2"]),
            ("tlsawild", "mx.tlsawild.example.test", ["3 1 1"]),
            ("cnamemx", "mx1.example.test", ["3 1 1"]),
            ("original", "alias.original.example.test", ["3 1 1"]),
            ("aliasout", "alias.aliasout.example.test", ["3 1 1"]),
        ],
    )
    def test_tlsa(self, world, server, name, base, words):
        _, (exchanger,) = exchangers(world, name, server=server)
        found = exchanger.tlsa
        assert (found.failure, found.base) == (None, base)
        assert [record.words for record in found.records] == words
        assert found.unusable == (("0 0 1: usage 0 is not for SMTP",) if name in ("mixed", "unusable") else ())

    @pytest.mark.parametrize(
        ("name", "kind", "binding"),
        [
            ("tlsabogus", "bogus", True),
            ("tlsainsecure", "insecure", False),
            ("notlsa", "missing", False),
            ("insecuremx", "insecure", False),
        ],
    )
    def test_no_tlsa(self, world, server, name, kind, binding):
        _, (exchanger,) = exchangers(world, name, server=server)
        assert (exchanger.tlsa.failure.kind, exchanger.tlsa.binding) == (kind, binding)


class TestUnbound:
    def test_servfail(self, world):
        found, _ = exchangers(world, "dead.test")
        assert found.fault.kind == "servfail"
        assert found.fault.cause.startswith("MX: the resolver fails (SERVFAIL)")

    def test_silence(self, world):
        (found,) = look_up(world, mx.mail_domain("silent.test"), seconds=1)
        # Unbound knows after a while that nobody is there.
        if found.fault != Finding("dns", "servfail", cause="MX: the resolver fails (SERVFAIL)"):
            assert (found.fault.stage, found.fault.kind) == ("dns", "timeout")
            assert re.fullmatch(r"MX: no answer from 127\.0\.0\.1 port 53 for \d\.\d s", found.fault.cause)

    def test_without_validation_nothing_is_secure(self, world):
        found, (first, second) = exchangers(world, "example", server=UNVALIDATING)
        assert (found.secure, first.secure, second.secure) == (False, False, False)


class TestPolicies:
    @pytest.mark.parametrize(
        ("name", "found"),
        [
            ("example", mtasts.StsPolicy("enforce", 604800, ("*.example.test",))),
            ("ststesting", mtasts.StsPolicy("testing", 604800, ("mail.other.test",))),
            ("stsnone", mtasts.StsPolicy("none", 604800, ())),
            ("stsredirect", "HTTP status 302, senders follow no redirect"),
            ("stslarge", "more than 64 KiB"),
            ("stssyntax", "malformed line, hello, world"),
            ("stshtml", "it is of type text/html, not text/plain"),
            ("sts404", "HTTP status 404"),
            ("ststwo", "2 records announce one, senders take that for none"),
            ("stsslow", "no answer from mta-sts.stsslow.example.test for N s"),
            ("stsnohost", "no address for mta-sts.stsnohost.example.test"),
            (
                "stsname",
                "certificate is for mx1.example.test, mx2.example.test, localhost and 10 more, not for "
                "mta-sts.stsname.example.test",
            ),
        ],
    )
    def test_policy(self, world, monkeypatch, name, found):
        monkeypatch.setenv("SSL_CERT_FILE", str(world.certs.ca))
        host = f"mta-sts.{zones.full(name)}"
        announced, web = look_up(
            world, mtasts.announcement(zones.full(name)), mx.exchanger(MxRecord(0, host), None, 443, 0, False)
        )
        policy = announced.failure
        if policy is None:
            site = https.Site(host, reachable_first(web.addresses))
            seconds = 0.5 if name == "stsslow" else 10
            policy = world.call(
                lambda: https.fetch(site, mtasts.PATH, mtasts.SIZE_LIMIT, context.authorities(), Deadline(seconds))
            )
            if isinstance(policy, https.Page):
                policy = mtasts.read_page(policy.media_type, policy.body)
        if isinstance(found, mtasts.StsPolicy):
            assert policy == found
        else:
            assert re.sub(r"for \d\.\d s$", "for N s", policy.cause) == found

    def test_none_announced(self, world):
        (announced,) = look_up(world, mtasts.announcement("null.example.test"))
        assert announced.failure.kind == "missing"

    def test_reporting(self, world):
        (line,) = look_up(world, mtasts.reporting("example.test"))
        assert line == "TLS-RPT: v=TLSRPTv1; rua=mailto:reports@example.test"
