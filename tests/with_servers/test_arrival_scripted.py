"""Arrival with a scripted IMAP server: what no real one does, mail of any age, and hostile servers."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from helpers.document import document
from helpers.forms import FORMS
from helpers.plugin import LAUNCHER, Result, run
from servers.fakedns import FakeDns
from servers.fakedns import octets as dns_octets
from servers.imap import PASSWORD, USER, Imap, Session
from servers.postman import Postman
from smtp_status.secrets.repetition import HIDDEN

ROOT = Path(__file__).resolve().parents[2]
NAME = "mx"
HOLD = 12  # seconds: -t and two more
SENT = "250 2.0.0 Ok: queued as ID"
OK = "127.0.0.1 accepted the message"


def token(number: int) -> str:
    return f"{number:032x}"


def note(number: int = 1, name: str = NAME, hold: int = HOLD, target: str = "", more: str = "") -> bytes:
    about = f"name={name}; probe={token(number)}; host=probe; hold={hold}; target={target}"
    return f"{more}X-Check-SMTP-Status-Note: {about}\r\nSubject: note\r\n\r\n".encode()


def probe(number: int = 1, name: str = NAME, more: str = "") -> bytes:
    return (
        "Return-Path: <>\r\n"
        f"{more}Message-ID: <probe-{token(number)}@probe>\r\n"
        f"X-Check-SMTP-Status: 0.2.0; host=probe; name={name}; probe={token(number)}\r\n\r\nbody\r\n"
    ).encode()


def bounce(number: int, action: str = "failed", before: bytes = b"") -> bytes:
    return (
        b"Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n" + before + b"--b\r\n"
        b"Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; relay.example.org\r\n\r\n"
        b"Action: " + action.encode() + b"\r\nDiagnostic-Code: smtp; 550 5.1.1 <bob@example.org>: No such user\r\n\r\n"
        b"--b\r\nContent-Type: message/rfc822\r\n\r\n" + probe(number) + b"--b--\r\n"
    )


DRAFT = ("\\Draft", "\\Seen", "\\Flagged")
"""A note whose probe was accepted."""


class World:
    """A mail server and a mailbox; ``run`` is one run of the check."""

    def __init__(self, imap: Imap, postman: Postman) -> None:
        self.imap = imap
        self.postman = postman

    def arguments(self, *more: str, wait: str = "0.3") -> list[str]:
        mail = ["-H", "127.0.0.1", "-p", str(self.postman.port), "-f", "a@example.org", "--to", "b@example.org"]
        mailbox = ["--imap", f"127.0.0.1:{self.imap.port}", "--imap-tls", "off", "--imap-user", USER]
        return [*mail, *mailbox, "--imap-pass", PASSWORD, "--probe-name", NAME, "--wait", wait, *more]

    def run(self, *more: str, wait: str = "0.3") -> Result:
        return run(*self.arguments(*more, wait=wait))


@pytest.fixture
def world() -> Iterator[Callable[..., World]]:
    """A function that starts both, with the options of the IMAP server."""
    started: list[Any] = []

    def start(mail: dict[str, bytes] | None = None, deliver: bool = True, **options: Any) -> World:
        imap = Imap(**options)
        postman = Postman(imap.put if deliver else len, mail)
        started.extend((imap, postman))
        return World(imap, postman)

    yield start
    for server in started:
        server.__exit__()


def counts(result: Result) -> str:
    """The counts of a run as one text."""
    wanted = ("arrived", "pending", "lost", "spam")
    return " ".join(f"{name}={result.perfdata[name].partition(';')[0]}" for name in wanted if name in result.perfdata)


def steady(result: Result) -> str:
    """The sentence, without the time until the message was accepted."""
    return result.first.partition(" - ")[2].replace("queued as 4Vx1", "queued as ID")


# -- what becomes of notes and probes


def test_prompt_mail_leaves_nothing(world):
    there = world()
    result = there.run()
    assert (result.code, counts(result)) == (0, "arrived=1 pending=0 lost=0 spam=0")
    assert result.steady == f"SMTP OK - {OK} in N s, arrived in INBOX after N s: {SENT}"
    labels = ["time_imap", "time_arrive", "arrived", "pending", "lost", "spam", "mailbox"]
    assert list(result.perfdata)[-len(labels) :] == labels
    assert there.imap.left() == []
    (message,) = there.postman.messages
    assert message.count(b"X-Check-SMTP-Status: ") == 1
    assert b"; name=mx;" in message


@pytest.mark.parametrize(
    ("age", "state", "first", "told"),
    [
        (13, 0, f"{OK} in N s, not arrived within N s: {SENT} (2 pending)", "arrived=0 pending=2 lost=0 spam=0"),
        (
            300,
            1,
            "127.0.0.1 arrive: under way for 300 s, at most 60 s wanted (2 pending)",
            "arrived=0 pending=2 lost=0 spam=0",
        ),
        (
            1000,
            2,
            "127.0.0.1 arrive: under way for 1000 s, at most 600 s wanted (2 pending)",
            "arrived=0 pending=2 lost=0 spam=0",
        ),
        (
            3600,
            1,
            "127.0.0.1 arrive: 1 lost, the last one sent 3600 s ago (1 pending)",
            "arrived=0 pending=1 lost=1 spam=0",
        ),
        (
            90_000,
            1,
            "127.0.0.1 arrive: 1 lost, the last one sent 90000 s ago (1 pending)",
            "arrived=0 pending=1 lost=1 spam=0",
        ),
    ],
)
def test_an_earlier_probe_that_has_not_come(world, age, state, first, told):
    there = world(deliver=False)
    there.imap.put(note(), flags=DRAFT, age=age)
    result = there.run()
    said = re.sub(r"(in|within) \d\.\d+ s", r"\1 N s", steady(result))
    assert (result.code, said, counts(result)) == (
        state,
        first,
        told,
    )


def test_two_lost_are_critical_and_told_until_forgotten(world):
    there = world()
    for number, age in ((1, 4000), (2, 3700)):
        there.imap.put(note(number), flags=DRAFT, age=age)
    first, second = there.run(), there.run()
    assert (first.code, steady(first)) == (2, "127.0.0.1 arrive: 2 lost, the last one sent 3700 s ago")
    assert (second.code, counts(second)) == (2, "arrived=1 pending=0 lost=2 spam=0")
    assert first.perfdata["lost"] == "2;1;2"
    assert len(there.imap.left()) == 2
    forgotten = there.run("--lost-after", "3600,50")
    assert (forgotten.code, counts(forgotten)) == (0, "arrived=1 pending=0 lost=0 spam=0")
    assert there.imap.left() == []


def test_a_probe_that_comes_after_it_was_called_lost(world):
    there = world()
    there.imap.put(note(), flags=(*DRAFT, "\\Answered"), age=5000)
    there.imap.put(probe(), age=10)
    result = there.run()
    assert (result.code, steady(result)) == (
        2,
        f"{OK}, but arrive took 4990.000 s, at most 600 s wanted (1 earlier arrived after at most 4990 s)",
    )
    assert result.perfdata["time_arrive"] == "4990.000000s;60;600;0"
    assert there.imap.left() == []


def test_earlier_ones_that_came_late_within_the_limits(world):
    there = world()
    for number, took in ((1, 41), (2, 3)):
        there.imap.put(note(number), flags=DRAFT, age=100)
        there.imap.put(probe(number), age=100 - took)
    result = there.run()
    assert result.code == 0
    assert steady(result).endswith(f": {SENT} (2 earlier arrived after at most 41 s)")
    assert counts(result) == "arrived=3 pending=0 lost=0 spam=0"


@pytest.mark.parametrize(("seconds", "limit"), [(305, 60), (14, 5)])
def test_a_hop_is_named(world, seconds, limit):
    there = world()
    sent = time.gmtime(time.time() - 400)
    stamp = time.strftime("%a, %d %b %Y %H:%M:%S +0000", sent)
    there.imap.put(note(), flags=DRAFT, age=400)
    there.imap.put(probe(more=f"Received: from a by relay.example.org (x); {stamp}\r\n"), age=400 - seconds)
    result = there.run("--stage-warning", f"arrive={limit}")
    assert result.code == 1
    assert steady(result).startswith(f"{OK}, but arrive took {seconds}.000 s, at most {limit} s wanted (")
    assert re.search(rf" \((?:{seconds}|{seconds - 1}|{seconds - 2}) s of it at relay\.example\.org\)$", result.first)


@pytest.mark.parametrize("age", [0, 3, HOLD])
def test_a_note_within_its_hold_is_left_alone(world, age):
    there = world()
    there.imap.put(note(), flags=DRAFT, age=age)
    there.imap.put(probe(), age=0)
    assert counts(there.run()) == "arrived=1 pending=0 lost=0 spam=0"
    assert there.imap.left() == [note(), probe()]


def test_what_a_killed_run_left_behind(world):
    """Only a note; a note and its probe; a probe that was flagged as deleted: all past its hold."""
    there = world()
    for number in (1, 2):
        there.imap.put(note(number), flags=("\\Draft", "\\Seen"), age=100)
    there.imap.put(probe(2), age=100)
    there.imap.put(note(3), flags=(*DRAFT, "\\Deleted"), age=100)
    there.imap.put(probe(3), flags=("\\Deleted",), age=100)
    result = there.run()
    assert (result.code, counts(result)) == (0, "arrived=2 pending=0 lost=0 spam=0")
    assert there.imap.left() == [note(1)]


@pytest.mark.parametrize(
    ("command", "about", "later", "left"),
    [
        # killed when it was about to: write the note; read it back; mark it, look, mark as deleted, delete
        ("APPEND", "", "arrived=1 pending=0 lost=0 spam=0", 0),
        ("UID FETCH", "Note", "arrived=1 pending=0 lost=0 spam=0", 1),  # never sent, and dropped after --lost-after
        ("UID STORE", "Flagged", "arrived=2 pending=0 lost=0 spam=0", 0),
        ("NOOP", "", "arrived=2 pending=0 lost=0 spam=0", 0),
        ("UID STORE", "Deleted", "arrived=2 pending=0 lost=0 spam=0", 0),
        ("UID EXPUNGE", "", "arrived=1 pending=0 lost=0 spam=0", 0),
    ],
)
def test_killed_at_each_point(world, command, about, later, left):
    """The run at once after finds its own only; the one after the note's hold settles what the killed one left."""
    now = time.time()
    there = world(clock=lambda: now)
    killed: list[subprocess.Popen[bytes]] = []

    def kill(_session: Session, _tag: str, arguments: str) -> bool:
        if about not in arguments:
            return False
        killed[0].kill()
        killed[0].wait()
        raise ValueError("nobody is there any more")

    there.imap.answers[command] = kill
    killed.append(subprocess.Popen([sys.executable, str(LAUNCHER), *there.arguments()], stdout=subprocess.DEVNULL))
    killed[0].wait(10)
    assert killed[0].returncode == -9
    del there.imap.answers[command]
    at_once = there.run()
    assert (at_once.code, counts(at_once)) == (0, "arrived=1 pending=0 lost=0 spam=0")
    now += HOLD + 1
    after = there.run()
    assert (after.code, counts(after)) == (0, later)
    assert len(there.imap.left()) == left
    now += 3600
    assert there.run().code == 0
    assert there.imap.left() == []


