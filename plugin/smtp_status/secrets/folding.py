"""What is left of a text where nobody looks at case, accents, and what stands between letters."""

from __future__ import annotations

_SEPARATORS = bytes(octet for octet in range(0x80) if not chr(octet).isalnum())


def characters(octets: bytes) -> str:
    """``octets`` as UTF-8; what is none is kept as surrogates, so that encoding them gives the octets again."""
    return octets.decode("utf-8", "surrogateescape")


def folded(raw: bytes) -> set[bytes]:
    """``raw`` without accents, wide forms and case beyond ASCII; and that, without what is no letter or digit there."""
    if raw.isascii():
        return {raw}
    from unicodedata import combining, normalize  # noqa: PLC0415 - most text is ASCII

    parts = [char for char in normalize("NFKD", characters(raw)) if not combining(char)]
    caseless = [char if char.isascii() else char.casefold() for char in parts]
    letters = [char for char in caseless if char <= "\x7f" or char.isalnum()]
    return {"".join(chars).encode("utf-8", "surrogateescape") for chars in (caseless, letters)}


def bare(octets: bytes) -> bytes:
    """Without anything that may stand between letters."""
    return octets.translate(None, _SEPARATORS)


def joined(octets: bytes) -> bytes:
    """With one blank for each run of white space, and nothing for the NUL of UTF-16."""
    return b" ".join(octets.translate(None, b"\0").split())


def spaced(octets: bytes) -> tuple[bytes, bytes]:
    """``joined``, and the same without any blank: a line may have ended where the secret has none."""
    one = joined(octets)
    return one, one.replace(b" ", b"")
