"""Certificates for the tests: one root, one intermediate, and a leaf for every case a client must tell
apart."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Union

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

Key = Union[ec.EllipticCurvePrivateKey, rsa.RSAPrivateKey]

MX_NAMES = ("mx1.example.test", "mx2.example.test", "localhost", "127.0.0.1", "::1")


class Leaf(NamedTuple):
    """One certificate on disk: ``crt`` holds the leaf and the chain a server sends with it, ``key`` its
    key."""

    crt: Path
    key: Path
    certificate: x509.Certificate


class _Issuer(NamedTuple):
    certificate: x509.Certificate
    key: Key


class Certs:
    """All certificates of a test session in one directory (about 0.2 s to make).

    ``ca`` is the file with the root, ``chain`` the one with the intermediate.  ``good rsa leaf_only expired
    not_yet soon wrong_name wildcard ip_only cn_only selfsigned client`` are the leaves; ``leaf_only`` sends
    no intermediate, ``soon`` expires in 5 days, ``expired`` did 2 days ago, ``not_yet`` begins in 2 days,
    ``cn_only`` has no subject alternative name.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        self._now = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)

        root_key = ec.generate_private_key(ec.SECP256R1())
        root = _Issuer(self._sign("Test Root CA", root_key, None, authority=True), root_key)
        inter_key = ec.generate_private_key(ec.SECP256R1())
        self._issuer = _Issuer(self._sign("Test Intermediate CA", inter_key, root, authority=True), inter_key)
        self.ca = self._write("root.crt", root.certificate)
        self.chain = self._write("chain.crt", self._issuer.certificate)

        self.good = self.leaf("good", MX_NAMES)
        self.rsa = self.leaf("rsa", MX_NAMES, rsa.generate_private_key(65537, 2048))
        self.leaf_only = self.leaf("leaf_only", MX_NAMES, chain=False)
        self.expired = self.leaf("expired", MX_NAMES, begins=-60, ends=-2)
        self.not_yet = self.leaf("not_yet", MX_NAMES, begins=2)
        self.soon = self.leaf("soon", MX_NAMES, ends=5)
        self.wrong_name = self.leaf("wrong_name", ("other.example.test",))
        self.wildcard = self.leaf("wildcard", ("*.example.test",))
        self.ip_only = self.leaf("ip_only", ("127.0.0.1", "::1"))
        self.cn_only = self.leaf("cn_only", ())
        self.client = self.leaf("client", ("monitor.example.test",), client=True)
        self.selfsigned = self._selfsigned()

    def context(self, leaf: Leaf | None = None, *, client_certificate: bool = False) -> ssl.SSLContext:
        """A server's context with ``leaf`` (``good`` if none); with ``client_certificate`` it demands one."""
        leaf = leaf or self.good
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(leaf.crt, leaf.key)
        if client_certificate:
            context.load_verify_locations(self.ca)
            context.verify_mode = ssl.CERT_REQUIRED
        return context

    def client_context(self, leaf: Leaf | None = None) -> ssl.SSLContext:
        """A client's context that trusts the root and, where given, shows ``leaf``."""
        context = ssl.create_default_context(cafile=str(self.ca))
        if leaf:
            context.load_cert_chain(leaf.crt, leaf.key)
        return context

    def leaf(
        self,
        stem: str,
        names: Sequence[str],
        key: Key | None = None,
        *,
        begins: int = -1,
        ends: int = 30,
        chain: bool = True,
        client: bool = False,
    ) -> Leaf:
        """A leaf for ``names``, signed by the intermediate and kept as ``stem``; ``begins`` and ``ends`` are
        days from now, ``chain`` whether the server sends the intermediate."""
        key = key or ec.generate_private_key(ec.SECP256R1())
        common_name = next((name for name in names if not _is_address(name)), "mx1.example.test")
        leaf = self._sign(common_name, key, self._issuer, names, begins=begins, ends=ends, client=client)
        return self._save(stem, key, leaf, *([self._issuer.certificate] if chain else []))

    def _selfsigned(self) -> Leaf:
        key = ec.generate_private_key(ec.SECP256R1())
        return self._save("selfsigned", key, self._sign("mx1.example.test", key, None, MX_NAMES))

    def _save(self, stem: str, key: Key, leaf: x509.Certificate, *chain: x509.Certificate) -> Leaf:
        path = self.directory / f"{stem}.key"
        path.touch(mode=0o600)
        path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return Leaf(self._write(f"{stem}.crt", leaf, *chain), path, leaf)

    def _write(self, name: str, *certificates: x509.Certificate) -> Path:
        path = self.directory / name
        path.write_bytes(b"".join(certificate.public_bytes(Encoding.PEM) for certificate in certificates))
        return path

    def _sign(
        self,
        common_name: str,
        key: Key,
        issuer: _Issuer | None,
        names: Sequence[str] = (),
        *,
        authority: bool = False,
        client: bool = False,
        begins: int = -1,
        ends: int = 30,
    ) -> x509.Certificate:
        """A certificate for ``key`` signed by ``issuer`` (itself if none), valid from ``begins`` to ``ends``
        days from now; those six hours more keep whole days whole while tests run."""
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
        signer = issuer.key if issuer else key
        spare = datetime.timedelta(hours=6)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer.certificate.subject if issuer else subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(self._now + datetime.timedelta(days=begins) + spare)
            .not_valid_after(self._now + datetime.timedelta(days=ends) + spare)
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
        )
        if authority:
            builder = builder.add_extension(_AUTHORITY_USAGE, critical=True)
        else:
            usage = ExtendedKeyUsageOID.CLIENT_AUTH if client else ExtendedKeyUsageOID.SERVER_AUTH
            builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        if names:
            alternatives = x509.SubjectAlternativeName([_alternative(name) for name in names])
            builder = builder.add_extension(alternatives, critical=False)
        return builder.sign(signer, hashes.SHA256())


_AUTHORITY_USAGE = x509.KeyUsage(
    digital_signature=False,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=True,
    encipher_only=False,
    decipher_only=False,
)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _alternative(name: str) -> x509.GeneralName:
    return x509.IPAddress(ipaddress.ip_address(name)) if _is_address(name) else x509.DNSName(name)
