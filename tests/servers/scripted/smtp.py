"""A small, correct SMTP or LMTP server as a script whose every stage a test can replace."""

from __future__ import annotations

import re
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Union

from .sasl import Auth
from .session import Ended, Session
from .steps import Action, Close, StartTls, play

_PATH = re.compile(rb"(?:FROM|TO):<([^>]*)>", re.IGNORECASE)

PerRecipient = Union[Action, Mapping[str, Action]]


@dataclass(frozen=True)
class SmtpScript:
    """The action of each stage, by default what a good server answers.

    ``ehlo`` None: a reply made of ``name`` and ``extensions``, with STARTTLS and AUTH where ``starttls`` and
    ``auth`` make them true; ``ehlo_tls`` and ``extensions_tls`` are for the EHLO inside TLS (None: as
    outside). ``rcpt``, and ``message`` with ``lmtp``, may map addresses to actions; addresses not in it are
    accepted.  With ``lmtp`` a ``message`` action is played once for each accepted recipient. ``starttls``: a
    context (then 220 and a handshake) or an action.  ``tls``: TLS from the first byte.  ``auth`` maps
    mechanisms to dialogues; ``auth_plaintext`` false offers them inside TLS only.  ``proxy``: a PROXY v1 line
    is read first (kept as ``session.reads[0]``).  ``other`` answers every command not named here.

    A message is read after a reply to DATA that begins with 3.
    """

    name: bytes = b"scripted.test"
    banner: Action = b"220 scripted.test ESMTP\r\n"
    extensions: Sequence[bytes] = (b"SIZE 10240000", b"8BITMIME", b"ENHANCEDSTATUSCODES", b"SMTPUTF8")
    extensions_tls: Sequence[bytes] | None = None
    ehlo: Action = None
    ehlo_tls: Action = None
    helo: Action = b"250 scripted.test\r\n"
    mail: Action = b"250 2.1.0 Sender ok\r\n"
    rcpt: PerRecipient = b"250 2.1.5 Recipient ok\r\n"
    data: Action = b"354 End data with <CR><LF>.<CR><LF>\r\n"
    message: PerRecipient = b"250 2.0.0 Ok: queued as 4Vx1\r\n"
    rset: Action = b"250 2.0.0 Ok\r\n"
    noop: Action = b"250 2.0.0 Ok\r\n"
    vrfy: Action = b"252 2.0.0 Cannot verify\r\n"
    expn: Action = b"252 2.0.0 Cannot expand\r\n"
    help: Action = b"214 2.0.0 See RFC 5321\r\n"
    quit: Action = (b"221 2.0.0 Bye\r\n", Close())
    other: Action = b"500 5.5.2 Command not recognized\r\n"
    starttls: ssl.SSLContext | Action = None
    tls: ssl.SSLContext | None = None
    auth: Mapping[str, Auth] = field(default_factory=dict)
    auth_plaintext: bool = True
    lmtp: bool = False
    proxy: bool = False

    def play(self, session: Session) -> None:
        if self.proxy:
            session.read_line()
            session.lines.clear()
        if self.tls:
            session.start_tls(self.tls)
        play(self.banner, session)
        if session.early:
            session.faults.append(f"spoke before the greeting ended: {session.early!r}")
        accepted: list[bytes] = []
        while True:
            line = session.read_line()
            verb, _, argument = line.partition(b" ")
            before = len(session.sent)
            self._answer(session, verb.upper(), argument, accepted)
            reply = session.sent[before : before + 1]
            if verb.upper() in (b"EHLO", b"LHLO", b"HELO", b"RSET", b"MAIL"):
                accepted.clear()
            elif verb.upper() == b"RCPT" and reply == b"2":
                accepted.append(_path(argument))
            elif verb.upper() == b"DATA" and reply == b"3":
                session.read_message()
                for recipient in accepted if self.lmtp else [b""]:
                    play(_choose(self.message, recipient, SmtpScript.message), session)
                accepted.clear()

    def _answer(self, session: Session, verb: bytes, argument: bytes, accepted: list[bytes]) -> None:
        if verb == (b"LHLO" if self.lmtp else b"EHLO"):
            self._hello(session)
        elif verb == b"HELO" and not self.lmtp:
            play(self.helo, session)
        elif verb == b"STARTTLS" and self.starttls is not None:
            self._secure(session)
        elif verb == b"AUTH" and self.auth:
            self._authenticate(session, argument)
        elif verb == b"RCPT":
            play(_choose(self.rcpt, _path(argument), SmtpScript.rcpt), session)
        elif verb in (b"MAIL", b"DATA", b"RSET", b"NOOP", b"VRFY", b"EXPN", b"HELP", b"QUIT"):
            play(getattr(self, verb.decode().lower()), session)
        else:
            play(self.other, session)

    def _hello(self, session: Session) -> None:
        special = self.ehlo_tls if session.tls and self.ehlo_tls is not None else self.ehlo
        if special is not None:
            play(special, session)
            return
        inside = session.tls and self.extensions_tls is not None
        words = [self.name, *(self.extensions_tls or () if inside else self.extensions)]
        if self.starttls is not None and not session.tls:
            words.append(b"STARTTLS")
        if self.auth and (session.tls or self.auth_plaintext):
            words.append(b"AUTH " + " ".join(self.auth).encode())
        lines = [b"250-" + word + b"\r\n" for word in words[:-1]]
        session.send(b"".join(lines) + b"250 " + words[-1] + b"\r\n")

    def _secure(self, session: Session) -> None:
        if isinstance(self.starttls, ssl.SSLContext):
            play((b"220 2.0.0 Ready to start TLS\r\n", StartTls(self.starttls)), session)
        else:
            play(self.starttls, session)

    def _authenticate(self, session: Session, argument: bytes) -> None:
        mechanism, space, initial = argument.partition(b" ")
        dialogue = self.auth.get(mechanism.decode("ascii", "replace").upper())
        if dialogue is None:
            session.send(b"504 5.5.4 Mechanism not supported\r\n")
        else:
            dialogue.converse(session, initial if space else None)


def run_script(script: Action, session: Session) -> None:
    """Play a whole connection; the end of the script closes it."""
    try:
        play((script, Close()), session)
    except Ended as end:
        session.finish(end.how)
    except Exception as error:
        session.error = error
        session.finish("server")


def _path(argument: bytes) -> bytes:
    """The address of ``FROM:<…>`` or ``TO:<…>``, empty when there is none."""
    match = _PATH.match(argument)
    return match[1] if match else b""


def _choose(action: PerRecipient, recipient: bytes, default: PerRecipient) -> Action:
    if isinstance(action, Mapping):
        chosen = action.get(recipient.decode("utf-8", "replace"), default)
        assert not isinstance(chosen, Mapping)
        return chosen
    return action
