"""The line that stands for lines that are left out."""

from __future__ import annotations

_BEFORE, _BEHIND = "... ", " lines left out ..."


def line(count: int) -> str:
    """The line for ``count`` lines."""
    return f"{_BEFORE}{count}{_BEHIND}"


def width(shown: str) -> int:
    """How many lines ``shown`` stands for: one, or those left out before."""
    if shown.startswith(_BEFORE) and shown.endswith(_BEHIND):
        return int(shown[len(_BEFORE) : -len(_BEHIND)])
    return 1
