"""What repeats part of a login is found in every form a reader could undo; ordinary refusals are not taken for it."""

# ruff: noqa: RUF001 - letters of other scripts are meant

from __future__ import annotations

import base64
import time
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.forms import FORMS, USER
from smtp_status.secrets.repetition import HIDDEN, Login
from smtp_status.text import clean, sentence

NAMES = (USER, "mx1.example.org", "probe.example.org")


@cache  # a login does not change, and to make one takes longer than to ask it
def login(secret: str, *sent: bytes) -> Login:
    """What PLAIN and LOGIN would have sent."""
    octets = secret.encode()
    plain = base64.b64encode(f"\0{USER}\0".encode() + octets)
    lines = (plain, base64.b64encode(USER.encode()), base64.b64encode(octets))
    return Login([octets], [*lines, *sent], NAMES)


SECRETS = (
    "hunter2",
    "Tr0ub4dor&3 /+=|horse",
    "correct horse battery",
    "b\u00e4tt\u00e9ry \u20ac st\u00e4ple",
    'x\'; "$(id)" `\\n` %s',
    "p@$$w0rd",
    "пароль123",
    "密码就是这个",
    "!!@@##$$%%^^",
)
AROUND = ("%s", "5.7.8 no: %s", "user alice: password '%s' is wrong, try again")


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("secret", SECRETS, ids=range(len(SECRETS)))
def test_every_form(secret: str, form: str) -> None:
    known = login(secret)
    for around in AROUND:
        said = around.replace("%s", FORMS[form](secret))
        for text in (said.encode(), clean(said), sentence(said)):
            assert known.repeated_by(text), text


TWICE = (
    *("percent", "JSON", "JSON escapes", "HTML, decimal", "HTML, hexadecimal", "hexadecimal escapes", "octal escapes"),
    *("quoted-printable, all of it", "hexadecimal", "hexadecimal with blanks", "hexadecimal with 0x", "code points"),
    *("hexadecimal of UTF-16", "octal", "octal with blanks", "decimal", "decimal with blanks", "base32"),
    *("base64", "base64, one octet before", "base64 without padding", "base64 for URLs", "base64 of UTF-16"),
)
"""Encodings of which any is found in any other."""


@pytest.mark.parametrize("outer", TWICE)
@pytest.mark.parametrize("inner", TWICE)
def test_an_encoding_in_another(inner: str, outer: str) -> None:
    for secret in SECRETS[:4]:
        said = FORMS[outer](FORMS[inner](secret))
        for text in (f"5.7.8 no: {said}".encode(), clean(f"5.7.8 no: {said}, try again")):
            assert login(secret).repeated_by(text), text


@pytest.mark.parametrize("secret", ["P\u00e4ssw\u00f6rd-\u00df9", "a\U0001f600b\U0001f601c", "\u00e9bacd"])
@pytest.mark.parametrize("form", ["JSON", "base64 of JSON"])
def test_json_escapes_have_four_digits_whatever_follows(secret: str, form: str) -> None:
    assert login(secret).repeated_by(f"no: {FORMS[form](secret)}")


@pytest.mark.parametrize(
    "form",
    [
        *(
            "as it is",
            "capitals",
            "backwards",
            "blanks between",
            "colons between",
            "percent",
            "JSON escapes",
            "HTML, decimal",
        ),
        *("hexadecimal", "octal escapes", "base64", "base64 of UTF-16", "base32", "quoted-printable", "base64 twice"),
    ],
)
@pytest.mark.parametrize("secret", SECRETS[:5], ids=range(5))
def test_any_five_characters(secret: str, form: str) -> None:
    known = login(secret)
    for start in range(len(secret) - 4):
        part = secret[start : start + 5]
        if part == part.strip():
            assert known.repeated_by(f"no: {FORMS[form](part)}"), part
            assert known.repeated_by(f"no: {FORMS[form](part)} try again"), part


