"""The other end of the thin client: who may ask, what is asked, and what is answered (``client/``)."""

from __future__ import annotations

import os
import socket
import struct
import time
from typing import TYPE_CHECKING, NamedTuple

from ..net.selector import READ, WRITE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Callable

    from ..net.selector import Selector

VERSION = b"1"

MAX_REQUEST = 128 * 1024
"""Octets of a request behind its length."""

MAX_WORDS = 1000

FIRST_WAIT = 2.0
"""Seconds until a request must be complete; the client itself waits for one."""

LONGEST_WAIT = 10.0
"""Seconds until an answer must be taken."""

LENGTH = struct.Struct("!I")
"""How long what follows is."""

_CREDENTIALS = struct.Struct("3i")  # of struct ucred: pid, user, group


class Request(NamedTuple):
    """What a client asks: its arguments, the password for them (None: there is none) and its directory."""

    words: list[str]
    password: str | None
    directory: str


class RefusedError(Exception):
    """This request is not for the resident."""


def may_ask(sock: socket.socket) -> tuple[bool, bool]:
    """Whether the process at the other end may ask, and whether its lines may name files.

    Only the user of this process may, and root, who may read more than this process: its lines may not.
    """
    _pid, user, _group = _CREDENTIALS.unpack(sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))
    own = os.geteuid()
    return user in {0, own}, user == own


def parse(fields: bytes, network: bytes) -> Request:
    """The request in ``fields``; ``network`` is the network namespace of this process.  Raises RefusedError."""
    version, there, directory, password, *words, rest = fields.split(b"\0", MAX_WORDS + 5)
    if version != VERSION or there != network or rest or len(words) > MAX_WORDS:
        raise RefusedError
    return Request(
        [os.fsdecode(word) for word in words],
        os.fsdecode(password[1:]) if password else None,
        os.fsdecode(directory),
    )


def request_of(words: Sequence[str]) -> bytes:
    """The request of a process of this user's, in this network namespace: without a password, and with a directory
    that no relative path is meant from."""
    fields = [VERSION, network_namespace(), b"/", b"", *map(os.fsencode, words), b""]
    body = b"\0".join(fields)
    return LENGTH.pack(len(body)) + body


def network_namespace() -> bytes:
    """What tells the network namespace of this process from others, in the client's words."""
    found = os.stat("/proc/self/ns/net")
    return b"%d:%d" % (found.st_dev, found.st_ino)


