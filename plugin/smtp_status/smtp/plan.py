"""What one conversation is to do, and where: the part of the settings the dialogue needs, and nothing of how it is
judged.
"""

from __future__ import annotations

from ..findings import Finding, Target
from ..record import NamedTuple
from ..tls.plan import TlsPlan

TYPE_CHECKING = False
if TYPE_CHECKING:
    from re import Pattern

    from ..sasl.credentials import Credentials
    from ..tls.policy import TlsPolicy
    from .address import Mailbox
    from .message import Message


class Route(NamedTuple):
    """The way to one target; without addresses it ends here, and ``findings`` say why."""

    target: Target
    findings: tuple[Finding, ...] = ()
    policy: TlsPolicy | None = None


class RawCommand(NamedTuple):
    """One ``-C`` with its ``-R``: the line without its end, and the pattern that judges the reply (None: the
    reply table does).  The pattern is to be searched in every line of the reply by itself, each with its code and
    without its end."""

    line: bytes
    expected: Pattern[str] | None = None

    @property
    def stage(self) -> str:
        """The stage the command counts as."""
        if self.line == b".":
            return "message"
        word = self.line.partition(b" ")[0].upper()
        return {b"MAIL": "mail", b"RCPT": "rcpt", b"DATA": "data"}.get(word, "command")

    @property
    def logs_in(self) -> bool:
        """Whether a login begins here, also for servers that pass over blanks."""
        return self.line.lstrip(b" ").partition(b" ")[0].upper() == b"AUTH"


class Plan(NamedTuple):
    """The conversation to hold with one target.

    ``helo`` None: the address literal of the connection's own end (the host's own name is filled in already where
    it has a dot).  ``helo_only``: HELO is said, and no EHLO before it.  ``sender`` None: no MAIL unless there are
    recipients (then the null reverse-path).  ``quit_after`` is a stage or None.  ``proxy`` None: no PROXY header, ()
    one with the connection's own addresses, else (source, port, destination, port).  ``verbose``: how much is to be
    told, 0 to 3.
    """

    helo: str | None = None
    expect: str | None = None
    sender: Mailbox | None = None
    recipients: tuple[Mailbox, ...] = ()
    message: Message | None = None
    commands: tuple[RawCommand, ...] = ()
    quit_after: str | None = None
    lmtp: bool = False
    helo_only: bool = False
    proxy: tuple[()] | tuple[str, int, str, int] | None = None
    proxy_version: int = 1
    tls: TlsPlan = TlsPlan()
    credentials: Credentials | None = None
    verbose: int = 0

    @property
    def logs_in(self) -> bool:
        """Whether somebody is given a password, or what stands for it."""
        return self.credentials is not None or any(command.logs_in for command in self.commands)

    @property
    def has(self) -> dict[str, bool]:
        """What the conversation has, by the words that the stages say they need it with."""
        return {
            "starttls": self.tls.mode in {"starttls", "offered"},
            "tls": self.tls.mode != "off",
            "login": self.credentials is not None,
            "sender": self.sender is not None or bool(self.recipients),
            "recipients": bool(self.recipients),
            "commands": bool(self.commands),
        }