@pytest.mark.parametrize("form", ["hexadecimal", "base64", "percent", "decimal", "JSON escapes", "other case"])
@pytest.mark.parametrize("secret", ["lYüя漢rΩSLoDY", "jяUJüЖwPfE", "Grüße-AUS-Köln"])
def test_letters_beyond_ascii_in_both_cases(secret: str, form: str) -> None:
    known = login(secret)
    for start in range(len(secret) - 4):
        part = secret[start : start + 5]
        assert known.repeated_by(f"no: {FORMS[form](part)}"), part


@pytest.mark.parametrize(
    "texts",
    [
        ["fine", "hun", "ter2", "xyz", "fine"],
        ["hun", "ter2", "xyz"],
        ["2.7.0 hu", "2.1.0 nter", "2.1.5 2xy", "2.0.0 z"],
        ["say hunt", "er2x yes", "no", "bye"],
    ],
)
def test_what_is_left_of_a_secret_spread_over_many_replies(texts: list[str]) -> None:
    innocent = {"fine", "no", "bye"}
    found = login("hunter2xyz").repeated_among(texts)
    assert {text for place, text in enumerate(texts) if place not in found} == innocent.intersection(texts)


@pytest.mark.parametrize(("secret", "text"), [(">:%)a~);j!", "x(%)a~))"), ("q>/in]||}>@<&q", "no: /in]||}>@")])
def test_symbols_around_an_ordinary_word_tell_a_password(secret: str, text: str) -> None:
    assert login(secret).repeated_by(text)
    assert not login("list (not) in/out").repeated_by("5.7.8 Error: user is (not) in/out of the list")


@pytest.mark.parametrize("secret", ["!@#a$%^b&*", "v0#:e{|!LI8#"])
def test_symbols_are_found_where_a_line_ends_between_them(secret: str) -> None:
    known = login(secret)
    for start in range(len(secret) - 4):
        part = secret[start : start + 5]
        for place in range(1, 5):
            assert known.repeated_by(f"no: {part[:place]}\n{part[place:]} again")


@pytest.mark.parametrize("secret", SECRETS)
def test_seven_bits_a_character(secret: str) -> None:
    if secret.isascii():
        for between in (" ", ""):
            assert login(secret).repeated_by("no: " + between.join(f"{ord(char):07b}" for char in secret))


@pytest.mark.parametrize("secret", SECRETS[:3], ids=range(3))
def test_any_five_characters_of_what_was_sent(secret: str) -> None:
    line = base64.b64encode(f"\0{USER}\0{secret}".encode())
    digest = b"f5ef8ff09d4c1b6b3e0f6a9dbe2c7d11"
    known = login(secret, digest)
    for sent in (line, digest):
        bare = sent.rstrip(b"=")
        for start in range(len(bare) - 4):
            assert known.repeated_by(b"no: %s!" % bare[start : start + 5])
        assert known.repeated_by(sent.swapcase())
        assert known.repeated_by(sent[::-1])
        assert known.repeated_by(sent.hex())
        assert known.repeated_by(base64.b64encode(sent))


def test_a_token_is_found_as_a_password_is() -> None:
    token = "ya29." + base64.urlsafe_b64encode(bytes(range(256))).decode()
    known = Login([token.encode()])
    for start in range(0, len(token) - 4, 7):
        assert known.repeated_by(f"bad token {token[start : start + 5]}")
    for form in ("other case", "backwards", "colons between", "hexadecimal", "base64", "percent", "base32"):
        assert known.repeated_by(FORMS[form](token[20:60])), form


