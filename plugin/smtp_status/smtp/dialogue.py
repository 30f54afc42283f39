"""The conversation with one server, from the greeting to QUIT: the order of things.

It is the order of RFC 5321 section 3.3 and appendix D, with TLS (RFC 3207), AUTH (RFC 4954), LMTP (RFC 2033) and the
PROXY header where they belong.  Each part is a module beside this one; what they have in common is the session.  No
socket, no clock, no environment: ``run`` is a generator that yields actions and is sent what came of them
(``actions.py``).
"""

from __future__ import annotations

from . import opening
from .farewell import farewell
from .session import Over, Session

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..findings import Finding, Outcome
    from ..tls.judge import Judge
    from .plan import Plan, Route
    from .session import Search, Steps, Tolerates


def load(plan: Plan) -> None:
    """Load the parts of conversations by ``plan`` that most have no use for, before any clock starts."""
    if plan.tls.mode != "off":
        from . import starttls  # noqa: F401, PLC0415 - only with TLS
    if plan.credentials is not None:
        from . import authentication  # noqa: F401, PLC0415 - most checks do not log in
    if plan.sender is not None or plan.recipients:
        from . import transaction  # noqa: F401, PLC0415 - a check of the greeting has none
    if plan.proxy is not None:
        from . import proxy  # noqa: F401, PLC0415 - few checks send its header
    if plan.commands:
        from . import raw  # noqa: F401, PLC0415 - few checks send raw commands


class Dialogue:
    """One conversation with the target of ``route`` as ``plan`` wants it.

    ``now`` is the wall clock in seconds since the epoch, for the dates of certificates.  ``judge`` is the run's judge
    of certificates, None for one of this conversation's own.  ``tolerates`` says of a finding on what a handshake
    showed whether the conversation goes on; by default it does where the plan tolerates it, or it keeps no sender away.
    ``search``: as with ``Session``.  ``share``: how many conversations the output is shared by.  After ``run`` has
    ended, ``outcome`` tells what came of it.
    """

    def __init__(
        self,
        plan: Plan,
        route: Route,
        now: float,
        judge: Judge | None = None,
        tolerates: Tolerates | None = None,
        *,
        search: Search | None = None,
        share: int = 1,
    ) -> None:
        self._plan = plan
        self._now = now
        self._judge = judge
        self._session = Session(plan, route, tolerates or self._tolerates, search=search, share=share)

    def _tolerates(self, finding: Finding) -> bool:
        return bool(finding.default) or (finding.stage == "tls" and finding.kind in self._plan.tls.tolerate)

    def outcome(self, started: float) -> Outcome:
        """What is known now; ``started`` is the instant of the monotonic clock the total counts from."""
        return self._session.observations.outcome(started)

    def run(self) -> Steps[None]:
        """The conversation; ends, whatever the server does, and never raises for it."""
        try:
            yield from self._conversation()
        except Over:
            pass
        yield from farewell(self._session)

    def _conversation(self) -> Steps[None]:
        plan, session = self._plan, self._session
        if session.target.dns_seconds is not None:
            opening.looked_up(session, session.target.dns_seconds)
        session.reached("dns")  # an address beside names is not looked up
        session.reached("sts")
        yield from opening.connect(session)
        if plan.proxy is not None:
            from .proxy import proxy  # noqa: PLC0415 - few checks send its header

            yield from proxy(session, plan.proxy)
        if plan.tls.mode == "ssl":
            yield from self._secure()
        yield from opening.greeting(session)
        yield from opening.hello(session)
        if plan.tls.mode in ("starttls", "offered"):
            yield from self._secure()
        session.reached("ehlo")
        if plan.credentials is not None:
            from .authentication import authenticate  # noqa: PLC0415 - as above

            yield from authenticate(session)
        if plan.sender is not None or plan.recipients:
            from .transaction import transaction  # noqa: PLC0415 - as above

            yield from transaction(session)
        if plan.commands:
            from .raw import raw_commands  # noqa: PLC0415 - as above

            yield from raw_commands(session)

    def _secure(self) -> Steps[None]:
        from . import starttls  # noqa: PLC0415 - only with TLS

        return starttls.secure(self._session, self._now, self._judge)
