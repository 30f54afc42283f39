"""What a conversation leaves behind: findings, times in the order of the stages, a transcript, and no secret."""

from __future__ import annotations

import base64

import pytest

from helpers.talk import BYE, EHLO, GREETING, TARGET, Talk, plan, reply, silence, unasked
from smtp_status.findings import Failure, Finding, StageTime, Target
from smtp_status.sasl.credentials import Credentials, Secret
from smtp_status.smtp.actions import Answered
from smtp_status.smtp.observations import WORDS_KEPT, Observations
from smtp_status.smtp.plan import RawCommand, Route
from smtp_status.tls.plan import TlsPlan


def observations(target: Target = TARGET, findings: tuple[Finding, ...] = (), **changes: object) -> Observations:
    return Observations(plan(**changes), Route(target, findings))


def answered(text: str, seconds: float = 0.25, **changes: object) -> Answered:
    return Answered(reply(text), seconds, 0.0)._replace(**changes)


def test_what_was_known_before_comes_first() -> None:
    known = Finding("dns", "policy", cause="an alias", default="warning")
    seen = observations(findings=(known,))
    seen.add_success("connect", 0.1, "192.0.2.10 port 25")
    assert seen.outcome(0.0).findings == (
        known,
        Finding("connect", "success", cause="192.0.2.10 port 25", seconds=0.1),
    )


def test_a_reply() -> None:
    seen = observations()
    answer = answered("550-5.1.1 no\n550 such user")
    seen.add_time("rcpt", answer)
    seen.add_reply("rcpt", "failure", answer, "our words", "bob@example.org")
    outcome = seen.outcome(0.0)
    assert outcome.findings == (
        Finding("rcpt", "failure", (550,), "5.1.1 no such user", "our words", "bob@example.org", 0.25),
    )
    assert outcome.times == (StageTime("rcpt", 0.25),)


def test_times_of_a_stage_add_up_and_what_was_not_asked_for_has_none() -> None:
    seen = observations()
    seen.add_time("rcpt", answered("250 ok", 0.25))
    seen.add_time("rcpt", answered("250 ok", 0.5))
    seen.add_time("mail", answered("421 bye", 9.0, unasked=True))
    assert seen.outcome(0.0).times == (StageTime("rcpt", 0.75),)


@pytest.mark.parametrize("broken", [True, False])
def test_a_stage_that_broke_off_has_no_time(broken: bool) -> None:
    seen = observations()
    seen.add_time("rcpt", answered("250 ok"))
    if broken:
        seen.add_failure("rcpt", Failure("closed", "closed", (b"250-half",)), "closed by the server")
        assert seen.findings == [Finding("rcpt", "closed", text="250-half", cause="closed by the server")]
    else:
        seen.add_reply("rcpt", "protocol", answered("250 ok"))
    assert seen.outcome(0.0).times == ()


@pytest.mark.parametrize(
    ("mode", "order"), [("starttls", ["banner", "ehlo", "tls", "quit"]), ("ssl", ["tls", "banner", "ehlo", "quit"])]
)
def test_times_are_in_the_order_of_the_stages(mode: str, order: list[str]) -> None:
    seen = observations(tls=TlsPlan(mode))
    for stage in ("quit", "ehlo", "banner", "tls"):
        seen.times[stage] = 1.0
    assert [time.stage for time in seen.outcome(0.0).times] == order


@pytest.mark.parametrize(("decided", "total"), [(103.5, 3.5), (100.5, 2.0)])
def test_the_total_is_at_least_the_lookup(decided: float, total: float) -> None:
    seen = observations(TARGET._replace(dns_seconds=2.0))
    seen.decided = decided
    assert seen.outcome(100.0).total == total


def test_the_transcript() -> None:
    seen = observations()
    seen.tell(answered("250-a\n250 b"), b"EHLO probe")
    seen.tell(answered("421 bye", unasked=True), b"never sent")
    seen.tell(Failure("closed", "", (b"25",), unsent=True), b"never sent")
    seen.tell(Failure("closed", "", (b"25",)), b"NOOP")
    seen.tell_secured("TLSv1.3")
    seen.say(b"QUIT")
    assert seen.outcome(0.0).transcript == (
        *(">>> EHLO probe", "<<< 250-a", "<<< 250 b"),
        "<<< 421 bye",
        "<<< 25",
        *(">>> NOOP", "<<< 25"),
        "=== TLSv1.3",
        ">>> QUIT",
    )


