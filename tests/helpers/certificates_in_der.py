"""Certificates in DER: as an independent library makes them, and as no honest one would."""

from __future__ import annotations

import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import NameOID

EC_KEY = ec.generate_private_key(ec.SECP256R1())
START = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)
END = datetime.datetime(2027, 1, 31, 12, 30, 59, tzinfo=datetime.timezone.utc)


def issued(
    *,
    subject: list[tuple[x509.ObjectIdentifier, str]] | None = None,
    names: list[x509.GeneralName] | None = None,
    key=EC_KEY,
    issuer: list[tuple[x509.ObjectIdentifier, str]] | None = None,
    not_before: datetime.datetime = START,
    not_after: datetime.datetime = END,
    serial: int = 0xA1B2C3,
) -> bytes:
    """A certificate made by an independent library."""
    own = [(NameOID.COMMON_NAME, "mx1.example.org")] if subject is None else subject
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(*part) for part in own]))
        .issuer_name(x509.Name([x509.NameAttribute(*part) for part in (own if issuer is None else issuer)]))
        .public_key(key.public_key())
        .serial_number(serial)
        .not_valid_before(not_before)
        .not_valid_after(not_after)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    )
    if names is not None:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    digest = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return builder.sign(key, digest).public_bytes(serialization.Encoding.DER)


def tlv(tag: int, *contents: bytes) -> bytes:
    body = b"".join(contents)
    if len(body) < 0x80:
        return bytes((tag, len(body))) + body
    size = (len(body).bit_length() + 7) // 8
    return bytes((tag, 0x80 | size)) + len(body).to_bytes(size, "big") + body


def attribute(value: bytes, oid: str = "550403") -> bytes:
    return tlv(0x31, tlv(0x30, tlv(6, bytes.fromhex(oid)), value))


RSA_OID = tlv(6, bytes.fromhex("2a864886f70d010101"))
SAN = bytes.fromhex("551d11")


def extension(*names: bytes, oid: bytes = SAN) -> bytes:
    return tlv(0x30, tlv(6, oid), tlv(4, tlv(0x30, *names)))


def forged(
    *names: bytes,
    subject: bytes = b"",
    not_before: bytes = tlv(0x17, b"260101000000Z"),
    not_after: bytes = tlv(0x17, b"270101000000Z"),
    serial: bytes = b"\x01",
    public_key: bytes | None = None,
    extensions: bytes | None = None,
) -> bytes:
    """A certificate as no honest library makes it; the signature is empty."""
    algorithm = tlv(0x30, RSA_OID)
    spki = tlv(0x30, algorithm, tlv(3, b"\0")) if public_key is None else public_key
    return tlv(
        0x30,
        tlv(
            0x30,
            tlv(0xA0, tlv(2, b"\x02")),
            tlv(2, serial),
            algorithm,
            tlv(0x30),
            tlv(0x30, not_before, not_after),
            tlv(0x30, subject),
            spki,
            tlv(0xA3, tlv(0x30, extension(*names) if extensions is None else extensions)),
        ),
        algorithm,
        tlv(3, b"\0"),
    )


def dns(name: bytes) -> bytes:
    return tlv(0x82, name)
