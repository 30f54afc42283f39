"""What a domain and its hosts have published about TLS, as far as a check is to know it: TLSA records (RFC 7672) and
the MTA-STS policy (RFC 8461).
"""

from __future__ import annotations

from time import monotonic

from ..findings import Failure, Finding
from ..net.clock import Deadline
from ..net.routes import reachable_first
from ..record import NamedTuple
from ..text import cut
from ..tls.policy import TlsPolicy, sts_default
from . import mtasts, mx
from .codec import MxRecord

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from ..options.settings import Settings
    from ..tls.tlsa import Tlsa
    from .mtasts import Announcement
    from .mx import Exchanger
    from .resolver import Steps

HTTPS = 443

PATTERNS_SHOWN = 400
"""Characters of the patterns of a policy; it may have 64 KiB of them."""


class Obligation(NamedTuple):
    """What binds senders to one exchanger, and what is wrong with that; ``closed``: they keep away from it."""

    policy: TlsPolicy
    findings: tuple[Finding, ...] = ()
    closed: bool = False


class Published:
    """All that is published and asked for by ``settings``; known once ``learn`` and ``fetch`` have been called.

    Making it loads and reads what is needed, before any clock starts.  ``doubt``: why nothing can be said of DNSSEC,
    '' where it can.  ``findings`` are about no exchanger in particular, ``notes`` for the sentence of success,
    ``details`` for ``-v``; ``sts_seconds``: how long the MTA-STS policy took.
    """

    def __init__(self, settings: Settings) -> None:
        self.doubt = ""
        self.findings: list[Finding] = []
        self.notes: list[str] = []
        self.details: list[str] = []
        self.sts_seconds = 0.0
        self._bound = self._unbound = 0  # exchangers with authentic TLSA records, and others
        self._settings = settings
        self._with_dane = settings.dane != "off"
        self._announced: Announcement | None = None
        self._site: Exchanger | None = None
        self._policy: mtasts.StsPolicy | None = None
        if settings.mta_sts:
            from ..tls import context  # noqa: PLC0415 - ssl is for MTA-STS only here
            from . import https  # noqa: PLC0415 - http.client is for MTA-STS only

            self._authorities = context.authorities()
            self._https = https

    def questions(self, believed: bool) -> list[Steps[Any]]:
        """Lookups whose results ``learn`` takes; ``believed`` is the resolver's (``resolvconf.Resolver``)."""
        asked: list[Steps[Any]] = []
        if self._with_dane:
            asked.append(mx.dnssec_doubt(believed))
        if self._settings.mta_sts:
            name = str(self._settings.domain)
            site = MxRecord(0, f"mta-sts.{name}")
            asked += [mtasts.announcement(name), mtasts.reporting(name)]
            asked.append(mx.exchanger(site, None, HTTPS, self._settings.family, False))
        return asked

    def learn(self, found: Sequence[tuple[Any, float]]) -> None:
        """Take what the lookups found, and after how many seconds."""
        rest = list(found)
        if self._with_dane:
            self.doubt = rest.pop(0)[0]
        if rest:
            (self._announced, first), (reporting, _), (self._site, second) = rest
            self.sts_seconds = max(first, second)
            self.details.append(f"dns: {reporting}")

    def fetch(self, deadline: Deadline, stop: int | None) -> None:
        """Fetch the MTA-STS policy that is announced; what is wrong with it does not stop senders."""
        if self._announced is None:
            return
        began = monotonic()
        failure = self._announced.failure
        if failure is None:
            # Half of the time is for the conversations.
            policy = self._fetched(Deadline(deadline.left() / 2), stop)
            if isinstance(policy, Failure):
                failure = policy
            else:
                self._policy = policy
                self.notes.append(f"MTA-STS {policy.mode}" + (" valid" if policy.mode != "none" else ""))
                patterns = cut(" ".join(policy.mx), PATTERNS_SHOWN) or "none"
                self.details.append(f"sts: mode {policy.mode}, max_age {policy.max_age} s, mx {patterns}")
                self.details.extend(f"sts: {remark}" for remark in policy.remarks)
        if failure is not None:
            cause = failure.cause if failure.kind == "missing" else f"no valid MTA-STS policy: {failure.cause}"
            self.findings.append(Finding("sts", failure.kind, cause=cause, default="warning"))
        self.sts_seconds += monotonic() - began

    def _fetched(self, deadline: Deadline, stop: int | None) -> mtasts.StsPolicy | Failure:
        site = self._site
        assert site is not None
        if site.failure is not None:
            return site.failure._replace(cause=f"{site.name}: {site.failure.cause}")
        place = self._https.Site(site.name, reachable_first(site.addresses))
        page = self._https.fetch(place, mtasts.PATH, mtasts.SIZE_LIMIT, self._authorities, deadline, stop=stop)
        if not isinstance(page, Failure):
            return mtasts.read_page(page.media_type, page.body)
        # A certificate's fault, for one, is that of the web server and not of an exchanger.
        return page if page.kind == "policy" else page._replace(cause=f"HTTPS: {page.cause}")

    def tell_doubt(self) -> None:
        """Say why nothing can be said of DNSSEC, where that left an exchanger without a judgement; to be called behind
        all ``binding``."""
        if not self.doubt or (self._bound and not self._unbound):
            return
        if self._settings.dane == "require":
            self.findings.insert(0, Finding("dns", "insecure", cause=f"DANE: {self.doubt}", default="unknown"))
        else:
            self.notes.insert(0, f"DANE not judged: {self.doubt}")

    def binding(self, exchanger: Exchanger) -> Obligation:
        """What binds senders to ``exchanger``, whose addresses are known."""
        findings = self._tlsa_findings(exchanger.tlsa)
        # Whatever the doubt: what came with AD is authentic, and where a lookup failed behind such nobody goes on
        # without DANE (RFC 7672 section 2.1).
        tlsa = exchanger.tlsa if exchanger.tlsa is not None and exchanger.tlsa.binding else None
        if tlsa is not None:
            self._bound += 1
        else:
            self._unbound += 1
        mode = self._policy.mode if self._policy is not None and self._policy.mode != "none" else ""
        if self._policy is not None and mode and not self._policy.allows(exchanger.name):
            cause = f"not among the exchangers of the MTA-STS policy ({mode})"
            findings.append(Finding("sts", "policy", cause=cause, default=sts_default(mode)))
        policy = TlsPolicy(exchanger.name, tlsa, mode, self._authorities if mode else None)
        # RFC 7672 section 2.1.2: whoever knows DANE takes a failed lookup for an attack.
        return Obligation(policy, tuple(findings), closed=tlsa is not None and tlsa.failure is not None)

    def _tlsa_findings(self, tlsa: Tlsa | None) -> list[Finding]:
        """What is to be said of the TLSA records alone."""
        required = self._settings.dane == "require"
        if tlsa is None or (self.doubt and not tlsa.binding):
            return []
        if tlsa.failure is not None:
            told = required or tlsa.binding
            return [Finding("dns", tlsa.failure.kind, cause=f"DANE: {tlsa.failure.cause}")] if told else []
        if not tlsa.records:
            cause = f"DANE: no usable TLSA record ({'; '.join(tlsa.unusable)}), TLS not authenticated"
            return [Finding("dns", "missing", cause=cause, default="" if required else "warning")]
        return []
