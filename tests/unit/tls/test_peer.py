"""The peer's own certificate: which it is, and what is told of it in words that no name can spoil."""

from __future__ import annotations

import datetime

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from helpers.certificates_in_der import issued
from smtp_status.tls import peer
from smtp_status.tls.der import CertificateFault

NOW = datetime.datetime(2026, 6, 1, tzinfo=datetime.timezone.utc).timestamp()
NAMES = [x509.DNSName(f"mx{number}.example.org") for number in range(5)]


def test_the_leaf_is_the_first():
    leaf, issuer = issued(serial=7), issued(serial=8)
    assert peer.read_leaf((leaf, issuer)).serial == "07"
    assert peer.leaf((leaf, b"noise")) == peer.read_leaf((leaf,))


@pytest.mark.parametrize(("chain", "reason"), [((), "none was sent"), ((b"noise",), "cut off")])
def test_where_there_is_none(chain, reason):
    assert peer.leaf(chain) is None
    with pytest.raises(CertificateFault) as caught:
        peer.read_leaf(chain)
    assert str(caught.value) == reason


def test_names_instead():
    certificate = peer.read_leaf((issued(names=NAMES),))
    assert peer.name_words(certificate, "other.example") == (
        "certificate is for mx0.example.org, mx1.example.org, mx2.example.org and 2 more, not for other.example"
    )


def test_described():
    subject = [(NameOID.COMMON_NAME, "a|b\n<c>"), (NameOID.ORGANIZATION_NAME, "x" * 60)]
    certificate = peer.read_leaf((issued(subject=subject, names=NAMES[:1]),))
    lines = peer.describe(certificate, NOW)
    assert [line.partition(":")[0] for line in lines] == [
        *("certificate subject", "certificate issuer", "certificate names", "certificate valid", "certificate key")
    ]
    assert lines[2] == "certificate names: mx0.example.org"
    assert lines[3] == "certificate valid: 2026-01-01 to 2027-01-31, expires in 244 days"
    assert lines[4].startswith("certificate key: EC P-256, SHA-256 ")
    assert all(line.isprintable() and len(line) <= 400 and "|" not in line for line in lines)
