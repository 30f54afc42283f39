"""The conversation with one server, from the greeting to QUIT: all its rules are here and nowhere else.

Read ``Dialogue._transaction`` first: it is the order of RFC 5321 section 3.3 and appendix D, with TLS (RFC 3207),
AUTH (RFC 4954), LMTP (RFC 2033) and the PROXY header where they belong.  No socket, no clock, no environment:
``run`` is a generator that yields actions and is sent what came of them (``actions.py``).
"""

from __future__ import annotations

from ..findings import Failure, Finding
from ..text import clean, cut, sentence
from . import reply_table
from .actions import Answered, Ask, Connect, Connected, Handshake, Secured, Tell
from .address import NULL
from .command import command_line
from .observations import Observations
from .reply import extensions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from typing import Callable, NoReturn, TypeVar

    from ..findings import Outcome
    from ..sasl.exchange import Exchange as SaslExchange
    from ..tls.certificate import Certificate
    from ..tls.policy import TlsPolicy
    from .actions import Action, Result
    from .address import Mailbox
    from .command import RawCommand
    from .plan import Plan
    from .route import Route

    T = TypeVar("T")
    Steps = Generator[Action, Result, T]
    Verify = Callable[[tuple[bytes, ...], str], tuple[Failure, ...]]

FAREWELL_SECONDS = 2.0
"""How long RSET and QUIT are waited for: the result is decided by then."""

HELO_AFTER = frozenset((500, 502, 504))
"""Replies to EHLO after which HELO is tried (RFC 5321 section 3.2)."""

NO_COMMAND_AFTER = frozenset((("DATA", reply_table.SEND_MESSAGE), ("STARTTLS", 220), ("QUIT", 221)))
"""Replies after which the server waits for something else than a command, or for nothing."""

MAX_AUTH_COMMAND = 512
"""Octets of an AUTH command with its initial response (RFC 4954 section 4, RFC 5321 section 4.5.3.1.4)."""

MESSAGE_LINES_SHOWN = 30
VERB_SHOWN = 20
SUBMISSIONS_PORT = 465


class _Over(Exception):  # noqa: N818 - an end, not an error
    """The conversation goes no further; why stands in the findings."""


