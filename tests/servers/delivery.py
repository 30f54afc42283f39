"""An edge Postfix in front of Dovecot, which can hold, lose, send back, double or misfile what passes it.

What becomes of a message is said behind a ``+`` in its recipient's address: see ``FATES``.
"""

from __future__ import annotations

import imaplib
import json
import os
import pwd
import subprocess
import time
from pathlib import Path

from .certs import Certs
from .dovecot import PASSWORD, Dovecot
from .ports import free_ports
from .postfix import Postfix
from .requirements import find

FATES = {
    "hold": "stays in the queue until ``edge.release``",
    "lose": "is accepted and thrown away",
    "bounce": "is refused behind the edge, which sends a delivery report",
    "late": "is refused for now behind the edge, which sends a report of the delay after a second",
    "Junk": "is put into the folder for spam",
    "twice": "stays in the queue until ``edge.release``, and is delivered two times then",
    "signed": "gets an Authentication-Results field of inner.example.test",
    "refuse": "is refused by 550 at RCPT",
    "grey": "is refused by 450 at RCPT",
    "full": "is refused by 552 at RCPT",
    "almost": "is refused by 452 at RCPT",
}
"""What a recipient with this detail means; with any other, and without one, mail is delivered."""

EDGE = "edge.example.test"
RESULTS = "inner.example.test; spf=pass smtp.mailfrom=example.test; dkim=none; dmarc=pass"

_MAIN = """
myhostname = {edge}
recipient_delimiter = +
delay_warning_time = 1s
confirm_delay_cleared = no
minimal_backoff_time = 1s
maximal_backoff_time = 1s
virtual_alias_maps = regexp:{conf}/aliases
transport_maps = regexp:{conf}/transports
smtpd_recipient_restrictions = check_recipient_access regexp:{conf}/fates
lmtp_destination_recipient_limit = 1
"""
_ALIASES = r"/^(box-[0-9]+)\+twice@(.*)$/ $1@$2, $1+again@$2" + "\n"
_TRANSPORTS = r"""/\+lose@/ discard:
/\+bounce@/ smtp:[127.0.0.1]:{inner}
/\+late@/ smtp:[127.0.0.1]:{inner}
"""
_FATES = r"""/\+(hold|twice)@/ HOLD
/\+refuse@/ 550 5.1.1 User unknown
/\+grey@/ 450 4.2.0 Greylisted, try again later
/\+full@/ 552 5.2.2 Mailbox full
/\+almost@/ 452 4.2.2 Mailbox almost full
/\+signed@/ PREPEND Authentication-Results: {results}
"""
_INNER = (
    "127.0.0.1:{inner} inet n - n - - smtpd"
    " -o {{ smtpd_recipient_restrictions = check_recipient_access regexp:{conf}/inner }}\n"
)
_REFUSED = r"""/\+late@/ 450 4.3.0 Not now
/./ 550 5.1.1 Recipient address rejected: User unknown
"""
_DOVECOT = """
log_timestamp = "%s.%{usecs} "
mail_plugins = quota
recipient_delimiter = +
lmtp_save_to_detail_mailbox = yes
protocol imap {
  mail_plugins = quota imap_quota
}
plugin {
  quota = maildir:User quota
}
namespace inbox {
  mailbox Junk {
    auto = create
    special_use = \\Junk
  }
}
"""
_FULL = """userdb {
  driver = passwd-file
  args = username_format=%u @base@/quotas
}
"""


