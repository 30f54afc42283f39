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

LOOK = 5.0
"""Seconds between two looks at whether the files of a context are still the same."""

MOST = 100
"""Contexts kept."""


class Trust(NamedTuple):
    """What a plan makes of TLS: the context for handshakes, and the judge of what they showed."""

    context: ssl.SSLContext
    judge: Judge


class _Kept(NamedTuple):
    """A context, the instants until which it is used and of the last look at its files, and what they were."""

    trust: Trust
    until: float
    looked: float
    stamps: tuple[object, ...]


class Trusts:
    """Trust by plan.  One with a client's key is not kept: no secret outlives its check."""

    def __init__(self) -> None:
        self._kept: dict[TlsPlan, _Kept] = {}
        paths = ssl.get_default_verify_paths()
        self._system = tuple(path for path in (paths.openssl_cafile, paths.openssl_capath) if path)

    def kept(self, plan: TlsPlan) -> Trust | None:
        """The context for ``plan``, None where there is none that may still be used, or its files are to be looked at
        first: they may lie anywhere, and that is for a thread."""
        kept = self._kept.get(_shared(plan))
        if kept is None or time.monotonic() >= min(kept.until, kept.looked + LOOK):
            return None
        return kept.trust

    def fresh(self, path: str) -> bool:
        """Whether the authorities of a context that is kept were looked at in ``path`` a moment ago."""
        since = time.monotonic() - LOOK
        # Of a list: a thread may keep another one in the midst of it.
        return any(plan.ca == path and kept.looked > since for plan, kept in list(self._kept.items()))

    def made(self, plan: TlsPlan) -> Trust:
        """The context for ``plan``, made where there is none of what its files are by now; for a thread.  Raises
        ValueError as ``make_context``."""
        now = time.monotonic()
        plan = _shared(plan)
        stamps = tuple(map(_stamp, self._system if plan.ca is None else (plan.ca,)))
        kept = self._kept.get(plan)
        if kept is None or now >= kept.until or stamps != kept.stamps:
            kept = _Kept(Trust(make_context(plan), Judge(plan)), now + LIFE, now, stamps)
        if plan.client_cert is None and (plan in self._kept or len(self._kept) < MOST):
            self._kept[plan] = kept._replace(looked=now)
        return kept.trust

    def tick(self, now: float) -> None:
        """Forget those whose time is over."""
        for plan in [plan for plan, kept in list(self._kept.items()) if now >= kept.until]:
            self._kept.pop(plan, None)


def _shared(plan: TlsPlan) -> TlsPlan:
    """What checks that share a context have in common: the server's name, and how its TLS begins, are of each
    conversation, and no part of it.  Each with the system's authorities takes 1 MiB."""
    return plan._replace(mode="ssl", name=None)


def _stamp(path: str) -> tuple[int, int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
