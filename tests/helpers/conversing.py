"""Conversations of a few actions with a server on loopback, and what came of each action."""

from __future__ import annotations

import re
import socket
import time

from smtp_status.findings import Address
from smtp_status.net import loop
from smtp_status.net.clock import Deadline
from smtp_status.smtp.actions import Ask, Connect, Connected, Handshake
from smtp_status.tls import layer
from smtp_status.tls.context import make_context
from smtp_status.tls.plan import TlsPlan

LATE = 0.5
"""Seconds by which a busy machine may be late."""

NOOP = Ask((b"NOOP\r\n",))
GREETING = b"220 ready\r\n"
OK = b"250 Ok\r\n"


def at(port: int, host: str = "127.0.0.1") -> Address:
    return Address(socket.AF_INET, (host, port), host, port)


def conversation(results: list, *actions):
    for action in actions:
        results.append((yield action))


def no_layer(_plan, _name):
    raise AssertionError("nobody asked for TLS")


def hold(*actions, seconds=5.0, new_layer=no_layer, **options) -> list:
    """The results of one conversation."""
    results: list = []
    loop.converse([conversation(results, *actions)], Deadline(seconds), new_layer, **options)
    assert len(results) == len(actions)
    return results


def ask(server, *actions, **options) -> list:
    """The results of one conversation with ``server``, without the connection's."""
    where = Address(socket.AF_UNIX, str(server.path), str(server.path), 0) if server.path else at(server.port)
    connected, *results = hold(Connect((where,)), *actions, **options)
    assert isinstance(connected, Connected)
    return results


def about(text: str) -> re.Pattern[str]:
    """``text``, in which ``#`` stands for the tenths of a second that a busy machine may make more of."""
    return re.compile(re.escape(text).replace(r"\#", "[1-9]"))


class Stopwatch:
    def __enter__(self) -> Stopwatch:
        self.began = time.monotonic()
        return self

    def __exit__(self, *_) -> None:
        self.seconds = time.monotonic() - self.began


def after(seconds: float, results: list, where: Address, *actions):
    """A conversation that lets the server speak before each action."""
    results.append((yield Connect((where,))))
    for action in actions:
        time.sleep(seconds)
        results.append((yield action))


def secured(scripted_server, *actions, mode="starttls", **options) -> list:
    secure = TlsPlan(mode, verify=False)
    context = make_context(secure)
    handshake = Handshake(secure, "localhost")
    actions = tuple(handshake if action is Handshake else action for action in actions)
    return ask(scripted_server, *actions, new_layer=lambda _plan, name: layer.TlsLayer(context, name), **options)
