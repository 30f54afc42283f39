"""Names to addresses for many checks: equal names that are asked for at the same time are looked up once."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ..net.resolve import Lookup

if TYPE_CHECKING:
    from typing import Callable

    from .pool import Pool

    Asked = tuple[str, int, int]

PATIENCE = 0.5
"""Seconds that a question may be out before a check that comes then asks anew: its packet may be lost, or the resolver
be back meanwhile, and it waits for seconds all the same.  Twice as many for each more that is out: each holds a
thread."""


class _Question:
    """One question to the resolver, and who waits for its answer.

    The lookup that asks is nobody's: whoever waits may have given up meanwhile.
    """

    def __init__(self, asking: Lookup) -> None:
        self.asking = asking
        self.began = time.monotonic()
        self.waiting: list[tuple[Lookup, Callable[[], None]]] = []


class Lookups:
    """What is being looked up, and who waits for it."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._out: dict[Asked, list[_Question]] = {}

    def look_up(self, name: str, port: int, family: int, done: Callable[[], None]) -> Lookup:
        """Begin to look up ``name``; ``done`` is called once the lookup is done.  Raises OSError where there is no
        thread for it, and no question out."""
        asked = (name, port, family)
        lookup = Lookup(name, port, family)
        out = self._out.get(asked, [])
        if not out or time.monotonic() >= out[-1].began + PATIENCE * 2 ** (len(out) - 1):
            try:
                out = self._ask(asked)
            except OSError:
                if not out:
                    raise
        out[-1].waiting.append((lookup, done))
        return lookup

    def _ask(self, asked: Asked) -> list[_Question]:
        """All questions that are out now, the newest of them just asked."""
        question = _Question(Lookup(*asked))
        self._pool.submit(question.asking.ask, lambda: self._found(asked, question))
        out = self._out.setdefault(asked, [])
        out.append(question)
        return out

    def _found(self, asked: Asked, question: _Question) -> None:
        out = self._out[asked]
        out.remove(question)
        if not out:
            del self._out[asked]
        for lookup, done in question.waiting:
            if lookup.failure is None:
                lookup.answered_as(question.asking)
                done()
