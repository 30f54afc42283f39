"""What checks of a back end have in common."""

from __future__ import annotations

from typing import Any

import pytest

from helpers.command_lines import made
from smtp_status.check import contexts
from smtp_status.options.settings import Settings
from smtp_status.resident.check import Check, Means, Wish, judging
from smtp_status.resident.trusts import Trusts
from smtp_status.smtp.plan import Plan


class Reading:
    """Settings that note what is read of them."""

    def __init__(self) -> None:
        self.read = set[str]()

    def __getattr__(self, name: str) -> Any:
        self.read.add(name)
        return getattr(Settings(Plan()), name)


def test_what_contexts_are_made_of_is_what_tells_them_apart():
    of_contexts, of_key = Reading(), Reading()
    contexts.contexts(of_contexts)
    judging(of_key)
    assert of_key.read == of_contexts.read


@pytest.mark.parametrize(
    "words",
    [
        ("-w", "5"),
        ("-c", "5"),
        ("-S", "-D", "30"),
        ("--stage-warning", "rcpt=5"),
        ("--stage-critical", "rcpt=5"),
        ("--state", "rcpt=ok"),
        ("-t", "10:unknown"),
    ],
)
def test_another_way_of_judging(words):
    assert judging(made("-H", "mx")) == judging(made("-H", "mx1", "-p", "26"))
    assert judging(made(*words)) not in {judging(made())}
    assert judging(made(*words)) in {judging(made("-v", *words))}


@pytest.mark.parametrize(
    ("words", "end", "seconds"),
    [
        ((), None, 2.5),
        (("-t", "1"), None, 0.5),
        (("-t", "40:warning"), None, 10.0),
        (("-t", "300"), 1060.0, 15.0),  # the scheduler waits for a minute
        (("-t", "x"), None, 0.5),
        (("-h",), None, 0.5),
        (("-t", "40", "--mta-sts"), None, 0.5),
        (("-t", "40", "--extra-opts=mail@/etc/some.ini"), None, 0.5),
    ],
)
def test_how_long_a_check_waits_for_room(words, end, seconds):
    means = Means(*(None,) * 3, Trusts(), None, None)
    check = Check(Wish(("-H", "mx", *words), {}, 1000.0, end, True, None), means, lambda _: None)
    assert check.patience == seconds
