"""From a mail domain to its exchangers, fed from a table of answers."""

from __future__ import annotations

import re
import socket

import pytest

from smtp_status.findings import Address, Failure, Finding
from smtp_status.maildomain import mx
from smtp_status.maildomain.codec import MxRecord, Query
from smtp_status.maildomain.mx import Domain, Exchanger
from smtp_status.maildomain.resolver import Answer
from smtp_status.tls.tlsa import TlsaRecord

DIGEST = bytes(range(32))
TLSA = bytes((3, 1, 1)) + DIGEST
RECORD = TlsaRecord(3, 1, 1, DIGEST)
BROKEN = Failure("servfail", "the resolver fails (SERVFAIL)")
ABSENT = Failure("notfound", "no such name (NXDOMAIN)")
NO_DATA = Failure("nodata", "no record (NODATA)")


class World:
    """Answers by name and type; what is not there does not exist.  ``asked`` lists the questions in their order."""

    def __init__(self, secure=True):
        self.secure = secure
        self.table = {}
        self.asked = []

    def add(self, name, kind, *records, canonical=None, secure=None, failure=None):
        field = {
            "SOA": "texts",
            "MX": "mx",
            "A": "hosts",
            "AAAA": "hosts",
            "CNAME": "hosts",
            "TXT": "texts",
            "TLSA": "tlsa",
        }[kind]
        if not records and failure is None:
            failure = NO_DATA
        self.table[name.lower(), kind] = Answer(
            Query(name, kind),
            failure,
            self.secure if secure is None else secure,
            canonical or name,
            60,
            **{field: records},
        )
        return self

    def host(self, name, *hosts, **options):
        self.add(name, "A", *(host for host in hosts if ":" not in host), **options)
        return self.add(name, "AAAA", *(host for host in hosts if ":" in host), **options)

    def answer(self, query):
        self.asked.append(query)
        missing = Answer(query, ABSENT, self.secure, query.name)
        return self.table.get((query.name.lower(), query.type), missing)._replace(query=query)

    def run(self, steps):
        """What the lookup ``steps`` returns."""
        try:
            queries = next(steps)
            while True:
                queries = steps.send(tuple(map(self.answer, queries)))
        except StopIteration as end:
            return end.value


def mail_domain(world, name="example.test"):
    return world.run(mx.mail_domain(name))


def secure_domain(name="example.test", **options):
    return Domain(name, options.pop("canonical", name), options.pop("secure", True), **options)


def exchanger(world, *, of=None, port=25, family=0, with_tlsa=True):
    name = "mx.example.test"
    return world.run(mx.exchanger(MxRecord(10, name), of, port, family, with_tlsa))


class TestDoubt:
    @pytest.mark.parametrize(
        ("secure", "failure", "doubt"),
        [
            (True, None, ""),
            (False, None, "resolver does not validate DNSSEC"),
            (False, BROKEN, f"resolver not known to validate DNSSEC, SOA of the root: {BROKEN.cause}"),
        ],
    )
    def test_of_a_believed_resolver(self, secure, failure, doubt):
        world = World(secure).add(".", "SOA", b"", failure=failure)
        assert world.run(mx.dnssec_doubt(True)) == doubt
        assert world.asked == [Query(".", "SOA")]

    def test_of_one_that_is_not_believed(self):
        world = World()
        doubt = "resolver not trusted with DNSSEC (--nameserver? trust-ad in resolv.conf?)"
        assert world.run(mx.dnssec_doubt(False)) == doubt
        assert world.asked == []


