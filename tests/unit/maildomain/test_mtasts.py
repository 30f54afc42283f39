"""MTA-STS: the record, the policy, the page it comes on, and whom it allows."""

from __future__ import annotations

import os
import socket
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from servers.ports import refusing_port, silent_port
from servers.web import PATH, WebServer, page, policy
from smtp_status.findings import Address, Failure
from smtp_status.maildomain import https, mtasts
from smtp_status.maildomain.codec import Query
from smtp_status.maildomain.https import Page
from smtp_status.maildomain.mtasts import Announcement, StsPolicy
from smtp_status.maildomain.resolver import Answer
from smtp_status.net.deadline import Deadline
from smtp_status.tls import context

QUERY = Query("_mta-sts.example.test", "TXT")
POLICY = policy("mx1.example.test", "*.example.org")


def announced(*texts, failure=None):
    return mtasts.read_announcement(Answer(QUERY, failure, texts=texts))


class TestAnnouncement:
    @pytest.mark.parametrize(
        "text",
        [
            b"v=STSv1; id=20200101T000000;",
            b"v=STSv1;id=20200101T000000",
            b"v=STSv1;\tid=20200101T000000 ; other=value;",
            b"v=STSv1; x.y-z=!$%&(:<>?; id=20200101T000000",
        ],
    )
    def test_good(self, text):
        assert announced(text) == Announcement("20200101T000000")

    def test_beside_other_texts(self):
        assert announced(b"v=spf1 -all", b"v=STSv1; id=1", b"\xff").id == "1"

    @pytest.mark.parametrize("texts", [(), (b"v=spf1 -all",), (b"v=STSv",)])
    def test_none(self, texts):
        failure = None if texts else Failure("nodata", "no TXT record (NODATA)")
        assert announced(*texts, failure=failure).failure == Failure("missing", "no MTA-STS record")

    @pytest.mark.parametrize(
        ("texts", "cause"),
        [
            ((b"v=STSv1; id=1", b"v=STSv1; id=2"), "2 records announce one, senders take that for none"),
            ((b"v=STSv1",), "the record does not begin with v=STSv1;, v=STSv1"),
            ((b"v=stsv1; id=1",), "the record does not begin with v=STSv1;, v=stsv1; id=1"),
            ((b"v=STSv1 ; id=1",), "the record does not begin with v=STSv1;, v=STSv1 ; id=1"),
            ((b"v=STSv1;",), "the record needs one id of up to 32 letters and digits"),
            ((b"v=STSv1; id=;",), "malformed field in the record, id="),
            ((b"v=STSv1; id=a-b;",), "the record needs one id of up to 32 letters and digits"),
            ((b"v=STSv1; id=" + b"1" * 33,), "the record needs one id of up to 32 letters and digits"),
            ((b"v=STSv1; id=1; id=2",), "the record needs one id of up to 32 letters and digits"),
            ((b"v=STSv1; id=1; nonsense",), "malformed field in the record, nonsense"),
            ((b"v=STSv1; id=1; a=|<b>\x1b",), "malformed field in the record, a=¦b␛"),
            ((b"v=STSv1;; id=1",), "malformed field in the record, ''"),
        ],
    )
    def test_faults(self, texts, cause):
        assert announced(*texts).failure == Failure("policy", cause)

    def test_a_lookup_that_failed(self):
        found = announced(failure=Failure("servfail", "the resolver fails (SERVFAIL)"))
        assert found.failure == Failure("servfail", "TXT of _mta-sts.example.test: the resolver fails (SERVFAIL)")

    def test_what_is_asked(self):
        steps = mtasts.announcement("example.test")
        assert next(steps) == (QUERY,)

    @given(st.lists(st.binary(max_size=60).map(lambda tail: b"v=STSv1;" + tail), max_size=2))
    def test_any_octets(self, texts):
        found = announced(*texts)
        assert bool(found.id) != bool(found.failure)
        assert found.failure is None or found.failure.cause.isprintable()


