"""Where a chain ends, and which of its issuers is out of date."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from servers.certs import _Issuer
from smtp_status.tls.context import make_context
from smtp_status.tls.issuers import date_words, end_words
from smtp_status.tls.plan import TlsPlan

DAY = 86400


@pytest.fixture(scope="module")
def tall(certs) -> dict[str, bytes]:
    """A root, two authorities below each other, and a leaf, in DER; the upper authority ends first."""
    made = {}
    issuer = None
    for name, ends in (("Root", 30), ("Upper", 10), ("Lower", 20)):
        key = ec.generate_private_key(ec.SECP256R1())
        issuer = _Issuer(certs._sign(name, key, issuer, authority=True, ends=ends), key)
        made[name] = issuer.certificate
    key = ec.generate_private_key(ec.SECP256R1())
    made["leaf"] = certs._sign("mx", key, issuer, ("mx.example.test",), ends=25)
    return {name: one.public_bytes(Encoding.DER) for name, one in made.items()}


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ("leaf", 'the server does not send the certificate of "Lower", and it is not trusted here'),
        ("leaf Lower", 'chain ends at "Upper", which is not trusted here'),
        ("leaf Upper Lower", 'chain ends at "Root", which is not trusted here'),
        ("leaf Lower Upper", 'chain ends at "Root", which is not trusted here'),
        ("leaf Lower Upper Root", 'chain ends at "Root", which is not trusted here'),
        ("leaf Upper Root", 'the server does not send the certificate of "Lower", and it is not trusted here'),
        ("leaf leaf", 'the server does not send the certificate of "Lower", and it is not trusted here'),
        ("", "issuer unknown or intermediate certificate missing"),
    ],
)
def test_where_it_ends(tall, sent, words):
    assert end_words(tuple(tall[name] for name in sent.split())) == words


def test_what_cannot_be_read_is_passed_over(tall):
    assert end_words((tall["leaf"], b"junk", tall["Lower"])).startswith("the server does not send the certificate of")
    assert end_words((b"junk",)) == "issuer unknown or intermediate certificate missing"


@pytest.mark.parametrize(
    ("sent", "in_days", "words"),
    [
        ("leaf Lower Upper", 5, ""),
        ("leaf Lower Upper", 15, 'the certificate of the issuer "Upper" expired on '),
        ("leaf Upper Lower", 15, 'the certificate of the issuer "Upper" expired on '),
        ("leaf Lower", 15, ""),
        ("leaf Lower", 22, 'the certificate of the issuer "Lower" expired on '),
        ("leaf Lower", -5, 'the certificate of the issuer "Lower" is not valid before '),
    ],
)
def test_which_is_out_of_date(certs, tall, sent, in_days, words):
    now = certs._now.timestamp() + in_days * DAY
    said = date_words(tuple(tall[name] for name in sent.split()), None, now)
    assert said.startswith(words)
    assert bool(said) is bool(words)


def test_one_that_is_trusted_here_is_named_too(certs):
    context = make_context(TlsPlan("ssl", ca=str(certs.ca)))
    chain = tuple(certs.good.certificate.public_bytes(Encoding.DER) for _ in "1")
    upper = certs._issuer.certificate.public_bytes(Encoding.DER)
    now = certs._now.timestamp() + 40 * DAY
    assert date_words((*chain, upper), context, now).startswith('the certificate of the issuer "Test Intermediate CA"')
    trusting = make_context(TlsPlan("ssl", ca=str(certs.chain)))
    assert date_words(chain, trusting, now).startswith('the certificate of the issuer "Test Intermediate CA" expired')
