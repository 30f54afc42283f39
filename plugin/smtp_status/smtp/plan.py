"""What one conversation is to do: the part of the settings the dialogue needs, and nothing of how it is judged."""

from __future__ import annotations

from ..record import NamedTuple
from ..tls.plan import TlsPlan
from .command import RawCommand

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..sasl.credentials import Credentials
    from .address import Mailbox
    from .message import Message


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
