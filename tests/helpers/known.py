"""A check whose conversations have been held already: outcomes in, first line, perfdata and exit code out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from helpers.talk import PEER, SENDER, TARGET, TO, plan
from smtp_status.check.check import SMTPCheck
from smtp_status.check.resource import SMTP
from smtp_status.findings import Finding, Outcome, StageTime, Target
from smtp_status.net.routes import Survey
from smtp_status.options.settings import Settings, StateRule
from smtp_status.smtp.plan import Route

CONNECTED = Finding("connect", "success", cause=PEER.place)
BANNER = Finding("banner", "success", (220,), "mx1 ESMTP")
EHLO = Finding("ehlo", "success", (250,), "mx1 SIZE 10240000")
MAIL = Finding("mail", "success", (250,), "2.1.0 Ok")
RCPT = Finding("rcpt", "success", (250,), "2.1.5 Ok")
DATA = Finding("data", "success", (354,), "go ahead")
MESSAGE = Finding("message", "success", (250,), "2.0.0 Ok: queued as 4Vx1")
BYE = Finding("quit", "success", (221,), "2.0.0 Bye")
BEGIN = (CONNECTED, BANNER, EHLO)
WHOLE = (*BEGIN, MAIL, RCPT, DATA, MESSAGE, BYE)


class Known(SMTP):
    """The resource without the network."""

    def __init__(self, settings: Settings, outcomes: Sequence[Outcome]) -> None:
        super().__init__(settings)
        self._known = tuple(outcomes)
        survey = Survey(tuple(Route(outcome.target) for outcome in outcomes))
        self._find_routes = lambda *_: survey

    def go(self, survey: Survey) -> None:
        super().go(survey)
        if self._known:
            self._dialogues = list(self._known)


def outcome(*findings: Finding, total: float = 0.08412, target: Target = TARGET, **changes: Any) -> Outcome:
    """What came of a conversation; every stage of a success took a millisecond unless ``times`` says otherwise."""
    stages = dict.fromkeys(finding.stage for finding in findings if finding.succeeded)
    times = changes.pop("times", dict.fromkeys(stages, 0.001))
    return Outcome(target, findings, tuple(StageTime(*time) for time in times.items()), total, PEER)._replace(**changes)


def rules(text: str) -> tuple[StateRule, ...]:
    """``rcpt:5xx=ok,any=warning`` as rules."""
    made = []
    for item in text.split(","):
        name, _, state = item.partition("=")
        stage, _, what = name.partition(":")
        made.append(StateRule(stage, what, state))
    return tuple(made)


def check(*outcomes: Outcome, state: str = "", **changes: Any) -> SMTPCheck:
    """The check on ``outcomes``, run; ``state`` is the text of ``--state``."""
    changes.setdefault("plan", plan(TO, sender=SENDER))
    settings = Settings(**changes)._replace(rules=rules(state) if state else ())
    made = SMTPCheck(Known(settings, outcomes), settings)
    made()
    return made


def line(*outcomes: Outcome, **changes: Any) -> str:
    """The first line."""
    return check(*outcomes, **changes).first_line
