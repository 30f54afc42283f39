"""Values of options that are numbers, ranges, states and rules.

Functions that take text raise ValueError with a reason that fits behind the option's name.
"""

from __future__ import annotations

import re

from nagiosplugin import Range

from ..findings import ARRIVAL_FAULTS, FAULTS
from ..stages import ALL_STAGES, STAGES
from .settings import StateRule, shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

STATES = ("ok", "warning", "critical", "unknown")
"""The states in the order of their exit codes."""

MAX_SECONDS = 1_000_000
"""Longest deadline, well below what timers of any system can hold."""

DAY = 86400.0
"""The deadline of a check that has none: a resolver or a server may hold it up, but not for ever."""

MAX_NUMBER = 1_000_000_000
"""Largest number in a range."""

MAX_DIGITS = 15
"""Digits on each side of a decimal point: not more than a float holds, and than int() is willing to read."""

# Text: few checks need them, and to compile a pattern costs more than to send a command.
_CODE = r"[2-5x][0-5x][0-9x]"
_DAYS = r"([0-9]{1,5})(?:,([0-9]{1,5}))?"


def timeout(text: str) -> tuple[float, str]:
    """``SECONDS[:STATE]``; the state is ``critical`` by default, and 0 stands for no limit of its own (a day)."""
    number, colon, state = text.partition(":")
    if not is_number(number) or float(number) > MAX_SECONDS:
        raise ValueError(f"takes SECONDS[:STATE], from 0 to {MAX_SECONDS} s, not {shown(text)}")
    seconds = float(number) or DAY
    if not colon:
        return seconds, "critical"
    if state in {"0", "1", "2", "3"}:
        return seconds, STATES[int(state)]
    return seconds, _state(state, ", or 0 to 3")


def time_range(text: str) -> Range:
    """A range of seconds as the Monitoring Plugins guidelines define it: ``10``, ``2:10``, ``~:10``,
    ``@2:10``.

    ``0`` is a real threshold: nagiosplugin is given the text, since it would take the number for none.
    """
    first, colon, last = text.removeprefix("@").partition(":")
    if not colon:
        first, last = "", first
    readable = first in {"", "~"} or is_number(first.removeprefix("-"))
    if not readable or not (first or last) or (last and not is_number(last.removeprefix("-"))):
        raise ValueError(f"takes a range of seconds such as 5, 0.1:5, ~:5 or @1:2, not {shown(text)}")
    start = 0.0 if first in {"", "~"} else float(first)
    end = float(last) if last else float(MAX_NUMBER)
    if end < 0:
        raise ValueError(f"takes a range of seconds, and no time is below 0 as {shown(text)} wants it")
    if start > end and first != "~":
        raise ValueError(f"takes a range that does not begin above its end, not {shown(text)}")
    if max(abs(start), end) > MAX_NUMBER:
        raise ValueError(f"takes a range of seconds up to {MAX_NUMBER}, not {shown(text)}")
    return Range(text)


def is_number(text: str) -> bool:
    """Whether ``text`` is a decimal number without sign and exponent: ``5``, ``0.25``, ``.5``, ``5.``."""
    whole, _, fraction = text.partition(".")
    digits = whole + fraction
    return digits.isascii() and digits.isdigit() and max(len(whole), len(fraction)) <= MAX_DIGITS


def stage(text: str, known: Collection[str] = ()) -> str:
    """The name of one of the ``known`` stages, by default those of a conversation."""
    known = known or STAGES
    if text.lower() not in known:
        raise ValueError(f"takes a stage, not {shown(text)}: {' '.join(known)}")
    return text.lower()


def stage_ranges(text: str) -> Iterator[tuple[str, Range]]:
    """``STAGE=RANGE[,…]``."""
    for item in text.split(","):
        name, equals, value = item.partition("=")
        if not equals:
            raise ValueError(f"takes STAGE=RANGE[,...], not {shown(item.strip())}")
        yield stage(name.strip(), ALL_STAGES), time_range(value.strip())


def state_rules(text: str) -> Iterator[StateRule]:
    """``STAGE[:WHAT]=STATE[,…]``, case and blanks around the parts not minded."""
    for item in text.lower().split(","):
        outcome, equals, state = item.partition("=")
        name, colon, what = (part.strip() for part in outcome.partition(":"))
        if not equals or (colon and not what):
            raise ValueError(f"takes STAGE[:WHAT]=STATE[,...], not {shown(item.strip())}")
        if name != "any" and name not in ALL_STAGES:
            raise ValueError(f"takes any or a stage, not {shown(name)}: {' '.join(ALL_STAGES)}")
        if what and not re.fullmatch(_CODE, what) and what not in {*FAULTS, *ARRIVAL_FAULTS, "failure", "error"}:
            raise ValueError(f"takes a code such as 450 or 5xx, or a kind that --help lists, not {shown(what)}")
        yield StateRule(name, what, _state(state.strip()))


def certificate_days(text: str) -> tuple[int, int | None]:
    """``WARN[,CRIT]`` in days; with fewer for WARN there would never be a warning."""
    match = re.fullmatch(_DAYS, text)
    if match is None:
        raise ValueError(f"takes WARN[,CRIT] in days such as 21,7, not {shown(text)}")
    warning, critical = int(match[1]), (int(match[2]) if match[2] else None)
    if critical is not None and warning < critical:
        raise ValueError(f"takes at least as many days for WARN as for CRIT, not {shown(text)}")
    return warning, critical


def require(text: str) -> str | int:
    """``all``, ``any`` or a number."""
    if text.lower() in {"all", "any"}:
        return text.lower()
    if not re.fullmatch(r"[1-9][0-9]{0,3}", text):
        raise ValueError(f"takes all, any or a number from 1 to 9999, not {shown(text)}")
    return int(text)


def dane(text: str) -> str:
    """How TLSA records are judged."""
    return one_of(text, "off", "try", "require")


def output_format(text: str) -> str:
    """``json``; the other formats of check_smtp are taken for the usual output, which is ''."""
    return "json" if text.lower() == "json" else ""


def tls_version(text: str) -> str:
    """A TLS version; the first two are for equipment that knows no other."""
    return one_of(text, "1.0", "1.1", "1.2", "1.3")


def one_of(text: str, *words: str) -> str:
    """One of ``words``, in lower case."""
    if text.lower() not in words:
        raise ValueError(f"takes {', '.join(words[:-1])} or {words[-1]}, not {shown(text)}")
    return text.lower()


def _state(text: str, more: str = "") -> str:
    if text.lower() not in STATES:
        raise ValueError(f"takes a STATE of {' '.join(STATES)}{more}, not {shown(text)}")
    return text.lower()
