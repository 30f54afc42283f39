"""The plugin's own engine, check and output against a player, with neither sockets nor real time.

The seams are the ones the engine has: its Transport, its selector and the two clocks.  Everything above is the real
thing, so what is tested is what runs; what a second takes here is nothing.
"""

from __future__ import annotations

import heapq
from contextlib import ExitStack
from random import Random
from typing import Callable, NamedTuple
from unittest import mock

from smtp_status.check import check, resource
from smtp_status.findings import Address, Failure, Outcome, TransportError
from smtp_status.net import clock, connecting, conversation, handshaking, loop
from smtp_status.net.selector import READ, WRITE
from smtp_status.options.settings import Settings
from smtp_status.tls import context, layer
from smtp_status.tls.layer import Peer

from .plans import any_settings
from .player import End, Player, Say, Script, Step

START = 1000.0
"""The monotonic clock when a conversation begins."""


TURNS = 20_000
"""Turns of the engine's loop, more than the slowest conversation needs."""

_ROOM = End("room")
"""Not of the player: the connection takes octets again."""


class Played(NamedTuple):
    """One conversation that has ended.  ``seconds``: what it took by its own clock."""

    settings: Settings
    player: Player
    outcome: Outcome
    text: str
    code: int
    seconds: float
    connected: bool

    hurried = False
    late = 0.0

    @property
    def deadline(self) -> float:
        """The instant at which the plugin had to give up."""
        return START + self.settings.timeout


class World:
    """The clock, what is still to happen, and the selector that makes time pass."""

    def __init__(self) -> None:
        self.now = START
        self._due: list[tuple[float, int, Link, Step]] = []
        self._numbers = 0
        self._turns = 0
        self._watched: dict[Link, tuple[int, Callable[[], None]]] = {}
        self._instant: tuple[float, clock.Instant] = (0.0, (0, 0, None))

    def instant(self) -> clock.Instant:
        if self._instant[0] != self.now:
            self._instant = (self.now, (int(self.now * 1e9), 0, None))
        return self._instant[1]

    def later(self, at: float, link: Link, step: Step) -> None:
        self._numbers += 1
        heapq.heappush(self._due, (at, self._numbers, link, step))

    # -- a selector

    def __enter__(self) -> World:
        return self

    def __exit__(self, error: object, *_: object) -> None:
        assert error or not self._watched, "a connection was left open"

    def register(self, link: Link, events: int, ready: Callable[[], None]) -> None:
        assert link not in self._watched
        self._watched[link] = (events, ready)

    def modify(self, link: Link, events: int) -> None:
        self._watched[link] = (events, self._watched[link][1])

    def unregister(self, link: Link) -> None:
        del self._watched[link]

    def select(self, timeout: float) -> list[Callable[[], None]]:
        self._turns += 1
        assert self._turns < TURNS, "the loop turns without getting anywhere"
        until = self.now + timeout
        while True:
            ready = [call for link, (events, call) in self._watched.items() if link.ready() & events]
            if ready:
                return ready
            if not self._due or self._due[0][0] > until:
                self.now = max(self.now, until)
                return []
            at, _, link, step = heapq.heappop(self._due)
            self.now = max(self.now, at)
            link.happens(step)


