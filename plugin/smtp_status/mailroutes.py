"""The routes that the DNS gives: from a mail domain to its exchangers, and to each host the policies that bind it."""

from __future__ import annotations

from time import monotonic

from . import domain as dns_domain
from . import lookups, nameservers
from .dnswire import MxRecord
from .model import Failure, Finding, StageTime, Target
from .policy import Policy, sts_default
from .resolve import Lookup
from .routes import Route, Survey
from .targets import reachable_first

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .domain import Domain, Exchanger, Tlsa
    from .engine import Deadline
    from .lookups import Steps
    from .nameservers import Resolver
    from .settings import Settings
    from .sts import Announcement
    from .sts import Policy as StsPolicy

HTTPS = 443


def of_domain(settings: Settings, deadline: Deadline, stop: int | None) -> Survey:
    """The exchangers of the mail domain, with what DANE and MTA-STS say of each as far as they are asked for."""
    name = settings.domain
    assert name is not None
    resolver = _resolver(settings)
    [(found, seconds)] = lookups.run([dns_domain.mail_domain(name)], resolver, deadline, stop)
    times: tuple[StageTime, ...] = (StageTime("dns", seconds),)
    findings = (*((found.fault,) if found.fault is not None else ()), *map(_warning, found.warnings))
    details = (_described(found),)
    if not found.entries:
        return Survey((), findings, times, details=details)
    survey = _Survey(settings, resolver, deadline, stop)
    survey.ask(found.entries, found)
    if settings.mta_sts:
        survey.read_policy()
        times = (*times, StageTime("sts", survey.sts_seconds))
    routes = survey.routes()
    return Survey(routes, (*findings, *survey.findings), times, tuple(survey.notes), (*details, *survey.details))


def of_hosts(settings: Settings, deadline: Deadline, stop: int | None) -> Survey:
    """The hosts the user named, with what DANE says of each."""
    numeric = {host: Lookup(host, settings.port, settings.family) for host in settings.hosts}
    numeric = {host: lookup for host, lookup in numeric.items() if lookup.without_resolver()}
    survey = _Survey(settings, _resolver(settings), deadline, stop)
    survey.ask(tuple(MxRecord(0, host) for host in settings.hosts if host not in numeric), None)
    named = iter(survey.routes())
    routes = tuple(Route(numeric[host].target()) if host in numeric else next(named) for host in settings.hosts)
    return Survey(routes, tuple(survey.findings), (), tuple(survey.notes), tuple(survey.details))


def _plus(route: Route, seconds: float) -> Route:
    target = route.target
    return route._replace(target=target._replace(dns_seconds=(target.dns_seconds or 0.0) + seconds))


def _resolver(settings: Settings) -> Resolver:
    return nameservers.named(*settings.nameserver) if settings.nameserver else nameservers.of_system()


def _warning(finding: Finding) -> Finding:
    return finding._replace(default="warning")


def _described(found: Domain) -> str:
    what = "no MX, the domain itself" if found.implicit else f"{len(found.entries)} exchangers"
    secure = "authenticated by DNSSEC" if found.secure else "not authenticated by DNSSEC"
    return f"dns: {what}, {secure}, TTL {found.ttl} s"


