"""A private Dovecot: SASL for Postfix, LMTP, IMAP to read mail back, and a submission server."""

from __future__ import annotations

import base64
import hashlib
import hmac
import imaplib
import itertools
import json
import os
import pwd
import time
from pathlib import Path

from .certs import Certs
from .mailbox import Mailbox
from .ports import free_ports
from .process import Daemon
from .requirements import need, need_root
from .template import fill

USER = "monitor@example.test"
PASSWORD = "s3cret"
MECHANISMS = ("PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256", "OAUTHBEARER", "XOAUTH2")

_TOKEN_KEY = b"a key both sides of the tests know"


def token(user: str = USER, expires: float = 3600) -> str:
    """An OAuth bearer token (JWT, HS256) for ``user`` that expires in so many seconds; it is expired when
    negative."""
    now = int(time.time())
    header = _url64(json.dumps({"alg": "HS256", "typ": "JWT"}).encode())
    claims = _url64(json.dumps({"sub": user, "iat": now - 5, "exp": now + int(expires)}).encode())
    signed = header + b"." + claims
    return (signed + b"." + _url64(hmac.new(_TOKEN_KEY, signed, hashlib.sha256).digest())).decode()


class Dovecot:
    """One instance (35 ms to start).  ``port`` has ``imap imaps submission submissions proxied lmtp``; ``sasl`` and
    ``lmtp`` are unix sockets.  Every user of example.test with PASSWORD may log in who is USER or came from
    ``mailbox()``. ``relay`` is the port the submission server passes mail on to."""

    def __init__(self, base: Path, certs: Certs, relay: int = 25) -> None:
        self.base = base
        self.sasl = base / "sasl"
        self.lmtp = base / "lmtp"
        self._certs = certs
        self.relay = relay
        names = ("imap", "imaps", "submission", "submissions", "proxied", "lmtp")
        self.port = dict(zip(names, free_ports(len(names))))
        self._daemon: Daemon | None = None
        self._numbers = itertools.count()

    def start(self) -> None:
        program = need("dovecot")
        need_root("Dovecot")
        self._write()
        self._daemon = Daemon([program, "-F", "-c", str(self.base / "dovecot.conf")], log=self.base / "stderr")
        self._daemon.wait_for("127.0.0.1", self.port["imap"], banner=b"* OK")

    def stop(self) -> None:
        if self._daemon:
            self._daemon.stop()

    def mailbox(self) -> Mailbox:
        """A mailbox nobody used before, for an address Postfix knows as well."""
        address = f"box-{next(self._numbers)}@example.test"
        return Mailbox(address, self.base / "mail" / address)

    def imap(self, address: str) -> imaplib.IMAP4_SSL:
        """A connection logged in as ``address``, for the caller to close; INBOX is selected."""
        context = self._certs.client_context()
        connection = imaplib.IMAP4_SSL("localhost", self.port["imaps"], ssl_context=context)
        connection.login(address, PASSWORD)
        connection.select("INBOX")
        return connection

    def _write(self) -> None:
        keys = self.base / "keys" / "default" / "HS256"
        for directory in (self.base / "run", self.base / "state", self.base / "mail", keys):
            directory.mkdir(parents=True)
        self.base.chmod(0o755)
        owner = pwd.getpwnam("mail")
        os.chown(self.base / "mail", owner.pw_uid, owner.pw_gid)
        users = [USER, *(f"box-{number}@example.test" for number in range(300))]
        (self.base / "users").write_text("".join(f"{user}:{{PLAIN}}{PASSWORD}\n" for user in users))
        # The place Dovecot looks for a key without azp and kid in the token.
        (keys / "default").write_bytes(base64.b64encode(_TOKEN_KEY))
        (self.base / "oauth2.conf").write_text(
            "introspection_mode = local\n"
            f"local_validation_key_dict = fs:posix:prefix={self.base}/keys/\n"
            "username_attribute = sub\n"
        )
        values = {
            "base": self.base,
            "instance": self.base.name,
            "certs": self._certs.directory,
            "relay": self.relay,
            **self.port,
        }
        (self.base / "dovecot.conf").write_text(fill("dovecot.conf.in", values))


def _url64(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")
