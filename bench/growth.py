"""How processor time grows with recipients, octets, EHLO lines and conversations."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from commands import RECIPIENT, SENDER, Command, Commands, Place, present
from cost import Grown, Series, Spender, ratio
from proof import prove
from table import Table

from servers.certs import Certs
from servers.steady import SteadyServer

Rounds = Mapping[int, int]
"""The sizes to measure, the least among them, and how many rounds of each."""

Clients = Callable[[Place, int], Mapping[str, "Command | None"]]
"""Makes the command of each client for a size; None is one that this machine has not got."""

_LINE = b64encode(bytes(range(57))) + b"\n"  # what most of a big message is: an attachment
_SHORT, _LINES = 1000, 5  # the least: octets of a message, lines in the reply to EHLO
_CLIENTS = ("plugin", "smtplib", "smtp-source")


class Growth:
    """Runs each client with much to do and with the least, in turn, against servers that prove the work."""

    def __init__(self, commands: Commands, spender: Spender, certs: Certs) -> None:
        self._commands = commands
        self._spender = spender
        self._certificate = (certs.good.crt, certs.good.key)
        self._authority = certs.ca
        self._directory = certs.directory

    def recipients(self, sizes: Rounds) -> Table:
        """By the number of recipients of a short message."""
        file = self._message(_SHORT)

        def clients(place: Place, count: int) -> dict[str, Command | None]:
            to = [f"b{number}@example.org" for number in range(count)]
            return {
                "plugin": self._commands.plugin(place, to=to, message=file),
                "smtplib": self._commands.smtplib_sends(place, file, recipients=count),
                "smtp-source": self._commands.smtp_source(place, recipients=count, size=_SHORT),
            }

        found = {f"{count}": self._grow(clients, 1, count, rounds) for count, rounds in sizes.items()}
        return _beside_peers("recipients", found)

    def octets(self, sizes: Rounds) -> Table:
        """By the size of the message."""

        def clients(place: Place, size: int) -> dict[str, Command | None]:
            file = self._message(size)
            return {
                "plugin": self._commands.plugin(place, message=file),
                "smtplib": self._commands.smtplib_sends(place, file),
                "smtp-source": self._commands.smtp_source(place, size=size),
            }

        found = {_size(size): self._grow(clients, _SHORT, size, rounds) for size, rounds in sizes.items()}
        return _beside_peers("message", found)

    def lines(self, sizes: Rounds) -> Table:
        """By the number of lines in the reply to EHLO, which come at once or octet by octet (smtp-source, which sends
        HELO, would not get them from another server)."""

        def clients(place: Place, _: int) -> dict[str, Command | None]:
            return {"plugin": self._commands.plugin(place), "smtplib": self._commands.smtplib(place)}

        rows = []
        for count, rounds in sizes.items():
            row = [f"{count}"]
            for octets in (False, True):
                serve = partial(self._server, octets=octets)
                found = self._grow(clients, _LINES, count, rounds, serve)
                plugin = found["plugin"]
                each = _microseconds(plugin, count - _LINES)
                row += [_milliseconds(plugin.whole), each, _growth_ratio(plugin, found.get("smtplib"))]
            rows.append(row)
        columns = ("plugin", "plugin, µs a further line", "growth, plugin / smtplib")
        return Table(["lines of EHLO", *columns, *(f"octet by octet: {column}" for column in columns)], rows)

    def conversations(self, sizes: Rounds) -> Table:
        """By the number of conversations in one process, smtp-source's with 50 at a time.  It cannot speak TLS; there
        the measure is what TLS itself costs, one conversation after another."""

        def clients(place: Place, count: int) -> dict[str, Command | None]:
            return {
                "plugin": self._commands.crowd(place, count),
                "smtp-source": self._commands.smtp_source(place, sessions=min(count, 50), messages=count),
                "plugin, STARTTLS": self._commands.crowd(place, count, tls=True),
                "ssl and socket": self._commands.tls_client(place, count),
            }

        pairs = (("plugin", "smtp-source"), ("plugin, STARTTLS", "ssl and socket"))
        rows = []
        for count, rounds in sizes.items():
            found = self._grow(clients, 1, count, rounds)
            row = [f"{count}"]
            for mine, peer in pairs:
                row += [_microseconds(found.get(name), count - 1) for name in (mine, peer)]
                row.append(_growth_ratio(found[mine], found.get(peer)))
            rows.append(row)
        columns = [column for mine, peer in pairs for column in (mine, peer, f"plugin / {peer}")]
        return Table(["conversations", *columns], rows)

    def _grow(
        self,
        clients: Clients,
        least: int,
        size: int,
        rounds: int,
        serve: Callable[[int], SteadyServer] | None = None,
    ) -> dict[str, Grown]:
        """What each client spends at ``size`` and at the ``least``, each with a server of its own (``serve``)."""
        serve = serve or (lambda _: self._server(_LINES))
        with ExitStack() as stack:
            servers = {at: stack.enter_context(serve(at)) for at in sorted({least, size})}
            commands = {
                (name, at): command
                for at, server in servers.items()
                for name, command in present(clients(Place(server.host, server.port, self._authority), at)).items()
            }
            series = self._spender.interleaved(commands, rounds)
        for at, server in servers.items():
            prove(server.counts, [command for key, command in commands.items() if key[1] == at] * rounds)
        return {name: Grown(series[name, size], series[name, least]) for name, at in commands if at == size}

    def _server(self, lines: int, octets: bool = False) -> SteadyServer:
        return SteadyServer(self._certificate, lines=lines, octets=octets)

    def _message(self, size: int) -> Path:
        file = self._directory / f"message-{size}"
        head = f"From: {SENDER}\nTo: {RECIPIENT}\nSubject: size\n\n".encode()
        with file.open("wb") as content:
            content.write(head)
            for _ in range(size // 1_000_000):
                content.write((_LINE * (1_000_000 // len(_LINE) + 1))[:999_999] + b"\n")
            content.write(_LINE * (size % 1_000_000 // len(_LINE) + 1))
        return file


def _beside_peers(what: str, found: Mapping[str, Mapping[str, Grown]]) -> Table:
    """Whole processes, and growth in that of the peers; ``found`` by size and client."""
    rows = [
        [
            size,
            *(_milliseconds(clients[name].whole) if name in clients else "-" for name in _CLIENTS),
            *(_growth_ratio(clients["plugin"], clients.get(peer)) for peer in _CLIENTS[1:]),
            *(f"{clients[name].whole.memory:.0f}" for name in _CLIENTS[:2]),
        ]
        for size, clients in found.items()
    ]
    growth = [f"growth, plugin / {peer}" for peer in _CLIENTS[1:]]
    return Table([what, *_CLIENTS, *growth, "plugin's MiB", "smtplib's MiB"], rows)


def _size(octets: int) -> str:
    return f"{octets // 1000} KB" if octets < 1_000_000 else f"{octets // 1_000_000} MB"


def _milliseconds(series: Series) -> str:
    return f"{series.seconds * 1000:.1f}"


def _microseconds(grown: Grown | None, further: int) -> str:
    """For each of ``further`` lines or conversations."""
    return f"{grown.seconds / further * 1e6:.1f}" if grown and grown.seen else "-"


def _growth_ratio(one: Grown, other: Grown | None) -> str:
    return str(ratio(one, other)) if other and one.seen and other.seen else "-"
