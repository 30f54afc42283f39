"""What octets say when they are read as an encoding of others: everything a reader might undo, at every place where
it might begin.

No decoder here asks whether what it reads was meant so; around what was meant they yield rubbish.  Each takes time in
proportion to the octets.
"""

from __future__ import annotations

import re
from binascii import a2b_base64, unhexlify

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_ALL = bytes(range(256))


def _others(octets: bytes) -> bytes:
    return bytes(octet for octet in _ALL if octet not in octets)


_DIGITS = b"0123456789"
_UPPER = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_HEX = _DIGITS + b"ABCDEFabcdef"
_BASE32 = _UPPER + b"234567"
_BASE32_HEX = _DIGITS + _UPPER[:22]
_BASE64 = _UPPER + _UPPER.lower() + _DIGITS + b"+/"
_UU = bytes(range(0x20, 0x60))

_NOT_HEX, _NOT_DIGITS, _NOT_BITS = _others(_HEX), _others(_DIGITS), _others(b"01")
_NOT_BASE32, _NOT_BASE32_HEX = _others(_BASE32), _others(_BASE32_HEX)
_NOT_BASE64, _NOT_UU = _others(_BASE64), _others(_UU + b"`")
_TO_BASE32_HEX = bytes.maketrans(_BASE32, _BASE32_HEX)
_FROM_URLS = bytes.maketrans(b"-_", b"+/")  # RFC 4648 section 5
_FROM_UU = bytes.maketrans(_UU + b"`", _BASE64 + b"A")

_PREFIX = re.compile(rb"0[xX]")
_ENCODED = re.compile(rb"(?:[0-9A-Za-z+/_=%#;:&\\-][ ,.\r\n]{0,2}){7}")
_NUMBER = re.compile(rb"(?<!\d)\d{1,7}(?!\d)")
_MANY_DIGITS = re.compile(rb"\d{15}")
_MANY_BITS = 35
_APART = re.compile(rb"(?<![0-9])[01]{5,8}(?![0-9])")
_SEVEN = 7  # bits of a character of ASCII
_ESCAPE = re.compile(
    rb"[%=]([0-9A-Fa-f]{2})"  # RFC 3986 section 2.1, RFC 2045 section 6.7
    rb"|\\x\{?([0-9A-Fa-f]{2})\}?"
    rb"|\\([0-7]{2,3})"
    rb"|[\\%]u([0-9A-Fa-f]{4})"  # RFC 8259 section 7: four digits, whatever follows
    rb"|\\U([0-9A-Fa-f]{8})"
    rb"|(?:\\[uU]\{|&#[xX]|<U\+)([0-9A-Fa-f]{1,8})[;}>]?"
    rb"|&#([0-9]{1,8});?"
    rb"|<([0-9A-F]{2})>"  # as ``text.clean`` shows it
    rb"|&([A-Za-z]{2,24}[0-9]{0,2});"
    rb"|=\r?\n()"
    rb"|\\(.)",
    re.DOTALL,
)
_SURROGATES = re.compile(rb"\xed[\xa0-\xaf][\x80-\xbf]\xed[\xb0-\xbf][\x80-\xbf]")


def readings(octets: bytes) -> set[bytes]:
    """``octets`` with their escapes undone, also those inside of escapes; what is none stays as it is."""
    once = unescaped(octets)
    found = {octets, once, unescaped(once)}
    if b"+" in octets:
        found.add(octets.decode("utf-7", "ignore").encode("utf-8", "surrogatepass"))  # RFC 2152
    return found


def of(octets: bytes) -> Iterator[bytes]:
    """All that ``octets``, or their readings, may stand for as a whole; also what was encoded twice, or backwards."""
    for reading in {octets, unescaped(octets)}:
        for once in (*_once(reading), *_bits(reading), *_hexadecimal(reading[::-1]), *_base64(reading[::-1])):
            yield once
            inner = once.translate(None, b"\0")  # of UTF-16
            if _ENCODED.search(inner):
                yield unescaped(inner)
                yield from _once(inner)
    yield from _sixes(octets, _NOT_UU, _FROM_UU)


def spelled(text: str) -> Iterator[str]:
    """Every second, third and fourth character, and what words begin with: a word that others stand between."""
    for step in (2, 3, 4):
        for start in range(step):
            yield text[start::step]
    yield "".join(word[0] for word in text.split())


