"""Where a message stood."""

from __future__ import annotations

import pytest

from smtp_status.arrival.received import Hop, culprit, hops, without_comments

FIELDS = [
    "from edge.example.test by inner.example.test (Dovecot) with LMTP id x; Fri, 27 Nov 2026 01:00:20 +0000",
    "from probe (unknown [127.0.0.1]) by edge.example.test (Postfix (by me)) with ESMTP id 4V;"
    " Fri, 27 Nov 2026 02:00:05 +0100",
]
AT = 1795741205  # 2026-11-27 01:00:05 UTC


def test_hops_the_first_host_first():
    assert hops(FIELDS, AT + 16) == [Hop("edge.example.test", 15), Hop("inner.example.test", 1)]


@pytest.mark.parametrize(
    ("found", "delay", "expected"),
    [
        ([Hop("a", 15), Hop("b", 1)], 16, Hop("a", 15)),
        ([Hop("a", 15), Hop("b", 16)], 31, Hop("b", 16)),
        ([Hop("a", 10), Hop("b", 10)], 20, None),  # not more than half
        ([Hop("a", 17)], 16, Hop("a", 16)),  # seconds are rounded
        ([Hop("a", 18)], 16, None),  # longer than it all took
        ([Hop("a", 15), Hop("b", -60)], 16, Hop("a", 15)),
        ([Hop("a", 15), Hop("b", -61)], 16, None),  # clocks tell nonsense
        ([Hop("", 15)], 16, None),
        ([], 16, None),
    ],
)
def test_culprit(found, delay, expected):
    assert culprit(found, delay) == expected


@pytest.mark.parametrize(
    "value",
    [
        "",
        "from a by b",
        "by b; never",
        "; Fri, 99 Nov 2026 01:00:20 +0000",
        "by b; 1 Jan 99999999999999 00:00:00 +0000",
    ],
)
def test_fields_without_a_date_are_passed_over(value):
    assert hops([value, *FIELDS], AT + 16) == hops(FIELDS, AT + 16)
    assert hops([value], AT) == []


def test_a_loop_is_looked_at_so_far():
    assert len(hops(FIELDS * 1000, AT)) == 50


def test_comments():
    assert without_comments('a (b (c) \\) d) "e (f)" (') == 'a    "e (f)" '
    assert without_comments("(" * 200_000) == ""
