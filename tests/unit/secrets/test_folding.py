"""What is left of a text without case, accents and separators."""

from __future__ import annotations

import pytest

from smtp_status.secrets import folding


def test_octets_that_are_no_text_come_back():
    octets = bytes(range(256))
    assert folding.characters(octets).encode("utf-8", "surrogateescape") == octets


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Plain", {"Plain"}),
        ("Bätter", {"Batter"}),
        ("\uff37\uff29\uff24\uff25", {"WIDE"}),
        ("STRASSE ß", {"STRASSE ss"}),
        ("a\u2013b", {"a\u2013b", "ab"}),
        ("a-b\u2013c", {"a-b\u2013c", "a-bc"}),
    ],
)
def test_folded(text: str, found: set[str]):
    assert folding.folded(text.encode()) == {one.encode() for one in found}


def test_bare_is_without_all_that_may_stand_between_letters():
    assert folding.bare("a.b-c d\r\n_e9ä".encode()) == "abcde9ä".encode()


def test_joined_has_one_blank_where_there_was_white_space():
    assert folding.joined(b" p@ss \r\n w\0o\0rd ") == b"p@ss word"


def test_spaced_is_looked_at_without_blanks_too():
    assert folding.spaced(b"p@ss \r\n word") == (b"p@ss word", b"p@ssword")