REFUSALS = (
    # Postfix with Dovecot and with Cyrus
    "5.7.8 Error: authentication failed: UGFzc3dvcmQ6",
    "5.7.8 Error: authentication failed: (reason unavailable)",
    "5.7.8 Error: authentication failed: Invalid authentication mechanism",
    "5.7.8 Error: authentication failed: authentication failure",
    "5.7.0 Error: authentication failed: generic failure",
    "4.7.0 Temporary authentication failure: Connection lost to authentication server",
    "5.5.1 Error: authentication not enabled",
    "5.7.0 Must issue a STARTTLS command first",
    "5.7.1 <alice@x.test>: Sender address rejected: not logged in",
    "5.7.1 <alice@x.test>: Relay access denied",
    "2.0.0 Ok: queued as 4Vx1AbCdEfz9",
    # Dovecot's submission service
    "5.7.8 Authentication failed.",
    "4.7.0 Temporary authentication failure.",
    # Exim
    "Incorrect authentication data",
    "Temporary authentication problem",
    # Exchange
    "5.7.3 Authentication unsuccessful",
    "5.7.139 Authentication unsuccessful, the user credentials were incorrect."
    " [AM0PR10CA0021.EURPRD10.PROD.OUTLOOK.COM 2026-11-22T10:31:52.127Z 08DBEA1F2C4D7E5F]",
    "5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant."
    " Visit https://aka.ms/smtp_auth_disabled for more information. [FR0P281CA0001.DEUP281.PROD.OUTLOOK.COM]",
    "5.7.57 Client not authenticated to send mail.",
    # Gmail
    "5.7.8 Username and Password not accepted. For more information, go to 5.7.8"
    "  https://support.google.com/mail/?p=BadCredentials 5b1f17b1804b1-40b2b1a2f3dsm21451555e9.8 - gsmtp",
    "5.7.14 Please log in via your web browser and then try again. 5.7.14 Learn more at"
    " 5.7.14 https://support.google.com/mail/answer/78754 5b1f17b1804b1 - gsmtp",
    "5.7.9 Application-specific password required. Learn more at"
    " 5.7.9 https://support.google.com/mail/?p=InvalidSecondFactor d75a77b69052e - gsmtp",
    # others
    "5.7.0 (#AUTH005) Too many bad auth attempts.",
    "5.7.1 Username or password incorrect",
    "5.7.8 Bad username or password (Authentication failed).",
    "5.7.8 Authentication credentials invalid",
    "Login fail. Authentication is unsuccessful, the password is wrong",
    "5.7.8 Authentication failed, token expired",
    "mx1.example.org ESMTP Postfix (Debian/GNU)",
    "mx1.example.org PIPELINING SIZE 10240000 8BITMIME STARTTLS AUTH PLAIN LOGIN CRAM-MD5 ENHANCEDSTATUSCODES DSN",
)
COMMON = (
    *("password", "Password", "passwords", "Password1!", "Passw0rd", "secret", "login", "username", "authentication"),
    *("invalid", "failed", "incorrect", "error", "token", "access", "welcome1", "admin", "letmein", "qwerty", "dragon"),
    *("monkey", "iloveyou", "sunshine", "987654", "Invalid password", "correct horse battery staple", "alice123"),
    *("a", "7", "ok", "no", "in", "pw", "abc", "987", "pass", "auth", "mail", "smtp", "test", "user"),
    "ya29." + base64.urlsafe_b64encode(bytes(range(256)) * 4).decode(),
)


@pytest.mark.parametrize("secret", COMMON)
def test_ordinary_refusals_are_shown(secret: str) -> None:
    known = login(secret)
    for refusal in REFUSALS:
        assert not known.repeated_by(refusal.encode()), refusal
        assert not known.repeated_by(sentence(refusal)), refusal
    assert known.repeated_among(REFUSALS) == set()


@pytest.mark.parametrize("secret", ["password", "Invalid password", "authentication"])
def test_a_password_that_is_an_ordinary_word_is_found_where_it_is_encoded(secret: str) -> None:
    known = login(secret)
    for form in ("backwards", "hexadecimal", "base64", "base32", "blanks between", "percent of base64"):
        assert known.repeated_by(f"no: {FORMS[form](secret)}"), form
    assert known.repeated_by(f"no: {secret}1") is (" " in secret)


