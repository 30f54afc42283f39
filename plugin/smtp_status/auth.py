"""SASL mechanisms as pure exchanges, and which of them to take (RFC 4954, RFC 4422).

No socket, no clock.  The dialogue sends what an :class:`Exchange` answers and hands it what the server asked.
Modules for hashing, JSON and stringprep are imported where they are used: most checks never log in.
"""

from __future__ import annotations

import binascii
from os import urandom

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection

    from .model import Reply
    from .plan import Credentials

STRENGTH = (
    "EXTERNAL",
    "SCRAM-SHA-256",
    "SCRAM-SHA-1",
    "CRAM-MD5",
    "OAUTHBEARER",
    "XOAUTH2",
    "PLAIN",
    "LOGIN",
)
"""Every mechanism there is, strongest first."""

PLAINTEXT = frozenset({"PLAIN", "LOGIN", "XOAUTH2", "OAUTHBEARER"})
"""Mechanisms that show the secret to whoever can read the connection."""

TOKEN = frozenset({"XOAUTH2", "OAUTHBEARER"})
"""Mechanisms whose secret is an access token, not a password."""

MEANINGS = {
    432: "password transition needed",
    454: "temporary authentication failure",
    500: "command or response too long or not understood",
    501: "response malformed or exchange cancelled",
    502: "authentication not implemented",
    503: "authentication not permitted at this point",
    504: "mechanism not supported",
    534: "mechanism too weak",
    535: "credentials rejected",
    538: "encryption required for this mechanism",
}
"""What a reply code to AUTH means, in an operator's words (RFC 4954 sections 4 and 6).

530 is not among them: elsewhere it asks for a login, but in answer to AUTH for TLS (RFC 3207 section 4).
"""

MAX_ITERATIONS = 1_000_000
"""The most PBKDF2 rounds a server may demand, about a third of a second of CPU.  The count is the server's to
choose and hashing cannot be interrupted: without a limit a hostile one carries the check past its
deadline."""

_SCRAM_HASHES = {"SCRAM-SHA-256": "sha256", "SCRAM-SHA-1": "sha1"}


class AuthFault(Exception):  # noqa: N818 - the server's fault, not an error of ours
    """A challenge or an acceptance that breaks the mechanism: the server's fault, kind ``protocol``.

    ``cause`` is the operator's wording; it holds neither the server's text nor a secret.
    """

    def __init__(self, cause: str) -> None:
        super().__init__(cause)
        self.cause = cause


def choose(
    offered: Collection[str],
    wanted: str | None,
    *,
    protected: bool,
    plaintext: bool,
    has_secret: bool,
    has_client_cert: bool,
) -> str | None:
    """The mechanism to use, or None when none of those offered will do.

    ``wanted`` is the user's choice, None for the strongest that suits.  ``protected``: the connection has
    TLS or does not leave this machine.  ``plaintext``: the user allows PLAINTEXT mechanisms regardless.  The
    token mechanisms are only taken when wanted, since a password is no token; EXTERNAL when wanted, or when
    there is a client certificate and no secret.
    """
    common = {name.upper() for name in offered}.intersection(STRENGTH)
    if not (protected or plaintext):
        common -= PLAINTEXT
    if not has_secret:
        common &= {"EXTERNAL"}
    if wanted is not None:
        return wanted.upper() if wanted.upper() in common else None
    common -= TOKEN
    if has_secret or not has_client_cert:
        common.discard("EXTERNAL")
    return next((name for name in STRENGTH if name in common), None)


def meaning(reply: Reply) -> str:
    """What the code of a reply to AUTH means; '' where there is nothing to add to the server's own words."""
    words = MEANINGS.get(reply.code, "")
    return "" if words.encode() in b" ".join(reply.texts).lower() else words


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
    challenge = _from_base64(line)
    if challenge is None:
        raise AuthFault("challenge is not valid base64")
    return challenge


