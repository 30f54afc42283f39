"""aiosmtpd in this process: a second implementation of the protocol that keeps mail in memory."""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

from .ports import free_ports

USER = "monitor"
PASSWORD = "s3cret"


@dataclass(frozen=True)
class Mail:
    """One message as it was taken."""

    sender: str
    recipients: Sequence[str]
    content: bytes


class MailServer:
    """Takes mail for everybody but ``nobody@…``; ``mails`` is what it took, in order.  STARTTLS with
    ``context``, AUTH as USER with PASSWORD."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self.host = "127.0.0.1"
        self.mails: list[Mail] = []
        (self.port,) = free_ports(1)
        self._controller = Controller(
            self,
            hostname=self.host,
            port=self.port,
            tls_context=context,
            authenticator=_authenticate,
            ident="aiosmtpd",
            data_size_limit=20000,
            enable_SMTPUTF8=True,
        )

    def start(self) -> None:
        self._controller.start()

    def stop(self) -> None:
        self._controller.stop(no_assert=True)

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: list[str]) -> str:
        if address.startswith("nobody@"):
            return "550 5.1.1 No such user"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 Ok"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.mails.append(Mail(envelope.mail_from, tuple(envelope.rcpt_tos), envelope.content))
        return "250 2.0.0 Ok: queued as 1"


def _authenticate(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
    right = LoginPassword(USER.encode(), PASSWORD.encode())
    return AuthResult(success=data == right)
