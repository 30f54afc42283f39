"""The whole output: one form that Nagios, Icinga, Sensu, Telegraf and Checkmk all read, within 8 KiB."""

from __future__ import annotations

import os

MAX_OUTPUT = 8 * 1024 - 1
"""Octets of the whole output, the line end included."""


def render(first: str, blocks: list[list[str]], ending: str, perfdata: list[str]) -> str:
    """The output as text.

    Without ``blocks`` it is one line.  Else the blocks stand below the first line, and the perfdata once at the very
    end, where the parsers of all consumers find it.  Where it is too long, lines of the last block that is long
    enough are left out, from its middle.  ``ending`` is the last line before the perfdata, '' for none.
    """
    tail = " ".join(perfdata)
    if not blocks and not ending:
        return f"{first} | {tail}\n" if tail else f"{first}\n"
    last = ([ending] if ending else []) + ([f"| {tail}"] if tail else [])
    budget = MAX_OUTPUT - _octets([first]) - _octets(last)
    kept: list[list[str]] = []
    for block in blocks:
        kept.append(_shortened(block, budget))
        budget -= _octets(kept[-1])
    lines = [first, *(line for block in kept for line in block), *last]
    return "\n".join(lines) + "\n"


def write(text: str) -> None:
    """Write to standard output as UTF-8 whatever the locale.  A closed or full output is nobody's to hear of."""
    data = memoryview(text.encode("utf-8", "backslashreplace"))
    try:
        while data:
            data = data[os.write(1, data) :]
    except OSError:
        return


def _octets(lines: list[str]) -> int:
    return sum(len(line.encode("utf-8", "backslashreplace")) + 1 for line in lines)


def _shortened(lines: list[str], budget: int) -> list[str]:
    """The lines, or as many of the first and the last as fit, with a line between that says how many are missing."""
    if _octets(lines) <= budget:
        return lines
    head: list[str] = []
    tail: list[str] = []
    left = budget - len("... 1000000 lines left out ...\n")
    rest = list(lines)
    while rest:
        line = rest[0] if len(head) <= len(tail) else rest[-1]
        left -= _octets([line])
        if left < 0:
            break
        if line is rest[0] and len(head) <= len(tail):
            head.append(rest.pop(0))
        else:
            tail.append(rest.pop())
    if budget < _octets(["... 1000000 lines left out ..."]):
        return []
    return [*head, f"... {len(rest)} lines left out ...", *reversed(tail)]
