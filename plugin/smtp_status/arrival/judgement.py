"""What a mailbox tells: findings of the stages ``imap``, ``arrive`` and ``clean``, and the figures."""

from __future__ import annotations

from ..findings import Finding
from ..record import NamedTuple
from ..text import clean, cut, sentence
from . import authentication, fields, received
from .mailbox import MOST_MESSAGES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import Callable

    from ..options.arrivalplan import ArrivalPlan, Threshold
    from .ledger import Account, Arrived, Missing
    from .received import Hop
    from .settlement import Settled

    Lateness = Callable[[float], tuple[str, str]]
    """The state of a time of arrival in seconds ('' where it is within its limits), and the limit in words."""

HOST_SHOWN = 40
REPORT_SHOWN = 200
AUTHENTICATION_SHOWN = 300


class ArrivalFinding(NamedTuple):
    """One finding about the probes of the target ``label``, '' for one about the mailbox; it may be one that only runs
    before this one had.  In brackets behind it: ``remark`` and ``hop``, '' for none."""

    finding: Finding
    label: str = ""
    remark: str = ""
    hop: str = ""


class Figures(NamedTuple):
    """What is counted and measured in one run; seconds by target label."""

    arrived: int
    pending: int
    lost: int
    spam: int
    longest: dict[str, float]
    oldest: dict[str, float]


class Ledger(NamedTuple):
    """What the sentence of the first line says of the probes, whatever else it says.

    ``own``: those of this run that arrived; ``earlier``: those of others, and the seconds of the slowest; counts of
    those that are under way and lost.
    """

    own: tuple[Arrived, ...]
    earlier: int
    slowest: int
    pending: int
    lost: int


def findings(seen: Settled, plan: ArrivalPlan, labels: Sequence[str], judge: Lateness) -> list[ArrivalFinding]:
    """Everything that is wrong, or that ``--state`` may call so, in the order of the stages."""
    told = [ArrivalFinding(Finding("imap", fault.kind, cause=fault.cause)) for fault in seen.faults]
    if seen.failure is not None:
        full = "mailbox full" if seen.failure.kind == "full" else ""
        told.append(ArrivalFinding(Finding("imap", seen.failure.kind, cause=seen.failure.cause), remark=full))
    if seen.account is not None:
        of_probes = _of_account(seen.account, seen, plan, judge)
        told += [one if one.label else one._replace(label=labels[0]) for one in of_probes]
    if seen.unclean is not None:
        left = "1 message left" if seen.left == 1 else f"{seen.left} messages left" if seen.left else ""
        told.append(ArrivalFinding(Finding("clean", seen.unclean.kind, cause=seen.unclean.cause), remark=left))
    return told


def _of_account(account: Account, seen: Settled, plan: ArrivalPlan, judge: Lateness) -> Iterator[ArrivalFinding]:
    yield from _bounces(account)
    yield from _losses(account.lost, plan.lost)
    yield from _lateness(account, seen, judge)
    if _state(len(account.pending), plan.pending):
        state = _state(len(account.pending), plan.pending)
        finding = Finding("arrive", "pending", cause=f"{len(account.pending)} under way", default=state)
        yield ArrivalFinding(finding, account.pending[0].note.target)
    for one in account.arrived:
        if not one.copy.right:
            yield ArrivalFinding(Finding("arrive", "spam", cause=f"landed in {_place(one, seen)}"), one.note.target)
    for one in account.arrived:
        if len(one.copies) > plan.recipients:
            cause = f"one probe arrived {len(one.copies)} times"
            yield ArrivalFinding(Finding("arrive", "duplicate", cause=cause), one.note.target)
    if plan.authserv_id is not None:
        for one in account.arrived:
            yield from _authentication(one, seen, plan, plan.authserv_id)
    for folder in seen.skipped:
        yield ArrivalFinding(
            Finding("arrive", "skipped", cause=f"{folder} has more than {MOST_MESSAGES} newer messages")
        )
    for missing in account.pending:
        if missing.note.own:
            cause = f"not arrived within {shown_seconds(missing.age)} s"
            yield ArrivalFinding(Finding("arrive", "pending", cause=cause, default="ok"), missing.note.target)


def _bounces(account: Account) -> Iterator[ArrivalFinding]:
    by_target = {one.note.target: one for one in sorted(account.bounced, key=lambda one: one.note.uid)}
    for target, last in by_target.items():
        words = cut(sentence(last.report.words), REPORT_SHOWN) or last.report.action
        server = cut(clean(last.report.server), HOST_SHOWN)
        finding = Finding("arrive", "bounced", cause=f"came back: {words}")
        yield ArrivalFinding(finding, target, f"from {server}" if server else "")


def _losses(lost: Sequence[Missing], limits: Threshold) -> Iterator[ArrivalFinding]:
    """The limits are for all together; each target has its own."""
    state = _state(len(lost), limits)
    for target in dict.fromkeys(one.note.target for one in lost) if state else ():
        ages = [one.age for one in lost if one.note.target == target]
        cause = f"{len(ages)} lost, the last one sent {min(ages):.0f} s ago"
        yield ArrivalFinding(Finding("arrive", "lost", cause=cause, default=state), target)