class _Survey:
    """One survey in the making."""

    def __init__(self, settings: Settings, resolver: Resolver, deadline: Deadline, stop: int | None) -> None:
        self.findings: list[Finding] = []
        self.notes: list[str] = []
        self.details: list[str] = []
        self.sts_seconds = 0.0
        self._settings = settings
        self._resolver = resolver
        self._deadline = deadline
        self._stop = stop
        self._exchangers: list[tuple[Exchanger, float]] = []
        self._announced: Announcement | None = None
        self._policy_host: Exchanger | None = None
        self._policy: StsPolicy | None = None
        self._doubt = ""

    def ask(self, entries: tuple[MxRecord, ...], found: Domain | None) -> None:
        """Look up everything that can be looked up at the same time."""
        settings = self._settings
        wants_dane = settings.dane != "off"
        questions: list[Steps[Any]] = [
            dns_domain.exchanger(entry, found, settings.port, settings.family, wants_dane) for entry in entries
        ]
        count = len(questions)
        if wants_dane:
            questions.append(dns_domain.dnssec_doubt(self._resolver.believed))
        if settings.mta_sts:
            from . import sts  # noqa: PLC0415 - only with --mta-sts

            name = str(settings.domain)
            host = MxRecord(0, f"mta-sts.{name}")
            questions += [sts.announcement(name), sts.reporting(name)]
            questions.append(dns_domain.exchanger(host, None, HTTPS, settings.family, False))
        # Half of the time is for the conversations with those that were found.
        until = monotonic() + self._deadline.left() / 2
        answers = lookups.run(questions, self._resolver, self._deadline, self._stop, until)
        self._exchangers = answers[:count]
        rest = answers[count:]
        if wants_dane:
            self._doubt = rest.pop(0)[0]
            self._say_doubt()
        if settings.mta_sts:
            (self._announced, first), (reporting, _), (self._policy_host, second) = rest
            self.sts_seconds = max(first, second)
            self.details.append(f"dns: {reporting}")

    def _say_doubt(self) -> None:
        if not self._doubt:
            return
        if self._settings.dane == "require":
            self.findings.append(Finding("dns", "insecure", cause=f"DANE: {self._doubt}", default="unknown"))
        else:
            self.notes.append(f"DANE not judged: {self._doubt}")

    def read_policy(self) -> None:
        """Fetch the MTA-STS policy that is announced; what is wrong with it does not stop senders."""
        assert self._announced is not None
        began = monotonic()
        failure = self._announced.failure
        if failure is None:
            fetched = self._fetch()
            if isinstance(fetched, Failure):
                failure = fetched
            else:
                self._policy = fetched
                self.notes.append(f"MTA-STS {fetched.mode} valid")
                self.details.append(
                    f"sts: mode {fetched.mode}, max_age {fetched.max_age} s, mx {' '.join(fetched.mx) or 'none'}"
                )
                self.details.extend(f"sts: {remark}" for remark in fetched.remarks)
        if failure is not None:
            words = failure.cause if failure.kind == "missing" else f"no valid MTA-STS policy: {failure.cause}"
            self.findings.append(Finding("sts", failure.kind, cause=words, default="warning"))
        self.sts_seconds += monotonic() - began

    def _fetch(self) -> StsPolicy | Failure:
        from . import https, sts  # noqa: PLC0415 - only with --mta-sts
        from .engine import Deadline  # noqa: PLC0415 - the loop's room is not needed by those who only look up

        host = self._policy_host
        assert host is not None
        if host.failure is not None:
            return host.failure
        share = Deadline(self._deadline.left() / 2)
        page = https.fetch(reachable_first(host.addresses), host.name, sts.PATH, sts.SIZE_LIMIT, share, stop=self._stop)
        return page if isinstance(page, Failure) else sts.read_page(page.media_type, page.body)

    def routes(self) -> tuple[Route, ...]:
        """The route to each exchanger, in their order."""
        return tuple(self._route(exchanger, seconds) for exchanger, seconds in self._exchangers)

    def _route(self, exchanger: Exchanger, seconds: float) -> Route:
        target = Target(exchanger.name, reachable_first(exchanger.addresses), dns_seconds=seconds)
        findings = [_warning(finding) for finding in exchanger.warnings]
        if exchanger.failure is not None:
            findings.append(Finding("dns", exchanger.failure.kind, cause=exchanger.failure.cause))
            return Route(target, tuple(findings))
        tlsa, of_tlsa = self._dane(exchanger.tlsa)
        findings += of_tlsa
        if tlsa is not None and tlsa.failure is not None:
            # Whoever knows DANE keeps away from it (RFC 7672 section 2.1.2).
            return Route(target._replace(addresses=()), tuple(findings))
        mode = self._policy.mode if self._policy is not None and self._policy.mode != "none" else ""
        if self._policy is not None and mode and not self._policy.allows(exchanger.name):
            cause = f"MTA-STS policy ({mode}) does not name this exchanger"
            findings.append(Finding("sts", "policy", cause=cause, default=sts_default(mode)))
        return Route(target, tuple(findings), Policy(exchanger.name, tlsa, mode))

    def _dane(self, tlsa: Tlsa | None) -> tuple[Tlsa | None, list[Finding]]:
        """The records where they bind, and what is to be said of them."""
        required = self._settings.dane == "require"
        if tlsa is None or self._doubt:
            return None, []
        failure = tlsa.failure
        if not tlsa.binding:
            assert failure is not None
            return None, [Finding("dns", failure.kind, cause=f"DANE: {failure.cause}")] if required else []
        if failure is not None:
            return tlsa, [Finding("dns", failure.kind, cause=f"DANE: {failure.cause}")]
        if not tlsa.records:
            cause = f"DANE: no usable TLSA record ({'; '.join(tlsa.unusable)}), TLS not authenticated"
            return tlsa, [Finding("dns", "missing", cause=cause, default="" if required else "warning")]
        return tlsa, []
