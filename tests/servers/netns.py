"""A private network namespace where port 25, port 53 and resolv.conf are the tests' own (root only)."""

from __future__ import annotations

import ctypes
import os
import socket
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from .requirements import need_namespaces

_CLONE_NEWNET = 0x40000000
_HOLD = """
ip link set lo up
[ -z "$1" ] || mount --bind "$1" /etc/resolv.conf
echo up
exec sleep infinity
"""

Gain = TypeVar("Gain")


class NetworkNamespace:
    """Loopback only; ends with the ``with`` block, or with the process.  ``resolv_conf`` takes the place of
    the system's file for whatever runs inside.

    ``enter`` is the command to put in front of another one (``wrap`` of Daemon and of plugin.run); ``call``
    runs a function whose sockets are to be inside.
    """

    def __init__(self, resolv_conf: Path | None = None) -> None:
        self._resolv_conf = resolv_conf

    def __enter__(self) -> NetworkNamespace:
        need_namespaces("n", "m")
        # One pid from setpriv to sleep, so the parent death signal stays with it.
        self._holder = subprocess.Popen(
            [
                *("setpriv", "--pdeathsig", "KILL", "unshare", "--net", "--mount"),
                *("sh", "-e", "-c", _HOLD, "sh", str(self._resolv_conf or "")),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        assert self._holder.stdout
        if self._holder.stdout.readline() != b"up\n":
            raise RuntimeError("no network namespace")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._holder.kill()
        self._holder.communicate()

    @property
    def enter(self) -> tuple[str, ...]:
        return ("nsenter", "--target", str(self._holder.pid), "--net", "--mount", "--")

    def call(self, function: Callable[[], Gain]) -> Gain:
        """What ``function`` returns, run by a thread that has entered the namespace."""
        gains: list[Gain] = []
        errors: list[BaseException] = []

        def inside() -> None:
            try:
                with open(f"/proc/{self._holder.pid}/ns/net", "rb") as namespace:
                    if ctypes.CDLL(None, use_errno=True).setns(namespace.fileno(), _CLONE_NEWNET) != 0:
                        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
                gains.append(function())
            except BaseException as error:
                errors.append(error)

        thread = threading.Thread(target=inside)
        thread.start()
        thread.join()
        if errors:
            raise errors[0]
        return gains[0]

    def connect(self, host: str, port: int) -> socket.socket:
        """A connection inside the namespace."""
        return self.call(lambda: socket.create_connection((host, port), timeout=2))
