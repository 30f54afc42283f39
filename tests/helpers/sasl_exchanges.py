"""SASL exchanges to begin with a known login, the other side of SCRAM, and the vectors of its RFCs."""

from __future__ import annotations

import base64
import hashlib
import hmac

import pytest

from smtp_status.sasl import mechanisms
from smtp_status.sasl.binding import Binding
from smtp_status.sasl.credentials import Credentials, Secret
from smtp_status.sasl.exchange import AuthFault, Exchange


def begin(
    mechanism: str,
    user: str = "user",
    secret: str | None = "pencil",
    nonce: bytes | None = None,
    *,
    bound: Binding | None = None,
) -> Exchange:
    credentials = Credentials(user, None if secret is None else Secret(secret))
    return mechanisms.start(mechanism, credentials, "mx.example.org", 587, nonce, binding=bound)


def fault(call, *arguments) -> str:
    with pytest.raises(AuthFault) as caught:
        call(*arguments)
    assert str(caught.value) == caught.value.cause
    return caught.value.cause


class ScramServer:
    """The other side of SCRAM, written from RFC 5802 section 3, for what the vectors leave open."""

    def __init__(self, mechanism: str, password: bytes) -> None:
        self.hash = {"SCRAM-SHA-1": hashlib.sha1, "SCRAM-SHA-256": hashlib.sha256, "SCRAM-SHA-512": hashlib.sha512}[
            mechanism
        ]
        self.salted = hashlib.pbkdf2_hmac(self.hash().name, password, b"salt", 4096)

    def mac(self, key: bytes, text: bytes) -> bytes:
        return hmac.new(key, text, self.hash).digest()

    def first(self, initial: bytes) -> bytes:
        self.bare = initial.removeprefix(b"n,,")
        nonce = self.bare.split(b",r=")[1]
        self.message = b"r=" + nonce + b"srv,s=" + base64.b64encode(b"salt") + b",i=4096"
        return self.message

    def final(self, response: bytes) -> bytes:
        unproven, proof = response.split(b",p=")
        signed = b",".join((self.bare, self.message, unproven))
        client_key = self.mac(self.salted, b"Client Key")
        signature = self.mac(self.hash(client_key).digest(), signed)
        assert base64.b64decode(proof) == bytes(a ^ b for a, b in zip(client_key, signature))
        return b"v=" + base64.b64encode(self.mac(self.mac(self.salted, b"Server Key"), signed))


VECTORS = {
    "RFC 5802 section 5": (
        "SCRAM-SHA-1",
        b"fyko+d2lbbFgONRv9qkxdawL",
        b"r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
        b"c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
        b"v=rmF9pqV8S7suAoZWja4dJRkFsKQ=",
    ),
    "RFC 7677 section 3": (
        "SCRAM-SHA-256",
        b"rOprNGfwEbeRWgbNEkqO",
        b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
        b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
        b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
    ),
}
