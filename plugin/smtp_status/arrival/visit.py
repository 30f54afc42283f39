"""One run's visit to the mailbox: the note before the probe is sent, and afterwards the settling of all notes.

Read ``begin`` and ``finish``: between them the SMTP conversations are held.  Whatever goes wrong here is put down and
never raised, since it says nothing of SMTP.
"""

from __future__ import annotations

from time import monotonic, time

from ..findings import Failure, Finding, TransportError
from ..record import NamedTuple
from ..smtp.message import date as message_date
from . import ledger, probe
from .door import Door
from .ledger import Limits, Note, Stamp
from .shelf import Shelf

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..net.deadline import Deadline
    from ..options.arrivalplan import ArrivalPlan
    from ..smtp.message import Message
    from .ledger import Account
    from .mailbox import Mailbox

FIRST_STEP = 0.01
STEP_GROWTH = 1.3
LONGEST_STEP = 0.25
"""Seconds between two looks while a probe is waited for, and by how much they grow."""

SPARE_SECONDS = 1.0
"""How long before the deadline waiting ends, for what is left to be done."""

END_SECONDS = 0.1
"""How long before the deadline the mailbox is given up, for what is left to be said."""

WITHOUT_DRAFT = 200
"""Messages of a folder up to which notes are looked for in all of them, where the server keeps no flag for them."""


class Sent(NamedTuple):
    """What became of a probe at the SMTP server: ``fate`` as in ``ledger``, and the instant of the monotonic clock
    when the reply came."""

    fate: str
    at: float


class Visited(NamedTuple):
    """All that is known after a visit.

    ``failure``: what went wrong with the mailbox (``timed`` out with ``-t`` or not), ``unclean``: why something could
    not be deleted, and how many messages are ``left`` for that.  ``account`` is None where nothing could be counted.
    ``seconds``: from connecting to the note written.  ``skipped``:
    folders with more messages than are looked at.  ``origins``: header fields of the probes that arrived, by token.
    """

    failure: Failure | None = None
    unclean: Failure | None = None
    left: int = 0
    account: Account | None = None
    seconds: float | None = None
    tls_days: int | None = None
    messages: int | None = None
    skipped: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    origins: Mapping[str, Sequence[tuple[str, str]]] = {}
    details: tuple[str, ...] = ()
    transcript: tuple[str, ...] = ()
    faults: tuple[Finding, ...] = ()
    """What is wrong with the certificate that ``--state`` tolerates."""