def test_an_ordinary_word_inside_of_more_of_the_secret() -> None:
    known = login("password123")
    assert not known.repeated_by("the password is wrong")
    assert known.repeated_by("the password123 is wrong")
    assert known.repeated_by("the assword1 is wrong")
    assert known.repeated_by("the passwor is wrong")


def test_names_of_the_conversation_are_no_secret() -> None:
    known = login("alice2026")
    assert not known.repeated_by("5.7.8 alice@x.test: no such user")
    assert known.repeated_by("5.7.8 alice2: no such user")
    assert login(USER).repeated_by("5.7.8 alice@x.test: no such user")  # but what is the password itself is hidden


@pytest.mark.parametrize(
    ("secret", "said", "hidden"),
    [
        ("pw7", b"bad password: pw7", True),
        ("pw7", b"bad password: 7wp", True),
        ("pw7", b"p w 7", True),
        ("pw7", b"xpw78", False),
        ("pw7", b"cHc3 is wrong", True),
        ("pw7", b"707737", True),
        ("pw7", b"%70%77%37!", True),
        ("x", b"a bad password: x", True),
        ("x", b"a bad password: \\x78", True),
        ("5", b"5.7.8 no", False),
        ("é", "no: 'é'".encode(), True),
        ("é", "caféé".encode(), False),
    ],
)
def test_short_secrets_where_they_stand_alone(secret: str, said: bytes, hidden: bool) -> None:
    assert login(secret).repeated_by(said) is hidden


@pytest.mark.parametrize(
    ("said", "cut_off", "hidden"),
    [
        (b"password: hun", True, True),
        (b"password: hunt", True, True),
        (b"password: hunt", False, False),
        (b"password: hu", True, False),
        ("password: hunt…", False, True),
        (b"68756e", True, True),
        (b"AGFsaWN", False, True),
        (b"AGF", True, True),
        (b"AGF", False, False),
        (b"authentication fail", True, False),
    ],
)
def test_a_text_that_was_cut_off(said: bytes | str, cut_off: bool, hidden: bool) -> None:
    assert login("hunter2").repeated_by(said, cut_off=cut_off) is hidden


def test_an_ordinary_word_at_the_edge_of_a_text_that_was_cut_off() -> None:
    assert not login("tedious1").repeated_by("5.7.8 rejected", cut_off=True)


@pytest.mark.parametrize(
    ("texts", "found"),
    [
        (["fine", "hunter2", "fine"], {1}),
        (["fine", "no: hunt", "er2 is wrong", "fine"], {1, 2}),
        (["2.1.0 Ok hunt", "2.1.5 er2 Ok"], {0, 1}),
        (["h", "u", "n", "t", "e", "!"], {0, 1, 2, 3, 4}),
        (["hunt", "fine", "er2"], set()),
        (["x aHVu", "dGVy x", "fine", "6875", "6e74", "6572"], {0, 1, 3, 4, 5}),
        (["fine", "hunt", "er2", "hunter2", "fine", "hunt", "er2"], {1, 2, 3, 5, 6}),
        ([], set()),
    ],
)
def test_what_is_spread_over_texts(texts: list[str], found: set[int]) -> None:
    assert login("hunter2").repeated_among(texts) == found


def test_what_is_cut_off_among_texts() -> None:
    assert login("hunter2").repeated_among(["fine", "hunt", "fine"], {1}) == {1}
    assert login("hunter2").repeated_among(["fine", "fine"], {1}) == set()


def test_more_is_spread_than_is_worth_looking_for() -> None:
    texts = ["fine", *(part for _ in range(20) for part in ("hunt", "er2", "fine"))]
    assert {1, 2, 58, 59} <= login("hunter2").repeated_among(texts)