def test_a_long_reply_is_not_shown_whole() -> None:
    seen = observations()
    seen.tell(Failure("closed", "", (b"250-x",) * 10_000))
    shown = seen.outcome(0.0).transcript
    assert 500 < len(shown) < 1000
    assert shown[-1] == "<<< ... 10000 lines in all"


def test_of_a_long_reply_the_beginning_is_kept_for_the_sentence() -> None:
    seen = observations()
    seen.add_reply("mail", "failure", answered("550-" + "x" * 1000 + "\n550 y"))
    seen.add_reply("mail", "failure", answered("550-x\n" * 5000 + "550 y"))
    long, many = (one.text for one in seen.findings)
    assert long == "x" * WORDS_KEPT + "…"
    assert (len(many), many[-1]) == (WORDS_KEPT, "…")  # the blank at the end is none


@pytest.mark.parametrize("verbose", [0, 1])
def test_nothing_is_kept_where_nobody_wants_to_see_it(verbose: int) -> None:
    seen = observations(verbose=verbose)
    seen.tell(answered("250 ok"), b"NOOP")
    seen.say(b"QUIT")
    assert seen.outcome(0.0).transcript == ()


@pytest.mark.parametrize(("verbose", "lines"), [(2, ()), (3, ("clock: kernel for 1 of 2 replies",))])
def test_which_clock_measured(verbose: int, lines: tuple[str, ...]) -> None:
    seen = observations(verbose=verbose)
    seen.add_time("ehlo", answered("250 ok", by_kernel=True))
    seen.add_time("mail", answered("250 ok"))
    assert seen.outcome(0.0).details == lines


def test_a_secret_is_shown_nowhere() -> None:
    seen = observations(credentials=Credentials("bob", Secret("hunter2")))
    coded = base64.b64encode(b"\0bob\0hunter2").decode()
    seen.hide((), [coded.encode()])
    answer = answered(f"535 no: hunter2 {coded}")
    seen.tell(answer, f"AUTH PLAIN {coded}")
    seen.add_reply("auth", "failure", answer)
    seen.add_failure("quit", Failure("closed", "", (b"221 hunter2",)), "closed")
    shown = repr(seen.outcome(0.0))
    assert "hunter2" not in shown
    assert coded not in shown
    assert "535" in shown


def test_lines_of_a_reply_that_did_not_end_are_joined_by_a_space():
    talk = Talk(plan(), GREETING, silence(b"250-mx1", b"250-SI"), BYE)
    assert talk.decisive.text == "250-mx1 250-SI"


def test_what_was_not_sent_is_not_in_the_transcript():
    talk = Talk(plan(), GREETING, EHLO, unasked("421 closing"))
    assert [line for line in talk.outcome.transcript if line.startswith(">>>")] == [">>> EHLO probe.example.org"]
    assert talk.outcome.transcript[-1] == "<<< 421 closing"


def test_clocks_are_told_where_there_were_replies_and_all_is_asked_for():
    assert Talk(plan(), GREETING, EHLO, BYE).outcome.details == ("clock: kernel for 0 of 3 replies",)
    assert Talk(plan(), silence()).outcome.details == ()
    assert Talk(plan(verbose=1), GREETING, EHLO, BYE).outcome.details == ()


def test_commands_that_were_sent_are_in_the_transcript_and_no_others():
    def said(talk: Talk) -> list[str]:
        return [line for line in talk.outcome.transcript if line.startswith(">>>")]

    hello = ">>> EHLO probe.example.org"
    assert said(Talk(plan(), GREETING, silence(), BYE)) == [hello, ">>> QUIT"]
    assert said(Talk(plan(commands=(RawCommand(b"NOOP"),)), GREETING, EHLO, unasked("421 closing"), BYE)) == [
        hello,
        ">>> QUIT",
    ]
