"""What a conversation leaves behind: how each step ended and how long it took, and what the output tells besides.

The server's words come in as octets and stay as clean text without secrets.
"""

from __future__ import annotations

from ..findings import Failure, Finding, Outcome, StageTime
from ..stages import STAGES
from ..text import clean, sentence
from .actions import Answered

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ..findings import Address
    from .actions import Result
    from .plan import Plan
    from .route import Route

CLOCKS_SHOWN = 3  # the least verbosity that says which clock measured
REPLY_LINES_SHOWN = 200


class Observations:
    """Of one conversation with the target of ``route``, as ``plan`` wants it."""

    def __init__(self, plan: Plan, route: Route) -> None:
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
        self.tls_days: int | None = None
        self.notes: list[str] = []
        self.details: list[str] = []
        self.secrets: tuple[bytes, ...] = ()
        """What nobody may be shown, in any form."""
        self._transcript: list[str] = []
        self._stamped: list[bool] = []  # for each reply, whether the kernel's clock timed it
        if plan.credentials is not None and plan.credentials.secret is not None:
            self.hide([plan.credentials.secret.value.encode("utf-8", "surrogateescape")])

    def outcome(self, started: float) -> Outcome:
        """What is known now; ``started`` is the instant of the monotonic clock the total counts from."""
        return Outcome(
            self._target,
            (*self._known, *self.findings),
            tuple(StageTime(stage, self.times[stage]) for stage in self._order() if stage in self.times),
            max(self.decided - started, self._target.dns_seconds or 0.0),
            self.address,
            (*self.details, *self._clocks()),
            tuple(self._transcript),
            self.tls_days,
            tuple(self.notes),
        )

    def hide(self, secrets: Iterable[bytes]) -> None:
        """These are secrets too, from now on."""
        self.secrets = tuple({*self.secrets, *secrets} - {b""})

    # -- findings and times

    def add_success(self, stage: str, seconds: float, cause: str) -> None:
        """A step that has no reply of its own."""
        self.findings.append(Finding(stage, "success", cause=cause, seconds=seconds))

    def add_reply(self, stage: str, kind: str, answer: Answered, cause: str = "", about: str = "") -> None:
        """A step that ended with ``answer``; its time counts unless the reply is none (``protocol``)."""
        if kind == "protocol":
            self.times.pop(stage, None)
        text = sentence(b" ".join(answer.reply.texts), self.secrets)
        self.findings.append(Finding(stage, kind, answer.reply.codes, text, cause, about, answer.seconds))

    def add_failure(self, stage: str, failure: Failure, cause: str) -> None:
        """A step that ended without a reply; the stage has no time then."""
        self.times.pop(stage, None)
        text = sentence(b" ".join(failure.lines), self.secrets)
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
        if not self._plan.verbose:
            return
        if isinstance(result, Answered):
            unsent, heard = result.unasked, result.reply.lines
        else:
            assert isinstance(result, Failure)
            unsent, heard = result.unsent, result.lines
        for line in () if unsent else said:
            self.say(line)
        # A reply may have a hundred thousand lines; nobody is shown more than these.
        self._transcript.extend("<<< " + clean(line, self.secrets) for line in heard[:REPLY_LINES_SHOWN])
        if len(heard) > REPLY_LINES_SHOWN:
            self._transcript.append(f"<<< ... {len(heard)} lines in all")

    def say(self, line: bytes | str) -> None:
        """A line without a reply."""
        if self._plan.verbose:
            self._transcript.append(">>> " + clean(line, self.secrets))

    def tell_secured(self, words: str) -> None:
        """From here on everything was encrypted."""
        self._transcript.append(f"=== {words}")
