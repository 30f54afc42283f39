"""Channel bindings, and SCRAM that binds: RFC 5802 section 6, RFC 5929."""

from __future__ import annotations

import base64
import hashlib

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from helpers.certificates_signed import self_signed
from helpers.sasl_exchanges import ScramServer, begin, fault
from smtp_status.sasl import binding, mechanisms
from smtp_status.sasl.binding import Binding

RSA = rsa.generate_private_key(65537, 2048)
EC = ec.generate_private_key(ec.SECP256R1())


def pss(algorithm: hashes.HashAlgorithm) -> padding.PSS:
    return padding.PSS(padding.MGF1(algorithm), padding.PSS.DIGEST_LENGTH)


@pytest.mark.parametrize(
    ("key", "algorithm", "rsa_padding", "hashed"),
    [
        (RSA, hashes.SHA224(), None, "sha224"),
        (RSA, hashes.SHA256(), None, "sha256"),
        (RSA, hashes.SHA384(), None, "sha384"),
        (RSA, hashes.SHA512(), None, "sha512"),
        (RSA, hashes.SHA256(), pss(hashes.SHA256()), "sha256"),
        (RSA, hashes.SHA384(), pss(hashes.SHA384()), "sha384"),
        (RSA, hashes.SHA512(), pss(hashes.SHA512()), "sha512"),
        (EC, hashes.SHA224(), None, "sha224"),
        (EC, hashes.SHA256(), None, "sha256"),
        (EC, hashes.SHA384(), None, "sha384"),
        (EC, hashes.SHA512(), None, "sha512"),
        (dsa.generate_private_key(2048), hashes.SHA256(), None, "sha256"),
    ],
    ids=map(str, range(12)),
)
def test_the_hash_is_that_of_the_signature(key, algorithm, rsa_padding, hashed):
    der = self_signed(key, algorithm, rsa_padding).public_bytes(Encoding.DER)
    made = binding.made(b"", (der, b"its issuer"))
    assert made == ("tls-server-end-point", hashlib.new(hashed, der).digest())


def with_algorithm(algorithm: bytes) -> bytes:
    """What has the outer form of a certificate, with this AlgorithmIdentifier (in DER) as that of its signature."""
    inside = b"\x30\x00" + algorithm + b"\x03\x01\x00"
    return b"\x30" + bytes([len(inside)]) + inside


