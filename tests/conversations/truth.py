"""What must hold, whatever the server played: the plugin's verdict against the model's own account."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from typing import Protocol

from helpers.plugin import OUTPUT_MAXIMUM, check_characters, check_form
from smtp_status.findings import Outcome
from smtp_status.options.settings import Settings
from smtp_status.smtp.plan import Plan

from . import grammar
from .player import Entry, Player

GRACE = 0.001
"""Seconds about a deadline in which nobody can say who was first."""

SHORT = 8
"""Octets of a form of the secret that may stand in a text by chance."""

FAREWELL = 2.0
"""Seconds RSET and QUIT may take."""


class Conversation(Protocol):
    """One conversation that has ended.

    ``deadline`` is the instant at which the plugin had to give up; ``late``: how many seconds after it the
    conversation ended, since what has come by then counts (0 where it ended before); ``hurried``: whether real time
    passed, so that the plugin may have given up on a server that was going to answer.
    """

    @property
    def settings(self) -> Settings: ...
    @property
    def player(self) -> Player: ...
    @property
    def outcome(self) -> Outcome: ...
    @property
    def text(self) -> str: ...
    @property
    def code(self) -> int: ...
    @property
    def deadline(self) -> float: ...
    @property
    def late(self) -> float: ...
    @property
    def connected(self) -> bool: ...
    @property
    def hurried(self) -> bool: ...


def check(played: Conversation) -> bool | None:
    """Assert all that must hold; whether the server took all of the transaction, None where no client could tell."""
    check_output(played.text, played.code)
    return check_verdict(played)


def check_output(text: str, code: int) -> None:
    """Assert the form of a whole output."""
    assert len(text.encode()) < OUTPUT_MAXIMUM
    check_characters(text)
    check_form(code, text)


def check_verdict(played: Conversation) -> bool | None:
    """Assert that the verdict is true and nobody was let down on the way; what ``check`` gives."""
    settings, player = played.settings, played.player
    assert not player.wrongs, player.wrongs
    _check_secrets(played)
    _check_farewell(played)
    _check_findings(played)
    accepted = took_it(played)
    if played.code == 0 and not _lenient(settings):
        assert accepted is not False, "OK, and the server did not take it"
    if not _judged(settings):
        assert played.code == _severity(played.outcome), "the state is not the one of the table"
        if accepted and _parted_well(player, played.deadline) and not played.hurried:
            assert played.code == 0, "the server took it, and it is not OK"
    return accepted


def took_it(played: Conversation) -> bool | None:
    """Whether the server took every step of the plan, by its own account; None where no client could tell."""
    account = _Account(played.player, played.deadline, played.late)
    if not played.connected:
        return False
    for result in _steps(played.settings.plan, played.player, account):
        if result is not True:
            return None if played.player.ahead else result
    return None if account.doubtful else True


class _Account:
    """Goes through the entries in order."""

    def __init__(self, player: Player, deadline: float, late: float) -> None:
        self._entries = iter(player.entries)
        self._last = player.entries[-1] if player.entries else None
        self._deadline = deadline
        self._latest = deadline + late + GRACE
        self.doubtful = False
        self.entry: Entry | None = None

    def code(self, *verbs: str) -> int:
        """The code of the next reply, 0 where it is none, or comes too late, or is to another command."""
        self.entry = entry = next(self._entries, None)
        if entry is None or entry.verb not in verbs:
            return 0
        self.doubtful |= not entry.certain or self._deadline - GRACE < entry.at < self._latest
        if entry.at >= self._latest:
            return 0
        # Where the run ends without QUIT nobody looks at what follows the last reply.
        return entry.first if entry is self._last and entry.verb in ("DATA", "STARTTLS") else entry.code

    def successes(self, verb: str, count: int) -> bool:
        """Whether the next replies, which came one behind the other, are that many successes and nothing else."""
        octets = b""
        for _ in range(count):
            self.code(verb)
            if self.entry is None or self.entry.verb != verb or self.entry.at >= self._latest:
                return False
            octets += self.entry.octets
        for _ in range(count):
            code, octets = grammar.first_reply(octets)
            if not grammar.is_success(verb, code):
                return False
        return not octets

    def success(self, verb: str) -> bool:
        return grammar.is_success(verb, self.code(verb))


def _steps(plan: Plan, player: Player, account: _Account) -> Iterator[bool | None]:
    """Whether each step of the plan was taken, in order, up to where the plan ends."""
    done: set[str] = set()

    def until(stage: str) -> bool:
        done.add(stage)
        return plan.quit_after == stage

    if until("connect"):
        return
    if plan.tls.mode == "ssl":
        yield _handshake(plan, player)
        if until("tls"):
            return
    yield _greets(plan, account)
    if until("banner"):
        return
    offered = _hello(plan, account)
    yield offered is not None
    assert offered is not None
    if plan.tls.mode == "starttls" or (plan.tls.mode == "offered" and b"STARTTLS" in offered):
        yield b"STARTTLS" in offered and account.success("STARTTLS")
        if until("starttls"):
            return
        yield _handshake(plan, player)
        if until("tls"):
            return
        yield _hello(plan, account) is not None
    if until("ehlo"):
        return
    if plan.credentials is not None:
        code = account.code("AUTH")
        while code == 334:
            code = account.code("AUTH")
        yield code == 235 and (player.proved or (None if account.doubtful else False))
        if until("auth"):
            return
    yield from _mail(plan, account, until)


def _mail(plan: Plan, account: _Account, until) -> Iterator[bool | None]:  # type: ignore[no-untyped-def]
    if plan.sender is not None or plan.recipients:
        yield account.success("MAIL")
        if until("mail"):
            return
    if plan.recipients:
        for _ in plan.recipients:
            yield account.success("RCPT")
        if until("rcpt"):
            return
        yield account.success("DATA")
        if until("data"):
            return
        yield account.successes("message", len(plan.recipients) if plan.lmtp else 1)
        if until("message"):
            return
    for number, command in enumerate(plan.commands):
        verb = "message" if command.stage == "message" else command.line.split()[0].decode().upper()
        code = account.code(verb)
        if command.expected is None:
            yield grammar.is_success(verb, code)
        else:
            assert account.entry is not None or not code
            lines = account.entry.octets.decode("utf-8", "backslashreplace").split("\n") if account.entry else []
            yield bool(code) and any(command.expected.search(line.rstrip("\r")) for line in lines)
        if plan.commands[number + 1 :] and plan.commands[number + 1].stage == command.stage:
            continue
        if until(command.stage):
            return


def _greets(plan: Plan, account: _Account) -> bool:
    code = account.code("connection")
    if plan.expect is None or not code:
        return code == 220
    assert account.entry is not None
    lines = account.entry.octets.split(b"\n")
    wanted = plan.expect.encode()
    if wanted[:3].isdigit():
        return any(line.startswith(wanted) for line in lines)
    return code == 220 and any(wanted in line for line in lines)


def _hello(plan: Plan, account: _Account) -> dict[bytes, list[bytes]] | None:
    """What is offered, None where the server does not say hello."""
    code = account.code("LHLO" if plan.lmtp else "EHLO")
    if code == 250:
        assert account.entry is not None
        return grammar.keywords(account.entry.octets)
    if code in (500, 502, 504) and not plan.lmtp and account.code("HELO") == 250:
        return {}
    return None


def _handshake(plan: Plan, player: Player) -> bool | None:
    if player.tls != "good":
        return False
    if player.certificate == "good":
        return True
    # Where TLS is only taken as it is offered, what a certificate is worth is the policy's business.
    return None if player.certificate == "unknown" or plan.tls.mode == "offered" else False


def _parted_well(player: Player, deadline: float) -> bool:
    """Whether QUIT was answered as it should be, in time, and nothing else was said."""
    if not player.entries or any(entry.verb == "RSET" and not entry.code for entry in player.entries):
        return False
    last = player.entries[-1]
    return last.verb == "QUIT" and last.first == 221 and last.at < deadline - GRACE and player.farewell_took < FAREWELL


def _lenient(settings: Settings) -> bool:
    """Whether the user called something harmless that is not."""
    return settings.timeout_state == "ok" or any(rule.state == "ok" for rule in settings.rules)


def _judged(settings: Settings) -> bool:
    """Whether something else than the table of docs/how-it-judges.md has a say."""
    ranges = settings.warning or settings.stage_critical or settings.certificate_days != (None, None)
    return bool(settings.rules or ranges or settings.timeout_state != "critical")


def _severity(outcome: Outcome) -> int:
    """The exit code by the table of docs/how-it-judges.md, for what was found before QUIT."""
    worst = 0
    for finding in outcome.findings:
        if finding.kind == "success":
            continue
        if finding.stage == "quit":
            worst = max(worst, 1)
            continue
        code = finding.codes[-1] if finding.codes else 0
        later = finding.stage in ("mail", "rcpt", "data", "message") and finding.kind not in ("timeout", "protocol")
        worst = max(worst, 1 if later and 400 <= code < 500 and code != 421 else 2)
    return worst


def _check_findings(played: Conversation) -> None:
    """No reply is reported that the server did not give, and nothing is a success that was none."""
    said = [entry.octets for entry in played.player.entries]
    # Replies that came one behind the other are what they are as one stream too.
    stream = b"\n".join((*said, b"".join(said)))
    for finding in played.outcome.findings:
        for code in finding.codes:
            assert re.search(rb"(?:^|\n)%03d" % code, stream), f"{finding.stage}: {code} was never said"
    assert played.outcome.findings, "nothing was found"
    assert played.outcome.total >= 0


def _check_farewell(played: Conversation) -> None:
    """QUIT is owed to a server that waits for a command, and nothing to one that does not."""
    player = played.player
    if (
        player.ahead
        or not played.connected
        or player.ended
        or player.in_message
        or player.awaits_tls
        or not player.entries
    ):
        return
    if not grammar.is_over(player.delivered):
        assert not player.received[player.proxied :], "spoke before it was greeted"
        return
    if played.hurried and not any(finding.stage == "banner" and finding.codes for finding in played.outcome.findings):
        return  # the greeting was on its way when the time was up
    last = player.entries[-1]
    if not last.first and (last.verb, True) in (("DATA", b"354" in last.octets), ("STARTTLS", b"220" in last.octets)):
        return  # does it wait for a command? It would be a guess
    if b"421" in last.octets:
        return
    stage = played.settings.plan.quit_after
    if stage in ("connect", "data", "starttls") or (stage == "tls" and played.settings.plan.tls.mode == "ssl"):
        return
    assert player.received and player.received[-1] == b"QUIT", f"no QUIT: {player.received[-3:]}"


def _check_secrets(played: Conversation) -> None:
    login = played.settings.plan.credentials
    if login is None or login.secret is None:
        return
    shown = "\n".join((played.text, *played.outcome.transcript, *played.outcome.details))
    shown += "\n".join(f"{finding.text} {finding.cause} {finding.about}" for finding in played.outcome.findings)
    secret = login.secret.value.encode()
    for form in (secret, secret.hex().encode(), *_base64_forms(secret), *played.player.responses):
        assert len(form) < SHORT or form.decode() not in shown, "the secret is shown"


def _base64_forms(secret: bytes) -> Iterator[bytes]:
    """What the base64 of anything around the secret has in it."""
    for before in range(3):
        encoded = base64.b64encode(bytes(before) + secret)
        yield encoded[-(-before * 8 // 6) + (before > 0) : (before + len(secret)) * 8 // 6]
