"""The sentence of the first line, word for word."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nagiosplugin import Range

from helpers.known import BEGIN, BYE, CONNECTED, DATA, MAIL, RCPT, WHOLE, line, outcome
from helpers.talk import SENDER, plan
from smtp_status import stages
from smtp_status.check.stagetable import stage_table
from smtp_status.check.summary import problem
from smtp_status.findings import FAULTS, Days, Finding, Target
from smtp_status.stages import STAGES
from smtp_status.text import clean, sentence

TLS = Finding("tls", "success", cause="TLSv1.3 TLS_AES_256_GCM_SHA384")
LONG = "5.7.1 " + "reasons why not, " * 100


# -- what went well


@pytest.mark.parametrize(
    ("findings", "words"),
    [
        (WHOLE, "accepted the message in 0.084 s: 250 2.0.0 Ok: queued as 4Vx1"),
        ((*BEGIN, MAIL, RCPT, BYE), "accepted the recipient in 0.084 s: 250 2.1.5 Ok"),
        ((*BEGIN, MAIL, RCPT, DATA), "accepted the recipient in 0.084 s: 250 2.1.5 Ok"),
        ((*BEGIN, MAIL, BYE), "accepted the sender in 0.084 s: 250 2.1.0 Ok"),
        (
            (*BEGIN, Finding("auth", "success", (235,), "2.7.0 welcome", "PLAIN"), BYE),
            "authenticated in 0.084 s: 235 2.7.0 welcome",
        ),
        ((*BEGIN, BYE), "answered in 0.084 s: 250 mx1 SIZE 10240000"),
        (BEGIN[:2], "answered in 0.084 s: 220 mx1 ESMTP"),
        ((*BEGIN, Finding("command", "success", (214,), "see RFC"), BYE), "answered in 0.084 s: 214 see RFC"),
        ((CONNECTED,), "connected in 0.084 s: 192.0.2.10 port 25"),
        ((CONNECTED, TLS), "answered in 0.084 s: TLSv1.3 TLS_AES_256_GCM_SHA384"),
        (
            (Finding("dns", "success", cause="192.0.2.10, 2001:db8::1"),),
            "was found in 0.084 s: 192.0.2.10, 2001:db8::1",
        ),
    ],
)
def test_success(findings, words):
    assert line(outcome(*findings)) == f"SMTP OK - mx1.example.org {words}"


def test_a_reply_without_words():
    bare = Finding("message", "success", (250,), "")
    assert line(outcome(*WHOLE[:-2], bare, BYE)) == "SMTP OK - mx1.example.org accepted the message in 0.084 s: 250"


def test_of_several_recipients_the_last_that_was_accepted():
    findings = (*BEGIN, MAIL, RCPT._replace(text="first"), RCPT._replace(text="second"), BYE)
    assert line(outcome(*findings)) == "SMTP OK - mx1.example.org accepted the recipient in 0.084 s: 250 second"


def test_of_several_servers_the_last_stage_with_words_of_its_own(monkeypatch):
    """Also where it is a stage that is new: its row is all it takes."""
    servers = [outcome(*WHOLE, target=Target(name, (), name)) for name in ("mx1", "mx2")]
    hosts = ("mx1", "mx2")
    assert line(*servers, hosts=hosts) == "SMTP OK - 2 of 2 servers accept mail"
    late = stages.Stage("late", "recipients", "it takes --to", "filed the message", "file mail")
    monkeypatch.setattr(stages, "ROWS", (*stages.ROWS, late))
    assert line(*servers, hosts=hosts) == "SMTP OK - 2 of 2 servers file mail"
    to_nobody = plan(sender=SENDER)
    assert line(*servers, hosts=hosts, plan=to_nobody) == "SMTP OK - 2 of 2 servers accept the sender"


# -- negative tests


def test_a_negative_test_that_held():
    denied = Finding("rcpt", "failure", (554,), "5.7.1 x@elsewhere.example: Relay access denied")
    assert line(outcome(*BEGIN, MAIL, denied), state="rcpt:5xx=ok,rcpt:2xx=critical") == (
        "SMTP OK - mx1.example.org rcpt: 554 5.7.1 x@elsewhere.example: Relay access denied (as wanted)"
    )


def test_a_refusal_that_a_raw_command_expects():
    refused = Finding("rcpt", "success", (550,), "5.1.1 no such user")
    assert line(outcome(*BEGIN, MAIL, refused, BYE)) == (
        "SMTP OK - mx1.example.org rcpt: 550 5.1.1 no such user (as wanted)"
    )
    assert line(outcome(*BEGIN, MAIL, refused, RCPT, BYE)) == (
        "SMTP OK - mx1.example.org accepted the recipient in 0.084 s: 250 2.1.5 Ok"
    )
    hung_up = Finding("quit", "closed", cause="connection closed by the server before the reply to QUIT")
    assert line(outcome(*BEGIN, MAIL, refused, hung_up)) == (
        "SMTP WARNING - mx1.example.org quit: connection closed by the server before the reply to QUIT"
        " (accepted the sender before)"
    )


def test_of_several_faults_that_are_harmless_the_last_one_is_what_was_wanted():
    expired = Finding("tls", "expired", cause="certificate expired 3 days ago")
    denied = Finding("rcpt", "failure", (554,), "5.7.1 Relay access denied")
    assert line(outcome(*BEGIN, expired, MAIL, denied), state="tls:expired=ok,rcpt:5xx=ok") == (
        "SMTP OK - mx1.example.org rcpt: 554 5.7.1 Relay access denied (as wanted)"
    )


@pytest.mark.parametrize("stage", ["rcpt", "message"])
def test_of_several_recipients_one_that_is_refused_hides_no_other(stage):
    words = {"rcpt": "accepted the recipient", "message": "accepted the message"}[stage]
    before = (*BEGIN, MAIL) if stage == "rcpt" else (*BEGIN, MAIL, RCPT, RCPT, DATA)
    accepted = Finding(stage, "success", (250,), "Ok", about="a@example.org")
    refused = Finding(stage, "failure", (452,), "4.2.2 quota", about="b@example.org")
    for both in ((accepted, refused), (refused, accepted)):
        assert line(outcome(*before, *both, BYE), state=f"{stage}:452=ok") == (
            f"SMTP OK - mx1.example.org {words} in 0.084 s: 250 Ok ({stage}: 452 4.2.2 quota, tolerated)"
        )


@pytest.mark.parametrize(
    ("end", "words"),
    [
        (
            Finding("rcpt", "timeout", cause="no reply to RCPT for 1.0 s"),
            "timed out at rcpt: no reply to RCPT for 1.0 s",
        ),
        (Finding("rcpt", "failure", (421,), "4.3.2 closing", about="b@example.org"), "rcpt: 421 4.3.2 closing"),
        (Finding("rcpt", "protocol", (), "x50 ok", cause="no reply code"), "rcpt: no reply code: x50 ok"),
    ],
)
def test_where_the_conversation_ended_at_a_recipient_the_one_before_is_no_success(end, words):
    accepted = Finding("rcpt", "success", (250,), "Ok", about="a@example.org")
    told = line(outcome(*BEGIN, MAIL, accepted, end), state="rcpt=ok")
    assert told.startswith(f"SMTP OK - mx1.example.org {words}")
    assert "as wanted)" in told


def test_a_policy_in_testing_is_no_refusal():
    lacking = Finding("sts", "missing", cause="MTA-STS policy (testing): STARTTLS not offered", default="warning")
    assert line(outcome(*BEGIN, lacking, BYE), state="sts:missing=ok") == (
        "SMTP OK - mx1.example.org answered in 0.084 s: 250 mx1 SIZE 10240000"
        " (sts: MTA-STS policy (testing): STARTTLS not off…, tolerated)"
    )


def test_a_negative_test_that_did_not_hold():
    assert line(outcome(*BEGIN, MAIL, RCPT, BYE), state="rcpt:5xx=ok,rcpt:2xx=critical") == (
        "SMTP CRITICAL - mx1.example.org rcpt: 250 2.1.5 Ok (not wanted)"
    )


def test_a_fault_on_the_way_that_is_held_harmless():
    expired = Finding("tls", "expired", cause="certificate expired 3 days ago")
    assert line(outcome(*BEGIN, expired, *WHOLE[3:]), state="tls:expired=ok") == (
        "SMTP OK - mx1.example.org accepted the message in 0.084 s: 250 2.0.0 Ok: queued as 4Vx1"
        " (tls: certificate expired 3 days ago, tolerated)"
    )


def test_a_quit_that_is_ignored_is_not_mentioned():
    late = Finding("quit", "timeout", cause="no reply to QUIT for 2.0 s")
    assert line(outcome(*WHOLE[:-1], late), state="quit=ok") == line(outcome(*WHOLE))


def test_a_deadline_that_is_fine():
    silent = Finding("banner", "timeout", cause="no greeting for 1.0 s")
    assert line(outcome(CONNECTED, silent), timeout_state="ok") == (
        "SMTP OK - mx1.example.org timed out at banner: no greeting for 1.0 s (as wanted)"
    )


# -- problems


@pytest.mark.parametrize(
    ("finding", "words"),
    [
        (
            Finding("rcpt", "failure", (450,), "4.2.0 bob@example.org: Greylisted, try again later"),
            "WARNING - mx1.example.org rcpt: 450 4.2.0 bob@example.org: Greylisted, try again later",
        ),
        (
            Finding("message", "timeout", cause="no reply for 9.9 s after the final dot"),
            "CRITICAL - mx1.example.org timed out at message: no reply for 9.9 s after the final dot",
        ),
        (
            Finding("connect", "refused", cause="connection refused by 192.0.2.10 port 25"),
            "CRITICAL - mx1.example.org connect: connection refused by 192.0.2.10 port 25",
        ),
        (Finding("dns", "notfound", cause="no such host"), "CRITICAL - mx1.example.org dns: no such host"),
        (
            Finding("dns", "timeout", cause="no answer from the resolver for 2.0 s"),
            "CRITICAL - mx1.example.org timed out at dns: no answer from the resolver for 2.0 s",
        ),
        (
            Finding("rcpt", "failure", (550,), "5.1.1 unknown", about="bob@example.org"),
            "CRITICAL - mx1.example.org rcpt: 550 5.1.1 unknown (for bob@example.org)",
        ),
        (
            Finding("command", "failure", (550,), "unknown", about="VRFY bob"),
            "CRITICAL - mx1.example.org command: 550 unknown (VRFY bob)",
        ),
        (
            Finding("command", "mismatch", (250,), "ok", "not as -R expects", "NOOP"),
            "CRITICAL - mx1.example.org command: 250 ok (NOOP, not as -R expects)",
        ),
        (
            Finding("auth", "failure", (535,), "5.7.8 no", "credentials rejected"),
            "CRITICAL - mx1.example.org auth: 535 5.7.8 no (credentials rejected)",
        ),
        (
            Finding("banner", "protocol", (250,), "hello", "not a greeting"),
            "CRITICAL - mx1.example.org banner: 250 hello (not a greeting)",
        ),
        (
            Finding("ehlo", "protocol", (250, 550), "a b", "lines of one reply have different codes, 250 and 550"),
            "CRITICAL - mx1.example.org ehlo: 250 and 550 a b (lines of one reply have different codes, 250 and 550)",
        ),
        (
            Finding("banner", "protocol", (), "SSH-2.0-OpenSSH", "no reply code"),
            "CRITICAL - mx1.example.org banner: no reply code: SSH-2.0-OpenSSH",
        ),
        (
            Finding("mail", "closed", cause="connection closed by the server before the reply to MAIL"),
            "CRITICAL - mx1.example.org mail: connection closed by the server before the reply to MAIL",
        ),
        (
            Finding("starttls", "missing", cause="STARTTLS not offered"),
            "CRITICAL - mx1.example.org starttls: STARTTLS not offered",
        ),
        (
            Finding("tls", "expired", cause="certificate expired 3 days ago"),
            "CRITICAL - mx1.example.org tls: certificate expired 3 days ago",
        ),
        (Finding("ehlo", "failure", (421,), ""), "CRITICAL - mx1.example.org ehlo: 421"),
    ],
)
def test_problem(finding, words):
    assert line(outcome(finding)) == f"SMTP {words}"


@pytest.mark.parametrize("cause", ["no usable address, only ::", "no address but fe80::", "not a port:"])
def test_a_cause_keeps_the_colons_it_ends_with(cause):
    found = outcome(Finding("dns", "nodata", cause=cause))
    assert line(found) == f"SMTP CRITICAL - mx1.example.org dns: {cause}"


@pytest.mark.parametrize(
    ("finding", "words"),
    [
        (Finding("quit", "failure", (421,), "4.3.2 busy"), "quit: 421 4.3.2 busy (accepted the message before)"),
        (
            Finding("quit", "timeout", cause="no reply to QUIT for 2.0 s"),
            "timed out at quit: no reply to QUIT for 2.0 s (accepted the message before)",
        ),
        (
            Finding("quit", "protocol", text="250 again", cause="data before it was asked for"),
            "quit: data before it was asked for: 250 again (accepted the message before)",
        ),
        (
            Finding("quit", "protocol", (250,), "again", "not a reply to QUIT"),
            "quit: 250 again (not a reply to QUIT, accepted the message before)",
        ),
    ],
)
def test_quit(finding, words):
    assert line(outcome(*WHOLE[:-1], finding)) == f"SMTP WARNING - mx1.example.org {words}"


def test_the_worst_finding_is_named_and_of_equals_the_first():
    later = Finding("rcpt", "failure", (450,), "later", about="a@b")
    never = Finding("rcpt", "failure", (550,), "never", about="c@d")
    again = Finding("rcpt", "failure", (551,), "again", about="e@f")
    assert line(outcome(*BEGIN, MAIL, later, never, again)) == (
        "SMTP CRITICAL - mx1.example.org rcpt: 550 never (for c@d, 3 of 3 refused)"
    )
    assert line(outcome(*BEGIN, MAIL, never, later), state="rcpt:550=unknown,rcpt:450=critical") == (
        "SMTP CRITICAL - mx1.example.org rcpt: 450 later (for a@b, 2 of 2 refused)"
    )
    assert line(outcome(*BEGIN, MAIL, later, never), state="rcpt:5xx=unknown") == (
        "SMTP UNKNOWN - mx1.example.org rcpt: 550 never (for c@d, 2 of 2 refused)"
    )


BOB = Finding("rcpt", "failure", (550,), "5.1.1 User unknown", about="bob@example.org")
EVE = BOB._replace(about="eve@example.org")
ANN = RCPT._replace(about="ann@example.org")


@pytest.mark.parametrize(
    ("findings", "words"),
    [
        ((BOB, ANN), "rcpt: 550 5.1.1 User unknown (for bob@example.org)"),
        ((ANN, EVE, ANN), "rcpt: 550 5.1.1 User unknown (for eve@example.org)"),
        ((BOB, EVE), "rcpt: 550 5.1.1 User unknown (for bob@example.org, 2 of 2 refused)"),
        ((ANN, BOB, EVE), "rcpt: 550 5.1.1 User unknown (for bob@example.org, 2 of 3 refused)"),
        # of a stage by itself: the message is for those accepted before
        ((BOB, ANN, EVE._replace(stage="message")), "rcpt: 550 5.1.1 User unknown (for bob@example.org)"),
        (
            (ANN, ANN, BOB._replace(stage="message"), EVE._replace(stage="message")),
            "message: 550 5.1.1 User unknown (for bob@example.org, 2 of 2 refused)",
        ),
    ],
)
def test_how_many_recipients_were_refused(findings, words):
    assert line(outcome(*BEGIN, MAIL, *findings)) == f"SMTP CRITICAL - mx1.example.org {words}"


def test_a_negative_test_with_several_recipients():
    assert line(outcome(*BEGIN, MAIL, BOB, EVE), state="rcpt:5xx=ok") == (
        "SMTP OK - mx1.example.org rcpt: 550 5.1.1 User unknown (for bob@example.org, 2 of 2 refused, as wanted)"
    )
    assert line(outcome(*BEGIN, MAIL, BOB, EVE, ANN), state="rcpt:5xx=ok,rcpt:2xx=critical") == (
        "SMTP CRITICAL - mx1.example.org rcpt: 250 2.1.5 Ok (for ann@example.org, not wanted)"
    )


def test_a_long_recipient_leaves_room_for_the_count():
    recipients = [BOB._replace(about=f"{letter * 64}@mail.example.org") for letter in "ab"]
    assert line(outcome(*BEGIN, MAIL, *recipients)) == (
        "SMTP CRITICAL - mx1.example.org rcpt: 550 5.1.1 User unknown"
        " (for aaaaaaaaaaaaaaaaaaaa…aa@mail.example.org, 2 of 2 refused)"
    )


def test_a_challenge_is_for_programs():
    forged = Finding("auth", "protocol", (334,), "dj1BQUFB", "SCRAM-SHA-256 server signature is false")
    assert line(outcome(*BEGIN, forged)) == (
        "SMTP CRITICAL - mx1.example.org auth: 334 (SCRAM-SHA-256 server signature is false)"
    )
    assert stage_table(outcome(*BEGIN, forged))[-1].endswith(" protocol: 334")
    (told,) = stage_table(outcome(Finding("command", "success", (334,), "VXNlcm5hbWU6", about="AUTH LOGIN")))
    assert told.endswith(" 334 VXNlcm5hbWU6")


# -- too slow, or not for long


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        (
            {"warning": Range("5")},
            "WARNING - mx1.example.org accepted the message, but it took 6.000 s, at most 5 s wanted",
        ),
        (
            {"critical": Range("0.5")},
            "CRITICAL - mx1.example.org accepted the message, but it took 6.000 s, at most 0.5 s wanted",
        ),
        (
            {"warning": Range("7:")},
            "WARNING - mx1.example.org accepted the message, but it took 6.000 s, at least 7 s wanted",
        ),
        (
            {"warning": Range("@5:7")},
            "WARNING - mx1.example.org accepted the message, but it took 6.000 s, outside of 5 to 7 s wanted",
        ),
        (
            {"stage_critical": {"banner": Range("0.0005")}},
            "CRITICAL - mx1.example.org accepted the message, but banner took 0.001 s, at most 0.0005 s wanted",
        ),
        (
            {"warning": Range("5"), "critical": Range("10")},
            "WARNING - mx1.example.org accepted the message, but it took 6.000 s, at most 5 s wanted",
        ),
    ],
)
def test_too_slow(limits, words):
    assert line(outcome(*WHOLE, total=6.0), **limits) == f"SMTP {words}"


@pytest.mark.parametrize(
    ("limit", "words"),
    [
        ("@1:10", "outside of 1 to 10 s"),
        ("@10", "more than 10 s"),
        ("@~:10", "more than 10 s"),
        ("@5:", "less than 5 s"),
        ("@~:", "less than 0 s"),
        ("10:", "at least 10 s"),
        ("~:5", "at most 5 s"),
    ],
)
def test_every_form_of_a_range(limit, words):
    assert line(outcome(*WHOLE, total=6.0), warning=Range(limit)) == (
        f"SMTP WARNING - mx1.example.org accepted the message, but it took 6.000 s, {words} wanted"
    )


SAID = {20: "expires in 20 days", 1: "expires in 1 day", 0: "expires in 5 hours", -3: "expired 3 days ago"}


@pytest.mark.parametrize(
    ("days", "words"),
    [
        (20, "WARNING - mx1.example.org accepted the message, but the certificate expires in 20 days, more than 21"),
        (1, "CRITICAL - mx1.example.org accepted the message, but the certificate expires in 1 day, more than 7"),
        (0, "CRITICAL - mx1.example.org accepted the message, but the certificate expires in 5 hours, more than 7"),
        (-3, "CRITICAL - mx1.example.org accepted the message, but the certificate expired 3 days ago, more than 7"),
    ],
)
def test_not_for_long(days, words):
    assert line(outcome(*WHOLE, tls_days=Days(days, SAID[days], 0)), certificate_days=(21, 7)) == f"SMTP {words} wanted"


def test_a_finding_is_named_before_a_time_of_the_same_state():
    slow = outcome(*BEGIN, MAIL, Finding("rcpt", "failure", (450,), "later"), total=6.0)
    assert line(slow, warning=Range("5")) == "SMTP WARNING - mx1.example.org rcpt: 450 later"
    assert line(slow, critical=Range("5")) == (
        "SMTP CRITICAL - mx1.example.org rcpt: 450 later (it took 6.000 s, at most 5 s wanted)"
    )


# -- length


def test_a_long_host_is_shortened_in_its_middle():
    host = "a-very-long-host-name.in-a-very-long-domain.example.org"
    made = line(outcome(*WHOLE, target=Target(host, ())))
    assert made.startswith("SMTP OK - a-very-long-host-nam…-domain.example.org accepted the message")
    shown = made.removeprefix("SMTP OK - ").split(" ")[0]
    assert len(shown) == 40
    assert (shown[:20], shown[-19:]) == (host[:20], host[-19:])


def test_a_host_of_40_characters_is_whole():
    host = "x" * 28 + ".example.org"
    assert line(outcome(*WHOLE, target=Target(host, ()))).startswith(f"SMTP OK - {host} accepted")


def test_only_the_servers_text_is_cut():
    refused = Finding("rcpt", "failure", (550,), sentence(LONG), "credentials rejected", "bob@example.org")
    made = line(outcome(*BEGIN, refused))
    assert made.startswith("SMTP CRITICAL - mx1.example.org rcpt: 550 5.7.1 reasons why not, reasons why")
    assert made.endswith("… (for bob@example.org, credentials rejected)")
    assert len(made) in (159, 160)


def test_a_long_recipient_leaves_room_for_the_reply():
    refused = Finding("rcpt", "failure", (550,), "5.1.1 no such user here", about="x" * 300 + "@example.org")
    made = line(outcome(*BEGIN, refused))
    assert "rcpt: 550 5.1.1 no such user here (for xxx" in made
    assert len(made) <= 160
    assert made.endswith("…)")


@pytest.mark.parametrize(
    ("apart", "words"),
    [
        ("", "rcpt: 550 5.1.1 no such u… (for carol.of.the.departments@dept.example.o…)"),
        ("192.0.2.10", "rcpt: 550 5.1.1 no such u… (for carol.of.the.departments@dep…)"),
        ("2001:db8:1234:5678:9abc:def0:1234:5678", "rcpt: 550 5.1.1 no such user here"),
    ],
)
def test_of_one_of_several_the_code_is_never_crowded_out(apart, words):
    host = "a-very-long-host-name.in-a-very-long-domain.example.org"
    refused = Finding(
        "rcpt", "failure", (550,), "5.1.1 no such user here", about="carol.of.the.departments@dept.example.org"
    )
    made = outcome(*BEGIN, refused, target=Target(host, (), apart=apart))
    where = f"a-very-long-host-nam…-domain.example.org {apart}".rstrip()
    assert (
        problem(made, refused, lead="0 of 2 addresses accept mail; ")
        == f"0 of 2 addresses accept mail; {where} {words}"
    )


def test_a_long_cause_without_server_text_is_cut_at_its_end():
    causes = "; ".join(f"connection refused by 2001:db8::{number} port 25" for number in range(9))
    made = line(outcome(Finding("connect", "refused", cause=causes)))
    assert made.startswith("SMTP CRITICAL - mx1.example.org connect: connection refused by 2001:db8::0 port 25; ")
    assert len(made) == 160
    assert made.endswith("…")


hostile = st.text(max_size=400)
findings = st.builds(
    Finding,
    st.sampled_from(STAGES),
    st.sampled_from(["success", "failure", "error", *FAULTS]),
    st.sampled_from([(), (250,), (450,), (550,), tuple(range(200, 260))]),
    hostile.map(sentence),
    hostile.map(clean),
    hostile.map(clean),
)


@given(
    st.lists(findings, max_size=4),
    hostile,
    st.sampled_from(["", "any=ok", "any:2xx=unknown", "any=warning", "any:xxx=ok"]),
    st.sampled_from(["ok", "critical"]),
)
def test_any_first_line_is_one_harmless_line_of_160_characters(found, host, state, timeout_state):
    made = line(outcome(CONNECTED, *found, target=Target(host, ())), state=state, timeout_state=timeout_state)
    assert len(made) <= 160
    assert made.isprintable()
    assert not set(made) & set("|<>&")
    assert "\\n" not in made


def test_the_first_line_is_the_same_at_every_verbosity():
    lines = {line(outcome(*WHOLE), verbose=verbose) for verbose in range(4)}
    assert len(lines) == 1