def test_another_name_and_other_mail_are_left_alone(world):
    there = world()
    others = [
        (note(1, name="other"), DRAFT, 100_000),
        (probe(1, name="other"), (), 100_000),
        (b"Subject: hello\r\n\r\nnot ours\r\n", ("\\Deleted",), 100_000),
        (b"Subject: draft\r\n\r\nnot ours\r\n", ("\\Draft",), 100_000),
        (note(2, more="Return-Path: <x@example.org>\r\n"), DRAFT, 100_000),  # came by mail
        (note(3), (), 100_000),  # no draft
    ]
    for octets, flags, age in others:
        there.imap.put(octets, flags=flags, age=age)
    result = there.run()
    assert (result.code, counts(result)) == (0, "arrived=1 pending=0 lost=0 spam=0")
    assert there.imap.left() == [octets for octets, _, _ in others]
    assert [message.flags for message in there.imap.folders["INBOX"].messages] == [set(flags) for _, flags, _ in others]


def test_probes_without_a_note_go_by_age(world):
    there = world()
    there.imap.put(probe(1), age=7000)
    there.imap.put(probe(2), age=7300)
    result = there.run("-v")
    assert result.code == 0
    assert "probes without a note: 2" in result.lines
    assert there.imap.left() == [probe(1)]


def test_reports_that_come_after_the_note_was_dropped(world):
    there = world()
    there.imap.put(bounce(1), age=7300)
    kept = [bounce(2), bounce(3).replace(b"name=mx", b"name=other"), b"Subject: x\r\n\r\n"]
    for octets, age in zip(kept, (7000, 9000, 9000)):
        there.imap.put(octets, age=age)
    result = there.run()
    assert (result.code, counts(result)) == (0, "arrived=1 pending=0 lost=0 spam=0")
    assert there.imap.left() == kept


@pytest.mark.parametrize("copies", [2, 3])
def test_one_probe_more_than_once(world, copies):
    there = world()
    there.imap.put(note(), flags=DRAFT, age=30)
    for _ in range(copies):
        there.imap.put(probe(), age=29)
    result = there.run()
    assert (result.code, steady(result)) == (
        1,
        f"127.0.0.1 arrive: one probe arrived {copies} times (1 earlier arrived after at most 1 s)",
    )
    assert there.imap.left() == []


def test_a_bounce_is_told_until_forgotten(world):
    there = world()
    there.imap.put(note(), flags=DRAFT, age=100)
    there.imap.put(bounce(1), age=99)
    for _ in range(2):
        result = there.run()
        assert (result.code, steady(result)) == (
            2,
            "127.0.0.1 arrive: came back: 550 5.1.1 bob@example.org: No such user (from relay.example.org)",
        )
        assert counts(result) == "arrived=1 pending=0 lost=0 spam=0"
    assert there.imap.left() == [note(), bounce(1)]
    assert there.run("--lost-after", "50,40").code == 2
    assert there.imap.left() == []


