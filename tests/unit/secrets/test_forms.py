"""The forms of a login that are looked for."""

from __future__ import annotations

import pytest

from smtp_status.secrets import forms


def test_a_password_is_looked_for_backwards_and_by_rot13():
    assert set(forms.of_password("Hunter2")) == {"hunter2", "2retnuh", "uhagre2"}


def test_beyond_ascii_also_in_upper_case_and_without_accents():
    assert {"bätter", "BÄTTER", "batter"} <= set(forms.of_password("Bätter"))


def test_runs_of_letters_and_digits():
    assert set(forms.bare_runs(["ab-cdef"])) == {b"abcde", b"bcdef", b"fedcb", b"edcba", b"nopqr", b"opqrs"}


def test_runs_in_each_charset():
    found = set(forms.bare_runs(["grüße"]))
    assert {"grüße".encode(charset) for charset in ("utf-8", "latin-1")} <= found


def test_runs_that_separators_belong_to():
    found = set(forms.runs_with_symbols(["a!b  c-d"]))
    assert {b"a!b c", b"!b c-", b"b c-d"} <= found
    assert not set(forms.runs_with_symbols(["--------"]))
    assert not set(forms.runs_with_symbols(["abcdefgh"]))


def test_runs_of_what_was_sent():
    assert set(forms.response_runs(["AbCd=="], 3)) == {b"AbC", b"bCd", b"dCb", b"CbA"}


def test_a_text_that_was_cut_off_ends_with_the_beginning():
    assert list(forms.beginnings("h-unter2")) == [b"hun", b"hunt"]
    assert list(forms.beginnings("hu")) == []


@pytest.mark.parametrize("text", [b"is ab1 known", b"AB1", b"(a.b.1)", b"1BA", b"YWIx", b"616231"])
def test_short_ones_stand_alone(text: bytes):
    pattern = forms.standing_alone(["ab1"])
    assert pattern is not None
    assert pattern.search(text)
    assert not pattern.search(b"crab1e and ab12")


@pytest.mark.parametrize("text", [b"a-1", b"a - 1", b"a.-.1", b"1-a"])
def test_a_short_one_that_holds_a_separator(text: bytes):
    pattern = forms.standing_alone(["a-1"])
    assert pattern is not None
    assert pattern.search(text)
    assert not pattern.search(b"a 1 and a--1b")


def test_an_ordinary_short_word_is_not_looked_for():
    assert forms.standing_alone(["mail"]) is None
    assert forms.standing_alone([]) is None


def test_names_by_their_parts():
    found = set(forms.of_names(["Probe@mx1.Example.test"]))
    assert found >= {b"probe@mx1.example.test", b"probe", b"mx1", b"example", b"test", b"mx1.example.test"}
