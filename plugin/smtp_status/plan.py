"""What one conversation is to do: the part of the settings the dialogue needs, and nothing of how it is judged."""

from __future__ import annotations

from .record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from re import Pattern

    from .address import Mailbox
    from .message import Message


class Secret:
    """A password or token that no ``repr``, ``str`` or traceback shows."""

    __slots__ = ("value",)

    def __init__(self, value: str) -> None:
        self.value = value

    def __repr__(self) -> str:
        return "Secret(***)"


class TlsPlan(NamedTuple):
    """How TLS is to be used.  ``mode``: ``off``, ``starttls`` (required), ``ssl`` (from the first byte) or
    ``offered`` (STARTTLS where it is offered).

    ``name`` is the reference name for certificate and SNI (None: the host's own).  ``tolerate`` holds the kinds
    (``verify expired name``) that must not end the handshake, since ``--state`` calls them harmless.
    """

    mode: str = "off"
    name: str | None = None
    ca: str | None = None
    client_cert: str | None = None
    client_key: str | None = None
    minimum: str = "1.2"
    verify: bool = True
    tolerate: frozenset[str] = frozenset()


class Credentials(NamedTuple):
    """Who logs in.  ``mechanism`` None: the strongest both sides know.  ``plaintext`` allows PLAIN, LOGIN and the
    OAuth mechanisms over an unprotected connection that leaves this machine."""

    user: str
    secret: Secret | None
    mechanism: str | None = None
    plaintext: bool = False


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


class Plan(NamedTuple):
    """The conversation to hold with one target.

    ``helo`` None: the address literal of the connection's own end (the host's own name is filled in already where
    it has a dot).  ``sender`` None: no MAIL unless there are recipients (then the null reverse-path).  ``quit_after``
    is a stage or None.  ``proxy`` None: no PROXY header, () one with the connection's own addresses, else (source,
    port, destination, port).  ``verbose``: how much is to be told, 0 to 3.
    """

    helo: str | None = None
    expect: str | None = None
    sender: Mailbox | None = None
    recipients: tuple[Mailbox, ...] = ()
    message: Message | None = None
    commands: tuple[RawCommand, ...] = ()
    quit_after: str | None = None
    lmtp: bool = False
    proxy: tuple[()] | tuple[str, int, str, int] | None = None
    tls: TlsPlan = TlsPlan()
    credentials: Credentials | None = None
    verbose: int = 0
