"""Forms that a server may send a secret back in, all of which a reader can undo."""

from __future__ import annotations

import base64
import binascii
import codecs
import html
import json
import quopri
import re
import urllib.parse
from collections.abc import Callable

USER = "alice@x.test"

Form = Callable[[str], str]


def each(form: str, separator: str = "") -> Form:
    """Every octet by ``form``."""
    return lambda text: separator.join(form % octet for octet in text.encode())


def base64_of(charset: str = "utf-8", before: bytes = b"", after: bytes = b"") -> Form:
    return lambda text: base64.b64encode(before + text.encode(charset) + after).decode()


def then(first: Form, second: Form) -> Form:
    return lambda text: second(first(text))


def base32hex(text: str) -> str:
    table = bytes.maketrans(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", b"0123456789ABCDEFGHIJKLMNOPQRSTUV")
    return base64.b32encode(text.encode()).translate(table).decode()


FORMS: dict[str, Form] = {
    "as it is": lambda text: text,
    "capitals": str.upper,
    "small letters": str.lower,
    "other case": str.swapcase,
    "backwards": lambda text: text[::-1],
    **{f"{name} between": separator.join for name, separator in (("blanks", " "), ("two blanks", "  "))},
    **{f"{name} between": separator.join for name, separator in (("colons", ":"), ("hyphens", "-"), ("dots", "."))},
    **{f"{name} between": separator.join for name, separator in (("commas", ", "), ("an x", "x"), ("lines", "\n"))},
    **{f"{name} between": separator.join for name, separator in (("nothing visible", "\u200b"), ("a dot", "·"))},
    "each twice": lambda text: "".join(char * 2 for char in text),
    "first letters": lambda text: " ".join(f"{char}aaa" for char in text if char != " "),
    "quoted": repr,
    "percent, where it must be": urllib.parse.quote,
    "percent": each("%%%02x"),
    "percent, twice": then(each("%%%02X"), urllib.parse.quote),
    "JSON": json.dumps,
    "JSON escapes": lambda text: "".join(f"\\u{ord(char):04x}" for char in text),
    "HTML": html.escape,
    "HTML, decimal": lambda text: "".join(f"&#{ord(char)};" for char in text),
    "HTML, hexadecimal": lambda text: "".join(f"&#x{ord(char):X};" for char in text),
    "code points": lambda text: " ".join(f"U+{ord(char):04X}" for char in text),
    "hexadecimal": each("%02x"),
    "hexadecimal, capital": each("%02X"),
    "hexadecimal with blanks": each("%02x", " "),
    "hexadecimal with colons": each("%02X", ":"),
    "hexadecimal with 0x": each("0x%02x", ", "),
    "hexadecimal escapes": each("\\x%02x"),
    "hexadecimal of UTF-16": lambda text: text.encode("utf-16-le").hex(),
    "hexadecimal backwards": lambda text: text.encode().hex()[::-1],
    "hexadecimal of it backwards": lambda text: text[::-1].encode().hex(),
    "octal escapes": each("\\%03o"),
    "octal": each("%03o"),
    "octal with blanks": each("%o", " "),
    "decimal with blanks": each("%d", " "),
    "decimal": each("%03d"),
    "binary": lambda text: " ".join(f"{octet:08b}" for octet in text.encode()),
    "base64": base64_of(),
    "base64, one octet before": base64_of(before=b".", after=b".."),
    "base64, two octets before": base64_of(before=b"..", after=b"."),
    "base64 without padding": lambda text: base64.b64encode(text.encode()).decode().rstrip("="),
    "base64 with blanks": lambda text: " ".join(re.findall(".{1,4}", base64.b64encode(text.encode()).decode())),
    "base64 for URLs": lambda text: base64.urlsafe_b64encode(b"\xff\xfe" + text.encode()).decode(),
    "base64 backwards": lambda text: base64.b64encode(text.encode()).decode()[::-1],
    "base64 of UTF-16": base64_of("utf-16-le"),
    "base64 of UTF-16, big end first": base64_of("utf-16-be"),
    "base64 of UTF-16 with its mark": base64_of("utf-16"),
    "base64 twice": then(base64_of(), base64_of()),
    "base64 of hexadecimal": then(each("%02x"), base64_of()),
    "base64 of percent": then(each("%%%02x"), base64_of()),
    "base64 of JSON": lambda text: base64.b64encode(json.dumps({"user": USER, "pass": text}).encode()).decode(),
    "hexadecimal of base64": then(base64_of(), each("%02x")),
    "percent of base64": then(base64_of(), lambda text: urllib.parse.quote(text, safe="")),
    "base32": lambda text: base64.b32encode(text.encode()).decode(),
    "base32, small, one octet before": lambda text: base64.b32encode(b"." + text.encode()).decode().lower().rstrip("="),
    "base32 for sorting": base32hex,
    "base32 of base64": lambda text: base64.b32encode(base64.b64encode(text.encode())).decode(),
    "quoted-printable": lambda text: quopri.encodestring(text.encode()).decode(),
    "quoted-printable, all of it": each("=%02X"),
    "uuencode": lambda text: binascii.b2a_uu(text.encode()).decode(),
    "ROT13": lambda text: codecs.encode(text, "rot13"),
    "UTF-7": lambda text: text.encode("utf-7").decode(),
    "wide letters": lambda text: "".join(chr(ord(char) + 0xFEE0) if "!" <= char <= "~" else char for char in text),
}