class Visit:
    """A visit for the check ``plan`` is of; the probes go to the targets ``labels``, '' where there is only one.

    ``fields`` of a label are those its probe has to bear.  Making it reads the certificate files; it raises
    UsageError where one cannot be used.
    """

    def __init__(self, plan: ArrivalPlan, version: str) -> None:
        self._plan = plan
        self._version = version
        self._host = plan.host_name
        self._door = Door(plan)
        self._mailbox: Mailbox | None = None
        self._shelf: Shelf | None = None
        self._tokens: dict[str, str] = {}
        self._notes: list[Note] = []
        self._now: Stamp | None = None
        self._failure: Failure | None = None
        self._unclean: Failure | None = None
        self._left = 0
        self._account: Account | None = None
        self._seconds: float | None = None
        self._messages: int | None = None
        self._noted = 0.0
        self._looked = 0.0  # when the last look was, an instant of the monotonic clock
        self._details: list[str] = []
        self._origins: dict[str, list[tuple[str, str]]] = {}

    def outcome(self) -> Visited:
        """What is known now."""
        shelf = self._shelf
        return Visited(
            self._failure,
            self._unclean,
            self._left,
            self._account,
            self._seconds,
            self._door.tls_days,
            self._messages,
            tuple(shelf.skipped) if shelf is not None else (),
            tuple(shelf.shown) if shelf is not None else (),
            self._origins,
            (*self._door.details, *self._details),
            tuple(self._door.transcript()),
            self._door.faults,
        )

    @property
    def noted(self) -> bool:
        """Whether the notes stand in the mailbox."""
        return self._seconds is not None

    def labelled(self, message: Message, label: str) -> Message:
        """``message`` as the probe for the target ``label``."""
        token = self._tokens[label]
        return message.with_fields(probe.message_fields(self._version, self._host, self._plan.name, token))

    # -- before the probe is sent

    def begin(self, labels: Sequence[str], deadline: Deadline, stop: int | None) -> None:
        """Open the mailbox, read the notes there are, and leave one for each target; half of the time at most."""
        began = monotonic()
        self._tokens = {label: probe.new_token() for label in labels}
        try:
            # What is left after SMTP's lookups is shared with SMTP.
            self._mailbox = self._door.enter(deadline, began + deadline.left() / 2, stop)
            self._read_notes(self._mailbox)
            for label, token in self._tokens.items():
                self._leave_note(self._mailbox, label, token)
        except TransportError as error:
            self._give_up(error.failure)
            return
        self._noted = monotonic()
        self._seconds = self._noted - began
        self._door.until(deadline.at - min(END_SECONDS, deadline.left() / 20))

    def _read_notes(self, mailbox: Mailbox) -> None:
        self._shelf = Shelf(mailbox, self._plan)
        self._messages = self._shelf.open()
        self._notes = self._shelf.drafts()

    def _leave_note(self, mailbox: Mailbox, label: str, token: str) -> None:
        plan, shelf = self._plan, self._shelf
        assert shelf is not None
        entry = probe.Entry(plan.name, token, plan.hold, label)
        address = f"check_smtp_status@{self._host}"
        written = probe.note(entry, self._host, address, message_date(time()))
        uid = mailbox.append(shelf.folders[0], written)
        message = shelf.note_of(token, uid)
        if message is None:
            raise TransportError(Failure("missing", "the note that was just written is not to be found"))
        if "\\draft" not in message.flags:
            self._do_without_draft(mailbox, message.uid)
        self._now = message.stamp
        self._notes.append(Note(message.uid, token, label, message.stamp, plan.hold, own=True))

    def _do_without_draft(self, mailbox: Mailbox, uid: int) -> None:
        """Notes are known by the flag for drafts, which this server has not kept."""
        shelf = self._shelf
        assert shelf is not None and self._messages is not None
        if self._messages > WITHOUT_DRAFT:
            shelf.delete(0, [uid])
            where = f"{shelf.shown[0]} has {self._messages} messages"
            raise TransportError(Failure("missing", f"the server keeps no Draft flag, and {where}"))
        known = {note.token for note in self._notes}
        self._notes += [note for note in shelf.notes_among_all() if note.token not in {*known, *self._tokens.values()}]

    # -- after it was sent

    def finish(self, sent: Mapping[str, Sent], deadline: Deadline) -> None:
        """Settle all notes; ``sent`` tells by label what became of the probes."""
        mailbox, shelf = self._mailbox, self._shelf
        if mailbox is None or shelf is None or self._now is None or self._failure is not None:
            self._door.leave(None)
            return
        if self._door.is_told_to_end():
            self._door.leave(None)
            return
        own = {note.token: sent[note.target] for note in self._notes if note.own}
        self._notes = [note._replace(fate=own[note.token].fate) if note.own else note for note in self._notes]
        try:
            self._mark(mailbox)
            self._wait(mailbox, shelf, own, deadline)
            self._account = self._settle(shelf, own)
            if not self._door.stopped:
                self._gather(shelf)
                self._clean_up(mailbox, shelf, self._account)
        except TransportError as error:
            # Told to end while it waited, a run tells what it knows.
            if self._door.stopped:
                self._account = self._account or self._settle(shelf, own)
            else:
                self._give_up(error.failure)
        self._door.leave(None if self._failure is not None or self._door.stopped else mailbox)

    def _mark(self, mailbox: Mailbox) -> None:
        """From now on the probes that the server took are missed."""
        taken = sorted(note.uid for note in self._notes if note.own and note.fate == ledger.SENT)
        if taken:
            self._try_to(mailbox.add_flags, taken, "\\Flagged", left=0)

    def _wait(self, mailbox: Mailbox, shelf: Shelf, own: Mapping[str, Sent], deadline: Deadline) -> None:
        """Look, and look again until each own probe has come or the time for it is over."""
        awaited = {token: what.at for token, what in own.items() if what.fate == ledger.SENT}
        until = min(max(awaited.values(), default=0.0) + self._plan.wait, deadline.at - SPARE_SECONDS)
        assert self._now is not None
        mailbox.noop()
        first = self._looked = monotonic()
        shelf.look(ledger.open_notes(self._notes, self._now), awaited, first)
        self._correct_first(shelf, awaited, first)
        step = FIRST_STEP
        while not shelf.has(awaited) and monotonic() < until and not self._door.stopped:
            self._door.pause(min(step, max(until - monotonic(), 0.0)))
            if self._door.stopped:
                self._looked = monotonic()
                break
            step = min(step * STEP_GROWTH, LONGEST_STEP)
            changed = mailbox.noop()
            self._looked = monotonic()
            shelf.look_again(awaited, self._looked, changed=changed)

    def _correct_first(self, shelf: Shelf, awaited: Mapping[str, float], first: float) -> None:
        """What was there at the first look came at any time before: where that was long, the server's clock tells."""
        for token, at in awaited.items():
            copy = shelf.copy_of(token)
            if copy is None or first - at <= 1.0:
                continue
            note = next(note for note in self._notes if note.token == token)
            since_note = ledger.between(note.stamp, copy.stamp)
            shelf.seen[token] = at + min(max(since_note - (at - self._noted), 0.0), first - at)

    def _settle(self, shelf: Shelf, own: Mapping[str, Sent]) -> Account:
        assert self._now is not None
        notes = []
        for note in self._notes:
            if note.own:
                at = own[note.token].at
                seen = shelf.seen.get(note.token)
                arrived = None if seen is None else max(seen - at, 0.0)
                note = note._replace(waited=max(self._looked - at, 0.0), arrived=arrived)  # noqa: PLW2901
            notes.append(note)
        limits = Limits(self._plan.lost_after, self._plan.forget, self._plan.name)
        return ledger.settle(notes, shelf.sightings, shelf.returned, self._now, limits, whole=shelf.whole)

    def _gather(self, shelf: Shelf) -> None:
        """What the probes that arrived have on them: where they stood, and what was found out about them."""
        assert self._account is not None
        wanted = self._account.arrived
        if not (self._plan.verbose or self._plan.authserv_id):
            # Only of mail that came late somebody wants to know where it stood.
            wanted = tuple(one for one in wanted if one.seconds >= 2)
        for token, fields in shelf.origins([one.copy for one in wanted]).items():
            self._origins[token] = fields

    def _clean_up(self, mailbox: Mailbox, shelf: Shelf, account: Account) -> None:
        """Delete what is of no more use; the notes first, since a note without its probe would look like a loss."""
        if account.tell:
            self._try_to(mailbox.add_flags, sorted(account.tell), "\\Answered", left=0)
        by_folder: dict[int, set[int]] = {}
        for folder, uid in (*account.delete, *shelf.marked):
            by_folder.setdefault(folder, set()).add(uid)
        for folder in sorted(by_folder):
            uids = sorted(by_folder[folder])
            self._try_to(self._delete, shelf, folder, uids, left=len(uids))

    def _delete(self, shelf: Shelf, folder: int, uids: list[int]) -> None:
        if not shelf.delete(folder, uids):
            count = "1 message" if len(uids) == 1 else f"{len(uids)} messages"
            self._details.append(f"imap: {count} marked only, since others are marked in {shelf.shown[folder]}")

    def _try_to(self, do, *arguments, left: int) -> None:  # type: ignore[no-untyped-def]
        """Do something that the server may refuse without harm to what is known."""
        try:
            do(*arguments)
        except TransportError as error:
            if error.failure.kind not in ("failure", "error", "full", "missing"):
                raise
            self._left += left
            self._unclean = self._unclean or error.failure

    def _give_up(self, failure: Failure) -> None:
        self._failure = failure
        self._door.close()
