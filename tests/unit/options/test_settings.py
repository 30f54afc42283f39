"""The settings themselves: their defaults, and the form of a usage error."""

from __future__ import annotations

from typing import Any

import pytest

from helpers.command_lines import made
from smtp_status.options.settings import Settings, UsageError, shown
from smtp_status.smtp.plan import Plan
from smtp_status.tls.plan import TlsPlan


def test_the_defaults() -> None:
    assert made() == Settings(plan=Plan(helo="probe.example.net"))
    assert made().plan.tls == TlsPlan()


def test_a_message_is_one_clean_line_that_fits() -> None:
    said = str(UsageError("a\nb|c<d>\x1b[0m\udcff" + "x" * 500))
    assert said.startswith("a␊b¦c‹d›␛[0m‹FF›")
    assert len(said) == 145
    assert said.endswith("…")


@pytest.mark.parametrize(
    ("value", "seen"),
    [
        ("mx", "mx"),
        ("", "''"),
        ("a b", "'a b'"),
        ("\x1b[0m", "␛[0m"),
        ("x" * 41, "x" * 20 + "…" + "x" * 19),
    ],
)
def test_how_a_value_is_shown(value: str, seen: str) -> None:
    assert shown(value) == seen


@pytest.mark.parametrize(
    ("changes", "several"),
    [
        ({}, False),
        ({"hosts": ("a", "b")}, True),
        ({"domain": "example.org"}, True),
        ({"all_addresses": True}, True),
        ({"require": 1}, False),
        ({"require": 2}, True),
        ({"require": "all"}, False),
    ],
)
def test_what_is_a_check_of_several(changes: dict[str, Any], several: bool) -> None:
    assert Settings(made().plan)._replace(**changes).several == several


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        made().port = 26  # type: ignore[misc]
