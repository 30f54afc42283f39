"""TLSA records against the certificates of a server."""

from __future__ import annotations

import hashlib
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from smtp_status.tls import tlsa
from smtp_status.tls.chain import verify_anchored
from smtp_status.tls.tlsa import TlsaRecord

NAMES = ("mx1.example.test", "example.test")
OTHER = bytes(32)


def ders(path):
    """The certificates of a file in DER."""
    return tuple(one.public_bytes(Encoding.DER) for one in x509.load_pem_x509_certificates(path.read_bytes()))


def record(usage, selector, matching, der):
    """The record that a tool would publish for the certificate, made by another library."""
    certificate = x509.load_der_x509_certificate(der)
    data = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) if selector else der
    digests = {
        0: lambda octets: octets,
        1: lambda o: hashlib.sha256(o).digest(),
        2: lambda o: hashlib.sha512(o).digest(),
    }
    return TlsaRecord(usage, selector, matching, digests[matching](data))


def match(records, chain, names=NAMES):
    return tlsa.match(tuple(records), chain, names, verify_anchored)


ALL = [(selector, matching) for selector in (0, 1) for matching in (0, 1, 2)]


class TestUsage3:
    @pytest.mark.parametrize(("selector", "matching"), ALL)
    def test_matches(self, certs, selector, matching):
        chain = ders(certs.good.crt)
        wanted = record(3, selector, matching, chain[0])
        found = match([wanted], chain)
        assert (found.record, found.failure) == (wanted, None)
        assert found.words == f"TLSA 3 {selector} {matching} matched"

    @pytest.mark.parametrize(("selector", "matching"), ALL)
    def test_is_for_the_leaf_only(self, certs, selector, matching):
        chain = ders(certs.good.crt)
        found = match([record(3, selector, matching, chain[1])], chain)
        assert found.record is None
        assert (found.failure.kind, found.words) == (
            "verify",
            f"TLSA 3 {selector} {matching} does not match the certificate",
        )

    @pytest.mark.parametrize("leaf", ["expired", "not_yet", "wrong_name", "selfsigned", "leaf_only"])
    def test_names_dates_and_issuers_do_not_count(self, certs, leaf):
        chain = ders(getattr(certs, leaf).crt)
        assert match([record(3, 1, 1, chain[0])], chain).failure is None

    def test_roll_over(self, certs):
        chain = ders(certs.good.crt)
        old = record(3, 1, 1, ders(certs.rsa.crt)[0])
        found = match([old, record(3, 1, 1, chain[0])], chain)
        assert found.words == "TLSA 3 1 1 matched (roll-over: 1 of 2 records)"

    def test_two_ways_to_say_the_same_are_no_roll_over(self, certs):
        chain = ders(certs.good.crt)
        found = match([record(3, 0, 1, chain[0]), record(3, 1, 1, chain[0])], chain)
        assert found.words == "TLSA 3 0 1 matched"

    def test_none_of_several(self, certs):
        chain = ders(certs.good.crt)
        records = [TlsaRecord(3, 1, 1, OTHER), TlsaRecord(3, 1, 1, bytes([1]) * 32), TlsaRecord(2, 0, 1, OTHER)]
        assert match(records, chain).words == "none of 3 TLSA records (3 1 1, 2 0 1) matches the certificate"

    def test_no_certificate(self):
        found = match([TlsaRecord(3, 1, 1, OTHER)], ())
        assert (found.failure.kind, found.words) == ("verify", "the server sent no certificate that can be read")


