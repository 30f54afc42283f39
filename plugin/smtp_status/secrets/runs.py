"""Runs of octets, and looking for them."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

_FEW = 128  # so many runs are sooner looked for one by one


class Runs:
    """Runs of octets to look for."""

    def __init__(self, runs: Iterable[bytes]) -> None:
        known = set(runs)
        widths = set(map(len, known))
        self._by_width = {width: {run for run in known if len(run) == width} for width in widths}

    def __bool__(self) -> bool:
        return bool(self._by_width)

    def are_in(self, octets: bytes, step: int = 1) -> bool:
        """Whether one of them is; ``step``: whether one of them is at every so manieth place, at least."""
        for width, runs in self._by_width.items():
            if len(runs) <= _FEW and step == 1:
                if any(run in octets for run in runs):
                    return True
            elif not runs.isdisjoint(octets[start : start + width] for start in range(0, len(octets), step)):
                return True
        return False

    def places(self, octets: bytes) -> list[range]:
        """Where they are, those that overlap or touch as one."""
        found: list[range] = []
        if not self.are_in(octets):
            return found
        for start in range(len(octets)):
            for width, runs in self._by_width.items():
                if octets[start : start + width] not in runs:
                    continue
                if found and start <= found[-1].stop:
                    found[-1] = range(found[-1].start, max(found[-1].stop, start + width))
                else:
                    found.append(range(start, start + width))
        return found


def windows(text: str, length: int) -> set[str]:
    """Every ``length`` characters in a row of ``text``."""
    return {text[start : start + length] for start in range(len(text) - length + 1)}
