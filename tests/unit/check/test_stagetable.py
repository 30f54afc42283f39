"""The stage table of -v: times, bars, and the words of each stage in 80 columns."""

from __future__ import annotations

from helpers.known import BEGIN, BYE, CONNECTED, MAIL, RCPT, outcome
from smtp_status.check.stagetable import stage_table
from smtp_status.findings import Finding
from smtp_status.text import sentence


def test_stage_table():
    times = {"connect": 0.0001, "banner": 0.002, "ehlo": 0.0005, "mail": 0.001, "rcpt": 0.004, "quit": 0.2}
    refused = Finding("rcpt", "failure", (550,), "5.1.1 unknown")
    assert stage_table(outcome(CONNECTED, *BEGIN[1:], MAIL, RCPT, refused, RCPT, BYE, times=times)) == [
        "connect       0.100 ms #                    192.0.2.10 port 25",
        "banner        2.000 ms ##########           220 mx1 ESMTP",
        "ehlo          0.500 ms ##                   250 mx1 SIZE 10240000",
        "mail          1.000 ms #####                250 2.1.0 Ok",
        "rcpt          4.000 ms #################### failure: 550 5.1.1 unknown",
        "quit        200.000 ms #################### 221 2.0.0 Bye",
    ]


def test_stage_without_a_time():
    silent = Finding("banner", "timeout", cause="no greeting for 9.9 s")
    assert stage_table(outcome(CONNECTED, silent, times={"connect": 0.001})) == [
        "connect       1.000 ms #################### 192.0.2.10 port 25",
        "banner               -                      timeout: no greeting for 9.9 s",
    ]


def test_stage_table_fits_80_columns_and_cuts_the_reply():
    (row,) = stage_table(
        outcome(
            Finding("ehlo", "failure", (550,), sentence("5.7.1 " + "reasons why not, " * 100)), times={"ehlo": 99999.0}
        )
    )
    assert row.startswith("ehlo     99999000.000 ms ####################")
    assert row.endswith("…")


def test_all_times_zero():
    assert stage_table(outcome(CONNECTED, times={"connect": 0.0})) == [
        "connect       0.000 ms                      192.0.2.10 port 25"
    ]
