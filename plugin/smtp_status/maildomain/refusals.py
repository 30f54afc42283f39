"""What a resolver says instead of an answer, in the operator's words and its own (RFC 8914)."""

from __future__ import annotations

import os

from .. import text
from ..findings import Failure
from . import codec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..findings import Address
    from .codec import Response

WORDS_LIMIT = 90
"""Characters of a resolver's own words in a failure."""

BOGUS = {
    6: "bogus",
    7: "signature expired",
    8: "signature not yet valid",
    9: "DNSKEY missing",
    10: "signatures missing",
    11: "no zone key bit set",
    12: "NSEC missing",
    25: "signature expired before valid",
}
"""Extended errors that mean that validation failed (RFC 8914 section 4 and its registry)."""

REASONS = {
    14: "not ready",
    15: "blocked",
    16: "censored",
    17: "filtered",
    18: "prohibited",
    20: "not authoritative",
    21: "not supported",
    22: "no reachable authority",
    23: "network error",
    24: "invalid data",
}
"""Extended errors that are another reason than validation, for resolvers that add no words."""


def no_resolver(error: OSError, server: Address) -> Failure:
    """The failure an OSError means where a resolver is asked."""
    reason = os.strerror(error.errno).lower() if error.errno else "network error"
    return Failure("unreachable", f"no resolver at {server.place}: {reason}")


def refusal(response: Response, server: Address) -> Failure:
    """The failure an RCODE means that is no answer, with the reason the resolver gives."""
    rcode = codec.RCODES.get(response.rcode, f"RCODE {response.rcode}")
    theirs = told(response)
    if response.rcode == codec.REFUSED:
        return Failure("refused", with_words(f"{server.place} refuses to answer ({rcode})", theirs))
    return Failure("protocol", with_words(f"{server.place} does not answer but {rcode}", theirs))


def told(response: Response) -> bytes:
    """The first reason the resolver gives, in its own words where it has any."""
    texts = [error.text or REASONS.get(error.code, "").encode() for error in response.errors]
    return next(filter(None, texts), b"")


def with_words(ours: str, theirs: bytes) -> str:
    """Our words and the resolver's own (RFC 8914), which are made harmless."""
    clean = text.cut(text.sentence(theirs), WORDS_LIMIT)
    return f"{ours}, {clean}" if clean else ours
