"""What one run is to do with the mailbox: the part of the settings that arrival needs."""

from __future__ import annotations

from ..record import NamedTuple
from ..tls.plan import TlsPlan

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..sasl.credentials import Credentials, Secret

METHODS = ("spf", "dkim", "dmarc")
"""What ``--require-auth`` takes (RFC 8601 section 2.7)."""

WAIT = 5.0
LOST_AFTER = (3600, 3600)
LOST = (1, 2)
LATE = (60, 600)
"""Defaults: seconds of ``--wait``; of ``--lost-after``; counts of ``--lost``; seconds of arrival, warning and
critical."""


class Threshold(NamedTuple):
    """Counts from which on there is a WARNING and a CRITICAL; None: never."""

    warning: int | None = None
    critical: int | None = None


class Sealing(NamedTuple):
    """What a probe is sealed with, for a receiver that has no note of it: the check's name and the key of both."""

    name: str
    key: Secret
    host_name: str


class Collect(NamedTuple):
    """What a run that only receives looks for: a probe every so many seconds, sealed with ``key``."""

    every: int
    key: Secret


class ArrivalPlan(NamedTuple):
    """Where the mail must arrive and what that means.

    ``host`` is a name, or an address without brackets.  ``folders``: where arriving is right, the first of which
    holds the notes; ``spam``: () for those the server marks, None for none.  ``name``: the check's.  ``hold``: seconds
    for which a note belongs to its run.  ``host_name``: this host's, for probes and notes.
    ``recipients``: as many copies of a message are none too many.  Times are seconds.
    """

    host: str
    port: int
    credentials: Credentials
    name: str
    hold: int
    host_name: str = "localhost"
    recipients: int = 1
    tls: TlsPlan = TlsPlan(mode="ssl")
    family: int = 0
    source: str | None = None
    folders: tuple[str, ...] = ("INBOX",)
    spam: tuple[str, ...] | None = ()
    wait: float = WAIT
    lost_after: int = LOST_AFTER[0]
    forget: int = LOST_AFTER[1]
    lost: Threshold = Threshold(*LOST)
    pending: Threshold = Threshold()
    authserv_id: str | None = None
    require_auth: tuple[str, ...] = ()
    verbose: int = 0
    collect: Collect | None = None
