"""The connections to a Nagios or Naemon core: one for each command whose checks are taken over."""

from __future__ import annotations

import os
import socket
import time
from typing import TYPE_CHECKING

from . import log, worker

if TYPE_CHECKING:
    from .job import Job
    from .worker import End, Order

RETRY = 0.25
"""Seconds between two attempts to reach a core that is not there."""


class Connection:
    """One registered connection.  Never waits; what the core has no room for is kept."""

    def __init__(self, path: str, plugin: str) -> None:
        """Connect and register.  Raises OSError."""
        self.inode = inode_of(path)
        self.in_hand = 0
        self.registered = False
        self._orders = worker.Orders()
        self._unsent = bytearray(worker.registration(plugin))
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._socket.setblocking(False)
            self._socket.connect(path)
            self.flush()
        except OSError:
            self._socket.close()
            raise

    def fileno(self) -> int:
        """For the selector."""
        return self._socket.fileno()

    def receive(self) -> tuple[list[Order], bool]:
        """The jobs that have come, and whether there will be more.  Raises ProtocolError."""
        orders: list[Order] = []
        while True:
            try:
                octets = self._socket.recv(1 << 16)
            except BlockingIOError:
                return orders, True
            except OSError:
                octets = b""
            if not octets:
                return orders, False
            orders += self._orders.feed(octets)
            self.registered = self._orders.registered

    def answer(self, job: Job, end: End) -> None:
        """Tell the core how a job ended."""
        self.in_hand -= 1
        self._unsent += worker.answer(job.order, end)
        self.flush()

    def flush(self) -> bool:
        """Send what waits; whether some of it still does."""
        try:
            while self._unsent:
                del self._unsent[: self._socket.send(self._unsent, socket.MSG_NOSIGNAL)]
        except BlockingIOError:
            return True
        except OSError:  # the end shows at the next receive
            self._unsent.clear()
        return False

    def refuse(self) -> None:
        """Take no more jobs: the core makes the next checks itself.  What it has sent can still be received."""
        try:
            self._socket.shutdown(socket.SHUT_RD)
        except OSError:
            return

    def close(self) -> None:
        """Leave."""
        self._socket.close()


class Core:
    """The core at ``path``, as the one that gives the checks whose command is ``plugin``."""

    def __init__(self, path: str, plugin: str) -> None:
        self.path = path
        self.plugin = plugin
        self.connection: Connection | None = None
        self._next_try = 0.0
        self._told = ""

    def tick(self) -> Connection | None:
        """A new connection where there is none, or where another core listens at the path by now."""
        if self.connection is not None:
            # Naemon keeps the connections when it starts anew, and never uses them again.
            if inode_of(self.path) in {None, self.connection.inode}:
                return None
            self.connection = None
        if time.monotonic() < self._next_try:
            return None
        self._next_try = time.monotonic() + RETRY
        try:
            self.connection = Connection(self.path, self.plugin)
        except OSError as error:
            self.tell(f"no core at {self.path}: {(error.strerror or 'unknown error').lower()}")
            return None
        return self.connection

    def lost(self, why: str) -> None:
        """The connection is no more."""
        self.connection = None
        self._next_try = time.monotonic() + RETRY
        self.tell(f"{self.path} {why}")

    def tell(self, text: str) -> None:
        """Log it, unless it is what was said last."""
        if text != self._told:
            self._told = text
            log.tell(text)


def inode_of(path: str) -> tuple[int, int] | None:
    """What tells one socket at ``path`` from the next; None where there is none."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino
