"""Which mechanisms there are, which of them is taken, and what holds for every one."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import smtp_status
from helpers.sasl_exchanges import begin
from smtp_status.options.table import OPTIONS
from smtp_status.sasl import mechanisms
from smtp_status.sasl.binding import Binding
from smtp_status.sasl.exchange import AuthFault, encode
from smtp_status.sasl.scram import HASHES


@pytest.mark.parametrize("user", ["", "bob@example.org", "bj\u00f6rn"])
def test_external(user):
    exchange = begin("EXTERNAL", user, None)
    assert exchange.initial == user.encode()
    exchange.finish()


def test_utf8_is_sent_as_it_is_where_no_preparation_is_asked_for():
    assert begin("PLAIN", "bj\u00f6rn", "\u00aa").initial == b"\0bj\xc3\xb6rn\0\xc2\xaa"


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
    **{name: [b"r=ours+,s=QSXC,i=1"] for name in mechanisms.STRENGTH if name.startswith("SCRAM")},
    "XOAUTH2": [b"{}"],
    "OAUTHBEARER": [b"{}"],
    "EXTERNAL": [],
}


@pytest.mark.parametrize("mechanism", mechanisms.STRENGTH)
def test_secrets_hold_the_password_and_every_response(mechanism):
    exchange = begin(mechanism, "bob@example.org", None if mechanism == "EXTERNAL" else "pencil", b"ours")
    responses = [exchange.initial or b""]
    responses += [exchange.respond(challenge) for challenge in CONVERSATIONS[mechanism]]
    assert exchange.secrets == (() if mechanism == "EXTERNAL" else (b"pencil",))
    assert {encode(response) for response in responses if response} <= set(exchange.sent)
    assert not {b"", b"bob@example.org"} & set(exchange.sent)
    for shown in (repr(exchange), str(exchange)):
        assert not any(secret.decode("latin-1") in shown for secret in (*exchange.secrets, *exchange.sent))


# -- choosing


def pick(offered, wanted=None, **options):
    usual = {"protected": True, "plaintext": False, "has_secret": True, "has_client_cert": False}
    return mechanisms.choose(offered, wanted, **{**usual, **options})


def test_the_strongest_common_mechanism_is_taken():
    remaining = list(reversed(mechanisms.STRENGTH))
    taken = []
    while (mechanism := pick([*remaining, "GSSAPI"])) is not None:
        taken.append(mechanism)
        remaining.remove(mechanism)
    assert taken == ["SCRAM-SHA-512", "SCRAM-SHA-256", "SCRAM-SHA-1", "CRAM-MD5", "PLAIN", "LOGIN"]
    assert set(remaining) == {"EXTERNAL", "OAUTHBEARER", "XOAUTH2"} | mechanisms.PLUS


UNIQUE, END_POINT = Binding("tls-unique", b"x"), Binding("tls-server-end-point", b"x")


@pytest.mark.parametrize(
    ("bound", "order"),
    [
        (UNIQUE, "512 512-PLUS 256 256-PLUS 1 1-PLUS CRAM-MD5 PLAIN LOGIN"),
        (END_POINT, "512 256 1 CRAM-MD5 PLAIN LOGIN 512-PLUS 256-PLUS 1-PLUS"),
    ],
)
def test_what_binds_goes_behind_the_same_that_does_not(bound, order):
    remaining = list(mechanisms.STRENGTH)
    taken = []
    while (mechanism := pick(remaining, binding=bound)) is not None:
        taken.append(mechanism.partition("SCRAM-SHA-")[2] or mechanism)
        remaining.remove(mechanism)
    assert " ".join(taken) == order
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
        # bound
        (["SCRAM-SHA-1-PLUS"], {}, None),
        (["SCRAM-SHA-1-PLUS"], {"wanted": "SCRAM-SHA-1-PLUS"}, None),
        (["SCRAM-SHA-1-PLUS", "PLAIN"], {"wanted": "scram-sha-1-plus", "binding": END_POINT}, "SCRAM-SHA-1-PLUS"),
        (["SCRAM-SHA-1-PLUS"], {"has_secret": False, "binding": UNIQUE}, None),
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
    assert f": {', '.join(mechanisms.STRENGTH[:-1])} or {mechanisms.STRENGTH[-1]}. " in option.help


def test_the_tables_agree():
    assert set(mechanisms.STRENGTH) == set(CONVERSATIONS)
    assert set(mechanisms.STRENGTH) > mechanisms.PLAINTEXT
    assert mechanisms.TOKEN < mechanisms.PLAINTEXT
    assert {f"{name}-PLUS" for name in HASHES if name not in mechanisms.PLUS} == mechanisms.PLUS


def test_a_list_is_short():
    assert mechanisms.listed(mechanisms.STRENGTH) == (
        "EXTERNAL SCRAM-SHA-512[-PLUS] SCRAM-SHA-256[-PLUS] SCRAM-SHA-1[-PLUS] CRAM-MD5 OAUTHBEARER XOAUTH2 PLAIN LOGIN"
    )


def test_importing_the_module_loads_no_heavy_module():
    package = str(Path(smtp_status.__file__).parents[1])
    modules = "smtp_status.sasl.mechanisms, smtp_status.smtp.authentication"
    code = f"import sys; sys.path.insert(0, {package!r}); import {modules}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=True)
    heavy = {"base64", "hashlib", "hmac", "json", "secrets", "ssl", "stringprep", "typing", "unicodedata"}
    assert heavy.isdisjoint(done.stdout.split())
