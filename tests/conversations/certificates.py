"""Certificates a server may show, good ones and others."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from functools import cache
from random import Random

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

_HOSTILE = "mx|<b>\x1b[31m\u202e\n" + "x" * 30


@cache
def certificate(first_day: int, last_day: int, name: str) -> bytes:
    """A self-signed certificate in DER, valid between days counted from now."""
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.now(timezone.utc)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder(subject, subject, key.public_key(), 1)
        .not_valid_before(now + timedelta(days=first_day))
        .not_valid_after(now + timedelta(days=last_day))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("mx.example.org")] * 40), critical=False)
    )
    return builder.sign(key, SHA256()).public_bytes(Encoding.DER)


def any_chain(rng: Random, good: bool) -> tuple[tuple[bytes, ...], str]:
    """A chain, and what its leaf is worth: ``good``, ``outdated``, ``absent``, or ``unknown``, where octets
    were changed."""
    kind = 7 if good else rng.randrange(12)
    if kind == 2:
        return (certificate(-1, 90, _HOSTILE),), "good"
    if kind == 3:
        return (), "absent"  # what was asked to be judged and cannot be is a fault
    if kind < 8:
        return (certificate(-1, 90, "mx.example.org"),), "good"
    if kind == 8:
        return (certificate(-30, -1, "mx.example.org"),), "outdated"
    if kind == 9:
        return (certificate(10, 30, _HOSTILE),), "outdated"
    changed = bytearray(certificate(-1, 90, "mx.example.org"))
    for _ in range(rng.randrange(1, 5)):
        changed[rng.randrange(len(changed))] = rng.randrange(256)
    return (bytes(changed),), "unknown"
