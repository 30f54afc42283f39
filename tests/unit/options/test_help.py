"""The manual: everything in it, within the width of a terminal, and its examples true."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from smtp_status.findings import ARRIVAL_FAULTS, FAULTS
from smtp_status.options import help, plan, table
from smtp_status.options.build import settings_from
from smtp_status.stages import ALL_STAGES


def test_it_fits_80_columns() -> None:
    text = help.text()
    assert text.endswith("\n")
    assert max(map(len, text.split("\n"))) <= 79
    assert text.isascii()
    assert not re.search(r"[ \t]\n", text)


def test_it_begins_with_the_usage() -> None:
    assert help.text().startswith("Usage: check_smtp_status [options] [HOST [FROM [TO [DATA]]]]\n\n")


def test_every_option_stands_once_in_its_group() -> None:
    text = help.text().partition("\nStages")[0]
    assert text.count("\n  -") == len(table.OPTIONS)
    for option in table.OPTIONS:
        assert text.count(f"\n  {help.signature(option)}\n      ") == 1
    places = [text.index(f"\n{group}:\n") for group in table.GROUPS]
    assert places == sorted(places)


@pytest.mark.parametrize(
    ("letter", "signature"),
    [
        ("H", "-H, --hostname HOST"),
        ("s", "-s, --ssl, --tls"),
        ("r", "-r, --proxy[=SRC:PORT,DST:PORT]"),
        ("t", "-t, --timeout SECONDS[:STATE]"),
    ],
)
def test_signatures(letter: str, signature: str) -> None:
    option = table.by_letter(letter)
    assert option is not None
    assert help.signature(option) == signature


def test_signature_of_extra_opts() -> None:
    ((_, option),) = table.by_name("extra-opts")
    assert help.signature(option) == "--extra-opts=[SECTION][@FILE]"


def test_every_option_says_first_what_it_is_for() -> None:
    """In words that need no RFC: a term of the protocol never comes first."""
    first = r"(Accepted for|For|How|Show|The|To|What|Where|Who|Whom|Whose)\b"
    others = [option.name for option in table.OPTIONS if not re.match(first, option.help)]
    assert others == [], "begins with none of the words in the pattern"


def test_it_tells_stages_kinds_states_and_exit_codes() -> None:
    words = " ".join(help.text().split())
    assert tuple(stage for stage, _, _ in help.STAGE_TABLE) == ALL_STAGES
    assert tuple(kind for kind, _ in help.KIND_TABLE) == (*FAULTS, *ARRIVAL_FAULTS)
    for name, what, *_ in (*help.STAGE_TABLE, *help.KIND_TABLE):
        assert f" {name} {what} " in words
    for outcome, state in help.STATE_TABLE:
        assert f"{outcome} {state}" in words
    assert "Exit codes: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN." in words
    assert "--quit-after rcpt asks for every recipient but delivers nothing." in words


@pytest.mark.parametrize(("purpose", "call"), help.EXAMPLES, ids=lambda text: text[:20])
def test_examples_are_good_command_lines(purpose: str, call: str, tmp_path: Path) -> None:
    """It raises UsageError where one is none."""
    secret = tmp_path / "secret"
    secret.write_text("hunter2\n")
    argv = [str(secret) if word.endswith(".secret") else word for word in shlex.split(call.replace("\\\n", ""))]
    settings_from(argv, {})
    assert purpose.endswith(":")


def test_options_that_make_a_message_are_the_group_of_that_name() -> None:
    group = tuple(option.name for option in table.OPTIONS if option.group == "Message")
    assert group == plan.MESSAGE_OPTIONS
