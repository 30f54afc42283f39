"""The server's side of each AUTH mechanism, so that the model knows whether the client has proved anything."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Generator

from smtp_status.sasl.credentials import Credentials
from smtp_status.sasl.saslprep import saslprep

Exchange = Generator[bytes, bytes, bool]
"""Yields challenges, is sent responses, returns whether they prove the secret."""


def exchange(mechanism: str, login: Credentials, initial: bytes | None) -> Exchange:
    """One authentication; ``initial`` is the decoded initial response, None where there was none."""
    if mechanism.startswith("SCRAM"):
        return _scram(mechanism[len("SCRAM-") :].replace("-", "").lower(), login, initial)
    if mechanism == "LOGIN":
        return _login(login, initial)
    if mechanism == "CRAM-MD5":
        return _cram_md5(login)
    if mechanism == "PLAIN":
        return _at_once(b"\0" + login.user.encode() + b"\0" + _secret(login), initial)
    if mechanism == "EXTERNAL":
        return _at_once(login.user.encode(), initial)
    if mechanism in ("XOAUTH2", "OAUTHBEARER"):
        return _token(login, initial)
    raise ValueError(mechanism)


def _secret(login: Credentials) -> bytes:
    return login.secret.value.encode() if login.secret else b""


def _at_once(expected: bytes, initial: bytes | None) -> Exchange:
    return ((yield b"") if initial is None else initial) == expected


def _token(login: Credentials, initial: bytes | None) -> Exchange:
    response = (yield b"") if initial is None else initial
    return b"Bearer " + _secret(login) + b"\x01" in response


def _login(login: Credentials, initial: bytes | None) -> Exchange:
    user = (yield b"Username:") if initial is None else initial
    password = yield b"Password:"
    return (user, password) == (login.user.encode(), _secret(login))


def _cram_md5(login: Credentials) -> Exchange:
    challenge = b"<1896.697170952@mx.example.org>"
    response = yield challenge
    digest = hmac.new(_secret(login), challenge, hashlib.md5).hexdigest()
    return response == f"{login.user} {digest}".encode()


def _scram(name: str, login: Credentials, initial: bytes | None) -> Exchange:
    first = (yield b"") if initial is None else initial
    if not first.startswith(b"n,,n="):
        return False
    bare = first[3:]
    nonce = bare.partition(b",r=")[2] + b"more"
    challenge = b"r=" + nonce + b",s=c2FsdA==,i=2"
    final = yield challenge
    unproven, _, proof = final.partition(b",p=")
    message = b",".join((bare, challenge, unproven))
    secret = saslprep(login.secret.value, "password") if login.secret else ""
    salted = hashlib.pbkdf2_hmac(name, secret.encode(), b"salt", 2)
    client_key = hmac.digest(salted, b"Client Key", name)
    signature = hmac.digest(hashlib.new(name, client_key).digest(), message, name)
    if base64.b64decode(proof) != bytes(a ^ b for a, b in zip(client_key, signature)):
        return False
    if unproven != b"c=biws,r=" + nonce:
        return False
    server_key = hmac.digest(salted, b"Server Key", name)
    return (yield b"v=" + base64.b64encode(hmac.digest(server_key, message, name))) == b""