def test_our_own_words_stay() -> None:
    known = login("hunter2")
    own = ["certificate is for hunter2.example.test, not for mx1.example.org", "PLAIN not offered, only LOGIN"]
    assert known.cleared(own) == [f"certificate is for {HIDDEN} not for mx1.example.org", own[1]]
    assert known.cleared(own[1:]) == own[1:]
    assert known.cleared(["offered: hunt er2 LOGIN"]) == [f"offered: {HIDDEN} LOGIN"]


@pytest.mark.parametrize(
    ("secret", "text", "shown"),
    [
        ("s3cret pass", 'NO LOGIN "s3cret pass" failed', f"NO LOGIN {HIDDEN} failed"),
        ("s3cret pass", "NO pass S3CRET PASS it", f"NO {HIDDEN} it"),
        ("a1 s3cret pass", "NO a1 s3cret pass", f"NO {HIDDEN}"),
        ("s3cret pass", "NO pass for you", "NO pass for you"),
    ],
)
def test_no_piece_of_a_secret_with_blanks_is_left(secret: str, text: str, shown: str) -> None:
    assert Login((secret.encode(),)).cleared([text]) == [shown]


@given(st.from_regex("[A-Za-z]{3,20}[0-9]{2,5}", fullmatch=True), st.text(max_size=60), st.text(max_size=60))
def test_whatever_stands_around_it(secret: str, before: str, after: str) -> None:
    assert Login([secret.encode()]).repeated_by((before + secret + after).encode("utf-8", "surrogatepass"))


@given(st.binary(max_size=300), st.booleans())
def test_nothing_is_too_strange(said: bytes, cut_off: bool) -> None:
    login("hunter2").repeated_by(said, cut_off=cut_off)
    login("b\u00e4tt\u00e9ry \u20ac").repeated_by(clean(said), cut_off=cut_off)


PIECES = (
    b"x",
    b"68 ",
    b"%41",
    b"&amp;",
    b"&#1",
    b"1",
    b"0 ",
    b"aGVs",
    b"=\n",
    b"\\u0041",
    b"+AOQ-",
    b"hunt",
    b"\xe9",
    b"\xc3\xa9",
)


@pytest.mark.parametrize("piece", PIECES, ids=ascii)
@pytest.mark.parametrize(
    "secret", ["hunter2", SECRETS[1], "ya29." + base64.b64encode(bytes(range(256)) * 24).decode()], ids=len
)
def test_the_cost_grows_with_the_text(secret: str, piece: bytes) -> None:
    known = login(secret)

    def cost(octets: int) -> float:
        said = piece * (octets // len(piece))
        begin = time.process_time()
        known.repeated_by(said)
        return time.process_time() - begin

    few = min(cost(4 * 1024) for _ in range(3))  # the first time, more is made ready
    # The least of several is what it costs; the first will do where nothing else is busy.
    assert any(cost(32 * 1024) < 16 * max(few, 0.0025) for _ in range(5))


@pytest.mark.timing
@pytest.mark.parametrize(
    ("secret", "names", "text"),
    [
        ("p@ss w-rd!x", [], "p@ss w-rd!x "),
        ("mail.server", ["mail.server.example"], "mail.server error "),
        ("xxmailserverxx", [], "mail server zq "),
        ("xx-mail.server-xx", ["mail.server"], "mail.server zq "),
        ("a-1", [], "a" + 65534 * "-"),
        ("a--1", [], "a" + 65534 * "-"),
        ("-.-a", [], "-."),
    ],
)
def test_it_takes_time_in_proportion_to_the_text(secret: str, names: list[str], text: str) -> None:
    """The longest reply, full of what looks like the secret; what each place of it has to do with each other took
    seconds, or hours."""
    login = Login([secret.encode()], names=names)
    octets = (text * (65536 // len(text) + 1))[:65536].encode()
    begin = time.process_time()
    login.repeated_by(octets)
    assert time.process_time() - begin < 0.4
