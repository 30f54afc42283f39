"""What replies to AUTH mean (RFC 4954)."""

from __future__ import annotations

import pytest

from helpers.talk import reply as read
from smtp_status.smtp import authentication


@pytest.mark.parametrize(
    ("reply", "meaning"),
    [
        ("454 4.7.0 later", "temporary authentication failure"),
        ("454 4.7.0 Temporary authentication failure", ""),
        ("454-4.7.0 TEMPORARY\n454 authentication failure: try later", ""),
        ("535 5.7.8 temporary authentication failure", "credentials rejected"),
        ("454", "temporary authentication failure"),
        ("530 5.7.0 Must issue a STARTTLS command first", ""),
        ("550 no", ""),
    ],
)
def test_meaning(reply, meaning):
    assert authentication.meaning(read(reply)) == meaning


def test_every_code_of_the_rfc_has_a_meaning():
    # RFC 4954 sections 4 and 6
    assert set(authentication.MEANINGS) == {432, 454, 500, 501, 502, 503, 504, 534, 535, 538}
    assert authentication.MEANINGS[535] == "credentials rejected"
