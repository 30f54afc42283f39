"""Encoded words in the fields that have a place for them, and nowhere else."""

from __future__ import annotations

from email.header import decode_header, make_header

import pytest

from smtp_status.smtp.encoded_words import encoded


@pytest.mark.parametrize(
    ("name", "value", "sent"),
    [
        ("Subject", "Grüße", "=?utf-8?b?R3LDvMOfZQ==?="),
        ("X-Site", "Köln Nord", "=?utf-8?q?K=C3=B6ln_Nord?="),
        ("From", "Jürgen <a@example.org>", "=?utf-8?q?J=C3=BCrgen?= <a@example.org>"),
        ("to", "Jürgen <a@example.org>, b@example.org", "=?utf-8?q?J=C3=BCrgen?= <a@example.org>, b@example.org"),
        ("Cc", '"Groß, Ute" <u@example.org>', "=?utf-8?q?Gro=C3=9F=2C_Ute?= <u@example.org>"),
        ("From", "jürgen@example.org", "jürgen@example.org"),
        ("Message-ID", "<grün@example.org>", "<grün@example.org>"),
        ("Content-Type", 'text/plain; name="grün"', 'text/plain; name="grün"'),
    ],
)
def test_where_they_stand(name, value, sent):
    assert encoded(name, value) == sent


def test_each_has_75_characters_at_most_and_all_of_them_say_the_text():
    text = "Prüfung der Zustellung, " * 20
    words = encoded("Subject", text.strip())
    assert all(len(word) <= 75 for word in words.split(" "))
    assert str(make_header(decode_header(words))) == text.strip()
