"""Foreign text: what is shown of it, where it is cut."""

from __future__ import annotations

import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtp_status.text import RAW_LIMIT, clean, cut, middle, restored, sentence

ANY_TEXT = st.text(st.characters(exclude_categories=())) | st.text("\\nx1b<>|& @aé\u202e…‹U+7›")
ANY = st.binary() | ANY_TEXT


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (b"", ""),
        (b"2.0.0 Ok: queued as 4Vx1", "2.0.0 Ok: queued as 4Vx1"),
        ("grüß Gott 東京".encode(), "grüß Gott 東京"),
        (b"a\x1b[31mred\x07\x00\x7f", "a␛[31mred␇␀␡"),
        (b"one\r\ntwo", "one␍␊two"),
        (b"a\tb", "a b"),
        ("evil\u202etxt \U000e0001\u00a0".encode(), "evil‹U+202E›txt ‹U+E0001›‹U+00A0›"),
        (b"caf\xe9 \xff\xfe", "caf‹E9› ‹FF›‹FE›"),
        (b"\xed\xa0\x80", "‹ED›‹A0›‹80›"),
        (b"<bob@x> | time=1 & more", "‹bob@x› ¦ time=1 ＆ more"),
        (rb"DOM\user fake\nSMTP OK \x0a \011 \c", "DOM∖user fake∖nSMTP OK ∖x0a ∖011 ∖c"),
        ("\udce9 from argv", "‹E9› from argv"),
        ("\ud800\udc80 alone", "‹ED›‹A0›‹80›‹ED›‹B2›‹80› alone"),
    ],
)
def test_clean(raw: bytes | str, shown: str) -> None:
    assert clean(raw) == shown


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (
            b"4.2.0 <bob@example.org>: Greylisted, try again later",
            "4.2.0 bob@example.org: Greylisted, try again later",
        ),
        (b"<postmaster>: no", "postmaster: no"),
        (b'<"a b"@x>: no', '"a b"@x: no'),
        (b"<a href=x>", "‹a href=x›"),
        (b"<>: no", "‹›: no"),
        (b"1 < 2 > 0", "1 ‹ 2 › 0"),
        (b"  many \t spaces ", "many spaces"),
        (rb"a\<n@x>b", "a∖n@xb"),
        (b"<a\nb>", "‹a␊b›"),
    ],
)
def test_sentence(raw: bytes, shown: str) -> None:
    assert sentence(raw) == shown


@given(ANY)
def test_every_result_is_one_printable_line(raw: bytes | str) -> None:
    for shown in (clean(raw), sentence(raw)):
        assert shown.isprintable()
        shown.encode()
        assert not set(shown) & set("|<>&\\\n\r\t")


@given(ANY)
def test_clean_text_stays_as_it_is(raw: bytes | str) -> None:
    assert clean(clean(raw)) == clean(raw)
    assert sentence(sentence(raw)) == sentence(raw)


