"""Verification of a chain outside of the handshake it came in."""

from __future__ import annotations

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding

from servers.certs import Certs
from smtp_status.tls import context
from smtp_status.tls.chain import verify, verify_anchored
from smtp_status.tls.plan import TlsPlan

NAME = "mx1.example.test"
UNKNOWN = 'chain ends at "Test Root CA", which is not trusted here'
LEAF_ALONE = 'the server does not send the certificate of "Test Intermediate CA", and it is not trusted here'


def ders(path):
    """The certificates of a file in DER."""
    return tuple(one.public_bytes(Encoding.DER) for one in x509.load_pem_x509_certificates(path.read_bytes()))


@pytest.fixture(scope="module")
def impostor(tmp_path_factory):
    """Certificates with the same names as the session's, and other keys."""
    return Certs(tmp_path_factory.mktemp("impostor"))


def by_file(certs):
    """A context that trusts the session's root."""
    return context.make_context(TlsPlan(mode="ssl", ca=str(certs.ca)))


def verdict(chain, authorities, name=NAME):
    failure = verify(chain, name, authorities)
    return failure and (failure.kind, failure.cause)


def anchored(chain, anchor):
    failure = verify_anchored(chain, (anchor,))
    return failure and (failure.kind, failure.cause)


class TestAuthorities:
    @pytest.mark.parametrize("leaf", ["good", "rsa"])
    def test_a_file(self, certs, leaf):
        assert verdict(ders(getattr(certs, leaf).crt), by_file(certs)) is None

    def test_those_of_the_system(self, certs, monkeypatch):
        chain = ders(certs.good.crt)
        assert verdict(chain, context.authorities()) == ("verify", UNKNOWN)
        monkeypatch.setenv("SSL_CERT_FILE", str(certs.ca))
        assert verdict(chain, context.authorities()) is None

    @pytest.mark.parametrize("authority", ["ca", "chain"])
    def test_an_anchor_root_or_not(self, certs, authority):
        (anchor,) = ders(getattr(certs, authority))
        assert anchored(ders(certs.good.crt), anchor) is None

    def test_an_anchor_is_the_only_authority(self, certs, monkeypatch):
        monkeypatch.setenv("SSL_CERT_FILE", str(certs.ca))
        assert anchored(ders(certs.good.crt), ders(certs.selfsigned.crt)[0]) == ("verify", UNKNOWN)

    def test_an_anchor_with_the_right_name_and_the_wrong_key(self, certs, impostor):
        kind, cause = anchored(ders(certs.good.crt), ders(impostor.chain)[0])
        assert kind == "verify"
        assert cause

    def test_an_issuer_in_the_chain_with_the_wrong_key(self, certs, impostor):
        chain = (ders(certs.good.crt)[0], ders(impostor.chain)[0])
        assert anchored(chain, ders(impostor.ca)[0])[0] == "verify"

    def test_a_changed_signature(self, certs):
        leaf, issuer = ders(certs.good.crt)
        assert anchored((leaf[:-1] + bytes((leaf[-1] ^ 1,)), issuer), issuer)[0] == "verify"

    def test_without_its_intermediate(self, certs):
        assert verdict(ders(certs.leaf_only.crt), by_file(certs)) == ("verify", LEAF_ALONE)

    def test_an_anchor_that_is_none(self, certs):
        assert anchored(ders(certs.good.crt), b"\x30\x00") == ("verify", "the trust anchor cannot be read")


class TestLeaf:
    @pytest.mark.parametrize(
        ("leaf", "kind", "cause"),
        [
            ("expired", "expired", "certificate expired 42 hours ago"),
            ("wrong_name", "name", "certificate is for other.example.test, not for mx1.example.test"),
            ("selfsigned", "verify", "self-signed certificate"),
        ],
    )
    def test_faults(self, certs, leaf, kind, cause):
        assert verdict(ders(getattr(certs, leaf).crt), by_file(certs)) == (kind, cause)

    def test_with_an_anchor_the_name_does_not_matter(self, certs):
        leaf, issuer = ders(certs.wrong_name.crt)
        assert anchored((leaf, issuer), issuer) is None

    def test_no_chain(self):
        assert verdict((), context.authorities()) == ("verify", "no certificate that can be read")

    def test_noise_behind_the_leaf(self, certs):
        assert verdict((ders(certs.good.crt)[0], b"noise"), by_file(certs)) is not None

    def test_a_chain_larger_than_a_tls_record(self, certs):
        leaf, issuer = ders(certs.good.crt)
        chain = (leaf, issuer, *[ders(certs.rsa.crt)[0]] * 30)
        assert sum(map(len, chain)) > 20_000
        assert verdict(chain, by_file(certs)) is None

    def test_a_key_of_another_kind(self, certs):
        key = ed25519.Ed25519PrivateKey.generate()
        template = x509.load_pem_x509_certificate(certs.good.crt.read_bytes())
        certificate = (
            x509.CertificateBuilder()
            .subject_name(template.subject)
            .issuer_name(template.subject)
            .public_key(key.public_key())
            .serial_number(1)
            .not_valid_before(template.not_valid_before_utc)
            .not_valid_after(template.not_valid_after_utc)
            .add_extension(template.extensions.get_extension_for_class(x509.SubjectAlternativeName).value, False)
            .sign(key, None)
        ).public_bytes(Encoding.DER)
        assert anchored((certificate,), certificate) is None
