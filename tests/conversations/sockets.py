"""The plugin's own engine against players behind real sockets, many at the same time in one run.

The players of one run share a plan, since one command line has one; they listen on addresses of their own within
127.0.0.0/8, on the same port, and are the hosts of a check of several.
"""

from __future__ import annotations

import select
import socket
import ssl
import struct
import threading
import time
from random import Random, SystemRandom
from typing import NamedTuple
from unittest import mock

from smtp_status.check import check, resource, states
from smtp_status.findings import Outcome
from smtp_status.options.settings import Settings

from . import truth
from .plans import any_plan
from .player import End, Player, Say, Script

TIMEOUT = 0.8
PATIENCE = 0.1
_PORTS = (20000, 32000)  # below those the kernel gives to clients
_CLOSED = 7  # TCP_CLOSE, where a reset leads; an end leads to TCP_CLOSE_WAIT


class Held(NamedTuple):
    """One conversation of several; ``code`` is the exit code it would have given alone."""

    settings: Settings
    player: Player
    outcome: Outcome
    text: str
    code: int
    deadline: float
    late: float

    @property
    def connected(self) -> bool:
        return self.outcome.address is not None

    @property
    def hurried(self) -> bool:
        return any(finding.kind == "timeout" for finding in self.outcome.findings)


class Server:
    """One player behind a listening socket, for one connection."""

    def __init__(self, address: str, port: int, player: Player, context: ssl.SSLContext) -> None:
        self.player = player
        self._context = context
        self._stopped = threading.Event()
        self._listener = socket.create_server((address, port))
        self._listener.settimeout(0.05)
        self._connection: socket.socket | None = None
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._serve)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End it; raises what went wrong in it."""
        self._stopped.set()
        self._thread.join()
        if self._error is not None:
            raise self._error

    def close(self) -> None:
        self._listener.close()

    def _serve(self) -> None:
        while not self._stopped.is_set():
            try:
                self._connection, _ = self._listener.accept()
                break
            except OSError:
                continue
        try:
            self._converse()
        except _Ended:
            pass
        except OSError:
            # Reset by the client, who left in the middle of something: what it said last may be lost.
            self.player.ended = True
        except Exception as error:
            self._error = error
        finally:
            if self._connection is not None:
                self._connection.close()

    def _converse(self) -> None:
        if self._connection is None:
            return
        self._connection.settimeout(TIMEOUT)
        now = time.monotonic()
        self._carry_out(self.player.connected(now), now)
        while True:
            # What follows the PROXY header may be TLS, and is then not for us to read.
            whole = bool(self.player.received) or not self.player.proxied
            octets = self._heard(65536 if whole else 1)
            if not octets:
                return
            now = time.monotonic()
            self._carry_out(self.player.heard(octets, now), now)

    def _heard(self, most: int) -> bytes:
        """What comes next; empty at the end.  Raises OSError where the client resets the connection."""
        assert self._connection is not None
        coming = select.poll()
        coming.register(self._connection, select.POLLIN)
        coming.poll(1000 * TIMEOUT)
        before = _tcp_state(self._connection)
        octets = self._connection.recv(most)
        # Within TLS a reset reads like an end, and afterwards the state is the same too.
        if not octets and before == _CLOSED:
            raise ConnectionResetError
        return octets

    def _carry_out(self, script: Script, due: float) -> None:
        assert self._connection is not None
        for step in script:
            if isinstance(step, Say):
                due += step.delay  # as the player has noted it down; pauses that are too short for a wait add up
                left = due - time.monotonic()
                if left > 0.0005:
                    self._stopped.wait(left)
                if self._stopped.is_set():
                    continue  # nobody listens any more, but what was said to us is still to be read
                if len(self.player.received) < 2:
                    self.player.delivered += step.octets
                self._connection.sendall(step.octets)
            elif isinstance(step, End):
                if step.how == "deaf":
                    self._stopped.wait()
                elif step.how == "reset":
                    self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                raise _Ended
            else:
                self._secure(step.how)

    def _secure(self, how: str) -> None:
        assert self._connection is not None
        if how == "bad":
            self._connection.sendall(b"220 what is TLS?\r\n")
        elif how == "silent":
            self._stopped.wait()
        if how != "good":
            raise _Ended
        self._connection = self._context.wrap_socket(self._connection, server_side=True)
        now = time.monotonic()
        self._carry_out(self.player.secured(now), now)


class _Ended(Exception):
    """The player has ended the connection."""


def hold(rng: Random, count: int, context: ssl.SSLContext) -> list[Held]:
    """``count`` conversations at the same time, and the truth about their common verdict.

    ``context`` is the server's side of TLS.  Raises AssertionError for what must hold of all of them together.
    """
    plan = any_plan(rng)
    began = time.monotonic()
    players = [Player(rng, plan, began + TIMEOUT, PATIENCE) for _ in range(count)]
    port, servers = listening(players, context)
    settings = Settings(plan=plan, hosts=tuple(address(index) for index in range(count)), port=port, timeout=TIMEOUT)
    resources: list[resource.SMTP] = []

    def remembered(settings: Settings) -> resource.SMTP:
        resources.append(resource.SMTP(settings))
        return resources[0]

    try:
        for server in servers:
            server.player.certificate = "good"
            server.start()
        began = time.monotonic()
        with mock.patch.object(check, "SMTP", remembered):
            text, code = check.perform(settings, began, None)
    finally:
        for server in servers:
            server.close()
        for server in servers:
            server.stop()
    truth.check_output(text, code)
    outcomes = resources[0].outcomes
    held = [
        Held(settings, player, outcome, text, _code(outcome), began + TIMEOUT, max(outcome.total - TIMEOUT, 0.0))
        for player, outcome in zip(players, outcomes)
    ]
    accepting = sum(all(f.succeeded for f in outcome.findings if f.stage != "quit") for outcome in outcomes)
    assert f" {accepting} of {count} servers" in text.split("\n")[0]
    return held


def address(index: int) -> str:
    """Where the player of this index listens."""
    return f"127.0.{1 + index // 250}.{1 + index % 250}"


def listening(players: list[Player], context: ssl.SSLContext) -> tuple[int, list[Server]]:
    """All players, listening on the same port."""
    while True:
        # Not by the seed: others may be at it at the same time.
        port = SystemRandom().randrange(*_PORTS)
        servers: list[Server] = []
        try:
            for index, player in enumerate(players):
                servers.append(Server(address(index), port, player, context))
        except OSError:
            for server in servers:
                server.close()
        else:
            return port, servers


def _tcp_state(connection: socket.socket) -> int:
    return connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]  # tcpi_state of tcp(7)


def _code(outcome: Outcome) -> int:
    """The exit code of one conversation by itself."""
    found = states.worst(states.state_of(finding, (), "critical") for finding in outcome.findings)
    return ("ok", "warning", "critical", "unknown").index(found)
