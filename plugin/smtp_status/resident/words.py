"""A command line to words, as the workers of Nagios and Naemon take it apart before they start a plugin.

They spare a shell where they can, and what they make of a line is not in every corner what a shell would.  Whoever
takes over a check has to read its line as they would have, so their reading is kept, corners included.
"""

from __future__ import annotations

import re

_BLANKS = b" \t\r\n"
_ANYWHERE = b"`$"
"""What a shell acts on also inside of double quotes."""
_OUTSIDE = b"|<>&;()*?"
"""What a shell acts on outside of quotes only."""
_ESCAPABLE = b'"\\$`'
"""What a backslash escapes inside of double quotes; outside it escapes everything, inside of single quotes nothing."""

_SINGLE, _DOUBLE = ord("'"), ord('"')
_PLAIN = re.compile(rb"[^ \t\r\n'\"\\`$|<>&;()*?]+")
"""Octets that are nothing but themselves, wherever they stand."""


def split(line: bytes) -> list[bytes] | None:
    """The words of ``line``; None where it takes a shell."""
    words: list[bytearray] = []
    inside = False  # of a word
    quote = 0  # the open one, 0 for none
    escaped = False  # by a backslash inside of double quotes
    place = 0
    while place < len(line):
        run = _PLAIN.match(line, place)
        if run is not None:
            char = run[0]
            place = run.end()
        else:
            char = line[place : place + 1]
            place += 1
            if char in _BLANKS and not quote:
                # Their corner: what was escaped last hides the blank, and the word goes on.
                inside = inside and escaped
                continue
            if char == b"\\" and quote != _SINGLE and not escaped:
                following = line[place : place + 1]
                if quote == _DOUBLE:
                    if following and following in _ESCAPABLE:
                        escaped = True
                        continue
                else:
                    char = following
                    place += 1
            elif char in {b"'", b'"'}:
                if quote == ord(char):
                    quote = 0
                    continue
                if not quote and not escaped:
                    if not inside:
                        words.append(bytearray())
                    inside, quote = True, ord(char)
                    continue
            elif char in (_OUTSIDE if not quote else b"") or (char in _ANYWHERE and quote != _SINGLE and not escaped):
                return None
        escaped = False
        if not inside:
            words.append(bytearray())
            inside = True
        words[-1] += char
    return None if quote else [bytes(word) for word in words]
