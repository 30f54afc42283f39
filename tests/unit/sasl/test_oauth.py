"""XOAUTH2 and OAUTHBEARER: their examples, and what servers say of a bad token."""

from __future__ import annotations

import pytest

from helpers.sasl_exchanges import begin, fault
from smtp_status.sasl import mechanisms
from smtp_status.sasl.credentials import Credentials, Secret
from smtp_status.sasl.exchange import encode


def test_xoauth2():
    exchange = begin("XOAUTH2", "someuser@example.com", "ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg")
    # the example of Google's description of the mechanism
    assert exchange.initial is not None
    assert encode(exchange.initial) == (
        b"dXNlcj1zb21ldXNlckBleGFtcGxlLmNvbQFhdXRoPUJlYXJlciB5YTI5LnZGOWRmdDRxbVRjMk52YjNSbGNrQmhkSFJoZG1s"
        b"emRHRXVZMjl0Q2cBAQ=="
    )
    exchange.finish()


def test_oauthbearer_vector():
    # RFC 7628 section 4.1, with the scheme as the registry spells it
    credentials = Credentials("user@example.com", Secret("vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg=="))
    exchange = mechanisms.start("OAUTHBEARER", credentials, "server.example.com", 143)
    assert exchange.initial == (
        b"n,a=user@example.com,\x01host=server.example.com\x01port=143\x01"
        b"auth=Bearer vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==\x01\x01"
    )
    exchange.finish()


def test_oauthbearer_names():
    assert (begin("OAUTHBEARER", "a,b=c").initial or b"").startswith(b"n,a=a=2Cb=3Dc,\x01host=")
    assert (begin("OAUTHBEARER", "").initial or b"").startswith(b"n,,\x01host=")


@pytest.mark.parametrize(("mechanism", "answer"), [("XOAUTH2", b""), ("OAUTHBEARER", b"\x01")])
def test_token_error_is_answered_and_told(mechanism, answer):
    exchange = begin(mechanism)
    assert exchange.respond(b'{"status":"401","schemes":"bearer","scope":"mail"}') == answer
    assert exchange.explanation == "status 401, scope mail"
    assert fault(exchange.finish) == f"{mechanism} accepted after an error message"
    assert fault(exchange.respond, b"") == f"{mechanism} challenge after an error message"


@pytest.mark.parametrize(
    ("challenge", "explanation"),
    [
        (
            b'{"status":"invalid_token","error":"expired","error_description":"at noon"}',
            "status invalid_token, error expired, error_description at noon",
        ),
        (b'{"status":400,"scope":""}', "status 400"),
        (b'{"schemes":"bearer"}', '{"schemes":"bearer"}'),
        (b'{"status":["401"]}', '{"status":["401"]}'),
        (b'["401"]', '["401"]'),
        (b"go away", "go away"),
        (b"go \xff", "go \\xff"),
        (b"", ""),
        (b'{"status":"\\ud800"}', "status \\ud800"),
        (b"[" * 6000, "[" * 6000),
        (b"9" * 6000, "9" * 6000),
    ],
    ids=range(11),
)
def test_token_error_of_any_shape(challenge, explanation):
    exchange = begin("XOAUTH2")
    assert exchange.respond(challenge) == b""
    assert exchange.explanation == explanation
