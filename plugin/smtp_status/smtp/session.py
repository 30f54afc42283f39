"""The state of one conversation, and the steps every part of it is made of: ask, judge, fail."""

from __future__ import annotations

from ..findings import Failure, Finding
from . import replies
from .actions import Answered, Ask
from .observations import Observations

TYPE_CHECKING = False
if TYPE_CHECKING:
    import re
    from collections.abc import Generator, Iterable
    from typing import Callable, NoReturn, TypeVar

    from .actions import Action, Connected, Result, Secured
    from .plan import Plan, Route
    from .replies import Reply

    T = TypeVar("T")
    Steps = Generator[Action, Result, T]
    Tolerates = Callable[[Finding], bool]
    Search = Callable[[re.Pattern[str], Iterable[str]], bool]

NO_COMMAND_AFTER = frozenset((("DATA", replies.SEND_MESSAGE), ("STARTTLS", 220), ("QUIT", 221)))
"""Replies after which the server waits for something else than a command, or for nothing."""

SUBMISSIONS_PORT = 465

_SENT = {"message": "the message"}


class Over(Exception):  # noqa: N818 - an end, not an error
    """The conversation goes no further; why stands in the findings."""


class Session:
    """What one conversation with the target of ``route`` knows, as ``plan`` wants it.

    ``may_command``: the server has greeted and waits for a command, not for TLS or a message.  ``secured``: TLS
    stands, and ``handshake`` is what came of it.  ``extensions``: what EHLO offered, with parameters;
    ``refused_ehlo``: the reply after which HELO was said instead.  ``masked``: the greeting is of asterisks.
    ``challenged``: the server waits for a SASL response.  ``link`` is None until it is connected.  ``tolerates`` says
    of a fault of TLS that stands whether the conversation goes on; ``search`` looks for a pattern in lines, in the
    place of ``patterns.found``.  ``share``: how many conversations the output is shared by.
    """

    def __init__(
        self, plan: Plan, route: Route, tolerates: Tolerates, *, search: Search | None = None, share: int = 1
    ) -> None:
        self.plan = plan
        self.target = route.target
        self.tolerates = tolerates
        self.search = search
        self.policy = route.policy
        self.observations = Observations(plan, route, share)
        self.link: Connected | None = None
        own_name = route.policy.server_name if route.policy is not None else route.target.host
        self.tls_name = plan.tls.name or own_name.partition("%")[0].rstrip(".")
        self.secured = False
        self.handshake: Secured | None = None
        self.extensions: dict[str, str] = {}
        self.refused_ehlo: Reply | None = None
        self.masked = False
        self.may_command = False
        self.challenged = False
        self.mail_begun = False
        self.message_accepted = False

    @property
    def may_answer_proxy(self) -> bool:
        """Whether a refusal of EHLO may be the answer to our PROXY header, and each reply behind it that to the command
        before: who went on would take one for another.  Within TLS there was no such header.
        """
        return self.plan.proxy is not None and not self.secured

    def reached(self, stage: str) -> None:
        """``stage`` has ended well; the conversation is over where it was to end there."""
        if self.plan.quit_after == stage:
            raise Over

    def must(self, stage: str, verb: str, line: bytes) -> Steps[None]:
        """A command that has to succeed, or the conversation is over."""
        answer = yield from self.command(stage, verb, line)
        self.judge(stage, verb, answer)

    def command(self, stage: str, verb: str, line: bytes, shown: bytes | None = None) -> Steps[Answered]:
        """Send one command and read its reply; ``shown`` stands for it in the transcript where it is a secret."""
        return self.ask(stage, verb, Ask((command_line(line),)), line if shown is None else shown)

    def ask(self, stage: str, verb: str, action: Ask, *told: bytes | str, lacking: str = "") -> Steps[Answered]:
        """One reply, valid in form; the conversation is over where there was none.  ``told``: for the transcript;
        ``lacking``: what is to be said besides where it does not come."""
        result = yield action
        self.observations.decided = result.at
        self.observations.tell(result, *told)
        if isinstance(result, Failure):
            self._lost(verb, result)
            # What the server thinks of our side of the handshake comes after it (RFC 8446 section 4.4.2).
            failed = "tls" if result.kind == "handshake" else stage
            cause = self.cause(verb, result)
            self.observations.add_failure(failed, result, f"{lacking}: {cause}" if lacking else cause)
            raise Over
        assert isinstance(result, Answered)
        self._follow(verb, result)
        self.observations.add_time(stage, result)
        if result.reply.fault:
            self.observations.add_reply(stage, "protocol", result, result.reply.fault)
            raise Over
        return result

    def attempt(self, verb: str, limit: float, strict: bool = False) -> Steps[Answered | Failure]:
        """A command whose reply is waited for ``limit`` seconds at most, and whose failure ends nothing."""
        result = yield Ask((command_line(verb.encode("ascii")),), limit, strict)
        self.observations.tell(result, verb)
        if isinstance(result, Failure):
            self._lost(verb, result)
            return result
        assert isinstance(result, Answered)
        return result

    def refused_after_handshake(self, failure: Failure) -> bool:
        """Whether ``failure``, of the first thing asked within TLS, belongs to the handshake: with TLS 1.3 a server
        looks at our certificate when we are through (RFC 8446 section 4.4.2), and ends it by an alert or a close."""
        return self.plan.quit_after == "tls" and self.secured and failure.kind in ("handshake", "closed")

    def _follow(self, verb: str, answer: Answered) -> None:
        """What the server expects next."""
        code = answer.reply.code
        self.may_command = True
        if (verb, code) in NO_COMMAND_AFTER or answer.early:
            self.may_command = False
        if verb == "MAIL" and 200 <= code < 300:
            self.mail_begun = True
            self.message_accepted = False

    def _lost(self, verb: str, failure: Failure) -> None:
        """Whether the server can still be spoken to after a failure."""
        if failure.sending or failure.kind not in ("timeout", "protocol"):
            self.may_command = False
        elif verb == "message" and failure.kind == "timeout":
            # It has the final dot: what it reads next is a command, and QUIT is owed to it (RFC 5321 section 3.8).
            self.may_command = True

    def judge(
        self, stage: str, verb: str, answer: Answered, about: str = "", *, go_on: bool = False, hint: str = ""
    ) -> bool:
        """Whether the reply table calls the reply a success; without ``go_on`` the conversation is over if not.

        ``hint``: what may be behind a refusal.
        """
        column = replies.judge(verb, answer.reply.code)
        if not hint and stage in ("mail", "rcpt") and column in ("failure", "error"):
            from .hints import after_mail  # noqa: PLC0415 - most servers take it

            hint = after_mail(answer.reply)
        cause = hint if column in ("failure", "error") else ""
        if column == "protocol":
            cause = f"not a {reply_to(verb)}"
        if answer.early and column == "success":
            column, cause = "protocol", "accepted before all of the message was sent"
        self.observations.add_reply(stage, column, answer, cause, about)
        if column == "success":
            return True
        # After an early reply nothing more is sent, and nothing more is sure to come.
        if not go_on or answer.early or answer.reply.code == replies.CLOSING:
            raise Over
        return False

    def fail(self, stage: str, failure: Failure, cause: str) -> NoReturn:
        self.observations.decided = failure.at
        self.may_command = False
        self.observations.add_failure(stage, failure, cause)
        raise Over

    def lack(self, stage: str, cause: str, default: str = "") -> NoReturn:
        self.observations.findings.append(Finding(stage, "missing", cause=cause, default=default))
        raise Over

    def cause(self, verb: str, failure: Failure) -> str:
        """What went wrong instead of a reply, in the operator's words."""
        reply = reply_to(verb)
        if failure.kind == "timeout" and not failure.cause:
            for_so_long = f"{failure.waited:.1f} s"
            if failure.sending:
                return f"the server did not take {_SENT.get(verb, verb)} within {for_so_long}"
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
        first = "HELO" if self.plan.helo_only else "LHLO" if self.plan.lmtp else "EHLO"
        if failure.kind == "protocol" and self.may_answer_proxy and verb == first:
            return f"{failure.cause}, perhaps the reply to the PROXY header"
        return failure.cause

    def _hint_at_tls(self) -> str:
        link = self.link
        silent_tls = link is not None and link.address.port == SUBMISSIONS_PORT and self.plan.tls.mode != "ssl"
        return "; port 465 speaks TLS from the first byte: --ssl?" if silent_tls else ""


def reply_to(verb: str) -> str:
    """What the server's answer to ``verb`` is called."""
    if verb == "connection":
        return "greeting"
    return f"reply to {'the final dot' if verb == 'message' else verb}"


def command_line(line: bytes) -> bytes:
    """The line as it goes on the wire.  Raises ValueError where it would be more than one line."""
    if b"\r" in line or b"\n" in line:
        raise ValueError("line end inside a command")
    return line + b"\r\n"
