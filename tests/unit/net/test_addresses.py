"""What is an address itself, and which of several are tried first."""

from __future__ import annotations

import socket

import pytest

from smtp_status.findings import Address
from smtp_status.net import addresses
from smtp_status.net.addresses import literal, reachable_first


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
    found = addresses.addresses("127.0.0.1", 25, 0)
    assert found == (ipv4("127.0.0.1"),)


def test_unreachable_addresses_come_last(monkeypatch):
    given = tuple(map(ipv4, ("127.0.0.1", "127.0.0.2", "127.0.0.3")))
    monkeypatch.setattr(addresses, "_unreachable", lambda address: address.text == "127.0.0.1")
    assert [address.text for address in reachable_first(given)] == ["127.0.0.2", "127.0.0.3", "127.0.0.1"]


def test_no_route():
    good, bad = ipv4("127.0.0.1"), ipv4("255.255.255.255")
    assert reachable_first((bad, good)) == (good, bad)


def test_an_only_address_is_not_asked_for(monkeypatch):
    monkeypatch.setattr(addresses, "_unreachable", lambda _address: pytest.fail("a socket was made"))
    assert reachable_first((ipv4("192.0.2.1"),)) == (ipv4("192.0.2.1"),)
