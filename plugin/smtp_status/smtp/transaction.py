"""The mail transaction (RFC 5321 section 3.3): MAIL, RCPT, the message; with LMTP one reply for each recipient."""

from __future__ import annotations

from ..text import clean
from .actions import Ask
from .address import NULL
from .session import Over

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from .address import Mailbox
    from .session import Session, Steps

MESSAGE_LINES_SHOWN = 30


def transaction(session: Session) -> Steps[None]:
    """MAIL, with recipients RCPT and the message too."""
    yield from _mail(session, session.plan.sender or NULL)
    if session.plan.recipients:
        accepted = yield from _recipients(session)
        yield from session.must("data", "DATA", b"DATA")
        session.reached("data")
        yield from _message(session, accepted)


def _mail(session: Session, sender: Mailbox) -> Steps[None]:
    message, offered = session.plan.message, session.extensions
    boxes = (sender, *session.plan.recipients)
    utf8 = any(box.needs_utf8 for box in boxes) or (message is not None and message.needs_utf8)
    if utf8 and "SMTPUTF8" not in offered:
        session.lack("mail", "SMTPUTF8 not offered, but an address or header is not ASCII")
    if message is not None and message.eight_bit and not {"8BITMIME", "SMTPUTF8"}.intersection(offered):
        session.lack("mail", "8BITMIME not offered, but the message is not ASCII")
    line = b"MAIL FROM:" + sender.path()
    if message is not None and "SIZE" in offered:
        line += b" SIZE=%d" % message.size
    if message is not None and message.eight_bit and "8BITMIME" in offered:
        line += b" BODY=8BITMIME"
    if utf8:
        line += b" SMTPUTF8"
    yield from session.must("mail", "MAIL", line)
    session.reached("mail")


def _recipients(session: Session) -> Steps[tuple[Mailbox, ...]]:
    accepted = []
    several = len(session.plan.recipients) > 1
    for recipient in session.plan.recipients:
        answer = yield from session.command("rcpt", "RCPT", b"RCPT TO:" + recipient.path())
        about = clean(recipient.text) if several else ""
        if session.judge("rcpt", "RCPT", answer, about, go_on=True):
            accepted.append(recipient)
    session.reached("rcpt")
    if not accepted:
        raise Over
    return tuple(accepted)


def _message(session: Session, accepted: tuple[Mailbox, ...]) -> Steps[None]:
    message = session.plan.message
    assert message is not None
    lines: list[bytes | str] = [*message.head_lines(MESSAGE_LINES_SHOWN + 1)] if session.plan.verbose else []
    if len(lines) > MESSAGE_LINES_SHOWN:
        lines[MESSAGE_LINES_SHOWN:] = [f"... {message.size} octets in all"]
    exchange = Ask(_with_final_dot(message.chunks()), from_first_octet=True)
    answer = yield from session.ask("message", "message", exchange, *lines, ".")
    if not session.plan.lmtp:
        session.message_accepted = session.judge("message", "message", answer)
    else:
        # One reply for each recipient that was accepted (RFC 2033 section 4.2).
        for number, recipient in enumerate(accepted):
            if number:
                lacking = f"{number} of {len(accepted)} replies came, none for {clean(recipient.text)}"
                answer = yield from session.ask("message", "message", Ask(), lacking=lacking)
            about = clean(recipient.text) if len(session.plan.recipients) > 1 else ""
            if session.judge("message", "message", answer, about, go_on=True):
                session.message_accepted = True
    if not session.message_accepted:
        raise Over
    session.reached("message")


def _with_final_dot(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The message and the end of it, the dot together with the last piece: one segment less to wait for."""
    held = b""
    for chunk in chunks:
        if held:
            yield held
        held = chunk
    yield held + b".\r\n"
