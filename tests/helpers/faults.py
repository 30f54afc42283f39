"""The fault farm's table: what a server can do wrong at each stage, and what the first line has to say then."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from servers.scripted import (
    Action,
    Close,
    Drip,
    Reset,
    Session,
    Silence,
    Sleep,
    play,
)

SENDER, RECIPIENT = "alice@example.test", "bob@example.test"
USER, PASSWORD = "alice", "correct horse"
TIMEOUT = 1.5
"""Seconds of -t where the fault is one that only the deadline ends."""


class Stage(NamedTuple):
    """A stage with a reply: the good one, and what the plugin calls it; ``following`` is the stage after it."""

    name: str
    good: bytes
    asked: str
    following: str = ""


STAGES = {
    stage.name: stage
    for stage in (
        Stage("banner", b"220 scripted.test ESMTP\r\n", "greeting", "ehlo"),
        Stage("ehlo", b"250-scripted.test\r\n250-STARTTLS\r\n250 AUTH PLAIN\r\n", "reply to EHLO", "mail"),
        Stage("starttls", b"220 2.0.0 Ready to start TLS\r\n", "reply to STARTTLS", "tls"),
        Stage("auth", b"235 2.7.0 Authentication successful\r\n", "reply to AUTH PLAIN", "mail"),
        Stage("mail", b"250 2.1.0 Sender ok\r\n", "reply to MAIL", "rcpt"),
        Stage("rcpt", b"250 2.1.5 Recipient ok\r\n", "reply to RCPT", "data"),
        Stage("data", b"354 Go on\r\n", "reply to DATA", "message"),
        Stage("message", b"250 2.0.0 Ok: queued as 4Vx1\r\n", "reply to the final dot", "quit"),
        Stage("quit", b"221 2.0.0 Bye\r\n", "reply to QUIT"),
    )
}
EARLIER = {stage.following: stage.name for stage in STAGES.values() if stage.name not in ("ehlo", "starttls")} | {
    "mail": "ehlo",
    "auth": "ehlo",
    "starttls": "ehlo",
}
"""The stage before each; of ``mail``, ``auth`` and ``starttls`` in a run with nothing between them and ``ehlo``."""

TLS = " in TLS"
"""Behind a stage's name: the whole conversation is inside TLS."""


class Expected(NamedTuple):
    """What is to come of a run.

    ``sentence`` stands behind the host: words in braces are the stage's, ``#`` is any number, ``*`` any text, ``…`` any
    text up to where the plugin cut it.  ``quit``: whether QUIT is sent, None where the connection cannot tell.
    ``late``: only the deadline ends it.
    """

    state: str
    sentence: str
    quit: bool | None = True
    late: bool = False


class Fault(NamedTuple):
    """What the server does in place of a good reply, and what is to come of it; ``at`` has the stages that differ."""

    action: Callable[[Stage], Action]
    expected: Expected
    at: Mapping[str, Expected] = {}


class Rest:
    """The rest of a conversation that has failed: RSET and QUIT are answered as they should be."""

    def play(self, session: Session) -> None:
        while True:
            verb = session.read_line().upper()
            if verb == b"QUIT":
                play((b"221 2.0.0 Bye\r\n", Close()), session)
            session.send(b"250 2.0.0 Ok\r\n" if verb == b"RSET" else b"503 5.5.1 What is this\r\n")


