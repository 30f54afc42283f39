"""Ports on loopback: free ones, one that refuses, one that never answers."""

from __future__ import annotations

import contextlib
import random
import socket
from collections.abc import Iterator

# Below the ports the kernel hands to outgoing connections, so that no client takes one between choice and
# use.
_FIRST, _LAST = 20000, 32000


def free_ports(count: int, host: str = "127.0.0.1") -> list[int]:
    """``count`` different TCP ports nobody listens on."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    choice = random.SystemRandom()
    ports: set[int] = set()
    while len(ports) < count:
        port = choice.randrange(_FIRST, _LAST)
        with socket.socket(family) as probe, contextlib.suppress(OSError):
            probe.bind((host, port))
            ports.add(port)
    return list(ports)


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
