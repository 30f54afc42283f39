"""What a probe and its note say about themselves, and how it is read back.

A token is 128 random bits in hexadecimal.  It stands in the probe's Message-ID and in its ``X-Check-SMTP-Status``
field, and in the note that the run left in the mailbox before it: a message nobody but an owner of the mailbox can
have written there.
"""

from __future__ import annotations

from os import urandom

from ..record import NamedTuple
from . import fields

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .fields import Fields

FIELD = "X-Check-SMTP-Status"
"""The field of every message this program sends."""

NOTE_FIELD = "X-Check-SMTP-Status-Note"

TOKEN_LENGTH = 32

_HEXADECIMAL = frozenset("0123456789abcdef")
_PREFIX = "<probe-"
_TEXT = (
    "This message belongs to the monitoring program check_smtp_status, which deletes it once the mail it stands for",
    "has arrived. It is no mail.",
)


class Sender(NamedTuple):
    """What a probe says of who sent it: ``name`` of the check, ``token``, and the second of sending with its code
    of authenticity, where there is a key (see ``seal``); '' for what it does not say."""

    name: str
    token: str
    sent: str = ""
    mac: str = ""


class Entry(NamedTuple):
    """What a note says: whose it is, for how many seconds it belongs to the run that wrote it, and which of several
    targets the probe went to."""

    name: str
    token: str
    hold: int
    target: str


def new_token() -> str:
    """One that nobody can guess."""
    return urandom(TOKEN_LENGTH // 2).hex()


def message_fields(version: str, host: str, name: str, token: str, seal: str = "") -> tuple[tuple[str, str], ...]:
    """The fields by which a probe is found again; ``seal`` is what ``seal.parameters`` made, '' for none."""
    about = f"{version}; host={host}; name={name}; probe={token}"
    return ("Message-ID", f"{_PREFIX}{token}@{host}>"), (FIELD, f"{about}; {seal}" if seal else about)


def note(entry: Entry, host: str, address: str, date: str) -> bytes:
    """The message to be appended as a note, with CR LF line ends; its Message-ID is its own, since some servers drop
    a message whose Message-ID they have seen."""
    about = f"name={entry.name}; probe={entry.token}; host={host}; hold={entry.hold}; target={entry.target}"
    lines = (
        f"From: {address}",
        f"To: {address}",
        f"Date: {date}",
        "Subject: note of a mail under way",
        f"Message-ID: <note-{urandom(16).hex()}@{host}>",
        f"{NOTE_FIELD}: {about}",
        "Auto-Submitted: auto-generated",
        "",
        *_TEXT,
        "",
    )
    return "\r\n".join(lines).encode("utf-8")


def sender(header: Fields) -> Sender | None:
    """Whose probe a message with this header is, None if nobody's.

    By the topmost ``X-Check-SMTP-Status``, else by the Message-ID alone, which tells no name.
    """
    told = fields.first(header, FIELD.lower())
    if told is not None:
        said = fields.parameters(told)
        token = said.get("probe", "")
        if is_token(token):
            return Sender(said.get("name", ""), token, said.get("sent", ""), said.get("mac", ""))
    identity = fields.first(header, "message-id") or ""
    token = identity[len(_PREFIX) :].partition("@")[0]
    return Sender("", token) if identity.startswith(_PREFIX) and is_token(token) else None


def entry(header: Fields) -> Entry | None:
    """What a message with this header says as a note; None where it is none, or came by mail, as no note does."""
    told = fields.first(header, NOTE_FIELD.lower())
    if told is None or any(name in ("received", "return-path") for name, _ in header):
        return None
    said = fields.parameters(told)
    token, hold = said.get("probe", ""), said.get("hold", "")
    if not is_token(token) or not (hold.isascii() and hold.isdigit() and len(hold) < 10):
        return None
    return Entry(said.get("name", ""), token, int(hold), said.get("target", ""))


def is_token(text: str) -> bool:
    """Whether ``text`` has the form of a token."""
    return len(text) == TOKEN_LENGTH and _HEXADECIMAL.issuperset(text)
