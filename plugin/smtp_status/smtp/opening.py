"""How a conversation opens: the name's addresses, the connection, the greeting, EHLO or its kin
(RFC 5321 sections 3.1, 3.2 and 4.1.1.1, RFC 2033 section 4.1).
"""

from __future__ import annotations

from ..findings import Failure
from ..text import clean
from . import replies
from .actions import Answered, Ask, Connect, Connected
from .replies import extensions
from .session import Over

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .session import Session, Steps

ASTERISKS = "asterisks: a firewall's SMTP inspection?"
"""What a greeting of asterisks is."""


def looked_up(session: Session, seconds: float) -> None:
    session.observations.times["dns"] = seconds
    session.observations.add_success("dns", seconds, ", ".join(address.text for address in session.target.addresses))


def connect(session: Session) -> Steps[None]:
    result = yield Connect(session.target.addresses)
    if isinstance(result, Failure):
        session.fail("connect", result, result.cause)
    assert isinstance(result, Connected)
    session.link = result
    observations = session.observations
    observations.decided = result.at
    observations.address = result.address
    observations.times["connect"] = result.seconds
    observations.passed_over = tuple([failure.cause for failure in result.failed])
    observations.details.extend(f"connect: {cause}" for cause in observations.passed_over)
    observations.add_success("connect", result.seconds, result.address.place)
    session.reached("connect")


def greeting(session: Session) -> Steps[None]:
    answer = yield from session.ask("banner", "connection", Ask())
    if b"***" in answer.reply.lines[0]:
        from .hints import is_masked  # noqa: PLC0415 - hardly any greeting has asterisks

        session.masked = is_masked(answer.reply.texts)
    expected = session.plan.expect
    if expected is None:
        session.judge("banner", "connection", answer, hint=ASTERISKS if session.masked else "")
    else:
        _expect_greeting(session, expected, answer)
    if session.masked:
        session.observations.details.append("banner: asterisks, as a firewall's SMTP inspection puts them")
    session.reached("banner")


def _expect_greeting(session: Session, expected: str, answer: Answered) -> None:
    """``-e``: with a code in front it stands at a line's start and replaces the demand for 220."""
    wanted = expected.encode("utf-8", "surrogateescape")
    if len(wanted) >= 3 and wanted[:3].isdigit():
        found = any(line.startswith(wanted) for line in answer.reply.lines)
        column = "success"
    else:
        found = any(wanted in line for line in answer.reply.lines)
        column = replies.judge("connection", answer.reply.code)
    if column == "success" and not found:
        hint = f"; {ASTERISKS}" if session.masked else ""
        session.observations.add_reply("banner", "mismatch", answer, f"greeting without {clean(expected)}{hint}")
    else:
        session.observations.add_reply("banner", column, answer, "not a greeting" if column == "protocol" else "")
    if not session.observations.findings[-1].succeeded:
        raise Over


HELO_AFTER = frozenset((500, 502, 504))
"""Replies to EHLO after which HELO is tried (RFC 5321 section 3.2)."""


def hello(session: Session) -> Steps[None]:
    name = _helo_name(session)
    verb = "LHLO" if session.plan.lmtp else "HELO" if session.plan.helo_only else "EHLO"
    answer = yield from session.command("ehlo", verb, f"{verb} {name}".encode())
    session.extensions = extensions(answer.reply) if answer.reply.code == 250 and verb != "HELO" else {}
    session.refused_ehlo = None
    if verb == "EHLO" and answer.reply.code in HELO_AFTER and not session.may_answer_proxy:
        verb = "HELO"
        session.refused_ehlo = answer.reply
        answer = yield from session.command("ehlo", verb, f"{verb} {name}".encode())
    hint = ""
    if answer.reply.code != 250:
        from .hints import after_hello  # noqa: PLC0415 - most servers take it

        hint = after_hello(session, answer.reply)
    session.judge("ehlo", verb, answer, hint=hint)


def _helo_name(session: Session) -> str:
    """``-F``, else the address literal of our own end (RFC 5321 section 4.1.1.1)."""
    if session.plan.helo is not None:
        return session.plan.helo
    own = session.link.own[0] if session.link is not None else ""
    if not own:
        return "localhost"
    return f"[IPv6:{own}]" if ":" in own else f"[{own}]"
