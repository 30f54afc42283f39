"""Header values beyond ASCII as encoded words (RFC 2047), which every server passes on."""

from __future__ import annotations

from email.header import Header
from email.utils import formataddr, getaddresses

ADDRESSES = frozenset(
    ("from", "sender", "reply-to", "to", "cc", "bcc", "resent-from", "resent-sender", "resent-to", "resent-cc")
)
"""Fields whose phrases may be encoded, and nothing else of them (section 5, rule 3)."""

STRUCTURED = frozenset(
    (
        *("date", "message-id", "in-reply-to", "references", "return-path", "received", "mime-version"),
        *("content-type", "content-transfer-encoding", "content-id", "content-disposition"),
    )
)
"""Fields that have no place for encoded words."""

LINE = 74


def encoded(name: str, value: str) -> str:
    """``value`` of field ``name`` with encoded words for what is not ASCII; unchanged where there can be none, as in
    an address, which needs SMTPUTF8 (RFC 6532)."""
    kind = name.lower()
    if kind in STRUCTURED:
        return value
    if kind not in ADDRESSES:
        return _words(name, value)
    try:
        return ", ".join(formataddr(pair, "utf-8") for pair in getaddresses([value]))
    except UnicodeError:
        return value


def _words(name: str, value: str) -> str:
    # Each of them within its 75 characters, by which email is two out; the lines are the message's to fold.
    return " ".join(Header(value, "utf-8", header_name=name, maxlinelen=LINE).encode(linesep="\n").split("\n "))
