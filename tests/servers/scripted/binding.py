"""The server's side of SCRAM with channel binding (RFC 5802 section 6), which knows its own end of TLS."""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from .sasl import ACCEPTED, CANCELLED, REJECTED, Auth
from .session import Session

UNIQUE, END_POINT = "tls-unique", "tls-server-end-point"
_SALT, _ITERATIONS = b"salt of the test", 4096


def end_point(certificate: x509.Certificate) -> bytes:
    """The data of tls-server-end-point (RFC 5929 section 4.1)."""
    found = certificate.signature_hash_algorithm
    assert found is not None
    name = "sha256" if isinstance(found, (hashes.MD5, hashes.SHA1)) else found.name
    return hashlib.new(name, certificate.public_bytes(Encoding.DER)).digest()


@dataclass(frozen=True)
class BoundScram(Auth):
    """A -PLUS mechanism: a login with ``certificate`` at the server's end of TLS.

    ``knows``: the types of bindings it takes; ``tells``: whether a refusal gives its reason in the exchange, as
    ``e=``.  ``forged`` makes the server's signature a wrong one, ``unique`` stands in the place of its tls-unique.
    """

    user: str = ""
    password: str = ""
    certificate: x509.Certificate | None = None
    hash_name: str = "sha256"
    knows: tuple[str, ...] = (UNIQUE, END_POINT)
    tells: bool = True
    forged: bool = False
    unique: bytes | None = None

    def converse(self, session: Session, initial: bytes | None) -> None:
        first = self._asked(session, b"") if initial is None else base64.b64decode(initial)
        header, bare = first.split(b",,", 1)
        kind = header[2:].decode()
        if header[:2] != b"p=" or kind not in self.knows:
            self._refuse(session, b"unsupported-channel-binding-type")
            return
        name, nonce = (part[2:] for part in bare.split(b","))
        nonce += b"of-the-server"
        offer = b"r=%s,s=%s,i=%d" % (nonce, base64.b64encode(_SALT), _ITERATIONS)
        final = self._asked(session, offer)
        unproved, _, proof = final.partition(b",p=")
        bound, _, echoed = unproved.partition(b",r=")
        if base64.b64decode(bound[2:]) != header + b",," + self._data(session, kind):
            self._refuse(session, b"channel-bindings-dont-match")
            return
        salted = hashlib.pbkdf2_hmac(self.hash_name, self.password.encode(), _SALT, _ITERATIONS)
        signed = b",".join((bare, offer, unproved))
        key = self._keyed(salted, b"Client Key")
        mask = self._keyed(hashlib.new(self.hash_name, key).digest(), signed)
        right = base64.b64encode(bytes(one ^ other for one, other in zip(key, mask)))
        if (name, echoed, proof) != (self.user.encode(), nonce, right):
            self._refuse(session, b"invalid-proof")
            return
        signature = self._keyed(self._keyed(salted, b"Server Key"), signed)
        if self.forged:
            signature = bytes(len(signature))
        answer = self._asked(session, b"v=" + base64.b64encode(signature))
        session.send(CANCELLED if answer == b"*" else ACCEPTED)

    def _data(self, session: Session, kind: str) -> bytes:
        if kind == UNIQUE:
            return session.tls_unique() if self.unique is None else self.unique
        assert self.certificate is not None
        return end_point(self.certificate)

    def _keyed(self, key: bytes, data: bytes) -> bytes:
        return hmac.new(key, data, self.hash_name).digest()

    def _refuse(self, session: Session, error: bytes) -> None:
        if self.tells:
            self._asked(session, b"e=" + error)
        session.send(REJECTED)

    @staticmethod
    def _asked(session: Session, challenge: bytes) -> bytes:
        """The decoded response to ``challenge``; ``*`` for a client that cancels."""
        session.send(b"334 " + base64.b64encode(challenge) + b"\r\n")
        line = session.read_response()
        return line if line == b"*" else base64.b64decode(line)
