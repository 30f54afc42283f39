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

from . import tls, trust
from .model import Failure
from .plan import TlsPlan
from .transport import TransportError

_HANDSHAKE = 22  # content type, RFC 5246 section 6.2.1
_SERVER_HELLO, _CERTIFICATE, _SERVER_HELLO_DONE = 2, 11, 14  # message types, section 7.4
_PASSED = ("handshake", "TLS handshake failed: unexpected message")
_TLS12 = b"\x03\x03"
_RECORD_LIMIT = 16 * 1024
_SUITES = {"RSA": b"\xc0\x2f", "EC": b"\xc0\x2b", "Ed25519": b"\xc0\x2b", "Ed448": b"\xc0\x2b"}
_OFFERED = "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES128-GCM-SHA256"
"""The suites with a number above, by the key that would sign."""
_NO_OLD_RENEGOTIATION = b"\xff\x01\x00\x01\x00"  # RFC 5746 section 3.6; OpenSSL 3 insists

_PARTIAL_CHAIN = 0x80000  # X509_V_FLAG_PARTIAL_CHAIN, named in ssl from Python 3.10


def verify(
    chain: tuple[bytes, ...], name: str | None, anchor: bytes | None = None, ca: str | None = None
) -> Failure | None:
    """What is wrong with ``chain`` (DER, leaf first); None where it leads to an authority and is for ``name``.

    ``anchor`` is a certificate in DER that is trusted, itself and alone; without it the authorities are those of
    ``ca``, a file or directory, else the system's.  ``name`` None: the name does not matter.
    """
    leaf = trust.leaf(chain)
    if leaf is None:
        return Failure("verify", "no certificate that can be read")
    suite = _SUITES.get(leaf.key.partition(" ")[0])
    if suite is None:
        return Failure("verify", f"no verification for a key of type {leaf.key}")
    try:
        layer = tls.TlsLayer(_context(anchor, ca, name is not None), name or "")
        layer.handshake()
        layer.feed(_message(_SERVER_HELLO, _hello(suite)))
        layer.feed(_message(_CERTIFICATE, _vector(b"".join(map(_vector, chain)))))
        layer.feed(_message(_SERVER_HELLO_DONE, b""))  # the key exchange belongs before it
        layer.handshake()
    except TransportError as error:
        failure = error.failure
        return None if (failure.kind, failure.cause) == _PASSED else failure
    except ssl.SSLError:
        return Failure("verify", "the trust anchor cannot be read")
    return Failure("verify", "OpenSSL does not judge the chain")


def _context(anchor: bytes | None, ca: str | None, named: bool) -> ssl.SSLContext:
    context = tls.make_context(TlsPlan(mode="ssl", ca=ca, verify=anchor is None))
    if anchor is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(cadata=anchor)
        context.verify_flags |= ssl.VerifyFlags(_PARTIAL_CHAIN)
    context.check_hostname = named
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_OFFERED)
    return context


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
