"""An output that is too long made to fit: what is left out first, and what is kept."""

from __future__ import annotations

from ..smtp import gap

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Callable

    from .output import Section

OPENING_KEPT = 1024
"""Octets of the opening lines that stay, however long everything else is."""


def shortened(
    sections: Sequence[Section], opening: Sequence[str], excess_of: Callable[[Sequence[Section], Sequence[str]], int]
) -> tuple[list[Section], Sequence[str]]:
    """What is kept of ``sections`` and ``opening``; ``excess_of`` says how many octets are too many with them.

    Left out are, as far as it takes, lines of the transcripts, from their middle, likewise of the opening, then tables
    and stage times of expendable sections, then of any but the first that is not, and at last lines from the middle of
    its table.
    """
    excess = excess_of(sections, opening)
    if excess > 0:
        sections = _shorter_transcripts(sections, excess)
        excess = excess_of(sections, opening)
    if excess > 0:
        opening = _ends(opening, max(_octets_of_lines(opening) - excess, OPENING_KEPT))
        excess = excess_of(sections, opening)
    kept = list(sections)
    for reduce in (_without_table, _without_stages, _without_perfdata):
        for index in _order_of_loss(kept):
            if excess <= 0:
                break
            less = reduce(kept[index])
            excess -= _size(kept[index]) - _size(less)
            kept[index] = less
    if excess > 0:
        kept = [
            section._replace(table=_ends(section.table, _octets_of_lines(section.table) - excess)) for section in kept
        ]
    return kept, opening


def _octets(text: str) -> int:
    return len(text.encode("utf-8", "replace"))


def _octets_of_lines(lines: Sequence[str]) -> int:
    """Octets of ``lines``, their ends included."""
    return sum(_octets(line) + 1 for line in lines)


def _size(section: Section) -> int:
    """Octets a section takes, each of its parts with what separates it from the next."""
    return sum(_octets(part) + 1 for parts in section[:3] for part in parts)


def _order_of_loss(sections: Sequence[Section]) -> list[int]:
    """The expendable sections, then the others but for the first of them; the last one first."""
    backwards = range(len(sections) - 1, -1, -1)
    others = [index for index in backwards if not sections[index].expendable]
    return [index for index in backwards if sections[index].expendable] + others[:-1]


def _without_table(section: Section) -> Section:
    return section._replace(table=section.table[:1], transcript=())


def _without_stages(section: Section) -> Section:
    return section._replace(perfdata=section.perfdata[:1])


def _without_perfdata(section: Section) -> Section:
    return section._replace(table=(), transcript=(), perfdata=())


def _shorter_transcripts(sections: Sequence[Section], excess: int) -> list[Section]:
    """The sections with ``excess`` octets less of transcripts, as far as there are so many, each by its share."""
    sizes = [_octets_of_lines(section.transcript) for section in sections]
    whole = sum(sizes)
    if not whole:
        return list(sections)
    left = max(whole - excess, 0)
    return [
        section._replace(transcript=_ends(section.transcript, size * left // whole))
        for section, size in zip(sections, sizes)
    ]


def _ends(lines: Sequence[str], budget: int) -> list[str]:
    """As many of the first and the last lines as fit, and a line between that says how many are missing, those that
    were left out before too."""
    left = budget - len(gap.line(100_000_000)) - 1
    if left < 0:
        return []
    head, tail = 0, 0
    while head + tail < len(lines):
        from_head = head <= tail
        left -= _octets(lines[head] if from_head else lines[-1 - tail]) + 1
        if left < 0:
            break
        head, tail = (head + 1, tail) if from_head else (head, tail + 1)
    if head + tail == len(lines):
        return list(lines)
    missing = sum(map(gap.width, lines[head : len(lines) - tail]))
    return [*lines[:head], gap.line(missing), *lines[len(lines) - tail :]]
