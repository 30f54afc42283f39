"""Finding what repeats part of a login in words that others wrote, in whatever form a reader could undo.

A server may send back the password it was given: as it is, in other case, backwards, with blanks between, percent
encoded, in hexadecimal, base64 and many more, cut off or spread over lines.  So nothing is replaced in such words:
where they repeat part of a login, none of them is shown.

All of it is linear in the octets looked at; how many that are, is for the caller to bound.  To be imported only where
there is a secret.
"""

from __future__ import annotations

import re

from . import decodings, ordinary
from .text import ELLIPSIS, restored

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

HIDDEN = "[server text hidden: it repeats part of the login]"
"""What stands for words that repeat part of a login."""

RUN = 5
"""Characters in a row that words may not share with a secret."""

CUT_RUN = 3
"""Characters of a secret's beginning that words may not end with where they were cut off."""

LONG_RUN = 8
"""Characters in a row that words may not share with what was sent, where these are in other case or encoded once
more: of base64 and of digests there is so much that fewer would be met by chance."""

LONG_STEP = 5
"""Where such are encoded once more, not every run is looked for, but one in each LONG_RUN + LONG_STEP - 1."""

LONG_SECRET = 64
"""Characters above which a secret is a token and no password, and counts like what was sent."""

MAX_ROUNDS = 8
"""How often texts that repeat a login together are singled out before all of them are taken for such."""

_BETWEEN = b"\xff\xfe\xfd"  # no part of a text in UTF-8
_FEW = 128  # so many runs are sooner looked for one by one
_SEPARATORS = bytes(octet for octet in range(0x80) if not chr(octet).isalnum())
_STATUS = re.compile(rb"\b[245]\.\d{1,3}\.\d{1,3}\b")  # RFC 3463
_PROMPT = re.compile(rb"\b(?:UGFzc3dvcmQ6|VXNlcm5hbWU6)\b")  # LOGIN's, in base64, which Postfix shows in refusals
_WORD = re.compile(rb"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[0-9]+|[\x80-\xff]+")
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_ROT13 = str.maketrans(_LETTERS + _LETTERS.upper(), (_LETTERS[13:] + _LETTERS[:13]) * 2)


