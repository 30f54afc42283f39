"""The one judge of certificates: whatever decides whether one is good (chain, name, dates, TLSA, MTA-STS) is here.

Every way through TLS takes it.  A policy only ever adds to what the user asked for, but for RFC 7672: where a TLSA
record matched, names, dates and authorities count only as far as that record wants them.
"""

from __future__ import annotations

from ..findings import Failure, Finding
from ..record import NamedTuple
from . import certificate as x509
from . import peer, validity
from .der import CertificateFault

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator

    from .plan import TlsPlan
    from .policy import TlsPolicy


class CertificateJudgement(NamedTuple):
    """What a peer's certificates are worth: what is wrong, and words on what is right.

    ``verified``: somebody asked for them to be verified, and they were looked at.
    """

    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()
    verified: bool = True


class Judge:
    """Judges what peers show under ``plan``.

    Making it loads authorities where they are needed behind the handshake, which takes time that is not the server's.
    """

    def __init__(self, plan: TlsPlan) -> None:
        self._plan = plan
        self._contexts: dict[frozenset[str], ssl.SSLContext] = {}
        if plan.afterwards:
            from . import chain, tlsa  # noqa: F401, PLC0415 - loaded before any clock starts
        self._again = plan.mode != "off" and plan.asked and plan.verify and (plan.afterwards or bool(plan.tolerate))
        if self._again:
            self._context(frozenset())

    def judge(self, chain: tuple[bytes, ...], name: str, policy: TlsPolicy | None, now: float) -> CertificateJudgement:
        """What ``chain`` (DER, leaf first) of a handshake that stands is worth, shown by the peer of ``name``.

        ``policy`` is what was published of that peer; ``now`` are seconds since the epoch.
        """
        findings: list[Finding] = []
        notes: list[str] = []
        matched = False
        if policy is not None and policy.tlsa is not None and policy.tlsa.records:
            from . import tlsa  # noqa: PLC0415 - only with DANE
            from .chain import verify_anchored  # noqa: PLC0415 - as above

            match = tlsa.match(policy.tlsa.records, chain, policy.tlsa.names, verify_anchored)
            matched = match.failure is None
            if match.failure is None:
                notes.append(match.words)
            else:
                findings.append(Finding("tls", match.failure.kind, cause=f"DANE: {match.failure.cause}"))
        if self._plan.asked and not matched:
            told = {finding.kind for finding in findings}
            failures = (one for one in self._ordinary(chain, name, now) if one.kind not in told)
            findings.extend(Finding("tls", failure.kind, cause=failure.cause) for failure in failures)
        if policy is not None and policy.sts:
            findings.extend(policy.judge_by_sts(chain))
        verified = (self._plan.asked and self._plan.verify) or matched or (policy is not None and bool(policy.sts))
        return CertificateJudgement(tuple(findings), tuple(notes), verified)

    def _ordinary(self, chain: tuple[bytes, ...], name: str, now: float) -> list[Failure]:
        """What is wrong by the rules of RFC 5280 and RFC 9525, one failure of a kind.

        Dates are looked at always: nobody switched off verification in order to be left with an expired certificate
        unnoticed.
        """
        plan = self._plan
        found = {failure.kind: failure for failure in self._failures(chain, name)}
        try:
            leaf = peer.read_leaf(chain)
        except CertificateFault as fault:
            cannot = Failure("verify", f"the certificate cannot be read: {fault}")
            return [*found.values()] if "verify" in found else [*found.values(), cannot]
        if not leaf.not_before <= now <= leaf.not_after:
            found["expired"] = Failure("expired", f"certificate {validity.expiry_words(leaf, now)}")
        if plan.verify and self._again and "name" not in found and not x509.matches(leaf, name):
            found["name"] = Failure("name", peer.name_words(leaf, name))
        return [*found.values()]

    def _failures(self, chain: tuple[bytes, ...], name: str) -> Iterator[Failure]:
        """What OpenSSL finds, also behind what is tolerated; nothing where it has judged in the handshake already."""
        if not self._again:
            return
        from .chain import verify  # noqa: PLC0415 - hardly anybody has a policy, or tolerates anything

        passed: frozenset[str] = frozenset()
        while "verify" not in passed:
            failure = verify(chain, name, self._context(passed))
            if failure is None:
                return
            yield failure
            if failure.kind in passed or failure.kind not in self._plan.tolerate:
                return
            passed |= {failure.kind}

    def _context(self, passed: frozenset[str]) -> ssl.SSLContext:
        """A context that verifies all but the kinds of faults in ``passed``."""
        if passed not in self._contexts:
            from .context import make_context  # noqa: PLC0415 - as above

            # The handshake in which a chain is verified again is one of TLS 1.2 with a suite of its own.
            minimum = self._plan.minimum if self._plan.old else "1.2"
            plan = self._plan._replace(afterwards=False, tolerate=passed, minimum=minimum, ciphers=None)
            self._contexts[passed] = make_context(plan._replace(client_cert=None, client_key=None))
        return self._contexts[passed]
