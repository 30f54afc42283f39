"""The receiver's half of a check whose sender is another host: the newest probe in a mailbox, without any note.

Its times compare the clocks of two hosts.  The newest probe is kept, older ones are deleted.
"""

from __future__ import annotations

import time

from ..findings import TransportError
from ..record import NamedTuple
from . import fetched, fields, probe, seal
from .folders import PROBE_FIELDS, Folders
from .mailbox import MOST_MESSAGES, REFUSALS
from .session import ImapSession
from .settlement import END_SECONDS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..findings import Failure
    from ..net.clock import Deadline
    from ..options.arrivalplan import ArrivalPlan, Collect


MOST_AHEAD = 3600
"""Seconds by which the sender's clock may be ahead of both others.  One that is further ahead, be it once, would make a
probe the newest for as long, and nobody would miss those that do not come after it.  Where this host's clock agrees
with it, it is the mail server's that is behind."""


class Found(NamedTuple):
    """A probe: the folder it lies in (a place in the list of folders) and its UID; when it was sent, by its sender's
    clock (when it came, where that clock is too far ahead), and when it came, by the mail server's, in seconds since
    the epoch."""

    folder: int
    uid: int
    sent: float
    came: int


class Collected(NamedTuple):
    """What is known after a run.  ``folder`` is the name of the one the newest probe lies in, ``right`` whether that
    is right; ``now``: this host's clock then.  ``seconds``: from connecting until all was looked at."""

    failure: Failure | None = None
    unclean: Failure | None = None
    left: int = 0
    newest: Found | None = None
    folder: str = ""
    right: bool = True
    now: float = 0.0
    seconds: float | None = None
    messages: int | None = None


class Collection:
    """One run; ``session`` tells of TLS and transcript besides."""

    def __init__(self, plan: ArrivalPlan, collect: Collect) -> None:
        """Reads the certificate files; raises UsageError where one cannot be used."""
        self.session = ImapSession(plan)
        self._plan = plan
        self._collect = collect

    def run(self, deadline: Deadline, stop: int | None) -> Collected:
        """Look for probes of the plan's name; never raises for what the server does."""
        began = time.monotonic()
        made = Collected()
        try:
            until = deadline.at - min(END_SECONDS, deadline.left() / 20)
            mailbox = self.session.enter(deadline, until, stop)
            folders = Folders(mailbox, self._plan)
            found = []
            for place, name in enumerate(folders.names):
                exists = mailbox.select(name, readonly=True)
                made = made._replace(messages=exists) if not place else made
                found += self._probes(folders, place, exists)
            made = made._replace(seconds=time.monotonic() - began, now=time.time())
            if found:
                newest = max(found, key=lambda one: one.sent)
                right = newest.folder < len(self._plan.folders)
                made = made._replace(newest=newest, folder=folders.shown[newest.folder], right=right)
                made = self._delete(folders, [one for one in found if one != newest], made)
        except TransportError as error:
            self.session.close()
            return made._replace(failure=error.failure)
        self.session.leave(mailbox)
        return made

    def _probes(self, folders: Folders, place: int, exists: int) -> list[Found]:
        """Those in the folder that is open, of its newest messages."""
        if not exists:
            return []
        mailbox = folders.mailbox
        uids = mailbox.search(f"{max(exists - MOST_MESSAGES + 1, 1)}:*")
        found = []
        for message in mailbox.headers(fetched.uid_set(uids), PROBE_FIELDS) if uids else ():
            sender = probe.sender(fields.parse(message.octets))
            if sender is None or sender.name != self._plan.name:
                continue
            sent = seal.sent_at(self._collect.key, sender)
            came = message.stamp.received
            if sent is not None:
                believed = sent <= max(came, time.time()) + MOST_AHEAD
                found.append(Found(place, message.uid, sent if believed else float(came), came))
        return found

    def _delete(self, folders: Folders, older: list[Found], made: Collected) -> Collected:
        for place in sorted({one.folder for one in older}):
            uids = sorted(one.uid for one in older if one.folder == place)
            try:
                folders.mailbox.select(folders.names[place])
                folders.delete(place, uids)
            except TransportError as error:
                if error.failure.kind not in REFUSALS:
                    raise
                made = made._replace(unclean=made.unclean or error.failure, left=made.left + len(uids))
        return made
