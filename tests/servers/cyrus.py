"""A private Cyrus IMAP server: the second real one, with LMTP and mailboxes that make themselves."""

from __future__ import annotations

import grp
import imaplib
import itertools
import os
import pwd
import shutil
import subprocess
from pathlib import Path

from .certs import Certs
from .ports import free_ports
from .process import Daemon
from .requirements import find, need, need_root
from .template import fill
from .unpacked import prefix

PASSWORD = "s3cret"
_USERS = 12
_IMAPD = "usr/lib/cyrus/bin/imapd"

_MASTER = """START {{
  recover cmd="/usr/lib/cyrus/bin/ctl_cyrusdb -C {base}/imapd.conf -r"
}}
SERVICES {{
  imap cmd="{base}/imapd -C {base}/imapd.conf -U 30" listen="127.0.0.1:{imap}" prefork=1
  imaps cmd="{base}/imapd -C {base}/imapd.conf -s -U 30" listen="127.0.0.1:{imaps}" prefork=1
  lmtp cmd="/usr/lib/cyrus/bin/lmtpd -C {base}/imapd.conf -a" listen="127.0.0.1:{lmtp}" prefork=1
}}
EVENTS {{
}}
"""


class Cyrus:
    """One instance.  ``port`` has ``imap imaps lmtp``; users are ``user0`` and so on, with PASSWORD."""

    def __init__(self, base: Path, certs: Certs) -> None:
        self.base = base
        self._certs = certs
        names = ("imap", "imaps", "lmtp")
        self.port = dict(zip(names, free_ports(len(names))))
        self._daemon: Daemon | None = None
        self._numbers = itertools.count()

    def start(self) -> None:
        program = need("cyrus")
        need_root("Cyrus")
        imapd = prefix("cyrus", _IMAPD) / _IMAPD
        self._write(imapd)
        command = [program, "-C", f"{self.base}/imapd.conf", "-M", f"{self.base}/cyrus.conf", "-p", f"{self.base}/pid"]
        self._daemon = Daemon([*command, "-D"], log=self.base / "stderr")
        self._daemon.wait_for("127.0.0.1", self.port["imap"], banner=b"* OK")
        self._daemon.wait_for("127.0.0.1", self.port["lmtp"], banner=b"220")

    def stop(self) -> None:
        if self._daemon:
            self._daemon.stop()

    def user(self) -> str:
        """A user whose mailbox nobody used before; it is made by this first login."""
        name = f"user{next(self._numbers)}"
        with self.session(name) as session:
            assert session.select("INBOX")[0] == "OK"
        return name

    def session(self, user: str) -> imaplib.IMAP4:
        """A session of ``user``, or of ``admin``; the caller ends it."""
        session = imaplib.IMAP4("127.0.0.1", self.port["imap"])
        session.login(user, PASSWORD)
        return session

    def left(self, user: str, folder: str = "INBOX") -> list[bytes]:
        """The messages in a folder, whole."""
        with self.session(user) as session:
            status, count = session.select(f'"{folder}"', readonly=True)
            assert status == "OK", count
            found = session.fetch("1:*", "(BODY.PEEK[])")[1] if int(count[0] or 0) else []
        return [one[1] for one in found if isinstance(one, tuple)]

    def limit(self, user: str, kilobytes: int) -> None:
        """Give the mailbox of ``user`` room for so much."""
        with self.session("admin") as session:
            assert session.setquota(f"user/{user}", f"(STORAGE {kilobytes})")[0] == "OK"

    def _write(self, imapd: Path) -> None:
        base = self.base
        for name in ("config", "config/db", "mail", "proc", "lock", "socket"):
            (base / name).mkdir()
        (base / "imapd.conf").write_text(fill("cyrus.imapd.conf.in", {"base": base}))
        # Its user may not look into the cache of ours.
        shutil.copy(imapd, base / "imapd")
        (base / "cyrus.conf").write_text(_MASTER.format(base=base, **self.port))
        for end, source in (("crt", self._certs.good.crt), ("key", self._certs.good.key)):
            shutil.copy(source, base / f"tls.{end}")
        program = find("saslpasswd2")
        assert program is not None
        for user in ("admin", *(f"user{number}" for number in range(_USERS))):
            subprocess.run(
                [program, "-p", "-c", "-f", f"{base}/sasldb2", "-u", "cyrus.example.test", user],
                input=PASSWORD.encode(),
                check=True,
                capture_output=True,
            )
        user, group = pwd.getpwnam("cyrus").pw_uid, grp.getgrnam("mail").gr_gid
        for path in (base, *base.rglob("*")):
            os.chown(path, user, group)
