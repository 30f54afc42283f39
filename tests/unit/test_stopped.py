"""What is said of whatever stopped the plugin."""

from __future__ import annotations

import sys

import pytest

from smtp_status import stopped


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError("no number"), "the plugin is damaged or has a bug: OSError: no number"),
        (ValueError("what"), "the plugin is damaged or has a bug: ValueError: what"),
        (
            ModuleNotFoundError("No module named 'other'", name="other"),
            "the plugin is damaged or has a bug: ModuleNotFoundError: No module named 'other'",
        ),
        (
            ModuleNotFoundError("No module named 'dns'", name="dns"),
            f"dnspython is missing: apt-get install python3-dnspython or pip install dnspython, for {sys.executable}",
        ),
        (
            ModuleNotFoundError("No module named 'nagiosplugin'", name="nagiosplugin"),
            "nagiosplugin is missing: apt-get install python3-nagiosplugin or pip install nagiosplugin,"
            f" for {sys.executable}",
        ),
    ],
)
def test_reasons(error: Exception, words: str) -> None:
    assert stopped.reason(error) == words


@pytest.mark.parametrize(
    ("older", "newer"),
    [("1.3", "1.3.1"), ("1.3.1", "1.3.2"), ("1.9", "1.10"), ("1.3rc1", "1.3"), ("0", "1")],
)
def test_versions_are_compared_by_their_numbers(older: str, newer: str) -> None:
    assert stopped._numbers(older) < stopped._numbers(newer)
