"""SASL exchanges against the vectors of their RFCs, and against servers that break them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import smtp_status
from helpers.talk import reply as read
from smtp_status.options.table import OPTIONS
from smtp_status.sasl import mechanisms, saslprep
from smtp_status.sasl.credentials import Credentials, Secret
from smtp_status.sasl.exchange import AuthFault, Exchange, decode_challenge, encode
from smtp_status.smtp import authentication

SCRAM = ["SCRAM-SHA-256", "SCRAM-SHA-1"]


def begin(mechanism: str, user: str = "user", secret: str | None = "pencil", nonce: bytes | None = None) -> Exchange:
    credentials = Credentials(user, None if secret is None else Secret(secret))
    return mechanisms.start(mechanism, credentials, "mx.example.org", 587, nonce)


def fault(call, *arguments) -> str:
    with pytest.raises(AuthFault) as caught:
        call(*arguments)
    assert str(caught.value) == caught.value.cause
    return caught.value.cause


class ScramServer:
    """The other side of SCRAM, written from RFC 5802 section 3, for what the vectors leave open."""

    def __init__(self, mechanism: str, password: bytes) -> None:
        self.hash = {"SCRAM-SHA-1": hashlib.sha1, "SCRAM-SHA-256": hashlib.sha256}[mechanism]
        self.salted = hashlib.pbkdf2_hmac(self.hash().name, password, b"salt", 4096)

    def mac(self, key: bytes, text: bytes) -> bytes:
        return hmac.new(key, text, self.hash).digest()

    def first(self, initial: bytes) -> bytes:
        self.bare = initial.removeprefix(b"n,,")
        nonce = self.bare.split(b",r=")[1]
        self.message = b"r=" + nonce + b"srv,s=" + base64.b64encode(b"salt") + b",i=4096"
        return self.message

    def final(self, response: bytes) -> bytes:
        unproven, proof = response.split(b",p=")
        signed = b",".join((self.bare, self.message, unproven))
        client_key = self.mac(self.salted, b"Client Key")
        signature = self.mac(self.hash(client_key).digest(), signed)
        assert base64.b64decode(proof) == bytes(a ^ b for a, b in zip(client_key, signature))
        return b"v=" + base64.b64encode(self.mac(self.mac(self.salted, b"Server Key"), signed))


# -- vectors

VECTORS = {
    "RFC 5802 section 5": (
        "SCRAM-SHA-1",
        b"fyko+d2lbbFgONRv9qkxdawL",
        b"r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
        b"c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
        b"v=rmF9pqV8S7suAoZWja4dJRkFsKQ=",
    ),
    "RFC 7677 section 3": (
        "SCRAM-SHA-256",
        b"rOprNGfwEbeRWgbNEkqO",
        b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
        b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
        b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
    ),
}


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


def test_plain_vector():
    # RFC 4954 section 4.1
    exchange = begin("PLAIN", "test", "1234")
    assert exchange.initial is not None
    assert encode(exchange.initial) == b"AHRlc3QAMTIzNA=="
    exchange.finish()


def test_login():
    exchange = begin("LOGIN", "bob", "s3cret")
    assert exchange.initial is None
    assert exchange.respond(b"Username:") == b"bob"
    assert exchange.respond(b"Password:") == b"s3cret"
    exchange.finish(b"2.7.0 Authentication successful")


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


@pytest.mark.parametrize("user", ["", "bob@example.org", "bj\u00f6rn"])
def test_external(user):
    exchange = begin("EXTERNAL", user, None)
    assert exchange.initial == user.encode()
    exchange.finish()


def test_utf8_is_sent_as_it_is_where_no_preparation_is_asked_for():
    assert begin("PLAIN", "bj\u00f6rn", "\u00aa").initial == b"\0bj\xc3\xb6rn\0\xc2\xaa"


# -- errors told inside the exchange


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


# -- servers that break the mechanism


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
        (b"r=ours+,s=QSXC,i=1000001", "iteration count is above 1000000"),
        (b"r=ours+,s=QSXC,i=" + b"9" * 8000, "iteration count is above 1000000"),
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


@pytest.mark.parametrize("mechanism", ["PLAIN", "EXTERNAL"])
@pytest.mark.parametrize("challenge", [b"", b"more?"])
def test_challenge_to_a_mechanism_that_has_said_everything(mechanism, challenge):
    assert fault(begin(mechanism).respond, challenge) == f"{mechanism} challenge after everything was said"


def test_login_out_of_step():
    exchange = begin("LOGIN")
    assert fault(exchange.finish) == "LOGIN accepted before the password was asked for"
    exchange.respond(b"Username:")
    assert fault(exchange.finish) == "LOGIN accepted before the password was asked for"
    exchange.respond(b"Password:")
    assert fault(exchange.respond, b"Shoe size:") == "LOGIN challenge after everything was said"


def test_cram_md5_out_of_step():
    exchange = begin("CRAM-MD5")
    assert fault(exchange.respond, b"") == "CRAM-MD5 challenge is empty"
    assert fault(exchange.finish) == "CRAM-MD5 accepted without a challenge"
    exchange.respond(b"<1@mx>")
    assert fault(exchange.respond, b"<2@mx>") == "CRAM-MD5 challenge after everything was said"


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


CHALLENGES = st.one_of(
    st.binary(),
    st.builds(
        lambda nonce, salt, count: b"r=ours%b,s=%b,i=%d" % (nonce, base64.b64encode(salt), count),
        st.binary(max_size=3),
        st.binary(max_size=4),
        st.one_of(st.integers(-1, 20), st.integers(999_999_999)),
    ),
    st.binary().map(lambda text: b"v=" + text),
    st.binary().map(lambda text: b"e=" + text),
    st.recursive(
        st.none() | st.integers() | st.text(),
        lambda inner: st.dictionaries(st.sampled_from(["status", "x"]), inner),
    ).map(lambda value: json.dumps(value).encode()),
)


@given(st.sampled_from(mechanisms.STRENGTH), st.lists(CHALLENGES, max_size=4), st.binary())
def test_any_challenge_gives_a_response_or_a_fault(mechanism, challenges, final):
    exchange = begin(mechanism, nonce=b"ours")
    causes = []
    for challenge in challenges:
        try:
            assert isinstance(exchange.respond(challenge), bytes)
        except AuthFault as caught:
            causes.append(caught.cause)
    try:
        exchange.finish(final)
    except AuthFault as caught:
        causes.append(caught.cause)
    assert all(cause.isascii() and cause.isprintable() and "pencil" not in cause for cause in causes)
    exchange.explanation.encode("utf-8")
    if mechanism.startswith("SCRAM"):  # nobody guesses the signature
        assert causes


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


# -- what the user gave


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


@pytest.mark.parametrize(
    ("text", "prepared"),
    [
        # RFC 4013 section 3
        ("I\u00adX", "IX"),
        ("user", "user"),
        ("USER", "USER"),
        ("\u00aa", "a"),
        ("\u2168", "IX"),
        # and beyond
        ("", ""),
        ("a\u00a0b c", "a b c"),
        ("u\u0308", "\u00fc"),
        ("\u06271\u0628", "\u06271\u0628"),
        ("\U0001f511", "\U0001f511"),  # newer than Unicode 3.2
    ],
)
def test_saslprep(text, prepared):
    assert saslprep.saslprep(text, "password") == prepared


@pytest.mark.parametrize(
    "text", ["\u0007", "a\tb", "\u06271", "\u0627a\u0627", "1\u0627", "\ue000", "\u200e", "\ufffd"]
)
def test_saslprep_refuses(text):
    with pytest.raises(ValueError, match=r"^password .* SASLprep \(RFC 4013\) prohibits$") as refused:
        saslprep.saslprep(text, "password")
    assert text not in str(refused.value)


@pytest.mark.parametrize(
    ("mechanism", "user", "secret", "message"),
    [
        ("PLAIN", "a\0b", "s", "user name holds a NUL"),
        ("PLAIN", "ab", "s\0", "password holds a NUL"),
        ("LOGIN", "ab", "s\udcff", "password is not valid UTF-8"),
        ("PLAIN", "a\udcff", "s", "user name is not valid UTF-8"),
        ("XOAUTH2", "ab", "s\x01", "XOAUTH2 allows no control character in user name and token"),
        ("OAUTHBEARER", "a\x01", "s", "OAUTHBEARER allows no control character in user name and token"),
        ("SCRAM-SHA-1", "", "s", "SCRAM-SHA-1 needs a user name"),
        ("SCRAM-SHA-1", "\u00ad", "s", "SCRAM-SHA-1 needs a user name"),
        ("CRAM-MD5", "ab", None, "CRAM-MD5 needs a password or token"),
        ("DIGEST-MD5", "ab", "s", "DIGEST-MD5 is not a known mechanism"),
    ],
)
def test_credentials_that_cannot_be_used(mechanism, user, secret, message):
    with pytest.raises(ValueError) as refused:
        begin(mechanism, user, secret)
    assert type(refused.value) is ValueError  # UnicodeEncodeError would carry the password
    assert refused.value.__context__ is None
    assert str(refused.value) == message


# -- secrets

CONVERSATIONS = {
    "PLAIN": [],
    "LOGIN": [b"Username:", b"Password:"],
    "CRAM-MD5": [b"<1@mx>"],
    "SCRAM-SHA-256": [b"r=ours+,s=QSXC,i=1"],
    "SCRAM-SHA-1": [b"r=ours+,s=QSXC,i=1"],
    "XOAUTH2": [b"{}"],
    "OAUTHBEARER": [b"{}"],
    "EXTERNAL": [],
}


@pytest.mark.parametrize("mechanism", mechanisms.STRENGTH)
def test_secrets_hold_the_password_and_every_response(mechanism):
    exchange = begin(mechanism, "bob@example.org", None if mechanism == "EXTERNAL" else "pencil", b"ours")
    responses = [exchange.initial or b""]
    responses += [exchange.respond(challenge) for challenge in CONVERSATIONS[mechanism]]
    secrets = exchange.secrets
    assert b"" not in secrets
    assert b"bob@example.org" not in secrets
    assert list(map(len, secrets)) == sorted(map(len, secrets), reverse=True)
    for response in filter(None, responses):
        assert {encode(response), encode(response).rstrip(b"=")} <= set(secrets)
        assert response in secrets or response == b"bob@example.org"
    if mechanism != "EXTERNAL":
        assert {b"pencil", b"cGVuY2ls"} <= set(secrets)
    for shown in (repr(exchange), str(exchange)):
        assert not any(secret.decode("latin-1") in shown for secret in secrets)


def test_secrets_hold_what_passwords_could_be_tried_against(vector):
    mechanism, nonce, challenge, response, final = vector
    exchange = begin(mechanism, nonce=nonce)
    exchange.respond(challenge)
    assert {response.split(b",p=")[1], final, final[2:], encode(final)} <= set(exchange.secrets)
    exchange.respond(final + b",x=y")
    assert encode(final + b",x=y") in exchange.secrets
    cram = begin("CRAM-MD5", "tim", "tanstaaftanstaaf")
    cram.respond(b"<1896.697170952@postoffice.reston.mci.net>")
    assert b"b913a602c7eda7a495b4e6e7334d3890" in cram.secrets


def test_a_password_that_equals_the_user_name_is_hidden():
    assert b"bob" in begin("LOGIN", "bob", "bob").secrets


# -- choosing


def pick(offered, wanted=None, **options):
    usual = {"protected": True, "plaintext": False, "has_secret": True, "has_client_cert": False}
    return mechanisms.choose(offered, wanted, **{**usual, **options})


def test_the_strongest_common_mechanism_is_taken():
    remaining = list(reversed(mechanisms.STRENGTH))
    taken = []
    while (mechanism := pick([*remaining, "GSSAPI", "SCRAM-SHA-256-PLUS"])) is not None:
        taken.append(mechanism)
        remaining.remove(mechanism)
    assert taken == ["SCRAM-SHA-256", "SCRAM-SHA-1", "CRAM-MD5", "PLAIN", "LOGIN"]
    assert sorted(remaining) == ["EXTERNAL", "OAUTHBEARER", "XOAUTH2"]


@pytest.mark.parametrize(
    ("offered", "options", "mechanism"),
    [
        (["plain", "Login"], {}, "PLAIN"),
        (["GSSAPI"], {}, None),
        ([], {}, None),
        # in clear text
        (["PLAIN", "LOGIN"], {"protected": False}, None),
        (["PLAIN", "CRAM-MD5"], {"protected": False}, "CRAM-MD5"),
        (["PLAIN", "LOGIN"], {"protected": False, "plaintext": True}, "PLAIN"),
        (["PLAIN", "LOGIN"], {"protected": False, "wanted": "LOGIN"}, None),
        (["XOAUTH2"], {"protected": False, "wanted": "XOAUTH2"}, None),
        (["PLAIN", "LOGIN"], {"protected": False, "plaintext": True, "wanted": "LOGIN"}, "LOGIN"),
        (["SCRAM-SHA-1"], {"protected": False, "wanted": "SCRAM-SHA-1"}, "SCRAM-SHA-1"),
        # wanted
        (["PLAIN", "SCRAM-SHA-256"], {"wanted": "plain"}, "PLAIN"),
        (["PLAIN"], {"wanted": "LOGIN"}, None),
        (["GSSAPI"], {"wanted": "GSSAPI"}, None),
        (["XOAUTH2", "PLAIN"], {"wanted": "XOAUTH2"}, "XOAUTH2"),
        (["EXTERNAL", "PLAIN"], {"wanted": "EXTERNAL"}, "EXTERNAL"),
        (["PLAIN"], {"wanted": "PLAIN", "has_secret": False}, None),
        # client certificates
        (["EXTERNAL", "PLAIN"], {"has_client_cert": True}, "PLAIN"),
        (["EXTERNAL", "PLAIN"], {"has_client_cert": True, "has_secret": False}, "EXTERNAL"),
        (["EXTERNAL", "PLAIN"], {"has_secret": False}, None),
        (["EXTERNAL"], {"wanted": "EXTERNAL", "has_secret": False}, "EXTERNAL"),
        (["PLAIN"], {"has_client_cert": True, "has_secret": False}, None),
    ],
)
def test_choose(offered, options, mechanism):
    assert pick(offered, **options) == mechanism


@given(
    st.lists(st.sampled_from([*mechanisms.STRENGTH, "GSSAPI"])),
    st.none() | st.sampled_from(mechanisms.STRENGTH),
    st.booleans(),
)
def test_no_secret_in_clear_text_unless_allowed(offered, wanted, has_secret):
    taken = pick(offered, wanted, protected=False, has_secret=has_secret)
    assert taken is None or (taken in offered and taken not in mechanisms.PLAINTEXT)


def test_the_manual_names_every_mechanism():
    (option,) = (option for option in OPTIONS if option.name == "authtype")
    assert option.help.startswith(f"{', '.join(mechanisms.STRENGTH[:-1])} or {mechanisms.STRENGTH[-1]}. ")


def test_words_and_tables_agree():
    assert set(mechanisms.STRENGTH) == set(CONVERSATIONS)
    assert set(mechanisms.STRENGTH) > mechanisms.PLAINTEXT
    assert mechanisms.TOKEN < mechanisms.PLAINTEXT
    # RFC 4954 sections 4 and 6
    assert set(authentication.MEANINGS) == {432, 454, 500, 501, 502, 503, 504, 534, 535, 538}
    assert authentication.MEANINGS[535] == "credentials rejected"


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


def test_importing_the_module_loads_no_heavy_module():
    package = str(Path(smtp_status.__file__).parents[1])
    modules = "smtp_status.sasl.mechanisms, smtp_status.smtp.authentication"
    code = f"import sys; sys.path.insert(0, {package!r}); import {modules}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=True)
    heavy = {"base64", "hashlib", "hmac", "json", "secrets", "ssl", "stringprep", "typing", "unicodedata"}
    assert heavy.isdisjoint(done.stdout.split())
