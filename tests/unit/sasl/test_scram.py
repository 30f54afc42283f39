"""SCRAM against the vectors of its RFCs, and against servers that break it."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.sasl_exchanges import VECTORS, ScramServer, begin, fault
from smtp_status.sasl import saslprep

SCRAM = ["SCRAM-SHA-512", "SCRAM-SHA-256", "SCRAM-SHA-1"]


@pytest.fixture(params=VECTORS.values(), ids=VECTORS.keys())
def vector(request):
    return request.param


def test_scram_vector(vector):
    mechanism, nonce, challenge, response, final = vector
    exchange = begin(mechanism, nonce=nonce)
    assert exchange.initial == b"n,,n=user,r=" + nonce
    assert exchange.respond(challenge) == response
    assert exchange.respond(final) == b""
    exchange.finish(b"2.7.0 Authentication successful")
    assert exchange.explanation == ""


def test_scram_final_message_in_the_text_of_235(vector):
    mechanism, nonce, challenge, _, final = vector
    exchange = begin(mechanism, nonce=nonce)
    exchange.respond(challenge)
    exchange.finish(b"2.7.0 " + base64.b64encode(final))


def test_scram_extensions_after_what_is_known_are_ignored():
    mechanism, nonce, challenge, response, final = VECTORS["RFC 7677 section 3"]
    exchange = begin(mechanism, nonce=nonce)
    changed = exchange.respond(challenge + b",x=more")
    assert changed.split(b",p=")[0] == response.split(b",p=")[0]
    assert changed != response  # the proof covers the extension
    exchange = begin(mechanism, nonce=nonce)
    exchange.respond(challenge)
    assert exchange.respond(final + b",x=more") == b""
    exchange.finish()


def test_scram_error_instead_of_the_signature_is_told(vector):
    mechanism, nonce, challenge, _, _ = vector
    exchange = begin(mechanism, nonce=nonce)
    exchange.respond(challenge)
    assert exchange.respond(b"e=invalid-proof,x=y") == b""
    assert exchange.explanation == "invalid-proof"
    assert fault(exchange.finish) == f"{mechanism} accepted after an error message"


def test_scram_error_instead_of_the_first_challenge_is_told():
    exchange = begin("SCRAM-SHA-256")
    assert exchange.respond(b"e=unknown-user\xff") == b""
    assert exchange.explanation == "unknown-user\\xff"
    assert fault(exchange.respond, b"") == "SCRAM-SHA-256 challenge after the server's last message"


@pytest.mark.parametrize(
    ("challenge", "cause"),
    [
        (b"", "challenge is malformed"),
        (b"r=ours+", "challenge is malformed"),
        (b"s=QSXC,r=ours+,i=4096", "challenge is malformed"),
        (b"m=new,r=ours+,s=QSXC,i=4096", "challenge demands an unknown extension"),
        (b"r=ours+,s=QSXC,i=4096,m=new", "challenge demands an unknown extension"),
        (b"r=ours,s=QSXC,i=4096", "nonce of the server does not extend ours"),
        (b"r=Ours+,s=QSXC,i=4096", "nonce of the server does not extend ours"),
        (b"r=,s=QSXC,i=4096", "nonce of the server does not extend ours"),
        (b"r=ours+\n,s=QSXC,i=4096", "nonce of the server is not printable"),
        (b"r=ours+\xff,s=QSXC,i=4096", "nonce of the server is not printable"),
        (b"r=ours+,s=QSX,i=4096", "salt is not valid base64"),
        (b"r=ours+,s=,i=4096", "salt is empty"),
        (b"r=ours+,s=QSXC,i=", "iteration count is not a number"),
        (b"r=ours+,s=QSXC,i=0", "iteration count is not a number"),
        (b"r=ours+,s=QSXC,i=-1", "iteration count is not a number"),
        (b"r=ours+,s=QSXC,i=4 096", "iteration count is not a number"),
        (b"r=ours+,s=QSXC,i=100001", "iteration count is above 100000"),
        (b"r=ours+,s=QSXC,i=" + b"9" * 8000, "iteration count is above 100000"),
    ],
    ids=range(18),
)
@pytest.mark.parametrize("mechanism", SCRAM)
def test_scram_challenge_that_breaks_the_mechanism(mechanism, challenge, cause):
    exchange = begin(mechanism, nonce=b"ours")
    assert fault(exchange.respond, challenge) == f"{mechanism} {cause}"
    # and there is no second try
    assert fault(exchange.respond, b"r=ours+,s=QSXC,i=1").endswith("challenge after the server's last message")
    assert fault(exchange.finish).endswith("accepted without a server signature")


def test_scram_few_iterations_are_the_servers_affair():
    exchange = begin("SCRAM-SHA-256", nonce=b"ours")
    assert exchange.respond(b"r=ours+,s=QSXC,i=1").startswith(b"c=biws,r=ours+,p=")


@pytest.mark.parametrize(
    ("final", "cause"),
    [
        (b"v=AAAATRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=", "server signature is false"),
        (b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4", "server signature is false"),
        (b"v=", "server signature is false"),
        (b"v=\xff", "server signature is false"),
        (b"", "server signature is missing"),
        (b"r=again", "server signature is missing"),
    ],
)
def test_scram_false_signature(final, cause):
    mechanism, nonce, challenge, _, right = VECTORS["RFC 7677 section 3"]
    exchange = begin(mechanism, nonce=nonce)
    exchange.respond(challenge)
    assert fault(exchange.respond, final) == f"SCRAM-SHA-256 {cause}"
    assert fault(exchange.finish, base64.b64encode(right)) == "SCRAM-SHA-256 accepted without a server signature"


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        (None, "accepted without a server signature"),
        (b"", "accepted without a server signature"),
        (b"2.7.0 Authentication successful", "accepted without a server signature"),
        (b"2.7.0 " + base64.b64encode(b"v=rmF9pqV8S7suAoZWja4dJRkFsKQ="), "server signature is false"),
    ],
)
def test_scram_accepted_without_proof(text, cause):
    mechanism, nonce, challenge, _, _ = VECTORS["RFC 7677 section 3"]
    exchange = begin(mechanism, nonce=nonce)
    exchange.respond(challenge)
    assert fault(exchange.finish, text) == f"SCRAM-SHA-256 {cause}"


@pytest.mark.parametrize("mechanism", SCRAM)
@pytest.mark.parametrize("text", [None, b"2.0.0 ok", b"dj1BQUFB"])
def test_scram_accepted_before_the_challenge(mechanism, text):
    assert fault(begin(mechanism).finish, text) == f"{mechanism} accepted without a server signature"


def test_scram_challenge_after_the_signature(vector):
    mechanism, nonce, challenge, _, final = vector
    exchange = begin(mechanism, nonce=nonce)
    exchange.respond(challenge)
    exchange.respond(final)
    assert fault(exchange.respond, b"") == f"{mechanism} challenge after the server's last message"


@given(st.sampled_from(SCRAM), st.text(), st.text())
def test_scram_with_any_user_and_password(mechanism, user, password):
    try:
        prepared = saslprep.saslprep(password, "password").encode()
        exchange = begin(mechanism, user, password)
    except ValueError as refused:
        assert str(refused).split()[0] in {"user", "password", mechanism}
        return
    server = ScramServer(mechanism, prepared)
    assert exchange.initial is not None
    response = exchange.respond(server.first(exchange.initial))
    exchange.respond(server.final(response))
    exchange.finish()


def test_scram_escapes_the_user_name():
    assert begin("SCRAM-SHA-1", "a,b=c", nonce=b"N").initial == b"n,,n=a=2Cb=3Dc,r=N"


def test_scram_prepares_user_and_password():
    assert begin("SCRAM-SHA-256", "\u2168", nonce=b"N").initial == b"n,,n=IX,r=N"
    plain, written_otherwise = (begin("SCRAM-SHA-256", secret=text, nonce=b"N") for text in ("IX", "I\u00adX"))
    challenge = b"r=N+,s=QSXC,i=1"
    assert plain.respond(challenge) == written_otherwise.respond(challenge)


def test_scram_nonces_are_fresh_and_printable():
    nonces = [(begin("SCRAM-SHA-256").initial or b"").split(b",r=")[1] for _ in range(8)]
    assert len(set(nonces)) == 8
    assert all(len(nonce) == 24 and nonce.isascii() and b"," not in nonce for nonce in nonces)


def test_secrets_hold_what_passwords_could_be_tried_against(vector):
    mechanism, nonce, challenge, response, final = vector
    exchange = begin(mechanism, nonce=nonce)
    exchange.respond(challenge)
    assert {response.split(b",p=")[1], final, final[2:]} <= set(exchange.sent)
    exchange.respond(final + b",x=y")
    assert final + b",x=y" in exchange.sent
    cram = begin("CRAM-MD5", "tim", "tanstaaftanstaaf")
    cram.respond(b"<1896.697170952@postoffice.reston.mci.net>")
    assert b"b913a602c7eda7a495b4e6e7334d3890" in cram.sent
