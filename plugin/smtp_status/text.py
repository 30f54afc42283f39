"""Making foreign text harmless, and shortening it.

Always in this order: ``clean`` or ``sentence``, then ``cut`` or ``middle``.  What comes out is one printable line of
text that encodes to UTF-8, with none of ``| < > &`` and no backslash: the commands that Nagios is shipped with run it
through ``printf '%b'``, where ``\\x0a`` or ``\\011`` would begin a record of another host.
"""

from __future__ import annotations

import re

RAW_LIMIT = 8192
"""Octets of one text that are looked at: the plugin's whole output stays below 8 KiB."""

ELLIPSIS = "…"

LINE = 160
"""Characters of the first line before the perfdata."""

UNKNOWN_LEAD = "SMTP UNKNOWN - "
"""What a line of state UNKNOWN begins with."""

# Look-alikes keep a text legible: perfdata begins at |, and <, > and & are markup in every web interface.
_LOOK_ALIKES = ("¦‹›＆∖", "|<>&\\")

# Text: most runs do not need it, and to compile a pattern costs more than to send a command.
_NUMBER = r"‹(?:[0-9A-F]{2}|U\+[0-9A-F]{4,6})›"
_LONGEST_NUMBER = len("‹U+10FFFF›")


def unknown(reason: str) -> str:
    """The one line of state UNKNOWN (exit code 3) for ``reason``, its end included.

    At most LINE characters before that, none of which can act on whoever reads them.
    """
    words = " ".join(f"{UNKNOWN_LEAD}{reason}".split())
    # What would begin perfdata, or act on a web page, a terminal or a shell's printf.
    for char, other in (("|", "/"), ("<", "("), (">", ")"), ("&", "+"), ("\\", "/")):
        words = words.replace(char, other)
    return "".join("?" if char < " " or char == "\x7f" else char for char in words)[:LINE] + "\n"


def clean(raw: bytes | str) -> str:
    """``raw`` as one harmless line for transcript and tables.

    ``| < > &`` and backslashes become look-alikes, control characters their pictures (U+2400 and on), a TAB a
    space.  Octets that are not UTF-8 are shown as ``‹E9›``, other characters that are not ``str.isprintable`` as
    ``‹U+202E›``.  Only the first RAW_LIMIT octets are shown; ``…`` stands for the rest.  Clean text of that length
    stays as it is.
    """
    return _harmless(_shown(raw))


def sentence(raw: bytes | str) -> str:
    """``raw`` as ``clean`` gives it, made to be read in the first line: addresses stand without their angle
    brackets, since Nagios drops these anyway, and runs of white space are one space."""
    text = _shown(raw)
    if "<" in text:
        before, *pieces = text.split("<")
        text = before + "".join(map(_without_brackets, pieces))
    return " ".join(_harmless(text).split())


def cut(text: str, limit: int) -> str:
    """``text``, or its beginning and ``…`` where it has more than ``limit`` characters.

    The result has at most ``limit``, and no character's number is cut in two.
    """
    if len(text) <= limit:
        return text
    if limit < 1:
        return ""
    keep = limit - 1
    return text[: _number_around(text, keep)[0]].rstrip() + ELLIPSIS


def middle(text: str, limit: int) -> str:
    """``text``, or its beginning, ``…`` and its end where it has more than ``limit`` characters.

    The result has at most ``limit``, and no character's number is cut in two.
    """
    if len(text) <= limit:
        return text
    if limit < 1:
        return ""
    tail = (limit - 1) // 2
    head = limit - 1 - tail
    return text[: _number_around(text, head)[0]] + ELLIPSIS + text[_number_around(text, len(text) - tail)[1] :]


def restored(text: str) -> bytes:
    """Clean text with what its look-alikes and pictures may stand for, in UTF-8: what a reader takes it for."""
    pictures = {ord(_picture(code)): code for code in (*range(0x20), 0x7F)}
    return _octets(text.translate({**pictures, **str.maketrans(*_LOOK_ALIKES)}))


def _shown(raw: bytes | str) -> str:
    """What of ``raw`` is shown, as text; still to be made harmless."""
    octets = _octets(raw) if isinstance(raw, str) else raw
    if len(octets) <= RAW_LIMIT:
        return octets.decode("utf-8", "surrogateescape")
    limit = RAW_LIMIT
    # not in the middle of a character, where there is one
    while limit > RAW_LIMIT - 3 and octets[limit] & 0xC0 == 0x80:
        limit -= 1
    return octets[:limit].decode("utf-8", "surrogateescape") + ELLIPSIS


def _octets(text: str) -> bytes:
    # argv holds octets that are not UTF-8 as low surrogates
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


def _harmless(text: str) -> str:
    # One by one, since nearly all text has none of them, and a table costs three times as much.
    text = text.replace("|", "¦").replace("<", "‹").replace(">", "›").replace("&", "＆").replace("\\", "∖")
    text = text.replace("\t", " ")
    if not text.isprintable():
        text = "".join(char if char.isprintable() else _picture(ord(char)) for char in text)
    return text


def _picture(code: int) -> str:
    """How a character is shown that is not printable; a low surrogate is an octet that is not UTF-8."""
    if code < 0x20 or code == 0x7F:
        return chr(0x2400 + code if code < 0x20 else 0x2421)
    return f"‹{code - 0xDC00:02X}›" if 0xDC80 <= code <= 0xDCFF else f"‹U+{code:04X}›"


def _without_brackets(piece: str) -> str:
    """What stood behind ``<``: with neither bracket where they held an address or another single word."""
    inner, closed, rest = piece.partition(">")
    bare = closed and inner and ("@" in inner or not any(map(str.isspace, inner)))
    return inner + rest if bare else f"<{piece}"


def _number_around(text: str, position: int) -> tuple[int, int]:
    """Begin and end of the character's number that ``position`` would cut in two; twice ``position`` if there is
    none."""
    start = text.rfind("‹", max(0, position - _LONGEST_NUMBER + 1), position)
    match = re.match(_NUMBER, text[start : start + _LONGEST_NUMBER]) if start >= 0 else None
    end = start + match.end() if match else position
    return (start, end) if end > position else (position, position)