class Exchange:
    """One authentication from the client's side; made by :func:`start`.

    ``initial`` is the initial response, None where the mechanism waits for a challenge first.  Where the
    command would be too long with it (512 octets, RFC 4954 section 4), send AUTH without it and give it as
    the answer to the empty challenge that follows.  ``explanation`` is what the server said about a failure
    inside the exchange ('' if nothing): foreign text, neither redacted nor cleaned, but always encodable.
    """

    def __init__(self, mechanism: str, user: bytes, secret: bytes, initial: bytes | None = None) -> None:
        self.mechanism = mechanism
        self.initial = initial
        self.explanation = ""
        self._user = user
        self._secret = secret
        self._hidden = set[bytes]()
        self._hide(secret)
        self._hide_response(initial or b"")

    @property
    def secrets(self) -> tuple[bytes, ...]:
        """Everything so far that must not be shown when the server echoes it, longest first.

        The secret, each response and what proves the secret in it, the server's own SCRAM proof (enough to
        try passwords against), and all of it as base64.  A response that is just the user name is hidden as
        base64 only: the name itself is in addresses and error texts everywhere.
        """
        return tuple(sorted(self._hidden, key=lambda text: (-len(text), text)))

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
        self._hide(response, raw=response != self._user)

    def _hide(self, text: bytes, raw: bool = True) -> None:
        if text:
            line = encode(text)
            self._hidden.update((line, line.rstrip(b"=")))
            if raw:
                self._hidden.add(text)


class _Login(Exchange):
    """LOGIN (draft-murchison-sasl-login): user, then password, whatever the prompts say.

    Their wording differs between servers, their order does not.
    """

    def __init__(self, mechanism: str, user: bytes, secret: bytes) -> None:
        super().__init__(mechanism, user, secret)
        self._answers = [user, secret]

    def _respond(self, challenge: bytes) -> bytes:
        if not self._answers:
            raise self._fault("challenge after everything was said")
        return self._answers.pop(0)

    def finish(self, final: bytes | None = None) -> None:
        if self._answers:
            raise self._fault("accepted before the password was asked for")


class _CramMd5(Exchange):
    """CRAM-MD5 (RFC 2195)."""

    _answered = False

    def _respond(self, challenge: bytes) -> bytes:
        if self._answered:
            raise self._fault("challenge after everything was said")
        if not challenge:
            raise self._fault("challenge is empty")
        import hashlib  # noqa: PLC0415 - loads OpenSSL's hashes, needed by few checks
        import hmac  # noqa: PLC0415 - as hashlib

        def md5(data: bytes = b"") -> hashlib._Hash:
            # Without this flag a host in FIPS mode has no MD5; the mechanism leaves no other choice of hash.
            return hashlib.md5(data, usedforsecurity=False)

        self._answered = True
        digest = hmac.new(self._secret, challenge, md5).hexdigest().encode()
        self._hide(digest)
        return self._user + b" " + digest

    def finish(self, final: bytes | None = None) -> None:
        if not self._answered:
            raise self._fault("accepted without a challenge")


class _Token(Exchange):
    """XOAUTH2 and OAUTHBEARER: a challenge is an error message, to be acknowledged (RFC 7628 section 3.2)."""

    _refused = False

    def _respond(self, challenge: bytes) -> bytes:
        if self._refused:
            raise self._fault("challenge after an error message")
        self._refused = True
        self.explanation = _explain(challenge)
        return b"" if self.mechanism == "XOAUTH2" else b"\x01"

    def finish(self, final: bytes | None = None) -> None:
        if self._refused:
            raise self._fault("accepted after an error message")


