"""CRAM-MD5 against the vector of its RFC, and out of step."""

from __future__ import annotations

import hmac

from helpers.sasl_exchanges import begin, fault


def test_cram_md5_vector():
    # RFC 2195 section 2
    exchange = begin("CRAM-MD5", "tim", "tanstaaftanstaaf")
    assert exchange.initial is None
    response = exchange.respond(b"<1896.697170952@postoffice.reston.mci.net>")
    assert response == b"tim b913a602c7eda7a495b4e6e7334d3890"
    exchange.finish()


def test_cram_md5_with_a_key_longer_than_a_block():
    # RFC 2104 section 2: such a key is hashed first
    exchange = begin("CRAM-MD5", "tim", "a" * 65)
    response = exchange.respond(b"<1@mx.example.org>")
    assert response == b"tim " + hmac.new(b"a" * 65, b"<1@mx.example.org>", "md5").hexdigest().encode()


def test_cram_md5_out_of_step():
    exchange = begin("CRAM-MD5")
    assert fault(exchange.respond, b"") == "CRAM-MD5 challenge is empty"
    assert fault(exchange.finish) == "CRAM-MD5 accepted without a challenge"
    exchange.respond(b"<1@mx>")
    assert fault(exchange.respond, b"<2@mx>") == "CRAM-MD5 challenge after everything was said"
