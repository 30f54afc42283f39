"""Names to addresses for many checks: equal names that are asked for at the same time are looked up once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..net.resolve import Lookup

if TYPE_CHECKING:
    from typing import Callable

    from .pool import Pool

    Asked = tuple[str, int, int]


class Lookups:
    """What is being looked up, and who waits for it."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._waiting: dict[Asked, list[tuple[Lookup, Callable[[], None]]]] = {}

    def look_up(self, name: str, port: int, family: int, done: Callable[[], None]) -> Lookup:
        """Begin to look up ``name``; ``done`` is called once the lookup is done.  Raises OSError where there is no
        thread for it."""
        asked = (name, port, family)
        lookup = Lookup(name, port, family)
        if asked in self._waiting:
            self._waiting[asked].append((lookup, done))
            return lookup
        # The one that asks is nobody's: whoever waits may have given up meanwhile.
        asking = Lookup(name, port, family)
        self._pool.submit(asking.ask, lambda: self._found(asked, asking))
        self._waiting[asked] = [(lookup, done)]
        return lookup

    def _found(self, asked: Asked, asking: Lookup) -> None:
        for lookup, done in self._waiting.pop(asked):
            if lookup.failure is None:
                lookup.answered_as(asking)
                done()
