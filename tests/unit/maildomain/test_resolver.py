"""Questions to the DNS and what comes of every kind of answer, also of those no server should give."""

from __future__ import annotations

import os
import re
import socket
import struct
import threading
import time

import dns.message
import dns.name
import dns.rrset
import pytest

from servers.fakedns import FakeDns, answer, octets, raw
from smtp_status.maildomain import resolvconf
from smtp_status.maildomain.codec import MxRecord, Query
from smtp_status.maildomain.resolver import ask_all
from smtp_status.net.clock import Deadline
from smtp_status.tls import tlsa

MX = Query("example.test", "MX")
TLSA = Query("_25._tcp.a.test", "TLSA")


def one(query):
    """A lookup of one question."""
    (found,) = yield (query,)
    return found


def resolver_of(*servers, timeout=5.0, attempts=2, believed=True):
    addresses = tuple(address for server in servers for address in resolvconf.named(server.host, server.port).servers)
    return resolvconf.Resolver(addresses, timeout, attempts, believed)


def ask(query, *servers, seconds=5.0, stop=None, **options):
    ((found, _seconds),) = ask_all([one(query)], resolver_of(*servers, **options), Deadline(seconds), stop)
    return found


def ask_fake(query, reply, **options):
    with FakeDns(reply) as server:
        return ask(query, server, **options)


def failure_of(query, reply, **options):
    failure = ask_fake(query, reply, **options).failure
    return failure.kind, failure.cause.replace(str(_port(failure.cause)), "PORT")


def _port(cause):
    words = cause.replace(",", " ").split()
    return words[words.index("port") + 1].rstrip(":") if "port" in words else "PORT"


