"""What the system makes of hosts: addresses in the order to try them."""

from __future__ import annotations

import _socket as socket  # as in connection.py

from ..findings import Address

_FAMILIES = {0: socket.AF_UNSPEC, 4: socket.AF_INET, 6: socket.AF_INET6}


def literal(host: str, port: int, family: int) -> Address | None:
    """The address of a host that is one itself, or the path of a unix socket; None for a name."""
    if host.startswith("/"):
        return Address(socket.AF_UNIX, host, host, 0)
    try:
        return addresses(host, port, family, socket.AI_NUMERICHOST)[0]
    except (OSError, ValueError):
        return None


def addresses(host: str, port: int, family: int, flags: int = 0) -> tuple[Address, ...]:
    """What the system makes of a host, each address once; without AI_NUMERICHOST that takes as long as it takes.

    In the resolver's order, which is the one of RFC 6724.  Raises OSError (socket.gaierror), and ValueError for what
    is not ASCII.
    """
    # As octets: a str would import encodings.idna inside the time that is measured.
    found = socket.getaddrinfo(
        host.encode("ascii"), port, _FAMILIES[family], socket.SOCK_STREAM, socket.IPPROTO_TCP, flags
    )
    unique = dict.fromkeys((kind, sockaddr) for kind, _type, _protocol, _name, sockaddr in found)
    return tuple(
        Address(kind, sockaddr, str(sockaddr[0]), int(sockaddr[1]))  # type: ignore[arg-type]
        for kind, sockaddr in unique
    )


def reachable_first(addresses: tuple[Address, ...]) -> tuple[Address, ...]:
    """The addresses this machine has a route to before the others, else in their order (RFC 6724 section 6, rule 1).

    The system's resolver sorts so; who asks the DNS has to.  Nothing is sent.
    """
    return tuple(sorted(addresses, key=_unreachable)) if len(addresses) > 1 else addresses


def _unreachable(address: Address) -> bool:
    try:
        probe = socket.socket(address.family, socket.SOCK_DGRAM)
        try:
            probe.connect(address.sockaddr)
        finally:
            probe.close()
    except OSError:
        return True
    return False
