"""What everything else speaks of: faults, findings, targets with their addresses, outcomes.

Nothing here touches a socket, a clock, the environment or nagiosplugin.  Times are seconds as float unless a
name says otherwise.
"""

from __future__ import annotations

from .record import NamedTuple
from .text import clean

COLUMNS = ("success", "failure", "error")
"""Columns of the reply table (RFC 821 section 4.3), used as the kind of a reply's finding."""

FAULTS = (
    "refused",
    "unreachable",
    "timeout",
    "closed",
    "protocol",
    "missing",
    "mismatch",
    "handshake",
    "verify",
    "expired",
    "name",
    "notfound",
    "nullmx",
    "nodata",
    "servfail",
    "bogus",
    "insecure",
    "policy",
)
"""Kinds of faults that are not the server's reply; each can stand as WHAT in ``--state``."""

ARRIVAL_FAULTS = (
    "full",
    "bounced",
    "lost",
    "late",
    "pending",
    "spam",
    "duplicate",
    "unauthenticated",
    "skipped",
)
"""The same of a mailbox and of what should arrive in it."""


class Failure(NamedTuple):
    """What went wrong instead of a reply: ``kind`` is one of FAULTS, ``cause`` says it in the operator's words.

    ``lines``: raw lines of a reply that had begun.  ``waited``: seconds since the last octet was sent.
    ``sending``: not all had been sent; ``unsent``: nothing of it.  ``at``: instant of the monotonic clock.
    ``chain``: the peer's certificates in DER, where a handshake failed after they came.
    """

    kind: str
    cause: str
    lines: tuple[bytes, ...] = ()
    waited: float = 0.0
    sending: bool = False
    unsent: bool = False
    at: float = 0.0
    chain: tuple[bytes, ...] = ()


class TransportError(Exception):
    """A connection failed; ``failure`` says how."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.cause)
        self.failure = failure


class Finding(NamedTuple):
    """How one step of a conversation ended; a conversation leaves one for every step, in order.

    ``kind`` is a column of the reply table or one of FAULTS.  ``text`` holds the server's words and ``cause``
    ours; both are clean, printable text without secrets.  ``about`` names what the step was about where a
    stage has several (the recipient, the raw command).  ``default`` is its state where neither ``--state`` nor the
    state table can tell: ``warning`` for what does not keep mail away, ``unknown`` for what could not be judged.
    """

    stage: str
    kind: str
    codes: tuple[int, ...] = ()
    text: str = ""
    cause: str = ""
    about: str = ""
    seconds: float | None = None
    default: str = ""

    @property
    def succeeded(self) -> bool:
        return self.kind == "success"


class Address(NamedTuple):
    """One place to connect to: ``family`` is a socket.AF_* number, ``sockaddr`` what connect() takes.

    ``text`` and ``port`` are for people: the numeric address or the socket's path, and 0 for a path.
    """

    family: int
    sockaddr: tuple[str, int] | tuple[str, int, int, int] | str
    text: str
    port: int

    @property
    def place(self) -> str:
        """The address as a sentence names it; a socket's path may hold what a sentence may not."""
        return f"{self.text} port {self.port}" if self.port else clean(self.text)

    @property
    def unspecified(self) -> bool:
        """Whether it is no destination (RFC 1122 section 3.2.1.3), though Linux takes it for its own host."""
        return self.text in ("0.0.0.0", "::", "::ffff:0.0.0.0")  # noqa: S104 - nothing listens here

    @property
    def this_host(self) -> bool:
        """Whether every host calls itself so: published, it is nobody else's address."""
        return self.text in ("127.0.0.1", "::1", "::ffff:127.0.0.1")

    @property
    def stays_here(self) -> bool:
        """Whether what is sent there does not leave this machine: loopback, or a unix socket."""
        return not self.port or self.text == "::1" or self.text.startswith(("127.", "::ffff:127."))


class Target(NamedTuple):
    """One server to converse with: ``host`` as the user or the MX record named it, and where it listens.

    ``label`` goes in front of its perfdata labels, '' for a single target.  ``dns_seconds``: how long its addresses
    were looked up, None for a numeric address or a socket's path.  ``apart``: the address, where that is what tells
    it apart from other targets of the same host.
    """

    host: str
    addresses: tuple[Address, ...]
    label: str = ""
    dns_seconds: float | None = None
    apart: str = ""


class StageTime(NamedTuple):
    """Latency of one stage in seconds."""

    stage: str
    seconds: float


class Days(int):
    """Whole days until a certificate expires, rounded down; ``words`` say it for people, with hours or minutes where
    the day is near, and ``expires`` is the instant itself, in seconds since the epoch."""

    words: str
    expires: int

    def __new__(cls, days: int, words: str, expires: int) -> Days:
        made = super().__new__(cls, days)
        made.words = words
        made.expires = expires
        return made


class Outcome(NamedTuple):
    """All that is known of one target after its conversation.

    ``findings`` are in the order they happened; ``times`` in the order of STAGES.  ``total`` is the time from
    the start of the check to the reply (or fault) that decided the result, QUIT excluded.  ``address`` is the
    one that was connected to (None: none was).  ``certificate`` is the peer's leaf, if there was one.
    """

    target: Target
    findings: tuple[Finding, ...]
    times: tuple[StageTime, ...] = ()
    total: float = 0.0
    address: Address | None = None
    details: tuple[str, ...] = ()
    """Lines for ``-v`` and above: TLS, certificate, DNS; clean text."""
    transcript: tuple[str, ...] = ()
    tls_days: Days | None = None
    notes: tuple[str, ...] = ()
    """Words for the sentence of success: which policy held."""
    passed_over: tuple[str, ...] = ()
    """What became of the addresses that were tried besides the one that answered."""
