"""LOGIN: two questions, and servers that ask fewer or more."""

from __future__ import annotations

from helpers.sasl_exchanges import begin, fault


def test_login():
    exchange = begin("LOGIN", "bob", "s3cret")
    assert exchange.initial is None
    assert exchange.respond(b"Username:") == b"bob"
    assert exchange.respond(b"Password:") == b"s3cret"
    exchange.finish(b"2.7.0 Authentication successful")


def test_login_out_of_step():
    exchange = begin("LOGIN")
    assert fault(exchange.finish) == "LOGIN accepted before the password was asked for"
    exchange.respond(b"Username:")
    assert fault(exchange.finish) == "LOGIN accepted before the password was asked for"
    exchange.respond(b"Password:")
    assert fault(exchange.respond, b"Shoe size:") == "LOGIN challenge after everything was said"


def test_a_password_that_equals_the_user_name_is_hidden():
    assert b"bob" in begin("LOGIN", "bob", "bob").secrets
