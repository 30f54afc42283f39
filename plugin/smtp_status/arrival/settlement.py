"""One run and its mailbox: the note before the probe is sent, and afterwards the settling of all notes.

Read ``begin`` and ``finish``: between them the SMTP conversations are held.  Whatever goes wrong here is put down and
never raised, since it says nothing of SMTP.
"""

from __future__ import annotations

from time import monotonic, time

from ..findings import Days, Failure, Finding, TransportError
from ..record import NamedTuple
from ..smtp.message import date as message_date
from . import ledger, probe
from .folders import Folders
from .ledger import Limits, Note, Stamp
from .mailbox import REFUSALS
from .session import ImapSession

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Callable

    from ..net.clock import Deadline
    from ..options.arrivalplan import ArrivalPlan
    from ..secrets.repetition import Login
    from ..smtp.message import Message
    from .ledger import Account
    from .mailbox import ImapMailbox

FIRST_STEP = 0.01
STEP_GROWTH = 1.3
LONGEST_STEP = 0.25
"""Seconds between two looks while a probe is waited for, and by how much they grow."""

LEAVE_SECONDS = 1.0
"""How long before the deadline waiting ends, for what is left to be done."""

ASKING = 4
"""For how many commands there has to be time before that, where it is asked which notes are left: two, and two to
spare."""

END_SECONDS = 0.1
"""How long before the deadline the mailbox is given up, for what is left to be said."""

WITHOUT_DRAFT = 200
"""Messages of a folder up to which notes are looked for in all of them, where the server keeps no flag for them."""


class Sent(NamedTuple):
    """What became of a probe at the SMTP server: ``fate`` as in ``ledger``, and the instant of the monotonic clock
    when the reply came."""

    fate: str
    at: float


class Settled(NamedTuple):
    """All that is known once it is over.

    ``failure``: what went wrong with the mailbox; ``unclean``: why something could not be deleted, and how many
    messages are ``left`` for that.  ``account`` is None where nothing could be counted.  ``seconds``: from connecting
    to the note written.  ``messages``: those in the first folder before that.  ``skipped``: folders with more messages
    than are looked at.  ``origins``: header fields of the probes that arrived, by token.
    """

    failure: Failure | None = None
    unclean: Failure | None = None
    left: int = 0
    account: Account | None = None
    seconds: float | None = None
    tls_days: Days | None = None
    messages: int | None = None
    skipped: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    origins: Mapping[str, Sequence[tuple[str, str]]] = {}
    details: tuple[str, ...] = ()
    transcript: tuple[str, ...] = ()
    faults: tuple[Finding, ...] = ()
    """What is wrong with the certificate that ``--state`` tolerates."""