class TestAnswers:
    def test_mx_as_they_came(self):
        found = ask_fake(
            MX,
            lambda query, _tcp: octets(
                query,
                "example.test. 60 IN MX 20 MX2.example.test.",
                "example.test. 30 IN MX 10 mx1.example.test.",
                ad=True,
            ),
        )
        assert found.mx == (MxRecord(20, "MX2.example.test"), MxRecord(10, "mx1.example.test"))
        assert (found.failure, found.secure, found.canonical, found.ttl) == (None, True, "example.test", 30)

    @pytest.mark.parametrize(
        ("kind", "data", "hosts"),
        [
            ("A", "192.0.2.1", ("192.0.2.1",)),
            ("AAAA", "2001:db8::1", ("2001:db8::1",)),
            ("CNAME", "other.test.", ("other.test",)),
        ],
    )
    def test_hosts(self, kind, data, hosts):
        found = ask_fake(Query("a.test", kind), lambda query, _tcp: octets(query, f"a.test. 60 IN {kind} {data}"))
        assert found.hosts == hosts

    def test_the_strings_of_a_txt_are_joined(self):
        found = ask_fake(
            Query("a.test", "TXT"), lambda query, _tcp: octets(query, 'a.test. 60 IN TXT "v=STS" "v1; id=1"')
        )
        assert found.texts == (b"v=STSv1; id=1",)

    def test_null_mx(self):
        found = ask_fake(MX, lambda query, _tcp: octets(query, "example.test. 60 IN MX 0 ."))
        assert found.mx == (MxRecord(0, "."),)

    def test_aliases_are_followed_and_the_shortest_life_counts(self):
        found = ask_fake(
            Query("a.test", "A"),
            lambda query, _tcp: octets(
                query, "a.test. 60 IN CNAME b.test.", "b.test. 5 IN CNAME C.test.", "c.test. 60 IN A 192.0.2.1"
            ),
        )
        assert (found.canonical, found.hosts, found.ttl) == ("C.test", ("192.0.2.1",), 5)

    def test_an_alias_to_nothing(self):
        found = ask_fake(
            Query("a.test", "A"), lambda query, _tcp: octets(query, "a.test. 60 IN CNAME b.test.", ad=True)
        )
        assert (found.failure.kind, found.canonical, found.secure) == ("nodata", "b.test", True)

    def test_asks_for_dnssec_and_names_the_size_it_takes(self):
        with FakeDns(lambda query, _tcp: octets(query, "example.test. 60 IN MX 0 .")) as server:
            ask(MX, server)
        (query,) = server.queries
        assert (query.flags, query.ednsflags, query.payload, query.edns) == (0x0120, 0x8000, 1232, 0)

    def test_malformed_tlsa_does_not_hide_the_good_one_beside_it(self):
        good = bytes((3, 1, 1)) + bytes(range(32))
        found = ask_fake(TLSA, lambda query, _tcp: raw(query, 52, b"", good, b"\3", bytes((3, 1, 1)) + b"short"))
        assert found.secure
        assert len(found.tlsa) == 4
        records, unusable = tlsa.usable(found.tlsa)
        assert records == (tlsa.TlsaRecord(3, 1, 1, good[3:]),)
        # The last one is told by its length where dnspython hands it out, which 2.9 does not.
        assert set(unusable) - {"3 1 1: 5 octets, not 32"} == {"malformed"}

    @pytest.mark.parametrize(
        "data", [b"", b"\3\1", b"\3\1\1", bytes((3, 1, 1)) + b"short", bytes((3, 1, 2)) + bytes(32)]
    )
    def test_tlsa_that_is_malformed_is_there_all_the_same(self, data):
        found = ask_fake(TLSA, lambda query, _tcp: raw(query, 52, data))
        records, unusable = tlsa.usable(found.tlsa)
        assert (found.failure, records, len(unusable)) == (None, (), 1)

    def test_tlsa_of_every_kind_as_it_came(self):
        data = (bytes((3, 1, 2)) + bytes(64), bytes((2, 0, 0)) + b"certificate", bytes((255, 7, 9)) + b"?")
        assert ask_fake(TLSA, lambda query, _tcp: raw(query, 52, *data)).tlsa == data

    def test_malformed_mx_does_not_hide_the_good_one_beside_it(self):
        good = b"\0\5\3mx1\xc0\x0c"
        found = ask_fake(MX, lambda query, _tcp: raw(query, 15, b"\0", good, b"\0\5\xc0\xff"))
        assert found.mx == (MxRecord(5, "mx1.example.test"),)

    def test_hostile_octets_in_names_are_escaped(self):
        label = b"a.b|\n\xff"
        data = b"\0\5" + bytes((len(label),)) + label + b"\0"
        found = ask_fake(MX, lambda query, _tcp: raw(query, 15, data))
        assert found.mx == (MxRecord(5, "a\\.b|\\010\\255"),)

    def test_equal_records_count_once(self):
        found = ask_fake(MX, lambda query, _tcp: raw(query, 15, b"\0\5\1a\0", b"\0\5\1a\0"))
        assert found.mx == (MxRecord(5, "a"),)

    def test_records_of_other_names_and_types_are_passed_over(self):
        found = ask_fake(
            MX,
            lambda query, _tcp: octets(
                query,
                "evil.test. 60 IN MX 0 mx.evil.test.",
                "example.test. 60 IN TXT x",
                "example.test. 60 IN MX 1 a.test.",
            ),
        )
        assert found.mx == (MxRecord(1, "a.test"),)


class TestBelief:
    @pytest.mark.parametrize(
        ("ad", "believed", "secure"), [(True, True, True), (True, False, False), (False, True, False)]
    )
    def test_ad_counts_from_a_believed_resolver_only(self, ad, believed, secure):
        reply = lambda query, _tcp: octets(query, "example.test. 60 IN MX 0 .", ad=ad)  # noqa: E731
        assert ask_fake(MX, reply, believed=believed).secure is secure

    @pytest.mark.parametrize("rcode", ["NOERROR", "NXDOMAIN"])
    def test_absence_can_be_authentic(self, rcode):
        found = ask_fake(MX, lambda query, _tcp: octets(query, rcode=rcode, ad=True))
        assert (found.secure, found.absent) == (True, True)


