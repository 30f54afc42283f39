"""Postfix and Dovecot together: AUTH by Dovecot, delivery by LMTP, read back over IMAP."""

from __future__ import annotations

import time
from pathlib import Path

from .certs import Certs
from .dovecot import Dovecot
from .postfix import Postfix


class Submission:
    """``postfix`` takes mail from whoever logs in (USER and PASSWORD of dovecot.py, or a token) on all its
    listeners; ``dovecot`` gets it over LMTP.  Mail to ``dovecot.mailbox()`` can be read back there or with
    ``fetch``."""

    def __init__(self, base: Path, certs: Certs) -> None:
        (base / "d").mkdir()
        (base / "p").mkdir()
        self.dovecot = Dovecot(base / "d", certs)
        self.postfix = Postfix(
            base / "p",
            certs,
            sasl=self.dovecot.sasl,
            transport=f"lmtp:inet:127.0.0.1:{self.dovecot.port['lmtp']}",
        )
        self.dovecot.relay = self.postfix.port["smtp"]

    def start(self) -> None:
        self.dovecot.start()
        self.postfix.start()

    def stop(self) -> None:
        self.postfix.stop()
        self.dovecot.stop()

    def fetch(self, address: str, timeout: float = 5.0) -> bytes:
        """The newest message of a mailbox over IMAP, once there is one."""
        end = time.monotonic() + timeout
        with self.dovecot.imap(address) as imap:
            while True:
                imap.select("INBOX")
                newest = imap.search(None, "ALL")[1][0].split()[-1:]
                if newest:
                    part = imap.fetch(newest[0].decode(), "(RFC822)")[1][0]
                    assert isinstance(part, tuple)
                    return part[1]
                if time.monotonic() > end:
                    raise TimeoutError(f"no mail for {address} in {timeout} s")
                time.sleep(0.02)