class Settlement:
    """What is done for the check ``plan`` is of; ``version`` is the plugin's, which each probe bears.

    Making it reads the certificate files; it raises UsageError where one cannot be used.
    """

    def __init__(self, plan: ArrivalPlan, version: str) -> None:
        self._plan = plan
        self._version = version
        self._host = plan.host_name
        self._session = ImapSession(plan)
        self._mailbox: ImapMailbox | None = None
        self._folders: Folders | None = None
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
        self._pace = 0.0  # seconds the server takes for a command
        self._looked = 0.0  # when the last look was, an instant of the monotonic clock
        self._details: list[str] = []
        self._origins: dict[str, list[tuple[str, str]]] = {}

    def outcome(self, login: Login) -> Settled:
        """What is known now, and nothing that repeats part of ``login``."""
        folders = self._folders
        return Settled(
            _without(login, self._failure),
            _without(login, self._unclean),
            self._left,
            self._account,
            self._seconds,
            self._session.tls_days,
            self._messages,
            tuple(login.cleared(folders.skipped)) if folders is not None else (),
            tuple(login.cleared(folders.shown)) if folders is not None else (),
            self._origins,
            (*self._session.details, *self._details),
            tuple(self._session.transcript()),
            self._session.faults,
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
        """Open the mailbox, read the notes there are, and leave one for each of the targets ``labels`` ('' where there
        is only one); half of the time at most."""
        began = monotonic()
        self._tokens = {label: probe.new_token() for label in labels}
        try:
            # What is left after SMTP's lookups is shared with SMTP.
            self._mailbox = self._session.enter(deadline, began + deadline.left() / 2, stop)
            self._read_notes(self._mailbox)
            for label, token in self._tokens.items():
                self._leave_note(self._mailbox, label, token)
        except TransportError as error:
            self._give_up(error.failure)
            return
        self._noted = monotonic()
        self._seconds = self._noted - began
        self._session.until(deadline.at - min(END_SECONDS, deadline.left() / 20))

    def _read_notes(self, mailbox: ImapMailbox) -> None:
        self._folders = Folders(mailbox, self._plan)
        self._messages = self._folders.open()
        self._notes = self._folders.drafts()

    def _leave_note(self, mailbox: ImapMailbox, label: str, token: str) -> None:
        plan, folders = self._plan, self._folders
        assert folders is not None
        entry = probe.Entry(plan.name, token, plan.hold, label)
        address = f"check_smtp_status@{self._host}"
        written = probe.note(entry, self._host, address, message_date(time()))
        uid = mailbox.append(folders.names[0], written)
        message = folders.note_of(token, uid)
        if message is None:
            if uid is not None:
                folders.delete(0, [uid])  # whatever the server has made of it, no later run would know it
            raise TransportError(Failure("missing", "the note that was just written is not to be found"))
        if "\\draft" not in message.flags:
            self._do_without_draft(mailbox, message.uid)
        self._now = message.stamp
        self._notes.append(Note(message.uid, token, label, message.stamp, plan.hold, own=True))

    def _do_without_draft(self, mailbox: ImapMailbox, uid: int) -> None:
        """Notes are known by the flag for drafts, which this server has not kept."""
        folders = self._folders
        assert folders is not None and self._messages is not None
        if self._messages > WITHOUT_DRAFT:
            folders.delete(0, [uid])
            where = f"{folders.shown[0]} has {self._messages} messages"
            raise TransportError(Failure("missing", f"the server keeps no Draft flag, and {where}"))
        known = {note.token for note in self._notes}
        self._notes += [
            note for note in folders.notes_among_all() if note.token not in {*known, *self._tokens.values()}
        ]

    # -- after it was sent

    def finish(self, sent: Mapping[str, Sent], deadline: Deadline) -> None:
        """Settle all notes; ``sent`` tells by label what became of the probes."""
        mailbox, folders = self._mailbox, self._folders
        if mailbox is None or folders is None or self._now is None or self._failure is not None:
            self._session.leave(None)
            return
        if self._session.is_told_to_end():
            self._session.leave(None)
            return
        own = {note.token: sent[note.target] for note in self._notes if note.own}
        self._notes = [note._replace(fate=own[note.token].fate) if note.own else note for note in self._notes]
        try:
            self._mark(folders)
            self._wait(mailbox, folders, own, deadline)
            self._pass_over_settled(mailbox, folders, deadline)
            self._account = self._settle(folders, own)
            if not self._session.stopped:
                self._gather(folders)
                self._clean_up(mailbox, folders, self._account)
        except TransportError as error:
            # Told to end while it waited, a run tells what it knows.
            if self._session.stopped:
                self._account = self._account or self._settle(folders, own)
            else:
                self._give_up(error.failure)
        self._session.leave(None if self._failure is not None or self._session.stopped else mailbox)

    def _mark(self, folders: Folders) -> None:
        """From now on the probes that the server took are missed."""
        taken = sorted(note.uid for note in self._notes if note.own and note.fate == ledger.SENT)
        if taken:
            self._try_to(folders.flag_accepted, taken, left=0)

    def _wait(self, mailbox: ImapMailbox, folders: Folders, own: Mapping[str, Sent], deadline: Deadline) -> None:
        """Look, and look again until each own probe has come or the time for it is over."""
        awaited = {token: what.at for token, what in own.items() if what.fate == ledger.SENT}
        until = min(max(awaited.values(), default=0.0) + self._plan.wait, deadline.at - LEAVE_SECONDS)
        assert self._now is not None
        began = monotonic()
        mailbox.noop()
        first = self._looked = monotonic()
        self._pace = first - began
        folders.look(ledger.open_notes(self._notes, self._now), awaited, first)
        self._pass_over_settled(mailbox, folders, deadline)
        self._correct_first(folders, awaited, first)
        step = FIRST_STEP
        while not folders.has(awaited) and monotonic() < until and not self._session.stopped:
            self._session.pause(min(step, max(until - monotonic(), 0.0)))
            if self._session.stopped:
                self._looked = monotonic()
                break
            step = min(step * STEP_GROWTH, LONGEST_STEP)
            changed = mailbox.noop()
            self._looked = monotonic()
            folders.look_again(awaited, self._looked, changed=changed)

    def _pass_over_settled(self, mailbox: ImapMailbox, folders: Folders, deadline: Deadline) -> None:
        """Another run may have settled notes since this one read them.  Notes go before their probes: what was missed
        when this run looked has no note now.  Not where a slow server leaves no time to ask."""
        assert self._now is not None
        if self._session.stopped or monotonic() + ASKING * self._pace > deadline.at - LEAVE_SECONDS:
            return
        missed = [
            note.uid
            for note in ledger.open_notes(self._notes, self._now)
            if not note.own and note.fate == ledger.SENT and not folders.has([note.token])
        ]
        if not missed:
            return
        settled = set(missed).difference(mailbox.remaining(missed, "UNDELETED"))
        self._notes = [note for note in self._notes if note.uid not in settled]

    def _correct_first(self, folders: Folders, awaited: Mapping[str, float], first: float) -> None:
        """What was there at the first look came at any time before: where that was long, the server's clock tells."""
        for token, at in awaited.items():
            copy = folders.copy_of(token)
            if copy is None or first - at <= 1.0:
                continue
            note = next(note for note in self._notes if note.token == token)
            since_note = ledger.between(note.stamp, copy.stamp)
            folders.seen[token] = at + min(max(since_note - (at - self._noted), 0.0), first - at)

    def _settle(self, folders: Folders, own: Mapping[str, Sent]) -> Account:
        assert self._now is not None
        notes = [self._waited_for(note, folders, own[note.token].at) if note.own else note for note in self._notes]
        limits = Limits(self._plan.lost_after, self._plan.forget, self._plan.name)
        return ledger.settle(notes, folders.sightings, folders.returned, self._now, limits, whole=folders.whole)

    def _waited_for(self, note: Note, folders: Folders, at: float) -> Note:
        """An own note with the seconds since ``at``, when its probe was taken: until now, and until that was seen."""
        seen = folders.seen.get(note.token)
        arrived = None if seen is None else max(seen - at, 0.0)
        return note._replace(waited=max(self._looked - at, 0.0), arrived=arrived)

    def _gather(self, folders: Folders) -> None:
        """What the probes that arrived have on them: where they stood, and what was found out about them."""
        assert self._account is not None
        wanted = self._account.arrived
        if not (self._plan.verbose or self._plan.authserv_id):
            # Only of mail that came late somebody wants to know where it stood.
            wanted = tuple(one for one in wanted if one.seconds >= 2)
        for token, fields in folders.origins([one.copy for one in wanted]).items():
            self._origins[token] = fields

    def _clean_up(self, mailbox: ImapMailbox, folders: Folders, account: Account) -> None:
        """Delete what is of no more use; the notes first, since a note without its probe would look like a loss."""
        if account.tell:
            self._try_to(mailbox.add_flags, sorted(account.tell), "\\Answered", left=0)
        by_folder: dict[int, set[int]] = {}
        for folder, uid in (*account.delete, *folders.marked):
            by_folder.setdefault(folder, set()).add(uid)
        for folder in sorted(by_folder):
            uids = sorted(by_folder[folder])
            if self._left:
                # The notes are still there, and without their probes they would look like losses.
                self._left += len(uids)
            else:
                self._try_to(self._delete, folders, folder, uids, left=len(uids))

    def _delete(self, folders: Folders, folder: int, uids: list[int]) -> None:
        if not folders.delete(folder, uids):
            count = "1 message" if len(uids) == 1 else f"{len(uids)} messages"
            self._details.append(f"imap: {count} marked only, since others are marked in {folders.shown[folder]}")

    def _try_to(self, do: Callable[..., object], *arguments: object, left: int) -> None:
        """Do something that the server may refuse without harm to what is known."""
        try:
            do(*arguments)
        except TransportError as error:
            if error.failure.kind not in REFUSALS:
                raise
            if self._unclean is None or (left and not self._left):
                self._unclean = error.failure  # what is left lying about counts for more than a flag
            self._left += left

    def _give_up(self, failure: Failure) -> None:
        self._failure = failure
        self._session.close()


def _without(login: Login, failure: Failure | None) -> Failure | None:
    return None if failure is None else failure._replace(cause=login.cleared([failure.cause])[0])
