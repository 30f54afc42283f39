"""What is kept of a conversation for the transcript, and what of it is shown."""

from __future__ import annotations

import pytest

from helpers.talk import BYE, GREETING, Talk, plan
from smtp_status.secrets.repetition import HIDDEN, Login
from smtp_status.smtp import gap
from smtp_status.smtp.transcript import KEPT, LEAST_KEPT, Transcript

LOGIN = Login([b"hunter2"])


def shown(transcript: Transcript, login: Login | None = None) -> list[str]:
    return list(transcript.shown(login))


def test_all_of_a_short_one():
    transcript = Transcript()
    transcript.hear([b"220-mx1", b"220 \x1b"])
    transcript.say(b"STARTTLS")
    transcript.secure("TLSv1.3")
    transcript.hear([])
    assert shown(transcript) == ["<<< 220-mx1", "<<< 220 ␛", ">>> STARTTLS", "=== TLSv1.3"]


def test_the_beginning_and_the_end_of_a_long_one():
    transcript = Transcript()
    for number in range(10_000):
        transcript.hear([b"250 %d" % number])
    lines = shown(transcript)
    assert sum(map(len, lines)) < 2 * KEPT
    assert (lines[0], lines[-1]) == ("<<< 250 0", "<<< 250 9999")
    (place,) = (place for place, line in enumerate(lines) if line.startswith("..."))
    assert lines[place] == gap.line(10_000 - (len(lines) - 1))
    assert lines[:place] == [f"<<< 250 {number}" for number in range(place)]


def test_less_is_kept_of_each_of_many():
    transcript = Transcript(share=1000)
    for _ in range(100):
        transcript.hear([b"250 " + b"x" * 100])
    assert 2 * LEAST_KEPT <= sum(map(len, shown(transcript))) < 2 * LEAST_KEPT + 400


def test_a_reply_that_is_too_long():
    transcript = Transcript()
    transcript.hear([b"250-" + b"x" * 8000] * 100)
    assert shown(transcript) == ["<<< 250-" + "x" * (KEPT - 4) + "…", "<<< ... 100 lines in all"]


def test_a_reply_that_repeats_the_login_keeps_its_code():
    transcript = Transcript()
    transcript.hear([b"535-fine", b"535 no: hunter2"])
    transcript.hear([b"535"])
    transcript.hear([b"hunter2?"])
    transcript.say(b"NOOP hunter2")
    transcript.say(b"NOOP")
    assert shown(transcript, LOGIN) == [f"<<< 535-{HIDDEN}", "<<< 535", f"<<< {HIDDEN}", ">>> ***", ">>> NOOP"]


def test_a_login_that_is_spread_over_replies():
    transcript = Transcript()
    for reply in (b"250 2.1.0 hunt", b"250 2.1.5 er2", b"250 fine"):
        transcript.hear([reply])
        transcript.say(b"NOOP")
    assert [line for line in shown(transcript, LOGIN) if line[0] == "<"] == [f"<<< 250 {HIDDEN}"] * 2 + ["<<< 250 fine"]


def test_a_login_that_is_cut_off():
    for cut_off, line in ((True, f"<<< 535 {HIDDEN}"), (False, "<<< 535 hunt")):
        transcript = Transcript()
        transcript.hear([b"535 hunt"], cut_off=cut_off)
        assert shown(transcript, LOGIN) == [line]


@pytest.mark.parametrize("surplus", [0, 2])
def test_a_reply_that_just_fits_the_transcript_is_shown_whole(surplus):
    lines = KEPT // len("250-x.")
    hello = "\n".join(["250-x"] * (lines - 1 + surplus) + ["250 x"])
    talk = Talk(plan(), GREETING, hello, BYE)
    more = [line for line in talk.outcome.transcript if line.endswith("lines in all")]
    assert more == [f"<<< ... {lines + 2} lines in all"] * (surplus > 0)
    assert talk.outcome.transcript.count("<<< 250-x") == lines - 1 + (surplus > 0)
