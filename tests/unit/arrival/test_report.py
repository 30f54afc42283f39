"""Delivery reports (RFC 3464)."""

from __future__ import annotations

import pytest

from smtp_status.arrival import fields, report
from smtp_status.arrival.report import Report

TOKEN = "0123456789abcdef" * 2
HEAD = 'Subject: Undelivered\nContent-Type: multipart/report; report-type=delivery-status; boundary="b"\n\n'
STATUS = """--b
Content-Type: message/delivery-status

Reporting-MTA: dns; edge.example.test
Arrival-Date: Fri, 27 Nov 2026 01:00:05 +0000

Final-Recipient: rfc822; good@example.test
Action: relayed
Status: 2.0.0

Final-Recipient: rfc822; bob@example.test
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 <bob@example.test>:
    Recipient address rejected

"""
PROBE = f"X-Check-SMTP-Status: 0.2.0; host=a; name=mx; probe={TOKEN}\nMessage-ID: <probe-{TOKEN}@a>\n"
WHOLE = f"--b\nContent-Type: message/rfc822\n\n{PROBE}Subject: x\n\nbody\n--b--\n"
HEADERS = f"--b\nContent-Type: text/rfc822-headers\n\n{PROBE}\n--b--\n"
WORDS = "550 5.1.1 <bob@example.test>: Recipient address rejected"


@pytest.mark.parametrize("returned", [WHOLE, HEADERS, HEADERS.replace("\n--b--\n", "")])
def test_a_bounce(returned):
    found = report.parse((HEAD + STATUS + returned).encode())
    assert found == Report(TOKEN, "mx", "failed", WORDS, "edge.example.test")


def test_a_delay():
    text = STATUS.replace("Action: relayed", "Action: delayed").replace("Action: failed", "Action: expanded")
    found = report.parse((HEAD + text + WHOLE).encode())
    assert found == Report(TOKEN, "mx", "delayed", "2.0.0", "edge.example.test")


def test_without_the_last_servers_words_the_status_counts():
    text = "".join(line for line in STATUS.splitlines(True) if "550" not in line and "Recipient add" not in line)
    found = report.parse((HEAD + text + WHOLE).encode())
    assert found is not None
    assert found.words == "5.1.1"


@pytest.mark.parametrize(
    "octets", [HEAD + STATUS, HEAD + WHOLE, HEAD, "", "Subject: x\n\n" + PROBE, HEAD + STATUS + "--b--\n" + PROBE]
)
def test_no_report_on_a_probe(octets):
    assert report.parse(octets.encode()) is None


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("multipart/report; report-type=delivery-status; boundary=b", True),
        ('Multipart/Report; boundary=b; report-type="Delivery-Status"', True),
        ("multipart/report; report-type=global-delivery-status", True),
        ("multipart/report; boundary=b", True),
        ("multipart/report; report-type=disposition-notification", False),
        ("multipart/report; report-type=feedback-report", False),
        ("text/plain", False),
        ("", False),
    ],
)
def test_by_the_content_type(kind, expected):
    assert report.is_report(fields.parse(f"Content-Type: {kind}\r\n".encode())) is expected


def test_parts_nested_without_end():
    nested = "".join(f"Content-Type: multipart/mixed; boundary=b{n}\n\n--b{n}\n" for n in range(400))
    assert report.parse((HEAD + "--b\n" + nested).encode()) is None


@pytest.mark.parametrize(
    "octets", [b"\0" * 1000, HEAD.encode() + b"\xff" * 1000, (HEAD + STATUS + WHOLE).encode("utf-16")]
)
def test_octets_that_are_nothing(octets):
    assert report.parse(octets) is None


def test_cut_anywhere_it_never_raises():
    whole = (HEAD + STATUS + WHOLE).encode()
    assert [report.parse(whole[:end]) for end in range(0, len(whole), 7)].count(None) < len(whole) // 7
