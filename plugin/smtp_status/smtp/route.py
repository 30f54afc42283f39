"""The way to one target, and what is known of it before anybody connects."""

from __future__ import annotations

from ..findings import Finding, Target
from ..record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..tls.policy import TlsPolicy


class Route(NamedTuple):
    """The way to one target; without addresses it ends here, and ``findings`` say why."""

    target: Target
    findings: tuple[Finding, ...] = ()
    policy: TlsPolicy | None = None
