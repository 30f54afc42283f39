"""What one check costs, beside what it cannot do without and beside its peers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from commands import Command, Commands, Place, present
from cost import Series, Spender, instructions, ratio
from proof import prove
from table import Table

from helpers import runs
from servers.certs import Certs
from servers.fakedns import FakeDns, one_exchanger
from servers.steady import SteadyServer

PLUGIN, PLUGIN_TLS = "**plugin**", "**plugin**, STARTTLS verified"

_COUNTERPARTS = {
    "swaks": PLUGIN,
    "swaks --tls (verifies nothing, reads the system's CAs)": PLUGIN_TLS,
    "swaks --tls, verified by the same single CA": PLUGIN_TLS,
    "smtplib, nothing else": PLUGIN,
    "check_smtp (C), empty message": PLUGIN,
    "smtp-source (C)": PLUGIN,
}
"""Each peer, and what of the plugin it is compared with."""


class Spendings(NamedTuple):
    """By the name of the command: what its runs spent, and the instructions of those that were counted."""

    series: dict[str, Series]
    instructions: dict[str, int]


class Price:
    """Whole processes, ``rounds`` of each in turn, against a server that proves the work.

    ``counted``: of how many commands of a table valgrind counts the instructions (a few seconds each).
    """

    def __init__(
        self, commands: Commands, spender: Spender, certs: Certs, *, rounds: int, counted: int | None = None
    ) -> None:
        self._commands = commands
        self._spender = spender
        self._certs = certs
        self._rounds = rounds
        self._counted = counted

    def message(self) -> Table:
        """One message to one server: the plugin and its peers."""

        def compared(place: Place) -> dict[str, Command | None]:
            make = self._commands
            peers = (
                make.swaks(place),
                make.swaks(place, tls=True),
                make.swaks(place, tls=True, verified=True),
                make.smtplib(place),
                make.check_smtp(place),
                make.smtp_source(place),
            )
            return {
                runs.FLOOR: make.floor(),
                PLUGIN: make.plugin(place),
                PLUGIN_TLS: make.plugin(place, tls=True),
                **dict(zip(_COUNTERPARTS, peers)),
            }

        spent = self._spend(compared)
        rows = [
            [name, *_beside_floor(spent, name, runs.FLOOR), *_beside_peer(spent, name), f"{series.memory:.0f}"]
            for name, series in spent.series.items()
        ]
        head = ["whole process, one message", "CPU, import = 1", "instructions, import = 1"]
        return Table([*head, "plugin's CPU / its", "plugin's instructions / its", "MiB"], rows)

    def domain(self) -> Table:
        """One message to the exchanger of a domain, which has a TLSA record that matches."""
        with FakeDns(one_exchanger(self._certs.good.crt)) as dns:
            nameserver = f"{dns.host}:{dns.port}"
            spent = self._spend(
                lambda place: {
                    runs.DOMAIN_FLOOR: self._commands.domain_floor(),
                    f"{PLUGIN}, -d": self._commands.domain(place, nameserver),
                    f"{PLUGIN}, -d --dane try": self._commands.domain(place, nameserver, dane=True),
                }
            )
        rows = [
            [name, *_beside_floor(spent, name, runs.DOMAIN_FLOOR), f"{series.memory:.0f}"]
            for name, series in spent.series.items()
        ]
        head = ["whole process, one message to a domain's one exchanger", "CPU, import = 1"]
        return Table([*head, "instructions, import = 1", "MiB"], rows)

    def _spend(self, compared: Callable[[Place], Mapping[str, Command | None]]) -> Spendings:
        with SteadyServer((self._certs.good.crt, self._certs.good.key), host="0.0.0.0") as server:  # 127.0.0.2 too
            commands = present(compared(Place("127.0.0.1", server.port, self._certs.ca)))
            series = self._spender.interleaved(commands, self._rounds)
            counts = {name: instructions(commands[name]) for name in list(commands)[: self._counted]}
        counted = {name: count for name, count in counts.items() if count is not None}
        prove(server.counts, [*list(commands.values()) * self._rounds, *(commands[name] for name in counted)])
        return Spendings(series, counted)


def _beside_floor(spent: Spendings, name: str, floor: str) -> tuple[str, str]:
    """CPU and instructions in those of the imports."""
    return str(ratio(spent.series[name], spent.series[floor])), _quotient(spent, name, floor)


def _beside_peer(spent: Spendings, name: str) -> tuple[str, str]:
    """CPU and instructions of the plugin in those of a peer; empty for what is no peer."""
    if name not in _COUNTERPARTS:
        return "", ""
    plugin = _COUNTERPARTS[name]
    return str(ratio(spent.series[plugin], spent.series[name])), _quotient(spent, plugin, name)


def _quotient(spent: Spendings, one: str, other: str) -> str:
    counted = spent.instructions
    return f"{counted[one] / counted[other]:.2f}" if one in counted and other in counted else "-"