class TestMailDomain:
    def test_sorted_by_preference_and_name(self):
        entries = (MxRecord(20, "a.test"), MxRecord(10, "C.test"), MxRecord(10, "b.test"), MxRecord(0, "z.test"))
        found = mail_domain(World().add("example.test", "MX", *entries))
        assert [entry.exchange for entry in found.entries] == ["z.test", "b.test", "C.test", "a.test"]
        assert (found.fault, found.warnings, found.secure, found.implicit, found.ttl) == (None, (), True, False, 60)

    def test_an_exchanger_named_twice_counts_once(self):
        entries = (MxRecord(20, "MX.test"), MxRecord(10, "mx.test"))
        assert mail_domain(World().add("example.test", "MX", *entries)).entries == (MxRecord(10, "mx.test"),)

    def test_an_alias_of_another_domain(self):
        world = World().add("example.test", "MX", MxRecord(10, "mx.other.test"), canonical="other.test")
        assert mail_domain(world).canonical == "other.test"

    def test_implicit_where_there_is_no_mx(self):
        found = mail_domain(World().add("example.test", "MX"))
        assert (found.entries, found.implicit, found.fault) == ((MxRecord(0, "example.test"),), True, None)

    @pytest.mark.parametrize(
        "failure",
        [
            ABSENT,
            BROKEN,
            Failure("bogus", "DNSSEC validation fails: signature expired"),
            Failure("timeout", "no answer from 127.0.0.1 port 53 for 5.0 s"),
        ],
    )
    def test_never_implicit_where_the_lookup_failed(self, failure):
        found = mail_domain(World().add("example.test", "MX", failure=failure))
        assert (found.entries, found.implicit) == ((), False)
        assert found.fault == Finding("dns", failure.kind, cause=f"MX: {failure.cause}")

    def test_null_mx(self):
        found = mail_domain(World().add("example.test", "MX", MxRecord(0, ".")))
        assert found.entries == ()
        assert found.fault == Finding("dns", "nullmx", cause="accepts no mail, null MX")

    def test_null_mx_beside_others(self):
        found = mail_domain(World().add("example.test", "MX", MxRecord(0, "."), MxRecord(10, "mx.test")))
        assert found.entries == (MxRecord(10, "mx.test"),)
        cause = "null MX beside other MX: senders may bounce every message"
        assert found.fault == Finding("dns", "nullmx", cause=cause)

    @pytest.mark.parametrize("name", ["localhost", "LocalHost", "mx.localhost"])
    def test_the_host_of_whoever_asks(self, name):
        found = mail_domain(World().add("example.test", "MX", MxRecord(5, name), MxRecord(10, "mx.test")))
        assert found.entries == (MxRecord(10, "mx.test"),)
        assert found.warnings == (Finding("dns", "protocol", cause=f"MX {name} is where senders would ask themselves"),)
        found = mail_domain(World().add("example.test", "MX", MxRecord(5, name)))
        assert found.fault == Finding("dns", "protocol", cause=f"MX {name} is where senders would ask themselves")

    @pytest.mark.parametrize("literal", ["192.0.2.1", "[192.0.2.1]", "2001:db8::1"])
    def test_an_address_beside_a_name(self, literal):
        found = mail_domain(World().add("example.test", "MX", MxRecord(5, literal), MxRecord(10, "mx.test")))
        assert found.entries == (MxRecord(10, "mx.test"),)
        assert found.fault is None
        assert found.warnings == (Finding("dns", "protocol", cause=f"MX {literal} is an address, not a name"),)

    def test_an_address_alone(self):
        found = mail_domain(World().add("example.test", "MX", MxRecord(5, "192.0.2.1")))
        assert found.entries == ()
        assert found.fault == Finding("dns", "protocol", cause="MX 192.0.2.1 is an address, not a name")

    @pytest.mark.parametrize("hostile", ["a\\.b|\\010\\255", "*.test", "a b.test", "-x.test", "123.456", "x" * 99])
    def test_no_host_name(self, hostile):
        found = mail_domain(World().add("example.test", "MX", MxRecord(5, hostile)))
        assert found.entries == ()
        assert re.fullmatch(r"MX \S.* is no host name", found.fault.cause)
        assert len(found.fault.cause) < 90

    def test_too_many(self):
        entries = [MxRecord(number, f"mx{number}.test") for number in range(300)]
        found = mail_domain(World().add("example.test", "MX", *entries))
        assert len(found.entries) == 100
        assert found.warnings == (Finding("dns", "protocol", cause="300 exchangers, only 100 are checked"),)


