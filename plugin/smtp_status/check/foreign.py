"""What name servers and mailboxes said, without what repeats part of a login.

A conversation takes such words out of what its own server said; here it is done for all that is said besides.
"""

from __future__ import annotations

from ..secrets.repetition import HIDDEN, Login

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..arrival.judgement import ArrivalFinding
    from ..findings import Finding, Outcome
    from ..net.routes import Survey
    from ..options.settings import Settings


def login_of(settings: Settings) -> Login | None:
    """The passwords of a run; None where it has none.  The names in its settings are no secret."""
    logins = [settings.plan.credentials, settings.arrival and settings.arrival.credentials]
    known = [login for login in logins if login is not None and login.secret is not None]
    if not known and settings.arrival is None:
        return None
    secrets = [login.secret.value.encode("utf-8", "surrogateescape") for login in known if login.secret is not None]
    mailbox = () if settings.arrival is None else (settings.arrival.host, settings.arrival.name)
    boxes = [box.text for box in (*settings.plan.recipients, settings.plan.sender) if box is not None]
    names = [*settings.hosts, *mailbox, *boxes, *(login.user for login in known)]
    return Login(secrets, (), [*names, *([settings.domain] if settings.domain is not None else [])])


def survey_without(login: Login, survey: Survey, found_by_name: bool) -> Survey:
    """``found_by_name``: the targets' names are a name server's words too."""
    routes = [route._replace(findings=_findings_without(login, route.findings)) for route in survey.routes]
    for place, route in enumerate(routes if found_by_name else ()):
        if login.repeated_by(route.target.host) and route.target.label:
            routes[place] = route._replace(target=route.target._replace(label=f"hidden-{place + 1}"))
    return survey._replace(
        routes=tuple(routes),
        findings=_findings_without(login, survey.findings),
        details=tuple(login.cleared(survey.details)),
        notes=tuple(login.cleared(survey.notes)),
    )


def outcome_without(login: Login, outcome: Outcome, found_by_name: bool) -> Outcome:
    """As ``survey_without``."""
    target = outcome.target
    if found_by_name and login.repeated_by(target.host):
        target = target._replace(host=HIDDEN)
    return outcome._replace(
        target=target,
        findings=_findings_without(login, outcome.findings),
        details=tuple(login.cleared(outcome.details)),
        notes=tuple(login.cleared(outcome.notes)),
    )


def told_without(login: Login, told: Iterable[ArrivalFinding]) -> list[ArrivalFinding]:
    """What is to be said of the mailbox."""
    return [
        one._replace(
            finding=_findings_without(login, (one.finding,))[0],
            remark=login.cleared([one.remark])[0],
            hop=login.cleared([one.hop])[0],
        )
        for one in told
    ]


def _findings_without(login: Login, findings: Iterable[Finding]) -> tuple[Finding, ...]:
    found = tuple(findings)
    words = login.cleared([words for one in found for words in (one.text, one.cause, one.about)])
    return tuple(
        one._replace(text=text, cause=cause, about=about)
        for one, text, cause, about in zip(found, words[::3], words[1::3], words[2::3])
    )