class TestFailures:
    @pytest.mark.parametrize(
        ("options", "kind", "cause"),
        [
            ({"rcode": "NXDOMAIN"}, "notfound", "no such name (NXDOMAIN)"),
            ({}, "nodata", "no MX record (NODATA)"),
            ({"rcode": "REFUSED"}, "refused", "127.0.0.1 port PORT refuses to answer (REFUSED)"),
            (
                {"rcode": "REFUSED", "error": (18, "not for <you>|x\n")},
                "refused",
                "127.0.0.1 port PORT refuses to answer (REFUSED), not for you¦x␊",
            ),
            ({"rcode": "FORMERR"}, "protocol", "127.0.0.1 port PORT does not answer but FORMERR"),
            ({"rcode": "SERVFAIL"}, "servfail", "the resolver fails (SERVFAIL)"),
            (
                {"rcode": "SERVFAIL", "error": (22, "")},
                "servfail",
                "the resolver fails (SERVFAIL), no reachable authority",
            ),
            (
                {"rcode": "SERVFAIL", "error": (22, "at delegation example.test")},
                "servfail",
                "the resolver fails (SERVFAIL), at delegation example.test",
            ),
            ({"rcode": "SERVFAIL", "error": (7, "")}, "bogus", "DNSSEC validation fails: signature expired"),
            (
                {"rcode": "SERVFAIL", "error": (6, "x" * 99)},
                "bogus",
                f"DNSSEC validation fails: bogus, {'x' * 89}…",
            ),
        ],
    )
    def test_words(self, options, kind, cause):
        assert failure_of(MX, lambda query, _tcp: octets(query, **options)) == (kind, cause)

    def test_a_resolver_that_gives_no_reason_is_asked_without_validation(self):
        def reply(query, _tcp):
            if query.flags & dns.flags.CD:
                return octets(query, "example.test. 60 IN MX 0 .")
            return octets(query, rcode="SERVFAIL")

        assert failure_of(MX, reply) == (
            "bogus",
            "DNSSEC validation fails: the resolver answers only without it",
        )

    def test_silence_without_validation_leaves_servfail(self):
        def reply(query, _tcp):
            return [] if query.flags & dns.flags.CD else octets(query, rcode="SERVFAIL")

        assert failure_of(MX, reply, seconds=0.5) == ("servfail", "the resolver fails (SERVFAIL)")

    def test_looping_aliases(self):
        records = ("a.test. 60 IN CNAME b.test.", "b.test. 60 IN CNAME a.test.")
        assert failure_of(Query("a.test", "A"), lambda query, _tcp: octets(query, *records)) == (
            "protocol",
            "the CNAME records do not end",
        )

    def test_only_malformed_records(self):
        assert failure_of(MX, lambda query, _tcp: raw(query, 15, b"\0")) == ("protocol", "malformed MX record")

    def test_nobody_there(self):
        with FakeDns(lambda query, _tcp: []) as server:
            pass
        failure = ask(MX, server).failure
        assert (failure.kind, failure.cause) == (
            "unreachable",
            f"no resolver at 127.0.0.1 port {server.port}: connection refused",
        )

    def test_no_resolver_at_all(self):
        ((found, _seconds),) = ask_all([one(MX)], resolvconf.Resolver(()), Deadline(1))
        assert (found.failure.kind, found.failure.cause) == ("unreachable", "no resolver that could be asked")

    def test_a_name_that_is_too_long_does_not_exist(self):
        found = ask_fake(Query("_25._tcp." + ".".join(["a" * 49] * 5), "TLSA"), lambda query, _tcp: [])
        assert (found.failure.kind, found.absent) == ("notfound", True)

    @pytest.mark.parametrize("size", [0, 1, 11])
    def test_too_short_for_a_message(self, size):
        kind, cause = failure_of(MX, lambda query, _tcp: [bytes(size)] if size else [b"\0"])
        assert (kind, cause) == ("protocol", "malformed answer from 127.0.0.1 port PORT")

    def test_records_of_a_name_that_does_not_exist(self):
        kind, cause = failure_of(MX, lambda query, _tcp: octets(query, "example.test. 60 IN MX 0 .", rcode="NXDOMAIN"))
        assert (kind, cause) == ("protocol", "malformed answer from 127.0.0.1 port PORT")

    @pytest.mark.parametrize("query", [MX, TLSA])
    def test_what_is_malformed_elsewhere_is_no_record(self, query):
        """An OPT record with half an option: there is still nothing."""

        def reply(asked, _tcp):
            (message,) = raw(asked, 15)
            opt = b"\0" + struct.pack("!HHIH", 41, 1232, 0, 3) + b"\0\x0f\0"
            return [message[:10] + b"\0\1" + message[12:] + opt]

        assert ask_fake(query, reply).failure.kind == "nodata"


