"""The command line of smtp_statusd."""

from __future__ import annotations

import getopt
import os
import socket
from typing import TYPE_CHECKING, NamedTuple

from .. import __version__

if TYPE_CHECKING:
    from collections.abc import Sequence

PROGRAM = "smtp_statusd"

MOST_PROCESSES = 64

HELP = f"""\
usage: {PROGRAM} [--nagios SOCKET [--plugin NAME]...] [--listen PATH] [--metrics ADDR:PORT --modules FILE]
                    [--processes N] [-v]

Carries out the checks of check_smtp_status for the scheduler that is there, in processes that stay.

  --nagios SOCKET  Work for the Nagios 4 or Naemon core at this query socket, such as
                   /var/lib/nagios4/rw/nagios.qh.
  --plugin NAME    Command whose checks are taken over there: the first word of the command line, or what stands
                   behind its last slash. Repeatable. check_smtp is one too. Names given replace the default:
                   check_smtp_status.
  --listen PATH    Unix socket (mode 0660) for the thin client.
  --metrics ADDR:PORT
                   Web server for Prometheus: /probe?target=HOST&module=NAME checks a server, /metrics tells of this
                   program. ADDR is numeric, [::1] in brackets. Needs the library prometheus_client.
  --modules FILE   Ini file with a section for each module, options of check_smtp_status in its lines.
  --processes N    Back ends that hold conversations, 1 to {MOST_PROCESSES}. Default: 1.
  -v, --verbose    Say once a minute how many checks there were, and how many of them were left to the plugin.
  -h, --help       Show this.
  -V, --version    Show the version.

It stays in the foreground. SIGTERM: what is in hand is brought to its end, then it exits with 0. SIGHUP: the back ends
are replaced one after the other.
"""


class CommandLineError(Exception):
    """The command line is wrong; the text says how, in one line."""


class Information(Exception):  # noqa: N818 - no error
    """The text was asked for."""


class Options(NamedTuple):
    """What the command line says; ``nagios``, ``listen`` and ``metrics`` (address and port) are None where they were
    not given."""

    nagios: str | None
    plugins: tuple[str, ...]
    listen: str | None
    processes: int
    verbose: bool
    metrics: tuple[str, int] | None = None
    modules: str = ""


def parse(words: Sequence[str]) -> Options:
    """The options of a command line (without the program's name).  Raises CommandLineError and Information."""
    long = ["nagios=", "plugin=", "listen=", "metrics=", "modules=", "processes=", "verbose", "help", "version"]
    try:
        given, operands = getopt.gnu_getopt(list(words), "vhV", long)
    except getopt.GetoptError as error:
        raise CommandLineError(f"{error.msg}, see --help") from None
    if operands:
        raise CommandLineError(f"takes options only, not {_shown(operands[0])}")
    last = dict(given)
    if {"-h", "--help"} & set(last):
        raise Information(HELP)
    if {"-V", "--version"} & set(last):
        raise Information(f"{PROGRAM} {__version__}\n")
    nagios, listen = (_path(last, name) for name in ("--nagios", "--listen"))
    metrics, modules = _metrics(last), last.get("--modules", "")
    if nagios is None and listen is None and metrics is None:
        raise CommandLineError("takes --nagios SOCKET, --listen PATH, --metrics ADDR:PORT, or several of them")
    if (metrics is None) != (not modules):
        raise CommandLineError("--metrics takes --modules FILE as well, and the reverse")
    plugins = tuple(dict.fromkeys(_plugin(value) for name, value in given if name == "--plugin"))
    if plugins and nagios is None:
        raise CommandLineError("--plugin takes --nagios as well")
    verbose = "-v" in last or "--verbose" in last
    return Options(
        nagios,
        plugins or ("check_smtp_status",),
        listen,
        _processes(last),
        verbose,
        metrics,
        os.path.abspath(modules) if modules else "",
    )


def _path(given: dict[str, str], name: str) -> str | None:
    path = given.get(name)
    if path is not None and (not path.startswith("/") or len(path.encode("utf-8", "surrogateescape")) > 107):
        raise CommandLineError(f"{name} takes the absolute path of a unix socket, not {_shown(path)}")
    return path


def _metrics(given: dict[str, str]) -> tuple[str, int] | None:
    text = given.get("--metrics")
    if text is None:
        return None
    address, _, port = text.rpartition(":")
    if address.startswith("[") and address.endswith("]"):
        address, family = address[1:-1], socket.AF_INET6
    else:
        family = socket.AF_INET
    try:
        socket.inet_pton(family, address)
        number = int(port) if port.isdecimal() and port.isascii() and len(port) < 6 else 0
    except (OSError, ValueError):
        number = 0
    if not 1 <= number <= 65535:
        raise CommandLineError(f"--metrics takes ADDRESS:PORT or [ADDRESS]:PORT, numeric, not {_shown(text)}")
    return address, number


def _plugin(name: str) -> str:
    # It ends at a semicolon in the registration, and at a blank in the core's comparison.
    if not name or not name.isprintable() or set(name) & set("; ="):
        raise CommandLineError(f"--plugin takes the first word of a command line, not {_shown(name)}")
    return name


def _processes(given: dict[str, str]) -> int:
    text = given.get("--processes", "1")
    number = int(text) if text.isdecimal() and text.isascii() and len(text) < 4 else 0
    if not 1 <= number <= MOST_PROCESSES:
        raise CommandLineError(f"--processes takes a number from 1 to {MOST_PROCESSES}, not {_shown(text)}")
    return number


def _shown(text: str) -> str:
    return "'" + "".join(char if char.isprintable() else "?" for char in text[:60]) + "'"
