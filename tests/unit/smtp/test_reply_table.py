"""The reply table against the one of the contract, and the rules for codes it does not list."""

from __future__ import annotations

import pytest

from smtp_status.findings import COLUMNS
from smtp_status.smtp import reply_table

# command | success | failure | error; in brackets what RFC 5321 section 4.3.2 adds to RFC 821 section 4.3
WRITTEN = """
connection | 220 | 421 [554] |
EHLO, HELO, LHLO | 250 | [550] | 500 501 504 421 [502]
MAIL | 250 | 552 451 452 [450 455 550 553 555] | 500 501 421 [503]
RCPT | 250 251 [252] | 550 551 552 553 450 451 452 [455 554 555] | 500 501 503 421
DATA | 354 | 451 554 [450 550] | 500 501 503 421
message | 250 | 552 554 451 452 [450 550] | 500 501 503 421
RSET | 250 | | 500 501 504 421
SEND, SOML, SAML | 250 | 552 451 452 | 500 501 502 421
VRFY | 250 251 [252] | 550 551 553 | 500 501 502 504 421
EXPN | 250 [252] | 550 | 500 501 502 504 421
HELP | 211 214 | | 500 501 502 504 421
NOOP | 250 | | 500 421
QUIT | 221 | | 500
TURN | 250 | 502 | 500 503
STARTTLS | 220 | 454 | 500 501 502 503
AUTH | 235 | 432 454 534 535 538 | 500 501 502 503 504 530
"""

ROWS = {
    command: [frozenset(map(int, cell.replace("[", " ").replace("]", " ").split())) for cell in cells]
    for commands, *cells in (line.split("|") for line in WRITTEN.strip().splitlines())
    for command in (name.strip() for name in commands.split(","))
}

CODES = [code for code in range(100, 1000) if str(code)[0] in "2345" and str(code)[1] in "012345"]


def test_table_is_the_one_that_is_written():
    table = {command: [frozenset(map(int, cell.split())) for cell in row] for command, row in reply_table.TABLE.items()}
    assert table == ROWS


def test_no_code_stands_twice_in_a_row():
    for command, row in reply_table.TABLE.items():
        codes = " ".join(row).split()
        assert len(codes) == len(set(codes)), command


@pytest.mark.parametrize("command", ROWS)
def test_every_code(command):
    for code in CODES:
        listed = [column for column, codes in zip(COLUMNS, ROWS[command]) if code in codes]
        if listed:
            wanted = listed[0]
        elif code >= 400:
            wanted = "failure"
        elif code < 300 and command in ("MAIL", "RCPT", "RSET", "NOOP", "message"):
            wanted = "success"
        else:
            wanted = "protocol"
        assert reply_table.judge(command, code) == wanted, code


@pytest.mark.parametrize(
    ("command", "code", "column"),
    [
        ("connection", 220, "success"),
        ("connection", 221, "protocol"),
        ("connection", 250, "protocol"),
        ("connection", 354, "protocol"),
        ("connection", 421, "failure"),
        ("connection", 450, "failure"),
        ("EHLO", 220, "protocol"),
        ("EHLO", 421, "error"),
        ("MAIL", 251, "success"),
        ("MAIL", 354, "protocol"),
        ("MAIL", 530, "failure"),
        ("RCPT", 220, "success"),
        ("RCPT", 530, "failure"),
        ("DATA", 250, "protocol"),
        ("DATA", 334, "protocol"),
        ("DATA", 355, "protocol"),
        ("message", 251, "success"),
        ("message", 354, "protocol"),
        ("message", 421, "error"),
        ("AUTH", 334, "protocol"),
        ("QUIT", 250, "protocol"),
        ("QUIT", 421, "failure"),
        ("NOOP", 221, "success"),
        ("RSET", 220, "success"),
        ("STARTTLS", 250, "protocol"),
        ("HELP", 250, "protocol"),
    ],
)
def test_what_an_operator_would_stumble_over(command, code, column):
    assert reply_table.judge(command, code) == column


@pytest.mark.parametrize("verb", ["XCLIENT", "ETRN", "", "DXNLCG=="])
def test_verbs_without_a_row(verb):
    for code in CODES:
        assert reply_table.judge(verb, code) == ("success" if code < 400 else "failure"), code
