"""Daemons that never outlive the tests, not even after ``kill -9`` of pytest.

As root each daemon gets a pid namespace of its own, whose pid 1 is a shell: pytest's death kills ``unshare``
(parent death signal), which kills that shell, and with it the kernel ends every process of the namespace.
The signal alone would not do: a daemon that changes its credentials loses it.  The daemon itself must not be
pid 1: signals a pid 1 has no handler for do not reach it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol, TypeVar

_SYSTEM_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
_CAGE = (
    *("setpriv", "--pdeathsig", "KILL"),
    *("unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "--mount"),
)

Connect = Callable[[str, int], socket.socket]


class DaemonDied(RuntimeError):
    """A daemon ended before it served; the message holds the end of its log."""


class Daemon:
    """One running program.  Must be made by a thread that lives as long as the daemon is to live (the parent
    death signal is the thread's)."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        log: Path,
        env: Mapping[str, str] | None = None,
        setup: str = "",
        wrap: Sequence[str] = (),
    ) -> None:
        """Start ``command`` with an environment of PATH and ``env``; its output goes to ``log``.

        ``setup`` is shell text that runs first in the daemon's private mount namespace (root only); ``wrap``
        is a command in front of everything, such as the one that enters a network namespace.
        """
        self.log = log
        caged = os.geteuid() == 0
        if setup and not caged:
            raise PermissionError("a private mount namespace needs root")
        cage = (*_CAGE, "sh", "-c", f'{setup or ":"} && {{ "$@" & wait $!; }}', "sh") if caged else ()
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [*wrap, *cage, *command],
                env={"PATH": _SYSTEM_PATH, **(env or {})},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """The pid that stands for the daemon and all it started."""
        return self._process.pid

    def running(self) -> bool:
        return self._process.poll() is None

    def wait_for(
        self,
        host: str,
        port: int,
        banner: bytes = b"",
        timeout: float = 15,
        connect: Connect | None = None,
    ) -> None:
        """Wait until ``port`` accepts and, where given, greets with ``banner``."""
        end = time.monotonic() + timeout
        last: object = None
        while time.monotonic() < end:
            if not self.running():
                raise DaemonDied(f"daemon died before it served port {port}: {self.tail()}")
            try:
                with (connect or _connect)(host, port) as probe:
                    probe.settimeout(2)
                    greeting = probe.recv(512) if banner else b""
                    if greeting.startswith(banner):
                        return
                    last = greeting
            except OSError as error:
                last = error
            time.sleep(0.02)
        raise TimeoutError(f"port {port} did not serve within {timeout} s: {last!r}; {self.tail()}")

    def tail(self, size: int = 2000) -> str:
        """The end of the log."""
        return self.log.read_bytes()[-size:].decode("utf-8", "backslashreplace")

    def wait(self, timeout: float) -> int:
        """Wait for the daemon's own end; its exit status."""
        return self._process.wait(timeout)

    def stop(self) -> None:
        """End the daemon and everything it started."""
        if os.geteuid() == 0:
            self._process.kill()  # its pid namespace goes with it
        else:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGTERM)
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(5)


def processes() -> list[tuple[int, list[str]]]:
    """The pid and the command line of every process."""
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdecimal():
            try:
                words = Path("/proc", entry, "cmdline").read_bytes().decode("utf-8", "replace").split("\0")[:-1]
            except OSError:
                continue
            if words:
                found.append((int(entry), words))
    return found


class Server(Protocol):
    """Anything that can be started and stopped."""

    def start(self) -> None: ...

    def stop(self) -> None: ...


AnyServer = TypeVar("AnyServer", bound=Server)


def started(make: Callable[[Path], AnyServer], parent: Path, attempts: int = 3) -> AnyServer:
    """A started server, made with a new directory below ``parent``; made anew, with other ports, when another
    process took one of its ports meanwhile."""
    while True:
        attempts -= 1
        base = Path(tempfile.mkdtemp(prefix="", dir=parent))
        base.chmod(0o755)
        server = make(base)
        try:
            server.start()
        except BaseException as error:
            server.stop()
            if not attempts or not isinstance(error, (DaemonDied, TimeoutError)):
                raise
        else:
            return server


def _connect(host: str, port: int) -> socket.socket:
    return socket.create_connection((host, port), timeout=2)