class Login:
    """All of a login that nobody may be shown.

    ``secrets`` are passwords and tokens; ``sent`` is what was made of them for the server: encoded responses, digests,
    proofs.  ``names`` are of the same conversation and no secret (user, hosts, addresses): where a password holds
    part of one, the name may be shown all the same.
    """

    def __init__(self, secrets: Iterable[bytes], sent: Iterable[bytes] = (), names: Iterable[str] = ()) -> None:
        known = {_characters(secret) for secret in secrets} - {""}
        passwords = [secret for secret in known if len(secret) <= LONG_SECRET]
        responses = [*map(_characters, sent), *(secret for secret in known if len(secret) > LONG_SECRET)]
        self._runs = _Runs(_bare_runs(passwords))
        self._runs_with_symbols = _Runs(_runs_with_symbols(passwords))
        self._exact_runs = _Runs(_response_runs(responses, RUN))
        self._exact_runs_with_symbols = _Runs(
            run.encode("utf-8", "surrogateescape")
            for response in responses
            for run in _windows(response, RUN)
            if run.isascii() and not run.isalnum()
        )
        self._long_runs = _Runs(run.lower() for run in _response_runs(responses, LONG_RUN))
        self._beginnings = tuple({start for secret in passwords for start in _starts(secret.lower())})
        self._exact_beginnings = tuple({start for response in responses for start in _starts(response)})
        self._pieces = {
            _bare(piece.encode("utf-8", "surrogateescape"))
            for secret in passwords
            for form in _forms(secret)
            for piece in form.split()
        }
        self._short = _standing_alone([secret for secret in passwords if len(secret) < RUN])
        bare = {
            _bare(reading.lower())
            for secret in known
            for reading in _readings(secret.encode("utf-8", "surrogateescape"))
        }
        self._whole = bare - ordinary.WORDS
        self._names = {name for name in map(_bare, _names(names)) if len(name) >= RUN and name not in bare}

    def repeated_by(self, text: bytes | str, *, cut_off: bool = False) -> bool:
        """Whether ``text``, raw or clean, repeats part of the login.

        ``cut_off``: it ends in the middle of what was being said; clean text that ends with ``…`` always does.
        """
        raw = _raw(text)
        ellipsis = ELLIPSIS.encode()
        if raw.endswith(ellipsis):
            raw, cut_off = raw[: -len(ellipsis)], True
        raw = _PROMPT.sub(b" ", raw)
        words = _STATUS.sub(b" ", raw)  # they stand between what is spread over several replies
        readings = decodings.readings(words)
        if self._short is not None and any(map(self._short.search, readings)):
            return True
        plain = any(self._plainly_repeated_by(reading, cut_off) for reading in readings | {raw})
        return plain or self._encoded_in(words, cut_off)

    def repeated_among(self, texts: Sequence[bytes | str], cut_off: Collection[int] = ()) -> set[int]:
        """The places of those ``texts`` that repeat part of the login, each by itself or several together.

        ``cut_off``: the places of texts that end in the middle of what was being said.
        """
        if not any(texts):
            return set()
        raw = [_raw(text) for text in texts]
        found = {place for place in cut_off if self.repeated_by(raw[place], cut_off=True)}
        if not self.repeated_by(b"\n".join(raw)):
            return found
        found |= {place for place, text in enumerate(raw) if place not in found and self.repeated_by(text)}
        for _ in range(MAX_ROUNDS):
            left = [place for place in range(len(raw)) if place not in found]
            together = self._together([raw[place] for place in left])
            if not together:
                return found
            found.update(left[place] for place in together)
        return set(range(len(raw)))

    def cleared(self, texts: Sequence[str]) -> list[str]:
        """Clean ``texts`` of ours that hold foreign words, with HIDDEN for those that repeat part of the login."""
        if not any(texts) or not self.repeated_by("\n".join(texts)):
            return list(texts)
        return [self._cleared(text) for text in texts]

    def _cleared(self, text: str) -> str:
        words = text.split(" ")
        hidden = self.repeated_among(words)
        for place in sorted(hidden):
            # An ordinary word, or a short one, of a secret says nothing by itself, but beside the rest of it.
            for step in (-1, 1):
                other = place + step
                while 0 <= other < len(words) and self._is_part(words[other]):
                    hidden.add(other)
                    other += step
        kept: list[str] = []
        for place, word in enumerate(words):
            if place not in hidden:
                kept.append(word)
            elif place - 1 not in hidden:
                kept.append(HIDDEN)
        return " ".join(kept)

    def _is_part(self, word: str) -> bool:
        bare = _bare(_raw(word).lower())
        return self._runs.are_in(bare) or bare in self._pieces

    def _together(self, texts: list[bytes]) -> range:
        """The least neighbours that repeat part of the login together; an empty range where none do."""

        def repeated(start: int, end: int) -> bool:
            return self.repeated_by(b"\n".join(texts[start:end]))

        if not repeated(0, len(texts)):
            return range(0)
        low, end = 0, len(texts)  # those before low do not, those before end do
        while end - low > 1:
            middle = (low + end) // 2
            low, end = (low, middle) if repeated(0, middle) else (middle, end)
        start, high = 0, end  # from start on they do, from high on they do not
        while high - start > 1:
            middle = (start + high) // 2
            start, high = (middle, high) if repeated(middle, end) else (start, middle)
        return range(start, end)

    # -- one text

    def _plainly_repeated_by(self, raw: bytes, cut_off: bool) -> bool:
        exact = _bare(raw)
        if self._exact_runs.are_in(exact) or self._exact_runs_with_symbols.are_in(raw):
            return True
        if cut_off and exact.endswith(self._exact_beginnings):
            return True
        return any(self._read_in(reading, cut_off) for reading in _readings(raw))

    def _read_in(self, reading: bytes, cut_off: bool) -> bool:
        folded = reading.lower()
        bare = _bare(folded)
        if self._long_runs.are_in(bare):
            return True
        joined = _joined(folded)
        places = self._runs.places(bare)
        for place in self._runs_with_symbols.places(joined):
            places.append(range(len(_bare(joined[: place.start])), len(_bare(joined[: place.stop]))))
        if cut_off and bare.endswith(self._beginnings):
            places.append(range(len(bare) - CUT_RUN, len(bare)))
        if not places:
            return False
        innocent = [*_ordinary_words(reading), *(place for name in self._names for place in _finds(bare, name))]
        return not all(
            place
            and any(_within(place, other) for other in innocent)
            and not any(whole in bare[place.start : place.stop] for whole in self._whole)
            for place in places
        )

    def _encoded_in(self, words: bytes, cut_off: bool) -> bool:
        views = [*decodings.of(words)]
        spelled = (text.encode("utf-8", "surrogateescape") for text in decodings.spelled(_characters(words)))
        # One after the other they would take three times as long: there are some two hundred.
        lower = _BETWEEN.join((*views, *spelled)).lower()
        bare = _bare(lower)
        if self._runs.are_in(bare) or self._long_runs.are_in(bare, LONG_STEP):
            return True
        if self._runs_with_symbols and self._runs_with_symbols.are_in(_joined(lower)):
            return True
        return cut_off and any(_bare(view.lower()).endswith(self._beginnings) for view in views)


