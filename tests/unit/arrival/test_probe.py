"""What probes and notes say of themselves."""

from __future__ import annotations

import pytest

from smtp_status.arrival import fields, probe
from smtp_status.arrival.probe import Entry, Sender

TOKEN = "0123456789abcdef" * 2
NOTE = Entry("mx", TOKEN, 12, "mx1.example.org")


def header(*lines: str) -> fields.Fields:
    return fields.parse("\r\n".join((*lines, "", "Body: no")).encode())


def probe_fields(**more):
    made = probe.message_fields("0.2.0", "probe.example.org", "mx", TOKEN, **more)
    return [f"{name}: {value}" for name, value in made]


def test_what_was_sent_is_read_back():
    assert probe.sender(header(*probe_fields())) == Sender("mx", TOKEN)
    assert probe.sender(header(*probe_fields(seal="sent=5.000; mac=ab"))) == Sender("mx", TOKEN, "5.000", "ab")


def test_the_message_id_alone_tells_no_name():
    assert probe.sender(header(probe_fields()[0])) == Sender("", TOKEN)


def test_a_changed_message_id_does_no_harm():
    assert probe.sender(header("Message-ID: <0100@eu-west-1.example.com>", probe_fields()[1])) == Sender("mx", TOKEN)


def test_the_topmost_field_counts():
    other = "X-Check-SMTP-Status: 1; name=other; probe=" + "f" * 32
    assert probe.sender(header(other, *probe_fields())) == Sender("other", "f" * 32)


@pytest.mark.parametrize(
    "line",
    [
        "X-Check-SMTP-Status: 0.1.0; host=a",
        "X-Check-SMTP-Status: 1; name=mx; probe=" + "0" * 31,
        "X-Check-SMTP-Status: 1; name=mx; probe=" + "G" * 32,
        "X-Check-SMTP-Status: 1; name=mx; probe=" + "\u0660" * 32,
        "Message-ID: <probe-12@a>",
        f"Message-ID: <note-{TOKEN}@a>",
        f"Subject: probe={TOKEN}",
        f"In-Reply-To: <probe-{TOKEN}@a>",
        "X-Check-SMTP-Status",
        "",
    ],
)
def test_no_probe(line):
    assert probe.sender(header(line)) is None


def test_a_note_is_read_back():
    octets = probe.note(NOTE, "probe.example.org", "check@probe.example.org", "Fri, 27 Nov 2026 01:00:00 +0000")
    assert probe.entry(fields.parse(octets)) == NOTE
    assert octets.replace(b"\r\n", b"").find(b"\n") == -1
    assert octets.count(TOKEN.encode()) == 1  # not in its Message-ID, which has to differ from the probe's


@pytest.mark.parametrize(
    "line",
    [
        "Received: from a by b; Fri, 27 Nov 2026 01:00:00 +0000",
        "Return-Path: <a@example.org>",
    ],
)
def test_what_came_by_mail_is_no_note(line):
    octets = probe.note(NOTE, "a", "b@a", "now")
    assert probe.entry(fields.parse(line.encode() + b"\r\n" + octets)) is None


@pytest.mark.parametrize("said", ["name=mx; probe=1; hold=12", f"name=mx; probe={TOKEN}; hold=-1", "", "=;=;;"])
def test_broken_notes(said):
    assert probe.entry(header(f"{probe.NOTE_FIELD}: {said}")) is None


def test_tokens_differ():
    tokens = {probe.new_token() for _ in range(100)}
    assert len(tokens) == 100
    assert all(map(probe.is_token, tokens))


def test_fields_are_unfolded_and_the_body_is_none():
    found = fields.parse(b"A: 1\r\n\t2\r\nnonsense\r\n b: no\r\nC : \xff\r\n\r\nD: 4\r\n")
    assert found == [("a", "1 2 b: no"), ("c", "\\xff")]
    assert (fields.first(found, "c"), fields.first(found, "d"), fields.every(found, "a")) == (
        "\\xff",
        None,
        ["1 2 b: no"],
    )


def test_fields_of_60_kilobytes():
    long = b"X-Long: " + b"a" * 60_000 + b"\r\n" + b"X-Folded: b\r\n" + b" c\r\n" * 20_000
    found = fields.parse(long)
    assert [(name, len(value)) for name, value in found] == [("x-long", 60_000), ("x-folded", 40_001)]
