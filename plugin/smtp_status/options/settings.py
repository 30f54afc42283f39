"""All settings of one run, frozen: what the command line, the ini file and the environment said; and how what is
wrong with them is told."""

from __future__ import annotations

from .. import text
from ..record import NamedTuple
from ..smtp.plan import Plan

TYPE_CHECKING = False
if TYPE_CHECKING:
    from nagiosplugin import Range

    from .arrivalplan import ArrivalPlan, Sealing

USAGE_LIMIT = text.LINE - len(text.UNKNOWN_LEAD)
"""Characters of a UsageError, so that the first line keeps its 160."""

SHOWN_LIMIT = 40
"""Characters of a user's value in a message."""


class UsageError(Exception):
    """The user's fault, told in one clean line that names the option and what it takes; exit 3."""

    def __init__(self, message: str) -> None:
        super().__init__(text.cut(text.clean(message), USAGE_LIMIT))


class InformationWanted(Exception):  # noqa: N818 - nothing is wrong
    """``--help`` or ``--version`` was met; ``topic`` is ``help`` or ``version``."""

    def __init__(self, topic: str) -> None:
        super().__init__(topic)
        self.topic = topic


def shown(value: str) -> str:
    """A user's value for a message: harmless, not too long, and visible when it is empty or has blanks."""
    clean = text.middle(text.clean(value), SHOWN_LIMIT)
    return clean if clean and " " not in clean else f"'{clean}'"


class StateRule(NamedTuple):
    """One override of ``--state``: ``stage`` is a stage or ``any``; ``what`` a reply code pattern such as ``45x``,
    a kind, ``failure`` or ``error``, or '' for whatever goes wrong there; ``state`` is ok, warning, critical or
    unknown.  All in lower case."""

    stage: str
    what: str
    state: str


class Settings(NamedTuple):
    """Everything one run needs.

    ``hosts``: names (A-labels), addresses without brackets and absolute paths of unix sockets, each once; empty
    when ``domain`` is set.  ``port`` is resolved (25, 465 with ``--ssl``), 0 when all hosts are paths.
    ``family``: 0, 4 or 6.  Ranges are nagiosplugin Range objects, or None.  ``timeout`` in seconds.
    ``certificate_days``: (warn, crit), either may be None.  ``require``: ``all``, ``any``, a number, or None for
    the default of docs/options.md.  ``nameserver``: (address, port) or None for the system's resolver.
    ``output_format``: ``json``, or '' for the output that plugins have.
    """

    plan: Plan
    hosts: tuple[str, ...] = ("localhost",)
    port: int = 25
    family: int = 0
    source: str | None = None
    timeout: float = 10.0
    timeout_state: str = "critical"
    warning: Range | None = None
    critical: Range | None = None
    stage_warning: dict[str, Range] = {}  # noqa: RUF012 - never written to
    stage_critical: dict[str, Range] = {}  # noqa: RUF012 - never written to
    rules: tuple[StateRule, ...] = ()
    certificate_days: tuple[int | None, int | None] = (None, None)
    verbose: int = 0
    domain: str | None = None
    nameserver: tuple[str, int] | None = None
    all_addresses: bool = False
    require: str | int | None = None
    dane: str = "off"
    mta_sts: bool = False
    arrival: ArrivalPlan | None = None
    sealing: Sealing | None = None
    output_format: str = ""

    @property
    def several(self) -> bool:
        """Whether the check is of several targets, even if only one is found, and its output names each."""
        wanted = self.require if isinstance(self.require, int) else 1
        return self.domain is not None or self.all_addresses or len(self.hosts) > 1 or wanted > 1
