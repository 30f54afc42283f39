"""A policy over HTTPS: what is fetched from whom, and every way it can fail."""

from __future__ import annotations

import os
import re
import socket
import threading
import time

import pytest

from servers.ports import refusing_port, silent_port
from servers.web import PATH, WebServer, page, policy
from smtp_status.findings import Address, Failure
from smtp_status.maildomain import https, mtasts
from smtp_status.maildomain.codec import Query
from smtp_status.maildomain.https import Page
from smtp_status.net.clock import Deadline
from smtp_status.tls import context

QUERY = Query("_mta-sts.example.test", "TXT")
POLICY = policy("mx1.example.test", "*.example.org")


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
            b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n" + page(POLICY),
            b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 199 x\r\n\r\n" + page(POLICY),
            page(POLICY).replace(b"\r\nC", b"\nC"),
            page(POLICY) + b"surplus",
            [bytes((octet,)) for octet in page(POLICY)[:20]] + [page(POLICY)[20:]],
        ],
        ids=["to the end", "chunks", "continue", "early hints", "interim", "bare LF", "surplus", "drop by drop"],
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
            ("expired", "expired", "certificate expired 42 hours ago"),
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
            assert fetch(address_of(silent), address_of(server.port), seconds=3) == Page("text/plain", POLICY)
        assert 1.2 < time.monotonic() - began < 3

    def test_no_address(self):
        assert fetch() == Failure("notfound", "no address for mx1.example.test")

    @pytest.mark.parametrize("octets", [[b"x"] * 100, [page(b"x" * 100)[:-90]] + [b"x"] * 80], ids=["head", "body"])
    def test_slow(self, trusted, octets):
        began = time.monotonic()
        found = fetched(trusted, octets, seconds=0.4)
        assert found.kind == "timeout"
        assert re.fullmatch(r"no answer from mx1\.example\.test for [01]\.\d s", found.cause)
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
