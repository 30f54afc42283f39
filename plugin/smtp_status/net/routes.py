"""Where a run goes: its targets, and what is known of each before anybody connects."""

from __future__ import annotations

import re

from ..findings import Finding, StageTime, Target
from ..record import NamedTuple
from ..smtp.route import Route
from .addresses import literal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


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
            single.append((wanted, route._replace(target=target._replace(addresses=(address,)))))
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
