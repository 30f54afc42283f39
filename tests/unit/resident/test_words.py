"""Command lines taken apart as the core's own workers do it."""

from __future__ import annotations

import pytest

from smtp_status.resident.words import split


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"", []),
        (b"  a\t b\r\nc ", [b"a", b"b", b"c"]),
        (b"a 'b c' \"d  e\"", [b"a", b"b c", b"d  e"]),
        (b"a '' \"\"", [b"a", b"", b""]),
        (b"a'b'\"c\"d", [b"abcd"]),
        (rb"a\ b \'c \"d", [b"a b", b"'c", b'"d']),
        (rb"'a\b' \"a\b\"", [rb"a\b", b'"ab"']),
        (rb'"a\b" "a\\b" "a\$b" "a\`b"', [rb"a\b", rb"a\b", b"a$b", b"a`b"]),
        (b"a '`$|<>&;()*?'", [b"a", b"`$|<>&;()*?"]),
        (b'a "|<>&;()*?"', [b"a", b"|<>&;()*?"]),
        (rb"a \$b \| \;", [b"a", b"$b", b"|", b";"]),
        (b"a ~ # { } [ ] ! % =", [b"a", b"~", b"#", b"{", b"}", b"[", b"]", b"!", b"%", b"="]),
        (b"a\\", [b"a"]),
        (b"a \\", [b"a", b""]),
        ("a 'ö ß'".encode(), [b"a", "ö ß".encode()]),
    ],
)
def test_without_a_shell(line, words):
    assert split(line) == words


@pytest.mark.parametrize("char", "|<>&;()*?`$")
def test_what_takes_a_shell_outside_of_quotes(char):
    assert split(f"a b{char}c".encode()) is None
    assert split(f"a 'b{char}c'".encode()) == [b"a", f"b{char}c".encode()]
    inside_double = split(f'a "b{char}c"'.encode())
    assert inside_double == (None if char in "`$" else [b"a", f"b{char}c".encode()])


@pytest.mark.parametrize("line", [b"a 'b", b'a "b', b"a 'b\" c"])
def test_an_open_quote_takes_a_shell(line):
    assert split(line) is None
