"""The resident, caged as every daemon of the tests, and the thin client that goes with it."""

from __future__ import annotations

import os
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from .process import Daemon, DaemonDied, processes
from .requirements import need

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ROOT / "plugin"

_DROPPED = ("setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups")


class Resident:
    """One smtp_statusd in ``base``; ``options`` are its command line but for ``--listen``, which is ``socket`` there.

    As ``nobody`` with ``python``, which that user must be able to run; else as the user of the tests.
    """

    def __init__(
        self,
        base: Path,
        *options: str,
        packages: Path = PACKAGES,
        python: str = sys.executable,
        nobody: bool = False,
        wrap: Sequence[str] = (),
    ) -> None:
        self.base = base
        self.socket = base / "socket"
        self._options = options
        self._packages = packages
        self._python = python
        self._nobody = nobody
        self._wrap = wrap
        self._daemon: Daemon | None = None

    @property
    def command(self) -> list[str]:
        """How it is started."""
        program = [self._python, "-m", "smtp_status.resident.daemon", "--listen", str(self.socket), *self._options]
        return [*(_DROPPED if self._nobody else ()), *program]

    @property
    def log(self) -> str:
        """What it has said."""
        assert self._daemon is not None
        return self._daemon.log.read_text()

    def start(self) -> None:
        if self._nobody:
            self.base.chmod(0o777)
        said = len(self.log) if self._daemon else 0
        self._daemon = Daemon(
            self.command, log=self.base / "log", env={"PYTHONPATH": str(self._packages)}, wrap=self._wrap
        )
        end = time.monotonic() + 20
        while "ready" not in self.log[said:]:
            if not self._daemon.running():
                raise DaemonDied(self.log)
            if time.monotonic() > end:
                raise TimeoutError(self.log)
            time.sleep(0.02)

    def stop(self) -> None:
        """Whatever is in hand."""
        if self._daemon:
            self._daemon.stop()

    def end(self, timeout: float = 40) -> int:
        """As its supervisor ends it; the exit status."""
        assert self._daemon is not None
        self.signal(signal.SIGTERM)
        return self._daemon.wait(timeout)

    def signal(self, number: int) -> None:
        """Send a signal to the front."""
        os.kill(self.front, number)

    @property
    def front(self) -> int:
        """Its pid."""
        found = [pid for pid, words in processes() if words[0] == self._python and str(self.socket) in words]
        # One that it starts in this very moment still has its words.
        (pid,) = [pid for pid in found if len(found) == 1 or _parent(pid) not in found]
        return pid

    @property
    def back_ends(self) -> list[int]:
        """Their pids, the oldest first."""
        front = self.front
        return [
            pid
            for pid, words in sorted(processes())
            if _parent(pid) == front and any("resident.backend" in word for word in words)
        ]


def network_namespace() -> bytes:
    """What tells the network namespace of this thread from others, in a client's words."""
    found = os.stat("/proc/thread-self/ns/net")
    return b"%d:%d" % (found.st_dev, found.st_ino)


def request(*words: str, version: bytes = b"1", network: bytes = b"", password: bytes = b"") -> bytes:
    """What a client asks; ``network`` is its network namespace, else that of this thread."""
    parts = (version, network or network_namespace(), b"/", password, *map(str.encode, words))
    fields = b"".join(part + b"\0" for part in parts)
    return struct.pack("!I", len(fields)) + fields


class Asked:
    """A client's connection to the resident, with ``octets`` sent."""

    def __init__(self, resident: Resident, octets: bytes = b"") -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(20)
        self.sock.connect(str(resident.socket))
        self.sock.sendall(octets)

    def __enter__(self) -> Asked:
        return self

    def __exit__(self, *_: object) -> None:
        self.sock.close()

    def answer(self) -> bytes:
        """All that comes until the end."""
        octets = b""
        try:
            while piece := self.sock.recv(1 << 16):
                octets += piece
        except ConnectionResetError:
            pass
        return octets


def noting(path: Path, program: str, notes: Path) -> Path:
    """A plugin at ``path``, for whoever falls back on it: ``program``, with a line in ``notes`` for each run."""
    notes.touch()
    notes.chmod(0o666)
    path.write_text(f'#!/bin/sh\necho "$*" >>{notes}\nexec {program} "$@"\n')
    path.chmod(0o755)
    return path


def build_client(program: Path, plugin: Path, socket: Path, flags: str = "-O2") -> Path:
    """Build the client with its two paths."""
    need("cc")
    made = subprocess.run(
        [
            *("make", "-s", "-C", str(ROOT), "client", f"CLIENT={program}"),
            *(f"PLUGIN={plugin}", f"SOCKET={socket}", f"CFLAGS={flags}"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (made.returncode, made.stderr) == (0, "")
    return program


def _parent(pid: int) -> int:
    try:
        status = Path("/proc", str(pid), "stat").read_text()
    except OSError:
        return 0
    return int(status.rpartition(")")[2].split()[1])