def unescaped(octets: bytes) -> bytes:
    """With percent, quoted-printable, backslash and character references undone."""
    meant = _ESCAPE.sub(_meant, octets)
    return _SURROGATES.sub(_astral, meant) if b"\xed" in meant else meant


def _once(octets: bytes) -> Iterator[bytes]:
    yield from _hexadecimal(octets)
    yield from _base64(octets)
    yield from _base32(octets)
    yield from _numbers(octets)


def _meant(escape: re.Match[bytes]) -> bytes:
    octet = escape[1] or escape[2] or escape[8]
    if octet:
        return unhexlify(octet)
    if escape[3]:
        return bytes([int(escape[3], 8) & 0xFF])
    code = escape[4] or escape[5] or escape[6]
    if code or escape[7]:
        return _character(int(code, 16) if code else int(escape[7]))
    if escape[9]:
        from html.entities import html5  # noqa: PLC0415 - two thousand names that hardly anybody writes

        return html5.get(f"{escape[9].decode('ascii')};", "").encode()
    return escape[11] or b""


def _astral(pair: re.Match[bytes]) -> bytes:
    """The character that two surrogates stand for."""
    surrogates = pair[0].decode("utf-8", "surrogatepass")
    return surrogates.encode("utf-16-le", "surrogatepass").decode("utf-16-le").encode()


def _character(code: int) -> bytes:
    return chr(code).encode("utf-8", "surrogatepass") if code < 0x110000 else b""


def _hexadecimal(octets: bytes) -> Iterator[bytes]:
    digits = _PREFIX.sub(b"", octets).translate(None, _NOT_HEX)
    for start in range(2):
        rest = digits[start:]
        yield unhexlify(rest + b"0" * (len(rest) % 2))


def _base64(octets: bytes) -> Iterator[bytes]:
    yield from _sixes(octets, _NOT_BASE64)
    if b"-" in octets or b"_" in octets:
        yield from _sixes(octets.translate(_FROM_URLS), _NOT_BASE64)


def _sixes(octets: bytes, others: bytes, table: bytes | None = None) -> Iterator[bytes]:
    """Six bits a digit, whichever of four digits three octets begin with; ``table`` makes it base64."""
    digits = octets.translate(table, others)
    for start in range(4):
        rest = digits[start:]
        yield a2b_base64(rest + b"A" * (-len(rest) % 4))


def _base32(octets: bytes) -> Iterator[bytes]:
    upper = octets.upper()
    for digits in (upper.translate(_TO_BASE32_HEX, _NOT_BASE32), upper.translate(None, _NOT_BASE32_HEX)):
        yield from _shifted(digits, 32)


def _bits(octets: bytes) -> Iterator[bytes]:
    digits = octets.translate(None, _NOT_BITS)
    if len(digits) < _MANY_BITS:
        return
    yield from _shifted(digits, 2)
    yield bytes(int(number, 2) for number in _APART.findall(octets))
    for start in range(_SEVEN):
        yield bytes(int(digits[place : place + _SEVEN], 2) for place in range(start, len(digits) - _SEVEN + 1, _SEVEN))


def _shifted(digits: bytes, base: int) -> Iterator[bytes]:
    """What the digits' bits are, whichever of eight bits an octet begins with."""
    if not digits:
        return
    number = int(digits, base)  # linear, since the base is a power of two
    for _ in range(8):
        yield number.to_bytes((number.bit_length() + 7) // 8, "big")
        number >>= 1


def _numbers(octets: bytes) -> Iterator[bytes]:
    """Characters by their numbers, decimal and octal, apart or three digits each."""
    numbers = _NUMBER.findall(octets)
    if len(numbers) >= 3:
        yield b"".join(_character(int(number)) for number in numbers)
        yield bytes(int(number) & 0xFF for number in numbers)
        yield bytes(int(number, 8) & 0xFF for number in numbers if not number.strip(b"01234567"))
    if _MANY_DIGITS.search(octets):
        digits = octets.translate(None, _NOT_DIGITS)
        for start in range(3):
            threes = [digits[place : place + 3] for place in range(start, len(digits) - 2, 3)]
            yield bytes(int(three) & 0xFF for three in threes)
            yield bytes(int(three, 8) & 0xFF for three in threes if not three.strip(b"01234567"))
