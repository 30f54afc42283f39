"""Routes to hosts that are addresses, and the label each route has in the output."""

from __future__ import annotations

import re
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtp_status.findings import Address, Target
from smtp_status.net import routes
from smtp_status.net.routes import Survey, labelled, literal, reachable_first
from smtp_status.smtp.plan import Route


def address(host: str) -> Address:
    if host.startswith("/"):
        return Address(socket.AF_UNIX, host, host, 0)
    if ":" in host:
        return Address(socket.AF_INET6, (host, 25, 0, 0), host, 25)
    return Address(socket.AF_INET, (host, 25), host, 25)


def route(name: str, *hosts: str) -> Route:
    return Route(Target(name, tuple(map(address, hosts))))


def test_hosts_that_are_addresses_need_no_lookup():
    hosts = ("192.0.2.1", "2001:db8::1", "/run/lmtp")
    assert routes.to_addresses(hosts, 25, 0) == Survey(tuple(route(host, host) for host in hosts))


def test_one_name_among_them_does():
    assert routes.to_addresses(("192.0.2.1", "mx.example.org"), 25, 0) is None


def test_an_address_of_the_other_family_is_none():
    assert routes.to_addresses(("192.0.2.1",), 25, 6) is None


def test_one_for_each_host():
    found = labelled([route("mx1.test", "127.0.0.1", "127.0.0.2"), route("mx2.test", "127.0.0.3")], False)
    assert [(one.target.label, len(one.target.addresses)) for one in found] == [("mx1.test", 2), ("mx2.test", 1)]


def test_one_for_each_address():
    one = route("mx1.test", "127.0.0.1", "127.0.0.2")
    found = labelled([one], True)
    assert [each.target.label for each in found] == ["mx1.test_127.0.0.1", "mx1.test_127.0.0.2"]
    assert [each.target.addresses for each in found] == [one.target.addresses[:1], one.target.addresses[1:]]


@pytest.mark.parametrize(
    ("host", "label"),
    [("127.0.0.1", "127.0.0.1"), ("2001:db8::1", "2001-db8--1"), ("/run/lmtp", "-run-lmtp")],
)
def test_a_host_that_is_an_address_is_not_named_twice(host, label):
    (found,) = labelled([route(host, host)], True)
    assert found.target.label == label


def test_ipv6_in_labels():
    (found,) = labelled([route("mx1.test", "2001:db8::1")], True)
    assert found.target.label == "mx1.test_2001-db8--1"


@pytest.mark.parametrize("all_addresses", [True, False])
def test_one_without_addresses(all_addresses):
    (found,) = labelled([route("mx1.test")], all_addresses)
    assert (found.target.label, found.target.addresses) == ("mx1.test", ())


@pytest.mark.parametrize(
    ("wanted", "labels"),
    [
        (["mx1.test", "mx1.test"], ("mx1.test", "mx1.test-2")),
        (["a|b", "a b", "a-b"], ("a-b", "a-b-2", "a-b-3")),
        (["a-b", "a|b", "a-b-2"], ("a-b", "a-b-2", "a-b-2-2")),
        (["::1", "", "mx.test."], ("--1", "-", "mx.test")),
    ],
)
def test_labels(wanted, labels):
    assert routes.labels(wanted) == labels


@given(st.lists(st.text("ab-:|é\n.", max_size=4), max_size=12))
def test_labels_are_lawful_and_unique(wanted):
    labels = routes.labels(wanted)
    assert len(set(labels)) == len(wanted)
    assert all(re.fullmatch(r"[A-Za-z0-9_.-]+", label) for label in labels)


def ipv4(text: str) -> Address:
    return Address(socket.AF_INET, (text, 25), text, 25)


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("192.0.2.1", ipv4("192.0.2.1")),
        ("2001:db8::1", Address(socket.AF_INET6, ("2001:db8::1", 25, 0, 0), "2001:db8::1", 25)),
        ("/run/lmtp", Address(socket.AF_UNIX, "/run/lmtp", "/run/lmtp", 0)),
        ("fe80::1%lo", Address(socket.AF_INET6, ("fe80::1", 25, 0, socket.if_nametoindex("lo")), "fe80::1", 25)),
        ("mx.example.org", None),
        ("192.0.2.256", None),
        ("grün.example", None),
        ("fe80::1%nosuchif0", None),
    ],
)
def test_literal(host, address):
    assert literal(host, 25, 0) == address


@pytest.mark.parametrize(("family", "host"), [(4, "2001:db8::1"), (6, "192.0.2.1")])
def test_literal_of_the_other_family(family, host):
    assert literal(host, 25, family) is None


def test_each_address_once():
    """The system's resolver gives one entry for each line of /etc/hosts and each kind of socket."""
    found = routes.addresses("127.0.0.1", 25, 0)
    assert found == (ipv4("127.0.0.1"),)


def test_unreachable_addresses_come_last(monkeypatch):
    given = tuple(map(ipv4, ("127.0.0.1", "127.0.0.2", "127.0.0.3")))
    monkeypatch.setattr(routes, "_unreachable", lambda address: address.text == "127.0.0.1")
    assert [address.text for address in reachable_first(given)] == ["127.0.0.2", "127.0.0.3", "127.0.0.1"]


def test_no_route():
    good, bad = ipv4("127.0.0.1"), ipv4("255.255.255.255")
    assert reachable_first((bad, good)) == (good, bad)


def test_an_only_address_is_not_asked_for(monkeypatch):
    monkeypatch.setattr(routes, "_unreachable", lambda _address: pytest.fail("a socket was made"))
    assert reachable_first((ipv4("192.0.2.1"),)) == (ipv4("192.0.2.1"),)