class TestUsage2:
    @pytest.mark.parametrize(("selector", "matching"), ALL)
    def test_matches_an_issuer_sent(self, certs, selector, matching):
        chain = ders(certs.good.crt)
        wanted = record(2, selector, matching, chain[1])
        found = match([wanted], chain)
        assert (found.record, found.failure) == (wanted, None)
        assert found.words == f"TLSA 2 {selector} {matching} matched"

    def test_the_whole_certificate_need_not_be_sent(self, certs):
        assert match([record(2, 0, 0, ders(certs.ca)[0])], ders(certs.good.crt)).failure is None
        assert match([record(2, 0, 0, ders(certs.chain)[0])], ders(certs.leaf_only.crt)).failure is None

    def test_the_whole_key_need_not_be_sent(self, certs):
        by_root, by_intermediate = record(2, 1, 0, ders(certs.ca)[0]), record(2, 1, 0, ders(certs.chain)[0])
        found = match([by_root], ders(certs.good.crt))
        assert (found.words, found.failure) == ("TLSA 2 1 0 matched", None)
        assert match([by_intermediate], ders(certs.leaf_only.crt)).words == "TLSA 2 1 0 matched"

    @pytest.mark.parametrize("signer", ["ca", "rsa", "selfsigned"])
    def test_a_key_that_did_not_sign(self, certs, signer):
        chain = ders(certs.leaf_only.crt)
        authority = certs.ca if signer == "ca" else getattr(certs, signer).crt
        found = match([record(2, 1, 0, ders(authority)[0])], chain)
        assert (found.failure.kind, found.words) == ("verify", "TLSA 2 1 0 does not match the certificate")

    def test_the_names_count_with_a_key_too(self, certs):
        found = match([record(2, 1, 0, ders(certs.chain)[0])], ders(certs.wrong_name.crt)[:1])
        cause = "TLSA 2 1 0 matches, but certificate is for other.example.test, not for mx1.example.test"
        assert (found.failure.kind, found.words) == ("name", cause)

    def test_one_of_several_anchors_is_enough(self, certs):
        chain = ders(certs.good.crt)
        others = [record(2, 0, 0, ders(getattr(certs, one).crt)[0]) for one in ("selfsigned", "client", "expired")]
        assert match([*others, record(2, 0, 0, ders(certs.ca)[0])], chain).words == "TLSA 2 0 0 matched"

    @pytest.mark.parametrize("usage", [2, 3])
    def test_thousands_of_records_and_hundreds_of_certificates_are_cheap(self, certs, usage):
        chain = ders(certs.good.crt) + ders(certs.rsa.crt)[:1] * 380
        records = [TlsaRecord(usage, 1, 1, number.to_bytes(32, "big")) for number in range(1300)]
        records += [record(usage, 0, 1, one) for one in chain[2:]]
        records += [record(2, 1, 0, ders(certs.rsa.crt)[0])]
        begin = time.process_time()
        assert match(records, chain).failure.kind == "verify"
        assert time.process_time() - begin < 0.5

    def test_a_digest_of_what_is_not_sent(self, certs):
        found = match([record(2, 0, 1, ders(certs.ca)[0])], ders(certs.good.crt))
        assert found.words == "TLSA 2 0 1 does not match the certificate"

    @pytest.mark.parametrize(("selector", "matching"), ALL)
    def test_is_never_for_the_leaf(self, certs, selector, matching):
        chain = ders(certs.selfsigned.crt)
        assert match([record(2, selector, matching, chain[0])], (chain[0], chain[0])).record is None

    @pytest.mark.parametrize(
        ("leaf", "kind", "cause"),
        [
            ("expired", "expired", "certificate expired 42 hours ago"),
            ("wrong_name", "name", "certificate is for other.example.test, not for mx1.example.test"),
        ],
    )
    def test_names_and_dates_count(self, certs, leaf, kind, cause):
        chain = ders(getattr(certs, leaf).crt)
        found = match([record(2, 0, 1, chain[1])], chain)
        assert (found.failure.kind, found.words) == (kind, f"TLSA 2 0 1 matches, but {cause}")

    def test_any_reference_name_will_do(self, certs):
        chain = ders(certs.wrong_name.crt)
        assert match([record(2, 0, 1, chain[1])], chain, ("mx1.example.test", "other.example.test")).failure is None

    def test_an_anchor_that_did_not_sign(self, certs):
        chain = (ders(certs.good.crt)[0], ders(certs.selfsigned.crt)[0])
        found = match([record(2, 0, 1, chain[1])], chain)
        assert found.failure.kind == "verify"
        assert found.words.startswith("TLSA 2 0 1 matches, but the server does not send the certificate of ")

    def test_the_leaf_may_match_where_the_issuer_does_not(self, certs):
        chain = ders(certs.wrong_name.crt)
        found = match([record(2, 0, 1, chain[1]), record(3, 1, 1, chain[0])], chain)
        assert found.words == "TLSA 3 1 1 matched"


class TestAgility:
    def test_only_the_strongest_digest_counts(self, certs):
        chain = ders(certs.good.crt)
        weak, strong = record(3, 1, 1, chain[0]), TlsaRecord(3, 1, 2, bytes(64))
        assert match([weak, strong], chain).words == "TLSA 3 1 2 does not match the certificate"

    def test_within_usage_and_selector(self):
        kept = [
            TlsaRecord(3, 1, 2, bytes(64)),
            TlsaRecord(3, 0, 1, OTHER),
            TlsaRecord(2, 1, 1, OTHER),
            TlsaRecord(3, 1, 0, b"\x30"),
        ]
        assert tlsa.strongest([TlsaRecord(3, 1, 1, OTHER), *kept]) == tuple(kept)


class TestUsable:
    @pytest.mark.parametrize(
        ("octets", "fault"),
        [
            (b"", "malformed"),
            (b"\3\1\1", "malformed"),
            (bytes((0, 0, 1)) + OTHER, "0 0 1: usage 0 is not for SMTP"),
            (bytes((1, 1, 1)) + OTHER, "1 1 1: usage 1 is not for SMTP"),
            (bytes((255, 1, 1)) + OTHER, "255 1 1: usage 255 is not for SMTP"),
            (bytes((3, 2, 1)) + OTHER, "3 2 1: unknown selector"),
            (bytes((3, 1, 3)) + OTHER, "3 1 3: unknown matching type"),
            (bytes((3, 1, 1)) + OTHER[1:], "3 1 1: 31 octets, not 32"),
            (bytes((2, 0, 2)) + OTHER, "2 0 2: 32 octets, not 64"),
            (bytes((3, 0, 0)) + OTHER, "3 0 0: malformed data"),
            (bytes((3, 1, 0)) + OTHER, "3 1 0: malformed data"),
            (bytes((3, 1, 1)) + OTHER, ""),
            (bytes((2, 0, 2)) + OTHER * 2, ""),
        ],
    )
    def test_faults(self, octets, fault):
        assert tlsa.fault(tlsa.read(octets)) == fault

    def test_full_data(self, certs):
        chain = ders(certs.good.crt)
        for selector in (0, 1):
            assert tlsa.fault(record(3, selector, 0, chain[0])) == ""

    def test_good_ones_beside_bad_ones(self):
        good = bytes((3, 1, 1)) + OTHER
        records, faults = tlsa.usable([b"", b"\3", good, bytes((0, 0, 1)) + OTHER])
        assert records == (TlsaRecord(3, 1, 1, OTHER),)
        assert faults == ("malformed", "0 0 1: usage 0 is not for SMTP")

    @given(st.lists(st.binary(max_size=80)))
    def test_any_octets(self, octets):
        records, faults = tlsa.usable(octets)
        assert len(records) + len(faults) <= len(octets)
        assert all(found.words[0] in "23" for found in records)