class TestWhatIsNoAnswer:
    """Whatever is not the answer to the question is passed over: the right one may follow."""

    @staticmethod
    def wrong_id(query):
        response = answer(query, "example.test. 60 IN MX 0 wrong.test.")
        response.id ^= 1
        return response.to_wire()

    @staticmethod
    def wrong_question(query):
        other = dns.message.make_query("other.test", "MX", id=query.id)
        return answer(other, "other.test. 60 IN MX 0 wrong.test.").to_wire()

    @staticmethod
    def wrong_type(query):
        other = dns.message.make_query("example.test", "A", id=query.id)
        return answer(other, "example.test. 60 IN A 192.0.2.66").to_wire()

    @staticmethod
    def a_query(query):
        return query.to_wire()

    @staticmethod
    def another_opcode(query):
        return query.id.to_bytes(2, "big") + struct.pack("!HHHHH", 0x9980, 0, 0, 0, 0)

    @staticmethod
    def no_question(query):
        return query.id.to_bytes(2, "big") + struct.pack("!HHHHH", 0x8180, 0, 0, 0, 0)

    @pytest.mark.parametrize(
        "wrong", ["wrong_id", "wrong_question", "wrong_type", "a_query", "another_opcode", "no_question"]
    )
    def test_is_passed_over(self, wrong):
        def reply(query, _tcp):
            return [getattr(self, wrong)(query)] * 20 + octets(query, "example.test. 60 IN MX 0 right.test.")

        assert ask_fake(MX, reply).mx == (MxRecord(0, "right.test"),)

    def test_is_not_waited_for_longer_than_any_other(self):
        began = time.monotonic()
        found = ask_fake(MX, lambda query, _tcp: [self.wrong_id(query)] * 100, seconds=0.4)
        assert found.failure.kind == "timeout"
        assert 0.35 < time.monotonic() - began < 1.5

    def test_an_error_may_come_without_its_question(self):
        def reply(query, _tcp):
            return [query.id.to_bytes(2, "big") + struct.pack("!HHHHH", 0x8185, 0, 0, 0, 0)]

        assert failure_of(MX, reply)[0] == "refused"


class TestTcp:
    @staticmethod
    def cut_off(query):
        response = answer(query)
        response.flags |= dns.flags.TC
        return [response.to_wire()]

    def test_what_is_cut_off_comes_over_tcp(self):
        def reply(query, tcp):
            return octets(query, "example.test. 60 IN MX 0 a.test.") if tcp else self.cut_off(query)

        assert ask_fake(MX, reply).mx == (MxRecord(0, "a.test"),)

    def test_64_kib(self):
        strings = [bytes((number,)) * 255 for number in range(255)]

        def reply(query, tcp):
            return raw(query, 16, b"".join(b"\xff" + one for one in strings)) if tcp else self.cut_off(query)

        with FakeDns(reply) as server:
            found = ask(Query("a.test", "TXT"), server)
        assert found.texts == (b"".join(strings),)

    def test_in_single_octets(self):
        with socket.socket() as listener, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
            listener.bind(("127.0.0.1", 0))
            listener.listen()
            datagrams.bind(listener.getsockname())

            def serve():
                data, peer = datagrams.recvfrom(512)
                datagrams.sendto(self.cut_off(dns.message.from_wire(data))[0], peer)
                connection, _peer = listener.accept()
                with connection:
                    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    query = dns.message.from_wire(connection.recv(512)[2:])
                    (message,) = octets(query, "example.test. 60 IN MX 0 a.test.")
                    for octet in len(message).to_bytes(2, "big") + message:
                        connection.send(bytes((octet,)))
                    connection.recv(1)

            thread = threading.Thread(target=serve)
            thread.start()
            resolver = resolvconf.named(*listener.getsockname())
            ((found, _seconds),) = ask_all([one(MX)], resolver, Deadline(5))
            thread.join(5)
        assert found.mx == (MxRecord(0, "a.test"),)

    def test_closed_before_the_end(self):
        kind, cause = failure_of(MX, lambda query, tcp: [] if tcp else self.cut_off(query))
        assert (kind, cause) == ("protocol", "answer cut off from 127.0.0.1 port PORT")

    def test_cut_off_there_too(self):
        kind, cause = failure_of(MX, lambda query, _tcp: self.cut_off(query))
        assert (kind, cause) == ("protocol", "no answer to the question over TCP from 127.0.0.1 port PORT")

    def test_another_question_there(self):
        def reply(query, tcp):
            return [TestWhatIsNoAnswer.wrong_question(query)] if tcp else self.cut_off(query)

        assert failure_of(MX, reply)[0] == "protocol"


