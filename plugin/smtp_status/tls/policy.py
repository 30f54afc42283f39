"""What published records demand of TLS with one target: DANE (RFC 7672) and MTA-STS (RFC 8461).

Whom no policy concerns is not verified: that is how senders treat it.
"""

from __future__ import annotations

from ..findings import Finding
from ..record import NamedTuple
from . import tlsa
from .chain import verify, verify_anchored

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ssl import SSLContext

    from .tlsa import Tlsa


class TlsPolicy(NamedTuple):
    """The demands on one target.

    ``name`` as in the MX record, or as the user gave it.  ``tlsa``: its TLSA records where they are binding, else
    None.  ``sts``: the mode of the domain's MTA-STS policy, ``enforce`` or ``testing``, '' where there is none; then
    the certificate has to lead to one of ``authorities``.
    """

    name: str
    tlsa: Tlsa | None = None
    sts: str = ""
    authorities: SSLContext | None = None

    @property
    def tls_demanded_by(self) -> str:
        """Who forbids to send without TLS, '' if nobody does."""
        if self.tlsa is not None:
            return "DANE"
        return "the MTA-STS policy" if self.sts == "enforce" else ""

    @property
    def server_name(self) -> str:
        """The name for SNI: the TLSA base domain, else the target's own."""
        return self.tlsa.base if self.tlsa is not None else self.name

    def without_tls(self) -> tuple[Finding, ...]:
        """What is to be said where STARTTLS is not offered and nobody demands it."""
        if self.sts != "testing":
            return ()
        return (Finding("sts", "missing", cause="MTA-STS policy (testing): STARTTLS not offered", default="warning"),)

    def judge(self, chain: tuple[bytes, ...]) -> tuple[tuple[Finding, ...], tuple[str, ...]]:
        """What is wrong with a server that showed ``chain`` (DER, leaf first), and words on what is right."""
        findings: list[Finding] = []
        notes: list[str] = []
        if self.tlsa is not None and self.tlsa.records:
            match = tlsa.match(self.tlsa.records, chain, self.tlsa.names, verify_anchored)
            if match.failure is not None:
                findings.append(Finding("tls", match.failure.kind, cause=f"DANE: {match.failure.cause}"))
            else:
                notes.append(match.words)
        if self.sts:
            assert self.authorities is not None
            failure = verify(chain, self.name, self.authorities)
            if failure is not None:
                cause = f"MTA-STS policy ({self.sts}): {failure.cause}"
                findings.append(Finding("sts", failure.kind, cause=cause, default=sts_default(self.sts)))
        return tuple(findings), tuple(notes)


def sts_default(mode: str) -> str:
    """How bad it is where a policy of ``mode`` does not hold: in ``testing`` senders go on (RFC 8461 section 5)."""
    return "warning" if mode == "testing" else ""
