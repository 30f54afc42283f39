"""Regular expressions of ``--response``, written for the POSIX library of check_smtp."""

from __future__ import annotations

import re
import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import FrameType

SEARCH_SECONDS = 0.1
"""Processor time for a search: one such as ``(a+)+b`` may take years, and the server chooses the text."""

CLASSES = {
    "alpha": "A-Za-z",
    "digit": "0-9",
    "alnum": "A-Za-z0-9",
    "upper": "A-Z",
    "lower": "a-z",
    "xdigit": "0-9A-Fa-f",
    "space": r" \t\n\r\f\v",
    "blank": r" \t",
    "cntrl": r"\x00-\x1f\x7f",
    "graph": r"\x21-\x7e",
    "print": r"\x20-\x7e",
    "punct": r"\x21-\x2f\x3a-\x40\x5b-\x60\x7b-\x7e",
}
"""The classes of POSIX (section 9.3.5) in ASCII, as they read inside of brackets."""

_EDGES = {r"\<": r"\b(?=\w)", r"\>": r"\b(?<=\w)"}
"""Where words begin and end, as the C library of GNU has it."""

LIMIT = 998
"""Characters of an expression."""

_TOKEN = re.compile(r"\\.|\[\^?\]?|\[", re.DOTALL)
_IN_BRACKETS = re.compile(r"\[:(?P<name>[^]:]*):\]|\\.|\]|.", re.DOTALL)


def compiled(text: str) -> re.Pattern[str]:
    """The pattern to *search* in every line of a reply by itself, the line taken with its code and without its end.

    Begins ``text`` with a digit, it matches at the start of a line only.  Raises ValueError with a reason that
    fits behind the option's name.
    """
    if len(text) > LIMIT:
        raise ValueError(f"takes a regular expression of at most {LIMIT} characters")
    source = translated(text)
    # Costs nothing more: every interpreter has it loaded.
    import warnings  # noqa: PLC0415

    with warnings.catch_warnings():
        # Python warns of sets such as [[a], which other engines read differently, on standard error.
        warnings.simplefilter("ignore")
        try:
            # By itself first: "2)|(3" would otherwise become valid by what is put around it.
            pattern = re.compile(source, re.MULTILINE)
            return re.compile(f"^(?:{source})", re.MULTILINE) if "0" <= text[:1] <= "9" else pattern
        except (re.error, OverflowError, RecursionError) as error:
            reason = error.msg if isinstance(error, re.error) else "too deep or too large a repetition"
            raise ValueError(f"takes a regular expression: {reason}") from None


class Overdue(Exception):  # noqa: N818 - an end, not an error
    """The search takes too long."""


def found(pattern: re.Pattern[str], lines: Iterable[str], seconds: float = SEARCH_SECONDS) -> bool:
    """Whether the pattern is found in one of the lines; Overdue is raised after ``seconds`` of processor time.

    In the main thread only: nothing but a signal stops a search.
    """
    # Only signals that end the check are for whoever waits for signals.
    waker = signal.set_wakeup_fd(-1)
    before = signal.signal(signal.SIGVTALRM, _stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        return any(pattern.search(line) for line in lines)
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
        signal.set_wakeup_fd(waker, warn_on_full_buffer=False)


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise Overdue


def translated(text: str) -> str:
    """``text`` with the classes of POSIX, such as ``[[:space:]]``, and the edges of words in Python's words."""
    parts = []
    position = 0
    while position < len(text):
        opening = _TOKEN.match(text, position)
        if opening is None:
            parts.append(text[position])
            position += 1
            continue
        parts.append(_EDGES.get(opening[0], opening[0]))
        position = opening.end()
        if opening[0].startswith("["):
            position = _brackets(text, position, parts)
    return "".join(parts)


def _brackets(text: str, position: int, parts: list[str]) -> int:
    """Copies the inside of a bracket expression to ``parts`` and returns where it ends."""
    while position < len(text):
        item = _IN_BRACKETS.match(text, position)
        if item is None:
            break
        position = item.end()
        if item["name"] is None:
            parts.append(item[0])
            if item[0] == "]":
                break
        elif item["name"] in CLASSES:
            parts.append(CLASSES[item["name"]])
        else:
            raise ValueError(f"takes a regular expression: there is no class [:{item['name'][:20]}:]")
    return position
