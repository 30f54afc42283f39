"""DER, and the BER that OpenSSL takes for it: lengths, tags, ends, and what is cut off or goes on for ever."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.certificates_in_der import tlv
from smtp_status.tls import der
from smtp_status.tls.der import CertificateFault, Element


def fault(call, *arguments) -> str:
    with pytest.raises(CertificateFault) as caught:
        call(*arguments)
    return str(caught.value)


@given(st.sampled_from([0x02, 0x0C, 0x30, 0xA3]), st.binary(max_size=300))
def test_what_was_written_is_read(tag, contents):
    element = der.only(tlv(tag, contents))
    assert (element.tag, element.contents, element.whole) == (tag, contents, tlv(tag, contents))


@pytest.mark.parametrize(
    ("octets", "contents"),
    [
        (b"\x04\x02ab", b"ab"),
        (b"\x04\x81\x02ab", b"ab"),
        (b"\x04\x84\0\0\0\x02ab", b"ab"),
        (b"\x24\x80\x04\x02ab\0\0", b"\x04\x02ab"),
        (b"\x24\x80\x24\x80\x04\x01a\0\0\0\0", b"\x24\x80\x04\x01a\0\0"),
        (b"\x3f\x81\x01\x02ab", b"ab"),
    ],
    ids=["short", "one octet", "four octets", "no length", "no length, twice", "long tag"],
)
def test_every_form_of_a_length(octets, contents):
    assert der.only(octets).contents == contents


@pytest.mark.parametrize(
    ("octets", "reason"),
    [
        (b"", "cut off"),
        (b"\x30", "cut off"),
        (b"\x30\x01", "cut off"),
        (b"\x30\x82\x01", "bad length"),
        (b"\x04\x80ab\0\0", "bad length"),
        (b"\x24\x80\x04\x01a", "cut off"),
        (b"\x3f\x81", "cut off"),
        (b"\x30\0\0", "surplus octets at the end"),
    ],
)
def test_what_is_no_element(octets, reason):
    assert fault(der.only, octets) == reason


def test_children_stand_one_behind_the_other_and_within():
    whole = der.only(tlv(0x30, tlv(2, b"\1"), tlv(4, b"x" * 200), tlv(5)))
    assert [(child.tag, len(child.contents)) for child in whole.children()] == [(2, 1), (4, 200), (5, 0)]
    overhanging = der.only(b"\x30\x03\x02\x05x")
    assert fault(list, overhanging.children()) == "cut off"


def test_there_is_an_end_to_looking():
    most = der.MOST_ELEMENTS
    reason = f"more than {most} elements in one"
    assert len(list(der.only(tlv(0x30, b"\5\0" * (most - 1))).children())) == most - 1
    assert fault(list, der.only(tlv(0x30, b"\5\0" * (most + 1))).children()) == reason
    assert fault(der.only, b"\x30\x80" * (most + 1)) == reason


def test_sequence():
    members = tlv(2, b"\1"), tlv(2, b"\2")
    assert [one.contents for one in der.sequence(der.only(tlv(0x30, *members)), 2, 2)] == [b"\1", b"\2"]
    assert fault(der.sequence, der.only(tlv(0x30, *members)), 3, 5) == "missing fields"
    assert fault(der.sequence, der.only(tlv(0x30, *members)), 0, 1) == "too many fields"
    assert fault(der.sequence, der.only(tlv(0x31)), 0, 1) == "tag 0x31 where 0x30 belongs"


def test_expect_hands_on_what_is_as_expected():
    element = Element(b"\5\0", 5, 0, 2, 2, 2)
    assert der.expect(element, 5) is element


@pytest.mark.parametrize(
    ("octets", "text"),
    [
        ("551d11", "2.5.29.17"),
        ("2a864886f70d010101", "1.2.840.113549.1.1.1"),
        ("00", "0.0"),
        ("27", "0.39"),
        ("28", "1.0"),
        ("50", "2.0"),
        ("8837", "2.999"),
        ("55" * 65, "#" + "55" * 64),
    ],
)
def test_dotted(octets, text):
    assert der.dotted(bytes.fromhex(octets)) == text


@pytest.mark.parametrize("octets", ["", "2a81", "81" * 65])
def test_what_is_no_object_identifier(octets):
    assert fault(der.dotted, bytes.fromhex(octets)) == "bad object identifier"


@given(st.binary(max_size=60))
def test_any_octets_end_in_an_element_or_a_fault(octets):
    try:
        element = der.only(octets)
        children = list(element.children())
    except CertificateFault:
        return
    assert element.whole == octets
    assert b"".join(child.whole for child in children) == element.contents
