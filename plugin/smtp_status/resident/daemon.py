"""The program smtp_statusd: from the command line to a front at work."""

from __future__ import annotations

import os
import resource
import sys
from typing import NoReturn

from . import commandline, listener, log
from .backends import Wanted
from .connection import Core
from .front import Front

BAD_USAGE = 3


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
    except commandline.UsageError as error:
        log.tell(str(error))
        return BAD_USAGE
    _settle()
    socket = None
    if options.listen is not None:
        try:
            socket = listener.listen(options.listen)
        except OSError as error:
            log.tell(f"cannot listen at {options.listen}: {(error.strerror or 'unknown error').lower()}")
            return BAD_USAGE
    cores = [Core(options.nagios, plugin) for plugin in options.plugins] if options.nagios is not None else []
    descriptor = None if socket is None else socket.fileno()
    Front(cores, Wanted(options.processes, descriptor, options.verbose)).run()
    if socket is not None and options.listen is not None:
        listener.remove(socket, options.listen)
    return 0


def _settle() -> None:
    """What holds for this process and all it starts."""
    # Memory that may hold a password is written to no disk.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    # The working directory of whoever started it may be wanted for something else.
    os.chdir("/")


if __name__ == "__main__":
    run()
