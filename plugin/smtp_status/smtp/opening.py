"""How a conversation opens: the name's addresses, the connection, the PROXY header, the greeting."""

from __future__ import annotations

from ..findings import Failure
from ..text import clean
from . import reply_table
from .actions import Answered, Ask, Connect, Connected, Tell
from .command import command_line
from .session import Over

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .session import Session, Steps


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
    observations.details.extend(f"connect: {failure.cause}" for failure in result.failed)
    observations.add_success("connect", result.seconds, result.address.place)
    session.reached("connect")


def greeting(session: Session) -> Steps[None]:
    answer = yield from session.ask("banner", "connection", Ask())
    expected = session.plan.expect
    if expected is None:
        session.judge("banner", "connection", answer)
    else:
        _expect_greeting(session, expected, answer)
    session.reached("banner")


def _expect_greeting(session: Session, expected: str, answer: Answered) -> None:
    """``-e``: with a code in front it stands at a line's start and replaces the demand for 220."""
    wanted = expected.encode("utf-8", "surrogateescape")
    if len(wanted) >= 3 and wanted[:3].isdigit():
        found = any(line.startswith(wanted) for line in answer.reply.lines)
        column = "success"
    else:
        found = any(wanted in line for line in answer.reply.lines)
        column = reply_table.judge("connection", answer.reply.code)
    if column == "success" and not found:
        session.observations.add_reply("banner", "mismatch", answer, f"greeting without {clean(expected)}")
    else:
        session.observations.add_reply("banner", column, answer, "not a greeting" if column == "protocol" else "")
    if not session.observations.findings[-1].succeeded:
        raise Over


def proxy(session: Session, ends: tuple[()] | tuple[str, int, str, int]) -> Steps[None]:
    """The header of the PROXY protocol, version 1, which a load balancer would send."""
    link = session.link
    assert link is not None
    there = link.address
    source, source_port, destination, port = ends or (*link.own, there.text.partition("%")[0], there.port)
    if source and destination:
        family = "TCP6" if ":" in source else "TCP4"
        header = f"PROXY {family} {source} {destination} {source_port} {port}"
    else:
        header = "PROXY UNKNOWN"
    session.observations.say(header)
    result = yield Tell(command_line(header.encode("ascii")))
    if isinstance(result, Failure):
        session.fail("banner", result, session.cause("PROXY", result))
