"""Raw commands as the user gave them (``-C``), their replies judged by a pattern (``-R``) or the reply table."""

from __future__ import annotations

from ..text import clean, cut
from . import replies
from .session import Over

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .plan import RawCommand
    from .session import Session, Steps

VERB_SHOWN = 20


def raw_commands(session: Session) -> Steps[None]:
    """All raw commands in their order; the first that fails ends them."""
    commands = session.plan.commands
    for number, command in enumerate(commands, 1):
        yield from raw(session, command)
        following = commands[number : number + 1]
        if not following or following[0].stage != command.stage:
            session.reached(command.stage)


def raw(session: Session, command: RawCommand) -> Steps[None]:
    """``-C``: its reply is judged by its ``-R``, else by the reply table."""
    stage = command.stage
    shown = without_response(session, command.line, session.challenged)
    session.challenged = False
    # The verb is named in sentences too, and the line may be anything.
    verb = "message" if stage == "message" else cut(clean(shown.partition(b" ")[0]), VERB_SHOWN).upper()
    about = clean(shown) if stage == "command" else ""
    answer = yield from session.command(stage, verb, command.line, shown)
    session.challenged = answer.reply.code == replies.CONTINUE
    if stage == "message" and 200 <= answer.reply.code < 300:
        session.message_accepted = True
    if command.expected is None and (verb, answer.reply.code) == ("AUTH", replies.CONTINUE):
        session.observations.add_reply(stage, "success", answer, about=about)  # the responses come as further commands
    elif command.expected is None or answer.unasked or answer.early:
        # What came before the command was sent is no reply to it, whatever -R expects.
        session.judge(stage, verb, answer, about)
    else:
        from .patterns import Overdue, found  # noqa: PLC0415 - few checks send raw commands

        heard = (line.decode("utf-8", "backslashreplace") for line in answer.reply.lines)
        try:
            reason = "" if (session.search or found)(command.expected, heard) else "not as -R expects"
        except Overdue:
            reason = "-R takes too long to search this"
        session.observations.add_reply(stage, "mismatch" if reason else "success", answer, reason, about)
        if reason:
            raise Over


def without_response(session: Session, line: bytes, challenged: bool) -> bytes:
    """A raw command as it may be shown: not what answers a challenge, nor what comes along with AUTH (RFC 4954)."""
    word, _, arguments = line.lstrip(b" ").partition(b" ")  # some servers pass over blanks
    mechanism, _, with_auth = arguments.lstrip(b" ").partition(b" ")
    response = line if challenged else with_auth if word.upper() == b"AUTH" else b""
    if response in (b"", b"=", b"*"):
        return line
    from binascii import a2b_base64  # noqa: PLC0415 - hardly anybody logs in this way

    try:
        secret = a2b_base64(response).rpartition(b"\0")[2]
    except ValueError:
        secret = b""
    session.observations.hide((secret,), (response,))
    return b"***" if challenged else b" ".join((word, mechanism, b"***"))
