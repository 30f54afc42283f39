"""The header of the PROXY protocol: its octets in both versions, and what the transcript tells of it."""

from __future__ import annotations

import pytest

from helpers.talk import BYE, EHLO, GREETING, Talk, plan
from smtp_status.smtp.actions import Tell

SIGNATURE = bytes.fromhex("0d0a0d0a000d0a515549540a")


def header(ends, version) -> tuple[bytes, str]:
    talk = Talk(plan(proxy=ends, proxy_version=version, verbose=2), GREETING, EHLO, BYE)
    (told,) = (action.octets for action in talk.actions if isinstance(action, Tell))
    return told, talk.outcome.transcript[0]


@pytest.mark.parametrize(
    ("ends", "octets", "said"),
    [
        (
            ("192.0.2.1", 40000, "192.0.2.2", 25),
            "21 11 000c c0000201 c0000202 9c40 0019",
            "PROXY TCP4 192.0.2.1 192.0.2.2 40000 25 (version 2, 28 octets)",
        ),
        (
            ("2001:db8::1", 1, "2001:db8::2", 2),
            "21 21 0024 20010db8000000000000000000000001 20010db8000000000000000000000002 0001 0002",
            "PROXY TCP6 2001:db8::1 2001:db8::2 1 2 (version 2, 52 octets)",
        ),
    ],
)
def test_version_2(ends, octets, said):
    assert header(ends, 2) == (SIGNATURE + bytes.fromhex(octets), f">>> {said}")


def test_version_1():
    told, said = header(("192.0.2.1", 40000, "192.0.2.2", 25), 1)
    assert told == b"PROXY TCP4 192.0.2.1 192.0.2.2 40000 25\r\n"
    assert said == ">>> PROXY TCP4 192.0.2.1 192.0.2.2 40000 25"
