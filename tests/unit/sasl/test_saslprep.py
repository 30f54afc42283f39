"""SASLprep: the examples of RFC 4013, and what it prohibits."""

from __future__ import annotations

import pytest

from smtp_status.sasl import saslprep


@pytest.mark.parametrize(
    ("text", "prepared"),
    [
        # RFC 4013 section 3
        ("I\u00adX", "IX"),
        ("user", "user"),
        ("USER", "USER"),
        ("\u00aa", "a"),
        ("\u2168", "IX"),
        # and beyond
        ("", ""),
        ("a\u00a0b c", "a b c"),
        ("u\u0308", "\u00fc"),
        ("\u06271\u0628", "\u06271\u0628"),
        ("\U0001f511", "\U0001f511"),  # newer than Unicode 3.2
    ],
)
def test_saslprep(text, prepared):
    assert saslprep.saslprep(text, "password") == prepared


@pytest.mark.parametrize(
    "text", ["\u0007", "a\tb", "\u06271", "\u0627a\u0627", "1\u0627", "\ue000", "\u200e", "\ufffd"]
)
def test_saslprep_refuses(text):
    with pytest.raises(ValueError, match=r"^password .* SASLprep \(RFC 4013\) prohibits$") as refused:
        saslprep.saslprep(text, "password")
    assert text not in str(refused.value)
