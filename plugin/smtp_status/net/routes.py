"""Where a run goes: the addresses of its hosts, its targets, and what is known of each before anybody connects."""

from __future__ import annotations

import _socket as socket  # as in connection.py
import re

from ..findings import Address, Finding, StageTime, Target
from ..record import NamedTuple
from ..smtp.plan import Route

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


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
        Address(kind, sockaddr, str(sockaddr[0]), int(sockaddr[1]))  # type: ignore[arg-type] # IPv4 or IPv6
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


class Survey(NamedTuple):
    """All routes of a run and, with a mail domain, what was found out about the domain itself.

    ``times``: of the domain's own stages.  ``notes``: words for the sentence of success.  ``details``: lines for
    ``-v``.
    """

    routes: tuple[Route, ...]
    findings: tuple[Finding, ...] = ()
    times: tuple[StageTime, ...] = ()
    notes: tuple[str, ...] = ()
    details: tuple[str, ...] = ()


def to_addresses(hosts: Iterable[str], port: int, family: int) -> Survey | None:
    """The routes to the hosts the user named, where none of them is a name; else None."""
    routes = []
    for host in hosts:
        address = literal(host, port, family)
        if address is None:
            return None
        routes.append(Route(Target(host, (address,))))
    return Survey(tuple(routes))


def labelled(routes: Iterable[Route], all_addresses: bool) -> tuple[Route, ...]:
    """The routes, each with a label of its own; one for each address with ``all_addresses``."""

    single: list[tuple[str, Route]] = []
    for route in routes:
        target = route.target
        if not all_addresses or not target.addresses:
            single.append((target.host, route))
            continue
        for address in target.addresses:
            # A socket's path is its host already.
            wanted = f"{target.host}_{address.text}" if address.port and address.text != target.host else target.host
            apart = address.text if len(target.addresses) > 1 else ""
            single.append((wanted, route._replace(target=target._replace(addresses=(address,), apart=apart))))
    made = labels(wanted for wanted, _ in single)
    return tuple(route._replace(target=route.target._replace(label=label)) for label, (_, route) in zip(made, single))


_NOT_IN_LABELS = r"[^A-Za-z0-9_.-]"  # text: most checks have one target, and need no pattern


def labels(wanted: Iterable[str]) -> tuple[str, ...]:
    """Labels made of ``wanted``, each of ``A-Za-z0-9_.-`` only and each once, in their order."""
    taken: set[str] = set()
    made = []
    for text in wanted:
        label = plain = re.sub(_NOT_IN_LABELS, "-", text.rstrip(".")) or "-"
        number = 1
        while label in taken:
            number += 1
            label = f"{plain}-{number}"
        taken.add(label)
        made.append(label)
    return tuple(made)
