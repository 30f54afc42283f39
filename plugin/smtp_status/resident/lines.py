"""What was read of a command line, for when it comes again: schedulers give the same ones minute by minute."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ..stages import STAGES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..options.settings import Settings

LIFE = 300.0
"""Seconds that settings are good for: the name of this host is among them."""

MOST = 4000
"""Lines kept."""

_BEFORE_A_MESSAGE = STAGES[: STAGES.index("message")]


class Lines:
    """Settings by the words they were read from."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, ...], tuple[float, Settings]] = {}

    def kept(self, words: Sequence[str]) -> Settings | None:
        """The settings for ``words``, None where they are not kept."""
        found = self._kept.get(tuple(words))
        return None if found is None or time.monotonic() >= found[0] else found[1]

    def keep(self, words: Sequence[str], settings: Settings) -> None:
        """Keep what was read of ``words``, unless it is good for one check only, or may hold a secret."""
        if not _is_for_many(settings):
            return
        line = tuple(words)
        self._kept.pop(line, None)
        if len(self._kept) >= MOST:
            del self._kept[next(iter(self._kept))]
        self._kept[line] = (time.monotonic() + LIFE, settings)

    def tick(self, now: float) -> None:
        """Forget those whose time is over; they stand in the order in which it ends."""
        while self._kept:
            line = next(iter(self._kept))
            if now < self._kept[line][0]:
                return
            del self._kept[line]


def _is_for_many(settings: Settings) -> bool:
    """A message bears its date and its own name, an address of this host may go away, a path needs permission."""
    plan = settings.plan
    return (
        (plan.message is None or plan.quit_after in _BEFORE_A_MESSAGE)
        and plan.credentials is None
        and not plan.commands
        and plan.tls.client_cert is None
        and settings.source is None
        and settings.sealing is None
        and not any(host.startswith("/") for host in settings.hosts)
    )
