"""The ledger: which probe has arrived, is under way, was lost or came back, and what may be deleted for it.

Pure: fed from lists, it touches neither a socket nor a clock.  All times are the mail server's own, so what is told
of the same mailbox is the same on every host.
"""

from __future__ import annotations

from ..record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from .report import Report

UNSENT = "unsent"
"""The run that wrote the note did not send its probe, or is not known to have: no probe is missed."""

REFUSED = "refused"
"""The server did not take the probe: the note stands for nothing."""

SENT = "sent"
"""The server took the probe."""


class Stamp(NamedTuple):
    """When a message came into its folder, in seconds since the epoch by the server's clock: its INTERNALDATE, and
    its SAVEDATE (RFC 8514) where the server tells it."""

    received: int
    saved: int | None = None


class Note(NamedTuple):
    """A note of this check.  ``fate`` is UNSENT, REFUSED or SENT; ``told``: an earlier run has told of its loss.
    ``own``: this run wrote it; ``age`` then is unknown to the ledger, and ``waited`` the seconds since its probe was
    taken, ``arrived`` those until it was seen, None while it is not.  ``hold``: seconds for which it belongs to its
    run alone."""

    uid: int
    token: str
    target: str
    stamp: Stamp
    hold: int
    fate: str = UNSENT
    told: bool = False
    own: bool = False
    waited: float = 0.0
    arrived: float | None = None


class Sighting(NamedTuple):
    """A message that bears a token.  ``folder`` is its place in the list of folders, ``right`` whether arriving there
    is right.  ``name``: the check's name as it says, '' where it says none."""

    folder: int
    right: bool
    uid: int
    token: str
    name: str
    stamp: Stamp


class Returned(NamedTuple):
    """A delivery report, where it lies, and when it came."""

    folder: int
    uid: int
    report: Report
    stamp: Stamp


class Limits(NamedTuple):
    """Seconds after which a probe counts as lost, and for how many more it is told; the name of the check."""

    lost_after: int
    forget: int
    name: str


class Arrived(NamedTuple):
    """A probe that has come: ``copy`` is the first of its ``copies``, ``seconds`` after it was sent."""

    note: Note
    copy: Sighting
    seconds: float
    copies: tuple[Sighting, ...]


class Missing(NamedTuple):
    """A probe that has not come, ``age`` seconds after it was sent."""

    note: Note
    age: float


class Bounced(NamedTuple):
    """A probe that came back."""

    note: Note
    report: Report


class Account(NamedTuple):
    """What the notes and the messages together mean.

    ``delete`` holds (folder, UID) of what is of no more use, notes being in folder 0; ``tell`` the UIDs of the notes
    whose loss is told now for the first time.  ``unknown`` counts probes of this check without a note.
    """

    arrived: tuple[Arrived, ...] = ()
    pending: tuple[Missing, ...] = ()
    lost: tuple[Missing, ...] = ()
    bounced: tuple[Bounced, ...] = ()
    delete: tuple[tuple[int, int], ...] = ()
    tell: tuple[int, ...] = ()
    unknown: int = 0


def between(earlier: Stamp, later: Stamp) -> int:
    """Whole seconds from ``earlier`` to ``later``, by the time of saving where the server tells both; never below 0,
    for a server's clock may be set."""
    if earlier.saved is not None and later.saved is not None:
        return max(later.saved - earlier.saved, 0)
    return max(later.received - earlier.received, 0)


def is_held(note: Note, now: Stamp) -> bool:
    """Whether the note still belongs to the run that wrote it, and to no other."""
    return not note.own and between(note.stamp, now) <= note.hold


def open_notes(notes: Iterable[Note], now: Stamp) -> list[Note]:
    """The notes that this run has to settle."""
    return [note for note in notes if not is_held(note, now)]


def settle(
    notes: Sequence[Note],
    sightings: Sequence[Sighting],
    returned: Sequence[Returned],
    now: Stamp,
    limits: Limits,
    *,
    whole: Collection[int],
) -> Account:
    """Settle every open note.

    ``now`` is the stamp of this run's own note.  ``sightings`` and ``returned`` are in the order of the folders;
    ``whole`` are the folders that were looked through whole: there alone probes without a note, and reports on such,
    are given up by age.
    """
    mine = {note.token: note for note in open_notes(notes, now)}
    copies: dict[str, list[Sighting]] = {}
    for sighting in sightings:
        # A probe that says another name is another check's, whatever its Message-ID.
        if sighting.token in mine and sighting.name in ("", limits.name):
            copies.setdefault(sighting.token, []).append(sighting)
    reports: dict[str, list[Returned]] = {}
    for one in returned:
        if one.report.token in mine:
            reports.setdefault(one.report.token, []).append(one)

    arrived: list[Arrived] = []
    pending: list[Missing] = []
    lost: list[Missing] = []
    bounced: list[Bounced] = []
    delete: list[tuple[int, int]] = []
    tell: list[int] = []
    for note in mine.values():
        of_note = [(0, note.uid)]
        of_note += [(copy.folder, copy.uid) for copy in copies.get(note.token, ())]
        of_note += [(one.folder, one.uid) for one in reports.get(note.token, ())]
        age = note.waited if note.own else float(between(note.stamp, now))
        failed = next((one for one in reports.get(note.token, ()) if one.report.action == "failed"), None)
        forgotten = age > limits.lost_after + limits.forget
        if note.fate == REFUSED:
            delete += of_note
        elif failed is not None:
            bounced.append(Bounced(note, failed.report))
            delete += of_note if forgotten else ()
        elif note.token in copies:
            arrived.append(_arrived(note, copies[note.token]))
            delete += of_note
        elif note.fate == UNSENT:
            delete += of_note if age > limits.lost_after else ()
        elif age < limits.lost_after:
            pending.append(Missing(note, age))
        else:
            if not (forgotten and note.told):
                lost.append(Missing(note, age))
            if forgotten:
                delete += of_note
            elif not note.told:
                tell.append(note.uid)
    strangers, stale = _without_note(notes, sightings, returned, now, limits, whole)
    return Account(
        tuple(arrived),
        tuple(pending),
        tuple(lost),
        tuple(bounced),
        tuple(dict.fromkeys((*delete, *stale))),
        tuple(tell),
        strangers,
    )


def _without_note(
    notes: Sequence[Note],
    sightings: Sequence[Sighting],
    returned: Sequence[Returned],
    now: Stamp,
    limits: Limits,
    whole: Collection[int],
) -> tuple[int, list[tuple[int, int]]]:
    """How many probes of this check have no note; and what of them, and of the reports on such, is given up by age."""
    known = {note.token for note in notes}
    strangers = [one for one in sightings if one.name == limits.name and one.token not in known]
    late = [one for one in returned if one.report.name == limits.name and one.report.token not in known]
    # What came back after its note was dropped is as little use as what came then.
    without_note = [(one.folder, one.uid, one.stamp) for one in strangers]
    without_note += [(one.folder, one.uid, one.stamp) for one in late]
    stale = [
        (folder, uid)
        for folder, uid, stamp in without_note
        if folder in whole and between(stamp, now) > limits.lost_after + limits.forget
    ]
    return len({one.token for one in strangers}), stale


def _arrived(note: Note, copies: Sequence[Sighting]) -> Arrived:
    """The first copy counts; of two that came in the same second, the one in a right folder."""
    first = min(copies, key=lambda copy: (between(note.stamp, copy.stamp), not copy.right, copy.folder, copy.uid))
    seconds = float(between(note.stamp, first.stamp)) if note.arrived is None else note.arrived
    return Arrived(note, first, seconds, tuple(copies))
