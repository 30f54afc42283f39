"""What to look for where a login may be repeated: the forms of its secrets, responses and names."""

from __future__ import annotations

import re

from . import folding, ordinary
from .runs import windows

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

RUN = 5
"""Characters in a row that words may not share with a secret."""

CUT_RUN = 3
"""Characters of a secret's beginning that words may not end with where they were cut off."""

_GAP = b" \t\n\v\f\r.:,_-"
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_ROT13 = str.maketrans(_LETTERS + _LETTERS.upper(), (_LETTERS[13:] + _LETTERS[:13]) * 2)


def of_password(secret: str) -> Iterator[str]:
    """A password as it is, backwards, and by ROT13, each in the cases it can be compared in."""
    for form in (secret, secret[::-1], secret.translate(_ROT13)):
        yield form.lower()
        if not form.isascii():
            yield form  # case is no matter among ASCII alone where it is encoded
            yield form.upper()
            for octets in folding.folded(form.encode("utf-8", "surrogateescape")):
                yield folding.characters(octets).lower()


def bare_runs(passwords: Iterable[str]) -> Iterator[bytes]:
    """Every RUN characters in a row of a password's letters and digits, in lower case and each charset."""
    for password in passwords:
        for form in of_password(password):
            for run in windows("".join(char for char in form if char > "\x7f" or char.isalnum()), RUN):
                yield from (folding.bare(octets.lower()) for octets in _encodings(run))


def runs_with_symbols(passwords: Iterable[str]) -> Iterator[bytes]:
    """Runs that separators belong to; those of one and the same are in any text."""
    for password in passwords:
        for form in of_password(" ".join(password.split())):
            for run in windows(form, RUN):
                if len(set(run)) > 1 and any(char <= "\x7f" and not char.isalnum() for char in run):
                    yield from (
                        octets if b"\0" not in octets else folding.joined(octets) for octets in _encodings(run.lower())
                    )


def response_runs(responses: Iterable[str], length: int) -> Iterator[bytes]:
    """Every ``length`` octets in a row of what was sent, made bare, also backwards."""
    for response in responses:
        bare = folding.bare(response.encode("utf-8", "surrogateescape"))
        for form in (bare, bare[::-1]):
            yield from (form[start : start + length] for start in range(len(form) - length + 1))


def standing_alone(secrets: Sequence[str]) -> re.Pattern[bytes] | None:
    """Finds secrets that are too short to be looked for inside of words; None where all of these are ordinary ones."""
    from binascii import b2a_base64  # noqa: PLC0415 - hardly any secret is so short

    forms: set[bytes] = set()
    for secret in secrets:
        octets = secret.encode("utf-8", "surrogateescape")
        if octets.lower() in ordinary.WORDS:
            continue
        encoded = b2a_base64(octets, newline=False)
        forms |= {re.escape(form) for form in (octets, octets.hex().encode(), encoded, encoded.rstrip(b"="))}
        if len(secret) >= CUT_RUN:
            forms |= {
                _spaced_out([char.encode("utf-8", "surrogateescape") for char in form])
                for form in (secret, secret[::-1])
            }
    if not forms:
        return None
    return re.compile(
        rb"(?<![0-9A-Za-z\x80-\xff])(?:" + b"|".join(forms) + rb")(?![0-9A-Za-z\x80-\xff])", re.IGNORECASE
    )


def _spaced_out(chars: Sequence[bytes]) -> bytes:
    """An expression for ``chars`` with separators between.

    None of them is one of its neighbours: else there would be many ways to read a row of them, and each would be tried.
    """
    parts = [re.escape(chars[0])]
    for before, char in zip(chars, chars[1:]):
        between = bytes(octet for octet in _GAP if octet not in before + char)
        parts.append(b"[" + re.escape(between) + b"]*" + re.escape(char))
    return b"".join(parts)


def beginnings(secret: str) -> Iterator[bytes]:
    """What a text that was cut off may end with."""
    bare = "".join(char for char in secret if char > "\x7f" or char.isalnum())
    for length in range(CUT_RUN, min(len(bare) + 1, RUN)):
        yield bare[:length].encode("utf-8", "surrogateescape")


def of_names(names: Iterable[str]) -> Iterator[bytes]:
    """Names in lower case, whole and by their parts: labels of a host, both sides of an address."""
    for name in names:
        for folded in map(bytes.lower, folding.folded(name.encode("utf-8", "surrogateescape"))):
            yield folded
            yield from re.split(rb"[^0-9a-z\x80-\xff]+", folded)
            yield from folded.split(b"@")


def _encodings(text: str) -> Iterator[bytes]:
    yield text.encode("utf-8", "surrogateescape")
    if not text.isascii():
        for charset in ("latin-1", "utf-16-le", "utf-16-be"):
            try:
                yield text.encode(charset)
            except UnicodeEncodeError:
                continue