class _Edge(Postfix):
    """The Postfix in front."""

    def __init__(self, base: Path, certs: Certs, lmtp: int) -> None:
        (port, self._inner) = free_ports(2)
        at = {"smtp": ("127.0.0.1", port)}
        super().__init__(base, certs, transport=f"lmtp:inet:127.0.0.1:{lmtp}", at=at)

    def start(self) -> None:
        super().start()
        assert self._daemon is not None
        # Something else may have got the port first, and Postfix ended then.
        self._daemon.wait_for("127.0.0.1", self.port["smtp"], banner=f"220 {EDGE}".encode())

    def _write(self) -> None:
        super()._write()
        values = {"conf": self.conf, "edge": EDGE, "inner": self._inner, "results": RESULTS}
        texts = {
            "main.cf": (self.conf / "main.cf").read_text() + _MAIN.format(**values),
            "master.cf": (self.conf / "master.cf").read_text() + _INNER.format(**values) + "smtp unix - - n - - smtp\n",
            "aliases": _ALIASES,
            "transports": _TRANSPORTS.format(**values),
            "fates": _FATES.format(**values),
            "inner": _REFUSED,
        }
        for name, text in texts.items():
            (self.conf / name).write_text(text)
            os.utime(self.conf / name, (time.time() - 60,) * 2)

    def release(self, sender: str) -> None:
        """Let go what is held of one sender."""
        found = self._run("postqueue", "-j")
        held = [json.loads(line) for line in found.splitlines()]
        for entry in held:
            if entry["queue_name"] == "hold" and entry["sender"] == sender:
                self._run("postsuper", "-H", entry["queue_id"])
        self._run("postqueue", "-f")

    def _run(self, name: str, *arguments: str) -> str:
        program = find(name)
        assert program is not None
        command = [program, "-c", str(self.conf), *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout


class _Dovecot(Dovecot):
    """The Dovecot behind, with a folder for spam and a mailbox that is full."""

    def _write(self) -> None:
        super()._write()
        path = self.base / "dovecot.conf"
        full = _FULL.replace("@base@", str(self.base))
        path.write_text(path.read_text().replace("userdb {\n", full + "userdb {\n", 1) + _DOVECOT)
        owner = pwd.getpwnam("mail")
        home = f"{self.base}/mail/{FULL}"
        (self.base / "quotas").write_text(
            f"{FULL}::{owner.pw_uid}:{owner.pw_gid}::{home}::userdb_quota_rule=*:bytes=100\n"
        )


FULL = "box-299@example.test"
"""A mailbox in which nothing has room."""


class Delivery:
    """Edge and mailboxes together.  ``smtp`` is the edge's port, ``imap`` and ``imaps`` are Dovecot's, ``lmtp`` the
    one that goes round the edge."""

    def __init__(self, base: Path, certs: Certs) -> None:
        (base / "d").mkdir()
        (base / "p").mkdir()
        self.dovecot = _Dovecot(base / "d", certs)
        self.edge = _Edge(base / "p", certs, self.dovecot.port["lmtp"])
        self.smtp = self.edge.port["smtp"]
        self.imap, self.imaps, self.lmtp = (self.dovecot.port[name] for name in ("imap", "imaps", "lmtp"))

    def start(self) -> None:
        self.dovecot.start()
        self.edge.start()

    def stop(self) -> None:
        self.edge.stop()
        self.dovecot.stop()

    def box(self) -> str:
        """The address of a mailbox nobody used before."""
        return self.dovecot.mailbox().address

    def session(self, box: str) -> imaplib.IMAP4:
        """A session of somebody who reads the mailbox; the caller ends it."""
        return self.dovecot.imap(box)

    def left(self, box: str, folder: str = "INBOX") -> list[bytes]:
        """The messages in a folder, whole."""
        with self.session(box) as session:
            status, count = session.select(f'"{folder}"', readonly=True)
            assert status == "OK", count
            found = session.fetch("1:*", "(BODY.PEEK[])")[1] if int(count[0] or 0) else []
        return [one[1] for one in found if isinstance(one, tuple)]

    def wait_for(self, box: str, count: int, folder: str = "INBOX", timeout: float = 5.0) -> list[bytes]:
        """The messages in a folder once there are ``count``."""
        end = time.monotonic() + timeout
        while True:
            messages = self.left(box, folder)
            if len(messages) == count:
                return messages
            if time.monotonic() > end:
                raise TimeoutError(f"{len(messages)} of {count} messages for {box} in {timeout} s")
            time.sleep(0.02)


__all__ = ["EDGE", "FATES", "FULL", "PASSWORD", "RESULTS", "Delivery"]