def oid(octets: str, parameters: bytes = b"\x05\x00") -> bytes:
    inside = b"\x06" + bytes([len(octets) // 2]) + bytes.fromhex(octets) + parameters
    return b"\x30" + bytes([len(inside)]) + inside


@pytest.mark.parametrize(
    "algorithm",
    [
        oid("2a864886f70d010104"),  # md5WithRSAEncryption
        oid("2a864886f70d010105"),  # sha1WithRSAEncryption
        oid("2a8648ce3d0401", b""),  # ecdsa-with-SHA1
        oid("2a8648ce380403", b""),  # id-dsa-with-sha1
        oid("2a864886f70d01010a", b"\x30\x00"),  # id-RSASSA-PSS with nothing but defaults
        oid("2a864886f70d01010a", b"\x30\x0b\xa0\x09\x30\x07\x06\x05\x2b\x0e\x03\x02\x1a"),  # with SHA-1 by name
    ],
)
def test_weak_hashes_give_way_to_sha_256(algorithm):
    der = with_algorithm(algorithm)
    assert binding.made(b"", (der,)) == ("tls-server-end-point", hashlib.sha256(der).digest())


@pytest.mark.parametrize(
    "der",
    [
        b"",
        b"\x30",
        b"no certificate",
        with_algorithm(b"\x30\x00"),
        with_algorithm(oid("2a03")),
        with_algorithm(oid("2a864886f70d01010a", b"\x05\x00")),
        with_algorithm(oid("2a864886f70d01010a", b"\x30\x07\xa0\x05\x30\x03\x06\x01\x2a")),
        self_signed(ed25519.Ed25519PrivateKey.generate(), None).public_bytes(Encoding.DER),
        self_signed(ed448.Ed448PrivateKey.generate(), None).public_bytes(Encoding.DER),
    ],
    ids=range(9),
)
def test_no_end_point(der):
    assert binding.made(b"", (der,)) is None
    assert binding.made(b"finished", (der,)) == ("tls-unique", b"finished")


def test_nothing_is_known_of_the_peer():
    assert binding.made(b"", ()) is None
    assert binding.made(b"finished", ()) == ("tls-unique", b"finished")


def test_it_is_made_where_a_mechanism_takes_it():
    assert mechanisms.bind(["SCRAM-SHA-256", "PLAIN"], b"finished", ()) is None
    assert mechanisms.bind(["SCRAM-SHA-256-PLUS"], b"finished", ()) == ("tls-unique", b"finished")


# -- SCRAM

UNIQUE = Binding("tls-unique", b"\x00\xff,=finished")
END_POINT = Binding("tls-server-end-point", hashlib.sha512(b"certificate").digest())


@pytest.mark.parametrize("bound", [UNIQUE, END_POINT])
@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-512", "SCRAM-SHA-256", "SCRAM-SHA-1"])
def test_scram_binds(mechanism, bound):
    server = ScramServer(mechanism, b"pencil")
    exchange = begin(f"{mechanism}-PLUS", bound=bound)
    header = b"p=" + bound.kind.encode() + b",,"
    assert exchange.initial.startswith(header + b"n=user,r=")
    response = exchange.respond(server.first(exchange.initial.removeprefix(header)))
    assert response.split(b",r=")[0] == b"c=" + base64.b64encode(header + bound.data)
    assert exchange.respond(server.final(response)) == b""
    exchange.finish()


def test_scram_without_plus_does_not_bind():
    exchange = begin("SCRAM-SHA-256", bound=UNIQUE, nonce=b"ours")
    assert exchange.initial == b"n,,n=user,r=ours"
    assert exchange.respond(b"r=ours+,s=QSXC,i=1").startswith(b"c=biws,r=ours+,p=")


def test_scram_plus_wants_the_signature_too():
    exchange = begin("SCRAM-SHA-256-PLUS", bound=UNIQUE, nonce=b"ours")
    exchange.respond(b"r=ours+,s=QSXC,i=1")
    assert fault(exchange.respond, b"v=AAAA") == "SCRAM-SHA-256-PLUS server signature is false"
    assert fault(exchange.finish) == "SCRAM-SHA-256-PLUS accepted without a server signature"


# -- what a refusal means


@pytest.mark.parametrize(
    ("bound", "error", "words", "state"),
    [
        (UNIQUE, "", "X-PLUS: login or tls-unique rejected; -A X?", ""),
        (UNIQUE, "channel-bindings-dont-match", "X-PLUS: tls-unique differs: does TLS end before it?", ""),
        (UNIQUE, "unsupported-channel-binding-type", "X-PLUS: the server knows no tls-unique; -A X?", ""),
        (
            END_POINT,
            "unsupported-channel-binding-type",
            "X-PLUS: the server knows no tls-server-end-point; -A X?",
            "unknown",
        ),
        (
            END_POINT,
            "channel-binding-not-supported",
            "X-PLUS: the server knows no tls-server-end-point; -A X?",
            "unknown",
        ),
        (END_POINT, "invalid-proof", "", ""),
    ],
)
def test_refusal(bound, error, words, state):
    assert binding.refusal("X-PLUS", bound, error, "; -A X?") == words
    assert binding.refusal_state(bound, error) == state


def test_a_refusal_fits_into_the_first_line():
    for error in ("", "channel-bindings-dont-match", *binding.UNSUPPORTED):
        assert len(binding.refusal("SCRAM-SHA-256-PLUS", END_POINT, error, "; -A SCRAM-SHA-256?")) <= 80
