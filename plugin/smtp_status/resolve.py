"""Names to addresses through the system's resolver, never later than the deadline.

getaddrinfo() cannot be interrupted, neither by a signal nor by a timer, so each name has a thread of its own.
"""

from __future__ import annotations

import _socket as socket  # as in transport.py

from . import background, clock
from .model import Address, Failure, Target

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .engine import Deadline

_FAMILIES = {0: socket.AF_UNSPEC, 4: socket.AF_INET, 6: socket.AF_INET6}


class Lookup:
    """The addresses of one host: ``addresses`` or ``failure`` once ``done``."""

    def __init__(self, host: str, port: int, family: int) -> None:
        self.host = host
        self.port = port
        self.addresses: tuple[Address, ...] = ()
        self.failure: Failure | None = None
        self.seconds: float | None = None
        """How long the resolver was asked, None where it was not."""
        self.done = False
        self._family = _FAMILIES[family]
        self._began = clock.now()

    def target(self) -> Target:
        """The host with its addresses."""
        return Target(self.host, self.addresses, dns_seconds=self.seconds)

    def without_resolver(self) -> bool:
        """Try the host as a path or a numeric address; whether it is one."""
        if self.host.startswith("/"):
            self.addresses = (Address(socket.AF_UNIX, self.host, self.host, 0),)
            self.done = True
        else:
            self._ask(socket.AI_NUMERICHOST)
            self.done = self.failure is None
            self.failure = None
        return self.done

    def ask_resolver(self) -> None:
        """Ask the system's resolver; takes as long as it takes."""
        self._ask(0)
        self.seconds = clock.seconds_between(self._began, clock.now())
        self.done = True

    def give_up(self) -> None:
        """The time is up."""
        waited = clock.seconds_between(self._began, clock.now())
        self.failure = Failure("timeout", f"no answer from the resolver for {waited:.1f} s", waited=waited)

    def _ask(self, flags: int) -> None:
        # As octets: a str would import encodings.idna inside the time that is measured.
        try:
            found = socket.getaddrinfo(
                self.host.encode("ascii"), self.port, self._family, socket.SOCK_STREAM, socket.IPPROTO_TCP, flags
            )
        except socket.gaierror as error:
            self.failure = _failure(error)
        except (OSError, ValueError) as error:
            self.failure = Failure("notfound", f"the name cannot be looked up: {error}")
        else:
            # In the resolver's order, which is the one of RFC 6724.
            unique = dict.fromkeys((family, sockaddr) for family, _type, _protocol, _name, sockaddr in found)
            self.addresses = tuple(
                Address(family, sockaddr, str(sockaddr[0]), int(sockaddr[1]))  # type: ignore[arg-type]
                for family, sockaddr in unique
            )


def look_up(hosts: tuple[str, ...], port: int, family: int, deadline: Deadline, stop: int | None) -> list[Lookup]:
    """Look up all ``hosts`` at the same time, in their order.

    Ends at the deadline, or once the file descriptor ``stop`` is readable (and then ends the deadline too).
    """
    lookups = [Lookup(host, port, family) for host in hosts]
    asked = [lookup for lookup in lookups if not lookup.without_resolver()]
    if asked:
        background.run([lookup.ask_resolver for lookup in asked], deadline, stop)
    for lookup in asked:
        if not lookup.done:
            lookup.give_up()
    return lookups


def _failure(error: socket.gaierror) -> Failure:
    """The failure an error of getaddrinfo() means (RFC 3493 section 6.1)."""
    absent = {getattr(socket, name, None) for name in ("EAI_NODATA", "EAI_ADDRFAMILY", "EAI_FAMILY")}
    if error.errno == socket.EAI_NONAME:
        return Failure("notfound", "no such host")
    if error.errno in absent:
        return Failure("notfound", "the name has no address of the family asked for")
    if error.errno == socket.EAI_AGAIN:
        return Failure("unreachable", "the resolver fails for now")
    return Failure("unreachable", f"the resolver fails: {error.strerror}")
