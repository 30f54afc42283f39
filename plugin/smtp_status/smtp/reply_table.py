"""The reply table: which code is success, failure or error for which command.

Sources: RFC 821 section 4.3, RFC 5321 section 4.3.2, RFC 3207 section 4 (STARTTLS), RFC 4954 sections 4 and 6
(AUTH).  ``connection`` is the greeting, ``message`` the reply to the final dot.
"""

from __future__ import annotations

from functools import lru_cache

CONTINUE = 334
"""AUTH: the server's challenge (RFC 4954 section 4)."""

SEND_MESSAGE = 354
"""DATA: the only code that asks for the message."""

CLOSING = 421
"""Service closing; may answer any command (RFC 5321 section 3.8)."""

TABLE: dict[str, tuple[str, str, str]] = {
    # command     success         failure                                         error
    "connection": ("220", "421 554", ""),
    "EHLO": ("250", "550", "500 501 504 421 502"),
    "HELO": ("250", "550", "500 501 504 421 502"),
    "LHLO": ("250", "550", "500 501 504 421 502"),
    "STARTTLS": ("220", "454", "500 501 502 503"),
    "AUTH": ("235", "432 454 534 535 538", "500 501 502 503 504 530"),
    "MAIL": ("250", "552 451 452 450 455 550 553 555", "500 501 421 503"),
    "RCPT": ("250 251 252", "550 551 552 553 450 451 452 455 554 555", "500 501 503 421"),
    "DATA": ("354", "451 554 450 550", "500 501 503 421"),
    "message": ("250", "552 554 451 452 450 550", "500 501 503 421"),
    "RSET": ("250", "", "500 501 504 421"),
    "SEND": ("250", "552 451 452", "500 501 502 421"),
    "SOML": ("250", "552 451 452", "500 501 502 421"),
    "SAML": ("250", "552 451 452", "500 501 502 421"),
    "VRFY": ("250 251 252", "550 551 553", "500 501 502 504 421"),
    "EXPN": ("250 252", "550", "500 501 502 504 421"),
    "HELP": ("211 214", "", "500 501 502 504 421"),
    "NOOP": ("250", "", "500 421"),
    "QUIT": ("221", "", "500"),
    "TURN": ("250", "502", "500 503"),
}

_ANY_2YZ_IS_SUCCESS = frozenset(("MAIL", "RCPT", "RSET", "NOOP", "message"))


@lru_cache(maxsize=500)
def judge(command: str, code: int) -> str:
    """The column of ``code`` as a reply to ``command``: ``success``, ``failure``, ``error`` or ``protocol``.

    ``command`` is a key of TABLE or any other verb.  A 4yz or 5yz that is not listed is a failure.  A 2yz that is
    not listed is success where nothing else could be meant, and a 2yz or 3yz that answers another question than
    the one asked is ``protocol``.  Verbs without a row (extensions) succeed by any 2yz or 3yz.
    """
    row = TABLE.get(command)
    if row is not None:
        digits = f"{code:03}"
        for column, codes in zip(("success", "failure", "error"), row):
            if digits in codes:
                return column
    if code >= 400:
        return "failure"
    if row is None or (code < 300 and command in _ANY_2YZ_IS_SUCCESS):
        return "success"
    return "protocol"
