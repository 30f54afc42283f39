"""TLS with equipment that nobody can change, with chosen ciphers, and with authorities as they are given."""

from __future__ import annotations

import base64
import ssl
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from helpers.plugin import Result, run
from servers.certs import Certs
from servers.scripted import Eof, Read, Silence

HOST = "127.0.0.1"
OFFER = b"250-scripted.test\r\n250 STARTTLS\r\n"
ACCEPTED = f"SMTP OK - {HOST} accepted the sender in N s: 250 2.1.0 Sender ok"

OAKLEY_2 = bytes.fromhex(  # the 1024-bit group of RFC 2409 section 6.2
    "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DDEF9519B3CD3A431B"
    "302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7EDEE386BFB5A899FA5AE9F24117C4B1FE6"
    "49286651ECE65381FFFFFFFFFFFFFFFF"
)


def check(port: int, certs: Certs, *args: str) -> Result:
    return run(
        *("-H", HOST, "-p", str(port), "-F", "probe.example.org", "-S", "--ca", str(certs.ca)),
        *("-f", "probe@example.org", *args),
    )


def old(certs: Certs, version: str = "TLSv1", ciphers: str = "ALL") -> ssl.SSLContext:
    """A server that has one version only, and cares for no key that is too small."""
    context = certs.context(certs.rsa)
    context.set_ciphers(f"{ciphers}:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.maximum_version = ssl.TLSVersion[version]
    return context


def failed(result: Result, reason: str, remark: str) -> None:
    line = f"SMTP CRITICAL - {HOST} tls: TLS handshake failed: {reason} ({remark})"
    assert (result.code, result.first) == (2, line)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
class TestOldEquipment:
    @pytest.mark.parametrize(("version", "least"), [("TLSv1", "1.0"), ("TLSv1_1", "1.0"), ("TLSv1_1", "1.1")])
    def test_accepted_where_it_is_asked_for(self, scripted, certs: Certs, version, least):
        server = scripted(starttls=old(certs, version))
        result = check(server.port, certs, "--tls-min", least)
        assert (result.code, result.steady) == (0, f"{ACCEPTED} ({version.replace('_', '.')})")

    @pytest.mark.parametrize(
        ("options", "lacking", "hint"),
        [
            ((), "no TLS 1.2 or newer", "--tls-min 1.0?"),
            (("--tls-min", "1.1"), "no TLS 1.1 or newer", "--tls-min 1.0?"),
            (("--tls-min", "1.3"), "no TLS 1.3", "--tls-min 1.2?"),
        ],
    )
    def test_not_accepted_else(self, scripted, certs: Certs, options, lacking, hint):
        server = scripted(starttls=old(certs))
        failed(check(server.port, certs, *options), "alert protocol version", f"the server has {lacking}; {hint}")

    def test_a_newer_server_is_as_good(self, scripted, certs: Certs):
        result = check(scripted(starttls=certs.context()).port, certs, "--tls-min", "1.0")
        assert (result.code, result.steady) == (0, f"{ACCEPTED} (TLSv1.3)")

    def test_small_diffie_hellman_key(self, scripted, certs: Certs, tmp_path: Path):
        prime = b"\x02\x81\x81\x00" + OAKLEY_2
        parameters = b"\x30\x81\x87" + prime + b"\x02\x01\x02"  # DHParameter of PKCS #3
        text = base64.encodebytes(parameters).decode()
        (tmp_path / "dh.pem").write_text(f"-----BEGIN DH PARAMETERS-----\n{text}-----END DH PARAMETERS-----\n")
        context = old(certs, "TLSv1_2", "DHE-RSA-AES128-GCM-SHA256")
        context.load_dh_params(str(tmp_path / "dh.pem"))
        server = scripted(starttls=context)
        remark = "the server's Diffie-Hellman key is too small for today; --tls-min 1.1?"
        failed(check(server.port, certs), "dh key too small", remark)
        accepted = check(server.port, certs, "--tls-min", "1.1")
        assert (accepted.code, accepted.steady) == (0, f"{ACCEPTED} (TLSv1.2)")

    def test_no_secure_renegotiation(self, scripted, certs: Certs):
        """A ServerHello of TLS 1.2 without the extension of RFC 5746, and nothing behind it."""
        hello = b"\x03\x03" + bytes(32) + b"\0" + b"\xc0\x2f" + b"\0"
        record = b"\x02" + len(hello).to_bytes(3, "big") + hello
        octets = b"\x16\x03\x03" + len(record).to_bytes(2, "big") + record
        steps = (b"220 2.0.0 Go on\r\n", Read(1), octets)
        remark = "the server has no secure renegotiation, RFC 5746; --tls-min 1.1?"
        refused = check(scripted(ehlo=OFFER, starttls=(*steps, Eof())).port, certs)
        failed(refused, "unsafe legacy renegotiation disabled", remark)
        # Accepted, it is waited for what comes next.
        went_on = check(scripted(ehlo=OFFER, starttls=(*steps, Silence())).port, certs, "--tls-min", "1.0", "-t", "0.5")
        assert went_on.steady == f"SMTP CRITICAL - {HOST} timed out at tls: no end of the handshake after N s"

    def test_small_key_of_the_certificate(self, scripted, certs: Certs):
        leaf = certs.leaf("small", (HOST,), rsa.generate_private_key(65537, 1024))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.load_cert_chain(leaf.crt, leaf.key)
        server = scripted(starttls=context)
        refused = check(server.port, certs)
        line = f"SMTP CRITICAL - {HOST} tls: the key of the certificate is too small (--tls-min 1.1?)"
        assert (refused.code, refused.first) == (2, line)
        assert check(server.port, certs, "--tls-min", "1.1").code == 0


class TestCiphers:
    @pytest.mark.parametrize("cipher", ["AES256-SHA", "AES128-GCM-SHA256", "ECDHE-RSA-AES128-SHA"])
    def test_those_of_openssl_whatever_python_was_built_with(self, scripted, certs: Certs, cipher):
        """RSA key exchange and SHA-1 MACs, which Python 3.10 and newer leave out by themselves."""
        context = certs.context(certs.rsa)
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers(cipher)
        result = check(scripted(starttls=context).port, certs, "-v")
        assert (result.code, result.steady) == (0, ACCEPTED)
        assert f"tls: TLSv1.2 {cipher}" in result.lines

    def test_chosen(self, scripted, certs: Certs):
        context = certs.context(certs.rsa)
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers("AES128-GCM-SHA256:AES256-GCM-SHA384")
        server = scripted(starttls=context)
        result = check(server.port, certs, "-v", "--tls-ciphers", "AES256-GCM-SHA384")
        assert result.code == 0
        assert "tls: TLSv1.2 AES256-GCM-SHA384" in result.lines
        context.set_ciphers("AES128-GCM-SHA256")
        remark = "no cipher in common, or the server wants a client certificate; --tls-ciphers?"
        failed(check(server.port, certs, "--tls-ciphers", "AES256-GCM-SHA384"), "alert handshake failure", remark)

    def test_none_of_that_name(self, certs: Certs):
        result = check(9, certs, "--tls-ciphers", "ROT13")
        line = "SMTP UNKNOWN - --tls-ciphers ROT13: no cipher of TLS 1.2 or below that OpenSSL has"
        assert (result.code, result.first) == (3, line)


class TestAuthorities:
    def test_an_intermediate_is_trusted_as_given(self, scripted, certs: Certs):
        server = scripted(starttls=certs.context(certs.leaf_only))
        at = ("-H", HOST, "-p", str(server.port), "-S", "-f", "probe@example.org")
        trusted = run(*at, "--ca", str(certs.chain))
        assert (trusted.code, trusted.steady) == (0, ACCEPTED)
        other = run(*at, "--ca", str(certs.selfsigned.crt))
        assert other.code == 2

    def test_a_directory_in_which_openssl_finds_nothing(self, certs: Certs, tmp_path: Path):
        (tmp_path / "root.pem").write_bytes(certs.ca.read_bytes())
        result = run("-H", HOST, "-p", "9", "-S", "--ca", str(tmp_path))
        assert result.code == 3
        assert result.first.startswith("SMTP UNKNOWN - --ca ")
        assert result.first.endswith(": no certificate under its hash as name; openssl rehash makes them")
