"""The forms of a text that a reader could undo: each is undone, and what is none stays as it is."""

from __future__ import annotations

import base64
import binascii
import quopri
import urllib.parse

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtp_status.secrets import decodings

TEXT = b"correct horse: 7\xc3\xa4"


@pytest.mark.parametrize(
    ("escaped", "plain"),
    [
        (b"%63orrect", b"correct"),
        (b"=63orrect", b"correct"),
        (rb"\x63orrect", b"correct"),
        (rb"\143orrect", b"correct"),
        (rb"\u0063orrect", b"correct"),
        (rb"\u00e4bcd %u00e4bcd", "äbcd äbcd".encode()),
        (rb"\u{e4}bcd \U000000e4bcd", "äbcd äbcd".encode()),
        (rb"\ud83d\ude00", "\U0001f600".encode()),
        (rb"\ud83d!", b"\xed\xa0\xbd!"),
        (b"&#99;orrect", b"correct"),
        (b"&#x63;orrect", b"correct"),
        (b"corr&eacute;ct", "corréct".encode()),
        (b"cor=\r\nrect", b"correct"),
        ("‹63›orrect".encode(), "‹63›orrect".encode()),
        (b"correct 100%", b"correct 100%"),
        (b"a & b; c", b"a & b; c"),
        (b"", b""),
    ],
)
def test_unescaped(escaped, plain):
    assert decodings.unescaped(escaped) == plain


def test_escapes_within_escapes():
    once = urllib.parse.quote(TEXT).encode()
    twice = urllib.parse.quote(once).encode()
    assert TEXT in decodings.readings(once)
    assert TEXT in decodings.readings(twice)


def test_utf7_is_read():
    assert "bätter".encode() in decodings.readings("bätter".encode("utf-7"))


WHOLE = {
    "hexadecimal": TEXT.hex().encode(),
    "hexadecimal with separators": TEXT.hex(":").encode(),
    "base64": base64.b64encode(TEXT),
    "base64 for URLs": base64.urlsafe_b64encode(TEXT),
    "base32": base64.b32encode(TEXT),
    "base64 twice": base64.b64encode(base64.b64encode(TEXT)),
    "base64 of hexadecimal": base64.b64encode(TEXT.hex().encode()),
    "base64 backwards": base64.b64encode(TEXT)[::-1],
    "hexadecimal backwards": TEXT.hex().encode()[::-1],
    "uuencode": binascii.b2a_uu(TEXT)[1:],
    "quoted-printable of base64": quopri.encodestring(base64.b64encode(TEXT)),
    "decimal": b" ".join(b"%d" % octet for octet in TEXT),
    "decimal, three digits": b"".join(b"%03d" % octet for octet in TEXT),
    "octal": b" ".join(b"%o" % octet for octet in TEXT),
    "octal, three digits": b"".join(b"%03o" % octet for octet in TEXT),
    "bits": "".join(f"{octet:08b}" for octet in TEXT).encode(),
}


@pytest.mark.parametrize("form", WHOLE)
@pytest.mark.parametrize("around", [(b"", b""), (b"[", b"]")])
def test_what_a_text_as_a_whole_stands_for(form, around):
    assert any(TEXT in found for found in decodings.of(around[0] + WHOLE[form] + around[1]))


def test_an_ordinary_text_stands_for_nothing_else():
    said = b"5.7.8 Error: authentication failed: UGFzc3dvcmQ6"
    assert not any(TEXT[:7] in found for found in decodings.of(said))


@pytest.mark.parametrize(
    ("text", "spelled"),
    [("s-e-c-r-e-t", "secret"), ("xsxxexxcxxrxxexxt", "secret"), ("some eagles carry red eggs twice", "secret")],
)
def test_a_word_that_others_stand_between(text, spelled):
    assert spelled in set(decodings.spelled(text))


@given(st.binary(max_size=80))
def test_any_octets_can_be_read(octets):
    for found in (*decodings.readings(octets), *decodings.of(octets)):
        assert isinstance(found, bytes)
