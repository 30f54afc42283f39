"""A mailbox by IMAP (RFC 9051, RFC 3501): the only module that knows imaplib.

Every method raises TransportError, whose failure is of kind ``failure`` (NO), ``full`` (NO for want of room), ``error``
(BAD) or one of the connection's.  What the server said stands in its cause, clean and without secrets.
"""

from __future__ import annotations

import imaplib
from time import monotonic

from ..findings import Failure, TransportError
from ..text import clean, sentence
from . import fetched, foldername

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, Callable

    from .fetched import Fetched, Folder
    from .stream import Stream

MOST_MESSAGES = 1000
"""Messages of a folder that are looked at: the newest."""

PARTIAL = 16 * 1024
"""Octets of a header, or of a report, that are looked at."""

LONG_PARTIAL = 256 * 1024
"""Octets of a report that says too little in the first ones."""

REPEATS = 3
"""How often a server is asked again that refuses an answer for want of messages which somebody else has removed."""

REFUSALS = ("failure", "error", "full", "missing")
"""Kinds of failures after which the session goes on."""

FAREWELL_SECONDS = 1.0

_BROKEN = (ValueError, IndexError, KeyError, TypeError, AttributeError)
"""What imaplib raises at answers it did not expect."""


class _Client(imaplib.IMAP4):
    """imaplib's dialogue over a connection of ours."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        super().__init__()

    def open(self, host: str = "", port: int = 0, timeout: float | None = None) -> None:
        """The connection stands already."""

    def read(self, size: int) -> bytes:
        return self._stream.read(size)

    def readline(self) -> bytes:
        return self._stream.readline()

    def send(self, data: bytes) -> None:  # type: ignore[override] # imaplib gives nothing else
        self._stream.send(data)

    def shutdown(self) -> None:
        self._stream.close()


class ImapMailbox:
    """One session, from the greeting to LOGOUT."""

    def __init__(self, stream: Stream) -> None:
        """Read the greeting and what the server can do."""
        self._stream = stream
        self._client: _Client
        self.capabilities: frozenset[str] = frozenset()
        self._kept: frozenset[str] | None = None
        self._validities: dict[str, object] = {}
        stream.begin("the greeting")

        def greeted() -> tuple[str, list[Any]]:
            self._client = _Client(stream)
            return "OK", []

        self._do("", greeted)
        if self._client.state != "NONAUTH":
            raise TransportError(Failure("protocol", f"no login asked for: {self.shown(self._client.welcome)}"))
        self.capabilities = frozenset(self._client.capabilities)

    # -- before a folder is opened

    def offer_starttls(self) -> None:
        """STARTTLS, up to where the handshake begins; what was learnt of the server is forgotten (RFC 9051 11.1)."""
        if "STARTTLS" not in self.capabilities:
            raise TransportError(Failure("missing", "STARTTLS not offered"))
        self._do("STARTTLS", self._client.xatom, "STARTTLS")

    def learn(self) -> None:
        """Ask what the server can do."""
        data = self._do("CAPABILITY", self._client.capability)
        words = b" ".join(piece for piece in data if isinstance(piece, bytes))
        self.capabilities = frozenset(words.decode("ascii", "replace").upper().split())

    def authenticate(self, mechanism: str, answer: Callable[[bytes], bytes | None]) -> None:
        """AUTHENTICATE; ``answer`` is given each challenge, an empty one for the initial response, and returns what is
        said to it, None to cancel."""
        self._do(f"AUTHENTICATE {mechanism}", self._client.authenticate, mechanism, answer)

    def log_in(self, user: str, password: str) -> None:
        """The command LOGIN, in ASCII."""
        # The password is quoted by imaplib, the user is not.
        self._do("LOGIN", self._client.login, foldername.quote(user), password, hiding=True)

    def learn_behind_login(self) -> None:
        """What the server can do for who has logged in: often it has said so by itself."""
        told = self._client.response("CAPABILITY")[1]
        if told and isinstance(told[0], bytes):
            self.capabilities = frozenset(told[-1].decode("ascii", "replace").upper().split())
        else:
            self.learn()

    def folders(self) -> list[Folder]:
        """All folders, with what each is for where the server tells (RFC 6154)."""
        if "SPECIAL-USE" in self.capabilities:
            try:
                return fetched.folders(self._do("LIST", self._client.list, '""', '"*" RETURN (SPECIAL-USE)'))
            except TransportError as error:
                # Not every server that says so knows the extended form (RFC 5258); its plain one may tell the same.
                if error.failure.kind not in ("error", "failure"):
                    raise
        return fetched.folders(self._do("LIST", self._client.list, '""', '"*"'))

    def select(self, name: str, *, readonly: bool = False) -> int:
        """Open the folder ``name`` (as on the wire); how many messages it has.  Not for writing where it is another one
        than before, in which a UID stands for another message (RFC 9051 section 2.3.1.1)."""
        word = "EXAMINE" if readonly else "SELECT"
        data = self._do(
            f"{word} {clean(foldername.decode(name))}", self._client.select, foldername.quote(name), readonly
        )
        self._kept = fetched.flags(self._client.response("PERMANENTFLAGS")[1])
        validity = self._client.response("UIDVALIDITY")[1][-1]
        if self._validities.setdefault(name, validity) != validity and not readonly:
            shown = clean(foldername.decode(name))
            raise TransportError(Failure("missing", f"{shown} was made anew meanwhile: its UIDVALIDITY has changed"))
        return fetched.count(data)

    def says_to_keep(self, flag: str) -> bool:
        """Whether ``flag`` outlasts the session in the folder that is open; so it does where the server tells nothing
        (RFC 9051 section 7.1, PERMANENTFLAGS)."""
        return self._kept is None or flag.lower() in self._kept

    def status(self, name: str) -> int:
        """The UID that the next message of another folder will have, 0 where the server does not tell."""
        data = self._do("STATUS", self._client.status, foldername.quote(name), "(UIDNEXT)")
        return fetched.status(data).get("UIDNEXT", 0)

    def append(self, name: str, octets: bytes) -> int | None:
        """Put a message with the flags of a note into a folder; its UID where the server tells it (RFC 4315), and that
        folder is the one that was opened by this name: in one made anew it stands for another message."""
        flags = "(\\Draft \\Seen)"
        self._do("APPEND", self._client.append, foldername.quote(name), flags, "", octets)
        told = self._client.response("APPENDUID")[1]
        words = told[-1].split() if told and isinstance(told[-1], bytes) else []
        if len(words) != 2 or self._validities.get(name) not in (None, words[0]):
            return None
        return int(words[1]) if words[1].isdigit() and len(words[1]) <= 10 else None

    # -- in the folder that is open

    def search(self, *criteria: str) -> list[int]:
        """UIDs, ascending; the criteria are flags, UIDs, numbers and dates: what no index can be late with."""
        return fetched.uids(self._do("SEARCH", self._client.uid, "SEARCH", *criteria))

    def headers(self, uids: str, names: str) -> list[Fetched]:
        """Flags, times and the named fields of the messages ``uids`` (a set of UIDs)."""
        return self._fetch(uids, f"BODY.PEEK[HEADER.FIELDS ({names})]<0.{PARTIAL}>")

    def beginnings(self, uids: str, octets: int = PARTIAL) -> list[Fetched]:
        """The messages ``uids``, as far as a report is looked at."""
        return self._fetch(uids, f"BODY.PEEK[]<0.{octets}>")

    def _fetch(self, uids: str, what: str) -> list[Fetched]:
        saved = " SAVEDATE" if "SAVEDATE" in self.capabilities else ""
        return fetched.messages(self._by_uid("FETCH", uids, f"(UID FLAGS INTERNALDATE{saved} {what})"))

    def add_flags(self, uids: Sequence[int], flag: str) -> None:
        """Set one flag on the messages ``uids``, which are ascending."""
        self._by_uid("STORE", fetched.uid_set(uids), "+FLAGS.SILENT", f"({flag})")

    @property
    def removes_by_uid(self) -> bool:
        """Whether the server can remove some of the messages that are marked as deleted (RFC 4315)."""
        return not self.capabilities.isdisjoint(("UIDPLUS", "IMAP4REV2"))

    def expunge(self, uids: Sequence[int]) -> None:
        """Remove the messages ``uids``, which are ascending and marked as deleted."""
        self._client.untagged_responses.pop("EXPUNGE", None)
        self._by_uid("EXPUNGE", fetched.uid_set(uids))
        self._check_removed(uids, len(self._client.untagged_responses.get("EXPUNGE", ())))

    def expunge_all(self, uids: Sequence[int]) -> None:
        """Remove every message that is marked as deleted, ``uids`` among them."""
        self._client.untagged_responses.pop("EXPUNGE", None)
        self._check_removed(uids, sum(one is not None for one in self._do("EXPUNGE", self._client.expunge)))

    def _check_removed(self, uids: Sequence[int], told: int) -> None:
        """Servers may say OK to who lacks a right of the folder, and do nothing (RFC 4314 section 4)."""
        if told < len(uids) and self.remaining(uids):
            raise TransportError(Failure("failure", "says OK, but deletes nothing: rights?"))

    def copy(self, uids: Sequence[int], name: str) -> None:
        """Copy the messages ``uids``, which are ascending, into another folder."""
        self._by_uid("COPY", fetched.uid_set(uids), foldername.quote(name))

    def remaining(self, uids: Sequence[int], *criteria: str) -> list[int]:
        """Those of the messages ``uids``, which are ascending, that are still there and match ``criteria``."""
        self._do("NOOP", self._client.noop)  # what somebody else has removed is told of now
        wanted = set(uids)
        return [uid for uid in self.search("UID", fetched.uid_set(uids), *criteria) if uid in wanted]

    def _by_uid(self, name: str, *arguments: str) -> list[Any]:
        """The data of the UID command ``name``.  A server may refuse it for messages that are gone until it could say
        so (RFC 2180 section 4.1.2, RFC 5530), and then is asked again."""
        for _ in range(REPEATS):
            try:
                return self._do(name, self._client.uid, name, *arguments)
            except TransportError:
                if b"[EXPUNGEISSUED]" not in self._stream.last.upper():
                    raise
            self._client.untagged_responses.pop("FETCH", None)
            self._do("NOOP", self._client.noop)
        return self._do(name, self._client.uid, name, *arguments)

    def noop(self) -> bool:
        """Whether the folder may have changed since the last time."""
        self._stream.renew()
        self._do("NOOP", self._client.noop)
        told = self._client.untagged_responses
        changed = any(word in told for word in ("EXISTS", "RECENT", "EXPUNGE", "VANISHED"))
        told.clear()
        return changed

    def logout(self) -> None:
        """Say goodbye, for a second at most; not to a server that is gone."""
        if not self._stream.open:
            return
        self._stream.until = min(self._stream.until, monotonic() + FAREWELL_SECONDS)
        try:
            self._do("LOGOUT", self._client.logout)
        except TransportError:
            pass
        self._stream.close()

    # -- one command

    def _do(self, doing: str, call: Callable[..., Any], *arguments: Any, hiding: bool = False) -> list[Any]:
        """The data of one command that has to succeed."""
        if doing:
            self._stream.begin(doing, hiding=hiding)
        try:
            kind, data = call(*arguments)
        except imaplib.IMAP4.readonly:
            raise TransportError(Failure("missing", "the folder can only be read")) from None
        except imaplib.IMAP4.abort:
            raise TransportError(self._broken()) from None
        except imaplib.IMAP4.error:
            raise TransportError(self._refusal()) from None
        except _BROKEN:
            raise TransportError(Failure("protocol", f"not an IMAP answer: {self._said()}")) from None
        except TransportError as error:
            # imaplib looks at no goodbye while it waits for its turn to go on.
            if error.failure.kind == "closed" and self._stream.goodbye:
                raise TransportError(self._broken()) from None
            raise
        if kind not in ("OK", "BYE"):
            raise TransportError(self._refusal())
        return data if isinstance(data, list) else []

    def _refusal(self) -> Failure:
        """NO or BAD, in the server's words."""
        first, _, rest = self._stream.last.strip().partition(b" ")
        word = rest.partition(b" ")[0].upper()
        if word == b"OK" and first != b"*":
            # All that imaplib asks beyond what the server calls good.
            return Failure("missing", "the server does not say that it speaks IMAP4rev1")
        if first in (b"*", b"+") or word not in (b"NO", b"BAD"):
            return self._broken()
        words = f"{word.decode('ascii')} {self.shown(rest[len(word) :])}".rstrip()
        if word == b"BAD":
            return Failure("error", words)
        return Failure("full" if b"[OVERQUOTA]" in rest.upper() else "failure", words)

    def _broken(self) -> Failure:
        if self._stream.goodbye:
            words = self.shown(self._stream.goodbye.strip()[len(b"* BYE") :])
            return Failure("closed", f"closed by the server: BYE {words}".rstrip())
        return Failure("protocol", f"not an IMAP answer: {self._said()}")

    def _said(self) -> str:
        return self.shown(self._stream.last.strip())

    def shown(self, octets: bytes) -> str:
        """The server's words for a sentence, and none of them where they repeat part of the login."""
        from ..secrets.repetition import HIDDEN  # noqa: PLC0415 - only where something is wrong

        return HIDDEN if self._stream.login().repeated_by(octets) else sentence(octets)
