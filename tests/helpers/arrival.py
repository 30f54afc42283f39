"""What a check of arrival costs, and how true its time of arrival is: for the tests and for ``make bench``."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Mapping
from typing import NamedTuple

from helpers.runs import RUN, instructions
from servers.certs import Certs
from servers.delivery import PASSWORD, Delivery

FILLER = b"From: a@example.test\r\nSubject: filler\r\n\r\nx\r\n"


class Costs(NamedTuple):
    """Instructions of a plain check that sends a message, and of one that looks for it in a mailbox of ``few`` and of
    ``many`` messages besides."""

    plain: int
    few: int
    many: int


def mail(delivery: Delivery, box: str) -> list[str]:
    return ["-H", "127.0.0.1", "-p", str(delivery.smtp), "-f", box, "--to", box, "-t", "60"]


def mailbox(delivery: Delivery, box: str, certs: Certs) -> list[str]:
    place = ["--imap", f"localhost:{delivery.imaps}", "--ca", str(certs.ca)]
    return [*place, "--imap-user", box, "--imap-pass", PASSWORD]


def fill(delivery: Delivery, box: str, count: int) -> None:
    """Put ``count`` messages into a mailbox, as files, which Dovecot takes in at once."""
    directory = delivery.dovecot.base / "mail" / box
    with delivery.session(box):
        pass  # makes the directories
    owner = directory.stat()
    import os

    for number in range(count):
        path = directory / "cur" / f"1700000000.M{number}P1.filler:2,S"
        path.write_bytes(FILLER)
        os.chown(path, owner.st_uid, owner.st_gid)
    with delivery.session(box) as session:
        session.select("INBOX")


def costs(delivery: Delivery, certs: Certs, environment: Mapping[str, str], many: int) -> Costs:
    """The least of three runs each: how often the mailbox is asked before the mail is there is chance."""

    def least(box: str, *more: str) -> int:
        words = [sys.executable, "-c", RUN, *mail(delivery, box), *more]
        return min(instructions(words, environment) for _ in range(3))

    empty, full = delivery.box(), delivery.box()
    fill(delivery, empty, 10)
    fill(delivery, full, many)
    return Costs(
        least(delivery.box()),
        least(empty, *mailbox(delivery, empty, certs)),
        least(full, *mailbox(delivery, full, certs)),
    )


def errors(delivery: Delivery, certs: Certs, rounds: int) -> list[float]:
    """Seconds by which ``time_arrive`` differs from Dovecot's own log, for each of so many messages."""
    from smtp_status.check.resource import SMTP
    from smtp_status.options.build import settings_from

    found = []
    for _ in range(rounds):
        box = delivery.box()
        resource = SMTP(settings_from([*mail(delivery, box), *mailbox(delivery, box, certs)], {}))
        resource.limit(_deadline(), time.time(), None)
        offset = time.time() - time.monotonic()
        resource.probe()
        assert resource.arrivals is not None
        account = resource.arrivals.seen.account
        assert account is not None
        (arrived,) = account.arrived
        replied = resource.replied[""] + offset
        found.append(arrived.seconds - (saved(delivery, arrived.note.token) - replied))
    return found


def _deadline():  # type: ignore[no-untyped-def]
    from smtp_status.net.clock import Deadline

    return Deadline(10)


def saved(delivery: Delivery, token: str) -> float:
    """When Dovecot says it saved the message with ``token``, in seconds since the epoch."""
    log = (delivery.dovecot.base / "log").read_text(errors="backslashreplace")
    (stamp,) = re.findall(rf"^(\d+\.\d+) .*msgid=<probe-{token}@.*saved mail to", log, re.MULTILINE)
    return float(stamp)
