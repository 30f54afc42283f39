"""Which resolvers are asked, how patiently, and whether their word on DNSSEC counts.

Reads resolv.conf as resolv.conf(5) says; search lists do not matter here, since every name asked is complete.
"""

from __future__ import annotations

import socket

from ..findings import Address
from ..net.connection import SHORTAGES
from ..options import hosts
from ..record import NamedTuple

RESOLV_CONF = "/etc/resolv.conf"

PORT = 53

_MOST_SERVERS, _LONGEST_TIMEOUT, _MOST_ATTEMPTS = 3, 30, 5  # MAXNS, RES_MAXRETRANS and RES_MAXRETRY of glibc


class Resolver(NamedTuple):
    """The resolvers to ask, in order; each gets ``timeout`` seconds an attempt, and ``attempts`` of them.

    ``believed``: their AD bit counts, because nobody between them and us can set it: they are on loopback, or somebody
    vouches for the path (``--nameserver``, ``options trust-ad``).
    """

    servers: tuple[Address, ...]
    timeout: float = 5.0
    attempts: int = 2
    believed: bool = False


def named(literal: str, port: int = PORT) -> Resolver:
    """The one that ``--nameserver`` names."""
    return Resolver(_addresses(literal, port), believed=True)


def of_system(path: str = RESOLV_CONF) -> Resolver:
    """Those of this system; the one on loopback where the file names none or cannot be read."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return from_text(file.read())
    except OSError as error:
        if error.errno in SHORTAGES:
            raise
        return from_text("")


def from_text(text: str) -> Resolver:
    """The resolvers a resolv.conf names; lines and options that are not understood are passed over."""
    literals: list[str] = []
    options: dict[str, str] = {}
    for line in text.splitlines():
        word, *values = line.split("#")[0].split(";")[0].split() or [""]
        if word == "nameserver" and values and hosts.family(values[0]):
            literals.append(values[0])
        elif word == "options":
            options.update((name, number) for name, _colon, number in (value.partition(":") for value in values))
    literals = literals[:_MOST_SERVERS] or ["127.0.0.1"]
    return Resolver(
        tuple(address for literal in literals for address in _addresses(literal, PORT)),
        timeout=_number(options.get("timeout", ""), 5, _LONGEST_TIMEOUT),
        attempts=_number(options.get("attempts", ""), 2, _MOST_ATTEMPTS),
        believed="trust-ad" in options or all(map(hosts.is_loopback, literals)),
    )


def _number(text: str, otherwise: int, most: int) -> int:
    return min(max(int(text), 1), most) if text.isascii() and text.isdigit() else otherwise


def _addresses(literal: str, port: int) -> tuple[Address, ...]:
    """The one address of ``literal``, none where this machine does not know its interface (fe80::1%gone)."""
    try:
        found = socket.getaddrinfo(literal.encode("ascii"), port, 0, socket.SOCK_DGRAM, 0, socket.AI_NUMERICHOST)
    except OSError:
        return ()
    family, _type, _protocol, _name, sockaddr = found[0]
    return (Address(family, sockaddr, literal, port),)  # type: ignore[arg-type] # no other family has a port
