"""The server's side of AUTH dialogues (RFC 4954), correct by default and easily made wrong."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Union

from .session import Session
from .steps import Action, play

ACCEPTED = b"235 2.7.0 Authentication successful\r\n"
REJECTED = b"535 5.7.8 Authentication credentials invalid\r\n"
CANCELLED = b"501 5.7.0 Authentication aborted\r\n"


@dataclass(frozen=True)
class Raw:
    """A challenge to send as it is, the whole line, such as one that is no base64."""

    line: bytes


Challenge = Union[bytes, Raw, Callable[[list[bytes]], Union[bytes, Raw]]]


@dataclass(frozen=True)
class Auth:
    """A mechanism: the challenges in order, each bytes (sent as base64), ``Raw``, or a function of the
    decoded responses so far; then ``accepts``, a function of the decoded responses.

    An initial response takes the place of the first challenge.  ``final`` is played instead of the usual
    verdict; ``responses`` of the session hold the lines as they came.
    """

    challenges: Sequence[Challenge] = (b"",)
    accepts: Callable[[list[bytes]], bool] = field(default=lambda responses: True)
    final: Action = None

    def converse(self, session: Session, initial: bytes | None) -> None:
        """Hold the dialogue after ``AUTH MECHANISM [initial]``."""
        decoded: list[bytes] = []
        for number, challenge in enumerate(self.challenges):
            if number == 0 and initial is not None:
                session.responses.append(initial)
                line = b"" if initial == b"=" else initial
            else:
                made = challenge(decoded) if callable(challenge) else challenge
                encoded = made.line if isinstance(made, Raw) else b"334 " + base64.b64encode(made) + b"\r\n"
                session.send(encoded)
                line = session.read_response()
                if line == b"*":
                    session.send(CANCELLED)
                    return
            try:
                decoded.append(base64.b64decode(line, validate=True))
            except binascii.Error:
                session.send(b"501 5.5.2 Cannot decode response\r\n")
                return
        if self.final is not None:
            play(self.final, session)
        else:
            session.send(ACCEPTED if self.accepts(decoded) else REJECTED)


def plain(user: str, password: str) -> Auth:
    """PLAIN (RFC 4616)."""
    wanted = b"\0" + user.encode() + b"\0" + password.encode()
    return Auth((b"",), lambda responses: responses[0].partition(b"\0")[1:] == (b"\0", wanted[1:]))


def login(user: str, password: str) -> Auth:
    """LOGIN, as everybody does it."""
    return Auth((b"Username:", b"Password:"), lambda responses: responses == [user.encode(), password.encode()])


def cram_md5(user: str, password: str, challenge: bytes = b"<1896.697170952@scripted.test>") -> Auth:
    """CRAM-MD5 (RFC 2195)."""
    digest = hmac.new(password.encode(), challenge, hashlib.md5).hexdigest()
    return Auth((challenge,), lambda responses: responses == [f"{user} {digest}".encode()])


def oauth(token: str, error: bytes = b'{"status":"401"}') -> Auth:
    """XOAUTH2 and OAUTHBEARER (RFC 7628): a wrong token is answered by a challenge that holds the error, and
    only the client's answer to that brings the 535."""
    wanted = b"auth=Bearer " + token.encode() + b"\x01"

    def final(session: Session) -> Action:
        if wanted in base64.b64decode(session.responses[-1]):
            return ACCEPTED
        session.send(b"334 " + base64.b64encode(error) + b"\r\n")
        session.read_response()
        return REJECTED

    return Auth((b"",), final=final)


def scram(
    user: str,
    password: str,
    hash_name: str = "sha256",
    *,
    iterations: int = 4096,
    salt: bytes = b"salt of the test",
    nonce: bytes = b"nonce of the server",
    forged: bool = False,
) -> Auth:
    """SCRAM (RFC 5802) without channel binding.  ``nonce`` is the server's part; ``forged`` makes the
    server's signature a wrong one."""
    salted = hashlib.pbkdf2_hmac(hash_name, password.encode(), salt, iterations)

    def keyed(key: bytes, data: bytes) -> bytes:
        return hmac.new(key, data, hash_name).digest()

    def first(responses: list[bytes]) -> bytes:
        theirs = _attributes(responses[0].split(b",", 2)[2])[b"r"]
        return b"r=%s%s,s=%s,i=%d" % (theirs, nonce, base64.b64encode(salt), iterations)

    def signed(responses: list[bytes]) -> bytes:
        unproved = responses[1].rpartition(b",p=")[0]
        return b",".join((responses[0].split(b",", 2)[2], first(responses), unproved))

    def proved(responses: list[bytes]) -> bool:
        client_key = keyed(salted, b"Client Key")
        signature = keyed(hashlib.new(hash_name, client_key).digest(), signed(responses))
        proof = bytes(one ^ other for one, other in zip(client_key, signature))
        name = _attributes(responses[0].split(b",", 2)[2])[b"n"]
        return name == user.encode() and _attributes(responses[1])[b"p"] == base64.b64encode(proof)

    def final(session: Session) -> Action:
        responses = [base64.b64decode(response) for response in session.responses[-2:]]
        if not proved(responses):
            return REJECTED
        signature = keyed(keyed(salted, b"Server Key"), signed(responses))
        if forged:
            signature = bytes(len(signature))
        session.send(b"334 " + base64.b64encode(b"v=" + base64.b64encode(signature)) + b"\r\n")
        return CANCELLED if session.read_response() == b"*" else ACCEPTED

    return Auth((b"", first), final=final)


def _attributes(message: bytes) -> dict[bytes, bytes]:
    return {part[:1]: part[2:] for part in message.split(b",")}
