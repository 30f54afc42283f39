"""What it costs to look for the message in a mailbox, and how true the time of arrival is."""

from __future__ import annotations

import statistics
import tempfile
from pathlib import Path

from table import Table

from helpers import arrival
from helpers.runs import install
from servers.certs import Certs
from servers.delivery import Delivery
from servers.process import started


class Arrivals:
    """Postfix in front of Dovecot; raises pytest's Skipped where they are not installed."""

    def __init__(self, certs: Certs) -> None:
        self._certs = certs

    def report(self, many: int, rounds: int) -> str:
        """Markdown: ``many`` messages in the big mailbox, ``rounds`` messages whose time is compared."""
        with tempfile.TemporaryDirectory(prefix="arr-") as name:
            place = Path(name)
            place.chmod(0o755)
            delivery = started(lambda base: Delivery(base, self._certs), place)
            try:
                cost = arrival.costs(delivery, self._certs, install(place / "site"), many)
                errors = [error * 1000 for error in arrival.errors(delivery, self._certs, rounds)]
            finally:
                delivery.stop()
        rows = [
            ("plain check", f"{cost.plain / 1e6:.0f}", "1"),
            ("with --imap, 10 messages", f"{cost.few / 1e6:.0f}", f"{cost.few / cost.plain:.2f}"),
            (f"with --imap, {many} messages", f"{cost.many / 1e6:.0f}", f"{cost.many / cost.plain:.2f}"),
        ]
        median, most = statistics.median(errors), max(errors, key=abs)
        return (
            "## Arrival\n\n"
            "A message through Postfix into Dovecot, IMAP with TLS and SCRAM-SHA-256.\n\n"
            f"{Table(('', 'million instructions', 'ratio'), rows)}\n"
            f"`time_arrive` of {rounds} messages against Dovecot's own log:"
            f" median {median:.0f} ms, most {most:.0f} ms.\n"
        )
