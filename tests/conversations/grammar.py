"""Replies by RFC 5321 section 4.2, written a second time: by this the model knows what it said.

One expression over a whole reply instead of the plugin's parser, which goes line by line; the two share nothing.
"""

from __future__ import annotations

import re

_CODE = rb"[2-5][0-5][0-9]"
_REST = rb"[^\n]{0,8188}\n"
_REPLY = re.compile(rb"(?:(%s)-%s(?:\1-%s)*)?(%s)(?: %s|\r?\n)" % (_CODE, _REST, _REST, _CODE, _REST))
_CONTINUED = re.compile(rb"%s-[^\n]{0,8188}" % _CODE)

MAX_LINE = 8192
MAX_REPLY = 1 << 20


def first_reply(octets: bytes) -> tuple[int, bytes]:
    """The code of the valid reply at the beginning and what stands behind it; 0 where there is no valid reply."""
    match = _REPLY.match(octets)
    if match is None or match[1] not in (None, match[2]) or match.end() > MAX_REPLY:
        return 0, octets
    return int(match[2]), octets[match.end() :]


def is_over(octets: bytes) -> bool:
    """Whether a reply ends in the octets, be it a valid one or not."""
    *lines, rest = octets.split(b"\n")
    return len(rest) > MAX_LINE or len(octets) > MAX_REPLY or not all(map(_CONTINUED.fullmatch, lines))


def keywords(octets: bytes) -> dict[bytes, list[bytes]]:
    """The extensions a reply to EHLO offers, with their parameters."""
    offered: dict[bytes, list[bytes]] = {}
    for line in octets.split(b"\n")[1:]:
        words = line[4:].replace(b"=", b" ", 1).split()
        if words:
            offered.setdefault(words[0].upper(), []).extend(word.upper() for word in words[1:])
    return offered


def is_success(verb: str, code: int) -> bool:
    """Whether the code is a success for the command (RFC 5321 section 4.3.2)."""
    wanted = {
        "connection": "220",
        **dict.fromkeys(("EHLO", "HELO", "LHLO"), "250"),
        "STARTTLS": "220",
        "AUTH": "235",
        "DATA": "354",
        "QUIT": "221",
        "VRFY": "250 251 252",
        "EXPN": "250 252",
        "HELP": "211 214",
        "TURN": "250",
    }.get(verb)
    if wanted is not None:
        return str(code) in wanted.split()
    if verb in ("MAIL", "RCPT", "NOOP", "RSET", "message"):
        return 200 <= code < 300
    return verb not in ("SEND", "SOML", "SAML") and 200 <= code < 400
