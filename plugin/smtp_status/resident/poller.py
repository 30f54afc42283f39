"""What the front and its parts wait with: descriptors, each with somebody to call."""

from __future__ import annotations

import select
from typing import TYPE_CHECKING

from . import log

if TYPE_CHECKING:
    from collections.abc import Callable

READ, WRITE = select.EPOLLIN, select.EPOLLOUT
GONE = select.EPOLLHUP | select.EPOLLERR


class Poller:
    """Calls whoever waits for a descriptor, and lives on whatever they do."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._ready: dict[int, Callable[[int], None]] = {}

    def watch(self, descriptor: int, events: int, ready: Callable[[int], None]) -> None:
        """Call ``ready`` with the events whenever there are some; once more: with other events."""
        if descriptor in self._ready:
            self._epoll.modify(descriptor, events)
        else:
            self._epoll.register(descriptor, events)
        self._ready[descriptor] = ready

    def forget(self, descriptor: int) -> None:
        """Watch it no longer; to be called before it is closed."""
        if self._ready.pop(descriptor, None) is not None:
            self._epoll.unregister(descriptor)

    def wait(self, seconds: float) -> None:
        """Call everybody whose descriptor is ready, once one is or ``seconds`` have passed."""
        for descriptor, events in self._epoll.poll(max(seconds, 0)):
            ready = self._ready.get(descriptor)
            if ready is not None:
                safely(ready, events)


def safely(call: Callable[..., None], *given: object) -> None:
    """Call it; what it raises is told, and ends nothing else."""
    try:
        call(*given)
    except Exception as error:
        log.tell(f"a fault of its own: {type(error).__name__}: {error}")
