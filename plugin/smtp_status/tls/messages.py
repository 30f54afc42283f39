"""The Certificate message of the TLS handshake (RFC 5246 section 7.4.2, RFC 8446 section 4.4.2)."""

from __future__ import annotations

from .certificate import SIZE_LIMIT
from .der import CertificateFault

_HEADER = 4  # octets of a handshake message's type and length
_CERTIFICATE_MESSAGE = 0x0B


def chain_from_messages(raw: bytes) -> tuple[bytes, ...]:
    """The certificates in a server's TLS Certificate handshake message, leaf first, each in DER.

    ``raw`` is the message's body, or all of it with its type and length in front, as a message callback of
    ``ssl`` gets it.  The layouts of TLS 1.2 (RFC 5246 section 7.4.2) and 1.3 (RFC 8446 section 4.4.2) are
    told apart by the length of the list: no message fits both.  CertificateFault if ``raw`` is neither.
    """
    if len(raw) > SIZE_LIMIT + _HEADER:
        raise CertificateFault(f"larger than {SIZE_LIMIT} octets")
    body = bytes(raw)
    # A body that begins with 0x0b would have to be a list of over 700 KiB, beyond the limit.
    if body[:1] == bytes((_CERTIFICATE_MESSAGE,)):
        body, end = _vector(body, 1, 3)
        if end != len(raw):
            raise CertificateFault("surplus octets after the message")
    extended = len(body) >= _HEADER and body[0] == 0 and int.from_bytes(body[1:4], "big") == len(body) - 4
    entries, end = _vector(body, 1 if extended else 0, 3)
    if end != len(body):
        raise CertificateFault("the list of certificates does not fill its message")
    chain = []
    position = 0
    while position < len(entries):
        der, position = _vector(entries, position, 3)
        if not der:
            raise CertificateFault("empty certificate in the list")
        chain.append(der)
        if extended:
            _extensions, position = _vector(entries, position, 2)
    return tuple(chain)


def _vector(data: bytes, position: int, size: int) -> tuple[bytes, int]:
    """The contents of a TLS vector whose length is in ``size`` octets at ``position``, and where it ends."""
    start = position + size
    end = start + int.from_bytes(data[position:start], "big")
    if start > len(data) or end > len(data):
        raise CertificateFault("cut off")
    return data[start:end], end
