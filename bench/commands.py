"""The commands that are compared: the plugin as it is installed, and its peers for the same transaction."""

from __future__ import annotations

import compileall
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
SENDER, RECIPIENT = "a@example.org", "b@example.org"

_RUN = "from smtp_status.__main__ import run; run()"
_CHECK_SMTP = "/usr/lib/nagios/plugins/check_smtp"
_SMTP_SOURCE = "/usr/sbin/smtp-source"


class Command(NamedTuple):
    """A program with its arguments and its whole environment."""

    words: Sequence[str]
    environment: Mapping[str, str]


class Place(NamedTuple):
    """Where the server is, and the file with the authority its certificate is to be verified by."""

    host: str
    port: int
    authority: Path


class Commands:
    """Makes the commands; ``site`` becomes a copy of the package with its compiled files, as pip would leave it."""

    def __init__(self, site: Path) -> None:
        package = site / "smtp_status"
        shutil.copytree(ROOT / "plugin/smtp_status", package, ignore=shutil.ignore_patterns("__pycache__"))
        if not compileall.compile_dir(package, quiet=1):
            raise SystemExit("the package does not compile")
        self._environment = {"PYTHONPATH": str(site), "PYTHONHASHSEED": "0"}

    def floor(self) -> Command:
        """What no plugin on nagiosplugin can do without."""
        return self._python("-c", "import nagiosplugin, argparse, socket")

    def plugin(
        self, place: Place, *more: str, name: str = "probe.example.org", to: Sequence[str] = (RECIPIENT,)
    ) -> Command:
        where = ("-H", place.host, "-p", str(place.port), "-F", name, "-f", SENDER)
        recipients = [word for address in to for word in ("--to", address)]
        return self._python("-c", _RUN, *where, *recipients, *more)

    def plugin_tls(self, place: Place, *more: str, name: str = "probe.example.org") -> Command:
        return self.plugin(place, "-S", "--tls-name", "localhost", "--ca", str(place.authority), *more, name=name)

    def crowd(self, place: Place, count: int, tls: bool = False) -> Command:
        """``count`` conversations in one process."""
        where = ("-H", place.host, "-p", str(place.port), "-f", SENDER, "--to", RECIPIENT, "-t", "120")
        more = ("-S", "--tls-name", "localhost", "--ca", str(place.authority)) if tls else ()
        return self._python(str(ROOT / "tests/crowd.py"), str(count), *where, *more)

    def smtplib(self, place: Place, *more: str, name: str = "probe.example.org") -> Command:
        """A client of smtplib that times its commands with perf_counter_ns; ``more`` as it takes it."""
        return self._python(str(ROOT / "bench/smtplib_client.py"), place.host, str(place.port), name, *more)

    def check_smtp(self, place: Place, name: str = "probe.example.org") -> Command:
        """A whole transaction too, as far as raw commands make one: the message is empty."""
        said = [("RCPT TO:<" + RECIPIENT + ">", "250"), ("DATA", "354"), (".", "250")]
        raw = [word for command, reply in said for word in ("-C", command, "-R", reply)]
        where = ("-H", place.host, "-p", str(place.port), "-F", name, "-f", SENDER)
        return Command([_CHECK_SMTP, *where, *raw], {})

    def swaks(self, place: Place, *more: str) -> Command:
        where = ("--server", place.host, "--port", str(place.port), "--helo", "probe.example.org")
        return Command(["/usr/bin/perl", "/usr/bin/swaks", *where, "-f", SENDER, "--to", RECIPIENT, *more], {})

    def smtp_source(self, place: Place, sessions: int, messages: int, size: int | None = None) -> Command:
        length = ("-l", str(size)) if size is not None else ()
        count = ("-s", str(sessions), "-m", str(messages))
        return Command(
            [_SMTP_SOURCE, *count, *length, "-f", SENDER, "-t", RECIPIENT, f"inet:{place.host}:{place.port}"], {}
        )

    def _python(self, *words: str) -> Command:
        return Command([sys.executable, *words], self._environment)
