"""What lies in the folders: notes, probes and reports, read once and kept together."""

from __future__ import annotations

from ..findings import Failure, TransportError
from ..text import clean, cut
from . import fetched, fields, foldername, ledger, probe, report
from .ledger import Note, Returned, Sighting
from .mailbox import LONG_PARTIAL, MOST_MESSAGES, PARTIAL, REFUSALS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from typing import Callable

    from ..options.arrivalplan import ArrivalPlan
    from .fetched import Fetched
    from .mailbox import ImapMailbox

NOTE_FIELDS = "X-Check-SMTP-Status-Note Received Return-Path"
PROBE_FIELDS = "X-Check-SMTP-Status Message-ID Content-Type"
ORIGIN_FIELDS = "Received Authentication-Results"

SMALL = 200
"""Messages of a folder up to which it is looked through whole."""

MOST_REPORTS = 200
"""Delivery reports that are read: the newest."""

MOST_LONG_REPORTS = 20
"""Those of them that are read a second time and further: some servers explain themselves at length before they come to
what has happened."""

SPAM_NAMES = ("Junk", "Spam", "Junk Email", "Junk E-mail", "Junk Mail", "Bulk Mail")
"""Names of the spam folder where the server marks none (RFC 6154), the first that is there."""

NAME_SHOWN = 40

_NO_FOLDER = ("\\noselect", "\\nonexistent")
"""What LIST says of a name that holds no messages; others may stand below it (RFC 9051 section 7.3.1)."""


