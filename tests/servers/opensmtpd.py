"""A private OpenSMTPD on loopback, from unpacked packages.

Debian 12's (6.8.0) cannot do TLS with OpenSSL 3: it offers STARTTLS, answers 220, and ends the handshake with the
alert internal_error.  That is what it is here for.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from .certs import Certs
from .ports import free_ports
from .process import Daemon
from .requirements import need_root
from .template import fill
from .unpacked import overlay, prefix, spare_ids

LISTENERS = (
    "smtp",  # STARTTLS offered, then the handshake fails
    "smtps",  # TLS from the first byte, the handshake fails
    "mustls",  # 530 to MAIL without TLS
    "plain",  # no TLS
)


class OpenSmtpd:
    """One instance (0.2 s to start).  ``port[name]`` is the port of each of LISTENERS, on 127.0.0.1."""

    def __init__(self, base: Path, certs: Certs) -> None:
        self.base = base
        self.port = dict(zip(LISTENERS, free_ports(len(LISTENERS))))
        self._certs = certs
        self._daemon: Daemon | None = None

    def start(self) -> None:
        source = prefix("opensmtpd", "usr/sbin/smtpd")
        need_root("OpenSMTPD")
        (self.base / "scratch").mkdir()
        for path in (self._certs.rsa.crt, self._certs.rsa.key):
            shutil.copy(path, self.base / path.name)
        conf = self.base / "smtpd.conf"
        conf.write_text(fill("opensmtpd.conf.in", {"base": self.base, **self.port}))
        conf.chmod(0o600)
        user, queue_user = spare_ids(2)
        users = {"opensmtpd": (user, "/var/lib/opensmtpd/empty"), "opensmtpq": (queue_user, "/nonexistent")}
        self._daemon = Daemon(
            ["/usr/sbin/smtpd", "-d", "-f", str(conf)],
            log=self.base / "out",
            setup=overlay(source, self.base / "scratch", users),
        )
        self._daemon.wait_for("127.0.0.1", self.port["plain"], banner=b"220")

    def stop(self) -> None:
        if self._daemon:
            self._daemon.stop()
