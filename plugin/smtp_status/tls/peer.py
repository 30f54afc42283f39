"""The peer's own certificate: reading it out of a chain, and what is told of it."""

from __future__ import annotations

from functools import lru_cache

from ..text import clean, cut
from . import certificate as x509
from . import validity
from .der import CertificateFault

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .certificate import Certificate

_NAMES_SHOWN = 3
_NAMES_LISTED = 20
_LINE_SHOWN = 400


def leaf(chain: tuple[bytes, ...]) -> Certificate | None:
    """The peer's own certificate, None where it sent none that can be read."""
    try:
        return read_leaf(chain)
    except CertificateFault:
        return None


def read_leaf(chain: tuple[bytes, ...]) -> Certificate:
    """The peer's own certificate.  Raises CertificateFault where it sent none that can be read."""
    if not chain:
        raise CertificateFault("none was sent")
    return _read(chain[0])


# The hosts of one provider often show the same certificate, and one host the same each time.
_read = lru_cache(maxsize=16)(x509.read)


def name_words(certificate: Certificate, name: str) -> str:
    """Which names the certificate has instead of ``name``."""
    if name in certificate.dns_names and x509.is_address(name):
        # RFC 9525 section 6.3: as dNSName an address is none.
        return f"certificate has {name} as a DNS name, not as an IP address"
    return clean(f"certificate is for {x509.names_words(certificate, _NAMES_SHOWN)}, not for {name}")


def describe(certificate: Certificate, now: float) -> tuple[str, ...]:
    """Lines for ``-v``: subject, issuer, names, dates, key."""
    until = f"{validity.day(certificate.not_before)} to {validity.day(certificate.not_after)}"
    return tuple(
        cut(clean(line), _LINE_SHOWN)
        for line in (
            f"certificate subject: {certificate.subject}",
            f"certificate issuer: {certificate.issuer}",
            f"certificate names: {x509.names_words(certificate, _NAMES_LISTED)}",
            f"certificate valid: {until}, {validity.expiry_words(certificate, now)}",
            f"certificate key: {certificate.key}, SHA-256 {certificate.fingerprint()}",
        )
    )
