"""The rows of the stages: each is complete, and all that a run has is known to them."""

from __future__ import annotations

import pytest

from smtp_status import stages
from smtp_status.findings import Finding
from smtp_status.options import build, commandline
from smtp_status.options.settings import UsageError
from smtp_status.smtp.plan import Plan


@pytest.mark.parametrize("row", stages.ROWS, ids=lambda row: row.name)
def test_a_row_is_complete(row):
    assert bool(row.needs) == bool(row.without)
    assert bool(row.success) == bool(row.successes)
    assert stages.row(row.name) is row


def test_what_stages_need_is_what_a_run_can_have():
    has = build._has(commandline.parse([]), Plan(), ["127.0.0.1"])
    assert {row.needs for row in stages.ROWS} - {""} == set(has)


@pytest.mark.parametrize("row", [row for row in stages.ROWS if row.needs], ids=lambda row: row.name)
def test_where_a_stage_is_not_there_it_says_what_it_takes(row):
    with pytest.raises(UsageError) as error:
        build.settings_from(["-H", "192.0.2.1", "--quit-after", row.name], {})
    assert str(error.value) == f"--quit-after {row.name} is a stage this run does not have, {row.without}"


def test_a_new_row_is_all_that_quit_after_takes(monkeypatch):
    """A stage that every run has, and one that needs recipients."""
    rows = (*stages.ROWS, stages.Stage("etrn"), stages.Stage("late", "recipients", "it takes --to"))
    monkeypatch.setattr(stages, "ROWS", rows)
    monkeypatch.setattr(stages, "STAGES", tuple(row.name for row in rows))
    monkeypatch.setattr("smtp_status.options.values.STAGES", stages.STAGES)
    assert build.settings_from(["-H", "192.0.2.1", "--quit-after", "etrn"], {}).plan.quit_after == "etrn"
    with pytest.raises(UsageError, match=r"late is a stage this run does not have, it takes --to"):
        build.settings_from(["-H", "192.0.2.1", "--quit-after", "late"], {})


def test_findings_speak_of_stages():
    assert Finding("rcpt", "success").stage in stages.STAGES
