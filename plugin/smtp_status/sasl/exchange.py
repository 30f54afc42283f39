"""One authentication from the client's side, and its base64 (RFC 4954 section 4, RFC 4422).

No socket, no clock.  The dialogue sends what an ``Exchange`` answers and hands it what the server asked.
"""

from __future__ import annotations

import binascii


class AuthFault(Exception):  # noqa: N818 - the server's fault, not an error of ours
    """A challenge or an acceptance that breaks the mechanism: the server's fault, kind ``protocol``.

    ``cause`` is the operator's wording; it holds neither the server's text nor a secret.
    """

    def __init__(self, cause: str) -> None:
        super().__init__(cause)
        self.cause = cause


def encode(response: bytes) -> bytes:
    """The line, without its end, that carries a response (RFC 4954 section 4).

    An empty *initial* response is not this empty line but ``=``; that is for the one who builds the command.
    """
    return binascii.b2a_base64(response, newline=False)


def decode_challenge(line: bytes) -> bytes:
    """The challenge in the text of a 334 reply; raises AuthFault where that is not exactly base64.

    Strict (RFC 4648 section 3): a character that does not belong or missing padding means that text was lost
    or that no challenge was meant, and an answer to a guess would be no proof of a working server.
    """
    challenge = from_base64(line)
    if challenge is None:
        raise AuthFault("challenge is not valid base64")
    return challenge


class Exchange:
    """One authentication from the client's side; made by ``mechanisms.start``.

    ``initial`` is the initial response, None where the mechanism waits for a challenge first.  Where the
    command would be too long with it (512 octets, RFC 4954 section 4), send AUTH without it and give it as
    the answer to the empty challenge that follows.  ``explanation`` is what the server said about a failure
    inside the exchange ('' if nothing): foreign text, neither redacted nor cleaned, but always encodable.
    """

    reads_challenges = True
    """Whether what the server asks matters; where it does not, it need not be base64 either."""

    def __init__(self, mechanism: str, user: bytes, secret: bytes, initial: bytes | None = None) -> None:
        self.mechanism = mechanism
        self.initial = initial
        self.explanation = ""
        self._user = user
        self._secret = secret
        self._sent = set[bytes]()
        self._hide_response(initial or b"")

    @property
    def secrets(self) -> tuple[bytes, ...]:
        """The password or token as it is used; none where there is none."""
        return (self._secret,) if self._secret else ()

    @property
    def sent(self) -> tuple[bytes, ...]:
        """What was made of the secret so far, and must not be shown either: each response as it goes on the wire, and
        what proves the secret in it; and the server's own proof, which is enough to try passwords against."""
        return tuple(sorted(self._sent))

    def respond(self, challenge: bytes) -> bytes:
        """The response to a decoded challenge; raises AuthFault when the challenge breaks the mechanism."""
        response = self._respond(challenge)
        self._hide_response(response)
        return response

    def finish(self, final: bytes | None = None) -> None:
        """To be called at 235 with the text of that reply, if at hand.

        Raises AuthFault when the server accepted before the mechanism was through.
        """

    def _respond(self, challenge: bytes) -> bytes:
        # PLAIN and EXTERNAL say everything at once (RFC 4616 section 2, RFC 4422 appendix A).
        raise self._fault("challenge after everything was said")

    def _fault(self, cause: str) -> AuthFault:
        return AuthFault(f"{self.mechanism} {cause}")

    def _hide_response(self, response: bytes) -> None:
        if response:
            self._hide(encode(response))

    def _hide(self, text: bytes) -> None:
        self._sent.add(text)


def utf8(text: str, what: str) -> bytes:
    # errors="replace" and compare, since a UnicodeEncodeError would carry the text with it.
    encoded = text.encode("utf-8", "replace")
    if encoded.decode("utf-8") != text:
        raise ValueError(f"{what} is not valid UTF-8")
    if b"\0" in encoded:
        raise ValueError(f"{what} holds a NUL")
    return encoded


def from_base64(text: bytes) -> bytes | None:
    """Strictly decoded, None when ``text`` is not what an encoder would have made."""
    try:
        decoded = binascii.a2b_base64(text)
    except binascii.Error:
        return None
    # a2b_base64 skips what it does not know (its strict mode is new in 3.11); encoding again shows it.
    return decoded if encode(decoded) == text else None