class _Scram(Exchange):
    """SCRAM without channel binding (RFC 5802, RFC 7677).

    ``user`` and ``secret`` are prepared with SASLprep already.
    """

    def __init__(self, mechanism: str, user: bytes, secret: bytes, nonce: bytes) -> None:
        self._bare = b"n=" + _saslname(user) + b",r=" + nonce
        super().__init__(mechanism, user, secret, b"n,," + self._bare)
        self._nonce = nonce
        self._expected: bytes | None = None
        self._state = "first"

    def _respond(self, challenge: bytes) -> bytes:
        state, self._state = self._state, "broken"
        if state not in {"first", "final"}:
            raise self._fault("challenge after the server's last message")
        if challenge.startswith(b"e="):
            # Acknowledged like the last message it is, not cancelled: the server is to give its reply code.
            self._state = "refused"
            self.explanation = challenge[2:].split(b",")[0].decode("utf-8", "backslashreplace")
            return b""
        if state == "first":
            response = self._prove(challenge)
            self._state = "final"
            return response
        self._verify(challenge)
        self._state = "verified"
        return b""

    def finish(self, final: bytes | None = None) -> None:
        # RFC 4954 has the last message come as a challenge; some servers put it into the text of their 235.
        if self._state == "final":
            for word in (final or b"").split():
                message = _from_base64(word)
                if message is not None and message.startswith(b"v="):
                    self._verify(message)
                    self._state = "verified"
                    break
        if self._state == "refused":
            raise self._fault("accepted after an error message")
        if self._state != "verified":
            raise self._fault("accepted without a server signature")

    def _prove(self, challenge: bytes) -> bytes:
        """The client-final-message for a server-first-message (RFC 5802 section 7)."""
        fields = challenge.split(b",")
        if any(field.startswith(b"m=") for field in fields):
            raise self._fault("challenge demands an unknown extension")
        if [field[:2] for field in fields[:3]] != [b"r=", b"s=", b"i="]:
            raise self._fault("challenge is malformed")
        nonce, encoded_salt, count = (field[2:] for field in fields[:3])
        if not nonce.startswith(self._nonce) or nonce == self._nonce:
            raise self._fault("nonce of the server does not extend ours")
        if any(not 0x21 <= octet <= 0x7E for octet in nonce):
            raise self._fault("nonce of the server is not printable")
        salt = _from_base64(encoded_salt)
        if not salt:
            raise self._fault("salt is not valid base64" if salt is None else "salt is empty")
        if not count.isdigit() or count.startswith(b"0"):
            raise self._fault("iteration count is not a number")
        # The length first: int() of a few thousand digits is slow and since 3.11 an error.
        if len(count) > len(str(MAX_ITERATIONS)) or int(count) > MAX_ITERATIONS:
            raise self._fault(f"iteration count is above {MAX_ITERATIONS}")
        import hashlib  # noqa: PLC0415 - loads OpenSSL's hashes, needed by few checks
        import hmac  # noqa: PLC0415 - as hashlib

        hash_name = _SCRAM_HASHES[self.mechanism]
        salted = hashlib.pbkdf2_hmac(hash_name, self._secret, salt, int(count))
        client_key = hmac.digest(salted, b"Client Key", hash_name)
        stored_key = hashlib.new(hash_name, client_key).digest()
        unproven = b"c=biws,r=" + nonce  # biws: base64 of "n,,", no channel binding
        auth_message = b",".join((self._bare, challenge, unproven))
        signature = hmac.digest(stored_key, auth_message, hash_name)
        proof = encode(bytes(a ^ b for a, b in zip(client_key, signature)))
        self._hide(proof)
        server_key = hmac.digest(salted, b"Server Key", hash_name)
        self._expected = encode(hmac.digest(server_key, auth_message, hash_name))
        self._hide(self._expected)
        self._hide(b"v=" + self._expected)
        return unproven + b",p=" + proof

    def _verify(self, message: bytes) -> None:
        """Judges the server-final-message."""
        import hmac  # noqa: PLC0415 - loads OpenSSL's hashes; loaded by now

        if not message.startswith(b"v=") or self._expected is None:
            raise self._fault("server signature is missing")
        # A longer message that carries extensions is not the one that was hidden beforehand.
        self._hide(message)
        if not hmac.compare_digest(message[2:].split(b",")[0], self._expected):
            raise self._fault("server signature is false")


def start(mechanism: str, credentials: Credentials, host: str, port: int, nonce: bytes | None = None) -> Exchange:
    """A new exchange of one of the mechanisms in STRENGTH.

    ``host`` and ``port`` are those connected to (OAUTHBEARER tells them to the server); ``nonce`` is SCRAM's,
    a random one by default.  Raises ValueError, one line without the secret, when the user name or the secret
    cannot be used with the mechanism; that is the user's fault.
    """
    user = _utf8(credentials.user, "user name")
    if mechanism == "EXTERNAL":
        return Exchange(mechanism, user, b"", initial=user)
    if credentials.secret is None:
        raise ValueError(f"{mechanism} needs a password or token")
    secret = _utf8(credentials.secret.value, "password")
    if mechanism == "PLAIN":
        return Exchange(mechanism, user, secret, initial=b"\0" + user + b"\0" + secret)
    if mechanism == "LOGIN":
        return _Login(mechanism, user, secret)
    if mechanism == "CRAM-MD5":
        return _CramMd5(mechanism, user, secret)
    if mechanism in _SCRAM_HASHES:
        user = _utf8(saslprep(credentials.user, "user name"), "user name")
        if not user:
            raise ValueError(f"{mechanism} needs a user name")
        secret = _utf8(saslprep(credentials.secret.value, "password"), "password")
        return _Scram(mechanism, user, secret, encode(urandom(18)) if nonce is None else nonce)
    if mechanism not in TOKEN:
        raise ValueError(f"{mechanism} is not a known mechanism")
    if b"\x01" in user + secret:
        raise ValueError(f"{mechanism} allows no control character in user name and token")
    if mechanism == "XOAUTH2":
        return _Token(mechanism, user, secret, b"user=" + user + b"\x01auth=Bearer " + secret + b"\x01\x01")
    name = b"a=" + _saslname(user) if user else b""
    place = b"\x01host=" + _utf8(host, "host") + b"\x01port=" + str(port).encode()
    return _Token(mechanism, user, secret, b"n," + name + b"," + place + b"\x01auth=Bearer " + secret + b"\x01\x01")


