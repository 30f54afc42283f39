"""Where a run goes: its targets, and what is known of each before anybody connects."""

from __future__ import annotations

from .model import Finding, StageTime, Target
from .record import NamedTuple
from .resolve import look_up

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from .engine import Deadline
    from .policy import Policy
    from .settings import Settings


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


def of_hosts(settings: Settings, deadline: Deadline, stop: int | None) -> Survey:
    """The routes to the hosts the user named, through the system's resolver."""
    lookups = look_up(settings.hosts, settings.port, settings.family, deadline, stop)
    routes = []
    for lookup in lookups:
        failure = lookup.failure
        found = () if failure is None else (Finding("dns", failure.kind, cause=failure.cause),)
        routes.append(Route(lookup.target(), found))
    return Survey(tuple(routes))


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
