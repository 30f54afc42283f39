"""X.509 certificates: every field as another library reads it, and hostile octets of every kind."""

from __future__ import annotations

import hashlib
import ipaddress
import ssl
import subprocess
import sys
import time
from pathlib import Path

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.certificates_in_der import EC_KEY, END, RSA_OID, SAN, START, attribute, dns, extension, forged, issued, tlv
from smtp_status.tls.certificate import (
    SIZE_LIMIT,
    Certificate,
    matches,
    matches_any,
    names_words,
    read,
)
from smtp_status.tls.der import MOST_ELEMENTS, CertificateFault
from smtp_status.tls.validity import day, days_left, expiry_words

DAY = 86400


def named(*names: str, addresses: tuple[str, ...] = (), common_name: str = "") -> Certificate:
    return read(forged())._replace(dns_names=names, ip_addresses=addresses, common_name=common_name)


class TestRead:
    def test_every_field(self):
        der = issued(
            subject=[
                (NameOID.COUNTRY_NAME, "DE"),
                (NameOID.ORGANIZATION_NAME, "Example, Inc."),
                (NameOID.COMMON_NAME, "mx1.example.org"),
            ],
            issuer=[(NameOID.ORGANIZATION_NAME, "Ä CA"), (NameOID.COMMON_NAME, "Sub 1")],
            names=[
                x509.DNSName("mx1.example.org"),
                x509.RFC822Name("postmaster@example.org"),
                x509.IPAddress(ipaddress.ip_address("192.0.2.1")),
                x509.DNSName("*.example.net"),
                x509.IPAddress(ipaddress.ip_address("2001:db8::1")),
            ],
        )
        assert read(der) == Certificate(
            der=der,
            subject="CN=mx1.example.org,O=Example\\, Inc.,C=DE",
            common_name="mx1.example.org",
            issuer="CN=Sub 1,O=Ä CA",
            issuer_common_name="Sub 1",
            dns_names=("mx1.example.org", "*.example.net"),
            ip_addresses=("192.0.2.1", "2001:db8::1"),
            not_before=START.timestamp(),
            not_after=END.timestamp(),
            serial="a1b2c3",
            public_key=EC_KEY.public_key().public_bytes(
                serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
            ),
            key="EC P-256",
            self_issued=False,
        )

    def test_fingerprint(self):
        der = issued()
        assert read(der).fingerprint() == hashlib.sha256(der).hexdigest()

    def test_self_issued(self):
        assert read(issued()).self_issued is True

    def test_without_extensions_and_version(self):
        der = forged()
        version_1 = der.replace(tlv(0xA0, tlv(2, b"\x02")), b"").replace(tlv(0xA3, tlv(0x30, extension())), b"")
        inner_length = len(der) - len(version_1)
        version_1 = bytes((0x30, der[1] - inner_length, 0x30, der[3] - inner_length)) + version_1[4:]
        assert read(version_1).dns_names == ()

    @pytest.mark.parametrize(
        ("key", "words"),
        [
            (rsa.generate_private_key(65537, 1024), "RSA 1024"),
            (rsa.generate_private_key(65537, 2048), "RSA 2048"),
            (ec.generate_private_key(ec.SECP384R1()), "EC P-384"),
            (ec.generate_private_key(ec.SECP521R1()), "EC P-521"),
            (ed25519.Ed25519PrivateKey.generate(), "Ed25519"),
        ],
        ids=["rsa1024", "rsa2048", "p384", "p521", "ed25519"],
    )
    def test_key(self, key, words):
        certificate = read(issued(key=key))
        assert certificate.key == words
        assert certificate.public_key == key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    @pytest.mark.parametrize(
        ("public_key", "words"),
        [
            (tlv(0x30, tlv(0x30, tlv(6, b"\x2a\x03\x84\x07")), tlv(3, b"\0")), "1.2.3.519"),
            (tlv(0x30, tlv(0x30, tlv(6, b"\x88\x37\x01")), tlv(3, b"\0")), "2.999.1"),
            (tlv(0x30, tlv(0x30, RSA_OID), tlv(3, b"")), "RSA"),
            (tlv(0x30, tlv(0x30, RSA_OID), tlv(3, b"\0", tlv(0x30, tlv(2, b"\0"), tlv(2, b"")))), "RSA"),
        ],
        ids=["unknown", "joint arc", "no key", "modulus 0"],
    )
    def test_odd_key(self, public_key, words):
        assert read(forged(public_key=public_key)).key == words

    def test_trustme(self):
        ca = trustme.CA()
        leaf = ca.issue_cert("mx1.example.org", "::1")
        der = ssl.PEM_cert_to_DER_cert(leaf.cert_chain_pems[0].bytes().decode())
        certificate = read(der)
        assert (certificate.dns_names, certificate.ip_addresses) == (("mx1.example.org",), ("::1",))
        assert certificate.self_issued is False
        expected = x509.load_der_x509_certificate(der)
        assert certificate.not_after == expected.not_valid_after_utc.timestamp()
        assert int(certificate.serial, 16) == expected.serial_number

    def test_serial_keeps_its_digits(self):
        assert read(issued(serial=0x80FF)).serial == "80ff"
        assert read(forged(serial=b"\0")).serial == "00"

    # One authority of old has the serial number 0, of which the other library warns.
    @pytest.mark.filterwarnings("ignore:Parsed a serial number")
    def test_the_systems_authorities_are_read_as_an_independent_library_reads_them(self):
        pem = Path("/etc/ssl/certs/ca-certificates.crt")
        if not pem.exists():
            pytest.skip("apt-get install ca-certificates")
        for expected in x509.load_pem_x509_certificates(pem.read_bytes()):
            certificate = read(expected.public_bytes(serialization.Encoding.DER))
            assert certificate.not_before == expected.not_valid_before_utc.timestamp()
            assert certificate.not_after == expected.not_valid_after_utc.timestamp()
            assert certificate.self_issued is (expected.subject == expected.issuer)
            common_names = expected.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
            assert certificate.common_name == (common_names[-1].value if common_names else "")