def saslprep(text: str, what: str) -> str:
    """``text`` prepared as a query string (RFC 4013): mapped, normalized and checked.

    Raises ValueError, which names ``what`` and not the text, for what the profile prohibits.  Code points
    newer than Unicode 3.2 pass unchanged, as RFC 3454 section 7 allows in queries.
    """
    if text.isascii() and text.isprintable():
        return text
    import stringprep  # noqa: PLC0415 - big tables, only for names and passwords beyond ASCII
    from unicodedata import ucd_3_2_0  # noqa: PLC0415 - as stringprep

    spaced = (" " if stringprep.in_table_c12(char) else char for char in text)
    mapped = "".join(char for char in spaced if not stringprep.in_table_b1(char))
    prepared = ucd_3_2_0.normalize("NFKC", mapped)
    prohibited = (
        stringprep.in_table_c12,
        stringprep.in_table_c21_c22,
        stringprep.in_table_c3,
        stringprep.in_table_c4,
        stringprep.in_table_c5,
        stringprep.in_table_c6,
        stringprep.in_table_c7,
        stringprep.in_table_c8,
        stringprep.in_table_c9,
    )
    if any(table(char) for char in prepared for table in prohibited):
        raise ValueError(f"{what} holds a character that SASLprep (RFC 4013) prohibits")
    # RFC 3454 section 6: with any right-to-left letter, both ends are such and none is left-to-right.
    if any(map(stringprep.in_table_d1, prepared)) and (
        any(map(stringprep.in_table_d2, prepared))
        or not (stringprep.in_table_d1(prepared[0]) and stringprep.in_table_d1(prepared[-1]))
    ):
        raise ValueError(f"{what} mixes writing directions in a way that SASLprep (RFC 4013) prohibits")
    return prepared


def _utf8(text: str, what: str) -> bytes:
    # errors="replace" and compare, since a UnicodeEncodeError would carry the text with it.
    encoded = text.encode("utf-8", "replace")
    if encoded.decode("utf-8") != text:
        raise ValueError(f"{what} is not valid UTF-8")
    if b"\0" in encoded:
        raise ValueError(f"{what} holds a NUL")
    return encoded


def _saslname(user: bytes) -> bytes:
    """``user`` as it stands between commas (RFC 5802 section 5.1)."""
    return user.replace(b"=", b"=3D").replace(b",", b"=2C")


def _from_base64(text: bytes) -> bytes | None:
    """Strictly decoded, None when ``text`` is not what an encoder would have made."""
    try:
        decoded = binascii.a2b_base64(text)
    except binascii.Error:
        return None
    # a2b_base64 skips what it does not know (its strict mode is new in 3.11); encoding again shows it.
    return decoded if encode(decoded) == text else None


def _explain(challenge: bytes) -> str:
    """The words in a token mechanism's error message (RFC 7628 section 3.2.2), else the message itself."""
    import json  # noqa: PLC0415 - only when a token was refused

    text = challenge.decode("utf-8", "backslashreplace")
    try:
        told = json.loads(text)
    except (ValueError, RecursionError):  # RecursionError: brackets nested without end
        return text
    if not isinstance(told, dict):
        return text
    words = [
        f"{key} {told[key]}"
        for key in ("status", "error", "error_description", "scope")
        if isinstance(told.get(key), (str, int)) and told[key] != ""
    ]
    # JSON can spell half of a surrogate pair, which no output can encode.
    return ", ".join(words).encode("utf-8", "backslashreplace").decode("utf-8") or text
