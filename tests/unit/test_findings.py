"""Failures, findings, addresses: what is said of each in a sentence, and what is not a destination."""

from __future__ import annotations

import socket

import pytest

from smtp_status.findings import ARRIVAL_FAULTS, COLUMNS, FAULTS, Address, Failure, Finding, TransportError


def address(text: str, port: int = 25) -> Address:
    if not port:
        return Address(socket.AF_UNIX, text, text, 0)
    family = socket.AF_INET6 if ":" in text else socket.AF_INET
    return Address(family, (text, port), text, port)


def test_a_kind_is_one_word_and_means_one_thing():
    kinds = [*COLUMNS, *FAULTS, *ARRIVAL_FAULTS]
    assert len(set(kinds)) == len(kinds)
    assert all(kind.isalpha() and kind.islower() for kind in kinds)


@pytest.mark.parametrize("kind", ["success", *COLUMNS[1:], *FAULTS])
def test_only_success_is_success(kind):
    assert Finding("rcpt", kind).succeeded is (kind == "success")


def test_a_transport_error_says_and_holds_its_failure():
    failure = Failure("refused", "connection refused by 192.0.2.1 port 25")
    error = TransportError(failure)
    assert str(error) == failure.cause
    assert error.failure is failure


@pytest.mark.parametrize(
    ("place", "words"),
    [
        (address("192.0.2.1"), "192.0.2.1 port 25"),
        (address("2001:db8::1", 587), "2001:db8::1 port 587"),
        (address("/run/lmtp", 0), "/run/lmtp"),
        (address("/run/a\\x0a|<b>", 0), "/run/a∖x0a¦‹b›"),
    ],
)
def test_an_address_in_a_sentence(place, words):
    assert place.place == words


@pytest.mark.parametrize(
    ("place", "unspecified", "stays_here"),
    [
        (address("127.0.0.1"), False, True),
        (address("127.1.2.3"), False, True),
        (address("::1"), False, True),
        (address("::ffff:127.0.0.1"), False, True),
        (address("/run/lmtp", 0), False, True),
        (address("0.0.0.0"), True, False),
        (address("::"), True, False),
        (address("192.0.2.127"), False, False),
        (address("::ffff:192.0.2.1"), False, False),
        (address("1271::"), False, False),
    ],
)
def test_where_an_address_leads(place, unspecified, stays_here):
    assert (place.unspecified, place.stays_here) == (unspecified, stays_here)
