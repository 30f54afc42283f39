"""AUTH (RFC 4954): which mechanism is taken, the commands of one authentication, and what its replies mean."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .reply import Reply

MEANINGS = {
    432: "password transition needed",
    454: "temporary authentication failure",
    500: "command or response too long or not understood",
    501: "response malformed or exchange cancelled",
    502: "authentication not implemented",
    503: "authentication not permitted at this point",
    504: "mechanism not supported",
    534: "mechanism too weak",
    535: "credentials rejected",
    538: "encryption required for this mechanism",
}
"""What a reply code to AUTH means, in an operator's words (RFC 4954 sections 4 and 6).

530 is not among them: elsewhere it asks for a login, but in answer to AUTH for TLS (RFC 3207 section 4).
"""


def meaning(reply: Reply) -> str:
    """What the code of a reply to AUTH means; '' where there is nothing to add to the server's own words."""
    words = MEANINGS.get(reply.code, "")
    return "" if words.encode() in b" ".join(reply.texts).lower() else words
