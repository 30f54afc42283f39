"""What the program openssl says of certificates, and certificates only it can make."""

from __future__ import annotations

import ssl
import subprocess

import pytest
from cryptography import x509

from helpers.certificates_in_der import issued
from servers.requirements import need
from smtp_status.tls.certificate import (
    matches,
    read,
)
from smtp_status.tls.chain import verify_anchored


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
    assert verify_anchored((certificate,), certificate) is None
