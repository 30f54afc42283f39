"""Envelope addresses as users write them, on the wire and in headers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtp_status.smtp.address import NULL, PATH_LIMIT, Mailbox, parse, without_name


@pytest.mark.parametrize(
    ("text", "mailbox"),
    [
        ("", NULL),
        ("<>", NULL),
        ("bob@example.org", Mailbox("bob", "example.org")),
        ("<bob@example.org>", Mailbox("bob", "example.org")),
        ("Bob.O'Hara+tag@Example.ORG", Mailbox("Bob.O'Hara+tag", "Example.ORG")),
        ("nagios", Mailbox("nagios")),
        ("<postmaster>", Mailbox("postmaster")),
        ("user%elsewhere.example@host", Mailbox("user%elsewhere.example", "host")),
        ("bounces+bob=example.org@lists_x.example", Mailbox("bounces+bob=example.org", "lists_x.example")),
        ("a..b.@docomo.example", Mailbox("a..b.", "docomo.example")),
        ('"john doe"@example.org', Mailbox('"john doe"', "example.org")),
        (r'"a@b>\"\\ c"@example.org', Mailbox(r'"a@b>\"\\ c"', "example.org")),
        ('""@example.org', Mailbox('""', "example.org")),
        ('<"quoted">', Mailbox('"quoted"')),
        ("bob@[192.0.2.1]", Mailbox("bob", "[192.0.2.1]")),
        ("bob@[IPv6:2001:db8::1]", Mailbox("bob", "[IPv6:2001:db8::1]")),
        ("bob@[ipv6:::ffff:192.0.2.1]", Mailbox("bob", "[ipv6:::ffff:192.0.2.1]")),
        ("user@bücher.example", Mailbox("user", "xn--bcher-kva.example")),
        ("user@BU\u0308CHER.example", Mailbox("user", "xn--bcher-kva.example")),
        ("user@straße.example", Mailbox("user", "xn--strae-oqa.example")),
        ("user@例え。テスト", Mailbox("user", "xn--r8jz45g.xn--zckzah")),
        ("user@\uff45xample.org", Mailbox("user", "example.org")),
        ("jürgen@example.org", Mailbox("jürgen", "example.org")),
        ('"jür gen"@bücher.example', Mailbox('"jür gen"', "xn--bcher-kva.example")),
    ],
)
def test_parse(text: str, mailbox: Mailbox) -> None:
    assert parse(text) == mailbox


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (" ", "a space in the local part, which must stand in double quotes then"),
        ("john doe@example.org", "a space in the local part, which must stand in double quotes then"),
        ("Bob <bob@example.org>", "a space in the local part, which must stand in double quotes then"),
        ("<bob@example.org", "a < in the local part, which must stand in double quotes then"),
        ("a,b@example.org", "a , in the local part, which must stand in double quotes then"),
        ("a\\b@example.org", "a \\ in the local part, which must stand in double quotes then"),
        ("bob@example.org>", "not a domain name or address literal after the @"),
        ("bob@exa mple.org", "not a domain name or address literal after the @"),
        ("bob@example..org", "not a domain name or address literal after the @"),
        ("bob@example.org.", "not a domain name or address literal after the @"),
        ("bob@" + "a" * 64 + ".org", "not a domain name or address literal after the @"),
        ("bob@" + ".".join(["a" * 50] * 6), "not a domain name or address literal after the @"),
        ("bob@" + "ü" * 60 + ".org", "not a domain name or address literal after the @"),
        ("bob@bü cher.org", "a character in the domain that no domain name may hold"),
        ("bob@❤.example", "a character in the domain that no domain name may hold"),
        ("bob@ü⒈example", "a character in the domain that no domain name may hold"),
        ("bob@", "no domain after the @"),
        ("@", "no local part before the @"),
        ("@example.org", "no local part before the @"),
        ("<@relay.example:bob@example.org>", "source route"),
        ("@a.example,@b.example:bob@c.example", "source route"),
        ("a@b@c", "more than one @"),
        ('"bob@example.org', "the quoted local part does not end"),
        ('"a\\"', "the quoted local part does not end"),
        ('"a"b@example.org', "after the quoted local part an @ is wanted"),
        ("bob@[192.0.2.256]", "an address literal is [192.0.2.1] or [IPv6:2001:db8::1]"),
        ("bob@[192.0.2.1", "an address literal is [192.0.2.1] or [IPv6:2001:db8::1]"),
        ("bob@[2001:db8::1]", "an address literal is [192.0.2.1] or [IPv6:2001:db8::1]"),
        ("bob@[IPv6:fe80::1%eth0]", "an address literal is [192.0.2.1] or [IPv6:2001:db8::1]"),
        ("bob@[é]", "an address literal is [192.0.2.1] or [IPv6:2001:db8::1]"),
        ("bob@example.org\r\nDATA", "holds a character that is not printable"),
        ('"a\tb"@example.org', "holds a character that is not printable"),
        ("b\udcfcb@example.org", "holds a character that is not printable"),
        ("bob\u202e@example.org", "holds a character that is not printable"),
        ("a" * PATH_LIMIT + "@b", "longer than 900 octets"),
    ],
)
def test_refused(text: str, reason: str) -> None:
    with pytest.raises(ValueError) as refused:
        parse(text)
    assert str(refused.value) == reason


def test_forms_of_an_address() -> None:
    mailbox = parse("<user@bücher.example>")
    assert mailbox.path() == b"<user@xn--bcher-kva.example>"
    assert mailbox.text == mailbox.header() == "user@xn--bcher-kva.example"
    assert not mailbox.needs_utf8

    mailbox = parse("jürgen@example.org")
    assert mailbox.path() == "<jürgen@example.org>".encode()
    assert mailbox.text == mailbox.header() == "jürgen@example.org"
    assert mailbox.needs_utf8

    assert NULL.path() == b"<>"
    assert NULL.text == "null reverse-path"
    assert NULL.header() == ""

    assert parse("postmaster").path() == b"<postmaster>"
    assert parse("postmaster").header() == "postmaster"
    assert parse('"john doe"@example.org').header() == '"john doe"@example.org'
    assert parse("a..b@example.org").path() == b"<a..b@example.org>"
    assert parse("a..b@example.org").header() == '"a..b"@example.org'


@given(st.text() | st.text('<>@"\\ [].:,IPv6a1ü\n') | st.emails())
def test_any_text_is_an_address_or_a_value_error(text: str) -> None:
    try:
        mailbox = parse(text)
    except ValueError as error:
        assert str(error).isprintable()
        return
    path = mailbox.path()
    assert path.startswith(b"<") and path.endswith(b">")
    assert not any(octet < 0x20 or octet == 0x7F for octet in path)
    assert mailbox.domain.isascii()
    assert parse(path.decode()) == mailbox


@given(st.from_regex(r"[a-zà-öø-ÿ]{1,20}", fullmatch=True).filter(lambda label: "ß" not in label))
def test_a_labels_are_those_of_the_standard_library(label: str) -> None:
    assert parse(f"x@{label}.example").domain == f"{label}.example".encode("idna").decode()


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("Nagios <a@b.example>", "<a@b.example>"),
        ("Nagios<a@b.example>", "<a@b.example>"),
        ('"Nagios, Inc. <old@b.example>" <a@b.example>', "<a@b.example>"),
        (r'"say \"<hi>\"" <a@b.example>', "<a@b.example>"),
        ('Nagios <"a<b>"@b.example>', '<"a<b>"@b.example>'),
        ("Bounces <>", "<>"),
        ("<a@b.example>", "<a@b.example>"),
        ("a@b.example", "a@b.example"),
        ("Nagios <a@b.example> x", "Nagios <a@b.example> x"),
        ("a@b.example>", "a@b.example>"),
        ('"open <a@b.example>', '"open <a@b.example>'),
        ('"a" * 9 <' + "x" * 200, '"a" * 9 <' + "x" * 200),
        ("", ""),
    ],
)
def test_the_name_before_an_address_is_passed_over(text: str, address: str) -> None:
    assert without_name(text) == address
