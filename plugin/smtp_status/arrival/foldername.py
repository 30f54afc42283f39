"""Names of folders: as people write them, and as they stand on the wire (RFC 3501 section 5.1.3)."""

from __future__ import annotations

from binascii import a2b_base64, b2a_base64


def encode(name: str) -> str:
    """``name`` in modified UTF-7, as IMAP4rev1 servers take it."""
    pieces, beyond = [], ""
    for char in name:
        if " " <= char <= "~":
            pieces += [_encoded(beyond), "&-" if char == "&" else char]
            beyond = ""
        else:
            beyond += char
    return "".join((*pieces, _encoded(beyond)))


def decode(name: str) -> str:
    """The name that stands for ``name`` in modified UTF-7; what is none stays as it is."""
    pieces = name.split("&")
    decoded = [pieces[0]]
    for piece in pieces[1:]:
        digits, minus, rest = piece.partition("-")
        try:
            if not minus:
                raise ValueError
            decoded += ["&" if not digits else _decoded(digits), rest]
        except ValueError:
            return name
    return "".join(decoded)


def quote(name: str) -> str:
    """``name``, encoded already, as a quoted string (RFC 3501 section 9)."""
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _encoded(text: str) -> str:
    if not text:
        return ""
    digits = b2a_base64(text.encode("utf-16-be", "surrogatepass"), newline=False).decode("ascii")
    return "&" + digits.rstrip("=").replace("/", ",") + "-"


def _decoded(digits: str) -> str:
    text = a2b_base64(digits.replace(",", "/") + "=" * (-len(digits) % 4)).decode("utf-16-be")
    if _encoded(text) != f"&{digits}-":  # a2b_base64 passes over what it does not know
        raise ValueError
    return text