def _lateness(account: Account, seen: Settled, judge: Lateness) -> Iterator[ArrivalFinding]:
    """The one longest under way, and the one that took longest, of each target."""
    oldest = {one.note.target: one for one in sorted(account.pending, key=lambda one: one.age)}
    for target, missing in oldest.items():
        state, limit = judge(missing.age)
        if state:
            cause = f"under way for {shown_seconds(missing.age)} s, {limit}"
            yield ArrivalFinding(Finding("arrive", "late", cause=cause, default=state), target)
    slowest = {one.note.target: one for one in sorted(account.arrived, key=lambda one: one.seconds)}
    for target, arrived in slowest.items():
        state, limit = judge(arrived.seconds)
        if state:
            cause = f"arrive took {arrived.seconds:.3f} s, {limit}"
            hop = received.culprit(hops_of(arrived, seen), arrived.seconds)
            where = "" if hop is None else f"{hop.seconds} s of it at {_host(hop)}"
            yield ArrivalFinding(
                Finding("arrive", "late", cause=cause, default=state, seconds=arrived.seconds), target, hop=where
            )


def _authentication(one: Arrived, seen: Settled, plan: ArrivalPlan, server: str) -> Iterator[ArrivalFinding]:
    values = fields.every(list(seen.origins.get(one.note.token, ())), "authentication-results")
    believed = authentication.believed(values, server)
    if believed is None:
        cause = f"no Authentication-Results of {server}"
    else:
        lacking = cut(clean(authentication.lacking(believed, plan.require_auth)), HOST_SHOWN)
        cause = f"{lacking}, pass wanted" if lacking else ""
    if cause:
        where = f"arrived in {_place(one, seen)}"
        yield ArrivalFinding(Finding("arrive", "unauthenticated", cause=cause), one.note.target, where)


def hops_of(one: Arrived, seen: Settled) -> list[Hop]:
    """Where an arrived probe stood, as far as that was asked for."""
    values = fields.every(list(seen.origins.get(one.note.token, ())), "received")
    return received.hops(values, one.copy.stamp.received)


def figures(seen: Settled, labels: Sequence[str]) -> Figures | None:
    """What is counted, None where nothing could be."""
    account = seen.account
    if account is None:
        return None
    longest: dict[str, float] = {}
    oldest: dict[str, float] = {}
    for arrived in account.arrived:
        label = arrived.note.target if arrived.note.target in labels else labels[0]
        longest[label] = max(longest.get(label, 0.0), arrived.seconds)
    for missing in account.pending:
        label = missing.note.target if missing.note.target in labels else labels[0]
        oldest[label] = max(oldest.get(label, 0.0), missing.age)
    spam = sum(not one.copy.right for one in account.arrived)
    return Figures(len(account.arrived), len(account.pending), len(account.lost), spam, longest, oldest)


def ledger_of(seen: Settled) -> Ledger:
    """What is said of the probes in brackets."""
    account = seen.account
    if account is None:
        return Ledger((), 0, 0, 0, 0)
    own = tuple(one for one in account.arrived if one.note.own)
    earlier = [one.seconds for one in account.arrived if not one.note.own]
    slowest = int(max(earlier, default=0.0))
    return Ledger(own, len(earlier), slowest, len(account.pending), len(account.lost))


def rows(seen: Settled, plan: ArrivalPlan) -> list[str]:
    """Lines for ``-v``: what is known of each probe that was settled, and of those without a note."""
    account = seen.account
    if account is None:
        return []
    lines = []
    for one in account.arrived:
        parts = [f"arrived in {_place(one, seen)}"]
        parts += [f"{_host(hop) or 'a host without a name'} {hop.seconds} s" for hop in hops_of(one, seen)]
        lines.append("probe: " + ", ".join(parts))
        lines += _results_shown(one, seen, plan)
    lines += [f"probe: came back, {cut(clean(one.report.words), REPORT_SHOWN)}" for one in account.bounced]
    lines += [f"probe: under way for {shown_seconds(one.age)} s" for one in account.pending]
    lines += [f"probe: lost, sent {one.age:.0f} s ago" for one in account.lost]
    if account.unknown:
        lines.append(f"probes without a note: {account.unknown}")
    return lines


def _results_shown(one: Arrived, seen: Settled, plan: ArrivalPlan) -> Iterable[str]:
    values = fields.every(list(seen.origins.get(one.note.token, ())), "authentication-results")
    if plan.authserv_id is not None:
        believed = authentication.believed(values, plan.authserv_id)
        return () if believed is None else (cut(clean(f"results: {believed}"), AUTHENTICATION_SHOWN),)
    return (cut(clean(f"results, not verified: {values[0]}"), AUTHENTICATION_SHOWN),) if values else ()


def shown_seconds(seconds: float) -> str:
    """Seconds for a sentence, with one digit at most behind the point: ``5``, ``0.5``."""
    return f"{seconds:.1f}".rstrip("0").rstrip(".")


def _place(one: Arrived, seen: Settled) -> str:
    return f"{seen.folders[one.copy.folder]} after {time_of(one)} s"


def time_of(one: Arrived) -> str:
    """The seconds of a probe: those of this run to the millisecond, of any other whole ones."""
    return f"{one.seconds:.3f}" if one.note.own else f"{one.seconds:.0f}"


def _host(hop: Hop) -> str:
    return cut(clean(hop.host), HOST_SHOWN)


def _state(count: int, limits: Threshold) -> str:
    if limits.critical is not None and count >= limits.critical:
        return "critical"
    return "warning" if limits.warning is not None and count >= limits.warning else ""
