"""EHLO, LHLO and HELO (RFC 5321 section 4.1.1.1, RFC 2033 section 4.1): who we are, and what is offered."""

from __future__ import annotations

from .reply import extensions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .session import Session, Steps

HELO_AFTER = frozenset((500, 502, 504))
"""Replies to EHLO after which HELO is tried (RFC 5321 section 3.2)."""


def hello(session: Session) -> Steps[None]:
    name = _helo_name(session)
    verb = "LHLO" if session.plan.lmtp else "EHLO"
    answer = yield from session.command("ehlo", verb, f"{verb} {name}".encode())
    session.extensions = extensions(answer.reply) if answer.reply.code == 250 else {}
    if verb == "EHLO" and answer.reply.code in HELO_AFTER:
        verb = "HELO"
        answer = yield from session.command("ehlo", verb, f"{verb} {name}".encode())
    # Who knows neither EHLO nor HELO usually speaks the other protocol.
    other = "no LMTP server? try without --lmtp" if session.plan.lmtp else "an LMTP server? try --lmtp"
    session.judge("ehlo", verb, answer, hint=other if answer.reply.code in HELO_AFTER else "")


def _helo_name(session: Session) -> str:
    """``-F``, else the address literal of our own end (RFC 5321 section 4.1.1.1)."""
    if session.plan.helo is not None:
        return session.plan.helo
    own = session.link.own[0] if session.link is not None else ""
    if not own:
        return "localhost"
    return f"[IPv6:{own}]" if ":" in own else f"[{own}]"
