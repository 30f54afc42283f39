"""What a conversation leaves behind: how each step ended and how long it took, and what the output tells besides.

The server's words come in as octets and stay as clean text; only once all is known, what of them repeats part of the
login is taken out: it may be spread over several replies, and come before the secret is sent.
"""

from __future__ import annotations

from ..findings import Failure, Finding, Outcome, StageTime
from ..stages import STAGES
from ..text import ELLIPSIS, sentence
from .actions import Answered

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from ..findings import Address, Days
    from ..secrets.repetition import Login
    from .actions import Result
    from .plan import Plan, Route
    from .transcript import Transcript

CLOCKS_SHOWN = 3  # the least verbosity that says which clock measured

WORDS_KEPT = 512
"""Octets of a reply that are kept for sentence and stage table, which show 160 characters at most."""

FEWER_WORDS_KEPT = 200
"""The same of each of many conversations: most have no room for more than a line."""

MANY = 5
"""From how many conversations on they are many."""

TRANSCRIPT_SHOWN = 2  # the least verbosity with a transcript


class Observations:
    """Of one conversation with the target of ``route``, as ``plan`` wants it.

    ``share``: how many conversations the output is shared by.
    """

    def __init__(self, plan: Plan, route: Route, share: int = 1) -> None:
        self._plan = plan
        self._target = route.target
        self._known = route.findings  # before anybody connected
        self.findings: list[Finding] = []
        self.times: dict[str, float] = {}
        """Seconds by stage."""
        self.decided = 0.0
        """Instant of the monotonic clock: when the last reply or fault came."""
        self.address: Address | None = None
        """What was connected to."""
        self.tls_days: Days | None = None
        self.notes: list[str] = []
        self.passed_over: tuple[str, ...] = ()
        self.details: list[str] = []
        self._secrets: set[bytes] = set()
        self._sent: set[bytes] = set()
        self._words_kept = WORDS_KEPT if share < MANY else FEWER_WORDS_KEPT
        self._cut_off: set[int] = set()  # the findings whose words end in the middle
        self._transcript: Transcript | None = None
        if plan.verbose >= TRANSCRIPT_SHOWN:
            from .transcript import Transcript  # noqa: PLC0415 - few want to see it

            self._transcript = Transcript(share)
        self._stamped: list[bool] = []  # for each reply, whether the kernel's clock timed it
        if plan.credentials is not None and plan.credentials.secret is not None:
            self._secrets.add(plan.credentials.secret.value.encode("utf-8", "surrogateescape"))

    def outcome(self, started: float) -> Outcome:
        """What is known now; ``started`` is the instant of the monotonic clock the total counts from."""
        login = self._login()
        findings = (*self._known, *self.findings)
        details, notes = [*self.details, *self._clocks()], self.notes
        if login is not None:
            cut_off = {len(self._known) + place for place in self._cut_off}
            words = [word for one in findings for word in (one.text, one.cause, one.about)]
            # One look at all of it is all that most logins take.
            if cut_off or login.repeated_by("\n".join((*words, *details, *notes))):
                findings = _without(login, findings, cut_off)
                details, notes = login.cleared(details), login.cleared(notes)
        return Outcome(
            self._target,
            findings,
            tuple(StageTime(stage, self.times[stage]) for stage in self._order() if stage in self.times),
            max(self.decided - started, self._target.dns_seconds or 0.0),
            self.address,
            tuple(details),
            tuple(self._transcript.shown(login)) if self._transcript is not None else (),
            self.tls_days,
            tuple(notes),
            self.passed_over,
        )

    def hide(self, secrets: Iterable[bytes], sent: Iterable[bytes]) -> None:
        """These are secrets too, and this is what was made of them for the server."""
        self._secrets.update(secrets)
        self._sent.update(sent)

    def shown(self, said: str) -> str:
        """What a server said, to stand in words of ours: what is in its place where it repeats part of the login."""
        login = self._login()
        if login is None or not login.repeated_by(said):
            return sentence(said)
        from ..secrets.repetition import HIDDEN  # noqa: PLC0415 - only with a secret

        return HIDDEN

    def _login(self) -> Login | None:
        if not (self._secrets or self._sent):
            return None
        from ..secrets.repetition import Login  # noqa: PLC0415 - most checks have no secret

        plan = self._plan
        boxes = (*plan.recipients, *(() if plan.sender is None else (plan.sender,)))
        names = [self._target.host, plan.tls.name, plan.helo, plan.credentials and plan.credentials.user]
        return Login(self._secrets, self._sent, [*filter(None, names), *(box.text for box in boxes)])

    # -- findings and times

    def add_success(self, stage: str, seconds: float, cause: str) -> None:
        """A step that has no reply of its own."""
        self.findings.append(Finding(stage, "success", cause=cause, seconds=seconds))

    def add_reply(
        self, stage: str, kind: str, answer: Answered, cause: str = "", about: str = "", *, default: str = ""
    ) -> None:
        """A step that ended with ``answer``; its time counts unless the reply is none (``protocol``)."""
        if kind == "protocol":
            self.times.pop(stage, None)
        # Each line is one character at least, with the blank that joins it to the next.
        kept, reply = self._words_kept, answer.reply
        if len(reply.lines) > kept:
            reply = reply._replace(lines=reply.lines[: kept + 1])
        text = _words(_with_one_code(reply.texts) if len(reply.lines) > 1 else reply.texts, kept)
        self.findings.append(Finding(stage, kind, answer.reply.codes, text, cause, about, answer.seconds, default))

    def add_failure(self, stage: str, failure: Failure, cause: str) -> None:
        """A step that ended without a reply; the stage has no time then."""
        self.times.pop(stage, None)
        text = _words(failure.lines, self._words_kept)
        self._cut_off.add(len(self.findings))
        self.findings.append(Finding(stage, failure.kind, text=text, cause=cause))

    def add_time(self, stage: str, answer: Answered) -> None:
        """The latency of one more reply; what came unasked has none."""
        if not answer.unasked:
            self.times[stage] = self.times.get(stage, 0.0) + answer.seconds
            self._stamped.append(answer.by_kernel)

    def _order(self) -> list[str]:
        """The stages in the order they have here: with TLS from the first byte it comes before the greeting."""
        stages = list(STAGES)
        if self._plan.tls.mode == "ssl":
            stages.remove("tls")
            stages.insert(stages.index("banner"), "tls")
        return stages

    def _clocks(self) -> Iterator[str]:
        if self._stamped and self._plan.verbose >= CLOCKS_SHOWN:
            yield f"clock: kernel for {sum(self._stamped)} of {len(self._stamped)} replies"

    # -- transcript, where anybody wants one

    def tell(self, result: Result, *said: bytes | str) -> None:
        """One exchange: what was said, unless the server spoke before it could be, and what came back."""
        if self._transcript is None:
            return
        if isinstance(result, Answered):
            unsent, heard = result.unasked, result.reply.lines
        else:
            assert isinstance(result, Failure)
            unsent, heard = result.unsent, result.lines
        for line in () if unsent else said:
            self._transcript.say(line)
        self._transcript.hear(heard, cut_off=isinstance(result, Failure))

    def say(self, line: bytes | str) -> None:
        """A line without a reply."""
        if self._transcript is not None:
            self._transcript.say(line)

    def tell_secured(self, words: str) -> None:
        """From here on everything was encrypted; which version is told where an old one is accepted."""
        if self._plan.tls.old:
            self.notes.append(words.partition(" ")[0])
        if self._transcript is not None:
            self._transcript.secure(words)