class _Runs:
    """Runs of octets to look for."""

    def __init__(self, runs: Iterable[bytes]) -> None:
        known = set(runs)
        widths = set(map(len, known))
        self._by_width = {width: {run for run in known if len(run) == width} for width in widths}

    def __bool__(self) -> bool:
        return bool(self._by_width)

    def are_in(self, octets: bytes, step: int = 1) -> bool:
        """Whether one of them is; ``step``: whether one of them is at every so manieth place, at least."""
        for width, runs in self._by_width.items():
            if len(runs) <= _FEW and step == 1:
                if any(run in octets for run in runs):
                    return True
            elif not runs.isdisjoint(octets[start : start + width] for start in range(0, len(octets), step)):
                return True
        return False

    def places(self, octets: bytes) -> list[range]:
        """Where they are, those that overlap or touch as one."""
        found: list[range] = []
        if not self.are_in(octets):
            return found
        for start in range(len(octets)):
            for width, runs in self._by_width.items():
                if octets[start : start + width] not in runs:
                    continue
                if found and start <= found[-1].stop:
                    found[-1] = range(found[-1].start, max(found[-1].stop, start + width))
                else:
                    found.append(range(start, start + width))
        return found


# -- what to look for


def _forms(secret: str) -> Iterator[str]:
    """A password as it is, backwards, and by ROT13, each in the cases it can be compared in."""
    for form in (secret, secret[::-1], secret.translate(_ROT13)):
        yield form.lower()
        if not form.isascii():
            yield form.upper()
            yield from (_characters(reading).lower() for reading in _readings(form.encode("utf-8", "surrogateescape")))


def _bare_runs(passwords: Iterable[str]) -> Iterator[bytes]:
    for password in passwords:
        for form in _forms(password):
            for run in _windows("".join(char for char in form if char > "\x7f" or char.isalnum()), RUN):
                yield from (_bare(octets.lower()) for octets in _encodings(run))


def _runs_with_symbols(passwords: Iterable[str]) -> Iterator[bytes]:
    """Runs that separators belong to; those of one and the same are in any text."""
    for password in passwords:
        for form in _forms(" ".join(password.split())):
            for run in _windows(form, RUN):
                if len(set(run)) > 1 and any(char <= "\x7f" and not char.isalnum() for char in run):
                    yield from (
                        octets if b"\0" not in octets else _joined(octets) for octets in _encodings(run.lower())
                    )


def _response_runs(responses: Iterable[str], length: int) -> Iterator[bytes]:
    for response in responses:
        bare = _bare(response.encode("utf-8", "surrogateescape"))
        for form in (bare, bare[::-1]):
            yield from (form[start : start + length] for start in range(len(form) - length + 1))


