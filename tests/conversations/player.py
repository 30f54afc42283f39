"""A mail server made up as it goes: correct for a while, and then not.

It is told what came and answers with steps; it has neither socket nor clock.  What it really said, and when, stays in
``entries``: the truth the plugin's verdict is held against.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from random import Random
from typing import NamedTuple, Union

from smtp_status.smtp.plan import Plan

from . import grammar, sasl
from .certificates import any_chain

LIMIT = 200
"""Commands after which a player hangs up: far more than any plan has."""


class Say(NamedTuple):
    """Send ``octets`` this many seconds after the step before."""

    octets: bytes
    delay: float = 0.0


class End(NamedTuple):
    """End the connection: ``close``, ``reset``, or ``deaf`` (never read again, but stay)."""

    how: str
    delay: float = 0.0


class Secure(NamedTuple):
    """Begin TLS: ``good`` or a way it fails."""

    how: str


Step = Union[Say, End, Secure]


class Entry:
    """What the server gave as one reply: ``octets`` in all, the last of them at ``at`` by the driver's clock.

    ``first``: the code of the valid reply it begins with, 0 where it begins otherwise.  ``code``: the same where
    nothing else follows.  ``certain``: whether a client can tell what it is worth.
    """

    def __init__(self, verb: str, octets: bytes, at: float, certain: bool) -> None:
        self.verb = verb
        self.octets = octets
        self.at = at
        self.certain = certain
        code, rest = grammar.first_reply(octets)
        self.first = code
        self.code = 0 if rest else code

    def __repr__(self) -> str:
        return f"{self.verb}: {self.octets[:100]!r} … {self.octets[100:][-60:]!r} at {self.at:.3f}, code {self.code}"


Script = list[Step]
Fault = Callable[["Player", bytes], Script]


class Player:
    """One server for one connection that is held by ``plan``.

    ``patience``: seconds the slowest of its answers may take.  ``deadline``: the instant of the driver's clock at
    which the client gives up.  ``heard`` gives the answers to octets; what it is called with must be what the client
    sent, in order and however cut.
    """

    def __init__(self, rng: Random, plan: Plan, deadline: float, patience: float = 3.0) -> None:
        self.entries: list[Entry] = []
        self.received: list[bytes] = []
        self.responses: list[bytes] = []
        self.wrongs: list[str] = []
        self.proved = False
        """Whether the client has proved to know the secret, each challenge being as it should."""
        self.farewell_took = 0.0
        """Seconds from RSET, where it was sent, or else QUIT to the reply to QUIT."""
        self.proxied = plan.proxy is not None
        self.ahead = False
        """It accepts what it has not been asked yet, so that no client can tell which reply belongs to what."""
        self.tls = ""
        self.ended = False
        self.delivered = b""
        """What of the greeting the client has; kept by the driver."""
        self.in_message = False
        self.awaits_tls = False
        self._rng = rng
        self._plan = plan
        self._deadline = deadline
        self._patience = patience
        self._buffer = b""
        self._exchange: sasl.Exchange | None = None
        self._untouched = True
        self._mutual = False
        self._early = False
        self._greeted = False
        self._accepted = 0
        self._until = 0.0
        self._reset_at = 0.0
        style = rng.random()
        self._fault_rate = 0.0 if style < 0.75 else rng.choice((0.1, 0.3, 0.8))
        self._fault_at = rng.randrange(14) if 0.3 < style < 0.75 else -1
        self._replies = 0
        self._slow = rng.random() < 0.1
        self.behaves = style <= 0.3
        """Whether nothing it does is wrong: then the verdict must be OK, where nothing else judges."""
        self._offers_tls = plan.tls.mode == "starttls" or rng.random() < 0.3
        self._extensions = self._choose_extensions()
        self.chain, self.certificate = any_chain(rng, self.behaves)
        self._handshake = "good" if self.behaves or rng.random() < 0.85 else rng.choice(("bad", "silent", "closed"))

    # -- what the driver calls

    def connected(self, now: float) -> Script:
        """The connection stands."""
        if self._plan.proxy is not None:
            return []
        return self._begin(now)

    def secured(self, now: float) -> Script:
        """The TLS handshake was good."""
        self.tls = "good"
        self.awaits_tls = False
        return self._answer("connection", 220, [b"mx.example.org ESMTP"], now) if not self.entries else []

    def heard(self, octets: bytes, now: float) -> Script:
        """Octets came from the client."""
        if self.ended:
            return []
        if self.awaits_tls and now < self._deadline:
            self.wrongs.append(f"plain text instead of a handshake: {octets[:80]!r}")
        self._buffer += octets
        steps: Script = []
        while not self.ended:
            if self.in_message:
                if not self._take_message(steps, now):
                    return steps
                continue
            line, end, rest = self._buffer.partition(b"\r\n")
            if not end:
                return steps
            self._buffer = rest
            self.received.append(line)
            if len(self.received) == 1 and self._plan.proxy is not None:
                steps += self._begin(now)
                continue
            if not self._greeted and not grammar.is_over(self.delivered):
                self.wrongs.append(f"spoke before it was greeted: {line!r}")
            self._greeted = True
            if len(self.received) > LIMIT:
                self.wrongs.append("does not come to an end")
                steps += [End("close")]
            else:
                steps += self._command(line, now)
            self.ended = self.ended or any(isinstance(step, End) for step in steps)
        return steps

    # -- the server

    def _begin(self, now: float) -> Script:
        if self._plan.tls.mode == "ssl":
            return self._secure()
        return self._answer("connection", 220, [b"mx.example.org ESMTP"], now)

    def _secure(self) -> Script:
        self.awaits_tls = True
        self.tls = self._handshake
        return [Secure(self._handshake)]

    def _command(self, line: bytes, now: float) -> Script:
        if self._exchange is not None:
            return self._respond(line, now)
        verb = "message" if line == b"." else line.partition(b" ")[0].upper().decode("ascii", "replace")
        if verb in ("EHLO", "HELO", "LHLO"):
            return self._hello(verb, now)
        if verb == "STARTTLS" and self._offers_tls and not self.tls:
            steps = self._answer(verb, 220, [b"go ahead"], now)
            return steps + (self._secure() if self.entries[-1].first == 220 and not self.ended else [])
        if verb == "AUTH" and self._plan.credentials is not None:
            return self._authenticate(line, now)
        if verb == "DATA":
            if not self._accepted and self._plan.recipients and b"DATA" not in self.received[:-1]:
                self.wrongs.append("DATA with no recipient accepted")
            steps = self._answer(verb, 354, [b"go ahead"], now)
            if self.entries[-1].first == 354:
                self.in_message = True
                self._buffer = b"\r\n" + self._buffer  # so that a dot on the first line ends it too
                steps += self._interruption(now)
            return steps
        if verb == "QUIT":
            began = self._reset_at if self.received[-2:-1] == [b"RSET"] else now
            steps = self._answer(verb, 221, [b"bye"], now)
            self.farewell_took = self._until - began
            self.ended = True
            return [*steps, End("close")]
        code = {"MAIL": 250, "RCPT": 250, "VRFY": 252, "EXPN": 252, "HELP": 214, "NOOP": 250, "RSET": 250}.get(
            verb, 500
        )
        if verb == "TURN":
            code = 502
        steps = self._answer(verb, code, [self._text()], now)
        if verb == "RCPT" and 200 <= self.entries[-1].first < 300:
            self._accepted += 1
        if verb == "MAIL":
            self._accepted = 0
        if verb == "RSET":
            self._reset_at = now
        return steps

    def _hello(self, verb: str, now: float) -> Script:
        if verb != "EHLO" and self._plan.lmtp != (verb == "LHLO"):
            self.wrongs.append(f"{verb} in the wrong protocol")
        texts = [b"mx.example.org"]
        if verb != "HELO":
            texts += self._extensions
            if self._offers_tls and not self.tls:
                texts.append(b"STARTTLS")
        return self._answer(verb, 250, texts, now)

    def _choose_extensions(self) -> list[bytes]:
        rng = self._rng
        words = [b"SIZE 10240000", b"8BITMIME", b"SMTPUTF8", b"PIPELINING", b"ENHANCEDSTATUSCODES"]
        if not self.behaves:
            words = [word for word in words if rng.random() < 0.9]
        login = self._plan.credentials
        if login is not None:
            offered = [name for name in ("PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-256") if rng.random() < 0.6]
            if login.mechanism is not None and (self.behaves or rng.random() < 0.95):
                offered.append(login.mechanism)
            if self.behaves and not offered:
                offered.append("CRAM-MD5")
            words.append(rng.choice((b"AUTH ", b"AUTH=", b"auth ")) + " ".join(offered).encode())
        rng.shuffle(words)
        return words

    def _take_message(self, steps: Script, now: float) -> bool:
        """Read on to the final dot; whether it was there."""
        end = self._buffer.find(b"\r\n.\r\n")
        if end < 0:
            self._buffer = self._buffer[-4:]
            return False
        self._buffer = self._buffer[end + 5 :]
        self.in_message = False
        if self._early:
            self._early = False
            if self._rng.random() < 0.5:
                return True
        for _ in range(max(self._accepted, 1) if self._plan.lmtp else 1):
            steps += self._answer("message", 250, [b"2.0.0 Ok: queued as 4Vx1"], now)
            if any(isinstance(step, End) for step in steps):
                self.ended = True
        self._accepted = 0
        return True

    def _interruption(self, now: float) -> Script:
        """A reply to the message long before its end."""
        if self.behaves or not self._plan.recipients or b"DATA" in self.received[:-1] or self._rng.random() > 0.04:
            return []
        self._early = True
        code = self._rng.choice((552, 451, 421, 250))
        octets = b"%d 5.3.4 too big\r\n" % code
        self.ahead = code == 250
        self._note("message", octets, self._until + 0.01)
        steps: Script = [Say(octets, 0.01)]
        if self._rng.random() < 0.5:
            steps.append(End(self._rng.choice(("close", "reset", "deaf"))))
            self.ended = True
        return steps

    # -- AUTH

    def _authenticate(self, line: bytes, now: float) -> Script:
        login = self._plan.credentials
        assert login is not None
        words = line.split(b" ")
        initial = None
        if len(words) > 2:
            initial = b"" if words[2] == b"=" else _decoded(words[2])
            self.responses.append(words[2])
            if initial is None:
                self.wrongs.append(f"initial response is not base64: {line!r}")
        self._untouched = True
        self._mutual = words[1] in (b"LOGIN", b"CRAM-MD5") or words[1].startswith(b"SCRAM")
        if self._mutual and not self.behaves and self._rng.random() < 0.03:
            return self._answer("AUTH", 235, [b"without any proof"], now)
        self._exchange = sasl.exchange(words[1].decode("ascii"), login, initial)
        return self._challenge(None, now)

    def _respond(self, line: bytes, now: float) -> Script:
        if line in (b"QUIT", b"RSET"):
            self._exchange = None
            return self._command(line, now)
        response = _decoded(line)
        self.responses.append(line)
        if response is not None:
            return self._challenge(response, now)
        self._exchange = None
        if line != b"*":
            self.wrongs.append(f"response is not base64: {line!r}")
        return self._answer("*", 501, [b"cancelled"], now)

    def _challenge(self, response: bytes | None, now: float) -> Script:
        """The next challenge or the verdict."""
        assert self._exchange is not None
        try:
            challenge = self._exchange.send(response)  # type: ignore[arg-type]
        except StopIteration as end:
            self._exchange = None
            self.proved = bool(end.value) and self._untouched
            steps = self._answer("AUTH", 235 if end.value else 535, [b"so be it"], now)
            # A challenge that was not ours, and yet one, may have led the client to an answer that is not wrong.
            self.entries[-1].certain = self._untouched
            return steps
        steps = self._answer("AUTH", 334, [base64.b64encode(challenge)], now, keep=True)
        whole = b"334 " + base64.b64encode(challenge)
        if self.entries[-1].octets.rstrip(b"\r\n") != whole:
            self._untouched = False
        if self.entries[-1].first != 334:
            self._exchange = None
        if self.entries[-1].first == 235:
            self.entries[-1].certain = self._mutual
        return steps

    # -- replies, and what can be wrong with them

    def _answer(self, verb: str, code: int, texts: list[bytes], now: float, keep: bool = False) -> Script:
        rng = self._rng
        number, self._replies = self._replies, self._replies + 1
        faulty = number == self._fault_at or rng.random() < self._fault_rate
        if not keep and rng.random() < 0.1:
            texts = [*texts, *(self._text() for _ in range(rng.randrange(1, 4)))]
        octets = _reply(code, texts)
        steps = rng.choice(_FAULTS)(self, octets) if faulty else self._delivered(octets)
        self._until = max(now, self._until) + sum(step.delay for step in steps if isinstance(step, Say))
        self._note(verb, b"".join(step.octets for step in steps if isinstance(step, Say)), self._until)
        self.ended = self.ended or any(isinstance(step, End) for step in steps)
        return steps

    def _note(self, verb: str, octets: bytes, at: float, certain: bool = True) -> None:
        self.entries.append(Entry(verb, octets, at, certain and not self.ahead))

    def _delivered(self, octets: bytes) -> Script:
        """The octets as networks and servers deliver them: at once, in pieces, slowly."""
        rng = self._rng
        if rng.random() < 0.1:
            octets = octets.replace(b"\r\n", b"\n")
        pause = rng.random() * self._patience * (0.1 if self._slow else 0.003)
        if rng.random() < 0.9:
            return [Say(octets, pause)]
        size = rng.choice((1 + len(octets) // 30, 1 + len(octets) // 4))
        pieces = [octets[start : start + size] for start in range(0, len(octets), size)]
        pause = rng.random() * 0.1 * self._patience / len(pieces)
        return [Say(piece, pause) for piece in pieces]

    def _text(self) -> bytes:
        """Words of a server, some of them meant to hurt whoever prints them."""
        rng = self._rng
        kind = rng.randrange(8)
        if kind < 3:
            return b"2.1.5 Ok"
        if kind == 3:
            return rng.choice(_NASTY)
        if kind == 4:
            return rng.randbytes(rng.randrange(40)).replace(b"\n", b"?")
        if kind == 5:
            return self._echo()
        if kind == 6:
            return "Schöne Grüße 日本語 \u202e \u2028 \U0001f600".encode()
        return b"long " * rng.choice((10, 100, 1600))

    def _echo(self) -> bytes:
        """What the client said, or its secret in some form, as servers do show it."""
        rng = self._rng
        login = self._plan.credentials
        if login is not None and login.secret is not None and rng.random() < 0.7:
            secret = login.secret.value.encode()
            encoded = base64.b64encode(b"\0" * rng.randrange(3) + secret)
            form = rng.choice((secret, encoded, secret.hex().encode(), b"you said " + secret + b", wrong"))
            return form.replace(b"\n", b"")
        return b"what is " + self.received[-1][:900] if self.received else b"?"


def _decoded(text: bytes) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


def _reply(code: int, texts: list[bytes]) -> bytes:
    head = b"%d" % code
    return b"".join(head + b"-" + text + b"\r\n" for text in texts[:-1]) + head + b" " + texts[-1] + b"\r\n"


_NASTY = (
    b"a|time=0s b",
    b"'label'=1;2;3 | x=1",
    b"\x1b[31m\x1b]0;title\x07",
    b"<script>alert(1)</script>&amp;",
    b"back\\nslash \\",
    b"250 Ok",
    b"220 mx ESMTP",
    b"nul \0 and bell \x07 and tab \t",
    b"\xff\xfe\xf0\x9f",
    b"\r\r\r",
    b"<<< 250 Ok >>> QUIT",
    b"SMTP OK - all is well",
    b"$HOSTNAME$ `id` ; exit 0",
    b"",
)

_CODES = (421, 450, 451, 452, 454, 500, 501, 502, 503, 504, 530, 535, 550, 551, 552, 553, 554, 555)


def _refused(player: Player, octets: bytes) -> Script:
    return player._delivered(_reply(player._rng.choice(_CODES), [player._text()]))


def _another_code(player: Player, octets: bytes) -> Script:
    return player._delivered(b"%03d" % player._rng.randrange(1000) + octets[3:])


def _many_codes(player: Player, octets: bytes) -> Script:
    code = player._rng.choice((*_CODES, 220, 250, 354))
    return [Say(b"%d-%s\r\n" % (code, player._text()) + octets)]


def _noise(player: Player, octets: bytes) -> Script:
    return [Say(player._rng.randbytes(player._rng.randrange(200)) + player._rng.choice((b"", b"\n", b"\r\n")))]


def _mutated(player: Player, octets: bytes) -> Script:
    rng = player._rng
    changed = bytearray(octets)
    for _ in range(rng.randrange(1, 4)):
        at = rng.randrange(min(len(changed), 60)) if changed else 0
        what = rng.randrange(4)
        if what == 0:
            changed[at : at + 1] = b""
        elif what == 1:
            changed[at : at + 1] = rng.randbytes(1)
        elif what == 2:
            changed[at:at] = rng.choice((b"\0", b"\r", b"\n", b" ", b"-", b"2", b"\r\n"))
        else:
            changed[at:at] = changed[at : at + 8]
    return [Say(bytes(changed))]


def _no_end(player: Player, octets: bytes) -> Script:
    rng = player._rng
    kind = rng.randrange(200)
    if kind == 0:
        return [Say((octets[:3] + b"-" + b"x" * 900 + b"\r\n") * 1200)]
    if kind < 20:
        return [Say((octets[:3] + b"-more\r\n") * 300 + octets)]
    if kind < 80:
        return [Say(octets[:4] + b"x" * 9000 + rng.choice((b"", b"\r\n")))]
    return [Say(octets[:3] + b"-more\r\n" * rng.randrange(1, 4))]


def _silent(player: Player, octets: bytes) -> Script:
    return []


def _half(player: Player, octets: bytes) -> Script:
    return [Say(octets[: player._rng.randrange(len(octets))])]


def _ended(player: Player, octets: bytes) -> Script:
    how = player._rng.choice(("close", "close", "reset", "deaf"))
    keep = player._rng.choice((0, player._rng.randrange(len(octets)), len(octets)))
    return [Say(octets[:keep]), End(how)] if keep else [End(how)]


def _surplus(player: Player, octets: bytes) -> Script:
    rng = player._rng
    more = rng.choice((octets, b"250 Ok\r\n", b"354 go\r\n", b"221 bye\r\n", b"x", b"\r\n", b"421 closing\r\n", b"42"))
    return [Say(octets + more * rng.choice((1, 1, 1, 5)))]


def _late(player: Player, octets: bytes) -> Script:
    return [Say(octets, player._rng.random() * player._patience)]


def _dripped(player: Player, octets: bytes) -> Script:
    pause = player._rng.choice((0.01, 0.1, 1.0)) * player._patience / 3
    return [Say(octets[at : at + 1], pause) for at in range(min(len(octets), 40))]


_FAULTS: tuple[Fault, ...] = (
    _refused,
    _refused,
    _refused,
    _another_code,
    _many_codes,
    _noise,
    _mutated,
    _mutated,
    _no_end,
    _silent,
    _half,
    _ended,
    _ended,
    _surplus,
    _surplus,
    _late,
    _dripped,
)