class TestReporting:
    @pytest.mark.parametrize(
        ("texts", "line"),
        [
            ((), "TLS-RPT: no record"),
            ((b"v=spf1",), "TLS-RPT: no record"),
            ((b"v=TLSRPTv1; rua=mailto:a@example.test|\n",), "TLS-RPT: v=TLSRPTv1; rua=mailto:a@example.test¦␊"),
            ((b"v=TLSRPTv1;1", b"v=TLSRPTv1;2"), "TLS-RPT: 2 records, senders take that for none"),
        ],
    )
    def test_line(self, texts, line):
        steps = mtasts.reporting("example.test")
        assert next(steps) == (Query("_smtp._tls.example.test", "TXT"),)
        with pytest.raises(StopIteration) as end:
            steps.send((Answer(Query("", "TXT"), texts=texts),))
        assert end.value.value == line


class TestPolicy:
    def test_good(self):
        assert mtasts.read_policy(POLICY) == StsPolicy("enforce", 604800, ("mx1.example.test", "*.example.org"))

    @pytest.mark.parametrize(
        "octets",
        [
            POLICY.replace(b"\r\n", b"\n"),
            POLICY.rstrip(),
            POLICY.replace(b": ", b":"),
            POLICY.replace(b"\r\n", b" \t\r\n"),
            POLICY + b"\r\n\r\n",
            b"unknown.key-1: anything | <at> all\r\n" + POLICY,
            b"\r\n".join(reversed(POLICY.split(b"\r\n"))),
            POLICY.replace(b"mx1.example", b"MX1.Example"),
        ],
    )
    def test_other_forms_of_it(self, octets):
        found = mtasts.read_policy(octets)
        assert (found.mode, found.max_age, set(found.mx)) == ("enforce", 604800, {"mx1.example.test", "*.example.org"})

    def test_none_needs_no_mx(self):
        assert mtasts.read_policy(policy(mode="none")) == StsPolicy("none", 604800, ())

    def test_of_a_field_given_twice_the_first_counts(self):
        found = mtasts.read_policy(POLICY + b"mode: none\r\n")
        assert (found.mode, found.remarks) == ("enforce", ("mode stands more than once, the first counts",))

    def test_a_short_life_is_remarked(self):
        remarks = mtasts.read_policy(policy("a.test", max_age=60)).remarks
        assert remarks == ("max_age of 60 s: senders forget the policy within a day",)

    @pytest.mark.parametrize(
        ("octets", "cause"),
        [
            (b"", "no version"),
            (policy("a.test").replace(b"STSv1", b"STSv2"), "version STSv2, not STSv1"),
            (policy("a.test").replace(b"mode: enforce\r\n", b""), "no mode"),
            (policy("a.test", mode="Enforce"), "unknown mode Enforce"),
            (policy("a.test", mode="|<x>\x1b"), "unknown mode ¦x␛"),
            (policy("a.test").replace(b"max_age", b"max-age"), "no max_age"),
            (policy("a.test", max_age=31557601), "max_age 31557601, not 0 to 31557600 seconds"),
            (policy("a.test", max_age="1d"), "max_age 1d, not 0 to 31557600 seconds"),
            (policy("a.test", max_age=-1), "max_age -1, not 0 to 31557600 seconds"),
            (policy(), "no mx"),
            (policy("*"), "malformed mx, *"),
            (policy("a.*.test"), "malformed mx, a.*.test"),
            (policy(".a.test"), "malformed mx, .a.test"),
            (policy(""), "malformed mx, ''"),
            (policy("a.test b.test"), "malformed mx, a.test b.test"),
            (b"<html>\n" + POLICY, "malformed line, html"),
            (b"\xff", "not UTF-8"),
            (b"\xef\xbb\xbf" + POLICY, "malformed line, ‹U+FEFF›version: STSv1"),
        ],
    )
    def test_faults(self, octets, cause):
        assert mtasts.read_policy(octets) == Failure("policy", cause)

    @pytest.mark.parametrize(("media_type", "shown"), [("text/html", "text/html"), ("", "''")])
    def test_media_type(self, media_type, shown):
        assert mtasts.read_page(media_type, POLICY) == Failure("policy", f"it is of type {shown}, not text/plain")
        assert mtasts.read_page("text/plain", POLICY) == mtasts.read_policy(POLICY)

    @given(st.binary(max_size=100))
    def test_any_octets(self, octets):
        for found in (mtasts.read_policy(octets), mtasts.read_policy(POLICY + octets)):
            assert isinstance(found, StsPolicy) or found.cause.isprintable()

    def test_a_large_one_stays_cheap(self):
        began = time.process_time()
        mtasts.read_policy(b"mx: " + b"a" * 65000)
        mtasts.read_policy(b"a" * 65000)
        mtasts.read_policy(b"mx:" + b" \t" * 32000 + b"\x00")
        mtasts.read_policy(b"mx: " + b"a." * 32000 + b"!")
        assert time.process_time() - began < 1


