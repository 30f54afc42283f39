"""SCRAM, with and without channel binding (RFC 5802, RFC 7677)."""

from __future__ import annotations

from .exchange import Exchange, encode, from_base64

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .binding import Binding

MAX_ITERATIONS = 100_000
"""The most PBKDF2 rounds a server may demand, some 50 ms of CPU.  The count is the server's to choose and hashing
cannot be interrupted: without a limit a hostile one carries the check past its deadline, and thirty of them do with a
third of a second each.  Mail servers come with 4,096."""

HASHES = {
    "SCRAM-SHA-512": "sha512",
    "SCRAM-SHA-512-PLUS": "sha512",
    "SCRAM-SHA-256": "sha256",
    "SCRAM-SHA-256-PLUS": "sha256",
    "SCRAM-SHA-1": "sha1",
    "SCRAM-SHA-1-PLUS": "sha1",
}


class Scram(Exchange):
    """SCRAM (RFC 5802, RFC 7677), with channel binding where there is a ``binding``.

    ``user`` and ``secret`` are prepared with SASLprep already.
    """

    def __init__(self, mechanism: str, user: bytes, secret: bytes, nonce: bytes, binding: Binding | None) -> None:
        # Without a binding the flag is always "n", never "y": by "y" a client says that it would have taken the -PLUS
        # mechanism, and a server that has one must then refuse the login (RFC 5802 section 6), also where somebody
        # keeps that one from its list on purpose.  Here it is left aside on purpose.
        header = b"n,," if binding is None else b"p=" + binding.kind.encode("ascii") + b",,"
        self._bare = b"n=" + saslname(user) + b",r=" + nonce
        super().__init__(mechanism, user, secret, header + self._bare)
        self._bound = b"c=" + encode(header if binding is None else header + binding.data)
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
                message = from_base64(word)
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
        salt = from_base64(encoded_salt)
        if not salt:
            raise self._fault("salt is not valid base64" if salt is None else "salt is empty")
        if not count.isdigit() or count.startswith(b"0"):
            raise self._fault("iteration count is not a number")
        # The length first: int() of a few thousand digits is slow and since 3.11 an error.
        if len(count) > len(str(MAX_ITERATIONS)) or int(count) > MAX_ITERATIONS:
            raise self._fault(f"iteration count is above {MAX_ITERATIONS}")
        import hashlib  # noqa: PLC0415 - loads OpenSSL's hashes, needed by few checks
        import hmac  # noqa: PLC0415 - as hashlib

        hash_name = HASHES[self.mechanism]
        salted = hashlib.pbkdf2_hmac(hash_name, self._secret, salt, int(count))
        client_key = hmac.digest(salted, b"Client Key", hash_name)
        stored_key = hashlib.new(hash_name, client_key).digest()
        unproven = self._bound + b",r=" + nonce
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


def saslname(user: bytes) -> bytes:
    """``user`` as it stands between commas (RFC 5802 section 5.1)."""
    return user.replace(b"=", b"=3D").replace(b",", b"=2C")
