"""Regular expressions as check_smtp's users write them: POSIX classes, and where a match may stand."""

from __future__ import annotations

import pytest

from smtp_status.smtp import patterns


@pytest.mark.parametrize(
    ("pattern", "line", "matches"),
    [
        ("250", "250 ok", True),
        ("250", "550 250", False),
        ("250|251", "251 ok", True),
        ("250|251", "550 251", False),
        ("ok", "250 ok", True),
        ("^250", "550 250", False),
        ("ok$", "250 ok", True),
        ("", "anything", True),
        ("250[[:space:]]ok", "250 ok", True),
        ("250[ -]", "250-ok", True),
        ("[^[:digit:] ]", "250 1", False),
        ("[^[:digit:] ]", "250 1x", True),
        ("[]x]", "]", True),
        ("[^]x]", "]", False),
        ("[[:alpha:][:digit:]_]+$", "ab_1", True),
        ("[[:punct:]]", "a", False),
        ("[[:punct:]]", "-", True),
        (r"\[[:alpha:]", "[:", True),
        (r"\[[:alpha:]", "[z", False),
        (r"\[:alpha:\]", "[:alpha:]", True),
        (r"[\]]", "]", True),
        ("[[a]", "[", True),
        ("(?i)OK", "250 ok", True),
        ("250 ok$", "250-ok\n250 ok", True),
        ("^250 ok", "250-ok\n250 ok", True),
        (r"\d{3} ok", "250 ok", True),
        (r"\<ok\>", "250 ok", True),
        (r"\<ok\>", "250 ok, go on", True),
        (r"\<ok\>", "250 token", False),
        (r"\<k", "250 ok", False),
        (r"o\>", "250 ok", False),
        (r"\\<", r"250 \<", True),
    ],
)
def test_patterns(pattern: str, line: str, matches: bool) -> None:
    assert bool(patterns.compiled(pattern).search(line)) == matches


@pytest.mark.parametrize("name", patterns.CLASSES)
def test_every_class_of_posix_holds_what_it_should(name: str) -> None:
    inside = {chr(code) for code in range(256) if patterns.compiled(f"[[:{name}:]]").search(chr(code))}
    ascii_letters = {chr(code) for code in range(128) if chr(code).isalpha()}
    digits = set("0123456789")
    printable = {chr(code) for code in range(32, 127)}
    assert (
        inside
        == {
            "alpha": ascii_letters,
            "digit": digits,
            "alnum": ascii_letters | digits,
            "upper": {char for char in ascii_letters if char.isupper()},
            "lower": {char for char in ascii_letters if char.islower()},
            "xdigit": set("0123456789abcdefABCDEF"),
            "space": set(" \t\n\r\f\v"),
            "blank": set(" \t"),
            "cntrl": {chr(code) for code in range(32)} | {"\x7f"},
            "graph": printable - {" "},
            "print": printable,
            "punct": printable - {" "} - ascii_letters - digits,
        }[name]
    )
