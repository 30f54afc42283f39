"""Finding what repeats part of a login in words that others wrote, in whatever form a reader could undo.

A server may send back the password it was given: as it is, in other case, backwards, with blanks between, percent
encoded, in hexadecimal, base64 and many more, cut off or spread over lines.  So nothing is replaced in such words:
where they repeat part of a login, none of them is shown.

All of it is linear in the octets looked at; how many that are, is for the caller to bound.  To be imported only where
there is a secret.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from itertools import accumulate

from ..text import ELLIPSIS, restored
from . import decodings, folding, forms, ordinary
from .runs import Runs, windows

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

HIDDEN = "[server text hidden: it repeats part of the login]"
"""What stands for words that repeat part of a login."""

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
_STATUS = re.compile(rb"\b[245]\.\d{1,3}\.\d{1,3}\b")  # RFC 3463
_PROMPT = re.compile(rb"\b(?:UGFzc3dvcmQ6|VXNlcm5hbWU6)\b")  # LOGIN's, in base64, which Postfix shows in refusals
_WORD = re.compile(rb"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[0-9]+|[\x80-\xff]+")
_SYMBOLS = re.compile(rb"[^0-9a-z\x80-\xff]+")
_PUNCTUATION = re.compile(rb" ?[.,:;/=_'\"()\[\]-]? ?")
"""What stands between words in any text."""


class Login:
    """All of a login that nobody may be shown.

    ``secrets`` are passwords and tokens; ``sent`` is what was made of them for the server: encoded responses, digests,
    proofs.  ``names`` are of the same conversation and no secret (user, hosts, addresses): where a password holds
    part of one, the name may be shown all the same.
    """

    def __init__(self, secrets: Iterable[bytes], sent: Iterable[bytes] = (), names: Iterable[str] = ()) -> None:
        known = {folding.characters(secret) for secret in secrets} - {""}
        passwords = [secret for secret in known if len(secret) <= LONG_SECRET]
        responses = [*map(folding.characters, sent), *(secret for secret in known if len(secret) > LONG_SECRET)]
        self._runs = Runs(forms.bare_runs(passwords))
        self._runs_with_symbols = Runs(forms.runs_with_symbols(passwords))
        self._exact_runs = Runs(forms.response_runs(responses, forms.RUN))
        self._exact_runs_with_symbols = Runs(
            run.encode("utf-8", "surrogateescape")
            for response in responses
            for run in windows(response, forms.RUN)
            if run.isascii() and not run.isalnum()
        )
        self._long_runs = Runs(run.lower() for run in forms.response_runs(responses, LONG_RUN))
        self._beginnings = tuple({start for secret in passwords for start in forms.beginnings(secret.lower())})
        self._exact_beginnings = tuple({start for response in responses for start in forms.beginnings(response)})
        self._pieces = {
            folding.bare(piece.encode("utf-8", "surrogateescape"))
            for secret in passwords
            for form in forms.of_password(secret)
            for piece in form.split()
        }
        self._short = forms.standing_alone([secret for secret in passwords if len(secret) < forms.RUN])
        bare = {
            folding.bare(reading.lower())
            for secret in known
            for reading in folding.folded(secret.encode("utf-8", "surrogateescape"))
        }
        self._whole = bare - ordinary.WORDS
        bare_names = set(map(folding.bare, forms.of_names(names)))
        self._names = {name for name in bare_names if len(name) >= forms.RUN and name not in bare}

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
                return self._with_rests(raw, found)
            found.update(left[place] for place in together)
        return set(range(len(raw)))

    def _with_rests(self, raw: list[bytes], found: set[int]) -> set[int]:
        """``found`` with those beside them that hold what is left of a secret, where that is too short by itself."""
        words = [folding.bare(_STATUS.sub(b"", text).lower()) for text in raw]
        grown, near = set(found), forms.RUN - 1
        for forwards in (True, False):
            beside = b""
            for place in range(len(words)) if forwards else reversed(range(len(words))):
                word = words[place]
                met = beside + word[:near] if forwards else word[-near:] + beside
                if beside and self._runs.are_in(met):
                    grown.add(place)
                whole = beside + word if forwards else word + beside
                beside = b"" if place not in grown else whole[-near:] if forwards else whole[:near]
        return grown

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
        bare = folding.bare(_raw(word).lower())
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
        exact = folding.bare(raw)
        if self._exact_runs.are_in(exact) or self._exact_runs_with_symbols.are_in(raw):
            return True
        if cut_off and exact.endswith(self._exact_beginnings):
            return True
        return any(self._read_in(reading, cut_off) for reading in folding.folded(raw))

    def _read_in(self, reading: bytes, cut_off: bool) -> bool:
        folded = reading.lower()
        bare = folding.bare(folded)
        if self._long_runs.are_in(bare):
            return True
        places = self._runs.places(bare)
        marked: list[range] = []  # with symbols that do not just stand between words
        for text in folding.spaced(folded):
            at = before = 0  # a place in the text, and what it is in the text made bare
            for found in self._runs_with_symbols.places(text):
                before += len(folding.bare(text[at : found.start]))
                at = found.start
                place = range(before, before + len(folding.bare(text[at : found.stop])))
                of_any_text = all(map(_PUNCTUATION.fullmatch, _SYMBOLS.findall(text, found.start, found.stop)))
                (places if of_any_text else marked).append(place)
        if cut_off and bare.endswith(self._beginnings):
            places.append(range(len(bare) - forms.CUT_RUN, len(bare)))
        if not (places or marked):
            return False
        names = [place for name in self._names for place in _finds(bare, name)]
        words = [*_ordinary_words(reading), *names]
        return not (self._all_are_in(words, places, bare) and self._all_are_in(names, marked, bare))

    def _all_are_in(self, innocent: list[range], places: list[range], bare: bytes) -> bool:
        """Whether what stands at ``places`` of a text made ``bare`` is part of what is ``innocent``, and no password as
        a whole."""
        innocent.sort(key=lambda one: one.start)
        starts = [one.start for one in innocent]
        furthest = [*accumulate((one.stop for one in innocent), max, initial=0)]  # of those before, the furthest end
        return all(
            place
            and furthest[bisect_right(starts, place.start)] >= place.stop
            and not any(whole in bare[place.start : place.stop] for whole in self._whole)
            for place in places
        )

    def _encoded_in(self, words: bytes, cut_off: bool) -> bool:
        views = [*decodings.of(words)]
        spelled = (text.encode("utf-8", "surrogateescape") for text in decodings.spelled(folding.characters(words)))
        # One after the other they would take three times as long: there are some two hundred.
        lower = _BETWEEN.join((*views, *spelled)).lower()
        bare = folding.bare(lower)
        if self._runs.are_in(bare) or self._long_runs.are_in(bare, LONG_STEP):
            return True
        if self._runs_with_symbols and any(map(self._runs_with_symbols.are_in, folding.spaced(lower))):
            return True
        return cut_off and any(folding.bare(view.lower()).endswith(self._beginnings) for view in views)


def _raw(text: bytes | str) -> bytes:
    return restored(text) if isinstance(text, str) else text


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
