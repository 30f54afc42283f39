"""Certificates by the algorithm they are signed with."""

from __future__ import annotations

import datetime
from typing import Any

from cryptography import x509
from cryptography.x509.oid import NameOID


def self_signed(key: Any, algorithm: Any, padding: Any = None) -> x509.Certificate:
    """A certificate signed by its own key with the hash ``algorithm`` (None for a key that has its own)."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mx1.example.test")])
    now = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=30, hours=6))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("mx1.example.test")]), critical=False)
    )
    return builder.sign(key, algorithm) if padding is None else builder.sign(key, algorithm, rsa_padding=padding)
