"""The way to a target: what is known before anybody connects stays with what comes of it."""

from __future__ import annotations

from helpers.talk import TARGET, plan
from smtp_status.findings import Finding
from smtp_status.smtp.dialogue import Dialogue
from smtp_status.smtp.route import Route


def test_nothing_is_known_of_a_target_unless_somebody_says_so():
    assert Route(TARGET) == (TARGET, (), None)


def test_what_is_known_is_found_again_in_the_outcome():
    known = Finding("dns", "policy", cause="an alias", default="warning")
    outcome = Dialogue(plan(), Route(TARGET, (known,)), 0.0).outcome(0.0)
    assert (outcome.target, outcome.findings) == (TARGET, (known,))
