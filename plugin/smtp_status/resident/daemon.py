"""The program smtp_statusd: from the command line to a front at work."""

from __future__ import annotations

import os
import resource
import socket
import sys
from contextlib import ExitStack
from typing import NoReturn

from . import commandline, listener, log, spawn
from .attendant import Attendant
from .backends import Wanted
from .connection import Core
from .front import Front

BAD_USAGE = 3

STANDARD_ERROR = 2
"""The last of the standard descriptors."""


def run() -> NoReturn:
    """Run it on ``sys.argv`` and end the process."""
    sys.exit(main(sys.argv[1:]))


def main(words: list[str]) -> int:
    """Run until SIGTERM or SIGINT; the exit code."""
    try:
        options = commandline.parse(words)
    except commandline.Information as wanted:
        sys.stdout.write(str(wanted))
        return 0
    except commandline.CommandLineError as error:
        log.tell(str(error))
        return BAD_USAGE
    _settle()
    with ExitStack() as held:
        try:
            sock, path = _listener(options, held)
            beside = _attendants(options, path, held)
        except _CannotError as error:
            if str(error):
                log.tell(str(error))
            return BAD_USAGE
        cores = [Core(options.nagios, plugin) for plugin in options.plugins] if options.nagios is not None else []
        Front(cores, Wanted(options.processes, sock, options.verbose), beside).run()
    return 0


class _CannotError(Exception):
    """It cannot begin; the text says why, in one line, unless that was said."""


def _listener(options: commandline.Options, held: ExitStack) -> tuple[socket.socket | None, str]:
    """The unix socket that back ends accept from, and its path; one of our own for the web server's sake."""
    path = options.listen
    if path is None and options.metrics is None:
        return None, ""
    if path is None:
        import tempfile  # noqa: PLC0415 - for this only

        # Only its owner enters the directory.
        try:
            path = held.enter_context(tempfile.TemporaryDirectory(prefix="smtp_statusd-")) + "/socket"
        except OSError as error:
            reason = (error.strerror or "unknown error").lower()
            raise _CannotError(f"--metrics takes --listen PATH as well, or a TMPDIR for its socket: {reason}") from None
    try:
        sock = listener.listen(path)
    except OSError as error:
        raise _CannotError(f"cannot listen at {path}: {(error.strerror or 'unknown error').lower()}") from None
    held.callback(listener.remove, sock, path)
    return sock, path


def _attendants(options: commandline.Options, path: str, held: ExitStack) -> list[Attendant]:
    """The web server for metrics, where it is wanted; it asks the back ends at ``path``."""
    if options.metrics is None:
        return []
    from importlib.util import find_spec  # noqa: PLC0415 - for this only

    if find_spec("prometheus_client") is None:
        how = "apt-get install python3-prometheus-client or pip install prometheus_client"
        raise _CannotError(f"--metrics takes the library prometheus_client: {how}, for {sys.executable}")
    # By another process: what reading them takes would stay in this one.
    pid = spawn.spawn(spawn.web_server("--check", options.modules), out=2, err=2)
    if os.waitpid(pid, 0)[1]:
        raise _CannotError  # it has said why
    address, port = options.metrics
    try:
        sock = socket.create_server(
            (address, port), family=socket.AF_INET6 if ":" in address else socket.AF_INET, backlog=1024
        )
    except OSError as error:
        where = f"{address} port {port}"
        raise _CannotError(f"cannot listen at {where}: {os.strerror(error.errno or 0).lower()}") from None
    held.enter_context(sock)
    command = spawn.web_server(str(sock.fileno()), options.modules, path)
    return [Attendant("the web server for metrics", command, [sock.fileno()])]


def _settle() -> None:
    """What holds for this process and all it starts."""
    # A standard descriptor that is closed would be a socket's number next, and no process that is started would get it.
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= STANDARD_ERROR:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)
    # Memory that may hold a password is written to no disk.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    # The working directory of whoever started it may be wanted for something else.
    os.chdir("/")


if __name__ == "__main__":
    run()
