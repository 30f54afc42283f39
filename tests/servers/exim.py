"""A private Exim (heavy) on loopback, from unpacked packages: ports and addresses for each answer and delay.

By HELO name: ``bad.helo.test`` 550, ``tmp.helo.test`` 450, ``slow.helo.test`` 1 s.  By sender
(@example.test): ``bad`` 550, ``tmp`` 451, ``drop`` 550 and close, ``slow`` 1 s; at DATA ``nodata`` 554,
``tmpdata`` 451, ``slowdata`` 1 s.  By recipient: ``grey`` 450, ``full`` 452, ``drop`` 550 and close, ``slow``
1 s, ``ok``, unknown 550 5.1.1, other domains 550 5.7.1.  By words in the subject: EICAR 554, LATER 451, SLOW
1 s.  QUIT is answered after 200 ms unless the client closes.  Logins: USER with PASSWORD, inside TLS;
EXTERNAL with the client certificate.
"""

from __future__ import annotations

import itertools
import os
import shutil
from pathlib import Path

from .certs import Certs
from .mailbox import Mailbox
from .ports import free_ports
from .process import Daemon
from .requirements import need_root
from .template import fill
from .unpacked import libraries, prefix, spare_ids

USER = "monitor"
PASSWORD = "s3cret"

LISTENERS = (
    "smtp",
    "smtps",  # TLS from the first byte
    "mustauth",  # AUTH in clear text, 530 to MAIL without
    "proxy",  # wants a PROXY header; without: the usual greeting, then 503
    "slow",  # the greeting comes after 1 s
    "reject",  # greets with 554 and closes
    "tempfail",  # greets with 450 and closes
    "busy",  # greets with 421 and closes
)
_MAILBOXES = 100


class Exim:
    """One instance (0.1 s to start).  ``port[name]`` is the port of each of LISTENERS, on 127.0.0.1."""

    def __init__(self, base: Path, certs: Certs) -> None:
        self.base = base
        self.port = dict(zip(LISTENERS, free_ports(len(LISTENERS))))
        self._certs = certs
        self._daemon: Daemon | None = None
        self._numbers = itertools.count()

    def start(self) -> None:
        source = prefix("exim", "usr/sbin/exim4")
        need_root("Exim")
        root = self.base / "root"
        self._write(root / "usr/sbin/exim4")
        # The user Debian-exim is compiled in; it exists in this daemon's own view of /etc only.  The prefix
        # is bound to a place that user may pass through.
        setup = (
            f"mount --bind {self.base}/passwd /etc/passwd && mount --bind {self.base}/group /etc/group"
            f" && mount --bind '{source}' {root}"
        )
        self._daemon = Daemon(
            [str(root / "usr/sbin/exim4"), "-C", str(self.base / "exim.conf"), "-bdf", "-q1m"],
            log=self.base / "out",
            env={"LD_LIBRARY_PATH": libraries(source, root)},
            setup=setup,
        )
        self._daemon.wait_for("127.0.0.1", self.port["smtp"], banner=b"220")

    def stop(self) -> None:
        if self._daemon:
            self._daemon.stop()

    def mailbox(self) -> Mailbox:
        """A mailbox nobody used before."""
        name = f"box-{next(self._numbers)}"
        return Mailbox(f"{name}@example.test", self.base / "mail" / name)

    def log(self) -> str:
        """Exim's main log."""
        return (self.base / "log_mainlog").read_text(errors="backslashreplace")

    def _write(self, program: Path) -> None:
        (uid,) = spare_ids(1)
        users = {
            "passwd": f"Debian-exim:x:{uid}:{uid}::/nonexistent:/usr/sbin/nologin\n",
            "group": f"Debian-exim:x:{uid}:\n",
        }
        for name, line in users.items():
            (self.base / name).write_text((Path("/etc") / name).read_text() + line)
        for name in ("root", "spool", "mail", *(f"mail/box-{number}" for number in range(_MAILBOXES))):
            (self.base / name).mkdir()
            os.chown(self.base / name, uid, uid)
        # Exim reads its key after it has dropped root.
        for name in ("good.crt", "good.key", "root.crt"):
            shutil.copy(self._certs.directory / name, self.base / name)
            os.chown(self.base / name, uid, uid)
        values = {
            "base": self.base,
            "exim": program,
            "interfaces": " ; ".join(f"127.0.0.1.{port}" for port in self.port.values()),
            **self.port,
        }
        (self.base / "exim.conf").write_text(fill("exim.conf.in", values))
        os.chown(self.base, uid, uid)  # for its log files
