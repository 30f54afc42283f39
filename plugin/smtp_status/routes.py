"""Where a run goes: its targets, and what is known of each before anybody connects."""

from __future__ import annotations

import _socket as socket  # as in transport.py

from .model import Address, Finding, StageTime, Target
from .record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from .domains.policy import Policy
    from .settings import Settings

_FAMILIES = {0: socket.AF_UNSPEC, 4: socket.AF_INET, 6: socket.AF_INET6}


class Route(NamedTuple):
    """The way to one target; without addresses it ends here, and ``findings`` say why."""

    target: Target
    findings: tuple[Finding, ...] = ()
    policy: Policy | None = None


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


def to_addresses(settings: Settings) -> Survey | None:
    """The routes to the hosts the user named, where none of them is a name; else None."""
    routes = []
    for host in settings.hosts:
        address = literal(host, settings.port, settings.family)
        if address is None:
            return None
        routes.append(Route(Target(host, (address,))))
    return Survey(tuple(routes))


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


def labelled(routes: Iterable[Route], all_addresses: bool) -> tuple[Route, ...]:
    """The routes, each with a label of its own; one for each address with ``all_addresses``."""
    from .targets import labels  # noqa: PLC0415 - most checks have one target

    single: list[tuple[str, Route]] = []
    for route in routes:
        target = route.target
        if not all_addresses or not target.addresses:
            single.append((target.host, route))
            continue
        for address in target.addresses:
            # A socket's path is its host already.
            wanted = f"{target.host}_{address.text}" if address.port and address.text != target.host else target.host
            single.append((wanted, route._replace(target=target._replace(addresses=(address,)))))
    made = labels(wanted for wanted, _ in single)
    return tuple(route._replace(target=route.target._replace(label=label)) for label, (_, route) in zip(made, single))
