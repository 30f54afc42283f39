"""TLS contexts and judges that several checks share: to read the system's authorities takes 26 ms."""

from __future__ import annotations

import os
import ssl
import time
from typing import TYPE_CHECKING, NamedTuple

from ..tls.context import make_context
from ..tls.judge import Judge

if TYPE_CHECKING:
    from ..tls.plan import TlsPlan

LIFE = 300.0
"""Seconds that a context is used."""

MOST = 100
"""Contexts kept."""


class Trust(NamedTuple):
    """What a plan makes of TLS: the context for handshakes, and the judge of what they showed."""

    context: ssl.SSLContext
    judge: Judge


class Contexts:
    """Contexts by plan.  One with a client's key is not kept: no secret outlives its check."""

    def __init__(self) -> None:
        self._kept: dict[TlsPlan, tuple[float, object, Trust]] = {}
        paths = ssl.get_default_verify_paths()
        self._system = tuple(path for path in (paths.openssl_cafile, paths.openssl_capath) if path)

    def kept(self, plan: TlsPlan) -> Trust | None:
        """The context for ``plan``, None where there is none that may still be used.  Looks at its files, so where
        they may lie anywhere it is for a thread."""
        kept = self._kept.get(plan)
        if kept is None:
            return None
        until, stamps, trust = kept
        if time.monotonic() < until and stamps == self._stamps(plan):
            return trust
        self._kept.pop(plan, None)
        return None

    def made(self, plan: TlsPlan) -> Trust:
        """The context for ``plan``, made where there is none; for a thread.  Raises ValueError as ``make_context``."""
        trust = self.kept(plan)
        if trust is None:
            stamps = self._stamps(plan)
            trust = Trust(make_context(plan), Judge(plan))
            if plan.client_cert is None and len(self._kept) < MOST:
                self._kept[plan] = (time.monotonic() + LIFE, stamps, trust)
        return trust

    def tick(self, now: float) -> None:
        """Forget those whose time is over."""
        for plan in [plan for plan, (until, *_) in self._kept.items() if now >= until]:
            self._kept.pop(plan, None)

    def _stamps(self, plan: TlsPlan) -> object:
        return tuple(map(_stamp, self._system if plan.ca is None else (plan.ca,)))


def _stamp(path: str) -> tuple[int, int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