class TestWithoutEdns:
    @pytest.mark.parametrize("rcode", ["FORMERR", "NOTIMP"])
    @pytest.mark.parametrize("whole", [True, False], ids=["whole", "header only"])
    def test_a_resolver_that_does_not_know_it(self, rcode, whole):
        """RFC 6891 section 7: such answer FORMERR, some with nothing but a header."""

        def reply(query, _tcp):
            if query.edns < 0:
                return octets(query, "example.test. 60 IN MX 0 a.test.", ad=True)
            (message,) = octets(query, rcode=rcode)
            return [message if whole else message[:4] + bytes(8)]

        with FakeDns(reply) as server:
            found = ask(MX, server)
        assert (found.mx, found.secure) == ((MxRecord(0, "a.test"),), True)
        assert [query.edns for query in server.queries] == [0, -1]

    def test_over_tcp_too(self):
        def reply(query, tcp):
            if not tcp:
                return TestTcp.cut_off(query)
            return octets(query, *([] if query.edns == 0 else ["example.test. 60 IN MX 0 a.test."]), rcode="FORMERR")

        with FakeDns(reply) as server:
            failure = ask(MX, server).failure
        assert failure.kind == "protocol"
        assert failure.cause == f"127.0.0.1 port {server.port} does not answer but FORMERR"
        assert [query.edns for query in server.queries] == [0, 0, -1]


class TestTurns:
    GOOD = staticmethod(lambda query, _tcp: octets(query, "example.test. 60 IN MX 0 a.test."))

    @pytest.mark.parametrize("rcode", ["SERVFAIL", "REFUSED", "NOTIMP"])
    def test_the_next_resolver_is_asked_at_once(self, rcode):
        with FakeDns(lambda query, _tcp: octets(query, rcode=rcode)) as bad, FakeDns(self.GOOD) as good:
            began = time.monotonic()
            assert ask(MX, bad, good).mx == (MxRecord(0, "a.test"),)
        assert time.monotonic() - began < 1

    @pytest.mark.parametrize("options", [{"rcode": "NXDOMAIN"}, {}, {"rcode": "SERVFAIL", "error": (6, "")}])
    def test_what_is_final_is_not_asked_of_the_next(self, options):
        with FakeDns(lambda query, _tcp: octets(query, **options)) as first, FakeDns(self.GOOD) as second:
            assert ask(MX, first, second).failure is not None
        assert second.queries == []

    def test_a_silent_one_has_its_time(self):
        with FakeDns(lambda query, _tcp: []) as silent, FakeDns(self.GOOD) as good:
            ((found, seconds),) = ask_all([one(MX)], resolver_of(silent, good, timeout=0.2), Deadline(5))
        assert found.failure is None
        assert 0.19 < seconds < 1

    def test_a_lost_datagram_is_sent_again(self):
        with FakeDns(lambda query, _tcp: [] if len(server.queries) == 1 else self.GOOD(query, False)) as server:
            found = ask(MX, server, timeout=0.2)
        assert found.failure is None
        assert len(server.queries) == 2
        assert server.queries[0].id != server.queries[1].id

    def test_all_silent_within_the_deadline(self):
        with FakeDns(lambda query, _tcp: []) as server:
            began = time.monotonic()
            found = ask(MX, server, seconds=0.4)
        assert 0.35 < time.monotonic() - began < 1.5
        assert found.failure.kind == "timeout"
        assert re.fullmatch(rf"no answer from 127\.0\.0\.1 port {server.port} for [01]\.\d s", found.failure.cause)
        assert len(server.queries) == 2

    def test_the_most_telling_failure_is_told(self):
        with (
            FakeDns(lambda query, _tcp: []) as silent,
            FakeDns(lambda query, _tcp: octets(query, rcode="SERVFAIL")) as bad,
        ):
            found = ask(MX, silent, bad, timeout=0.1, attempts=1)
        assert found.failure.kind == "servfail"


