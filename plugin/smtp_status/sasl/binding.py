"""Channel bindings: what ties a login to the TLS connection it goes through (RFC 5056, RFC 5929, RFC 9266).

TLS 1.2 and below have ``tls-unique``, which every server with a ``-PLUS`` mechanism has to know (RFC 5802 section 6).
For TLS 1.3 that is ``tls-exporter`` (RFC 9266), which Python's ssl cannot compute; there ``tls-server-end-point`` is
taken, a hash of the certificate, which servers may know or not.
"""

from __future__ import annotations

from ..record import NamedTuple
from ..tls.der import SEQUENCE, CertificateFault, Element, dotted, expect, only, sequence

UNIQUE = "tls-unique"
END_POINT = "tls-server-end-point"

_PSS = "1.2.840.113549.1.1.10"
_PSS_HASH = 0xA0

_SIGNATURES = {
    "1.2.840.113549.1.1.4": "md5",
    "1.2.840.113549.1.1.5": "sha1",
    "1.2.840.113549.1.1.11": "sha256",
    "1.2.840.113549.1.1.12": "sha384",
    "1.2.840.113549.1.1.13": "sha512",
    "1.2.840.113549.1.1.14": "sha224",
    "1.2.840.10040.4.3": "sha1",
    "2.16.840.1.101.3.4.3.1": "sha224",
    "2.16.840.1.101.3.4.3.2": "sha256",
    "1.2.840.10045.4.1": "sha1",
    "1.2.840.10045.4.3.1": "sha224",
    "1.2.840.10045.4.3.2": "sha256",
    "1.2.840.10045.4.3.3": "sha384",
    "1.2.840.10045.4.3.4": "sha512",
}
"""Hashes of the signature algorithms with RSA, DSA and ECDSA (RFC 3279, RFC 4055, RFC 5758)."""

_HASHES = {
    "1.3.14.3.2.26": "sha1",
    "2.16.840.1.101.3.4.2.1": "sha256",
    "2.16.840.1.101.3.4.2.2": "sha384",
    "2.16.840.1.101.3.4.2.3": "sha512",
    "2.16.840.1.101.3.4.2.4": "sha224",
}

NONE = "no channel binding can be made with this certificate under TLS 1.3"
"""Why there is none though there is TLS."""


class Binding(NamedTuple):
    """A channel binding: its type as the IANA registers it, and its data."""

    kind: str
    data: bytes


def made(unique: bytes, chain: tuple[bytes, ...]) -> Binding | None:
    """The binding of a connection; None where there is none.

    ``unique`` is its tls-unique, empty under TLS 1.3; ``chain`` the peer's certificates in DER, the leaf first.
    """
    if unique:
        return Binding(UNIQUE, unique)
    data = _end_point(chain[0]) if chain else b""
    return Binding(END_POINT, data) if data else None


def _end_point(der: bytes) -> bytes:
    """The data of tls-server-end-point (RFC 5929 section 4.1); empty where it is not defined, as for Ed25519."""
    try:
        name = _signature_hash(der)
    except CertificateFault:
        name = None
    if name is None:
        return b""
    import hashlib  # noqa: PLC0415 - loads OpenSSL's hashes, needed by few checks

    return hashlib.new("sha256" if name in ("md5", "sha1") else name, der).digest()


def _signature_hash(der: bytes) -> str | None:
    """The hash of the algorithm that ``der`` is signed with, None where it is not known to use one."""
    _tbs, signature, _value = sequence(only(der), 3, 3)
    algorithm, *parameters = sequence(signature, 1, 2)
    name = dotted(algorithm.contents)
    return _pss_hash(parameters) if name == _PSS else _SIGNATURES.get(name)


def _pss_hash(parameters: list[Element]) -> str | None:
    """The hash that the parameters of RSASSA-PSS name (RFC 4055 section 3.1): SHA-1 where they do not."""
    for field in expect(parameters[0], SEQUENCE).children() if parameters else ():
        if field.tag == _PSS_HASH:
            kind, *_null = sequence(only(field.contents), 1, 2)
            return _HASHES.get(dotted(kind.contents))
    return "sha1"


UNSUPPORTED = frozenset(("unsupported-channel-binding-type", "channel-binding-not-supported"))
"""Errors of a server that does not know the type of the binding (RFC 5802 section 7)."""


def refusal(mechanism: str, binding: Binding, error: str, hint: str) -> str:
    """What a refusal of the credentials means where they were bound, in few words: the first line shows 80 characters.

    ``error``: what the server said in the exchange, '' for nothing; ``hint``: what else to try.  '' where the error is
    about something else.
    """
    if error == "channel-bindings-dont-match":
        return f"{mechanism}: {binding.kind} differs: does TLS end before it?"
    if error in UNSUPPORTED:
        return f"{mechanism}: the server knows no {binding.kind}{hint}"
    return "" if error else f"{mechanism}: login or {binding.kind} rejected{hint}"


def refusal_state(binding: Binding, error: str) -> str:
    """The state of a refusal, '' where the state table tells.

    What need not be known under TLS 1.3 (RFC 9266 section 3) is no fault of the server.
    """
    return "unknown" if error in UNSUPPORTED and binding.kind == END_POINT else ""