class Link:
    """Stands for the engine's Transport: the connection to one player."""

    def __init__(self, world: World, rng: Random, address: Address, player: Player) -> None:
        self.address = address
        self.began = self.last_received = world.instant()
        self.connected = False
        self._world = world
        self._rng = rng
        self._player = player
        self._inbox: list[bytes] = []
        self._unsent = b""
        self._end = ""
        self._busy = 0.0
        self._room = True
        self._narrow = rng.random() < 0.1  # takes little at a time, and not always
        self._secure = ""
        self._pending = False
        self._way = (
            "at once" if player.behaves else rng.choice((*("at once",) * 6, *("later",) * 6, "refused", "silent"))
        )
        self._sent = self._first = world.instant()

    def fileno(self) -> Link:
        """What the selector is told; there is no number."""
        return self

    def ready(self) -> int:
        if self._pending:
            return WRITE if self._way == "later" else 0
        here = (
            READ if self._inbox or self._end in ("close", "reset") or self._secure in ("good", "bad", "closed") else 0
        )
        return here | (WRITE if self._room else 0)

    def happens(self, step: Step) -> None:
        """A step of the player is carried out."""
        if isinstance(step, Say):
            if step.octets:
                self._inbox.append(step.octets)
        elif step is _ROOM:
            self._room = self._end != "deaf"
        elif isinstance(step, End):
            self._end = step.how
            self._room = self._room and step.how != "deaf"
        else:
            self._secure = step.how

    def _play(self, script: Script) -> None:
        self._busy = max(self._busy, self._world.now)
        for step in script:
            self._busy += step.delay if isinstance(step, Say) else 0.0
            self._world.later(self._busy, self, step)

    # -- what the engine calls

    def connect(self) -> bool:
        if self._way == "refused":
            raise TransportError(Failure("refused", f"connection refused by {self.address.place}"))
        self._pending = self._way != "at once"
        if not self._pending:
            self.finish_connect()
        return not self._pending

    def finish_connect(self) -> None:
        self._pending = False
        self.connected = True
        self._play(self._player.connected(self._world.now))

    def connect_time(self) -> tuple[float, clock.Instant]:
        return 0.0, self._world.instant()

    def own(self) -> tuple[str, int]:
        return "192.0.2.1", 40000

    def left(self) -> None:
        return None

    def close(self) -> None:
        self._end = self._end or "left"

    def mark(self) -> None:
        self._first = self._world.instant()

    def send(self, data: bytes) -> bool:
        assert not self._unsent, "what waits goes first"
        self._unsent = data
        return self.flush()

    def flush(self) -> bool:
        while self._unsent and self._send_some():
            pass
        return not self._unsent

    def _send_some(self) -> bool:
        if self._end == "reset" or (self._end == "close" and self._rng.random() < 0.5):
            raise TransportError(Failure("closed", "connection reset by the server"))
        if not self._room:
            return False
        size = len(self._unsent)
        # RSET and QUIT are not waited for, so that they are owed to a server only where there is room at once.
        if self._narrow and size > len(b"QUIT\r\n") and self._rng.random() < 0.5:
            self._room = False
            self._world.later(self._world.now + 0.001, self, _ROOM)
            return False
        taken = self._rng.randrange(1, size + 1) if self._narrow or size > 100_000 else size
        self._sent = self._world.instant()
        if self._end != "close":
            self._play(self._player.heard(self._unsent[:taken], self._world.now))
        self._unsent = self._unsent[taken:]
        return True

    def waiting(self) -> bool:
        return bool(self._unsent)

    def quiet(self) -> bool:
        return not self._inbox and self._end not in ("close", "reset")

    def receive(self) -> bytes | None:
        if self._inbox:
            octets = self._inbox.pop(0)
            if len(octets) > 1 and self._rng.random() < 0.1:
                at = self._rng.randrange(1, len(octets))
                octets, rest = octets[:at], octets[at:]
                self._inbox.insert(0, rest)
            if len(self._player.delivered) <= 2 << 20 and len(self._player.received) < 2:
                self._player.delivered += octets
        elif self._end == "close":
            octets = b""
        elif self._end == "reset":
            raise TransportError(Failure("closed", "connection reset by the server"))
        else:
            return None
        self.last_received = self._world.instant()
        return octets

    def first_sent(self) -> clock.Instant:
        return self._first

    def last_sent(self) -> clock.Instant:
        return self._sent

    def start_tls(self, layer: object) -> None:
        pass

    def handshake(self) -> bool:
        how, self._secure = self._secure, ""
        if how == "good":
            self._play(self._player.secured(self._world.now))
            return True
        if how == "bad":
            raise TransportError(Failure("handshake", "TLS handshake failed: no shared cipher"))
        if how == "closed" or self._end in ("close", "reset"):
            raise TransportError(Failure("closed", "connection closed by the server during the TLS handshake"))
        return False

    def peer(self) -> Peer:
        return Peer("TLSv1.3", "TLS_AES_256_GCM_SHA384", self._player.chain)


class Simulation:
    """Holds conversations one after the other; to be entered once for many, since that puts the seams in place."""

    def __init__(self) -> None:
        self._world = World()
        self._links: list[Link] = []
        self._resources: list[resource.SMTP] = []
        self._seams = ExitStack()
        self._rng = Random(0)
        self._player: Player | None = None

    def __enter__(self) -> Simulation:
        for target, name, stand_in in (
            (connecting, "Transport", self._open),
            (loop, "Selector", lambda: self._world),
            *(
                (module, "monotonic", self._monotonic)
                for module in (loop, conversation, connecting, handshaking, clock)
            ),
            (clock, "now", self._instant),
            (context, "make_context", lambda plan: object()),
            (layer, "TlsLayer", lambda _context, _name, _plan: None),
            (check, "SMTP", self._resource),
        ):
            self._seams.enter_context(mock.patch.object(target, name, stand_in))
        return self

    def __exit__(self, *_: object) -> None:
        self._seams.close()

    def _monotonic(self) -> float:
        return self._world.now

    def _instant(self) -> clock.Instant:
        return self._world.instant()

    def _open(self, address: Address, source: str | None) -> Link:
        assert self._player is not None
        link = Link(self._world, self._rng, address, self._player)
        self._links.append(link)
        return link

    def _resource(self, settings: Settings) -> resource.SMTP:
        made = resource.SMTP(settings)
        self._resources.append(made)
        return made

    def play(self, rng: Random) -> Played:
        """Hold the conversation that ``rng`` tells."""
        self._rng = rng
        self._world = World()
        self._links.clear()
        self._resources.clear()
        settings = any_settings(rng)
        player = self._player = Player(rng, settings.plan, START + settings.timeout)
        shown, code = check.perform(settings, START, None)
        outcome = self._resources[0].outcomes[0]
        connected = bool(self._links) and self._links[-1].connected
        return Played(settings, player, outcome, shown, code, self._world.now - START, connected)
