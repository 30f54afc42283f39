"""The table of stages that ``-v`` shows below the first line: one line for each, with its time, a bar and the reply."""

from __future__ import annotations

from ..record import NamedTuple
from ..text import cut
from .summary import reply_words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..findings import Outcome

_BAR = 20
"""Columns of the longest bar."""

_SAID = 60
"""Characters of a reply."""


class Row(NamedTuple):
    """A line of the stage table that is not from the conversation; ``seconds`` None: no time."""

    stage: str
    seconds: float | None
    said: str


def stage_table(outcome: Outcome, more: Sequence[Row] = ()) -> list[str]:
    """One line for each stage: its time, a bar, and the reply or what went wrong."""
    times = dict(outcome.times)
    longest = max((seconds for stage, seconds in outcome.times if stage != "quit"), default=0.0)
    longest = max((longest, *(row.seconds or 0.0 for row in more)))
    lines = []
    for stage in dict.fromkeys(finding.stage for finding in outcome.findings):
        of_stage = [finding for finding in outcome.findings if finding.stage == stage]
        shown_finding = next((finding for finding in of_stage if not finding.succeeded), of_stage[-1])
        said = reply_words(shown_finding) if shown_finding.codes else shown_finding.cause
        if not shown_finding.succeeded:
            said = f"{shown_finding.kind}: {said}"
        lines.append(_line(Row(stage, times.get(stage), said), longest))
    return [*lines, *(_line(row, longest) for row in more)]


def _line(row: Row, longest: float) -> str:
    seconds = row.seconds
    shown = f"{seconds * 1000:10.3f} ms" if seconds is not None else f"{'-':>13}"
    filled = 0 if seconds is None or not longest else min(_BAR, max(1, round(_BAR * seconds / longest)))
    return f"{row.stage:<9}{shown} {'#' * filled:<{_BAR}} {cut(row.said, _SAID)}".rstrip()
