"""The table of options: what every row of it must be, whatever the option is for."""

from __future__ import annotations

import re

import pytest

from smtp_status.options import table

EACH = pytest.mark.parametrize("option", table.OPTIONS, ids=lambda option: option.name)


@EACH
def test_a_row(option: table.Option) -> None:
    assert all(re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name) for name in option.names)
    assert re.fullmatch(r"[A-Za-z0-9]?", option.letter)
    assert option.group in table.GROUPS
    assert option.help.endswith(".")
    assert option.help.isascii()


@EACH
def test_only_an_option_with_a_value_can_have_an_optional_or_a_secret_one(option: table.Option) -> None:
    assert option.metavar or not (option.optional or option.secret)


def test_no_group_is_empty_and_their_rows_stand_together() -> None:
    groups = [option.group for option in table.OPTIONS]
    assert tuple(dict.fromkeys(groups)) == table.GROUPS
    assert groups == sorted(groups, key=table.GROUPS.index)


def test_the_password_is_the_secret() -> None:
    assert [option.name for option in table.OPTIONS if option.secret] == ["authpass", "imap-pass"]


@EACH
def test_found_by_letter_and_by_every_name(option: table.Option) -> None:
    if option.letter:
        assert table.by_letter(option.letter) is option
    for name in option.names:
        assert list(table.by_name(name)) == [(name, option)]


def test_nothing_is_found_by_nothing() -> None:
    assert table.by_letter("") is None
    assert table.by_letter("?") is None
    assert list(table.by_name("unheard-of")) == []


def test_the_beginning_of_a_name_finds_all_it_may_stand_for() -> None:
    assert [name for name, _ in table.by_name("stage")] == ["stage-warning", "stage-critical"]
    assert [name for name, _ in table.by_name("authp")] == ["authpass", "authpass-file"]
    # one that is whole is not the beginning of another
    assert [name for name, _ in table.by_name("authpass")] == ["authpass"]
    assert [name for name, _ in table.by_name("data")] == ["data"]
