"""The end of a conversation: RSET where mail was begun, then QUIT (RFC 5321 section 4.1.1.10)."""

from __future__ import annotations

from ..findings import Failure
from . import replies
from .actions import Answered
from .session import reply_to

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .session import Session, Steps

FAREWELL_SECONDS = 2.0
"""How long each of RSET and QUIT is waited for: the result is decided by then."""


def farewell(session: Session) -> Steps[None]:
    """RSET where mail was begun, then QUIT, wherever the server still listens to commands."""
    if not session.may_command:
        return
    # What is wrong from here on matters only where everything before went well.
    judged = all(finding.succeeded or finding.default for finding in session.observations.findings)
    if session.challenged:
        # QUIT would be taken for the response (RFC 4954 section 4).  Whatever is answered will do; what came only later
        # would be taken for the reply to the next command.
        result = yield from session.attempt("*", FAREWELL_SECONDS)
        if judged and isinstance(result, Failure) and result.kind == "timeout":
            session.observations.add_failure("quit", result, session.cause("*", result))
            judged = False
    if session.may_command and session.mail_begun and not session.message_accepted:
        result = yield from session.attempt("RSET", FAREWELL_SECONDS, strict=judged)
        if judged and isinstance(result, Failure):
            session.observations.add_failure("quit", result, session.cause("RSET", result))
            judged = False
        elif judged and isinstance(result, Answered) and result.unasked:
            session.observations.add_reply("quit", replies.judge("QUIT", result.reply.code), result)
            judged = False
    if not session.may_command:
        return
    result = yield from session.attempt("QUIT", FAREWELL_SECONDS, strict=judged)
    if not judged:
        return
    if isinstance(result, Failure) and session.refused_after_handshake(result):
        session.observations.add_failure("tls", result, session.cause("QUIT", result))
        return
    if isinstance(result, Failure):
        session.observations.add_failure("quit", result, session.cause("QUIT", result))
        if session.may_command and result.kind == "protocol":
            yield from session.attempt("QUIT", FAREWELL_SECONDS)
        return
    session.observations.add_time("quit", result)
    fault = result.reply.fault
    column = "protocol" if fault else replies.judge("QUIT", result.reply.code)
    if column == "protocol" and not fault:
        fault = f"not a {reply_to('QUIT')}"
    session.observations.add_reply("quit", column, result, fault)