class TestAllows:
    POLICY = StsPolicy("enforce", 1, ("mx1.example.test", "*.example.org"))

    @pytest.mark.parametrize("name", ["mx1.example.test", "MX1.Example.Test.", "a.example.org", "_a.EXAMPLE.org"])
    def test_yes(self, name):
        assert self.POLICY.allows(name)

    @pytest.mark.parametrize(
        "name", ["mx2.example.test", "a.mx1.example.test", "example.org", "a.b.example.org", "", "."]
    )
    def test_no(self, name):
        assert not self.POLICY.allows(name)


HOST = "mx1.example.test"


@pytest.fixture
def trusted(certs, monkeypatch):
    """The tests' root is one of the system's."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certs.ca))
    return certs


def address_of(port, host="127.0.0.1"):
    return Address(socket.AF_INET, (host, port), host, port)


def fetch(*addresses, host=HOST, limit=mtasts.SIZE_LIMIT, seconds=5.0, stop=None):
    return https.fetch(https.Site(host, addresses), PATH, limit, context.authorities(), Deadline(seconds), stop=stop)


def fetched(certs, octets, **options):
    with WebServer(certs, {HOST: octets}) as server:
        return fetch(address_of(server.port), **options)


class TestFetch:
    def test_the_request(self, trusted):
        with WebServer(trusted, {HOST: page(POLICY)}) as server:
            assert fetch(address_of(server.port)) == Page("text/plain", POLICY)
        assert server.requests == [
            b"GET /.well-known/mta-sts.txt HTTP/1.1\r\nHost: mx1.example.test\r\nAccept-Encoding: identity\r\n"
            b"User-Agent: check_smtp_status\r\nAccept: text/plain\r\nConnection: close\r\n\r\n"
        ]

    @pytest.mark.parametrize(
        "octets",
        [
            b"HTTP/1.0 200 OK\r\nContent-Type: Text/Plain; charset=utf-8\r\n\r\n" + POLICY,
            b"HTTP/1.1 200\r\ncontent-type:text/plain\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"5;x=y\r\n" + POLICY[:5] + b"\r\n%x\r\n" % (len(POLICY) - 5) + POLICY[5:] + b"\r\n0\r\n\r\n",
            b"HTTP/1.1 100 Continue\r\n\r\n" + page(POLICY),
            page(POLICY).replace(b"\r\nC", b"\nC"),
            page(POLICY) + b"surplus",
            [bytes((octet,)) for octet in page(POLICY)[:20]] + [page(POLICY)[20:]],
        ],
        ids=["to the end", "chunks", "continue", "bare LF", "surplus", "drop by drop"],
    )
    def test_forms_of_a_response(self, trusted, octets):
        assert fetched(trusted, octets) == Page("text/plain", POLICY)

    @pytest.mark.parametrize(
        ("octets", "cause"),
        [
            (page(b"", status="404 Not Found"), "HTTP status 404"),
            (page(POLICY, status="204 x"), "HTTP status 204"),
            (
                page(b"", status="301 Moved", fields="Location: https://evil.test/\r\n"),
                "HTTP status 301, senders follow no redirect",
            ),
            (page(b"x" * 65537), "more than 64 KiB"),
            (b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 70000, "more than 64 KiB"),
            (
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s" % (70000, b"x" * 70000),
                "more than 64 KiB",
            ),
            (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", "the HTTP response breaks off"),
            (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", "the HTTP response breaks off"),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc", "the HTTP response breaks off"),
            (b"", "the HTTP response breaks off"),
            (b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 9000, "no usable HTTP response: got more than 100 headers"),
            (
                b"HTTP/1.1 200 " + b"x" * 70000,
                "no usable HTTP response: got more than 65536 bytes when reading status line",
            ),
            (b"HTTP/2 200\r\n\r\n", "no HTTP response"),
            (b"220 mx ESMTP\r\n", "no HTTP response"),
        ],
    )
    def test_faults(self, trusted, octets, cause):
        assert fetched(trusted, octets) == Failure("policy", cause)

    def test_the_largest(self, trusted):
        assert len(fetched(trusted, page(b"x" * 65536)).body) == 65536

    @pytest.mark.parametrize(
        ("leaf", "kind", "cause"),
        [
            ("wrong_name", "name", "certificate is for other.example.test, not for mx1.example.test"),
            ("expired", "expired", "certificate expired 2 days ago"),
            ("selfsigned", "verify", "self-signed certificate"),
        ],
    )
    def test_certificates(self, trusted, leaf, kind, cause):
        with WebServer(trusted, {HOST: page(POLICY)}, leaves={HOST: getattr(trusted, leaf)}) as server:
            found = fetch(address_of(server.port))
        assert (found.kind, found.cause) == (kind, cause)
        assert server.requests == []

    def test_an_authority_that_is_not_the_systems(self, certs):
        with WebServer(certs, {HOST: page(POLICY)}) as server:
            assert fetch(address_of(server.port)).kind == "verify"

    def test_refused(self):
        with refusing_port() as port:
            found = fetch(address_of(port))
        assert (found.kind, found.cause) == ("refused", f"connection refused by 127.0.0.1 port {port}")

    def test_the_next_address(self, trusted):
        with refusing_port() as closed, WebServer(trusted, {HOST: page(POLICY)}) as server:
            assert fetch(address_of(closed), address_of(server.port)) == Page("text/plain", POLICY)

    def test_a_silent_address_has_its_share(self, trusted):
        with silent_port() as silent, WebServer(trusted, {HOST: page(POLICY)}) as server:
            began = time.monotonic()
            assert fetch(address_of(silent), address_of(server.port), seconds=1) == Page("text/plain", POLICY)
        assert 0.4 < time.monotonic() - began < 1

    def test_no_address(self):
        assert fetch() == Failure("notfound", "no address for mx1.example.test")

    @pytest.mark.parametrize("octets", [[b"x"] * 100, [page(b"x" * 100)[:-90]] + [b"x"] * 80], ids=["head", "body"])
    def test_slow(self, trusted, octets):
        began = time.monotonic()
        found = fetched(trusted, octets, seconds=0.4)
        assert (found.kind, found.cause) == ("timeout", "no answer from mx1.example.test for 0.4 s")
        assert time.monotonic() - began < 1.5

    def test_a_flood_ends_at_the_limit(self, trusted):
        found = fetched(trusted, b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 50_000_000)
        assert found == Failure("policy", "more than 64 KiB")

    def test_stop(self, trusted):
        told, tell = os.pipe()
        timer = threading.Timer(0.2, os.write, (tell, b"."))
        timer.start()
        began = time.monotonic()
        assert fetched(trusted, [b"x"] * 100, stop=told).kind == "timeout"
        assert time.monotonic() - began < 1.5
        timer.join()
        os.close(told)
        os.close(tell)
