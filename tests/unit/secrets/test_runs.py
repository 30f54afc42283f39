"""Runs of octets are found wherever they are, few or many of them."""

from __future__ import annotations

import pytest

from smtp_status.secrets.runs import Runs, windows


def test_windows():
    assert windows("abcd", 3) == {"abc", "bcd"}
    assert windows("ab", 3) == set()


@pytest.mark.parametrize("more", [0, 1000], ids=["few", "many"])
def test_where_they_are(more: int):
    """Few are looked for one by one, many by their places: both find the same."""
    runs = Runs([b"hunte", b"unter", b"\xc3\xa4bc", *(b"%05d" % number for number in range(more))])
    assert runs.are_in(b"said hunter2")
    assert runs.places(b"said hunter2, \xc3\xa4bc and hunte") == [range(5, 11), range(14, 18), range(23, 28)]
    assert not runs.are_in(b"said hunt er2")
    assert runs.places(b"said hunt er2") == []


def test_those_that_touch_are_one():
    assert Runs([b"abc", b"def"]).places(b"-abcdef-abc") == [range(1, 7), range(8, 11)]


def test_one_in_so_many_places_is_enough():
    """Every window of a text, looked for at each third place of a text that holds three in a row."""
    runs = Runs(run.encode() for run in windows("abcdefgh", 5))
    for before in range(3):
        assert runs.are_in(b"-" * before + b"abcdefg", 3)


def test_none_are_in_nothing():
    assert not Runs([])
    assert not Runs([]).are_in(b"anything")
    assert Runs([b"x"])
    assert not Runs([b"x"]).are_in(b"")
