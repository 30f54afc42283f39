"""Starts processes that inherit nothing: no descriptor but the standard ones and those named, PATH for environment."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from typing import Any

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

_PLUGIN = "from smtp_status.__main__ import run; run()"
_WEB_SERVER = "from smtp_status.resident.webserver import run; run()"
_BACK_END = "from smtp_status.resident.backend import run; run()"


def plugin(arguments: Sequence[bytes]) -> list[bytes]:
    """The command that runs the plugin itself."""
    return [*_python(_PLUGIN), *arguments]


def back_end(*arguments: str) -> list[bytes]:
    """The command that runs a back end."""
    return [*_python(_BACK_END), *map(os.fsencode, arguments)]


def web_server(*arguments: str) -> list[bytes]:
    """The command that runs the web server for metrics."""
    return [*_python(_WEB_SERVER), *map(os.fsencode, arguments)]


def signal_name(number: int) -> str:
    """What a log calls the signal that ended a process; those for real time have a number only."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def spawn(command: Sequence[bytes], *, out: int, err: int, keep: Sequence[int] = (), group: bool = False) -> int:
    """Start ``command`` and return its pid; ``out`` and ``err`` become its standard output and error.

    ``keep``: descriptors it has as well, under their own numbers.  ``group``: it leads a process group of its own.
    Raises OSError.
    """
    leading: dict[str, Any] = {"setpgroup": 0} if group else {}
    for descriptor in keep:
        os.set_inheritable(descriptor, True)
    try:
        return os.posix_spawnp(
            command[0],
            list(command),
            {"PATH": os.environ.get("PATH") or _PATH},
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_DUP2, out, 1),
                (os.POSIX_SPAWN_DUP2, err, 2),
            ],
            setsigmask=(),
            setsigdef=(signal.SIGPIPE, signal.SIGXFSZ, signal.SIGTERM, signal.SIGINT, signal.SIGHUP),
            **leading,
        )
    finally:
        for descriptor in keep:
            os.set_inheritable(descriptor, False)


def _python(source: str) -> list[bytes]:
    # Where this process found its modules, without the environment it was told so by.
    where = f"import sys; sys.path[:] = {sys.path!r}; {source}"
    return [os.fsencode(sys.executable), b"-E", b"-s", b"-c", os.fsencode(where)]
