"""Routes to hosts that are addresses, and the label each route has in the output."""

from __future__ import annotations

import re
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtp_status.findings import Address, Target
from smtp_status.net import routes
from smtp_status.net.routes import Survey, labelled
from smtp_status.smtp.route import Route


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
