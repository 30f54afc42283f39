"""What all exchanges share: base64 as it must be, one message only, and what is to be hidden."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.sasl_exchanges import begin, fault
from smtp_status.sasl.exchange import AuthFault, decode_challenge, encode


def test_plain_vector():
    # RFC 4954 section 4.1
    exchange = begin("PLAIN", "test", "1234")
    assert exchange.initial is not None
    assert encode(exchange.initial) == b"AHRlc3QAMTIzNA=="
    exchange.finish()


@pytest.mark.parametrize("mechanism", ["PLAIN", "EXTERNAL"])
@pytest.mark.parametrize("challenge", [b"", b"more?"])
def test_challenge_to_a_mechanism_that_has_said_everything(mechanism, challenge):
    assert fault(begin(mechanism).respond, challenge) == f"{mechanism} challenge after everything was said"


@pytest.mark.parametrize(
    "line",
    [
        b"Username:",
        b"VXNlcm5hbWU",
        b"VXNlcm5hbWU6=",
        b"=",
        b"====",
        b"VXNl cm5h",
        b"VXNl\r",
        b"VX==",
        b"\xff\xff\xff\xff",
    ],
)
def test_challenge_that_is_no_base64(line):
    assert fault(decode_challenge, line) == "challenge is not valid base64"


@given(st.binary())
def test_base64_there_and_back(text):
    assert decode_challenge(encode(text)) == text


@given(st.binary(max_size=12))
def test_only_what_an_encoder_makes_is_base64(line):
    try:
        challenge = decode_challenge(line)
    except AuthFault:
        return
    assert base64.b64encode(challenge) == line
