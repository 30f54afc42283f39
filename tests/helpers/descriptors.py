"""Which descriptors this process has open."""

from __future__ import annotations

import contextlib
import gc
import os
import time
from collections.abc import Iterator

PATIENCE = 5.0
"""Seconds a thread may take to close what was its own."""


def descriptors() -> set[tuple[str, str]]:
    """Number and file of each, without what only waits for the garbage collector."""
    gc.collect()
    found = set()
    for number in os.listdir("/proc/self/fd"):
        with contextlib.suppress(FileNotFoundError):  # the listing's own
            found.add((number, os.readlink(f"/proc/self/fd/{number}")))
    return found


@contextlib.contextmanager
def none_left_open() -> Iterator[None]:
    """Raises AssertionError where something is opened and not closed; what is closed besides does not count."""
    before = descriptors()
    yield
    end = time.monotonic() + PATIENCE
    while descriptors() - before and time.monotonic() < end:
        time.sleep(0.01)
    assert not descriptors() - before
