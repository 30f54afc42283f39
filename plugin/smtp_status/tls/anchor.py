"""A trust anchor of which only the key is published (TLSA ``2 1 0``, RFC 7671 section 5.2.3), as a certificate.

OpenSSL trusts certificates and not keys, so the key gets one: with the name that the certificates sent say their issuer
has, and a signature that nobody looks at, since what is trusted need not be signed.
"""

from __future__ import annotations

from . import certificate as x509
from .der import SEQUENCE

_INTEGER, _BOOLEAN, _BIT_STRING, _OCTET_STRING, _GENERALIZED_TIME = 0x02, 0x01, 0x03, 0x04, 0x18
_VERSION, _EXTENSIONS = 0xA0, 0xA3
_ECDSA_WITH_SHA256 = bytes.fromhex("06082a8648ce3d040302")
_BASIC_CONSTRAINTS = bytes.fromhex("0603551d13")
_ALWAYS = (b"19700101000000Z", b"99991231235959Z")


def of_key(public_key: bytes, issuer: bytes) -> bytes:
    """A certificate in DER for the authority with the Name ``issuer`` and the SubjectPublicKeyInfo ``public_key``."""
    algorithm = _tlv(SEQUENCE, _ECDSA_WITH_SHA256)
    authority = _tlv(SEQUENCE, _tlv(_BOOLEAN, b"\xff"))
    constraints = _tlv(SEQUENCE, _BASIC_CONSTRAINTS, _tlv(_BOOLEAN, b"\xff"), _tlv(_OCTET_STRING, authority))
    body = _tlv(
        SEQUENCE,
        _tlv(_VERSION, _tlv(_INTEGER, b"\x02")),
        _tlv(_INTEGER, b"\x01"),
        algorithm,
        issuer,
        _tlv(SEQUENCE, *(_tlv(_GENERALIZED_TIME, time) for time in _ALWAYS)),
        issuer,
        public_key,
        _tlv(_EXTENSIONS, _tlv(SEQUENCE, constraints)),
    )
    return _tlv(SEQUENCE, body, algorithm, _tlv(_BIT_STRING, b"\0\0"))


def issuers_not_sent(chain: tuple[bytes, ...]) -> tuple[bytes, ...]:
    """The Names, in DER and each once, of those who issued certificates of ``chain`` and are not in it themselves."""
    names = [x509.names(der) for der in chain if x509.readable(der) is not None]
    subjects = {subject for _issuer, subject in names}
    return tuple(dict.fromkeys(issuer for issuer, _subject in names if issuer not in subjects))


def _tlv(tag: int, *contents: bytes) -> bytes:
    body = b"".join(contents)
    if len(body) < 0x80:
        return bytes((tag, len(body))) + body
    size = (len(body).bit_length() + 7) // 8
    return bytes((tag, 0x80 | size)) + len(body).to_bytes(size, "big") + body
