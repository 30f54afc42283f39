"""The Certificate message of TLS: both layouts, in memory and as a handshake shows it."""

from __future__ import annotations

import datetime
import ssl
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.certificates_in_der import EC_KEY, issued
from smtp_status.tls.certificate import (
    SIZE_LIMIT,
    read,
)
from smtp_status.tls.der import CertificateFault
from smtp_status.tls.messages import chain_from_messages
from smtp_status.tls.validity import expiry_words


def vector(size: int, contents: bytes) -> bytes:
    return len(contents).to_bytes(size, "big") + contents


def message_12(*ders: bytes) -> bytes:
    return vector(3, b"".join(vector(3, der) for der in ders))


def message_13(*ders: bytes, extensions: bytes = b"") -> bytes:
    return b"\0" + vector(3, b"".join(vector(3, der) + vector(2, extensions) for der in ders))


class TestChain:
    @pytest.mark.parametrize(
        "chain",
        [(), (b"a",), (b"leaf", b"intermediate"), (b"\0" * 300, b"\0" * 70_000), (b"\x0b" * 40, b"b")],
        ids=["none", "one", "two", "zeros", "elevens"],
    )
    def test_both_layouts_with_and_without_header(self, chain):
        for body in (message_12(*chain), message_13(*chain), message_13(*chain, extensions=b"\0\5\0\2ab")):
            # A message without certificates and extensions is all zeros in both layouts.
            assert chain_from_messages(body) == chain
            assert chain_from_messages(b"\x0b" + vector(3, body)) == chain

    @pytest.mark.parametrize(
        ("raw", "reason"),
        [
            (b"", "cut off"),
            (b"\0", "cut off"),
            (b"\x0b", "cut off"),
            (b"\x0b\0\0\1", "cut off"),
            (b"\x0b" + vector(3, message_12(b"a")) + b"\0", "surplus octets after the message"),
            (message_12(b"a") + b"\0\0", "the list of certificates does not fill its message"),
            (message_12(b"a", b""), "empty certificate in the list"),
            (vector(3, b"\0\0\2a"), "cut off"),
            (vector(3, b"\0\0"), "cut off"),
            (b"\0" + vector(3, vector(3, b"a")), "cut off"),
            (bytes(SIZE_LIMIT + 5), "larger than 131072 octets"),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    def test_reasons(self, raw, reason):
        with pytest.raises(CertificateFault) as caught:
            chain_from_messages(raw)
        assert str(caught.value) == reason

    @settings(deadline=None)
    @given(st.binary(max_size=60))
    def test_any_bytes(self, raw):
        try:
            chain = chain_from_messages(raw)
        except CertificateFault:
            return
        assert all(chain)
        assert len(b"".join(chain)) <= len(raw)


def handshake(client: ssl.SSLObject, server: ssl.SSLObject, pipes: list[ssl.MemoryBIO]) -> ssl.SSLError | None:
    """Both ends of a handshake in memory; the client's fault, None when it went through."""
    to_client, from_client, to_server, from_server = pipes
    client_done = False
    for _ in range(200):
        if not client_done:
            try:
                client.do_handshake()
                client_done = True
            except ssl.SSLWantReadError:
                pass
            except ssl.SSLError as error:
                return error
        to_server.write(from_client.read())
        try:
            server.do_handshake()
            if client_done:
                return None
        except ssl.SSLWantReadError:
            pass
        to_client.write(from_server.read())
    raise AssertionError("the handshake does not end")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"])
@pytest.mark.parametrize("count", [1, 1000], ids=["one name", "1000 names"])
def test_the_chain_is_seen_although_verification_fails(version, count, tmp_path):
    now = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
    days = datetime.timedelta(days=1)
    names = [x509.DNSName(f"mx{number}.example.org") for number in range(count)]
    leaf = issued(names=names, not_before=now - 9 * days, not_after=now - 2 * days + days / 2)
    other = issued(subject=[(NameOID.COMMON_NAME, "other")])
    pem = tmp_path / "server.pem"
    key = EC_KEY.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    pem.write_text(key.decode() + ssl.DER_cert_to_PEM_cert(leaf) + ssl.DER_cert_to_PEM_cert(other))
    server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_context.load_cert_chain(pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = context.maximum_version = version
    context.load_verify_locations(cadata=ssl.DER_cert_to_PEM_cert(leaf))
    seen = []

    def message(_connection, direction, _version, content_type, message_type, data):
        if (direction, content_type, message_type) == ("read", 22, 11):
            seen.append(data)

    context._msg_callback = message
    pipes = [ssl.MemoryBIO() for _ in range(4)]
    client = context.wrap_bio(pipes[0], pipes[1], server_hostname="mx0.example.org")
    server = server_context.wrap_bio(pipes[2], pipes[3], server_side=True)
    fault = handshake(client, server, pipes)
    assert isinstance(fault, ssl.SSLCertVerificationError)
    assert fault.verify_code == 10  # X509_V_ERR_CERT_HAS_EXPIRED
    assert [chain_from_messages(data) for data in seen] == [(leaf, other)]
    certificate = read(chain_from_messages(seen[0])[0])
    assert expiry_words(certificate, time.time()) == "expired 36 hours ago"
    assert len(certificate.dns_names) == count
