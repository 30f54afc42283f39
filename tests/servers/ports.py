"""Ports on loopback: free ones, one that refuses, one that never answers."""

from __future__ import annotations

import contextlib
import functools
import itertools
import os
import random
import socket
from collections.abc import Iterator

# Below the ports the kernel hands to outgoing connections, so that no client takes one between choice and
# use.
_FIRST, _LAST = 20000, 32000
_SHARES = 8


def free_ports(count: int, host: str = "127.0.0.1") -> list[int]:
    """``count`` different TCP ports nobody listens on, and nobody else in these tests was given before."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    order = _order()
    ports: list[int] = []
    while len(ports) < count:
        port = next(order)
        with socket.socket(family) as probe, contextlib.suppress(OSError):
            probe.bind((host, port))
            ports.append(port)
    return ports


@functools.cache
def _order() -> Iterator[int]:
    """The ports of this process's share, in no order, and then again.

    Servers are made before any of them is started: chosen freely, a port would be chosen twice now and then, and the
    second server would end.  Each process of pytest-xdist has a share of its own.
    """
    number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    share = list(range(_FIRST + number % _SHARES, _LAST, _SHARES))
    random.SystemRandom().shuffle(share)
    return itertools.cycle(share)


@contextlib.contextmanager
def refusing_port(host: str = "127.0.0.1") -> Iterator[int]:
    """A port where connections are refused, and that nobody else can take meanwhile."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as holder:
        holder.bind((host, 0))
        yield int(holder.getsockname()[1])


@contextlib.contextmanager
def silent_port(host: str = "127.0.0.1") -> Iterator[int]:
    """A port where a connection is never established: its queue is full, so the kernel drops every SYN."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket(family))
        listener.bind((host, 0))
        listener.listen(0)
        address = listener.getsockname()
        for _ in range(8):
            filler = stack.enter_context(socket.socket(family))
            filler.settimeout(0.2)
            try:
                filler.connect(address)
            except OSError:
                break
        else:
            raise RuntimeError("the queue of a listening socket never became full")
        yield int(address[1])