@dataclass(frozen=True)
class Flood:
    """Send ``piece`` over and over, until the client has had enough."""

    begin: bytes
    piece: bytes

    def play(self, session: Session) -> None:
        many = self.piece * (65536 // len(self.piece))
        session.send(self.begin + many)
        for _ in range(1000):
            session.send(many)


@dataclass(frozen=True)
class Blurt:
    """Send ``octets`` without a look at what has come."""

    octets: bytes

    def play(self, session: Session) -> None:
        session._connection.sendall(self.octets)


OK = Expected("OK", "accepted the message in # s: 250 2.0.0 Ok: queued as 4Vx1")
"""The server did its job."""


def critical(sentence: str, quit: bool | None = True, late: bool = False) -> Expected:
    return Expected("CRITICAL", sentence, quit, late)


def reply(line: str, then: Action = None) -> Callable[[Stage], Action]:
    """An action for each stage: ``line``, in which CODE is the good reply's code and GOOD all of it."""

    def action(stage: Stage) -> Action:
        raw = line.encode("latin-1").replace(b"GOOD", stage.good).replace(b"CODE", stage.good[:3])
        return (raw, Rest() if then is None else then)

    return action


def fine(line: str) -> Callable[[Stage], Action]:
    """The same for what is a good reply, after which all goes on."""
    return lambda stage: line.encode("latin-1").replace(b"CODE", stage.good[:3])


_INCOMPLETE = "timed out at {stage}: {asked} incomplete after # s"
_PLAIN = "starttls: data in plain text before the TLS handshake"
_AFTER_TLS = {"starttls": critical("tls: connection closed by the server during the TLS handshake", quit=False)}

# Behind a 220 to STARTTLS or a 354 to DATA, however deformed, the server may be waiting for anything but a command.
_NO_QUIT_AFTER_GO_AHEAD = ("starttls", "data")


def _unless_go_ahead(sentence: str) -> Mapping[str, Expected]:
    return {stage: critical(sentence, quit=False) for stage in _NO_QUIT_AFTER_GO_AHEAD}


FAULTS: Mapping[str, Fault] = {
    "reset": Fault(
        # Not at once: a connection that is reset while it is being made is a fault of connect.
        lambda _: (Sleep(0.1), Reset()),
        critical("{stage}: connection reset by the server before the {asked}", quit=False),
    ),
    "closed before the reply": Fault(
        lambda _: Close(),
        critical("{stage}: connection closed by the server before the {asked}", quit=False),
    ),
    "closed in the reply": Fault(
        lambda stage: (stage.good[:7], Close()),
        critical("{stage}: connection closed by the server in the middle of the {asked}: {begun}", quit=False),
    ),
    "reset in the reply": Fault(
        lambda stage: (stage.good[:7], Sleep(0.1), Reset()),
        critical("{stage}: connection reset by the server in the middle of the {asked}: {begun}", quit=False),
    ),
    "closed in the code": Fault(
        lambda stage: (stage.good[:2], Close()),
        critical("{stage}: connection closed by the server in the middle of the {asked}: {digits}", quit=False),
    ),
    "closed after the reply": Fault(
        lambda stage: (stage.good, Close()),
        critical("{next}: connection closed by the server before the {next_asked}", quit=None),
        {**_AFTER_TLS, "quit": OK},
    ),
    "reset after the reply": Fault(
        lambda stage: (stage.good, Sleep(0.1), Reset()),
        critical("{next}: connection reset by the server before the {next_asked}", quit=None),
        {"starttls": critical("tls: connection reset by the server during the TLS handshake", quit=False), "quit": OK},
    ),
    "silence": Fault(
        lambda _: Silence(),
        critical("timed out at {stage}: no {asked} for # s", late=True),
        {
            "banner": critical("timed out at banner: no greeting for # s", quit=False, late=True),
            "message": critical("timed out at message: no reply for # s after the final dot", late=True),
        },
    ),
    "a byte a second": Fault(
        lambda stage: Drip(stage.good, 1, 1.0),
        critical(f"{_INCOMPLETE}: #", late=True),
        {"banner": critical(f"{_INCOMPLETE}: #", quit=False, late=True)},
    ),
    "split at every byte": Fault(lambda stage: Drip(stage.good, 1, 0.001), OK),
    "no text": Fault(
        fine("CODE\r\n"),
        OK,
        {"message": Expected("OK", "accepted the message in # s: 250")},
    ),
    "no text but a blank": Fault(
        fine("CODE \r\n"),
        OK,
        {"message": Expected("OK", "accepted the message in # s: 250")},
    ),
    "no code": Fault(reply("Hello there\r\n"), critical("{stage}: no reply code: Hello there")),
    "nothing in the line": Fault(reply("\r\n"), critical("{stage}: no reply code")),
    "two digits": Fault(reply("25 ok\r\n"), critical("{stage}: no reply code: 25 ok")),
    "digits of another script": Fault(
        reply("\xd9\xa2\xd9\xa5\xd9\xa0 ok\r\n"), critical("{stage}: no reply code: \u0662\u0665\u0660 ok")
    ),
    "code 650": Fault(reply("650 ok\r\n"), critical("{stage}: 650 ok (reply code 650 is outside 200 to 559)")),
    "code 260": Fault(reply("260 ok\r\n"), critical("{stage}: 260 ok (reply code 260 is outside 200 to 559)")),
    "code 199": Fault(reply("199 ok\r\n"), critical("{stage}: 199 ok (reply code 199 is outside 200 to 559)")),
    "code 000": Fault(reply("000 ok\r\n"), critical("{stage}: reply code 000 is outside 200 to 559: ok")),
    "no blank after the code": Fault(
        reply("CODE_ok\r\n"),
        critical("{stage}: {code} _ok (neither space nor hyphen behind the reply code)"),
        _unless_go_ahead("{stage}: {code} _ok (neither space nor hyphen behind the reply code)"),
    ),
    "different codes, the last one bad": Fault(
        reply("CODE-fine\r\n550 no\r\n"),
        critical("{stage}: {code} and 550 fine no (lines of one reply have different codes, {code} and 550)"),
        {"quit": critical("quit: 221 and 550 fine no (lines of one reply have different codes, 221 and 550…)")},
    ),
    "different codes, the last one good": Fault(
        reply("550-no\r\nCODE fine\r\n"),
        critical("{stage}: 550 and {code} no fine (lines of one reply have different codes, 550 and {code})"),
        {
            **_unless_go_ahead(
                "{stage}: 550 and {code} no fine (lines of one reply have different codes, 550 and {code})"
            ),
            "quit": critical("quit: 550 and 221 no fine (lines of one reply have different codes, 550 and 221…)"),
        },
    ),
    "bare LF": Fault(lambda stage: stage.good.replace(b"\r\n", b"\n"), OK),
    "bare CR": Fault(
        lambda stage: (stage.good[:-2] + b"\r", Silence()),
        critical(f"{_INCOMPLETE}: {{text}}␍", late=True),
        {"banner": critical(f"{_INCOMPLETE}: {{text}}␍", quit=False, late=True)},
    ),
    "CR in the text": Fault(
        fine("CODE a\rb\r\n"),
        OK,
        {"message": Expected("OK", "accepted the message in # s: 250 a␍b")},
    ),
    "NUL in the text": Fault(
        fine("CODE a\0b\r\n"),
        OK,
        {"message": Expected("OK", "accepted the message in # s: 250 a␀b")},
    ),
    "NUL before the code": Fault(reply("\0CODE ok\r\n"), critical("{stage}: no reply code: ␀{code} ok")),
    "text that acts on a terminal and on Nagios": Fault(
        reply("550 \x1b[2J<b>&|time=0s \\n OK\r\n"),
        critical("{stage}: 550 ␛[2Jb＆¦time=0s ∖n OK"),
        {"auth": critical("auth: 550 ␛[2Jb＆¦time=0s ∖n OK (PLAIN)")},
    ),
    "text that is not UTF-8": Fault(
        reply("550 caf\xe9\r\n"), critical("{stage}: 550 caf‹E9›"), {"auth": critical("auth: 550 caf‹E9› (PLAIN)")}
    ),
    "a line that never ends": Fault(
        lambda stage: Flood(stage.good[:3] + b" ", b"x" * 1000),
        critical("{stage}: {code} xxxxx… (reply line longer than 8192 octets)", quit=None),
    ),
    "a reply that never ends": Fault(
        lambda stage: Flood(b"", stage.good[:3] + b"-on and on\r\n"),
        critical("{stage}: {code} on and on on and on… (reply longer than 1048576 octets)", quit=None),
    ),
    "replies without end": Fault(
        lambda stage: Flood(stage.good, stage.good[:3] + b" again\r\n"),
        critical("{next}: data before it was asked for: {code} again {code} again…", quit=None),
        {
            "starttls": critical(f"{_PLAIN}: 220 again 220 again…", quit=None),
            "quit": OK,
        },
    ),
    "two replies": Fault(
        reply("GOODCODE again\r\n"),
        critical("{next}: data before it was asked for: {code} again"),
        {
            "starttls": critical(f"{_PLAIN}: 220 again", quit=False),
            "data": critical("message: data before it was asked for: 354 again", quit=False),
            "quit": OK,
        },
    ),
    "421 unasked": Fault(
        lambda stage: (stage.good + b"421 4.3.2 Shutting down\r\n", Close()),
        critical("{next}: 421 4.3.2 Shutting down", quit=None),
        {
            "starttls": critical(f"{_PLAIN}: 421 4.3.2 Shutting down", quit=False),
            "quit": OK,
        },
    ),
    "421": Fault(
        lambda _: (b"421 4.3.2 Shutting down\r\n", Close()),
        critical("{stage}: 421 4.3.2 Shutting down", quit=None),
        {"auth": critical("auth: 421 4.3.2 Shutting down (PLAIN)", quit=None)},
    ),
    "success in the text of a refusal": Fault(
        reply("550 5.7.1 220 250 2.0.0 354 ok\r\n"),
        critical("{stage}: 550 5.7.1 220 250 2.0.0 354 ok"),
        {"auth": critical("auth: 550 5.7.1 220 250 2.0.0 354 ok (PLAIN)")},
    ),
    "success on the last line of a refusal": Fault(
        reply("550-5.7.1 No\r\n550 250 2.0.0 Ok: queued\r\n"),
        critical("{stage}: 550 5.7.1 No 250 2.0.0 Ok: queued"),
        {"auth": critical("auth: 550 5.7.1 No 250 2.0.0 Ok: queued (PLAIN)")},
    ),
    "later": Fault(
        reply("450 4.2.0 Try later\r\n"),
        critical("{stage}: 450 4.2.0 Try later"),
        {
            "auth": critical("auth: 450 4.2.0 Try later (PLAIN)"),
            **{
                stage: Expected("WARNING", "{stage}: 450 4.2.0 Try later")
                for stage in ("mail", "rcpt", "data", "message")
            },
        },
    ),
    "another question's answer": Fault(
        reply("334 \r\n"),
        critical("{stage}: 334 (not a {asked})"),
        {
            "auth": critical("auth: 334 (PLAIN challenge after everything was said)"),
        },
    ),
    "another question's success": Fault(
        reply("214 ok\r\n"),
        critical("{stage}: 214 ok (not a {asked})"),
        {
            # A 2yz where nothing but success can be meant; what comes next is refused by this server.
            "mail": critical("rcpt: 503 5.5.1 What is this"),
            "rcpt": critical("data: 503 5.5.1 What is this"),
            "message": Expected("OK", "accepted the message in # s: 214 ok"),
        },
    ),
}

EARLY = Fault(
    lambda stage: stage.good,
    critical("{stage}: data before it was asked for: {text}"),
    {
        "quit": critical("quit: data before it was asked for: {text}"),
        # In the message's place nothing can be said any more.
        "message": critical("message: data before it was asked for: {text}", quit=False),
    },
)
"""A reply that comes together with the one before it, so before its command."""


def expected(fault: Fault, stage: str) -> Expected:
    """What is to come of ``fault`` at ``stage``, with the whole first line as a pattern."""
    here = STAGES[stage.removesuffix(TLS)]
    after = STAGES.get(here.following)
    wanted = fault.at.get(here.name, fault.expected)
    sentence = wanted.sentence.format(
        stage=here.name,
        asked=here.asked,
        next=here.following,
        next_asked=after.asked if after else "",
        code=here.good[:3].decode(),
        begun=here.good[:7].decode().rstrip(),
        digits=here.good[:2].decode(),
        text=here.good[:-2].decode().replace("\r\n", " "),
    )
    state = wanted.state
    if sentence.startswith(("quit: ", "timed out at quit: ")):
        state, sentence = "WARNING", _decided_before(sentence)
    quit_sent = True if here.name == "quit" else wanted.quit  # there it is QUIT that the fault answers
    return wanted._replace(state=state, sentence=first_line(state, sentence), quit=quit_sent)


def first_line(state: str, sentence: str) -> str:
    """The pattern of a first line."""
    words = re.escape(sentence).replace("\\#", "[0-9.]+").replace("…", ".*…").replace("\\*", ".*")
    return rf"SMTP {state} - 127\.0\.0\.1 {words}"


def _decided_before(sentence: str) -> str:
    """What went wrong at QUIT changes nothing, and the line says what the server did before."""
    if sentence.endswith("…)"):
        return sentence
    if sentence.endswith(")"):
        return f"{sentence[:-1]}, accepted the message before)"
    return f"{sentence} (accepted the message before)"