class TestMany:
    def test_are_asked_at_the_same_time(self):
        def reply(query, _tcp):
            time.sleep(0.002)
            return octets(query, f"{query.question[0].name} 60 IN A 192.0.2.1")

        with FakeDns(reply) as server:
            queries = [Query(f"mx{number}.test", "A") for number in range(100)]
            found = ask_all(map(one, queries), resolver_of(server), Deadline(5))
        assert [result.query for result, _seconds in found] == queries
        assert all(result.hosts == ("192.0.2.1",) for result, _seconds in found)

    def test_one_after_the_other_where_one_follows_from_the_other(self):
        def follow():
            first, second = yield (Query("a.test", "A"), Query("a.test", "AAAA"))
            (third,) = yield (Query("b.test", "A"),)
            return [first.query, second.query, third.query]

        with FakeDns(lambda query, _tcp: octets(query)) as server:
            ((found, _seconds),) = ask_all([follow()], resolver_of(server), Deadline(5))
        assert found == [Query("a.test", "A"), Query("a.test", "AAAA"), Query("b.test", "A")]
        assert len(server.queries) == 3

    def test_a_slow_one_does_not_delay_the_others(self):
        def reply(query, _tcp):
            slow = query.question[0].name == dns.name.from_text("slow.test")
            return [] if slow else octets(query, f"{query.question[0].name} 60 IN A 192.0.2.1")

        with FakeDns(reply) as server:
            queries = [Query("slow.test", "A"), Query("fast.test", "A")]
            slow, fast = ask_all(map(one, queries), resolver_of(server), Deadline(5), until=time.monotonic() + 0.5)
        assert slow[0].failure.kind == "timeout"
        assert fast[0].failure is None
        assert fast[1] < 0.25 < slow[1] < 1.5

    def test_after_the_end_nothing_is_asked(self):
        def stubborn():
            answers = []
            for _ in range(3):
                answers += yield (MX,)
            return [found.failure.kind for found in answers]

        with FakeDns(lambda query, _tcp: []) as server:
            ((found, _seconds),) = ask_all([stubborn()], resolver_of(server, attempts=1), Deadline(0.2))
        assert found == ["timeout"] * 3
        assert len(server.queries) == 1

    def test_stop_ends_the_wait_and_the_deadline(self):
        told, tell = os.pipe()
        deadline = Deadline(5)
        with FakeDns(lambda query, _tcp: []) as server:
            timer = threading.Timer(0.2, os.write, (tell, b"."))
            timer.start()
            began = time.monotonic()
            ((found, _seconds),) = ask_all([one(MX)], resolver_of(server), deadline, told)
            timer.join()
        os.close(told)
        os.close(tell)
        assert found.failure.kind == "timeout"
        assert time.monotonic() - began < 1.5
        assert deadline.passed()

    def test_a_lookup_that_asks_nothing(self):
        def nothing():
            return 7
            yield ()

        assert ask_all([nothing()], resolvconf.Resolver(()), Deadline(1))[0][0] == 7
