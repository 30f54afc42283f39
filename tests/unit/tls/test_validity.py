"""How long a certificate is valid, in days and in words that count alike."""

from __future__ import annotations

import pytest

from helpers.certificates_in_der import END, forged, tlv
from smtp_status.tls.certificate import (
    Certificate,
    read,
)
from smtp_status.tls.validity import day, days_left, expiry_words

DAY = 86400


def dated(not_before: float, not_after: float) -> Certificate:
    return read(forged())._replace(not_before=not_before, not_after=not_after)


@pytest.mark.parametrize(
    ("after", "days", "words"),
    [
        (14 * DAY, 14, "expires in 14 days"),
        (14 * DAY - 0.001, 13, "expires in 13 days"),
        (DAY, 1, "expires in 1 day"),
        (DAY - 1, 0, "expires in 23 hours"),
        (7200, 0, "expires in 2 hours"),
        (7199, 0, "expires in 119 minutes"),
        (600, 0, "expires in 10 minutes"),
        (119, 0, "expires in 119 seconds"),
        (1, 0, "expires in 1 second"),
        (0, 0, "expires in 0 seconds"),
        (-1.5, -1, "expired 1 second ago"),
        (-600, -1, "expired 10 minutes ago"),
        (-7199, -1, "expired 119 minutes ago"),
        (-DAY, -1, "expired 24 hours ago"),
        (-DAY - 1, -2, "expired 24 hours ago"),
        (-2 * DAY + 1, -2, "expired 47 hours ago"),
        (-2 * DAY, -2, "expired 2 days ago"),
        (-2 * DAY - 1, -3, "expired 3 days ago"),
    ],
)
def test_days_and_words_round_alike(after, days, words):
    now = 1_800_000_000.25
    certificate = dated(0.0, now + after)
    left = days_left(certificate, now)
    assert (left, left.expires) == (days, int(now + after))
    assert expiry_words(certificate, now) == words


@pytest.mark.parametrize(
    ("ahead", "words"),
    [
        (30 * DAY, "not valid before 2027-01-31"),
        (DAY, "not valid before 2027-01-31"),
        (DAY - 1, "not valid before 2027-01-31 12:30:59 UTC"),
        (1, "not valid before 2027-01-31 12:30:59 UTC"),
    ],
)
def test_not_yet_valid(ahead, words):
    begin = END.timestamp()
    assert expiry_words(dated(begin, begin + DAY), begin - ahead) == words


def test_absurd_dates_have_words_too():
    far, long_ago = tlv(0x18, b"99991231235959Z"), tlv(0x18, b"00000101000000Z")
    now = 1_800_000_000.0
    endless = read(forged(not_before=long_ago, not_after=far))
    assert expiry_words(endless, now) == "never expires"
    left = days_left(endless, now)
    assert (left, left.expires) == (2_912_063, 253_402_300_799)
    assert expiry_words(read(forged(not_after=long_ago)), now) == "expired 739996 days ago"
    backwards = read(forged(not_before=far, not_after=long_ago))
    assert expiry_words(backwards, now) == "not valid before 9999-12-31"


def test_day():
    assert [day(0.0), day(-0.5), day(END.timestamp())] == ["1970-01-01", "1969-12-31", "2027-01-31"]
