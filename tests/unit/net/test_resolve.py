"""Names to addresses: in time, whatever the resolver does."""

from __future__ import annotations

import errno
import os
import re
import socket
import threading
import time
from types import SimpleNamespace

import pytest

from helpers.descriptors import none_left_open
from smtp_status.findings import Address, Failure, Target
from smtp_status.net import resolve, routes
from smtp_status.net.clock import Deadline
from smtp_status.net.resolve import look_up, of_hosts
from smtp_status.net.routes import Survey, literal, to_addresses
from smtp_status.smtp.plan import Route

LATE = 0.5


def find(*names: str, port: int = 25, family: int = 0, seconds: float = 5.0):
    return look_up(names, port, family, Deadline(seconds), None)


@pytest.fixture
def resolver(monkeypatch):
    """What getaddrinfo() is to do for names: a dict of functions; addresses go the usual way."""
    names: dict = {"asked": []}
    real = routes.socket.getaddrinfo

    def getaddrinfo(host, port, family, *others):
        if others[-1] & socket.AI_NUMERICHOST:
            return real(host, port, family, *others)
        names["asked"].append((host, family))
        return names[host.decode()](port)

    stand_in = SimpleNamespace(**{**vars(routes.socket), "getaddrinfo": getaddrinfo})
    monkeypatch.setattr(routes, "socket", stand_in)
    return names


def entry(text: str, port: int):
    if ":" in text:
        return (socket.AF_INET6, socket.SOCK_STREAM, 6, "", (text, port, 0, 0))
    return (socket.AF_INET, socket.SOCK_STREAM, 6, "", (text, port))


def answers(*texts: str, after: float = 0.0):
    def answer(port):
        time.sleep(after)
        return [entry(text, port) for text in texts]

    return answer


def fails(number: int, words: str = "words"):
    def fail(_port):
        raise socket.gaierror(number, words)

    return fail


def test_an_address_that_is_none(resolver):
    """What a resolver that blocks says: to connect would ask this machine."""
    resolver["blocked.example.org"] = answers("0.0.0.0", "::")
    resolver["mx.example.org"] = answers("::", "192.0.2.1")
    blocked, fine = find("blocked.example.org", "mx.example.org")
    assert (blocked.addresses, blocked.failure) == ((), Failure("nodata", "no address: 0.0.0.0 is none"))
    assert [address.text for address in fine.addresses] == ["192.0.2.1"]


# -- without the resolver


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("192.0.2.1", Address(socket.AF_INET, ("192.0.2.1", 25), "192.0.2.1", 25)),
        ("2001:db8::1", Address(socket.AF_INET6, ("2001:db8::1", 25, 0, 0), "2001:db8::1", 25)),
        ("/run/lmtp", Address(socket.AF_UNIX, "/run/lmtp", "/run/lmtp", 0)),
    ],
)
def test_numbers_and_paths(resolver, host, address):
    there = Survey((Route(Target(host, (address,))),))
    assert to_addresses([host], 25, 0) == of_hosts([host], 25, 0, Deadline(5.0), None) == there
    assert resolver["asked"] == []


def test_names_are_for_the_resolver(resolver):
    assert literal("mx.example.org", 25, 0) is None
    assert to_addresses(["192.0.2.1", "mx.example.org"], 25, 0) is None
    assert resolver["asked"] == []


def test_no_thread_where_no_name_is(resolver):
    before = threading.active_count()
    of_hosts(["192.0.2.1", "/run/lmtp"], 25, 0, Deadline(5.0), None)
    assert threading.active_count() == before


# -- with it


def test_name(resolver):
    resolver["mx.example.org"] = answers("2001:db8::1", "192.0.2.1", "2001:db8::1", after=0.05)
    (lookup,) = find("mx.example.org", port=2525)
    assert [address.text for address in lookup.addresses] == ["2001:db8::1", "192.0.2.1"]
    assert [address.port for address in lookup.addresses] == [2525, 2525]
    assert lookup.addresses[0].sockaddr == ("2001:db8::1", 2525, 0, 0)
    target = lookup.route().target
    assert target.addresses == lookup.addresses
    assert target.dns_seconds is not None
    assert 0.05 <= target.dns_seconds < 0.05 + LATE


@pytest.mark.parametrize(("family", "number"), [(0, socket.AF_UNSPEC), (4, socket.AF_INET), (6, socket.AF_INET6)])
def test_family_is_asked_for(resolver, family, number):
    resolver["mx"] = answers("192.0.2.1")
    find("mx", family=family)
    assert resolver["asked"] == [(b"mx", number)]


def test_localhost_is_looked_up_by_the_system():
    (lookup,) = find("localhost", family=4)
    assert [address.text for address in lookup.addresses] == ["127.0.0.1"]
    assert lookup.seconds is not None