class Folders:
    """The folders of one check, in the order of the plan; the first holds the notes and is open, as a rule.

    ``seen``: instants of the monotonic clock at which tokens showed.  ``whole``: folders that were looked through
    whole.  ``marked``: messages of this check that somebody has marked as deleted.
    """

    def __init__(self, mailbox: ImapMailbox, plan: ArrivalPlan) -> None:
        self.mailbox = mailbox
        self._plan = plan
        self.names = [foldername.encode(name) for name in plan.folders]
        self._right = len(self.names)
        self._trash = ""
        if plan.spam == () or "X-GM-EXT-1" in mailbox.capabilities:
            self._look_for_special(plan.spam == ())
        if plan.spam:
            self.names += [name for name in map(foldername.encode, plan.spam) if name not in self.names]
        # A sign that web interfaces take for markup is read well as another in the name of a folder.
        self.shown = [cut(clean(foldername.decode(name).replace("&", "+")), NAME_SHOWN) for name in self.names]
        self.sightings: list[Sighting] = []
        self.returned: list[Returned] = []
        self.seen: dict[str, float] = {}
        self.whole: set[int] = set()
        self.marked: list[tuple[int, int]] = []
        self.skipped: list[str] = []
        self._next = [1] * len(self.names)  # the first UID not looked at yet
        self._exists = 0
        self._unsure = True  # whether something may have come into the first folder unnoticed
        self._taken: set[tuple[int, int]] = set()
        self._reports: list[tuple[int, int]] = []  # those that are still to be read
        self._since = 0  # when the oldest open note came: no report is about one before

    def _look_for_special(self, spam: bool) -> None:
        listed = [one for one in self.mailbox.folders() if one.attributes.isdisjoint(_NO_FOLDER)]
        if "X-GM-EXT-1" in self.mailbox.capabilities:
            self._trash = next((one.name for one in listed if "\\trash" in one.attributes), "")
        if not spam:
            return
        found = [one.name for one in listed if "\\junk" in one.attributes]
        if not found:
            by_name = {one.name.lower(): one for one in reversed(listed)}
            delimiters = {one.delimiter for one in listed if one.delimiter}
            named = (
                where.lower()
                for name in SPAM_NAMES
                for where in (name, *(f"inbox{delimiter}{name}" for delimiter in sorted(delimiters)))
            )
            found = [by_name[name].name for name in named if name in by_name][:1]
        self.names += [name for name in found if name not in self.names]

    # -- notes

    def open(self) -> int:
        """Open the folder with the notes; how many messages it has.  What comes into the others from now on is new."""
        self._exists = self.mailbox.select(self.names[0])
        for folder in range(1, len(self.names)):
            self._next[folder] = self.mailbox.status(self.names[folder]) or 1
        return self._exists

    def drafts(self) -> list[Note]:
        """The notes there are, by their flag."""
        uids = self.mailbox.search("DRAFT")
        return self._notes_of(fetched.uid_set(uids[-MOST_MESSAGES:]), draft=True) if uids else []

    def notes_among_all(self) -> list[Note]:
        """The notes there are, where the server keeps no flag for them."""
        return self._notes_of("1:*", draft=False)

    def _notes_of(self, uids: str, *, draft: bool) -> list[Note]:
        notes = []
        for message in self.mailbox.headers(uids, NOTE_FIELDS):
            note = self._note(message)
            if note is None or (draft and "\\draft" not in message.flags):
                continue
            if "\\deleted" in message.flags:
                self.marked.append((0, message.uid))
            else:
                notes.append(note)
        return notes

    def _note(self, message: Fetched) -> Note | None:
        entry = probe.entry(fields.parse(message.octets))
        if entry is None or entry.name != self._plan.name:
            return None
        fate = ledger.SENT if "\\flagged" in message.flags else ledger.UNSENT
        told = "\\answered" in message.flags
        return Note(message.uid, entry.token, entry.target, message.stamp, entry.hold, fate, told)

    def note_of(self, token: str, uid: int | None) -> Fetched | None:
        """The note with ``token`` that was just written, by its UID where the server has told it."""
        found = self._own_note(str(uid), token) if uid is not None else None
        if found is None:
            # Some servers show what was appended only now (Courier).
            self.mailbox.noop()
            uids = [uid] if uid is not None else self.mailbox.search(f"{max(self._exists, 1)}:*")
            found = self._own_note(fetched.uid_set(uids), token) if uids else None
        return found

    def _own_note(self, uids: str, token: str) -> Fetched | None:
        for message in self.mailbox.headers(uids, NOTE_FIELDS):
            entry = probe.entry(fields.parse(message.octets))
            if entry is not None and entry.token == token:
                return message
        return None

    def flag_accepted(self, uids: Sequence[int]) -> None:
        """Note down on the notes ``uids``, which are ascending, that their probes were taken.  Without that no
        later run can tell of a loss."""
        try:
            self.mailbox.add_flags(uids, "\\Flagged")
        except TransportError as error:
            if error.failure.kind not in REFUSALS:
                raise
            cause = f"losses go unseen: {error.failure.cause}"
            raise TransportError(error.failure._replace(cause=cause)) from None
        if self.mailbox.says_to_keep("\\Flagged"):
            return
        self._turn_to(0)  # what was only for the session is gone then
        if not set(uids).issubset(self.mailbox.search("UID", fetched.uid_set(uids), "FLAGGED")):
            raise TransportError(Failure("missing", "losses go unseen: keeps no Flagged flag"))

    # -- looking

    def look(self, notes: Sequence[Note], awaited: Collection[str], at: float) -> None:
        """Look for all there is to be settled.

        ``notes`` are those that are open, ``awaited`` the tokens of this run's own probes; ``at`` is now, as an
        instant of the monotonic clock.
        """
        self._since = min(note.stamp.received for note in notes)
        self._look_at_first(min(note.uid for note in notes), at)
        missing = [note for note in notes if not note.own and note.token not in self._tokens()]
        since = min((note.stamp.received for note in missing), default=None)
        for folder in range(1, len(self.names)):
            if since is not None:
                self._look_by_date(folder, since, at)
            elif not self.has(awaited):
                self._look_at_new(folder, at)
        self._read_reports({note.token for note in notes})

    def look_again(self, awaited: Collection[str], at: float, *, changed: bool) -> None:
        """Look at what is new."""
        if changed or self._unsure:
            self._unsure = False
            self._take(0, self.mailbox.headers(f"{self._next[0]}:*", PROBE_FIELDS), at)
        for folder in range(1, len(self.names)):
            if not self.has(awaited):
                self._look_at_new(folder, at)
        self._read_reports(awaited)

    def has(self, awaited: Collection[str]) -> bool:
        """Whether each of the tokens has come, or has come back."""
        return self._tokens().issuperset(awaited)

    def copy_of(self, token: str) -> Sighting | None:
        """A message that bears ``token``."""
        return next((one for one in self.sightings if one.token == token), None)

    def _tokens(self) -> set[str]:
        back = {one.report.token for one in self.returned if one.report.action == report.FAILED}
        return back.union(one.token for one in self.sightings if one.name in ("", self._plan.name))

    def _look_at_first(self, oldest: int, at: float) -> None:
        self._unsure = False
        if self._exists <= SMALL:
            self.whole.add(0)
            self._take(0, self.mailbox.headers("1:*", PROBE_FIELDS), at)
            return
        # Of the newest only, or the answer could be as long as the mailbox is big.
        found = self.mailbox.search(f"{max(self._exists - MOST_MESSAGES, 1)}:*", "UID", f"{oldest}:*")
        self._take_newest(0, [uid for uid in found if uid >= oldest], at)  # ``n:*`` is never empty

    def _look_by_date(self, folder: int, since: int, at: float) -> None:
        exists = self._turn_to(folder)
        if exists and folder < self._right and exists <= SMALL:
            self.whole.add(folder)
            self._take(folder, self.mailbox.headers("1:*", PROBE_FIELDS), at)
        elif exists:
            newest = f"{max(exists - MOST_MESSAGES, 1)}:*"
            self._take_newest(folder, self.mailbox.search(newest, "SINCE", fetched.search_date(since)), at)
        self._turn_to(0)

    def _look_at_new(self, folder: int, at: float) -> None:
        upcoming = self.mailbox.status(self.names[folder])
        first = self._next[folder]
        if upcoming <= first:
            return
        self._turn_to(folder)
        self._take_newest(folder, self.mailbox.search("UID", f"{first}:{upcoming - 1}"), at)
        self._next[folder] = max(self._next[folder], upcoming)
        self._turn_to(0)

    def _take_newest(self, folder: int, uids: Sequence[int], at: float) -> None:
        if len(uids) > MOST_MESSAGES and self.shown[folder] not in self.skipped:
            self.skipped.append(self.shown[folder])
        if uids:
            self._take(folder, self.mailbox.headers(fetched.uid_set(uids[-MOST_MESSAGES:]), PROBE_FIELDS), at)

    def _turn_to(self, folder: int) -> int:
        """Open another folder to look into it, or the first again; how many messages it has."""
        self._unsure = True
        return self.mailbox.select(self.names[folder], readonly=folder > 0)

    def _take(self, folder: int, messages: Iterable[Fetched], at: float) -> None:
        for message in messages:
            place = (folder, message.uid)
            if place in self._taken:
                continue
            self._taken.add(place)
            self._next[folder] = max(self._next[folder], message.uid + 1)
            header = fields.parse(message.octets)
            if report.is_report(header):
                self._reports.append(place)
                continue
            sender = probe.sender(header)
            if sender is None:
                continue
            if "\\deleted" not in message.flags:
                right = folder < self._right
                self.sightings.append(Sighting(folder, right, message.uid, sender.token, sender.name, message.stamp))
                self.seen.setdefault(sender.token, at)
            elif sender.name == self._plan.name:
                self.marked.append(place)

    # -- reports, and what stands on the probes besides

    def _read_reports(self, tokens: Collection[str]) -> None:
        """Read the reports met so far; kept are those about one of ``tokens``, and those about this check's others."""
        unread, self._reports = self._reports[-MOST_REPORTS:], []
        for folder, messages in self._of_folders(unread, self._beginnings).items():
            for message in messages:
                found = report.parse(message.octets)
                if found is None:
                    continue
                open_one = found.token in tokens and found.name in ("", self._plan.name)
                if not open_one and found.name == self._plan.name and "\\deleted" in message.flags:
                    self.marked.append((folder, message.uid))
                elif open_one or found.name == self._plan.name:
                    self.returned.append(Returned(folder, message.uid, found, message.stamp))

    def _beginnings(self, uids: str) -> list[Fetched]:
        """Of the reports ``uids`` in the folder that is open as much as tells what they are about."""
        messages = self.mailbox.beginnings(uids)
        long = [
            message.uid
            for message in messages
            if len(message.octets) >= PARTIAL
            and message.stamp.received >= self._since
            and report.parse(message.octets) is None
        ]
        if not long:
            return messages
        more = self.mailbox.beginnings(fetched.uid_set(long[-MOST_LONG_REPORTS:]), LONG_PARTIAL)
        longer = {message.uid: message for message in more}
        return [longer.get(message.uid, message) for message in messages]

    def origins(self, copies: Sequence[Sighting]) -> dict[str, list[tuple[str, str]]]:
        """Of each token the fields that tell where its probe came along."""
        tokens = {(copy.folder, copy.uid): copy.token for copy in copies}
        found = self._of_folders(list(tokens), lambda uids: self.mailbox.headers(uids, ORIGIN_FIELDS))
        return {
            tokens[folder, message.uid]: fields.parse(message.octets)
            for folder, messages in found.items()
            for message in messages
            if (folder, message.uid) in tokens
        }

    def _of_folders(
        self, places: Sequence[tuple[int, int]], fetch: Callable[[str], list[Fetched]]
    ) -> dict[int, list[Fetched]]:
        found = {}
        for folder in sorted({folder for folder, _ in places}):
            if folder:
                self._turn_to(folder)
            found[folder] = fetch(fetched.uid_set(sorted(uid for where, uid in places if where == folder)))
            if folder:
                self._turn_to(0)
        return found

    # -- deleting

    def delete(self, folder: int, uids: Sequence[int]) -> bool:
        """Delete messages of ours, of which ``uids`` are ascending; False where they are only marked, since others
        that are not ours are marked too, and the server removes either all or none."""
        mailbox = self.mailbox
        if folder:
            mailbox.select(self.names[folder])
        if self._trash:
            # There EXPUNGE only takes a label off, and the mail stays in the archive.
            mailbox.copy(uids, self._trash)
        mailbox.add_flags(uids, "\\Deleted")
        if mailbox.removes_by_uid:
            mailbox.expunge(uids)
            return True
        others = [uid for uid in mailbox.search("DELETED") if uid not in set(uids)]
        if others and not self._are_ours(others):
            return False
        mailbox.expunge_all(uids)
        return True

    def _are_ours(self, uids: Sequence[int]) -> bool:
        if len(uids) > SMALL:
            return False
        ours, reports = set(), []
        for message in self.mailbox.headers(fetched.uid_set(uids), f"{NOTE_FIELDS} {PROBE_FIELDS}"):
            header = fields.parse(message.octets)
            entry, sender = probe.entry(header), probe.sender(header)
            if self._plan.name in (entry and entry.name, sender and sender.name):
                ours.add(message.uid)
            elif report.is_report(header):
                reports.append(message.uid)
        for message in self._beginnings(fetched.uid_set(reports)) if reports else ():
            found = report.parse(message.octets)
            if found is not None and found.name == self._plan.name:
                ours.add(message.uid)
        return ours.issuperset(uids)
