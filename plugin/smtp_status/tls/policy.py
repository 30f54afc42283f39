"""What published records demand of TLS with one target: DANE (RFC 7672) and MTA-STS (RFC 8461)."""

from __future__ import annotations

from ..findings import Finding
from ..record import NamedTuple

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

    def judge_by_sts(self, chain: tuple[bytes, ...]) -> tuple[Finding, ...]:
        """What the MTA-STS policy says of a server that showed ``chain`` (DER, leaf first); RFC 8461 section 4.1."""
        from .chain import verify  # noqa: PLC0415 - loads ssl

        assert self.authorities is not None
        failure = verify(chain, self.name, self.authorities)
        if failure is None:
            return ()
        cause = f"MTA-STS policy ({self.sts}): {failure.cause}"
        return (Finding("sts", failure.kind, cause=cause, default=sts_default(self.sts)),)


def sts_default(mode: str) -> str:
    """How bad it is where a policy of ``mode`` does not hold: in ``testing`` senders go on (RFC 8461 section 5)."""
    return "warning" if mode == "testing" else ""
