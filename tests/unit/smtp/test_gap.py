"""The line that stands for lines left out, and how many it stands for when some of those are left out again."""

from __future__ import annotations

import pytest

from smtp_status.smtp import gap


@pytest.mark.parametrize("count", [1, 2, 1000])
def test_a_gap_counts_what_it_stands_for(count):
    assert gap.line(count) == f"... {count} lines left out ..."
    assert gap.width(gap.line(count)) == count


@pytest.mark.parametrize("line", ["", "<<< 250 ok", "... 5 octets in all"])
def test_any_other_line_is_one(line):
    assert gap.width(line) == 1