class TestNames:
    @pytest.mark.parametrize(
        ("value", "text"),
        [
            (tlv(0x0C, "Zoë".encode()), "Zoë"),
            (tlv(0x0C, b"a\xff"), "a\\xff"),
            (tlv(0x13, b"a\xe9"), "a\\xe9"),
            (tlv(0x14, b"\xe9"), "é"),
            (tlv(0x1E, "Zoë𝄞".encode("utf-16-be")), "Zoë𝄞"),
            (tlv(0x1E, b"\xd8\x00\x00a"), "\\xd8\\x00a"),
            (tlv(0x1E, b"\x00a\x00"), "a\\x00"),
            (tlv(0x1C, "é".encode("utf-32-be")), "é"),
            (tlv(0x1C, b"\xff\xff\xff\xff"), "\\xff\\xff\\xff\\xff"),
            (tlv(0x0C, b"a\0|\x1b[31m\n"), "a\0|\x1b[31m\n"),
        ],
        ids=["utf8", "bad utf8", "printable", "t61", "bmp", "lone", "odd bmp", "universal", "wild", "raw"],
    )
    def test_common_name_of_every_string_type(self, value, text):
        assert read(forged(subject=attribute(value))).common_name == text

    @pytest.mark.parametrize(
        ("subject", "text"),
        [
            (b"", ""),
            (attribute(tlv(0x0C, b"a,O=b")), "CN=a\\,O=b"),
            (attribute(tlv(0x0C, b'\\"+;<>')), 'CN=\\\\\\"\\+\\;\\<\\>'),
            (attribute(tlv(0x0C, b"#a ")), "CN=\\#a\\ "),
            (attribute(tlv(0x0C, b" ")), "CN=\\ "),
            (attribute(tlv(0x0C, b"  ")), "CN=\\ \\ "),
            (attribute(tlv(0x0C, b"a\0b")), "CN=a\\00b"),
            (attribute(tlv(0x02, b"\x05")), "CN=#020105"),
            (attribute(tlv(0x0C, b"x"), oid="2a0304"), "1.2.3.4=x"),
            (attribute(tlv(0x0C, b"x"), oid="2a864886f70d010901"), "emailAddress=x"),
            (tlv(0x31), ""),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    def test_subject_is_escaped(self, subject, text):
        assert read(forged(subject=subject)).subject == text

    def test_several_values_in_one_part_and_the_last_common_name(self):
        kinds = [tlv(0x30, tlv(6, bytes.fromhex(oid)), tlv(0x0C, b"x")) for oid in ("550403", "55040b")]
        certificate = read(forged(subject=tlv(0x31, *kinds) + attribute(tlv(0x0C, b"y"))))
        assert certificate.subject == "CN=y,CN=x+OU=x"
        assert certificate.common_name == "y"

    @pytest.mark.parametrize(
        ("octets", "name"),
        [
            (b"mx1.example.org\0.evil.test", "mx1.example.org\\x00.evil.test"),
            ("bücher.example".encode(), "b\\xc3\\xbccher.example"),
            (b"\xe2\x84\xaa.example", "\\xe2\\x84\\xaa.example"),
            (b"a\\x00", "a\\x5cx00"),
            (b"a b\x1b", "a\\x20b\\x1b"),
            (b"", ""),
        ],
    )
    def test_hostile_name_is_kept_escaped_and_matches_nothing(self, octets, name):
        certificate = read(forged(dns(octets)))
        assert certificate.dns_names == (name,)
        for reference in (name, octets.decode("utf-8"), octets.decode("latin-1"), "mx1.example.org"):
            assert not matches(certificate, reference)

    def test_addresses_of_a_wrong_length_are_left_out(self):
        certificate = read(forged(tlv(0x87, b"\x7f\0\0"), tlv(0x87, bytes(8)), tlv(0x87, b"\x7f\0\0\x01")))
        assert certificate.ip_addresses == ("127.0.0.1",)

    def test_a_thousand_names(self):
        names = [f"mx{number}.example.org" for number in range(1000)]
        certificate = read(issued(names=[x509.DNSName(name) for name in names]))
        assert certificate.dns_names == tuple(names)
        assert matches(certificate, "mx999.example.org")
        assert not matches(certificate, "mx1000.example.org")


class TestTimes:
    @pytest.mark.parametrize(
        ("element", "seconds"),
        [
            (tlv(0x17, b"700101000000Z"), 0.0),
            (tlv(0x17, b"491231235959Z"), 2524607999.0),
            (tlv(0x17, b"500101000000Z"), -631152000.0),
            (tlv(0x18, b"20500101000000Z"), 2524608000.0),
            (tlv(0x18, b"20240229120000Z"), 1709208000.0),
            (tlv(0x18, b"99991231235959Z"), 253402300799.0),
            (tlv(0x18, b"00010101000000Z"), -62135596800.0),
            (tlv(0x18, b"00000101000000Z"), -62135596800.0),
            (tlv(0x17, b"7001010000Z"), 0.0),
            (tlv(0x17, b"700101000000+0000"), 0.0),
            (tlv(0x17, b"700101013000+0130"), 0.0),
            (tlv(0x17, b"691231230000-0100"), 0.0),
            (tlv(0x17, b"7001010000-1200"), 43200.0),
            (tlv(0x18, b"197001010000Z"), 0.0),
            (tlv(0x18, b"19700101000000.5Z"), 0.0),
            (tlv(0x18, b"19700101000000.123+0000"), 0.0),
            (tlv(0x18, b"99991231235959-0100"), 253402300799.0),
            (tlv(0x18, b"00010101000000+0100"), -62135596800.0),
        ],
    )
    def test_seconds_since_the_epoch(self, element, seconds):
        assert read(forged(not_after=element)).not_after == seconds
        assert read(forged(not_before=element)).not_before == seconds

    @pytest.mark.parametrize(
        ("element", "reason"),
        [
            (tlv(0x17, b"26010100Z"), "date not as RFC 5280 has it"),
            (tlv(0x17, b"260101000000"), "date not as RFC 5280 has it"),
            (tlv(0x17, b"260101000000+1300"), "date not as RFC 5280 has it"),
            (tlv(0x17, b"260101000000+0060"), "date not as RFC 5280 has it"),
            (tlv(0x17, b"260101000000+000"), "date not as RFC 5280 has it"),
            (tlv(0x17, b"260101000000.5Z"), "date not as RFC 5280 has it"),
            (tlv(0x17, b"20260101000000Z"), "date not as RFC 5280 has it"),
            (tlv(0x18, b"2601010000Z"), "date not as RFC 5280 has it"),
            (tlv(0x18, b"20260101000000.Z"), "date not as RFC 5280 has it"),
            (tlv(0x18, b"20260101000000.xZ"), "date not as RFC 5280 has it"),
            (tlv(0x18, b"hello, world!!Z"), "date not as RFC 5280 has it"),
            (tlv(0x17, b"-60101000000Z"), "date not as RFC 5280 has it"),
            (tlv(0x17, b""), "date not as RFC 5280 has it"),
            (tlv(0x0C, b"260101000000Z"), "date not as RFC 5280 has it"),
            (tlv(0x17, b"261301000000Z"), "no such date"),
            (tlv(0x17, b"260229000000Z"), "no such date"),
            (tlv(0x17, b"260100000000Z"), "no such date"),
            (tlv(0x17, b"260101240000Z"), "no such time of day"),
            (tlv(0x17, b"260101006000Z"), "no such time of day"),
            (tlv(0x17, b"260101000060Z"), "no such time of day"),
        ],
    )
    def test_what_is_no_time(self, element, reason):
        with pytest.raises(CertificateFault) as caught:
            read(forged(not_after=element))
        assert str(caught.value) == reason


class TestMatches:
    @pytest.mark.parametrize(
        ("presented", "reference"),
        [
            ("mx1.example.org", "mx1.example.org"),
            ("MX1.Example.ORG", "mx1.eXample.org"),
            ("mx1.example.org", "mx1.example.org."),
            ("localhost", "localhost"),
            ("*.example.org", "mx1.example.org"),
            ("*.EXAMPLE.org", "MX1.example.ORG."),
            ("*.example.org", "xn--bcher-kva.example.org"),
            ("xn--bcher-kva.example", "xn--bcher-kva.example"),
            ("_mx.example.org", "_mx.example.org"),
        ],
    )
    def test_is_for(self, presented, reference):
        assert matches(named("other.test", presented), reference)

    @pytest.mark.parametrize(
        ("presented", "reference"),
        [
            ("mx1.example.org", "mx2.example.org"),
            ("mx1.example.org", "example.org"),
            ("example.org", "mx1.example.org"),
            ("mx1.example.org.", "mx1.example.org"),
            ("mx1.example.org", "mx1.example.org.."),
            ("*.example.org", "example.org"),
            ("*.example.org", ".example.org"),
            ("*.example.org", "a.b.example.org"),
            ("*.example.org", "*.example.org"),
            ("*.example.org", "_mx.example.org"),
            ("*.org", "example.org"),
            ("*.", "example."),
            ("*", "localhost"),
            ("*", "*"),
            ("mx*.example.org", "mx1.example.org"),
            ("*1.example.org", "mx1.example.org"),
            ("xn--*.example.org", "xn--bcher-kva.example.org"),
            ("mx.*.org", "mx.example.org"),
            ("*.*.example.org", "a.b.example.org"),
            ("", ""),
            ("", "."),
            ("k.example", "\u212a.example"),
            ("127.0.0.1", "127.0.0.1"),
            ("127.0.0.1", "127.0.0.1."),
            ("*.0.0.1", "127.0.0.1"),
            ("::1", "::1"),
            ("mx1.example.org", "mx1.example.org\0"),
        ],
    )
    def test_is_not_for(self, presented, reference):
        assert not matches(named(presented, common_name=reference), reference)

    @pytest.mark.parametrize(
        ("reference", "expected"),
        [
            ("192.0.2.1", True),
            ("192.0.2.2", False),
            ("2001:DB8:0:0::1", True),
            ("2001:db8::2", False),
            ("::ffff:192.0.2.1", False),
            ("mx1.example.org", False),
        ],
    )
    def test_addresses(self, reference, expected):
        assert matches(named(addresses=("192.0.2.1", "2001:db8::1")), reference) is expected

    def test_any(self):
        certificate = named("mx1.example.org")
        assert matches_any(certificate, ["example.org", "mx1.example.org"])
        assert not matches_any(certificate, ["example.org"])
        assert not matches_any(certificate, [])


class TestNamesWords:
    @pytest.mark.parametrize(
        ("certificate", "words"),
        [
            (named("a.example"), "a.example"),
            (named("a.example", "b.example"), "a.example, b.example"),
            (named("a.example", "b.example", "c.example"), "a.example, b.example and 1 more"),
            (named("a.example", addresses=("::1", "127.0.0.1")), "a.example, ::1 and 1 more"),
            (named(common_name="mx1.example.org"), "no names but CN=mx1.example.org"),
            (named(), "no names"),
        ],
    )
    def test_two_at_most(self, certificate, words):
        assert names_words(certificate, 2) == words


class TestHostileBytes:
    @pytest.mark.parametrize(
        ("der", "reason"),
        [
            (b"", "cut off"),
            (b"\x30", "cut off"),
            (b"\x30\x80\0\0", "missing fields"),
            (b"\x30\x80", "cut off"),
            (b"\x30\x80\x30\x80\0\0", "cut off"),
            (b"\x30\x80" * 20_000, "more than 10000 elements in one"),
            (b"\x04\x80\0\0", "bad length"),
            (b"\x30\x85\0\0\0\0", "bad length"),
            (b"\x30\x85\0\0\0\0\0", "missing fields"),
            (b"\x30\x84\xff\xff\xff\xff", "cut off"),
            (b"\x30\x82\x01", "bad length"),
            (b"\x3f\x81", "cut off"),
            (b"\x3f\x81\0\0", "tag 0x3f where 0x30 belongs"),
            (b"\x31\0", "tag 0x31 where 0x30 belongs"),
            (b"\x30\0", "missing fields"),
            (b"\x30\0\0", "surplus octets at the end"),
            (tlv(0x30, b"\x30\0" * 4), "too many fields"),
            (bytes(SIZE_LIMIT + 1), "larger than 131072 octets"),
            (forged(extensions=b"\x30\x05" + tlv(6, SAN)[:4]), "cut off"),
            (forged(subject=attribute(b"\x0c\0", oid="2a81")), "bad object identifier"),
            (forged(subject=attribute(b"\x0c\0", oid="")), "bad object identifier"),
            (forged()[:-1], "cut off"),
            (forged() + b"\0", "surplus octets at the end"),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    def test_reasons(self, der, reason):
        with pytest.raises(CertificateFault) as caught:
            read(der)
        assert str(caught.value) == reason

    def test_an_identifier_of_any_length_is_shown_by_its_beginning(self):
        subject = attribute(tlv(0x0C, b"x"), oid="2a" + "83" * 70 + "01")
        assert read(forged(subject=subject)).subject == "#2a" + "83" * 63 + "=x"

    def test_nesting_costs_no_stack(self):
        nested = b""
        for _ in range(5000):
            nested = tlv(0x30, nested)
        with pytest.raises(CertificateFault):
            read(nested)

    @pytest.mark.parametrize(
        "der",
        [
            forged(*[dns(b"")] * 60_000),
            forged(*[dns(b"\0" * 120_000)]),
            forged(subject=b"\x31\0" * 60_000),
            forged(subject=tlv(0x31, *[tlv(0x30, tlv(6, b"\x81" * 63 + b"\x01"), tlv(0x0C))] * 1800)),
            forged(subject=attribute(tlv(0x0C, b"," * 120_000))),
            forged(extensions=tlv(0x30, tlv(6, b"\x2a"), tlv(4)) * 15_000),
            forged(serial=b"\xff" * 120_000),
            forged(extensions=b"\x30\x80" * 60_000),
            forged(extensions=b"\x30\x80" * 15 + b"\x05\0" * 60_000 + b"\0\0" * 15),
        ],
        ids=["names", "nul", "parts", "identifiers", "commas", "extensions", "serial", "nested", "scanned"],
    )
    def test_largest_inputs_are_cheap(self, der):
        assert 100_000 < len(der) <= SIZE_LIMIT
        begin = time.process_time()
        try:
            matches(read(der), "mx1.example.org")
        except CertificateFault as fault:
            assert str(fault) == f"more than {MOST_ELEMENTS} elements in one"
        assert time.process_time() - begin < 0.5

    @settings(deadline=None)
    @given(st.binary(max_size=400))
    def test_any_bytes(self, der):
        self.try_all(der)

    @settings(max_examples=500, deadline=None)
    @given(st.lists(st.tuples(st.integers(0, 999), st.integers(0, 3), st.binary(max_size=3)), min_size=1, max_size=4))
    def test_any_mutation(self, changes):
        names = [dns(b"mx1.example.org"), dns(b"*.example.net"), tlv(0x87, bytes(16))]
        der = bytearray(forged(*names, subject=attribute(tlv(0x0C, b"mx1"))))
        for at, length, octets in changes:
            at %= len(der)  # noqa: PLW2901
            der[at : at + length] = octets
            if not der:
                break
        self.try_all(bytes(der))

    @staticmethod
    def try_all(der: bytes) -> None:
        try:
            certificate = read(der)
        except CertificateFault as fault:
            assert 0 < len(str(fault)) < 60
            return
        for now in (0.0, 1e12, -1e12, time.time()):
            assert isinstance(days_left(certificate, now), int)
            assert expiry_words(certificate, now)
        day(certificate.not_before)
        matches(certificate, "mx1.example.org")
        assert names_words(certificate, 3)
        assert certificate.key


def test_importing_costs_no_heavy_module():
    heavy = ["ssl", "socket", "datetime", "hashlib", "ipaddress", "typing", "dataclasses"]
    code = (
        "import sys; before = set(sys.modules); import smtp_status.tls.certificate; "
        f"print([name for name in {heavy!r} if name in sys.modules and name not in before])"
    )
    root = Path(__file__).resolve().parents[3] / "plugin"
    done = subprocess.run(
        [sys.executable, "-S", "-c", code],
        env={"PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )
    assert (done.stdout, done.stderr) == ("[]\n", "")
