"""Ordinary words: as they are looked up, and none that could only come from a password."""

from __future__ import annotations

from smtp_status.secrets.ordinary import WORDS


def test_they_are_looked_up_as_octets_in_lower_case():
    assert all(word.isalnum() and word.islower() for word in WORDS)
    assert {b"password", b"authentication", b"postfix"} <= WORDS


def test_what_people_take_for_passwords_is_not_among_them():
    assert WORDS.isdisjoint({b"hunter2", b"letmein", b"qwerty", b"dragon", b"monkey", b"admin"})
