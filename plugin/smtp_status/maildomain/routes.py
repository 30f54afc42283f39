"""The routes that the DNS gives: from a mail domain to its exchangers, and to each host the policies that bind it."""

from __future__ import annotations

from time import monotonic

from ..findings import Finding, StageTime, Target
from ..net.routes import Survey, literal, reachable_first
from ..smtp.plan import Route
from . import mx, resolvconf, resolver
from .codec import MxRecord

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from ..net.clock import Deadline
    from ..options.settings import Settings
    from .mx import Domain, Exchanger
    from .policies import Published
    from .resolver import Steps

    Tolerates = Callable[[Finding], bool]


class Finder:
    """Finds the routes of one run, once.  Making it loads and reads what takes time that is not the servers'.

    ``tolerates`` says of a fault that would keep senders away whether the server is spoken to all the same.
    """

    def __init__(self, settings: Settings, tolerates: Tolerates) -> None:
        self._settings = settings
        self._tolerates = tolerates
        self._published: Published | None = None
        if settings.dane != "off" or settings.mta_sts:
            from .policies import Published  # noqa: PLC0415 - loads ssl

            self._published = Published(settings)

    def __call__(self, deadline: Deadline, stop: int | None) -> Survey:
        """The routes to the exchangers of the mail domain, or to the hosts the user named."""
        search = _Search(self._settings, self._published, self._tolerates, deadline, stop)
        return search.of_hosts() if self._settings.domain is None else search.of_domain(self._settings.domain)


class _Search:
    """One search: asks for everything that can be asked for at the same time."""

    def __init__(
        self,
        settings: Settings,
        published: Published | None,
        tolerates: Tolerates,
        deadline: Deadline,
        stop: int | None,
    ) -> None:
        self._settings = settings
        self._published = published
        self._tolerates = tolerates
        self._resolver = resolvconf.named(*settings.nameserver) if settings.nameserver else resolvconf.of_system()
        self._deadline = deadline
        self._stop = stop

    def of_domain(self, name: str) -> Survey:
        """The exchangers of the mail domain ``name``."""
        [(found, seconds)] = resolver.ask_all([mx.mail_domain(name)], self._resolver, self._deadline, self._stop)
        fault = () if found.fault is None else (found.fault,)
        survey = Survey((), (*fault, *map(_warning, found.warnings)), (StageTime("dns", seconds),))
        if not found.entries:
            return survey
        survey = survey._replace(details=(_described(found),))
        exchangers = self._look_up(found.entries, found)
        published = self._published
        if published is not None and self._settings.mta_sts:
            published.fetch(self._deadline, self._stop)
            survey = survey._replace(times=(*survey.times, StageTime("sts", published.sts_seconds)))
        return self._complete(survey._replace(routes=tuple(self._route(*one) for one in exchangers)))

    def of_hosts(self) -> Survey:
        """The hosts the user named; numeric addresses and paths are not looked up."""
        settings = self._settings
        known = {host: literal(host, settings.port, settings.family) for host in settings.hosts}
        entries = tuple(MxRecord(0, host) for host, address in known.items() if address is None)
        named = (self._route(*one) for one in self._look_up(entries, None))
        routes = tuple(
            next(named) if address is None else Route(Target(host, (address,))) for host, address in known.items()
        )
        return self._complete(Survey(routes))

    def _look_up(self, entries: tuple[MxRecord, ...], found: Domain | None) -> list[tuple[Exchanger, float]]:
        """The exchangers of ``entries`` with the seconds each took; along with them what else is to be known."""
        settings, published = self._settings, self._published
        questions: list[Steps[Any]] = [
            mx.exchanger(entry, found, settings.port, settings.family, settings.dane != "off") for entry in entries
        ]
        if published is not None:
            questions += published.questions(self._resolver.believed)
        # Half of the time is for the conversations with those that were found.
        until = monotonic() + self._deadline.left() / 2
        answers = resolver.ask_all(questions, self._resolver, self._deadline, self._stop, until)
        if published is not None:
            published.learn(answers[len(entries) :])
        return answers[: len(entries)]

    def _route(self, exchanger: Exchanger, seconds: float) -> Route:
        target = Target(exchanger.name, reachable_first(exchanger.addresses), dns_seconds=seconds)
        findings = tuple(map(_warning, exchanger.warnings))
        if exchanger.failure is not None:
            failure = exchanger.failure
            return Route(target, (*findings, Finding("dns", failure.kind, cause=failure.cause)))
        if self._published is None:
            return Route(target, findings)
        binding = self._published.binding(exchanger)
        if binding.closed and not all(map(self._tolerates, binding.findings)):
            target = target._replace(addresses=())
        return Route(target, (*findings, *binding.findings), binding.policy)

    def _complete(self, survey: Survey) -> Survey:
        published = self._published
        if published is not None:
            published.tell_doubt()
            survey = survey._replace(
                findings=(*survey.findings, *published.findings),
                notes=tuple(published.notes),
                details=(*survey.details, *published.details),
            )
        found = (f"{finding.stage}: {finding.cause}" for finding in survey.findings)
        return survey._replace(details=(*survey.details, *found))


def _warning(finding: Finding) -> Finding:
    return finding._replace(default="warning")


def _described(found: Domain) -> str:
    what = "no MX, the domain itself" if found.implicit else f"{len(found.entries)} exchangers"
    secure = "authenticated by DNSSEC" if found.secure else "not authenticated by DNSSEC"
    return f"dns: {what}, {secure}, TTL {found.ttl} s"