class TestAddresses:
    def test_of_both_families(self):
        found = exchanger(World().host("mx.example.test", "192.0.2.1", "2001:db8::1"), with_tlsa=False)
        assert found == Exchanger(
            "mx.example.test",
            10,
            "mx.example.test",
            (
                Address(socket.AF_INET6, ("2001:db8::1", 25, 0, 0), "2001:db8::1", 25),
                Address(socket.AF_INET, ("192.0.2.1", 25), "192.0.2.1", 25),
            ),
            secure=True,
        )

    @pytest.mark.parametrize(("family", "types", "text"), [(4, ["A"], "192.0.2.1"), (6, ["AAAA"], "2001:db8::1")])
    def test_of_one_family(self, family, types, text):
        world = World().host("mx.example.test", "192.0.2.1", "2001:db8::1")
        found = exchanger(world, family=family, with_tlsa=False)
        assert [address.text for address in found.addresses] == [text]
        assert [query.type for query in world.asked] == types

    def test_no_such_name(self):
        found = exchanger(World())
        assert (found.addresses, found.tlsa) == ((), None)
        assert found.failure == Failure("notfound", "no address: no such name (NXDOMAIN)")

    @pytest.mark.parametrize(("family", "types"), [(0, "A or AAAA"), (4, "A"), (6, "AAAA")])
    def test_no_address(self, family, types):
        found = exchanger(World().host("mx.example.test"), family=family)
        assert found.failure == Failure("nodata", f"no address: no {types} record (NODATA)")

    def test_an_address_that_is_none(self):
        """RFC 1122 section 3.2.1.3: it is no destination, and Linux takes it for its own host."""
        found = exchanger(World().host("mx.example.test", "0.0.0.0", "192.0.2.1", "::"))
        assert [address.text for address in found.addresses] == ["192.0.2.1"]
        found = exchanger(World().host("mx.example.test", "0.0.0.0"))
        assert found.failure == Failure("nodata", "no usable address, only 0.0.0.0")

    @pytest.mark.parametrize("address", ["127.0.0.1", "::1", "::ffff:127.0.0.1"])
    def test_an_address_every_host_has(self, address):
        """To connect there would ask the monitoring host's own server."""
        found = exchanger(World().host("mx.example.test", address), of=secure_domain())
        assert found.addresses == ()
        assert found.failure == Failure("protocol", f"no address but {address}, where senders would ask themselves")
        found = exchanger(World().host("mx.example.test", address, "192.0.2.1"), of=secure_domain(), with_tlsa=False)
        assert [one.text for one in found.addresses] == ["192.0.2.1"]
        cause = f"among the addresses is {address}, where senders would ask themselves"
        assert found.warnings == (Finding("dns", "protocol", cause=cause),)

    def test_who_names_this_host_means_it(self):
        found = exchanger(World().host("mx.example.test", "127.0.0.1"), of=None, with_tlsa=False)
        assert [one.text for one in found.addresses] == ["127.0.0.1"]

    def test_an_error_says_more_than_absence(self):
        world = World().add("mx.example.test", "A", failure=BROKEN).add("mx.example.test", "AAAA")
        assert exchanger(world).failure == BROKEN._replace(cause=f"A: {BROKEN.cause}")

    def test_an_error_beside_an_address(self):
        world = World().host("mx.example.test", "192.0.2.1").add("mx.example.test", "AAAA", failure=BROKEN)
        found = exchanger(world)
        assert found.failure is None
        assert found.warnings == (Finding("dns", "servfail", cause=f"AAAA: {BROKEN.cause}"),)

    def test_an_exchanger_that_is_an_alias(self):
        world = World().host("mx.example.test", "192.0.2.1", canonical="real.test")
        found = exchanger(world, of=secure_domain(), with_tlsa=False)
        cause = "the exchanger is an alias (CNAME) of real.test"
        assert found.warnings == (Finding("dns", "protocol", cause=cause),)
        assert (found.canonical, found.failure) == ("real.test", None)

    @pytest.mark.parametrize("of", [None, secure_domain(implicit=True)])
    def test_a_host_or_an_implicit_exchanger_may_be_one(self, of):
        world = World().host("mx.example.test", "192.0.2.1", canonical="real.test")
        assert exchanger(world, of=of, with_tlsa=False).warnings == ()

    def test_case_is_no_alias(self):
        world = World().host("mx.example.test", "192.0.2.1", canonical="MX.Example.test")
        assert exchanger(world, of=secure_domain(), with_tlsa=False).warnings == ()

    def test_security_is_that_of_mx_and_addresses(self):
        secure = World().host("mx.example.test", "192.0.2.1")
        insecure = World(secure=False).host("mx.example.test", "192.0.2.1")
        assert exchanger(secure, of=secure_domain(), with_tlsa=False).secure
        assert not exchanger(secure, of=secure_domain(secure=False), with_tlsa=False).secure
        assert not exchanger(insecure, of=secure_domain(), with_tlsa=False).secure


