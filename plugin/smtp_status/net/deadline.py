"""The one deadline of a run."""

from __future__ import annotations

from time import monotonic


class Deadline:
    """The one end of everything; ``started`` and ``at`` are instants of the monotonic clock in seconds.

    ``began``: the instant ``seconds`` count from, where that was earlier than now.
    """

    def __init__(self, seconds: float, began: float | None = None) -> None:
        self.started = monotonic()
        self.at = (self.started if began is None else began) + seconds

    def elapsed(self) -> float:
        """Seconds since it was made."""
        return monotonic() - self.started

    def left(self) -> float:
        """Seconds left, 0 when it has passed."""
        return max(self.at - monotonic(), 0.0)

    def passed(self) -> bool:
        """Whether it has passed."""
        return monotonic() >= self.at

    def end(self) -> None:
        """Let it pass now."""
        self.at = min(self.at, monotonic())
