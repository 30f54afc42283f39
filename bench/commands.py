"""The commands that are compared: the plugin as it is installed, and its peers for the same transaction."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

from helpers import runs
from servers import requirements
from servers.steady import Counts

HERE = Path(__file__).resolve().parent
SENDER, RECIPIENT = "a@example.org", "b@example.org"
PEERS = ("swaks", "check_smtp", "smtp-source")
"""What may be missing; smtplib comes with Python."""

Name = TypeVar("Name")


class Command(NamedTuple):
    """A program with its arguments, its whole environment, and what one run of it does at the server."""

    words: Sequence[str]
    environment: Mapping[str, str]
    work: Counts


class Place(NamedTuple):
    """Where the server is, and the file with the authority its certificate is to be verified by."""

    host: str
    port: int
    authority: Path


class Commands:
    """Makes the commands; the plugin is installed in ``site``.  A peer that this machine has not got is None."""

    def __init__(self, site: Path) -> None:
        self._environment = runs.install(site)

    def floor(self) -> Command:
        return self._python("-c", runs.FLOOR, work=Counts())

    def domain_floor(self) -> Command:
        return self._python("-c", runs.DOMAIN_FLOOR, work=Counts())

    def plugin(
        self,
        place: Place,
        *,
        tls: bool = False,
        name: str = "probe.example.org",
        to: Sequence[str] = (RECIPIENT,),
        message: Path | None = None,
    ) -> Command:
        """One check; with ``tls`` by STARTTLS, verified.  ``message`` is the file to send, a short text if None."""
        more = ("--data-file", str(message), "-t", "60") if message else ()
        recipients = [word for address in to for word in ("--to", address)]
        options = (*_server(place, tls), "-F", name, "-f", SENDER, *recipients, *more)
        work = _work(recipients=len(to), octets=message.stat().st_size if message else 0, tls=tls)
        return self._python("-c", runs.RUN, *options, work=work)

    def domain(self, place: Place, nameserver: str, *, dane: bool = False) -> Command:
        """One check of a domain whose one exchanger is this machine; ``nameserver`` is ADDRESS:PORT."""
        options = ("-d", "example.test", "--nameserver", nameserver, "-p", str(place.port))
        more = ("--dane", "try") if dane else ()
        mail = ("-F", "probe.example.org", "-f", SENDER, "--to", RECIPIENT)
        return self._python("-c", runs.RUN, *options, *mail, *more, work=_work(tls=dane))

    def crowd(self, place: Place, count: int, *, tls: bool = False, times: bool = False) -> Command:
        """``count`` conversations of the plugin in one process, all at the same time; ``times``: it prints theirs."""
        told = ("--times",) if times else ()
        options = (*_server(place, tls), "-f", SENDER, "--to", RECIPIENT, "-t", "120")
        work = _work(count, tls=tls)
        return self._python(str(runs.ROOT / "tests/helpers/crowd.py"), *told, str(count), *options, work=work)

    def tls_client(self, place: Place, count: int) -> Command:
        """``count`` conversations with STARTTLS by nothing but Python's ssl and socket, one after another."""
        words = (place.host, str(place.port), str(place.authority), str(count))
        return self._python(str(HERE / "tls_client.py"), *words, work=_work(count, tls=True))

    def smtplib(self, place: Place, *, name: str = "probe.example.org") -> Command:
        """One transaction of smtplib that times its commands with perf_counter_ns."""
        return self._smtplib(place, name, work=_work())

    def smtplib_sends(self, place: Place, message: Path, *, recipients: int = 1) -> Command:
        """One message by smtplib's sendmail, nothing timed."""
        work = _work(recipients=recipients, octets=message.stat().st_size)
        return self._smtplib(place, "probe.example.org", str(message), str(recipients), work=work)

    def check_smtp(self, place: Place, *, name: str = "probe.example.org") -> Command | None:
        """A whole transaction too, as far as raw commands make one: the message is empty."""
        said = [("RCPT TO:<" + RECIPIENT + ">", "250"), ("DATA", "354"), (".", "250")]
        raw = [word for command, reply in said for word in ("-C", command, "-R", reply)]
        where = ("-H", place.host, "-p", str(place.port))
        return _peer("check_smtp", *where, "-F", name, "-f", SENDER, *raw, work=_work())

    def swaks(self, place: Place, *, tls: bool = False, verified: bool = False) -> Command | None:
        """One transaction, ``tls`` as its users write it: that verifies nothing and reads the system's authorities.
        ``verified``: by the authority of ``place`` alone, as the plugin does."""
        host = "localhost" if tls else place.host  # the name in the certificate
        where = ("--server", host, "--port", str(place.port), "--helo", "probe.example.org")
        secured = ("--tls",) if tls else ()
        verify = ("--tls-verify", "--tls-ca-path", str(place.authority)) if verified else ()
        return _peer("swaks", *where, "-f", SENDER, "--to", RECIPIENT, *secured, *verify, work=_work(tls=tls))

    def smtp_source(
        self, place: Place, *, sessions: int = 1, messages: int = 1, recipients: int = 1, size: int = 0
    ) -> Command | None:
        """``messages`` conversations with one message of ``size`` octets each, ``sessions`` at a time."""
        count = ("-s", str(sessions), "-m", str(messages), "-r", str(recipients))
        length = ("-l", str(size)) if size else ()
        mail = ("-f", SENDER, "-t", RECIPIENT, f"inet:{place.host}:{place.port}")
        return _peer("smtp-source", *count, *length, *mail, work=_work(messages, recipients=recipients, octets=size))

    def _smtplib(self, place: Place, *more: str, work: Counts) -> Command:
        return self._python(str(HERE / "smtplib_client.py"), place.host, str(place.port), *more, work=work)

    def _python(self, *words: str, work: Counts) -> Command:
        return Command([sys.executable, *words], self._environment, work)


def present(commands: Mapping[Name, Command | None]) -> dict[Name, Command]:
    """Without the peers that are missing."""
    return {name: command for name, command in commands.items() if command is not None}


def _server(place: Place, tls: bool) -> tuple[str, ...]:
    secured = ("-S", "--tls-name", "localhost", "--ca", str(place.authority)) if tls else ()
    return ("-H", place.host, "-p", str(place.port), *secured)


def _peer(name: str, *arguments: str, work: Counts) -> Command | None:
    program = requirements.installed(name)
    return None if program is None else Command([program, *arguments], {}, work)


def _work(count: int = 1, *, recipients: int = 1, octets: int = 0, tls: bool = False) -> Counts:
    """Of ``count`` conversations with one message each."""
    return Counts(count, count if tls else 0, count * recipients, count, count * octets)