def test_only_the_beginning_of_a_long_text_is_shown() -> None:
    assert clean(b"a" * RAW_LIMIT) == "a" * RAW_LIMIT
    assert clean(b"a" * (RAW_LIMIT + 1)) == "a" * RAW_LIMIT + "…"
    # no character is torn at the limit
    assert clean(b"a" + "ü".encode() * RAW_LIMIT) == "a" + "ü" * (RAW_LIMIT // 2 - 1) + "…"
    assert clean(b"\x80" * (RAW_LIMIT + 9)).replace("‹80›", "") == "…"


@pytest.mark.parametrize("piece", [b"<", b"\\", b"|n\\", b"\x80", b"a@<", b"\xf0\x9f\x98\x80"])
def test_ten_megabytes_are_quick(piece: bytes) -> None:
    raw = piece * (10_000_000 // len(piece))
    begin = time.process_time()
    clean(raw)
    sentence(raw)
    assert time.process_time() - begin < 1


@given(st.text(st.characters(min_codepoint=0, max_codepoint=0x7F)))
def test_what_was_made_harmless_can_be_restored(text: str) -> None:
    assert restored(clean(text)) == text.replace("\t", " ").encode()


@pytest.mark.parametrize(
    ("text", "limit", "shown"),
    [
        ("abcdef", 6, "abcdef"),
        ("abcdef", 5, "abcd…"),
        ("abcdef", 1, "…"),
        ("abcdef", 0, ""),
        ("ab cdef", 4, "ab…"),
        ("ab‹1B›cd", 7, "ab‹1B›…"),
        ("ab‹1B›cd", 6, "ab…"),
        ("ab‹1B›cd", 4, "ab…"),
        ("ab‹U+202E›cd", 10, "ab…"),
        ("ab‹U+E0001›cd", 11, "ab…"),
        ("ab‹user name", 8, "ab‹user…"),
    ],
)
def test_cut(text: str, limit: int, shown: str) -> None:
    assert cut(text, limit) == shown


@pytest.mark.parametrize(
    ("text", "limit", "shown"),
    [
        ("mx1.example.org", 15, "mx1.example.org"),
        ("mx1.example.org", 14, "mx1.exa…le.org"),
        ("abcdef", 4, "ab…f"),
        ("abcdef", 1, "…"),
        ("abcdef", 0, ""),
        ("a‹1B›c‹1B›d", 7, "a…d"),
    ],
)
def test_middle(text: str, limit: int, shown: str) -> None:
    assert middle(text, limit) == shown


@given(ANY, st.integers(-1, 80))
def test_shortened_text_is_short_and_still_clean(raw: bytes | str, limit: int) -> None:
    text = clean(raw)
    for short in (cut(text, limit), middle(text, limit)):
        assert len(short) <= max(limit, 0)
        assert short == text or limit < 1 or "…" in short
        assert clean(short) == short


def test_look_alikes_are_printable_and_not_what_nagios_strips() -> None:
    for char in clean(b"|<>&\\"):
        assert unicodedata.category(char) in {"So", "Sm", "Po", "Pi", "Pf"}
        assert char not in "`~$&|'\"<>"


@pytest.mark.parametrize("code", [*range(0x20), 0x7F])
def test_control_characters_are_shown_by_their_pictures(code: int) -> None:
    assert clean(bytes([code])) == (" " if code == 0x09 else chr(0x2421 if code == 0x7F else 0x2400 + code))


def test_numbers_at_the_borders_of_their_widths():
    assert clean("\u00ff\u0100\uffff\U00010000\U0001ffff") == "ÿĀ‹U+FFFF›𐀀‹U+1FFFF›"
    assert clean("\x9f\u0600\u2028") == "‹U+009F›‹U+0600›‹U+2028›"
    assert clean(b"\x7f\x80\xff") == "␡‹80›‹FF›"


def test_a_text_too_long_ends_with_a_whole_character():
    assert clean("x" * (RAW_LIMIT - 1) + "é") == "x" * (RAW_LIMIT - 1) + "…"
    assert clean("x" * (RAW_LIMIT - 3) + "\U0001f600") == "x" * (RAW_LIMIT - 3) + "…"
    # no character has so many octets
    assert clean(b"x" * 8000 + b"\x80" * 400) == "x" * 8000 + "‹80›" * 189 + "…"


def test_brackets_end_where_they_end_first():
    assert sentence("<a@b>>x <c@d>, <e>f g>h") == "a@b›x c@d, ef g›h"


def test_a_number_at_the_very_beginning_is_not_cut_in_two():
    assert cut("‹1B›[31m", 3) == "…"
    assert middle("‹U+10FFFF›" + "x" * 20, 12) == "…" + "x" * 5


def test_a_number_is_found_from_any_place_within_it():
    assert cut("a‹U+10FFFF›b", 11) == "a…"
    assert cut("a‹U+10FFFF›b", 12) == "a‹U+10FFFF›b"