def _with_one_code(texts: tuple[bytes, ...]) -> Iterable[bytes]:
    """``texts`` without the enhanced status code (RFC 3463) in those lines that only repeat the one of the first."""
    code = texts[0].partition(b" ")[0]
    numbers = code.split(b".")
    if len(numbers) != 3 or not all(number.isdigit() for number in numbers):
        return texts
    again = code + b" "
    return (text[len(again) :] if place and text.startswith(again) else text for place, text in enumerate(texts))


def _words(texts: Iterable[bytes], kept: int) -> str:
    """The first ``kept`` octets of what a server said, for a sentence."""
    said = b""
    for text in texts:
        said += b" " + text[: kept + 1]
        if len(said) > kept + 1:
            return sentence(said[1 : kept + 1]) + ELLIPSIS
    return sentence(said[1:])


def _without(login: Login, findings: tuple[Finding, ...], cut_off: Collection[int]) -> tuple[Finding, ...]:
    """``findings`` without the server's words that repeat part of ``login``, and without such words in ours.
    ``cut_off``: the places of those whose words end in the middle."""
    from ..secrets.repetition import HIDDEN  # noqa: PLC0415 - only with a secret

    hidden = login.repeated_among([finding.text for finding in findings], cut_off)
    ours = login.cleared([words for finding in findings for words in (finding.cause, finding.about)])
    return tuple(
        finding._replace(text=_code_of(finding) + HIDDEN if place in hidden else finding.text, cause=cause, about=about)
        for place, (finding, cause, about) in enumerate(zip(findings, ours[::2], ours[1::2]))
    )


def _code_of(finding: Finding) -> str:
    """Code and separator that the words of a reply begin with where it was cut off; else the code is told anyhow."""
    begun = finding.text[:3].isascii() and finding.text[:3].isdigit() and finding.text[3:4] in (" ", "-")
    return finding.text[:4] if begun and not finding.codes else ""
