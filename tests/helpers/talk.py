"""Holds a conversation with a server that is a list: what the dialogue sends, and what it makes of the replies."""

from __future__ import annotations

import socket
from typing import Any

from smtp_status.findings import Address, Failure, Finding, Target
from smtp_status.smtp import address
from smtp_status.smtp.actions import Answered, Ask, Connect, Connected, Handshake, Secured, Tell, Told
from smtp_status.smtp.dialogue import Dialogue
from smtp_status.smtp.message import Message
from smtp_status.smtp.patterns import compiled
from smtp_status.smtp.plan import Plan, RawCommand, Route
from smtp_status.smtp.replies import Reply, ReplyReader
from smtp_status.tls.judge import CertificateJudgement

STARTED = 100.0
NOW = 1_800_000_000.0
PEER = Address(socket.AF_INET, ("192.0.2.10", 25), "192.0.2.10", 25)
LOOPBACK = Address(socket.AF_INET, ("127.0.0.1", 25), "127.0.0.1", 25)
TARGET = Target("mx1.example.org", (PEER,))
SENDER = address.parse("from@example.org")
TO = address.parse("to@example.org")
OTHER = address.parse("other@example.org")

GREETING = "220 mx1 ESMTP"
EHLO = "250-mx1\n250-SIZE 10240000\n250-8BITMIME\n250 SMTPUTF8"
BYE = "221 2.0.0 Bye"
OK = "250 2.0.0 Ok"
GO = "354 go ahead"
UP_TO_EHLO = (GREETING, EHLO)
UP_TO_RCPT = (GREETING, EHLO, OK, OK)
WHOLE = (GREETING, EHLO, OK, OK, GO, "250 2.0.0 Ok: queued as 4Vx1", BYE)
BARE = "250 mx1"
EHLO_TLS = "250-mx1\n250-STARTTLS\n250-SIZE\n250 AUTH PLAIN"
READY = "220 2.0.0 ready"
SECONDS = 0.25


def plan(*recipients: address.Mailbox, text: str = "Subject: x\n\nbody", **changes: Any) -> Plan:
    """A plan with a message for ``recipients``."""
    sender = changes.get("sender", SENDER if recipients else None)
    message = Message.build(text, None, None, (), sender, recipients, "probe.example.org") if recipients else None
    changes.setdefault("message", message)
    changes.setdefault("sender", sender)
    return Plan(helo="probe.example.org", recipients=recipients, verbose=3)._replace(**changes)


def raw(*pairs: tuple[str, str | None]) -> tuple[RawCommand, ...]:
    return tuple(RawCommand(line.encode(), None if wanted is None else compiled(wanted)) for line, wanted in pairs)


def offer(*mechanisms: str) -> str:
    return "250-mx1\n250 AUTH " + " ".join(mechanisms)


def reply(text: str | bytes) -> Reply:
    raw = text.encode() if isinstance(text, str) else text
    reader = ReplyReader()
    reader.feed(raw.replace(b"\n", b"\r\n") + b"\r\n")
    made = reader.next_reply()
    assert made is not None
    assert reader.idle, f"more than one reply: {text!r}"
    return made


def early(text: str) -> Answered:
    """Came before all of the payload was sent."""
    return Answered(reply(text), SECONDS, 0.0, early=True)


def unasked(text: str) -> Answered:
    """Was there before the payload, none of which was sent."""
    return Answered(reply(text), 9999.0, 0.0, unasked=True)


def silence(*lines: bytes, waited: float = 9.94, sending: bool = False) -> Failure:
    return Failure("timeout", "", lines, waited, sending)


def closed(*lines: bytes, sending: bool = False) -> Failure:
    return Failure("closed", "connection closed by the server", lines, sending=sending)


def surplus(*lines: bytes) -> Failure:
    return Failure("protocol", "data before it was asked for", lines)


class NothingWrong:
    """A judge of certificates who has nothing to say."""

    def __init__(self, verified: bool) -> None:
        self._verified = verified

    def judge(self, *_of: Any) -> CertificateJudgement:
        return CertificateJudgement(verified=self._verified)


class Talk:
    """One conversation.  ``script``: for each Exchange the reply as text, or its result.

    ``connected``, ``secured``, ``told``: results of the other actions.  ``rest``: what comes of every Exchange after
    the script; without it the script must be used up, and be enough.  ``policy``: that of the route.
    ``judge``: the dialogue's; without one, and without a chain in ``secured``, nothing is wrong.  Each action takes a
    second of the clock.
    """

    def __init__(
        self,
        plan: Plan,
        *script: Any,
        target: Target = TARGET,
        connected: Connected | Failure | None = None,
        secured: Secured | Failure | None = None,
        told: Failure | None = None,
        rest: Failure | None = None,
        policy: Any = None,
        judge: Any = None,
    ) -> None:
        self.actions: list[Any] = []
        self.sent: list[bytes] = []
        self.limits: list[float | None] = []
        self.strict: list[bool] = []
        where = target.addresses[0]
        others = {
            Connect: connected or Connected(where, ("192.0.2.99", 40000), SECONDS, 0.0),
            Handshake: secured or Secured("TLSv1.3", "TLS_AES_256_GCM_SHA384", (), SECONDS, 0.0),
            Tell: told or Told(0.0),
        }
        if judge is None and not (secured and secured.chain):
            judge = NothingWrong(plan.tls.verify)
        dialogue = Dialogue(plan, Route(target, policy=policy), NOW, judge)
        steps = dialogue.run()
        waiting = list(script)
        at = STARTED
        result: Any = None
        while True:
            try:
                action = steps.send(result)
            except StopIteration:
                break
            self.actions.append(action)
            if isinstance(action, Ask):
                assert waiting or rest, f"the dialogue goes on after the script's end: {action!r}"
                result = waiting.pop(0) if waiting else rest
                if isinstance(result, (str, bytes)):
                    result = Answered(reply(result), SECONDS, 0.0)
                self._note(action, result)
            else:
                result = others[type(action)]
            at += 1.0
            result = result._replace(at=at)
        assert rest or not waiting, "the dialogue ended before the script"
        self.outcome = dialogue.outcome(STARTED)

    def _note(self, action: Ask, result: Any) -> None:
        self.limits.append(action.limit)
        self.strict.append(action.strict)
        payload = b"".join(action.payload)
        before = isinstance(result, Failure) and result.kind == "protocol"
        if payload and not before and not getattr(result, "unasked", False):
            self.sent.append(payload)

    @property
    def commands(self) -> list[str]:
        """The commands sent, without line ends; a message is ``<message>``."""
        return ["<message>" if b"\n" in one[:-2] else one.decode().removesuffix("\r\n") for one in self.sent]

    @property
    def verbs(self) -> str:
        """The first words of the commands."""
        return " ".join(one.split(" ")[0] for one in self.commands)

    @property
    def stages(self) -> list[tuple[str, str]]:
        return [(finding.stage, finding.kind) for finding in self.outcome.findings]

    @property
    def last(self) -> Finding:
        return self.outcome.findings[-1]

    @property
    def decisive(self) -> Finding:
        """The last finding before ``quit``."""
        return [finding for finding in self.outcome.findings if finding.stage != "quit"][-1]

    @property
    def times(self) -> dict[str, float]:
        return dict(self.outcome.times)


def broken(stage: int, *end: object) -> Talk:
    """A transaction that goes well up to the reply number ``stage``."""
    return Talk(plan(TO), *WHOLE[:stage], *end)