@pytest.mark.parametrize("octets", [20_000, 200_000])
def test_a_bounce_that_explains_itself_at_length(world, octets):
    there = world()
    words = b"--b\r\nContent-Type: text/html\r\n\r\n" + b"<p>No such user.</p>\r\n" * (octets // 22)
    there.imap.put(note(), flags=DRAFT, age=100)
    there.imap.put(bounce(1, before=words), age=90)
    result = there.run()
    assert (result.code, steady(result)) == (
        2,
        "127.0.0.1 arrive: came back: 550 5.1.1 bob@example.org: No such user (from relay.example.org)",
    )


def test_long_reports_on_other_mail_are_not_read_to_their_end(world):
    there = world()
    words = b"--b\r\nContent-Type: text/html\r\n\r\n" + b"<p>No such user.</p>\r\n" * 2000
    there.imap.put(note(), flags=DRAFT, age=100)
    for number in range(30):
        there.imap.put(bounce(number + 2, before=words), age=200)
    for number in range(30):
        there.imap.put(bounce(number + 32, before=words), age=90)
    assert counts(there.run()) == "arrived=1 pending=1 lost=0 spam=0"
    longer = [command for command in there.imap.commands if "BODY.PEEK[]<0.262144>" in command]
    assert [command.split()[2] for command in longer] == ["42:61"]


def test_a_report_of_a_delay_is_no_bounce(world):
    there = world()
    there.imap.put(note(), flags=DRAFT, age=30)
    there.imap.put(bounce(1, "delayed"), age=20)
    assert (there.run().code, len(there.imap.left())) == (0, 2)
    there.imap.put(probe(), age=5)
    assert (there.run().code, there.imap.left()) == (0, [])


def test_spam_folder_of_an_earlier_probe(world):
    there = world()
    there.imap.put(note(), flags=DRAFT, age=40)
    there.imap.put(probe(), "Junk", age=38)
    there.imap.put(b"Subject: buy\r\n\r\n", "Junk", age=38)
    result = there.run()
    assert (result.code, counts(result)) == (1, "arrived=2 pending=0 lost=0 spam=1")
    assert steady(result) == "127.0.0.1 arrive: landed in Junk after 2 s (1 earlier arrived after at most 2 s)"
    assert (there.imap.left(), there.imap.left("Junk")) == ([], [b"Subject: buy\r\n\r\n"])


@pytest.mark.parametrize(
    ("folders", "options", "spam"),
    [
        ({"INBOX": "", "Spam": ""}, (), "Spam"),
        ({"INBOX": "", "INBOX/Junk Mail": "", "Bulk Mail": ""}, (), "INBOX/Junk Mail"),
        ({"INBOX": "", "X": "\\Junk", "Junk": ""}, (), "X"),
        ({"INBOX": "", "Elsewhere": "", "Junk": ""}, ("--imap-spam", "Elsewhere"), "Elsewhere"),
        ({"INBOX": "", "Entw&APw-rfe &- Co": ""}, ("--imap-spam", "Entwürfe & Co"), "Entw&APw-rfe &- Co"),
    ],
)
def test_which_folder_is_the_one_for_spam(world, folders, options, spam):
    there = world(folders=folders)
    there.postman.deliver = lambda octets: there.imap.put(octets, spam)
    result = there.run(*options)
    assert (result.code, counts(result)) == (1, "arrived=1 pending=0 lost=0 spam=1")
    assert there.imap.left(spam) == []


LISTED = b'* LIST (%s \\HasChildren) "/" "Junk"\r\n* LIST () "/" "Junk/2024"\r\nTAG OK done\r\n'


@pytest.mark.parametrize("attributes", [b"\\Noselect", b"\\NonExistent", b"\\NonExistent \\Junk", b"\\NoSelect \\Junk"])
def test_a_name_that_is_no_folder(world, attributes):
    there = world(answers={"LIST": LISTED % attributes}, folders={"INBOX": ""})
    result = there.run()
    assert (result.code, counts(result)) == (0, "arrived=1 pending=0 lost=0 spam=0")


@pytest.mark.parametrize("answer", ["BAD what is RETURN?", "NO no such folder"])
def test_special_use_without_the_extended_list(world, answer):
    def listed(session: Session, tag: str, arguments: str) -> bool:
        if "RETURN" in arguments:
            session.send(f"{tag} {answer}\r\n".encode())
        return "RETURN" in arguments

    there = world(answers={"LIST": listed}, folders={"INBOX": "", "Rubbish": "\\Junk"})
    there.postman.deliver = lambda octets: there.imap.put(octets, "Rubbish")
    result = there.run()
    assert result.code == 1
    assert result.steady == "SMTP WARNING - 127.0.0.1 arrive: landed in Rubbish after N s"


def test_a_folder_that_is_named_as_both(world):
    there = world()
    there.imap.put(note(), flags=DRAFT, age=50)
    there.imap.put(note(2), flags=DRAFT, age=40)
    there.imap.put(probe(), age=45)
    result = there.run("--imap-spam", "INBOX")
    assert (result.code, counts(result)) == (0, "arrived=2 pending=1 lost=0 spam=0")


def test_no_folder_for_spam(world):
    there = world()
    there.postman.deliver = lambda octets: there.imap.put(octets, "Junk")
    assert counts(there.run("--imap-spam", "none")) == "arrived=0 pending=1 lost=0 spam=0"
    assert not [line for line in there.imap.commands if line.startswith("LIST")]


def test_several_right_folders(world):
    there = world(folders={"INBOX": "", "Lists": "", "Junk": "\\Junk"})
    there.postman.deliver = lambda octets: there.imap.put(octets, "Lists")
    result = there.run("--imap-folder", "inbox", "--imap-folder", "Lists")
    assert (result.code, counts(result)) == (0, "arrived=1 pending=0 lost=0 spam=0")
    assert ", arrived in Lists after " in result.first
    assert there.imap.left("Lists") == []


def test_pending_thresholds(world):
    there = world(deliver=False)
    for number in (1, 2):
        there.imap.put(note(number), flags=DRAFT, age=20)
    result = there.run("--pending", "2,3")
    assert (result.code, steady(result)) == (2, "127.0.0.1 arrive: 3 under way")
    assert result.perfdata["pending"] == "3;2;3"


def test_arrival_demanded_within_the_run(world):
    there = world(deliver=False)
    result = there.run("--state", "arrive:pending=critical")
    assert (result.code, re.sub(r"within [0-9.]+", "within N", steady(result))) == (
        2,
        f"127.0.0.1 arrive: not arrived within N s ({SENT}, 1 pending)",
    )


@pytest.mark.parametrize("wait", ["0", "0.2", "1"])
def test_how_long_it_waits(world, wait):
    there = world(deliver=False)
    began = time.monotonic()
    result = there.run(wait=wait)
    assert result.code == 0
    told = re.search(r", not arrived within ([0-9.]+) s: ", result.first)
    assert told is not None
    assert float(wait) <= float(told[1]) < float(wait) + 0.3
    assert float(wait) < time.monotonic() - began < float(wait) + 2


def test_waiting_ends_a_second_before_the_deadline(world):
    result = world(deliver=False).run("-t", "5", wait="60")
    assert result.code == 0
    assert 1.5 < result.seconds("time_pending") < 4.1


# -- SMTP fails, or the mailbox


@pytest.mark.parametrize(
    ("mail", "code", "first"),
    [
        ({"RCPT": b"550 5.1.1 User unknown\r\n"}, 2, "127.0.0.1 rcpt: 550 5.1.1 User unknown"),
        ({"RCPT": b"450 4.2.0 Greylisted\r\n"}, 1, "127.0.0.1 rcpt: 450 4.2.0 Greylisted"),
        ({"message": b"554 5.7.1 Spam\r\n"}, 2, "127.0.0.1 message: 554 5.7.1 Spam"),
    ],
)
def test_smtp_refuses_and_earlier_mail_has_arrived(world, mail, code, first):
    there = world(mail)
    there.imap.put(note(1), flags=DRAFT, age=50)
    there.imap.put(probe(1), age=38)
    for number in (2, 3):
        there.imap.put(note(number), flags=DRAFT, age=30)
    result = there.run()
    assert (result.code, steady(result)) == (code, f"{first} (1 earlier arrived after at most 12 s, 2 pending)")
    assert there.imap.left() == [note(2), note(3)]


def test_smtp_ends_without_a_reply(world):
    """The server may have the message: the note stays, and is not missed."""
    there = world({"message": b""})
    result = there.run()
    assert (result.code, counts(result)) == (2, "arrived=0 pending=0 lost=0 spam=0")
    (left,) = there.imap.folders["INBOX"].messages
    assert left.flags == {"\\Draft", "\\Seen"}


def test_smtp_takes_all_the_time_and_the_mailbox_is_looked_at_even_so(world):
    there = world()
    there.postman.deliver = lambda _: time.sleep(8)
    there.imap.put(note(1), flags=DRAFT, age=50)
    there.imap.put(probe(1), age=38)
    result = there.run("-t", "6")
    assert result.code == 2
    assert steady(result).startswith("127.0.0.1 timed out at message: no reply for ")
    assert result.first.endswith(" (1 earlier arrived after at most 12 s)")


def goodbye(session: Session, _tag: str, _arguments: str) -> bool:
    session.send(b"* BYE too many failures\r\n")
    session.connection.close()
    return True


@pytest.mark.parametrize(
    ("answers", "first"),
    [
        ({"greeting": b"* BYE too busy\r\n"}, "closed by the server: BYE too busy"),
        ({"greeting": b"* BYE\r\n"}, "closed by the server: BYE"),
        ({"greeting": b"* PREAUTH welcome\r\n"}, "no login asked for: * PREAUTH welcome"),
        ({"greeting": b"220 mx ESMTP\r\n"}, "not an IMAP answer: 220 mx ESMTP"),
        ({"greeting": b"* NO\r\n"}, "not an IMAP answer: * NO"),
        ({"greeting": b"* OK\n"}, "not an IMAP answer: * OK"),
        ({"SELECT": b"* BYE gone\r\n"}, "closed by the server: BYE gone"),
        ({"AUTHENTICATE": goodbye}, "closed by the server: BYE too many failures"),
        ({"APPEND": goodbye}, "closed by the server: BYE too many failures"),
        ({"LIST": b"TAG NO later\r\n"}, "NO later"),
        ({"SELECT": b"TAG NO [UNAVAILABLE] try later\r\n"}, "NO [UNAVAILABLE] try later"),
        ({"SELECT": b"TAG BAD what?\r\n"}, "BAD what?"),
        ({"SELECT": b"* 0 EXISTS\r\nTAG OK [READ-ONLY] done\r\n* OK [READ-ONLY]\r\n"}, "the folder can only be read"),
        ({"APPEND": b"TAG NO [OVERQUOTA] Quota exceeded\r\n"}, "NO [OVERQUOTA] Quota exceeded"),
        ({"UID FETCH": b"TAG OK done\r\n"}, "the note that was just written is not to be found"),
        ({"CAPABILITY": b"* CAPABILITY IMAP4rev1\r\nTAG OK done\r\n", "LOGIN": b"TAG NO no\r\n"}, "NO no"),
    ],
)
def test_the_mailbox_cannot_be_used_and_smtp_is_told_all_the_same(world, answers, first):
    there = world(answers=answers)
    result = there.run()
    full = "mailbox full, " if "OVERQUOTA" in first else ""
    assert (result.code, steady(result)) == (2, f"127.0.0.1 imap: {first} ({full}{OK})")
    assert counts(result) == ""
    assert result.seconds("time_message") >= 0
    assert len(there.postman.messages) == 1


def test_full_mailbox_and_smtp_says_so_too(world):
    answers = {"APPEND": b"TAG NO [OVERQUOTA] Quota exceeded\r\n"}
    first = world({"RCPT": b"552 5.2.2 Mailbox full\r\n"}, answers=answers).run()
    assert (first.code, steady(first)) == (
        2,
        "127.0.0.1 rcpt: 552 5.2.2 Mailbox full (imap: NO [OVERQUOTA] Quota exceeded, mailbox full)",
    )
    second = world({"RCPT": b"452 4.2.2 Mailbox full\r\n"}, answers=answers).run()
    assert (second.code, steady(second)) == (
        2,
        "127.0.0.1 imap: NO [OVERQUOTA] Quota exceeded (mailbox full, 127.0.0.1 rcpt: 452 4.2.2 Mailbox full)",
    )


def test_cut_after_the_message_was_accepted(world):
    def cut(session: Session, _tag: str, arguments: str) -> bool:
        if "Flagged" in arguments:
            session.connection.close()
            return True
        return False

    there = world(answers={"UID STORE": cut})
    result = there.run()
    assert (result.code, steady(result)) == (2, f"127.0.0.1 imap: closed by the server ({OK})")
    assert result.seconds("time_imap") > 0
    assert len(there.imap.left()) == 2


def test_states_of_imap_and_arrive_can_be_changed(world):
    there = world(answers={"SELECT": b"TAG NO not now\r\n"})
    result = there.run("--state", "imap:failure=ok")
    assert (result.code, result.steady) == (
        0,
        f"SMTP OK - {OK} in N s: {SENT} (imap: NO not now, tolerated)",
    )


@pytest.mark.parametrize("answer", [b"* CAPABILITY IMAP4rev2 AUTH=PLAIN\r\nTAG OK done\r\n", b"TAG OK done\r\n"])
def test_another_version_of_the_protocol(world, answer):
    assert world(answers={"CAPABILITY": answer}).run().first == (
        f"SMTP CRITICAL - 127.0.0.1 imap: the server does not say that it speaks IMAP4rev1 ({OK})"
    )


@pytest.mark.parametrize(
    "command", ["CAPABILITY", "AUTHENTICATE", "LIST", "SELECT", "STATUS", "UID SEARCH", "APPEND", "UID FETCH", "NOOP"]
)
def test_a_goodbye_with_a_reply_behind_it(world, command):
    there = world(answers={command: b"* BYE shutting down\r\nTAG NO [UNAVAILABLE] going\r\n"})
    assert there.run().first == f"SMTP CRITICAL - 127.0.0.1 imap: closed by the server: BYE shutting down ({OK})"


# -- others in the same mailbox


@pytest.mark.parametrize("age", [3700, 700])
@pytest.mark.parametrize("marked", [False, True])
def test_notes_that_another_run_settles_meanwhile(world, age, marked):
    """It has deleted note and probe, or is about to, when this run looks for the probes of the notes it has read."""
    there = world()
    of_another = [there.imap.put(note(), flags=DRAFT, age=age), there.imap.put(probe(), age=2)]

    def settle(_session: Session, _tag: str, arguments: str) -> None:
        if "Flagged" in arguments and marked:
            for message in of_another:
                message.flags.add("\\Deleted")
        elif "Flagged" in arguments:
            for message in of_another:
                there.imap.folders["INBOX"].messages.remove(message)

    there.imap.answers["UID STORE"] = settle
    result = there.run()
    assert (result.code, counts(result)) == (0, "arrived=1 pending=0 lost=0 spam=0")
    assert result.steady == f"SMTP OK - {OK} in N s, arrived in INBOX after N s: {SENT}"
    assert there.imap.left() == ([note()] if marked else [])


def test_notes_that_another_run_settles_while_this_one_waits(world):
    """What came and was deleted between two looks was not lost."""
    there = world(deliver=False)
    gone = there.imap.put(note(), flags=DRAFT, age=3700)
    rounds = 0

    def settle(_session: Session, _tag: str, _: str) -> None:
        nonlocal rounds
        rounds += 1
        if rounds == 6:
            there.imap.folders["INBOX"].messages.remove(gone)

    there.imap.answers["NOOP"] = settle
    result = there.run(wait="1")
    assert (result.code, counts(result)) == (0, "arrived=0 pending=1 lost=0 spam=0")


def test_a_slow_server_is_not_asked_which_notes_are_left_when_time_is_up(world):
    there = world(deliver=False)
    there.imap.put(note(), flags=DRAFT, age=100)

    def slow(_session: Session, _tag: str, _: str) -> None:
        time.sleep(0.5)

    there.imap.answers["NOOP"] = slow
    there.imap.answers["UID SEARCH"] = slow
    result = there.run("-t", "6", wait="5")
    assert result.code == 1
    assert result.first.startswith(
        "SMTP WARNING - 127.0.0.1 arrive: under way for 100 s, at most 60 s wanted (2 pending"
    )


@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.parametrize("command", ["UID FETCH", "UID STORE", "UID EXPUNGE"])
def test_messages_that_are_gone_and_not_told_of_yet(world, command, times):
    left = times

    def refuse(session: Session, tag: str, _: str) -> bool:
        nonlocal left
        left -= 1
        if left >= 0:
            session.send(f"{tag} NO [EXPUNGEISSUED] Some of the requested messages no longer exist\r\n".encode())
        return left >= 0

    there = world(answers={command: refuse})
    there.imap.put(note(), flags=DRAFT, age=100)
    there.imap.put(probe(), age=90)
    result = there.run()
    assert (result.code, counts(result)) == (0, "arrived=2 pending=0 lost=0 spam=0")
    assert there.imap.left() == []


def test_a_folder_that_is_made_anew_meanwhile(world):
    """What bears a UID of ours then is anybody's."""
    there = world()
    there.imap.put(note(), flags=DRAFT, age=100)
    made = 0

    def select(session: Session, tag: str, name: str) -> bool:
        nonlocal made
        if "INBOX" not in name:
            return False
        made += 1
        session.folder = there.imap.folders["INBOX"]
        if made == 2:
            for message in session.folder.messages:
                message.octets, message.flags = b"Subject: hello\r\n\r\nnot ours\r\n", set()
        session.send(b"* %d EXISTS\r\n* OK [UIDVALIDITY %d] valid\r\n" % (len(session.folder.messages), made))
        session.ok(tag, "[READ-WRITE] selected")
        return True

    there.imap.put(probe(), "Junk", age=90)
    there.imap.answers["SELECT"] = select
    result = there.run()
    assert (result.code, result.first) == (
        2,
        f"SMTP CRITICAL - 127.0.0.1 imap: INBOX was made anew meanwhile: its UIDVALIDITY has changed ({OK})",
    )
    assert len(there.imap.left()) == 3


def test_a_note_that_goes_to_a_folder_made_anew(world):
    """Its UID there is in the one that is open a message of somebody else's."""

    def select(session: Session, tag: str, name: str) -> bool:
        session.folder = session.server.folders[name.strip('"')]
        session.send(b"* %d EXISTS\r\n* OK [UIDVALIDITY 1] valid\r\n" % len(session.folder.messages))
        session.ok(tag, "[READ-WRITE] selected")
        return True

    def append(session: Session, tag: str, arguments: str) -> bool:
        session._literal(int(arguments.rpartition("{")[2].rstrip("}")))
        session.ok(tag, "[APPENDUID 2 1] appended")
        return True

    there = world(deliver=False, answers={"SELECT": select, "APPEND": append})
    there.imap.put(b"Subject: hello\r\n\r\nnot ours\r\n")
    assert there.run().first == (
        f"SMTP CRITICAL - 127.0.0.1 imap: the note that was just written is not to be found ({OK})"
    )
    assert there.imap.left() == [b"Subject: hello\r\n\r\nnot ours\r\n"]


# -- deleting


@pytest.mark.parametrize(
    ("answers", "left"),
    [
        ({"UID STORE": b"TAG NO [NOPERM] Permission denied\r\n"}, 2),
        ({"UID EXPUNGE": b"TAG NO [NOPERM] Permission denied\r\n"}, 2),
    ],
)
def test_nothing_can_be_deleted(world, answers, left):
    there = world(answers=answers)
    result = there.run()
    assert (result.code, result.steady) == (
        1,
        "SMTP WARNING - 127.0.0.1 clean: NO [NOPERM] Permission denied"
        f" ({left} messages left, {OK}, arrived after N s)",
    )
    assert counts(result) == "arrived=1 pending=0 lost=0 spam=0"


PLAIN = "IMAP4rev1 AUTH=PLAIN SPECIAL-USE"


@pytest.mark.parametrize("capabilities", ["IMAP4rev1 AUTH=PLAIN UIDPLUS", "IMAP4rev1 AUTH=PLAIN"])
@pytest.mark.parametrize(
    "answers",
    [
        # as Dovecot does without the right t, and without e
        {"UID STORE": lambda session, tag, arguments: "Deleted" in arguments and (session.ok(tag) or True)},
        {"UID EXPUNGE": b"TAG OK done\r\n", "EXPUNGE": b"TAG OK done\r\n"},
    ],
)
def test_a_server_that_says_it_has_deleted_and_has_not(world, answers, capabilities):
    there = world(answers=answers, capabilities=capabilities)
    assert there.run().steady == (
        "SMTP WARNING - 127.0.0.1 clean: says OK, but deletes nothing: rights?"
        f" (2 messages left, {OK}, arrived after N s)"
    )
    assert len(there.imap.left()) == 2


def test_a_server_that_tells_nothing_of_what_it_has_deleted(world):
    def expunge(session: Session, tag: str, _: str) -> bool:
        there.imap.folders["INBOX"].messages.clear()
        session.ok(tag)
        return True

    there = world(answers={"UID EXPUNGE": expunge})
    assert there.run().code == 0


@pytest.mark.parametrize(
    ("permanent", "stored", "code", "words"),
    [
        # as Dovecot does without the right w, and as Cyrus does
        ("\\Deleted \\Seen", b"TAG OK done\r\n", 1, "keeps no Flagged flag"),
        ("\\Deleted \\Seen", b"TAG NO Permission denied\r\n", 1, "NO Permission denied"),
        ("\\Deleted \\Seen", b"", 0, ""),
        ("\\Deleted \\Flagged", b"", 0, ""),
    ],
)
def test_a_flag_that_does_not_stick(world, permanent, stored, code, words):
    """Without it a note stands for nothing once its run is over."""

    def select(session: Session, _tag: str, _: str) -> bool:
        session.send(f"* OK [PERMANENTFLAGS ({permanent})] Limited\r\n".encode())
        return False

    def store(session: Session, tag: str, arguments: str) -> bool:
        if "Flagged" not in arguments or not stored:
            return False
        session.send(stored.replace(b"TAG", tag.encode()))
        return True

    there = world(answers={"SELECT": select, "UID STORE": store})
    result = there.run()
    assert (result.code, counts(result)) == (code, "arrived=1 pending=0 lost=0 spam=0")
    if code:
        assert result.steady == (f"SMTP WARNING - 127.0.0.1 clean: losses go unseen: {words} ({OK}, arrived after N s)")
    assert there.imap.left() == []


@pytest.mark.parametrize(
    ("command", "answer", "said"),
    [
        ("AUTHENTICATE", b"TAG NO bad password %s\r\n", "NO "),
        ("AUTHENTICATE", b"TAG BAD what is %s\r\n", "BAD "),
        ("greeting", b"* BYE so long %s\r\n", "closed by the server: BYE "),
        ("AUTHENTICATE", b"no answer %s\r\n", "not an IMAP answer: "),
    ],
)
@pytest.mark.parametrize("form", ["as it is", "hexadecimal with blanks", "blanks between", "octal with blanks"])
def test_words_that_repeat_the_password_are_not_shown(world, command, answer, said, form):
    """All of them, since of some forms a part is left in words that say nothing by themselves."""
    there = world(answers={command: answer % FORMS[form](PASSWORD).encode()})
    for verbosity in ((), ("-vvv",)):
        result = there.run(*verbosity)
        assert result.first == f"SMTP CRITICAL - 127.0.0.1 imap: {said}{HIDDEN} ({OK})"
        assert not any(FORMS[form](PASSWORD)[-5:] in line for line in result.lines)


def test_a_mailbox_that_only_takes_tokens(world):
    there = world(capabilities="IMAP4rev1 UIDPLUS LOGINDISABLED AUTH=XOAUTH2")
    assert there.run().first == (
        "SMTP CRITICAL - 127.0.0.1 imap: no mechanism for passwords in common, offered: XOAUTH2;"
        f" a token and --imap-authtype? ({OK})"
    )


@pytest.mark.parametrize(
    ("capabilities", "options", "words"),
    [
        ("IMAP4rev1", ["--imap-pass", "pässword"], "LOGIN takes no user and password beyond ASCII, {}: none"),
        (
            "IMAP4rev1 AUTH=XOAUTH2",
            ["--imap-pass", "pässword", "--imap-authtype", "LOGIN"],
            "LOGIN takes no user and password beyond ASCII, {}: XOAUTH2",
        ),
        ("IMAP4rev1 LOGINDISABLED STARTTLS", [], "without TLS login is disabled (none); --imap-tls starttls?"),
        ("IMAP4rev1 LOGINDISABLED", [], "no mechanism in common, offered: none"),
    ],
)
def test_why_there_is_no_way_to_log_in(world, capabilities, options, words):
    there = world(capabilities=capabilities)
    words = words.format("other mechanisms offered")
    assert there.run(*options).first == f"SMTP CRITICAL - 127.0.0.1 imap: {words} ({OK})"


def test_a_note_that_is_not_kept_as_it_was_leaves_nothing(world):
    """As servers do that keep no header fields they do not know."""
    there = world(answers={"UID FETCH": lambda session, tag, _: session.ok(tag) or True})
    assert there.run().first == (
        f"SMTP CRITICAL - 127.0.0.1 imap: the note that was just written is not to be found ({OK})"
    )
    (left,) = there.imap.left()
    assert b"X-Check-SMTP-Status:" in left  # the probe, which is owed nothing


def test_without_uidplus(world):
    there = world(capabilities=PLAIN)
    assert (there.run().code, there.imap.left()) == (0, [])
    assert "EXPUNGE" in there.imap.commands


def test_without_uidplus_nothing_goes_that_somebody_else_has_marked(world):
    there = world(capabilities=PLAIN)
    other = there.imap.put(b"Subject: hello\r\n\r\n", flags=("\\Deleted",))
    result = there.run("-v")
    assert (result.code, len(there.imap.left())) == (0, 3)
    assert "imap: 2 messages marked only, since others are marked in INBOX" in result.lines
    other.flags.clear()
    assert (there.run().code, there.imap.left()) == (0, [other.octets])


@pytest.mark.parametrize("capabilities", ["IMAP4rev1 AUTH=PLAIN UIDPLUS", "IMAP4rev1 AUTH=PLAIN"])
def test_a_report_that_a_killed_run_has_only_marked(world, capabilities):
    there = world(capabilities=capabilities)
    there.imap.put(note(), flags=(*DRAFT, "\\Deleted"), age=8000)
    there.imap.put(bounce(1), flags=("\\Deleted",), age=7990)
    other = there.imap.put(bounce(2).replace(b"name=mx", b"name=other"))
    result = there.run()
    assert (result.code, counts(result)) == (0, "arrived=1 pending=0 lost=0 spam=0")
    assert there.imap.left() == [other.octets]


def test_at_gmail_what_is_deleted_goes_to_the_trash(world):
    there = world(
        capabilities="IMAP4rev1 AUTH=PLAIN UIDPLUS SPECIAL-USE X-GM-EXT-1",
        folders={"INBOX": "", "[Gmail]/Spam": "\\Junk", "[Gmail]/Bin": "\\Trash"},
    )
    assert (there.run().code, there.imap.left(), len(there.imap.left("[Gmail]/Bin"))) == (0, [], 2)


def test_without_a_flag_for_drafts_all_of_a_small_box_is_looked_at(world):
    there = world(keeps=("\\Seen",))
    there.imap.put(note(), flags=("\\Flagged",), age=30)
    result = there.run()
    assert (result.code, counts(result)) == (0, "arrived=1 pending=1 lost=0 spam=0")
    assert there.imap.left() == [note()]


def test_without_a_flag_for_drafts_a_big_box_is_none(world):
    there = world(keeps=("\\Seen",))
    for _ in range(201):
        there.imap.put(b"Subject: x\r\n\r\n")
    result = there.run()
    assert (result.code, steady(result)) == (
        2,
        f"127.0.0.1 imap: the server keeps no Draft flag, and INBOX has 201 messages ({OK})",
    )
    assert result.perfdata["mailbox"] == "201"
    assert len(there.imap.left()) == 202  # with the probe, which is owed nothing


def test_more_newer_messages_than_are_looked_at(world):
    there = world()
    there.imap.put(note(), flags=DRAFT, age=40)
    for _ in range(1001):
        there.imap.put(b"Subject: x\r\n\r\n", age=30)
    result = there.run()
    assert (result.code, steady(result)) == (
        1,
        "127.0.0.1 arrive: INBOX has more than 1000 newer messages (1 pending)",
    )
    assert counts(result) == "arrived=1 pending=1 lost=0 spam=0"


def test_a_big_box_is_looked_at_from_the_oldest_note_on(world):
    there = world()
    for _ in range(300):
        there.imap.put(b"Subject: x\r\n\r\n", age=50)
    there.imap.put(note(), flags=DRAFT, age=40)
    there.imap.put(probe(), age=38)
    result = there.run()
    assert (result.code, counts(result), len(there.imap.left())) == (0, "arrived=2 pending=0 lost=0 spam=0", 300)
    assert result.perfdata["mailbox"] == "302"


@pytest.mark.parametrize("skew", [-3600, 3600, 10**8])
def test_the_servers_clock_is_the_only_one(world, skew):
    there = world(clock=lambda: time.time() + skew)
    there.imap.put(note(), flags=DRAFT, age=40)
    there.imap.put(probe(), age=33)
    result = there.run()
    assert (result.code, counts(result)) == (0, "arrived=2 pending=0 lost=0 spam=0")
    assert "(1 earlier arrived after at most 7 s)" in result.first


# -- what stands in the mailbox is hostile


def test_hostile_mail(world):
    there = world()
    hostile = [
        b"X-Check-SMTP-Status: " + b"a" * 60_000 + b"\r\n\r\n",
        b"Message-ID: <probe-" + b"0" * 60_000 + b">\r\n\r\n",
        probe(9, more="Message-ID: \x1b[31m|\r\n"),
        b"\xff\xfe\0\r\n" * 100 + b"\r\n",
        b"Content-Type: multipart/report; boundary=b\r\n\r\n" + b"--b\r\nContent-Type: multipart/mixed\r\n\r\n" * 400,
        b"X-Check-SMTP-Status-Note: name=mx; probe=" + b"1" * 32 + b"; hold=" + b"9" * 5000 + b"\r\n\r\n",
    ]
    for octets in hostile:
        there.imap.put(octets, flags=("\\Draft",), age=20)
    result = there.run()
    assert (result.code, counts(result)) == (0, "arrived=1 pending=0 lost=0 spam=0")
    assert there.imap.left() == hostile


def test_forged_results_and_control_characters(world):
    there = world()
    there.postman.deliver = lambda octets: there.imap.put(
        b"Authentication-Results: mx.example.org; spf=\x1b[31mfail|x\r\n"
        b"Authentication-Results: mx.example.org; spf=pass\r\n" + octets
    )
    result = there.run("--authserv-id", "mx.example.org", "--require-auth", "spf")
    assert result.code == 1
    assert " arrive: spf=␛[31mfail¦x, pass wanted (arrived in INBOX after " in result.first


# -- hostile servers


def drip(session: Session, _tag: str, _arguments: str) -> bool:
    while True:
        session.send(b"x")
        time.sleep(0.3)


def flood(session: Session, _tag: str, _arguments: str) -> bool:
    while True:
        session.send(b"* 1 EXPUNGE\r\n" * 5000)


def endless(session: Session, _tag: str, _arguments: str) -> bool:
    while True:
        session.send(b"x" * 65536)


def literal(session: Session, _tag: str, _arguments: str) -> bool:
    session.send(b"* 1 FETCH (BODY[] {9000000000}\r\n")
    return endless(session, "", "")


def parentheses(session: Session, _tag: str, _arguments: str) -> bool:
    session.send(b"* LIST " + b"(" * 200_000 + b"\r\n")
    return silence(session, "", "")


def silence(_session: Session, _tag: str, _arguments: str) -> bool:
    time.sleep(8)
    return True


COMMANDS = (
    *("greeting", "CAPABILITY", "AUTHENTICATE", "LIST", "SELECT", "UID SEARCH", "APPEND", "UID FETCH"),
    *("UID STORE", "NOOP", "UID EXPUNGE", "LOGOUT"),
)


def measured(there: World, tmp_path: Path, *more: str) -> tuple[float, int, str, int]:
    """Seconds, exit code, output and KiB at most of one run."""
    startup = started()
    report = tmp_path / "report"
    command = [sys.executable, "-S", str(ROOT / "tests/helpers/measure.py"), str(report)]
    began = time.monotonic()
    done = subprocess.run(
        [*command, sys.executable, str(LAUNCHER), *there.arguments(*more)], capture_output=True, text=True, check=False
    )
    took = time.monotonic() - began
    return took - startup, done.returncode, done.stdout, int(report.read_text().split()[1])


def started() -> float:
    """Seconds that the program takes to begin and to end on this machine as it is loaded now."""
    began = time.monotonic()
    subprocess.run([sys.executable, str(LAUNCHER), "--imap", "x"], capture_output=True, check=False)
    return time.monotonic() - began


@pytest.mark.timing
@pytest.mark.parametrize("attack", [drip, flood, endless, literal, parentheses], ids=lambda attack: attack.__name__)
@pytest.mark.parametrize("command", ["greeting", "SELECT", "NOOP"])
def test_hostile_servers_end_in_time_and_cost_little(world, tmp_path, attack, command):
    there = world(answers={command: attack})
    took, code, out, size = measured(there, tmp_path, "-t", "1.5", "-vv")
    assert code == 2, out
    assert " imap: " in out.partition("|")[0]
    assert f"({OK})" in out.partition("\n")[0]
    assert took < 1.5 + 0.3
    assert size < 64 * 1024


@pytest.mark.timing
@pytest.mark.parametrize("command", COMMANDS)
def test_silence_at_each_command(world, tmp_path, command):
    there = world(answers={command: silence})
    took, code, out, _ = measured(there, tmp_path, "-t", "1.5")
    assert took < 1.5 + 0.3
    first = out.partition("|")[0]
    if command == "LOGOUT":
        assert code == 0
    else:
        assert code == 2
        assert " imap: timed out, no end of " in first
    assert "time_message=" in out


@pytest.mark.timing
def test_a_goodbye_that_is_not_answered_costs_a_second(world, tmp_path):
    there = world(answers={"LOGOUT": silence})
    took, code, out, _ = measured(there, tmp_path, "-t", "7")
    assert code == 0
    assert took < 1 + 2, out  # the rest is the machine's; without an end of its own it would be the seven


@pytest.mark.timing
def test_slow_at_each_command(world, tmp_path):
    there = world(delay=0.6)
    took, code, out, _ = measured(there, tmp_path, "-t", "3")
    assert (code, out.partition(" - ")[2].partition(", ")[0]) == (2, "127.0.0.1 imap: timed out")
    assert "time_message=" in out
    assert took < 3.3


def test_slow_at_each_command_with_time_enough(world):
    there = world(delay=0.1)
    assert counts(there.run("-t", "10")) == "arrived=1 pending=0 lost=0 spam=0"


# -- secrets


@pytest.mark.parametrize("options", [(), ("--imap-authtype", "PLAIN")])
def test_the_password_is_never_shown(world, options):
    echo = f'TAG NO wrong "{PASSWORD}" AHNlY3JldA==\r\n'.encode()
    for answers in ({"AUTHENTICATE": echo}, {"SELECT": echo}):
        out = world(answers=answers).run(*options, "-vvv").out
        assert PASSWORD not in out
        assert "s3cret" not in out


@pytest.mark.parametrize("command", ["LOGIN", "AUTHENTICATE"])
def test_the_transcript_shows_commands_without_secrets(world, command):
    only = {} if command == "AUTHENTICATE" else {"capabilities": "IMAP4rev1 UIDPLUS"}
    result = world(**only).run("-vv")
    assert result.code == 0
    said = [line.split(" ", 2)[2] for line in result.lines if line.startswith(">>> ") and line.count(" ") > 1]
    assert 'SELECT "INBOX"' in said
    assert PASSWORD not in result.out
    assert result.lines[-1] == "SMTP SERVER STATUS : OK"


def test_messages_and_folders_of_several_targets(world):
    there, other = world(), world({"RCPT": b"550 no\r\n"})
    more = ("-H", "127.0.0.2")
    result = there.run(*more)
    assert (result.code, counts(result)) == (1, "arrived=1 pending=0 lost=0 spam=0")
    assert "1 of 2 servers accept mail; 127.0.0.2 connect: connection refused" in result.first
    assert list(result.perfdata)[:7] == ["time", "time_imap", "arrived", "pending", "lost", "spam", "mailbox"]
    assert "127.0.0.1_time_arrive" in result.perfdata
    assert other.run(*more).code == 2


def test_a_mail_domain(world):
    """Each exchanger gets a message and a note of its own."""
    there = world()

    def reply(query, _tcp):  # type: ignore[no-untyped-def]
        name, kind = query.question[0].name.to_text(), query.question[0].rdtype.name
        if kind == "MX":
            return dns_octets(query, *(f"{name} 60 IN MX 10 mx{number}.test." for number in (1, 2)))
        return dns_octets(query, *([f"{name} 60 IN A 127.0.0.2"] if kind == "A" else []))

    # At 127.0.0.1 an exchanger is never connected to: that would be the monitoring host itself.
    with FakeDns(reply) as dns, Postman(there.imap.put, host="127.0.0.2") as there.postman:
        arguments = there.arguments("-d", "one.test", "--nameserver", f"127.0.0.1:{dns.port}")
        place = arguments.index("-H")
        del arguments[place : place + 2]
        result = run(*arguments)
    assert (result.code, counts(result)) == (0, "arrived=2 pending=0 lost=0 spam=0")
    assert re.fullmatch(
        r"SMTP OK - 2 of 2 exchangers accept mail, 2 of 2 probes arrived after at most \d\.\d{3} s", result.first
    )
    assert {"mx1.test_time_arrive", "mx2.test_time_arrive"} <= result.perfdata.keys()
    assert there.imap.left() == []


def test_late_mail_of_one_of_several_targets(world):
    there = world()
    there.imap.put(note(target="127.0.0.2"), flags=DRAFT, age=300)
    second = Postman(there.imap.put)
    with second:
        more = ("-H", "127.0.0.2")
        result = there.run(*more)
        enough = there.run(*more, "--require", "any")
    assert (result.code, result.first) == (
        1,
        "SMTP WARNING - 1 of 2 servers accept mail; 127.0.0.2 connect: connection refused by 127.0.0.2 port "
        f"{there.postman.port} (1 pending)",
    )
    assert enough.code == 0


@pytest.mark.parametrize(
    ("age", "came", "code", "words"),
    [
        (3700, None, 1, "arrive: 1 lost, the last one sent 3700 s ago"),
        (300, None, 1, "arrive: under way for 300 s, at most 60 s wanted"),
        (1000, 100, 2, "arrive: took 900.000 s, at most 600 s wanted"),
    ],
)
@pytest.mark.parametrize("several", [(), ("-H", "localhost", "--require", "all")])
def test_a_server_that_is_asked_no_more(world, several, age, came, code, words):
    """With one name for the check: what went to a server of before is not laid on one of now."""
    there = world()
    there.imap.put(note(target="mx9.example.org"), flags=DRAFT, age=age)
    if came is not None:
        there.imap.put(probe(), age=came)
    result = there.run(*several)
    assert result.code == code
    assert result.first.startswith(f"SMTP {'CRITICAL' if code == 2 else 'WARNING'} - mx9.example.org {words}")
    assert ("2 of 2 servers accept mail" in result.first) == bool(several)


@pytest.mark.parametrize("age", [1000, 3700])
@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize(
    ("require", "code"), [((), 1), (("--require", "any"), 1), (("--require", "1"), 0), (("--require", "2"), 0)]
)
def test_a_server_that_is_asked_no_more_is_no_worse_than_one_that_is(world, require, code, number, age):
    there = world()
    for each in range(number):
        there.imap.put(note(each + 1, target="mx9.example.org"), flags=DRAFT, age=age)
    result = there.run("-H", "localhost", *require)
    assert result.code == code, result.first
    first = "WARNING - mx9.example.org arrive: " if code else "OK - 2 of 2 servers accept mail, "
    assert result.first.startswith(f"SMTP {first}")


def test_folders_with_a_sign_of_markup(world):
    there = world(folders={"INBOX": "", "Entw&APw-rfe &- Co": ""})
    there.postman.deliver = lambda octets: there.imap.put(octets, "Entw&APw-rfe &- Co")
    result = there.run("--imap-folder", "Entwürfe & Co")
    assert result.code == 0
    assert ", arrived in Entwürfe + Co after 0." in result.first


# -- sender and receiver apart


class Apart:
    """A sender without a mailbox, and a receiver that sends nothing."""

    def __init__(self, world: World, directory: Path) -> None:
        self.world = world
        self.key = directory / "key"
        self.key.write_text("a key that both have\n")

    def send(self, key: Path | None = None, name: str = NAME) -> Result:
        mail = ["-H", "127.0.0.1", "-p", str(self.world.postman.port), "--to", "b@example.org"]
        return run(*mail, "--key-file", str(key or self.key), "--probe-name", name)

    def collect(self, *more: str, every: int = 300) -> Result:
        return run(*self.receiving, "--every", str(every), *more)

    @property
    def receiving(self) -> list[str]:
        """The receiver's words, but for how often there should be one."""
        mailbox = ["--imap", f"127.0.0.1:{self.world.imap.port}", "--imap-tls", "off", "--imap-user", USER]
        return [*mailbox, "--imap-pass", PASSWORD, "--collect", "--key-file", str(self.key), "--probe-name", NAME]

    def age(self, seconds: float) -> None:
        """As if all there is had been sent and had come so much earlier."""
        for message in self.world.imap.folders["INBOX"].messages:
            message.octets = self.sealed(seconds)
            message.at -= seconds

    @staticmethod
    def sealed(seconds: float) -> bytes:
        """A probe that was sent so much earlier."""
        from smtp_status.arrival.seal import parameters
        from smtp_status.sasl.credentials import Secret

        proof = parameters(Secret("a key that both have"), NAME, token(7), time.time() - seconds)
        field = f"X-Check-SMTP-Status: 0.2.0; host=a; name={NAME}; probe={token(7)}; {proof}\r\n"
        return field.encode() + b"\r\n"


@pytest.fixture
def apart(world, tmp_path) -> Apart:
    return Apart(world(clock=time.time), tmp_path)


def test_apart(apart):
    assert apart.send().code == 0
    result = apart.collect()
    assert result.code == 0
    assert re.fullmatch(
        r"SMTP OK - 127\.0\.0\.1 has probe mx in INBOX, sent \d s ago, arrived after \d s", result.first
    )
    assert list(result.perfdata) == ["time", "time_imap", "time_arrive", "time_pending", "mailbox"]
    assert len(apart.world.imap.left()) == 1


def test_apart_only_the_newest_is_kept(apart):
    for _ in range(3):
        apart.send()
    newest = apart.world.imap.left()[-1]
    other = apart.world.imap.put(b"Subject: hello\r\n\r\n")
    assert apart.collect().code == 0
    assert apart.world.imap.left() == [newest, other.octets]


@pytest.mark.parametrize(("age", "code"), [(290, 0), (345, 0), (370, 1), (912, 2)])
def test_apart_too_old(apart, age, code):
    apart.send()
    apart.age(age)
    result = apart.collect()
    assert result.code == code
    if code:
        told = re.search(r" no probe mx sent in the last (\d+) s has arrived, one every 300 s wanted", result.first)
        assert told is not None
        assert age <= int(told[1]) < age + 5


@pytest.mark.parametrize(
    ("ahead", "age", "code", "words"),
    [
        (2_592_000, 3, 0, r"has probe mx in INBOX, sent \d+ s ago, arrived after 0 s"),
        (7200, 912, 2, r"arrive: no probe mx sent in the last 9[12]\d s has arrived, one every 300 s wanted"),
        (600, 912, 0, r"has probe mx in INBOX, sent 3[12]\d s ago, arrived after 0 s"),
    ],
)
def test_apart_a_clock_that_is_ahead(apart, ahead, age, code, words):
    apart.send()
    (message,) = apart.world.imap.folders["INBOX"].messages
    message.at = time.time() - age
    message.octets = apart.sealed(age - ahead)
    result = apart.collect()
    assert result.code == code
    assert re.fullmatch(rf"SMTP [A-Z]+ - 127\.0\.0\.1 {words}", result.first)


def test_apart_a_mail_server_whose_clock_is_behind(apart):
    apart.send()
    (message,) = apart.world.imap.folders["INBOX"].messages
    message.at -= 7200
    result = apart.collect()
    assert result.code == 0
    words = r"SMTP OK - 127\.0\.0\.1 has probe mx in INBOX, sent \d+ s ago, arrived after 0 s"
    assert re.fullmatch(words, result.first)


def test_apart_a_probe_from_the_future_is_not_the_newest_for_ever(apart):
    apart.send()
    (message,) = apart.world.imap.folders["INBOX"].messages
    message.octets, message.at = apart.sealed(-2_592_000), time.time() - 600
    apart.send()
    newest = apart.world.imap.left()[-1]
    assert apart.collect().code == 0
    assert apart.world.imap.left() == [newest]


def test_apart_nothing_there(apart):
    result = apart.collect()
    assert (result.code, result.first) == (
        2,
        "SMTP CRITICAL - 127.0.0.1 arrive: no probe mx has arrived, one every 300 s wanted",
    )


@pytest.mark.parametrize(("older", "left"), [(1, "1 message"), (2, "2 messages")])
def test_apart_older_ones_that_cannot_be_deleted(apart, older, left):
    apart.world.imap.answers["UID STORE"] = b"TAG NO [NOPERM] Permission denied\r\n"
    for _ in range(older + 1):
        apart.send()
    result = apart.collect()
    assert (result.code, result.first) == (
        1,
        f"SMTP WARNING - 127.0.0.1 clean: NO [NOPERM] Permission denied ({left} left)",
    )


def test_apart_forged(apart, tmp_path):
    other = tmp_path / "other"
    other.write_text("a key of nobody else\n")
    apart.send(other)
    apart.send(name="other")
    apart.world.imap.put(probe())
    assert apart.collect().code == 2
    assert len(apart.world.imap.left()) == 3


def test_apart_in_the_spam_folder(apart):
    apart.world.postman.deliver = lambda octets: apart.world.imap.put(octets, "Junk")
    apart.send()
    result = apart.collect()
    assert result.code == 1
    assert re.fullmatch(r"SMTP WARNING - 127\.0\.0\.1 arrive: landed in Junk after \d s", result.first)


@pytest.mark.parametrize(("sent", "left"), [(2, "1 message left"), (3, "2 messages left")])
def test_apart_what_cannot_be_deleted(world, tmp_path, sent, left):
    there = Apart(world(clock=time.time, answers={"UID STORE": b"TAG NO [NOPERM] Permission denied\r\n"}), tmp_path)
    for _ in range(sent):
        there.send()
    result = there.collect()
    assert (result.code, result.first) == (
        1,
        f"SMTP WARNING - 127.0.0.1 clean: NO [NOPERM] Permission denied ({left})",
    )


@pytest.mark.parametrize(("limit", "words"), [(("-w", "9:"), "it took"), (("--stage-warning", "imap=9:"), "imap took")])
def test_apart_too_slow(apart, limit, words):
    apart.send()
    result = apart.collect(*limit)
    assert result.code == 1
    assert re.fullmatch(rf"SMTP WARNING - 127\.0\.0\.1: {words} 0\.\d{{3}} s, at least 9 s wanted", result.first)


def test_apart_the_mailbox_cannot_be_used(apart):
    result = apart.collect("--imap-pass", "wrong", "-vv")
    assert result.code == 2
    assert result.first == "SMTP CRITICAL - 127.0.0.1 imap: NO [AUTHENTICATIONFAILED] Authentication failed."


def test_apart_for_programs(apart):
    found = document(*apart.receiving, "--every", 300)
    assert (found["state"], found["targets"], found["arrival"]["arrived"]) == ("critical", [], 0)
    (finding,) = found["arrival"]["findings"]
    assert (finding["stage"], finding["kind"], finding["state"]) == ("arrive", "lost", "critical")
    apart.world.postman.deliver = lambda octets: apart.world.imap.put(octets, "Junk")
    apart.send()
    found = document(*apart.receiving, "--every", 300, "-vv")
    arrival = found["arrival"]
    assert (found["state"], arrival["arrived"], arrival["spam"], arrival["messages"]) == ("warning", 1, 1, 0)
    assert [figure["label"] for figure in found["perfdata"]][:2] == ["time", "time_imap"]
    assert any("LOGIN" in line or "AUTHENTICATE" in line for line in arrival["transcript"])
    assert PASSWORD not in str(found)
    found = document(*apart.receiving, "--every", 300, "--imap-pass", "wrong")
    assert [one["kind"] for one in found["arrival"]["findings"]] == ["failure"]
    assert (found["arrival"]["seconds"], found["arrival"]["arrived"]) == (None, None)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--collect",), "--collect takes --imap as well"),
        (("--key-file", "KEY"), "--key-file takes --probe-name as well"),
        (("--key-file", "KEY", "--probe-name", "a"), "--key-file takes --to as well"),
        (
            ("--key-file", "KEY", "--probe-name", "a", "--to", "a@b.example"),
            "SMTP UNKNOWN - --key-file takes a key of at least 16 octets",
        ),
        (
            ("--imap", "h", "--imap-user", "u", "--collect", "--key-file", "KEY", "--probe-name", "a", "--every", "5"),
            "SMTP UNKNOWN - --key-file takes a key of at least 16 octets",
        ),
        (
            ("--imap", "h", "--collect", "--imap-user", "u"),
            "--collect takes --key-file, --probe-name and --every as well",
        ),
        (("--imap", "h", "--collect", "--to", "a@b.example"), "--collect and --to exclude each other"),
        (("--imap", "h", "--every", "5"), "--every with --imap takes --collect as well"),
    ],
)
def test_apart_bad_usage(tmp_path, options, said):
    key = tmp_path / "key"
    key.write_text("fifteen octets.\n")
    result = run(*(str(key) if word == "KEY" else word for word in options))
    assert result.code == 3
    assert said in result.first
