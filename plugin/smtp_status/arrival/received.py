"""Where a message stood: the Received fields of its header (RFC 5321 section 4.4).

Each date in them is another host's clock, in whole seconds.
"""

from __future__ import annotations

from ..record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

SKEW = 60
"""Seconds by which a clock may be behind the one before: with more the differences say nothing."""

MOST = 50
"""Fields that are looked at; loops are cut by servers after a hundred at the latest."""


class Hop(NamedTuple):
    """``seconds`` a message stood at ``host``; negative where the clocks differ."""

    host: str
    seconds: int


def hops(values: Sequence[str], delivered: int) -> list[Hop]:
    """Where a message stood, the first host first.

    ``values`` are those of the Received fields, the topmost first; ``delivered`` is when it was put into the mailbox,
    in seconds since the epoch.  A field without a date that can be read counts as part of the hop before it.
    """
    stamps = [(host, at) for host, at in map(_stamp, reversed(values[:MOST])) if at is not None]
    ends = [at for _, at in stamps[1:]] + [delivered]
    return [Hop(host, end - at) for (host, at), end in zip(stamps, ends)]


def culprit(found: Sequence[Hop], delay: float) -> Hop | None:
    """The hop that explains more than half of ``delay`` seconds; None where none does, or clocks tell nonsense."""
    if not found or any(hop.seconds < -SKEW for hop in found):
        return None
    longest = max(found, key=lambda hop: hop.seconds)
    # Two whole seconds differ by one more than what lies between them.
    if not delay / 2 < longest.seconds <= delay + 1 or not longest.host:
        return None
    return longest._replace(seconds=min(longest.seconds, int(delay)))


def _stamp(value: str) -> tuple[str, int | None]:
    from datetime import timezone  # noqa: PLC0415 - for mail that came late, or at -v
    from email.utils import parsedate_to_datetime  # noqa: PLC0415 - as above

    before, semicolon, date = value.rpartition(";")
    if not semicolon:
        return "", None
    try:
        at = parsedate_to_datetime(date)
        # ``-0000`` is UTC of a host that does not tell its zone.
        return _by(before), int((at if at.tzinfo else at.replace(tzinfo=timezone.utc)).timestamp())
    except (ValueError, OverflowError, IndexError, TypeError):
        return "", None


def _by(value: str) -> str:
    """The word behind ``by``, outside of comments."""
    words = without_comments(value).split()
    for word, following in zip(words, words[1:]):
        if word.lower() == "by":
            return following.rstrip(";")
    return ""


def without_comments(value: str) -> str:
    """``value`` without what stands in parentheses, nested ones too (RFC 5322 section 3.2.2); quoted strings stay."""
    kept = []
    depth, quoted, skip = 0, False, False
    for char in value:
        if skip:
            skip = False
        elif char == "\\" and (quoted or depth):
            skip = True
        elif char == '"' and not depth:
            quoted = not quoted
        elif char == "(" and not quoted:
            depth += 1
            continue
        elif char == ")" and depth:
            depth -= 1
            kept.append(" ")
            continue
        if not depth:
            kept.append(char)
    return "".join(kept)
