"""Whether another version of the package has been installed since this process was started."""

from __future__ import annotations

import os
import re

from .. import __version__

LOOK = 10.0
"""Seconds between two looks; what has changed is believed when it is the same at the next."""

_FILE = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "__init__.py")
_VERSION = re.compile(r'^__version__ = "([^"]+)"', re.MULTILINE)


class Installed:
    """Looks at the version on disk: a process that goes on across an upgrade would load parts of both."""

    def __init__(self) -> None:
        self._next = 0.0
        self._seen = __version__
        self._told = False

    def is_another(self, now: float) -> bool:
        """Whether it is; True once only."""
        if now < self._next or self._told:
            return False
        self._next = now + LOOK
        found = _version()
        # An upgrade takes its time; and while it lasts there may be no file at all.
        self._told = found is not None and found == self._seen and found != __version__
        self._seen = found or ""
        return self._told


def _version() -> str | None:
    try:
        with open(_FILE, encoding="utf-8") as file:
            match = _VERSION.search(file.read())
    except (OSError, ValueError):
        return None
    return match and match[1]
