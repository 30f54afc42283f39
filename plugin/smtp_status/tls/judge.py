"""What a peer's certificate is worth: the faults found in it besides those OpenSSL stops at, and its description."""

from __future__ import annotations

from functools import lru_cache

from ..findings import Failure
from ..text import clean, cut
from . import certificate as x509
from . import der

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .certificate import Certificate as Certificate  # noqa: PLC0414 - the redundant name exports it
    from .plan import TlsPlan

days_left = x509.days_left
expiry_words = x509.expiry_words

_NAMES_SHOWN = 3
_NAMES_LISTED = 20
_LINE_SHOWN = 400


@lru_cache(maxsize=16)  # the hosts of one provider often show the same certificate
def leaf(chain: tuple[bytes, ...]) -> Certificate | None:
    """The peer's own certificate, None where it sent none that can be read."""
    if not chain:
        return None
    try:
        return x509.read(chain[0])
    except der.CertificateFault:
        return None


def faults(
    certificate: Certificate | None, name: str, plan: TlsPlan, now: float, others: tuple[Failure, ...] = ()
) -> list[Failure]:
    """What is wrong with the certificate of a handshake that stands.

    Where OpenSSL verified, it stopped at anything wrong but what ``plan`` tolerates.  Dates are looked at always:
    nobody switched off verification in order to be left with an expired certificate unnoticed.  ``now``: seconds
    since the epoch.  ``others``: what OpenSSL finds where nothing is tolerated.
    """
    if certificate is None:
        return []
    found = []
    if not certificate.not_before <= now <= certificate.not_after:
        found.append(Failure("expired", f"certificate {x509.expiry_words(certificate, now)}"))
    # OpenSSL looks at the name of what it verifies only.
    if plan.verify and plan.tolerate & {"verify", "name"} and not x509.matches(certificate, name):
        found.append(Failure("name", name_words(certificate, name)))
    told = {failure.kind for failure in found}
    return [*found, *(failure for failure in others if failure.kind not in told)]


def name_words(certificate: Certificate, name: str) -> str:
    """Which names the certificate has instead of ``name``."""
    return clean(f"certificate is for {x509.names_words(certificate, _NAMES_SHOWN)}, not for {name}")


def describe(certificate: Certificate, now: float) -> tuple[str, ...]:
    """Lines for ``-v``: subject, issuer, names, dates, key."""
    until = f"{x509.day(certificate.not_before)} to {x509.day(certificate.not_after)}"
    return tuple(
        cut(clean(line), _LINE_SHOWN)
        for line in (
            f"certificate subject: {certificate.subject}",
            f"certificate issuer: {certificate.issuer}",
            f"certificate names: {x509.names_words(certificate, _NAMES_LISTED)}",
            f"certificate valid: {until}, {x509.expiry_words(certificate, now)}",
            f"certificate key: {certificate.key}, SHA-256 {certificate.fingerprint()}",
        )
    )
