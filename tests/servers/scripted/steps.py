"""The words of the script language: each step knows how to play itself in a session."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, Union

from .session import Ended, Session


class Step(Protocol):
    """Something a script can hold."""

    def play(self, session: Session) -> None: ...


Action = Union[None, bytes, Step, Sequence[Any], Callable[[Session], Any]]
"""None, bytes to send, a step, several actions in order, or a function of the session that returns an
action."""


def play(action: Action, session: Session) -> None:
    """Do what ``action`` says."""
    if action is None:
        return
    if isinstance(action, (bytes, bytearray)):
        session.send(bytes(action))
    elif isinstance(action, (list, tuple)):
        for part in action:
            play(part, session)
    elif hasattr(action, "play"):
        action.play(session)
    elif callable(action):
        play(action(session), session)
    else:
        raise TypeError(f"no action: {action!r}")


class Turns:
    """One action for each time this is played in a session; the last one stays."""

    def __init__(self, *actions: Action) -> None:
        self._actions = actions

    def play(self, session: Session) -> None:
        turn = session.turns.get(id(self), 0)
        session.turns[id(self)] = turn + 1
        play(self._actions[min(turn, len(self._actions) - 1)], session)


@dataclass(frozen=True)
class Drip:
    """Send ``data`` in pieces of ``size`` bytes with ``interval`` seconds between them."""

    data: bytes
    size: int = 1
    interval: float = 0.05

    def play(self, session: Session) -> None:
        for start in range(0, len(self.data), self.size):
            if start:
                session.sleep(self.interval)
            session.send(self.data[start : start + self.size])


class Split:
    """Send ``data`` cut at the given offsets, with ``pause`` seconds at each cut."""

    def __init__(self, data: bytes, *cuts: int, pause: float = 0.05) -> None:
        bounds = [0, *cuts, len(data)]
        self._pieces = [data[start:end] for start, end in zip(bounds, bounds[1:])]
        self._pause = pause

    def play(self, session: Session) -> None:
        for number, piece in enumerate(self._pieces):
            if number:
                session.sleep(self._pause)
            session.send(piece)


@dataclass(frozen=True)
class Line:
    """Read one line; with ``begins`` it is a fault of the client when it begins otherwise (case does not
    count)."""

    begins: bytes = b""

    def play(self, session: Session) -> None:
        line = session.read_line()
        if not line.upper().startswith(self.begins.upper()):
            session.faults.append(f"wanted {self.begins!r}, got {line!r}")


class Message:
    """Read a message up to its final dot."""

    def play(self, session: Session) -> None:
        session.read_message()


@dataclass(frozen=True)
class Read:
    """Read ``count`` bytes."""

    count: int

    def play(self, session: Session) -> None:
        session.read_bytes(self.count)


class Eof:
    """Read and record until the client closes; the session ends then."""

    def play(self, session: Session) -> None:
        session.read_end()


class Silence(Eof):
    """Keep the connection open, reading and never answering."""


class Deaf:
    """Keep the connection open without ever reading again."""

    def play(self, session: Session) -> None:
        session.ignore()


@dataclass(frozen=True)
class Sleep:
    """Do nothing for ``seconds``."""

    seconds: float

    def play(self, session: Session) -> None:
        session.sleep(self.seconds)


@dataclass(frozen=True)
class StartTls:
    """Do the server's side of a TLS handshake with ``context``."""

    context: ssl.SSLContext

    def play(self, session: Session) -> None:
        session.start_tls(self.context)


@dataclass(frozen=True)
class Close:
    """Close the connection, in TLS with close_notify unless ``notify`` is false (then it looks cut off)."""

    notify: bool = True

    def play(self, session: Session) -> None:
        if self.notify:
            session.notify_close()
        raise Ended("server")


class HalfClose:
    """Send the end of the stream and go on with the script."""

    def play(self, session: Session) -> None:
        session.half_close()


class Reset:
    """End the connection with a TCP reset."""

    def play(self, session: Session) -> None:
        session.reset()
        raise Ended("server-reset")
