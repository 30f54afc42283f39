"""Names to addresses through the system's resolver, never later than the deadline.

getaddrinfo() cannot be interrupted, neither by a signal nor by a timer, so each name has a thread of its own.
"""

from __future__ import annotations

import _socket as socket  # as in net/connection.py
import errno
import os

from ..findings import Failure, Finding, Target
from ..smtp.plan import Route
from . import clock, threads
from .connection import SHORTAGES
from .routes import Survey, addresses, literal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ..findings import Address
    from .clock import Deadline


_DESCRIPTORS = 6
"""Descriptors that the C library needs at the same time to look up a name."""

_ABSENT = frozenset(
    getattr(socket, name, None) for name in ("EAI_NONAME", "EAI_NODATA", "EAI_ADDRFAMILY", "EAI_FAMILY")
)


class Lookup:
    """The addresses of one name: ``addresses`` or ``failure`` once ``done``."""

    def __init__(self, name: str, port: int, family: int) -> None:
        self.name = name
        self.addresses: tuple[Address, ...] = ()
        self.failure: Failure | None = None
        self.seconds: float | None = None
        """How long the resolver was asked, None where it has not answered."""
        self.done = False
        self.shortage: OSError | None = None
        """What this machine has none left of, which says nothing about the name."""
        self._port = port
        self._family = family
        self._began = clock.now()

    def route(self) -> Route:
        """The way to the name's addresses, or what is in the way.  Raises OSError for a shortage of this machine's."""
        if self.shortage is not None:
            raise self.shortage
        target = Target(self.name, self.addresses, dns_seconds=self.seconds)
        failure = self.failure
        return Route(target, () if failure is None else (Finding("dns", failure.kind, cause=failure.cause),))

    def ask(self) -> None:
        """Ask the system's resolver; takes as long as it takes."""
        try:
            found = addresses(self.name, self._port, self._family)
            self.addresses = tuple(address for address in found if not address.unspecified)
            if not self.addresses:
                self.failure = Failure("nodata", f"no address: {found[0].text} is none")
        except socket.gaierror as error:
            self.shortage = _shortage_behind(error)
            self.failure = self._of_other_family(error) or _failure(error)
        except (OSError, ValueError) as error:
            if isinstance(error, OSError) and error.errno in SHORTAGES:
                self.shortage = error
            self.failure = Failure("notfound", f"the name cannot be looked up: {error}")
        self.seconds = clock.seconds_between(self._began, clock.now())
        self.done = True

    def _of_other_family(self, error: socket.gaierror) -> Failure | None:
        """The failure of a name that exists, but has no address of the family asked for.

        The C library says of it that there is no such name, and says so of a name that does not exist.
        """
        if not self._family or error.errno not in _ABSENT:
            return None
        try:
            others = addresses(self.name, self._port, 0)
        except (OSError, ValueError):
            return None
        return Failure("notfound", f"no IPv{self._family} address, only {others[0].text}")

    def answered_as(self, other: Lookup) -> None:
        """Take what ``other``, which is done and asks for the same, has found; our own time counts."""
        self.addresses, self.failure, self.shortage = other.addresses, other.failure, other.shortage
        self.seconds = clock.seconds_between(self._began, clock.now())
        self.done = True

    def give_up(self) -> None:
        """The time is up."""
        waited = clock.seconds_between(self._began, clock.now())
        self.failure = Failure("timeout", f"no answer from the resolver for {waited:.1f} s", waited=waited)


def _shortage_behind(error: socket.gaierror) -> OSError | None:
    """What this machine has none left of: the C library says of a resolver it had no descriptor for that there is no
    such name, or that it fails for now."""
    if error.errno == socket.EAI_MEMORY:
        return OSError(errno.ENOMEM, os.strerror(errno.ENOMEM))
    taken: list[int] = []
    try:
        for _ in range(_DESCRIPTORS // 2):
            taken += os.pipe()
    except OSError as shortage:
        return shortage
    finally:
        for descriptor in taken:
            os.close(descriptor)
    return None


def of_hosts(hosts: Iterable[str], port: int, family: int, deadline: Deadline, stop: int | None) -> Survey:
    """The routes to the hosts the user named; those that are addresses or paths already are not looked up.

    Ends at the deadline, or once the file descriptor ``stop`` is readable (and then ends the deadline too).
    """
    known = {host: literal(host, port, family) for host in hosts}
    names = [host for host, address in known.items() if address is None]
    return of_lookups(known, look_up(names, port, family, deadline, stop))


def of_lookups(known: Mapping[str, Address | None], lookups: Iterable[Lookup]) -> Survey:
    """The routes to hosts; ``known`` are the addresses of those that are one, the others were looked up in their
    order."""
    looked_up = iter(lookups)
    return Survey(
        tuple(
            next(looked_up).route() if address is None else Route(Target(host, (address,)))
            for host, address in known.items()
        )
    )


def look_up(names: Iterable[str], port: int, family: int, deadline: Deadline, stop: int | None) -> list[Lookup]:
    """Look up all ``names`` at the same time, in their order; ends as ``of_hosts`` does."""
    lookups = [Lookup(name, port, family) for name in names]
    threads.run_in_threads([lookup.ask for lookup in lookups], deadline, stop)
    for lookup in lookups:
        if not lookup.done:
            lookup.give_up()
    return lookups


def _failure(error: socket.gaierror) -> Failure:
    """The failure an error of getaddrinfo() means (RFC 3493 section 6.1)."""
    if error.errno == socket.EAI_NONAME:
        return Failure("notfound", "no such host")
    if error.errno in _ABSENT:
        return Failure("notfound", "the name has no address")
    if error.errno == socket.EAI_AGAIN:
        return Failure("unreachable", "the resolver fails for now")
    return Failure("unreachable", f"the resolver fails: {error.strerror}")
