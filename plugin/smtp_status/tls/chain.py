"""Verifies a chain of certificates after the handshake it came in, against whatever authority is asked for.

Two judgements come too late for the handshake itself: DANE's usage 2 (the trust anchor is one of the certificates the
server sends, found by its digest), and MTA-STS in mode ``testing`` (what does not verify is to be told, and the mail
to go on).  Python's ssl verifies nowhere but in a handshake, so one is held in memory: a ServerHello of TLS 1.2 and the
Certificate message are all OpenSSL needs to judge the chain, and neither takes the server's key.  The next message is
out of order: that OpenSSL complains of it, and of nothing before, is the proof that the chain has passed.  The same
OpenSSL with the same rules as in every other handshake judges, and nothing beyond the standard library is needed.
"""

from __future__ import annotations

import ssl
from os import urandom

from ..findings import Failure, TransportError
from . import peer
from .certificate import MOST_CERTIFICATES
from .context import PARTIAL_CHAIN, make_context
from .layer import TlsLayer
from .plan import TlsPlan

_HANDSHAKE = 22  # content type, RFC 5246 section 6.2.1
_SERVER_HELLO, _CERTIFICATE, _SERVER_HELLO_DONE = 2, 11, 14  # message types, section 7.4
_PASSED = ("handshake", "TLS handshake failed: unexpected message")
_TLS12 = b"\x03\x03"
_RECORD_LIMIT = 16 * 1024
_SUITES = {"RSA": b"\xc0\x2f", "RSA-PSS": b"\xc0\x2f", "EC": b"\xc0\x2b", "Ed25519": b"\xc0\x2b", "Ed448": b"\xc0\x2b"}
"""A suite that every client offers, by the key that would sign."""
_NO_OLD_RENEGOTIATION = b"\xff\x01\x00\x01\x00"  # RFC 5746 section 3.6; OpenSSL 3 insists


def verify(chain: tuple[bytes, ...], name: str, authorities: ssl.SSLContext) -> Failure | None:
    """What is wrong with ``chain`` (DER, leaf first); None where it leads to one of ``authorities`` (a context as
    ``context.make_context`` makes them) and is for ``name``."""
    return _judge(chain, authorities, name)


def verify_anchored(chain: tuple[bytes, ...], anchors: tuple[bytes, ...]) -> Failure | None:
    """What is wrong with ``chain``, whatever names it is for; None where it leads to one of ``anchors``, certificates
    in DER that are trusted, themselves and alone."""
    context = make_context(TlsPlan(mode="ssl", verify=False))
    context.verify_mode = ssl.CERT_REQUIRED
    context.verify_flags |= PARTIAL_CHAIN
    usable = 0
    for anchor in anchors:
        try:
            context.load_verify_locations(cadata=anchor)
            usable += 1
        except ssl.SSLError:
            continue  # one that OpenSSL does not read
    if not usable:
        return Failure("verify", "the trust anchor cannot be read")
    return _judge(chain, context, "")


def _judge(chain: tuple[bytes, ...], context: ssl.SSLContext, name: str) -> Failure | None:
    leaf = peer.leaf(chain)
    if leaf is None:
        return Failure("verify", "no certificate that can be read")
    suite = _SUITES.get(leaf.key.partition(" ")[0])
    if suite is None:
        return Failure("verify", f"no verification for a key of type {leaf.key}")
    try:
        layer = TlsLayer(context, name)
        layer.handshake()
        layer.feed(_message(_SERVER_HELLO, _hello(suite)))
        layer.feed(_message(_CERTIFICATE, _vector(b"".join(map(_vector, chain[:MOST_CERTIFICATES])))))
        layer.feed(_message(_SERVER_HELLO_DONE, b""))  # the key exchange belongs before it
        layer.handshake()
    except TransportError as error:
        failure = error.failure
        return None if (failure.kind, failure.cause) == _PASSED else failure
    return Failure("verify", "OpenSSL does not judge the chain")


def _hello(suite: bytes) -> bytes:
    extensions = len(_NO_OLD_RENEGOTIATION).to_bytes(2, "big") + _NO_OLD_RENEGOTIATION
    return _TLS12 + urandom(32) + b"\0" + suite + b"\0" + extensions


def _vector(octets: bytes) -> bytes:
    return len(octets).to_bytes(3, "big") + octets


def _message(kind: int, body: bytes) -> bytes:
    """A handshake message in as many records as it takes."""
    octets = bytes((kind,)) + _vector(body)
    records = [octets[start : start + _RECORD_LIMIT] for start in range(0, len(octets), _RECORD_LIMIT)]
    return b"".join(bytes((_HANDSHAKE,)) + _TLS12 + len(piece).to_bytes(2, "big") + piece for piece in records)
