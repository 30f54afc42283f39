"""One check of the scheduler in the front's hands, with what it is measured by."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .connection import Connection
    from .worker import Order

UNKNOWN = 3
"""The exit code of state UNKNOWN."""


class Job:
    """What the core wants done, for whom, and until when.

    Instants of the monotonic clock: at ``end`` the verdict so far is wanted, ``due`` is when the core must have its
    answer (a second before its own limit; a job without one would be taken for running for ever).
    """

    def __init__(self, number: int, order: Order, connection: Connection) -> None:
        now = time.monotonic()
        self.number = number
        self.order = order
        self.connection = connection
        self.began = time.time()
        self.due = now + max(order.timeout - 1, order.timeout / 2)
        self.end = now + max(order.timeout - 1.5, order.timeout * 0.4)
        self.answered = False
        self.parts: list[bytes] = []
        """Of an output that does not come at once."""
