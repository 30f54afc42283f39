"""Diffie-Hellman primes that take OpenSSL too long, seen before it begins."""

from __future__ import annotations

import ssl

import pytest

from smtp_status.findings import TransportError
from smtp_status.tls.keyexchange import KeyExchangeWatch
from smtp_status.tls.layer import TlsLayer

NAMED_CURVE = b"\x03\x00\x17\x41" + b"\x04" + b"k" * 64 + b"\x04\x03\x00\x46" + b"s" * 70


def vector(octets: bytes) -> bytes:
    return len(octets).to_bytes(2, "big") + octets


def finite(bits: int) -> bytes:
    """What a server sends for a prime of so many bits."""
    prime = (1 << bits - 1 | 1).to_bytes((bits + 7) // 8, "big")
    return vector(prime) + vector(b"\2") + vector(prime) + b"\x04\x01" + vector(b"s" * 256)


def message(kind: int, body: bytes) -> bytes:
    return bytes((kind,)) + len(body).to_bytes(3, "big") + body


def records(messages: bytes, size: int = 16384) -> bytes:
    pieces = [messages[at : at + size] for at in range(0, len(messages), size)]
    return b"".join(b"\x16\x03\x03" + vector(piece) for piece in pieces)


def handshake(body: bytes) -> bytes:
    return message(2, b"hello") + message(11, b"c" * 20_000) + message(12, body) + message(14, b"")


@pytest.mark.parametrize("size", [1, 7, 1000, 16384])
@pytest.mark.parametrize(
    ("body", "bits"),
    [
        (finite(10_000), 10_000),
        (finite(4104), 4104),
        (finite(4096), 0),
        (finite(2048), 0),
        (NAMED_CURVE, 0),
        (b"\x03" + b"\0" * 3000, 0),
        (b"", 0),
        (finite(10_000)[:1500], 0),
    ],
    ids=["10000", "4104", "4096", "2048", "curve", "zeros", "empty", "cut off"],
)
def test_bits(body: bytes, bits: int, size: int) -> None:
    watch = KeyExchangeWatch()
    sent = records(handshake(body), size)
    found = [watch.feed(sent[at : at + 4096]) for at in range(0, len(sent), 4096)]
    assert max(found) == bits
    assert watch.done


@pytest.mark.parametrize("sent", [b"\x14\x03\x03\0\1\1", b"\x15\x03\x03\0\2\2\50", b"220 mx ESMTP\r\n"])
def test_behind_the_clear_text_nothing_is_looked_at(sent: bytes) -> None:
    watch = KeyExchangeWatch()
    assert watch.feed(sent) == 0
    assert watch.done


def test_the_handshake_fails_before_openssl_sees_it() -> None:
    layer = TlsLayer(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), "mx.example.test")
    layer.handshake()
    with pytest.raises(TransportError) as caught:
        layer.feed(records(handshake(finite(10_000))))
    assert caught.value.failure.kind == "handshake"
    assert caught.value.failure.cause == "TLS handshake failed: Diffie-Hellman prime of 10000 bits, more than 4096"