class Client:
    """One connection of a client, from the first octet of its request to the last of its answer."""

    def __init__(self, sock: socket.socket, selector: Selector, clients: Clients, files: bool) -> None:
        self.files = files
        self.arrived = time.monotonic()
        self.until = self.arrived + FIRST_WAIT
        """When its patience, or ours, is at an end; only while it owes us something."""
        self._socket = sock
        self._selector = selector
        self._clients = clients
        self._events = 0
        self._received = bytearray()
        self._unsent = b""
        self._acknowledged = False
        self.request: Request | None = None
        self.stop: Callable[[], None] | None = None
        """To be called when the client wants the verdict so far, or is gone."""

    @property
    def owes(self) -> bool:
        """Whether it has not asked yet, or not taken all of its answer."""
        return self.request is None or bool(self._unsent)

    def hear(self) -> None:
        """Receive what has come."""
        if self.request is not None:
            self._listen_for_the_end()
            return
        while self.request is None:
            try:
                octets = self._socket.recv(1 << 16)
            except BlockingIOError:
                self._watch(READ)
                return
            except OSError:
                octets = b""
            if not octets:
                self.close()
                return
            self._received += octets
            if not self._complete():
                return
        self._watch(READ)

    def acknowledge(self) -> None:
        """Say that the request is taken, unless that was said."""
        if not self._acknowledged and self.request is not None and not self._unsent:
            self._acknowledged = True
            self._send(b"A")

    def done(self, code: int, output: bytes) -> None:
        """Answer."""
        before = b"" if self._acknowledged else b"A"
        self._acknowledged = True
        self._finish(before + b"%d" % code + LENGTH.pack(len(output)) + output)

    def alone(self) -> None:
        """Let the client run the plugin."""
        self._finish(b"N")

    def close(self) -> None:
        """Leave."""
        self._watch(0)
        self._socket.close()
        self._received.clear()
        self._clients.left(self)
        if self.stop is not None:
            stop, self.stop = self.stop, None
            stop()

    def _complete(self) -> bool:
        """Take the request where all of it is there; False when there is none to come."""
        received = self._received
        if len(received) < LENGTH.size:
            return True
        (size,) = LENGTH.unpack_from(received)
        if size > MAX_REQUEST or len(received) > size + LENGTH.size:
            self.alone()
            return False
        if len(received) == size + LENGTH.size:
            fields = bytes(received[LENGTH.size :])
            received.clear()
            try:
                self.request = parse(fields, self._clients.network)
            except (RefusedError, ValueError):
                self.alone()
                return False
            self._clients.asked(self)
        return True

    def _listen_for_the_end(self) -> None:
        try:
            octets = self._socket.recv(1)
        except BlockingIOError:
            return
        except OSError:
            octets = b""
        if octets:  # nothing more was due
            self.close()
            return
        # It was told to end, or has ended: either way nobody waits for more than there is by now.
        self._watch(0)
        if self.stop is not None:
            stop, self.stop = self.stop, None
            stop()

    def _finish(self, octets: bytes) -> None:
        self.stop = None
        self._unsent += octets
        self.until = time.monotonic() + LONGEST_WAIT
        self._flush_and_close()

    def _flush_and_close(self) -> None:
        self._send(b"")
        if self._unsent:
            self._watch(WRITE)
        else:
            self.close()

    def _send(self, octets: bytes) -> None:
        self._unsent += octets
        try:
            while self._unsent:
                self._unsent = self._unsent[self._socket.send(self._unsent, socket.MSG_NOSIGNAL) :]
        except BlockingIOError:
            return
        except OSError:  # it is gone
            self._unsent = b""

    def _watch(self, events: int) -> None:
        if events == self._events:
            return
        if not self._events:
            self._selector.register(self._socket.fileno(), events, self._ready)
        elif events:
            self._selector.modify(self._socket.fileno(), events)
        else:
            self._selector.unregister(self._socket.fileno())
        self._events = events

    def _ready(self) -> None:
        if self._events == WRITE:
            self._flush_and_close()
        elif self._events == READ:
            self.hear()


class Clients:
    """All clients of a back end; ``asked`` is called with each whose request is complete."""

    def __init__(self, listener: socket.socket, selector: Selector, asked: Callable[[Client], None]) -> None:
        self.network = network_namespace()
        self.asked = asked
        self._listener = listener
        self._selector = selector
        self._all: dict[Client, None] = {}
        self._half_open: dict[Client, None] = {}
        self._listening = False

    MOST_HALF_OPEN = 200
    """Clients whose request is not complete; one more, and the oldest has to do without us."""

    AT_A_TIME = 32
    """Clients accepted before somebody else has his turn; other back ends accept too."""

    def __len__(self) -> int:
        return len(self._all)

    def listen(self, wanted: bool) -> None:
        """Accept clients, or leave them to others."""
        if wanted != self._listening:
            self._listening = wanted
            if wanted:
                self._selector.register(self._listener.fileno(), READ, self._accept)
            else:
                self._selector.unregister(self._listener.fileno())

    def stop_listening(self) -> None:
        """Accept none any more."""
        self.listen(False)
        self._listener.close()

    def tick(self, now: float) -> None:
        """Acknowledge what takes its time, and leave those that do not do their part."""
        for client in list(self._all):
            if client.owes and now >= client.until:
                client.close()
            else:
                client.acknowledge()

    def left(self, client: Client) -> None:
        """This one is no more."""
        self._all.pop(client, None)
        self._half_open.pop(client, None)

    def _accept(self) -> None:
        for _ in range(self.AT_A_TIME):
            try:
                sock, _address = self._listener.accept()
            except BlockingIOError:
                return
            except OSError:  # no descriptor left, or it has gone meanwhile
                return
            sock.setblocking(False)
            may, files = may_ask(sock)
            if not may:
                sock.close()
                continue
            client = Client(sock, self._selector, self, files)
            self._all[client] = None
            client.hear()
            if client.request is None and client in self._all:
                self._half_open[client] = None
                if len(self._half_open) > self.MOST_HALF_OPEN:
                    next(iter(self._half_open)).close()
