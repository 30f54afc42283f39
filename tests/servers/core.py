"""The core's side of the worker protocol, played by the test."""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path
from typing import NamedTuple


class Answer(NamedTuple):
    """What a worker said of a job."""

    pairs: dict[str, str]

    @property
    def code(self) -> int:
        return os.waitstatus_to_exitcode(int(self.pairs["wait_status"]))

    @property
    def out(self) -> str:
        return self.pairs["outstd"]


class Core:
    """Listens where Nagios has its query socket, and takes the workers that come."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._workers: list[Worker] = []
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        path.chmod(0o777)
        self._listener.listen()
        self._listener.settimeout(20)

    def accept(self) -> Worker:
        """The next worker, registered."""
        sock, _ = self._listener.accept()
        worker = Worker(sock)
        self._workers.append(worker)
        return worker

    def close(self) -> None:
        """As at the core's end."""
        for worker in self._workers:
            worker.close()
        self._listener.close()
        self.path.unlink(missing_ok=True)


class Worker:
    """One registered worker."""

    def __init__(self, sock: socket.socket) -> None:
        sock.settimeout(20)
        self._socket = sock
        self.registration = sock.recv(1000).decode()
        assert self.registration.startswith("@wproc register "), self.registration
        assert self.registration.endswith("\0"), self.registration
        words = self.registration.removeprefix("@wproc register ").rstrip("\0").split(";")
        self.options = dict(word.split("=", 1) for word in words)
        self.plugin = self.options["plugin"]
        self._buffer = b""
        self._answers: dict[str, Answer] = {}
        sock.sendall(b"OK\0")

    def give(self, number: int, command: str, timeout: int = 60) -> None:
        """One job."""
        pairs = f"job_id={number}\0type=2\0command={command}\0timeout={timeout}\0"
        self._socket.sendall(pairs.encode() + b"\1\0\0\0")

    def answer(self, number: int, within: float = 20) -> Answer:
        """The answer to a job."""
        end = time.monotonic() + within
        while str(number) not in self._answers:
            assert time.monotonic() < end, f"no answer to {number} within {within} s"
            self._socket.settimeout(max(end - time.monotonic(), 0.01))
            octets = self._socket.recv(1 << 16)
            assert octets, "the worker has closed the connection"
            self._buffer += octets
            *messages, self._buffer = self._buffer.split(b"\1\0\0\0")
            for message in messages:
                pairs = dict(pair.split("=", 1) for pair in message.decode().split("\0") if pair)
                assert pairs["job_id"] not in self._answers, f"two answers to {pairs['job_id']}"
                self._answers[pairs["job_id"]] = Answer(pairs)
        return self._answers[str(number)]

    def ended(self, within: float = 20) -> bool:
        """Whether the worker closes the connection in time."""
        self._socket.settimeout(within)
        try:
            while octets := self._socket.recv(1 << 16):
                self._buffer += octets
        except OSError:
            return False
        return True

    def close(self) -> None:
        self._socket.close()