@pytest.mark.parametrize(
    ("number", "kind", "cause"),
    [
        (socket.EAI_NONAME, "notfound", "no such host"),
        (socket.EAI_NODATA, "notfound", "the name has no address"),
        (socket.EAI_ADDRFAMILY, "notfound", "the name has no address"),
        (socket.EAI_AGAIN, "unreachable", "the resolver fails for now"),
        (socket.EAI_FAIL, "unreachable", "the resolver fails: words"),
    ],
)
def test_failures(resolver, number, kind, cause):
    resolver["mx"] = fails(number)
    (lookup,) = find("mx")
    assert lookup.failure == Failure(kind, cause)
    assert lookup.addresses == ()
    assert lookup.seconds is not None
    assert lookup.route().target.addresses == ()


@pytest.mark.parametrize("number", [socket.EAI_NONAME, socket.EAI_NODATA, socket.EAI_ADDRFAMILY])
@pytest.mark.parametrize(("family", "other"), [(4, "2001:db8::1"), (6, "192.0.2.1")])
def test_a_name_of_the_other_family_only(resolver, number, family, other):
    attempts = iter([fails(number), answers(other)])

    def answer(port):
        return next(attempts)(port)

    resolver["mx"] = answer
    (lookup,) = find("mx", family=family)
    assert lookup.failure == Failure("notfound", f"no IPv{family} address, only {other}")
    assert [asked for _host, asked in resolver["asked"]] == [{4: socket.AF_INET, 6: socket.AF_INET6}[family], 0]


def test_no_name_of_any_family(resolver):
    resolver["mx"] = fails(socket.EAI_NONAME)
    (lookup,) = find("mx", family=4)
    assert lookup.failure == Failure("notfound", "no such host")


def test_name_that_cannot_be_one(resolver):
    (lookup,) = find("grün.example")
    assert lookup.failure is not None
    assert lookup.failure.kind == "notfound"


# -- time


def test_a_resolver_that_does_not_answer(resolver):
    resolver["mx"] = answers("192.0.2.1", after=0.7)
    began = time.monotonic()
    (lookup,) = find("mx", seconds=0.2)
    waited = time.monotonic() - began
    assert 0.2 <= waited < 0.2 + LATE
    assert lookup.failure is not None
    assert lookup.failure.kind == "timeout"
    assert re.fullmatch(r"no answer from the resolver for 0\.[2-7] s", lookup.failure.cause)
    assert lookup.route().target.addresses == ()
    assert lookup.seconds is None


def test_names_are_looked_up_at_the_same_time(resolver):
    hosts = [f"mx{number}" for number in range(20)]
    for number, host in enumerate(hosts):
        resolver[host] = answers(f"192.0.2.{number}", after=0.1)
    began = time.monotonic()
    lookups = find(*hosts)
    assert time.monotonic() - began < 0.1 + LATE
    assert [lookup.addresses[0].text for lookup in lookups] == [f"192.0.2.{number}" for number in range(20)]


def test_one_that_is_silent_does_not_take_the_others_with_it(resolver):
    resolver["good"] = answers("192.0.2.1")
    resolver["silent"] = answers("192.0.2.2", after=0.7)
    good, number, silent = of_hosts(["good", "192.0.2.3", "silent"], 25, 0, Deadline(0.2), None).routes
    assert [address.text for address in good.target.addresses] == ["192.0.2.1"]
    assert good.target.dns_seconds is not None
    assert [address.text for address in number.target.addresses] == ["192.0.2.3"]
    assert number.target.dns_seconds is None
    assert (silent.target.host, silent.target.addresses) == ("silent", ())
    assert [(finding.stage, finding.kind) for finding in silent.findings] == [("dns", "timeout")]


def test_stop(resolver):
    resolver["mx"] = answers("192.0.2.1", after=0.7)
    readable, writable = os.pipe()
    os.write(writable, b"x")
    deadline = Deadline(5.0)
    began = time.monotonic()
    (lookup,) = look_up(["mx"], 25, 0, deadline, readable)
    assert time.monotonic() - began < LATE
    assert lookup.failure is not None
    assert lookup.failure.kind == "timeout"
    assert deadline.passed()
    assert os.read(readable, 10) == b"x"
    os.close(readable)
    os.close(writable)


def test_no_descriptor_is_left_open(resolver):
    resolver["mx"] = answers("192.0.2.1")
    with none_left_open():
        find("mx")


def test_memory_that_is_not_there_says_nothing_of_the_name(resolver):
    resolver["mx1.example"] = fails(socket.EAI_MEMORY)
    (lookup,) = find("mx1.example")
    with pytest.raises(OSError, match=os.strerror(errno.ENOMEM)):
        lookup.route()


def test_a_resolver_without_a_descriptor_says_nothing_of_the_name(resolver, monkeypatch):
    def no_pipe():
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    def answer(port):
        # From here on there is none, for whoever asks why.
        monkeypatch.setattr(resolve.os, "pipe", no_pipe)
        return fails(socket.EAI_NONAME)(port)

    resolver["mx1.example"] = answer
    (lookup,) = find("mx1.example")
    with pytest.raises(OSError, match=os.strerror(errno.EMFILE)):
        lookup.route()
