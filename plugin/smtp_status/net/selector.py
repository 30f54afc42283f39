"""Which sockets are ready, told by the kernel itself: by epoll where there is one, else by poll.

The standard library's ``selectors`` does the same for more systems, but for a price, counted in instructions: it takes
1.4 % of a plain check to load, which would go beyond what ``test_import_cost`` allows, and its layers take 3 % of each
of many conversations in one process.
"""

from __future__ import annotations

import select

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Callable

    Ready = Callable[[], None]

READ = select.POLLIN
WRITE = select.POLLOUT


def readable(descriptors: Iterable[int], timeout: float) -> set[int]:
    """Those of ``descriptors`` that are readable, or at their end, once one is or ``timeout`` seconds have passed.

    Not by ``select``, which knows no descriptor above 1,023: a process may have inherited as many.
    """
    poll = select.poll()
    for descriptor in descriptors:
        poll.register(descriptor, READ)
    return {descriptor for descriptor, _events in poll.poll(timeout * 1000)}


class Selector:
    """Watches file descriptors, each for somebody who wants to be called when it is ready or in error."""

    def __init__(self) -> None:
        self._watched: dict[int, Ready] = {}
        # Both have the same methods and take the same numbers; but one waits seconds, the other milliseconds.
        self._epoll = select.epoll() if hasattr(select, "epoll") else None
        self._poll: select.epoll | select.poll = self._epoll or select.poll()

    def __enter__(self) -> Selector:
        return self

    def __exit__(self, *_: object) -> None:
        if self._epoll is not None:
            self._epoll.close()

    def register(self, descriptor: int, events: int, ready: Ready) -> None:
        """Watch ``descriptor`` for READ, WRITE or both."""
        self._poll.register(descriptor, events)
        self._watched[descriptor] = ready

    def modify(self, descriptor: int, events: int) -> None:
        """Watch it for other events."""
        self._poll.modify(descriptor, events)

    def unregister(self, descriptor: int) -> None:
        """Watch it no longer; to be called before it is closed."""
        self._poll.unregister(descriptor)
        del self._watched[descriptor]

    def select(self, timeout: float) -> list[Ready]:
        """Who is to be called, once there is somebody or ``timeout`` seconds have passed."""
        watched = self._watched
        if self._epoll is not None:
            found = self._epoll.poll(timeout, len(watched) or 1)
        else:
            found = self._poll.poll(timeout * 1000)
        return [watched[descriptor] for descriptor, _events in found]
