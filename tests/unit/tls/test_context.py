"""The ssl context for a plan: what it verifies, which versions it takes, and the files it cannot use."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat
from cryptography.hazmat.primitives.serialization import load_pem_private_key as load_key

from smtp_status.tls.context import authorities, make_context
from smtp_status.tls.plan import TlsPlan

NO_CHECK_TIME = 0x200000


@pytest.mark.parametrize(
    ("changes", "verified", "named"),
    [
        ({}, True, True),
        ({"verify": False}, False, False),
        ({"afterwards": True}, False, False),
        ({"asked": False}, False, False),
        ({"tolerate": frozenset({"verify"})}, False, False),
        ({"tolerate": frozenset({"name"})}, True, False),
        ({"tolerate": frozenset({"expired"})}, True, True),
    ],
)
def test_what_is_verified(certs, changes, verified, named):
    context = make_context(TlsPlan("starttls", ca=str(certs.ca))._replace(**changes))
    assert context.verify_mode == (ssl.CERT_REQUIRED if verified else ssl.CERT_NONE)
    assert context.check_hostname is named
    assert not context.hostname_checks_common_name
    assert bool(context.verify_flags & NO_CHECK_TIME) is ("expired" in changes.get("tolerate", ()))


def test_authorities_are_those_of_a_file_or_a_directory(certs, tmp_path):
    assert len(make_context(TlsPlan("ssl", ca=str(certs.ca))).get_ca_certs()) == 1
    # A directory is looked into when somebody is verified, and only for names that are hashes.
    (tmp_path / "root.pem").write_bytes(certs.ca.read_bytes())
    reason = "no certificate under its hash as name; openssl rehash makes them"
    assert refused(ca=str(tmp_path)) == f"--ca {tmp_path}: {reason}"
    (tmp_path / "0a1b2c3d.0").symlink_to("root.pem")
    assert make_context(TlsPlan("ssl", ca=str(tmp_path))).get_ca_certs() == []


@pytest.mark.parametrize(
    ("minimum", "version", "legacy"),
    [("1.0", "TLSv1", True), ("1.1", "TLSv1_1", True), ("1.2", "TLSv1_2", False), ("1.3", "TLSv1_3", False)],
)
def test_the_lowest_version(minimum, version, legacy):
    context = make_context(TlsPlan("ssl", minimum=minimum))  # and no warning of Python's, which would be an error
    assert context.minimum_version == ssl.TLSVersion[version]
    assert bool(context.options & 4) is legacy  # SSL_OP_LEGACY_SERVER_CONNECT
    if hasattr(context, "security_level"):
        assert (context.security_level == 0) is legacy


def test_ciphers_are_those_of_openssl_or_those_asked_for():
    def names(**changes):
        ciphers = make_context(TlsPlan("ssl")._replace(**changes)).get_ciphers()
        return [one["name"] for one in ciphers if one["protocol"] != "TLSv1.3"]

    assert {"AES128-SHA", "AES256-GCM-SHA384", "ECDHE-RSA-AES128-GCM-SHA256"} <= set(names())
    assert names(ciphers="AES256-SHA:AES128-SHA") == ["AES256-SHA", "AES128-SHA"]
    assert refused(ciphers="ROT13") == "--tls-ciphers ROT13: no cipher of TLS 1.2 or below that OpenSSL has"


def test_authorities_of_the_system(certs, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(certs.ca))
    monkeypatch.setenv("SSL_CERT_DIR", "/nonexistent")
    (found,) = authorities().get_ca_certs()
    assert dict(part[0] for part in found["subject"])["commonName"] == "Test Root CA"


def refused(**changes) -> str:
    with pytest.raises(ValueError) as caught:
        make_context(TlsPlan("ssl")._replace(**changes))
    assert not isinstance(caught.value, (OSError, UnicodeError))
    return str(caught.value)


def test_authorities_that_are_none(certs, tmp_path):
    nothing = tmp_path / "nothing"
    nothing.write_text("no certificate\n")
    assert refused(ca=str(nothing)).startswith(f"--ca {nothing}: no certificate")
    assert refused(ca=str(tmp_path / "missing")) == f"--ca {tmp_path / 'missing'}: no such file or directory"


def locked(key: Path, place: Path) -> Path:
    """The key again, with a passphrase."""
    made = load_key(key.read_bytes(), None)
    place.write_bytes(made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"s3cret")))
    return place


def test_a_client_certificate(certs, tmp_path):
    crt, key = str(certs.client.crt), str(certs.client.key)
    ours = {"ca": str(certs.ca), "client_cert": crt}
    make_context(TlsPlan("ssl", client_key=key, **ours))
    both = tmp_path / "both.pem"
    both.write_bytes(certs.client.crt.read_bytes() + certs.client.key.read_bytes())
    make_context(TlsPlan("ssl", ca=str(certs.ca), client_cert=str(both)))
    assert refused(**ours).startswith(f"--client-cert {crt}: ")
    assert refused(**ours, client_key=str(certs.good.key)) == f"--client-cert {crt}: key values mismatch"
    passphrase = str(locked(certs.client.key, tmp_path / "locked"))
    assert refused(**ours, client_key=passphrase) == f"--client-key {passphrase}: the key needs a passphrase"


def test_a_server_cannot_negotiate_anew_nor_hide_its_certificate():
    context = make_context(TlsPlan("ssl", verify=False))
    assert context.options & ssl.OP_NO_RENEGOTIATION
    assert context.options & (1 << 33)  # SSL_OP_NO_RX_CERTIFICATE_COMPRESSION
