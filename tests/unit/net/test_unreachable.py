"""Why no connection came about: this host, somebody on the way, or an address that lacks its zone."""

from __future__ import annotations

import errno
import socket
import struct

import pytest

from smtp_status.findings import Address
from smtp_status.net.unreachable import explain

HERE = Address(socket.AF_INET, ("192.0.2.1", 25), "192.0.2.1", 25)
HERE6 = Address(socket.AF_INET6, ("2001:db8::1", 25, 0, 0), "2001:db8::1", 25)
PATH = Address(socket.AF_UNIX, "/run/lmtp", "/run/lmtp", 0)
FIREWALL = "a firewall rejects connections to 192.0.2.1 port 25 (ICMP: prohibited)"


class ErrorQueue:
    """A socket of which only the error queue is there: it holds what came with these ICMP types and codes."""

    def __init__(self, *messages: tuple[int, int]) -> None:
        self._messages = list(messages)

    def recvmsg(self, *_: int) -> tuple[bytes, list[tuple[int, int, bytes]], int, None]:
        if not self._messages:
            raise BlockingIOError
        kind, code = self._messages.pop(0)
        # struct sock_extended_err: number, origin (2 is ICMP), type, code, pad, info, data
        error = struct.pack("IBBBBII", errno.EHOSTUNREACH, 2, kind, code, 0, 0, 0)
        return b"", [(socket.IPPROTO_IP, 11, error)], 0, None


def said(code: int, address: Address = HERE, *messages: tuple[int, int], at_once: bool = False) -> str | None:
    failure = explain(code, address, ErrorQueue(*messages), at_once)  # type: ignore[arg-type]
    assert failure is None or failure.kind == "unreachable"
    return failure and failure.cause


@pytest.mark.parametrize("code", [9, 10, 13])
def test_a_firewall_on_the_way(code):
    assert said(errno.EHOSTUNREACH, HERE, (3, code)) == FIREWALL


@pytest.mark.parametrize("message", [(3, 0), (3, 1), (11, 13)])
def test_a_router_that_knows_no_way(message):
    assert said(errno.EHOSTUNREACH, HERE, message) is None


def test_nobody_on_the_way_where_connect_itself_failed():
    assert said(errno.EHOSTUNREACH, HERE, (3, 13), at_once=True) is None


@pytest.mark.parametrize("code", [errno.EACCES, errno.EPERM])
def test_this_host_may_not(code):
    assert said(code, at_once=True) == (
        "this host may not connect to 192.0.2.1 port 25: a prohibit route, its packet filter or SELinux"
    )


def test_icmpv6_has_a_number_of_its_own():
    assert said(errno.EACCES, HERE6) == FIREWALL.replace("192.0.2.1", "2001:db8::1")
    assert said(errno.EACCES, HERE) is None


def test_a_blackhole():
    assert said(errno.EINVAL) == "a blackhole route of this host swallows what goes to 192.0.2.1 port 25"


@pytest.mark.parametrize(("zone", "lacks"), [(0, True), (2, False)])
def test_an_address_without_its_zone(zone, lacks):
    address = Address(socket.AF_INET6, ("fe80::1", 25, 0, zone), "fe80::1", 25)
    words = said(errno.EINVAL, address)
    assert (words == "the link-local address fe80::1 has no zone, which interface to take") is lacks


def test_a_path_says_all_itself():
    assert said(errno.EACCES, PATH, at_once=True) is None
    assert said(errno.ECONNREFUSED) is None