def _standing_alone(secrets: Sequence[str]) -> re.Pattern[bytes] | None:
    """Finds secrets that are too short to be looked for inside of words."""
    from binascii import b2a_base64  # noqa: PLC0415 - hardly any secret is so short

    forms: set[bytes] = set()
    for secret in secrets:
        octets = secret.encode("utf-8", "surrogateescape")
        if octets.lower() in ordinary.WORDS:
            continue
        encoded = b2a_base64(octets, newline=False)
        forms |= {re.escape(form) for form in (octets, octets.hex().encode(), encoded, encoded.rstrip(b"="))}
        if len(secret) >= CUT_RUN:
            for form in (secret, secret[::-1]):
                forms.add(rb"[\s.:,_-]*".join(re.escape(char.encode("utf-8", "surrogateescape")) for char in form))
    if not forms:
        return None
    return re.compile(
        rb"(?<![0-9A-Za-z\x80-\xff])(?:" + b"|".join(forms) + rb")(?![0-9A-Za-z\x80-\xff])", re.IGNORECASE
    )


def _starts(secret: str) -> Iterator[bytes]:
    """What a text that was cut off may end with."""
    bare = "".join(char for char in secret if char > "\x7f" or char.isalnum())
    for length in range(CUT_RUN, min(len(bare) + 1, RUN)):
        yield bare[:length].encode("utf-8", "surrogateescape")


def _names(names: Iterable[str]) -> Iterator[bytes]:
    for name in names:
        for folded in map(bytes.lower, _readings(name.encode("utf-8", "surrogateescape"))):
            yield folded
            yield from re.split(rb"[^0-9a-z\x80-\xff]+", folded)
            yield from folded.split(b"@")


# -- how text is read


def _raw(text: bytes | str) -> bytes:
    return restored(text) if isinstance(text, str) else text


def _characters(octets: bytes) -> str:
    return octets.decode("utf-8", "surrogateescape")


def _readings(raw: bytes) -> set[bytes]:
    """``raw`` without case, accents and wide forms, and also without all that is no letter or digit, beyond ASCII."""
    if raw.isascii():
        return {raw}
    from unicodedata import combining, normalize  # noqa: PLC0415 - most text is ASCII

    parts = [char for char in normalize("NFKD", _characters(raw)) if not combining(char)]
    folded = [char if char.isascii() else char.casefold() for char in parts]
    letters = [char for char in folded if char <= "\x7f" or char.isalnum()]
    return {"".join(chars).encode("utf-8", "surrogateescape") for chars in (folded, letters)}


def _bare(octets: bytes) -> bytes:
    """Without anything that may stand between letters."""
    return octets.translate(None, _SEPARATORS)


def _joined(octets: bytes) -> bytes:
    """With one blank for each run of white space, and nothing for the NUL of UTF-16."""
    return b" ".join(octets.translate(None, b"\0").split())


def _windows(text: str, length: int) -> set[str]:
    return {text[start : start + length] for start in range(len(text) - length + 1)}


def _encodings(text: str) -> Iterator[bytes]:
    yield text.encode("utf-8", "surrogateescape")
    if not text.isascii():
        for charset in ("latin-1", "utf-16-le", "utf-16-be"):
            try:
                yield text.encode(charset)
            except UnicodeEncodeError:
                continue


def _ordinary_words(raw: bytes) -> Iterator[range]:
    """Where in ``raw`` made bare the ordinary words are, neighbours as one."""
    begin = place = 0
    for word in _WORD.findall(raw):
        end = place + len(word)
        if word.lower() not in ordinary.WORDS:
            if begin < place:
                yield range(begin, place)
            begin = end
        place = end
    if begin < place:
        yield range(begin, place)


def _finds(octets: bytes, name: bytes) -> Iterator[range]:
    start = octets.find(name)
    while start >= 0:
        yield range(start, start + len(name))
        start = octets.find(name, start + 1)


def _within(inner: range, outer: range) -> bool:
    return outer.start <= inner.start and inner.stop <= outer.stop
