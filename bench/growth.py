"""How processor time grows with recipients, octets, EHLO lines and conversations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from commands import RECIPIENT, SENDER, Command, Commands, Place
from cost import Series, Spender

from servers.certs import Certs
from servers.steady import Counts, SteadyServer

Rows = list[list[str]]

_LINE = b"The quick brown fox jumps over the lazy dog, and the check measures how long it takes.\n"


class Growth:
    """Runs each size against a server that proves the work."""

    def __init__(self, commands: Commands, spender: Spender, certs: Certs, *, rounds: int) -> None:
        self._commands = commands
        self._spender = spender
        self._certificate = (certs.good.crt, certs.good.key)
        self._authority = certs.ca
        self._directory = certs.directory
        self._rounds = rounds

    def recipients(self, counts: Sequence[int]) -> Rows:
        """Milliseconds of one run by the number of recipients: the plugin, smtplib."""
        file = self._message(1000)
        rows = []
        for count in counts:
            to = [f"b{number}@example.org" for number in range(count)]
            found = self._run(
                lambda place, to=to, count=count: {
                    "plugin": self._commands.plugin(place, to=to),
                    "smtplib": self._commands.smtplib(place, str(file), str(count)),
                },
                lambda done, count=count: done.recipients == count * done.messages,
            )
            rows.append([f"{count}", _ms(found["plugin"]), _ms(found["smtplib"]), _memory(found["plugin"])])
        return rows

    def octets(self, sizes: Sequence[int]) -> Rows:
        """Milliseconds and memory of one run by the size of the message: the plugin, smtplib, smtp-source."""
        rows = []
        for size in sizes:
            file = self._message(size)
            found = self._run(
                lambda place, file=file, size=size: {
                    "plugin": self._commands.plugin(place, "--data-file", str(file), "-t", "60"),
                    "smtplib": self._commands.smtplib(place, str(file), "1"),
                    "smtp-source": self._commands.smtp_source(place, 1, 1, size),
                },
                lambda done, size=size: done.octets >= size * done.messages,
            )
            file.unlink()
            shown = f"{size // 1000} KB" if size < 1_000_000 else f"{size // 1_000_000} MB"
            times = (_ms(found[name]) for name in ("plugin", "smtplib", "smtp-source"))
            rows.append([shown, *times, _memory(found["plugin"]), _memory(found["smtplib"])])
        return rows

    def lines(self, counts: Sequence[int]) -> Rows:
        """Milliseconds of one run by the number of lines in the reply to EHLO, at once and octet by octet."""
        rows = []
        for count in counts:
            row = [f"{count}"]
            for octets in (False, True):
                found = self._run(
                    lambda place: {"plugin": self._commands.plugin(place, "-t", "60")}, lines=count, octets=octets
                )
                row.append(_ms(found["plugin"]))
            rows.append(row)
        return rows

    def conversations(self, counts: Sequence[int]) -> Rows:
        """Microseconds of processor time for each further conversation of one process, plain and with STARTTLS, and
        for each of smtp-source with 50 at a time (which cannot speak TLS)."""
        rows = []
        alone = self._crowd(1)
        for count in counts:
            found = self._crowd(count)
            each = [_each(found[name], alone[name], count) for name in ("plain", "tls")]
            source = found["smtp-source"].seconds / count * 1e6
            rows.append([f"{count}", *(f"{one:.0f}" for one in each), f"{source:.0f}", f"{each[0] / source:.2f}"])
        return rows

    def _crowd(self, count: int) -> dict[str, Series]:
        return self._run(
            lambda place: {
                "plain": self._commands.crowd(place, count),
                "tls": self._commands.crowd(place, count, tls=True),
                "smtp-source": self._commands.smtp_source(place, min(count, 50), count),
            },
            lambda done: done.messages == 3 * count * self._rounds,
        )

    def _run(
        self,
        make: Callable[[Place], dict[str, Command]],
        right: Callable[[Counts], bool] = lambda done: True,
        lines: int = 5,
        octets: bool = False,
    ) -> dict[str, Series]:
        with SteadyServer(self._certificate, lines=lines, octets=octets) as server:
            commands = make(Place(server.host, server.port, self._authority))
            found = self._spender.interleaved(commands, self._rounds)
        if not server.counts.messages or not right(server.counts):
            raise SystemExit(f"the server did something else: {server.counts}")
        return found

    def _message(self, size: int) -> Path:
        file = self._directory / f"message-{size}"
        head = f"From: {SENDER}\nTo: {RECIPIENT}\nSubject: size\n\n".encode()
        with file.open("wb") as content:
            content.write(head)
            for _ in range(size // 1_000_000):
                content.write((_LINE * (1_000_000 // len(_LINE) + 1))[:999_999] + b"\n")
            content.write(_LINE * (size % 1_000_000 // len(_LINE) + 1))
        return file


def _ms(series: Series) -> str:
    return f"{series.seconds * 1000:.0f}"


def _memory(series: Series) -> str:
    return f"{series.memory / 1024:.0f}"


def _each(series: Series, alone: Series, count: int) -> float:
    """Microseconds for each conversation without the start of the process."""
    return max(series.seconds - alone.seconds, 0) / max(count - 1, 1) * 1e6
