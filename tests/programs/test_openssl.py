"""What the program openssl says of certificates, and certificates only it can make."""

from __future__ import annotations

import ssl
import subprocess

import pytest
from cryptography import x509

from helpers.certificates_in_der import SAN, attribute, dns, extension, forged, issued, tlv
from servers.requirements import need
from smtp_status.tls.certificate import (
    matches,
    read,
)
from smtp_status.tls.chain import verify_anchored

END_OF_2026 = 1798761600.0


@pytest.mark.parametrize(
    ("presented", "references"),
    [
        ("*.example.org", ["mx.example.org", "example.org", "a.b.example.org", "xn--a.example.org"]),
        ("*.org", ["example.org"]),
        ("mx1.example.org", ["MX1.example.org", "mx1.example.org.evil.test"]),
    ],
)
def test_openssl_agrees_on_names(presented, references, tmp_path):
    openssl = need("openssl")
    der = issued(names=[x509.DNSName(presented)])
    path = tmp_path / "leaf.pem"
    path.write_text(ssl.DER_cert_to_PEM_cert(der))
    for reference in references:
        said = subprocess.run(
            [openssl, "x509", "-in", path, "-noout", "-checkhost", reference],
            capture_output=True,
            text=True,
            check=False,
            timeout=20,
        ).stdout
        assert matches(read(der), reference) is ("does match" in said)


def test_a_key_for_rsa_pss_only(tmp_path):
    key, crt = tmp_path / "key", tmp_path / "crt"
    openssl = need("openssl")
    making = ("-algorithm", "RSA-PSS", "-pkeyopt", "rsa_keygen_bits:2048", "-out", str(key))
    subprocess.run([openssl, "genpkey", *making], check=True, capture_output=True)
    signing = ("-x509", "-new", "-key", str(key), "-out", str(crt), "-days", "2", "-subj", "/CN=mx1.example.test")
    subprocess.run([openssl, "req", *signing], check=True, capture_output=True)
    certificate = ssl.PEM_cert_to_DER_cert(crt.read_text())
    assert verify_anchored((certificate,), (certificate,)) is None


def lengthened(element: bytes, size: int = 4) -> bytes:
    """The element with a length of more octets than DER has it."""
    start = 2 + (element[1] & 0x7F if element[1] & 0x80 else 0)
    return element[:1] + bytes((0x80 | size,)) + (len(element) - start).to_bytes(size, "big") + element[start:]


def endless(element: bytes) -> bytes:
    """The element with an end in the place of its length."""
    start = 2 + (element[1] & 0x7F if element[1] & 0x80 else 0)
    return element[:1] + b"\x80" + element[start:] + b"\0\0"


def openssl_reads(der: bytes) -> str:
    """The end of its life as OpenSSL tells it, '' where it does not read the certificate."""
    command = [need("openssl"), "x509", "-inform", "DER", "-noout", "-enddate"]
    done = subprocess.run(command, input=der, capture_output=True, check=False, timeout=20)
    return done.stdout.decode().strip()


class TestWhatOpensslReads:
    """A certificate that a server can use but the reader not would not be judged."""

    @pytest.mark.parametrize(
        ("der", "names"),
        [
            (lengthened(forged(dns(b"a.test"))), ("a.test",)),
            (endless(forged(dns(b"a.test"))), ("a.test",)),
            (forged(lengthened(dns(b"a.test"))), ("a.test",)),
            (forged(extensions=endless(extension(dns(b"a.test")))), ("a.test",)),
            (forged(extensions=tlv(0x30, tlv(6, SAN), tlv(4, endless(tlv(0x30, dns(b"a.test")))))), ("a.test",)),
            (forged(dns(b"a.test"), tlv(0xBF, b"")[:1] + b"\x81\x01\0", dns(b"b.test")), ("a.test", "b.test")),
            (forged(dns(b"a.test"), not_after=tlv(0x17, b"270101000000+0000")), ("a.test",)),
            (forged(dns(b"a.test"), not_after=tlv(0x17, b"270101020000+0200")), ("a.test",)),
            (forged(dns(b"a.test"), not_after=tlv(0x17, b"2701010000Z")), ("a.test",)),
            (forged(dns(b"a.test"), not_after=tlv(0x18, b"20270101000000.5Z")), ("a.test",)),
            (forged(dns(b"a.test"), not_after=lengthened(tlv(0x17, b"270101000000Z"))), ("a.test",)),
            (forged(dns(b"a.test"), subject=attribute(tlv(0x0C, b"x"), oid="2a" + "83" * 70 + "01")), ("a.test",)),
            (forged(dns(b"a.test"), subject=attribute(tlv(0x0C, b"x")) * 300), ("a.test",)),
        ],
    )
    def test_is_read(self, der, names):
        assert openssl_reads(der).startswith("notAfter=Jan  1 00:00:00")
        certificate = read(der)
        assert (certificate.dns_names, certificate.not_after) == (names, END_OF_2026)

    @pytest.mark.parametrize(
        "der",
        [
            forged(extensions=extension(dns(b"a.test")) + extension(dns(b"b.test"))),
            forged(extensions=tlv(0x30, tlv(6, SAN), tlv(4, b"no list"))),
            forged(extensions=tlv(0x30, tlv(6, SAN), tlv(4, tlv(0x30, dns(b"a.test")), b"more"))),
            forged(extensions=tlv(0x30, tlv(6, SAN), tlv(4, b"\x30\x05" + dns(b"a.test")))),
        ],
        ids=["two", "text", "surplus", "too short"],
    )
    def test_names_that_are_no_list_are_none(self, der):
        certificate = read(der)
        assert (certificate.dns_names, certificate.ip_addresses) == ((), ())
        assert openssl_reads(der)
