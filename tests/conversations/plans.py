"""What the plugin is to do, made up: plans and settings as the command line could have given them."""

from __future__ import annotations

import re
import string
from functools import cache
from random import Random

import nagiosplugin

from smtp_status.findings import FAULTS
from smtp_status.options.settings import Settings, StateRule
from smtp_status.sasl.credentials import Credentials, Secret
from smtp_status.sasl.mechanisms import PLAINTEXT, PLUS, STRENGTH
from smtp_status.smtp.address import NULL, Mailbox
from smtp_status.smtp.message import Message
from smtp_status.smtp.plan import Plan, RawCommand
from smtp_status.stages import STAGES
from smtp_status.tls.plan import TlsPlan

TIMEOUT = 10.0
HOST = "192.0.2.7"

_RAW = (b"NOOP", b"VRFY bob", b"HELP", b"EXPN list", b"XCLIENT NAME=probe", b"RSET", b"TURN", b"vrfy bob|x")
_RAW_MAIL = (b"RCPT TO:<bob@example.org>", b"DATA", b".")
_EXPECTED = ("^250", "^25[0-9]", "ok", "^550", "[0-9]{3}", "never said")


def any_settings(rng: Random) -> Settings:
    """Settings with a plan; in three of four nothing but the table of docs/how-it-judges.md judges."""
    verbose = rng.choice((0, 0, 0, 1, 2, 3))
    plan = any_plan(rng)._replace(verbose=verbose)
    judged = rng.random() < 0.25
    return Settings(
        plan=plan,
        hosts=(HOST,),
        port=465 if plan.tls.mode == "ssl" else rng.choice((25, 25, 465, 587)),
        timeout=TIMEOUT,
        timeout_state=rng.choice(("ok", "warning", "critical", "unknown")) if judged else "critical",
        warning=nagiosplugin.Range(rng.choice(("1", "0.001", "5:", "@0:1"))) if judged and rng.random() < 0.5 else None,
        stage_critical={"ehlo": nagiosplugin.Range("0.5")} if judged and rng.random() < 0.3 else {},
        rules=tuple(_rule(rng) for _ in range(rng.randrange(4))) if judged else (),
        certificate_days=rng.choice(((None, None), (30, 10), (100_000, None))) if judged else (None, None),
        verbose=verbose,
    )


def any_plan(rng: Random) -> Plan:
    """A plan the command line could have made."""
    recipients = tuple(_mailbox(rng, number) for number in range(rng.choice((0, 1, 1, 1, 2, 3))))
    sender = rng.choice((None, NULL, NULL, Mailbox("alice", "example.org"), _mailbox(rng, 9)))
    tls = TlsPlan(mode=rng.choice((*("off",) * 5, "starttls", "starttls", "ssl", "offered")), verify=False)
    plan = Plan(
        helo=rng.choice((None, "probe.example.org")),
        expect=rng.choice(("220", "220 mx", "ESMTP", "absent", "554")) if rng.random() < 0.08 else None,
        sender=sender,
        recipients=recipients,
        message=_message(rng.choice((0, 0, 0, 0, 1, 2, 3) if rng.random() < 0.95 else (4, 5))) if recipients else None,
        commands=_commands(rng) if rng.random() < 0.2 else (),
        lmtp=rng.random() < 0.15,
        proxy=rng.choice(((), ("192.0.2.1", 1, "192.0.2.2", 2))) if rng.random() < 0.1 else None,
        tls=tls,
        credentials=_credentials(rng, tls.mode in ("starttls", "ssl")) if rng.random() < 0.15 else None,
    )
    return plan._replace(quit_after=rng.choice(_stages(plan)) if rng.random() < 0.25 else None)


def _stages(plan: Plan) -> list[str]:
    """The stages a run by this plan has."""
    there = ["connect", "banner", "ehlo"]
    there += {"starttls": ["starttls", "tls"], "ssl": ["tls"]}.get(plan.tls.mode, [])
    there += ["auth"] * (plan.credentials is not None)
    there += ["mail"] * (plan.sender is not None or bool(plan.recipients))
    there += ["rcpt", "data", "message"] * bool(plan.recipients)
    return there + [command.stage for command in plan.commands]


def _mailbox(rng: Random, number: int) -> Mailbox:
    local = rng.choice(("bob", "bob", "bob", "bob", "übel", '"a b|c"'))
    return Mailbox(local, rng.choice((f"d{number}.example.org", "[192.0.2.9]", "")))


def _commands(rng: Random) -> tuple[RawCommand, ...]:
    lines = [rng.choice(_RAW) for _ in range(rng.randrange(1, 4))]
    if rng.random() < 0.4:
        lines += _RAW_MAIL[: rng.randrange(1, 4)]
    return tuple(RawCommand(line, re.compile(rng.choice(_EXPECTED)) if rng.random() < 0.3 else None) for line in lines)


_MECHANISMS = tuple(name for name in STRENGTH if name not in PLUS)
"""Those that any connection will do for."""


def _credentials(rng: Random, hidden: bool) -> Credentials:
    letters = string.ascii_letters + string.digits + ("üß€ +/" if rng.random() < 0.2 else "")
    length = 600 if rng.random() < 0.03 else rng.randrange(8, 20)
    secret = Secret("".join(rng.choice(letters) for _ in range(length)))
    mechanism = rng.choice(_MECHANISMS) if rng.random() < 0.6 else None
    if mechanism == "EXTERNAL" and rng.random() < 0.5:
        return Credentials("probe", None, mechanism)
    # Without TLS the command line refuses to send a secret that all can read, unless it is told to.
    plaintext = rng.random() < 0.7 or (mechanism in PLAINTEXT and not hidden)
    return Credentials("probe", secret, mechanism, plaintext)


def _rule(rng: Random) -> StateRule:
    what = rng.choice(("", "4xx", "5xx", "2xx", "45x", "421", "failure", "error", *FAULTS))
    return StateRule(rng.choice(("any", *STAGES)), what, rng.choice(("ok", "warning", "critical", "unknown")))


@cache
def _message(number: int) -> Message:
    """The default, dots, eight bits, a header that is not ASCII, several pieces, and more than any buffer takes."""
    data = (
        None,
        "Subject: dots\n\n.\n..\n.x\nend",
        "Subject: eight\n\nnaïve",
        "Subject: naïve\n\nbody",
        "Subject: long\n\n" + "0123456789abcdef\n" * 20_000,
        "Subject: longer\n\n" + "0123456789abcdef\n" * 80_000,
    )[number]
    return Message.build(data, None, None, (), None, (), "probe.example.org")