class Dialogue:
    """One conversation with the target of ``route`` as ``plan`` wants it.

    ``now`` is the wall clock in seconds since the epoch, for the dates of certificates.  ``tolerated`` says what is
    wrong with a chain for a name, where a handshake goes on in spite of it.  After ``run`` has ended, ``outcome`` tells
    what came of it.
    """

    def __init__(self, plan: Plan, route: Route, now: float, tolerated: Verify | None = None) -> None:
        target = route.target
        self._plan = plan
        self._target = target
        self._policy = route.policy
        self._now = now
        self._tolerated = tolerated
        self._evidence = Observations(plan, route)
        self._link: Connected | None = None
        own_name = route.policy.server_name if route.policy is not None else target.host
        self._tls_name = plan.tls.name or own_name.partition("%")[0].rstrip(".")
        self._secured = False
        self._extensions: dict[str, str] = {}
        self._may_command = False  # the server has greeted and waits for a command, not for TLS or a message
        self._challenged = False  # the last reply asked for a SASL response
        self._mail_begun = False
        self._message_accepted = False

    def outcome(self, started: float) -> Outcome:
        """What is known now; ``started`` is the instant of the monotonic clock the total counts from."""
        return self._evidence.outcome(started)

    def run(self) -> Steps[None]:
        """The conversation; ends, whatever the server does, and never raises for it."""
        try:
            yield from self._transaction()
        except _Over:
            pass
        yield from self._farewell()

    # -- the order of things

    def _transaction(self) -> Steps[None]:
        plan = self._plan
        if self._target.dns_seconds is not None:
            self._looked_up(self._target.dns_seconds)
        self._reached("dns")  # an address beside names is not looked up
        self._reached("sts")
        yield from self._connect()
        if plan.proxy is not None:
            yield from self._proxy(plan.proxy)
        if plan.tls.mode == "ssl":
            yield from self._handshake()
        yield from self._greeting()
        yield from self._hello()
        if plan.tls.mode in ("starttls", "offered"):
            yield from self._starttls()
        self._reached("ehlo")
        if plan.credentials is not None:
            yield from self._authenticate()
        if plan.sender is not None or plan.recipients:
            yield from self._mail(plan.sender or NULL)
        if plan.recipients:
            accepted = yield from self._recipients()
            yield from self._must("data", "DATA", b"DATA")
            self._reached("data")
            yield from self._message(accepted)
        for number, command in enumerate(plan.commands, 1):
            yield from self._raw(command)
            following = plan.commands[number : number + 1]
            if not following or following[0].stage != command.stage:
                self._reached(command.stage)

    def _reached(self, stage: str) -> None:
        if self._plan.quit_after == stage:
            raise _Over

    def _looked_up(self, seconds: float) -> None:
        self._evidence.times["dns"] = seconds
        self._evidence.add_success("dns", seconds, ", ".join(address.text for address in self._target.addresses))

    def _connect(self) -> Steps[None]:
        result = yield Connect(self._target.addresses)
        if isinstance(result, Failure):
            self._fail("connect", result, result.cause)
        assert isinstance(result, Connected)
        self._link = result
        evidence = self._evidence
        evidence.decided = result.at
        evidence.address = result.address
        evidence.times["connect"] = result.seconds
        evidence.details.extend(f"connect: {failure.cause}" for failure in result.failed)
        evidence.add_success("connect", result.seconds, result.address.place)
        self._reached("connect")

    def _greeting(self) -> Steps[None]:
        answer = yield from self._exchange("banner", "connection", Ask())
        expected = self._plan.expect
        if expected is None:
            self._judge("banner", "connection", answer)
        else:
            self._expect_greeting(expected, answer)
        self._reached("banner")

    def _expect_greeting(self, expected: str, answer: Answered) -> None:
        """``-e``: with a code in front it stands at a line's start and replaces the demand for 220."""
        wanted = expected.encode("utf-8", "surrogateescape")
        if len(wanted) >= 3 and wanted[:3].isdigit():
            found = any(line.startswith(wanted) for line in answer.reply.lines)
            column = "success"
        else:
            found = any(wanted in line for line in answer.reply.lines)
            column = reply_table.judge("connection", answer.reply.code)
        if column == "success" and not found:
            self._evidence.add_reply("banner", "mismatch", answer, f"greeting without {clean(expected)}")
        else:
            self._evidence.add_reply("banner", column, answer, "not a greeting" if column == "protocol" else "")
        if not self._evidence.findings[-1].succeeded:
            raise _Over

    def _hello(self) -> Steps[None]:
        name = self._helo_name()
        verb = "LHLO" if self._plan.lmtp else "EHLO"
        answer = yield from self._command("ehlo", verb, f"{verb} {name}".encode())
        self._extensions = extensions(answer.reply) if answer.reply.code == 250 else {}
        if verb == "EHLO" and answer.reply.code in HELO_AFTER:
            verb = "HELO"
            answer = yield from self._command("ehlo", verb, f"{verb} {name}".encode())
        # Who knows neither EHLO nor HELO usually speaks the other protocol.
        other = "no LMTP server? try without --lmtp" if self._plan.lmtp else "an LMTP server? try --lmtp"
        self._judge("ehlo", verb, answer, hint=other if answer.reply.code in HELO_AFTER else "")

    def _starttls(self) -> Steps[None]:
        if "STARTTLS" not in self._extensions:
            demanded = self._policy.tls_demanded_by if self._policy is not None else ""
            if self._plan.tls.mode == "offered" and not demanded:
                self._evidence.findings.extend(self._policy.without_tls() if self._policy is not None else ())
                self._reached("starttls")
                self._reached("tls")
                return
            self._lack("starttls", "STARTTLS not offered" + (f", but {demanded} demands it" if demanded else ""))
        yield from self._must("starttls", "STARTTLS", b"STARTTLS")
        self._reached("starttls")
        yield from self._handshake()
        # What was said in plain text may be an attacker's (RFC 3207 section 4.2).
        self._extensions = {}
        yield from self._hello()

    def _handshake(self) -> Steps[None]:
        plan = self._plan.tls
        result = yield Handshake(plan, self._tls_name)
        evidence = self._evidence
        evidence.decided = result.at
        if isinstance(result, Failure):
            self._look_at_certificate(result.chain)
            # Plain text behind the 220 is STARTTLS's fault, not that of a handshake that never began.
            stage = "starttls" if result.kind == "protocol" and "starttls" in evidence.times else "tls"
            during = " during the TLS handshake" if result.kind == "closed" else ""
            self._fail(stage, result, result.cause + during)
        assert isinstance(result, Secured)
        from ..tls import judge  # noqa: PLC0415 - only with TLS

        self._secured = True
        self._may_command = plan.mode != "ssl"
        words = f"{result.version} {result.cipher}"
        evidence.times["tls"] = result.seconds
        evidence.details.append(f"tls: {words}")
        evidence.tell_secured(words)
        certificate = self._look_at_certificate(result.chain)
        if self._policy is not None:
            self._judge_by_policy(self._policy, result, words)
        else:
            others = self._tolerated(result.chain, self._tls_name) if self._tolerated is not None else ()
            found = judge.faults(certificate, self._tls_name, plan, self._now, others)
            for failure in found:
                evidence.findings.append(Finding("tls", failure.kind, cause=failure.cause, seconds=result.seconds))
            if not found:
                evidence.add_success("tls", result.seconds, words + ("" if plan.verify else ", not verified"))
        self._reached("tls")

    def _judge_by_policy(self, policy: TlsPolicy, result: Secured, words: str) -> None:
        """A sender that keeps to the policy sends nothing where it does not hold."""
        findings, notes = policy.judge(result.chain)
        self._evidence.notes.extend(notes)
        self._evidence.add_success("tls", result.seconds, ", ".join((words, *notes)))
        self._evidence.findings.extend(findings)
        if any(not finding.default for finding in findings):
            raise _Over

    def _look_at_certificate(self, chain: tuple[bytes, ...]) -> Certificate | None:
        """Put down what the output tells of the peer's own certificate; None where there is none to be read."""
        from ..tls import judge  # noqa: PLC0415 - only with TLS

        certificate = judge.leaf(chain)
        if certificate is not None:
            if self._plan.verbose:
                self._evidence.details.extend(judge.describe(certificate, self._now))
            self._evidence.tls_days = judge.days_left(certificate, self._now)
        return certificate

    def _proxy(self, ends: tuple[()] | tuple[str, int, str, int]) -> Steps[None]:
        """The header of the PROXY protocol, version 1, which a load balancer would send."""
        link = self._link
        assert link is not None
        there = link.address
        source, source_port, destination, port = ends or (*link.own, there.text.partition("%")[0], there.port)
        if source and destination:
            family = "TCP6" if ":" in source else "TCP4"
            header = f"PROXY {family} {source} {destination} {source_port} {port}"
        else:
            header = "PROXY UNKNOWN"
        self._evidence.say(header)
        result = yield Tell(command_line(header.encode("ascii")))
        if isinstance(result, Failure):
            self._fail("banner", result, self._cause("PROXY", result))

    def _authenticate(self) -> Steps[None]:
        from ..sasl import mechanisms  # noqa: PLC0415 - most checks do not log in
        from . import authentication  # noqa: PLC0415 - most checks do not log in

        credentials = self._plan.credentials
        assert credentials is not None and self._link is not None
        offered = self._extensions.get("AUTH", "").upper().split()
        mechanism = mechanisms.choose(
            offered,
            credentials.mechanism,
            protected=self._secured or self._link.address.stays_here,
            plaintext=credentials.plaintext,
            has_secret=credentials.secret is not None,
            has_client_cert=self._plan.tls.client_cert is not None,
        )
        if mechanism is None:
            self._lack("auth", self._why_no_mechanism(offered))
        try:
            exchange = mechanisms.start(mechanism, credentials, self._tls_name, self._link.address.port)
        except ValueError as error:
            self._lack("auth", str(error))
        # Besides the password as the user gave it: SASLprep may have changed it.
        self._evidence.hide(exchange.secrets)
        answer = yield from self._sasl(exchange)
        explanation = sentence(exchange.explanation, self._evidence.secrets)
        meaning = authentication.meaning(answer.reply)
        column = "protocol" if answer.early else reply_table.judge("AUTH", answer.reply.code)
        if column == "success":
            meaning = mechanism
        elif column == "protocol":
            meaning = f"not a {_reply_to('AUTH')}"
        elif explanation:
            meaning = f"{meaning}: {explanation}" if meaning else explanation
        self._evidence.add_reply("auth", column, answer, meaning)
        if column != "success":
            raise _Over
        self._reached("auth")

    def _sasl(self, exchange: SaslExchange) -> Steps[Answered]:
        """The commands of one authentication; the reply that ended it."""
        from ..sasl.exchange import AuthFault, decode_challenge, encode  # noqa: PLC0415 - as above

        command = f"AUTH {exchange.mechanism}".encode("ascii")
        initial = exchange.initial
        whole = command + b" " + (encode(initial or b"") or b"=")
        if initial is None or len(whole) + 2 > MAX_AUTH_COMMAND:
            answer = yield from self._command("auth", "AUTH", command)
        else:
            initial = None
            answer = yield from self._command("auth", "AUTH", whole, command + b" ***")
        try:
            while answer.reply.code == reply_table.CONTINUE:
                challenge = decode_challenge(b"".join(answer.reply.texts))
                response, initial = initial, None
                if response is None:
                    response = exchange.respond(challenge)
                elif challenge:
                    raise AuthFault(f"{exchange.mechanism} challenge before the initial response")
                self._evidence.hide(exchange.secrets)
                answer = yield from self._command("auth", "AUTH", encode(response), b"***")
            if reply_table.judge("AUTH", answer.reply.code) == "success":
                exchange.finish(b" ".join(answer.reply.texts))
        except AuthFault as fault:
            self._evidence.add_reply("auth", "protocol", answer, fault.cause)
            if answer.reply.code == reply_table.CONTINUE:
                yield from self._try("*", FAREWELL_SECONDS)  # the only way out of an exchange (RFC 4954 section 4)
            raise _Over from None
        return answer

    def _why_no_mechanism(self, offered: list[str]) -> str:
        from ..sasl.mechanisms import PLAINTEXT  # noqa: PLC0415 - as above

        wanted = self._plan.credentials.mechanism if self._plan.credentials else None
        if not offered:
            hint = ", STARTTLS is: -S?" if not self._secured and "STARTTLS" in self._extensions else ""
            return f"AUTH not offered{hint}"
        listed = clean(" ".join(offered))
        if wanted is not None and wanted not in offered:
            return f"{wanted} not offered, only {listed}"
        if not self._secured and PLAINTEXT.intersection(offered):
            hint = "STARTTLS is offered: -S?" if "STARTTLS" in self._extensions else "--auth-plaintext allows it"
            return f"without TLS no mechanism offered hides the password ({listed}); {hint}"
        return f"no mechanism in common, offered: {listed}"

    def _mail(self, sender: Mailbox) -> Steps[None]:
        message, offered = self._plan.message, self._extensions
        boxes = (sender, *self._plan.recipients)
        utf8 = any(box.needs_utf8 for box in boxes) or (message is not None and message.needs_utf8)
        if utf8 and "SMTPUTF8" not in offered:
            self._lack("mail", "SMTPUTF8 not offered, but an address or header is not ASCII")
        if message is not None and message.eight_bit and not {"8BITMIME", "SMTPUTF8"}.intersection(offered):
            self._lack("mail", "8BITMIME not offered, but the message is not ASCII")
        line = b"MAIL FROM:" + sender.path()
        if message is not None and "SIZE" in offered:
            line += b" SIZE=%d" % message.size
        if message is not None and message.eight_bit and "8BITMIME" in offered:
            line += b" BODY=8BITMIME"
        if utf8:
            line += b" SMTPUTF8"
        yield from self._must("mail", "MAIL", line)
        self._reached("mail")

    def _recipients(self) -> Steps[tuple[Mailbox, ...]]:
        accepted = []
        several = len(self._plan.recipients) > 1
        for recipient in self._plan.recipients:
            answer = yield from self._command("rcpt", "RCPT", b"RCPT TO:" + recipient.path())
            about = clean(recipient.text) if several else ""
            if self._judge("rcpt", "RCPT", answer, about, go_on=True):
                accepted.append(recipient)
        self._reached("rcpt")
        if not accepted:
            raise _Over
        return tuple(accepted)

    def _message(self, accepted: tuple[Mailbox, ...]) -> Steps[None]:
        message = self._plan.message
        assert message is not None
        lines: list[bytes | str] = [*message.head_lines(MESSAGE_LINES_SHOWN + 1)] if self._plan.verbose else []
        if len(lines) > MESSAGE_LINES_SHOWN:
            lines[MESSAGE_LINES_SHOWN:] = [f"... {message.size} octets in all"]
        exchange = Ask(_with_final_dot(message.chunks()), from_first_octet=True)
        answer = yield from self._exchange("message", "message", exchange, *lines, ".")
        if not self._plan.lmtp:
            self._message_accepted = self._judge("message", "message", answer)
        else:
            # One reply for each recipient that was accepted (RFC 2033 section 4.2).
            for number, recipient in enumerate(accepted):
                if number:
                    answer = yield from self._exchange("message", "message", Ask())
                about = clean(recipient.text) if len(self._plan.recipients) > 1 else ""
                if self._judge("message", "message", answer, about, go_on=True):
                    self._message_accepted = True
        if not self._message_accepted:
            raise _Over
        self._reached("message")

    def _raw(self, command: RawCommand) -> Steps[None]:
        """``-C``: its reply is judged by its ``-R``, else by the reply table."""
        stage = command.stage
        self._hide_response(command.line)
        # The verb is named in sentences too, and the line may be anything.
        word = clean(command.line.partition(b" ")[0], self._evidence.secrets)
        verb = "message" if stage == "message" else cut(word, VERB_SHOWN).upper()
        about = clean(command.line, self._evidence.secrets) if stage == "command" else ""
        answer = yield from self._command(stage, verb, command.line)
        self._challenged = answer.reply.code == reply_table.CONTINUE
        if stage == "message" and 200 <= answer.reply.code < 300:
            self._message_accepted = True
        if command.expected is None and (verb, answer.reply.code) == ("AUTH", reply_table.CONTINUE):
            self._evidence.add_reply(stage, "success", answer, about=about)  # the responses come as further commands
        elif command.expected is None or answer.unasked or answer.early:
            # What came before the command was sent is no reply to it, whatever -R expects.
            self._judge(stage, verb, answer, about)
        else:
            from .patterns import Overdue, found  # noqa: PLC0415 - few checks send raw commands

            heard = (line.decode("utf-8", "backslashreplace") for line in answer.reply.lines)
            try:
                reason = "" if found(command.expected, heard) else "not as -R expects"
            except Overdue:
                reason = "-R takes too long to search this"
            self._evidence.add_reply(stage, "mismatch" if reason else "success", answer, reason, about)
            if reason:
                raise _Over

    def _hide_response(self, line: bytes) -> None:
        """A raw command that answers a challenge is a secret, and so is what comes along with AUTH (RFC 4954)."""
        word, _, arguments = line.partition(b" ")
        with_auth = arguments.partition(b" ")[2] if word.upper() == b"AUTH" else b""
        response = line if self._challenged else with_auth
        if response in (b"", b"=", b"*"):
            return
        from binascii import a2b_base64  # noqa: PLC0415 - hardly anybody logs in this way

        try:
            decoded = a2b_base64(response)
        except ValueError:
            decoded = b""
        self._evidence.hide((response, decoded, decoded.rpartition(b"\0")[2]))

    def _farewell(self) -> Steps[None]:
        """RSET where mail was begun, then QUIT, wherever the server still listens to commands."""
        if not self._may_command:
            return
        # What is wrong from here on matters only where everything before went well.
        judged = all(finding.succeeded or finding.default for finding in self._evidence.findings)
        left = FAREWELL_SECONDS
        if self._mail_begun and not self._message_accepted:
            result = yield from self._try("RSET", FAREWELL_SECONDS, strict=judged)
            left = max(FAREWELL_SECONDS - (result.at - self._evidence.decided), 0.0)
            if judged and isinstance(result, Failure):
                self._evidence.add_failure("quit", result, self._cause("RSET", result))
                judged = False
            elif judged and isinstance(result, Answered) and result.unasked:
                self._evidence.add_reply("quit", reply_table.judge("QUIT", result.reply.code), result)
                judged = False
        if not self._may_command:
            return
        result = yield from self._try("QUIT", left, strict=judged)
        if not judged:
            return
        if isinstance(result, Failure):
            self._evidence.add_failure("quit", result, self._cause("QUIT", result))
            if self._may_command and result.kind == "protocol":
                yield from self._try("QUIT", left)
            return
        self._evidence.add_time("quit", result)
        fault = result.reply.fault
        column = "protocol" if fault else reply_table.judge("QUIT", result.reply.code)
        if column == "protocol" and not fault:
            fault = f"not a {_reply_to('QUIT')}"
        self._evidence.add_reply("quit", column, result, fault)

    # -- one step

    def _must(self, stage: str, verb: str, line: bytes) -> Steps[None]:
        """A command that has to succeed, or the conversation is over."""
        answer = yield from self._command(stage, verb, line)
        self._judge(stage, verb, answer)

    def _command(self, stage: str, verb: str, line: bytes, shown: bytes | None = None) -> Steps[Answered]:
        """Send one command and read its reply; ``shown`` stands for it in the transcript where it is a secret."""
        return self._exchange(stage, verb, Ask((command_line(line),)), line if shown is None else shown)

    def _exchange(self, stage: str, verb: str, action: Ask, *told: bytes | str) -> Steps[Answered]:
        """One reply, valid in form; the conversation is over where there was none.  ``told``: for the transcript."""
        result = yield action
        self._evidence.decided = result.at
        self._evidence.tell(result, *told)
        if isinstance(result, Failure):
            self._lost(verb, result)
            # What the server thinks of our side of the handshake comes after it (RFC 8446 section 4.4.2).
            failed = "tls" if result.kind == "handshake" else stage
            self._evidence.add_failure(failed, result, self._cause(verb, result))
            raise _Over
        assert isinstance(result, Answered)
        self._follow(verb, result)
        self._evidence.add_time(stage, result)
        if result.reply.fault:
            self._evidence.add_reply(stage, "protocol", result, result.reply.fault)
            raise _Over
        return result

    def _try(self, verb: str, limit: float, strict: bool = False) -> Steps[Answered | Failure]:
        """A command whose reply is waited for ``limit`` seconds at most, and whose failure ends nothing."""
        result = yield Ask((command_line(verb.encode("ascii")),), limit, strict)
        self._evidence.tell(result, verb)
        if isinstance(result, Failure):
            self._lost(verb, result)
            return result
        assert isinstance(result, Answered)
        return result

    def _follow(self, verb: str, answer: Answered) -> None:
        """What the server expects next."""
        code = answer.reply.code
        self._may_command = True
        if (verb, code) in NO_COMMAND_AFTER or answer.early:
            self._may_command = False
        if verb == "MAIL" and 200 <= code < 300:
            self._mail_begun = True
            self._message_accepted = False

    def _lost(self, verb: str, failure: Failure) -> None:
        """Whether the server can still be spoken to after a failure."""
        if failure.sending or failure.kind not in ("timeout", "protocol"):
            self._may_command = False
        elif verb == "message" and failure.kind == "timeout":
            # It has the final dot: what it reads next is a command, and QUIT is owed to it (RFC 5321 section 3.8).
            self._may_command = True

    # -- findings

    def _judge(
        self, stage: str, verb: str, answer: Answered, about: str = "", *, go_on: bool = False, hint: str = ""
    ) -> bool:
        """Whether the reply table calls the reply a success; without ``go_on`` the conversation is over if not.

        ``hint``: what may be behind a refusal.
        """
        column = reply_table.judge(verb, answer.reply.code)
        cause = hint if column in ("failure", "error") else ""
        if column == "protocol":
            cause = f"not a {_reply_to(verb)}"
        if answer.early and column == "success":
            column, cause = "protocol", "accepted before all of the message was sent"
        self._evidence.add_reply(stage, column, answer, cause, about)
        if column == "success":
            return True
        # After an early reply nothing more is sent, and nothing more is sure to come.
        if not go_on or answer.early or answer.reply.code == reply_table.CLOSING:
            raise _Over
        return False

    def _fail(self, stage: str, failure: Failure, cause: str) -> NoReturn:
        self._evidence.decided = failure.at
        self._may_command = False
        self._evidence.add_failure(stage, failure, cause)
        raise _Over

    def _lack(self, stage: str, cause: str) -> NoReturn:
        self._evidence.findings.append(Finding(stage, "missing", cause=cause))
        raise _Over

    def _cause(self, verb: str, failure: Failure) -> str:
        """What went wrong instead of a reply, in the operator's words."""
        reply = _reply_to(verb)
        if failure.kind == "timeout" and not failure.cause:
            for_so_long = f"{failure.waited:.1f} s"
            if failure.sending:
                return f"{_SENT.get(verb, verb)} not taken by the server within {for_so_long}"
            if failure.lines:
                return f"{reply} incomplete after {for_so_long}"
            if verb == "message":
                return f"no reply for {for_so_long} after the final dot"
            return f"no {reply} for {for_so_long}" + (self._hint_at_tls() if verb == "connection" else "")
        if failure.kind == "closed":
            if failure.sending:
                return f"{failure.cause} while {_SENT.get(verb, verb)} was sent"
            where = "in the middle of" if failure.lines else "before"
            return f"{failure.cause} {where} the {reply}"
        if failure.kind == "protocol" and self._plan.proxy is not None and verb in ("EHLO", "LHLO"):
            return f"{failure.cause}, perhaps the reply to the PROXY header"
        return failure.cause

    def _hint_at_tls(self) -> str:
        link = self._link
        silent_tls = link is not None and link.address.port == SUBMISSIONS_PORT and self._plan.tls.mode != "ssl"
        return "; port 465 speaks TLS from the first byte: --ssl?" if silent_tls else ""

    # -- names

    def _helo_name(self) -> str:
        """``-F``, else the address literal of our own end (RFC 5321 section 4.1.1.1)."""
        if self._plan.helo is not None:
            return self._plan.helo
        own = self._link.own[0] if self._link is not None else ""
        if not own:
            return "localhost"
        return f"[IPv6:{own}]" if ":" in own else f"[{own}]"


_SENT = {"message": "the message"}


def _reply_to(verb: str) -> str:
    """What the server's answer to ``verb`` is called."""
    if verb == "connection":
        return "greeting"
    return f"reply to {'the final dot' if verb == 'message' else verb}"


def _with_final_dot(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The message and the end of it, the dot together with the last piece: one segment less to wait for."""
    held = b""
    for chunk in chunks:
        if held:
            yield held
        held = chunk
    yield held + b".\r\n"
