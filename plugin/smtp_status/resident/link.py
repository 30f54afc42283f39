"""What the front and a back end say to each other: one message a packet, over a pair of unix sockets.

Instants are of the monotonic clock, which all processes of a machine share.
"""

from __future__ import annotations

import errno
import os
import socket
from collections import deque

MAX_PACKET = 96 * 1024
"""Octets of a message; a longer command is none for a back end."""

MAX_FIELD = MAX_PACKET - 100
"""Octets of a message's last field, its longest."""

# From the front.
CHECK = b"C"  # number, instant to end at, command
END = b"E"  # number, or nothing for all: the verdict so far is wanted now
FINISH = b"F"  # take nothing new, exit when what is in hand is done
PING = b"P"

# From a back end.
READY = b"R"
PART = b"M"  # number, part of an output too long for one message: the next one, or the last, follows
RESULT = b"D"  # number, exit code, output
ALONE = b"A"  # number: this one takes a process of its own
PONG = b"O"
OUTDATED = b"V"  # another version of the package is installed by now


def packed(kind: bytes, *fields: bytes) -> bytes:
    """One message; only the last field may hold a NUL."""
    return kind + b"\0".join(fields)


def unpacked(packet: bytes, fields: int) -> list[bytes]:
    """The ``fields`` of a message behind its kind."""
    return packet[1:].split(b"\0", fields - 1)


class Link:
    """One end of the pair, which never waits: what the other end has no room for is kept until it has."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self._socket = sock
        self._waiting: deque[bytes] = deque()

    def fileno(self) -> int:
        """For the selector."""
        return self._socket.fileno()

    @property
    def waiting(self) -> bool:
        """Whether there is something that the other end had no room for."""
        return bool(self._waiting)

    def send(self, packet: bytes) -> None:
        """Send, or keep until ``flush``.  A dead other end shows at the next ``receive``."""
        self._waiting.append(packet)
        self.flush()

    def flush(self) -> None:
        """Send what waits, as far as there is room."""
        while self._waiting:
            try:
                self._socket.send(self._waiting[0])
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno == errno.ENOBUFS:
                    return
                self._waiting.clear()
                return
            self._waiting.popleft()

    def receive(self) -> list[bytes] | None:
        """The messages that have come; None once the other end is gone and all it said was received."""
        packets: list[bytes] = []
        while True:
            try:
                packet = self._socket.recv(MAX_PACKET)
            except BlockingIOError:
                return packets
            except OSError:
                packet = b""
            if not packet:
                return packets or None
            packets.append(packet)

    def close(self) -> None:
        """Close this end."""
        self._socket.close()


def pair() -> tuple[Link, socket.socket]:
    """The front's end, and the other one for a process that is to be started."""
    here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    return Link(here), there


def inherited(descriptor: int) -> Link:
    """The end of a process that was started with it."""
    os.set_inheritable(descriptor, False)
    return Link(socket.socket(fileno=descriptor))