class TestTlsa:
    NAME = "_25._tcp.mx.example.test"

    @staticmethod
    def world(**options):
        return World().host("mx.example.test", "192.0.2.1", **options)

    def tlsa(self, world, of="secure", **options):
        return exchanger(world, of=secure_domain() if of == "secure" else of, **options).tlsa

    def test_secure_records_bind(self):
        found = self.tlsa(self.world().add(self.NAME, "TLSA", TLSA))
        assert (found.base, found.records, found.failure, found.binding) == ("mx.example.test", (RECORD,), None, True)

    def test_of_the_port(self):
        world = self.world().add("_465._tcp.mx.example.test", "TLSA", TLSA)
        assert self.tlsa(world, port=465).records == (RECORD,)

    def test_malformed_and_other_usages_are_unusable(self):
        found = self.tlsa(self.world().add(self.NAME, "TLSA", b"\3", bytes((0, 0, 1)) + DIGEST, TLSA))
        assert found.records == (RECORD,)
        assert found.unusable == ("malformed", "0 0 1: usage 0 is not for SMTP")

    def test_only_unusable_ones_still_bind(self):
        found = self.tlsa(self.world().add(self.NAME, "TLSA", bytes((1, 0, 1)) + DIGEST))
        assert (found.records, found.failure, found.binding) == ((), None, True)

    @pytest.mark.parametrize("secure", [True, False])
    def test_none(self, secure):
        found = self.tlsa(self.world().add(self.NAME, "TLSA", secure=secure))
        assert (found.failure, found.binding) == (Failure("missing", "no TLSA record"), False)

    def test_insecure_ones_do_not_count(self):
        found = self.tlsa(self.world().add(self.NAME, "TLSA", TLSA, secure=False))
        assert found.records == ()
        assert found.failure == Failure("insecure", "the TLSA answer is not authenticated by DNSSEC")
        assert not found.binding

    @pytest.mark.parametrize("kind", ["servfail", "bogus", "timeout", "refused", "protocol"])
    def test_an_error_is_not_absence(self, kind):
        found = self.tlsa(self.world().add(self.NAME, "TLSA", failure=Failure(kind, "why"), secure=False))
        assert found.failure == Failure(kind, "TLSA lookup: why")
        assert found.binding

    def test_nobody_asks_where_the_mx_is_insecure(self):
        world = self.world().add(self.NAME, "TLSA", TLSA)
        found = self.tlsa(world, of=secure_domain(secure=False))
        assert found.failure == Failure("insecure", "the MX answer is not authenticated by DNSSEC")
        assert "TLSA" not in {query.type for query in world.asked}

    def test_nobody_asks_where_the_address_is_insecure(self):
        world = self.world(secure=False).add(self.NAME, "TLSA", TLSA)
        assert self.tlsa(world).failure == Failure("insecure", "the address is not authenticated by DNSSEC")
        assert "TLSA" not in {query.type for query in world.asked}

    def test_without_mx_only_the_address_matters(self):
        assert self.tlsa(self.world().add(self.NAME, "TLSA", TLSA), of=None).records == (RECORD,)


class TestTlsaOfAnAlias:
    EXPANDED, ORIGINAL = "_25._tcp.real.test", "_25._tcp.mx.example.test"

    @staticmethod
    def world(**options):
        return World().host("mx.example.test", "192.0.2.1", canonical="real.test", **options)

    def test_at_the_expanded_name_first(self):
        world = self.world().add(self.EXPANDED, "TLSA", TLSA).add(self.ORIGINAL, "TLSA", TLSA)
        found = exchanger(world, of=secure_domain()).tlsa
        assert (found.base, found.records) == ("real.test", (RECORD,))
        assert Query(self.ORIGINAL, "TLSA") not in world.asked

    @pytest.mark.parametrize("secure", [True, False])
    def test_then_at_the_original(self, secure):
        world = self.world().add(self.ORIGINAL, "TLSA", TLSA).add(self.EXPANDED, "TLSA", secure=secure)
        found = exchanger(world, of=secure_domain()).tlsa
        assert (found.base, found.records) == ("mx.example.test", (RECORD,))

    def test_also_where_those_at_the_expanded_name_are_insecure(self):
        world = self.world().add(self.ORIGINAL, "TLSA", TLSA).add(self.EXPANDED, "TLSA", TLSA, secure=False)
        assert exchanger(world, of=secure_domain()).tlsa.base == "mx.example.test"

    def test_but_not_after_an_error(self):
        world = self.world().add(self.ORIGINAL, "TLSA", TLSA).add(self.EXPANDED, "TLSA", failure=BROKEN)
        found = exchanger(world, of=secure_domain()).tlsa
        assert (found.failure.kind, found.binding) == ("servfail", True)
        assert Query(self.ORIGINAL, "TLSA") not in world.asked

    def test_a_signed_alias_into_an_unsigned_zone(self):
        world = self.world(secure=False).add("mx.example.test", "CNAME", "real.test").add(self.ORIGINAL, "TLSA", TLSA)
        found = exchanger(world, of=secure_domain())
        assert (found.tlsa.base, found.tlsa.records, found.secure) == ("mx.example.test", (RECORD,), False)
        assert Query(self.EXPANDED, "TLSA") not in world.asked

    def test_an_unsigned_alias(self):
        world = self.world(secure=False).add("mx.example.test", "CNAME", "real.test", secure=False)
        found = exchanger(world.add(self.ORIGINAL, "TLSA", TLSA), of=secure_domain()).tlsa
        assert found.failure.kind == "insecure"

    def test_reference_names(self):
        of = secure_domain(canonical="hosted.test")
        world = self.world().add(self.EXPANDED, "TLSA", TLSA)
        assert exchanger(world, of=of).tlsa.names == ("real.test", "example.test", "hosted.test")
        assert exchanger(world, of=None).tlsa.names == ("real.test", "mx.example.test")
