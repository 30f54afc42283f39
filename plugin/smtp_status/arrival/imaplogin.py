"""The login of an IMAP session: by a mechanism of SASL, or by the command LOGIN."""

from __future__ import annotations

from ..findings import Failure, TransportError
from ..sasl import mechanisms
from ..sasl.exchange import AuthFault
from ..text import clean
from . import foldername

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from ..sasl.binding import Binding
    from ..sasl.credentials import Credentials
    from ..tls.layer import Peer
    from .mailbox import ImapMailbox
    from .stream import Stream


class ImapLogin:
    """Logs in to ``mailbox``, whose ``stream`` is told what nobody may be shown.  Raises TransportError as the mailbox
    does; its failure is ``missing`` where both sides have nothing in common, ``protocol`` where the server answers
    wrongly."""

    def __init__(self, mailbox: ImapMailbox, stream: Stream) -> None:
        self._mailbox = mailbox
        self._stream = stream

    def perform(
        self, credentials: Credentials, host: str, port: int, *, protected: bool, peer: Peer | None = None
    ) -> None:
        """Log in with the mechanism named, else the strongest both sides know.  ``peer``: as TLS knows it."""
        offered = [word[len("AUTH=") :] for word in self._mailbox.capabilities if word.startswith("AUTH=")]
        binding = None if peer is None else mechanisms.bind(offered, peer.unique, peer.chain)
        mechanism = mechanisms.choose(
            offered,
            credentials.mechanism,
            protected=protected,
            plaintext=credentials.plaintext,
            has_secret=True,
            has_client_cert=False,
            binding=binding,
        )
        if mechanism is not None:
            self._authenticate(mechanism, credentials, host, port, binding)
        elif self._may_log_in(credentials, protected):
            # Servers need not offer any mechanism beside the command (RFC 9051 section 6.2.3).
            self._log_in(credentials)
        else:
            self._lack_mechanism(offered, credentials.mechanism, protected or credentials.plaintext, peer is not None)
        self._mailbox.learn_behind_login()

    def _authenticate(
        self, mechanism: str, credentials: Credentials, host: str, port: int, binding: Binding | None
    ) -> None:
        try:
            exchange = mechanisms.start(mechanism, credentials, host, port, binding=binding)
        except ValueError as error:
            raise TransportError(Failure("missing", str(error))) from None
        faults: list[str] = []
        initial = exchange.initial

        def answer(challenge: bytes) -> bytes | None:
            nonlocal initial
            self._stream.hide_answers()
            response, initial = initial, None
            try:
                if response is None:
                    response = exchange.respond(challenge)
                elif challenge:
                    raise AuthFault(f"{mechanism} challenge before the initial response")
            except AuthFault as fault:
                faults.append(fault.cause)
                return None
            finally:
                self._hide(exchange.secrets, exchange.sent)
            return response

        self._hide(exchange.secrets, exchange.sent)
        try:
            self._mailbox.authenticate(mechanism, answer)
            exchange.finish()
        except AuthFault as fault:
            faults.append(fault.cause)
        except TransportError as error:
            explanation = self._mailbox.shown(exchange.explanation.encode("utf-8", "surrogateescape"))
            if not faults and explanation and error.failure.kind == "failure":
                raise TransportError(error.failure._replace(cause=f"{error.failure.cause}: {explanation}")) from None
            if not faults:
                raise
        if faults:
            raise TransportError(Failure("protocol", faults[0]))

    def _may_log_in(self, credentials: Credentials, protected: bool) -> bool:
        secret = credentials.secret.value if credentials.secret is not None else ""
        return (
            "LOGINDISABLED" not in self._mailbox.capabilities
            and credentials.mechanism in (None, "LOGIN")
            and (protected or credentials.plaintext)
            and (credentials.user + secret).isascii()
        )

    def _log_in(self, credentials: Credentials) -> None:
        assert credentials.secret is not None
        secret = credentials.secret.value
        self._hide((secret.encode(), foldername.quote(secret)[1:-1].encode()))
        self._mailbox.log_in(credentials.user, secret)

    def _lack_mechanism(self, offered: Sequence[str], wanted: str | None, allowed: bool, secured: bool) -> None:
        listed = clean(" ".join(sorted(offered))) or "none"
        capabilities = self._mailbox.capabilities
        if allowed and wanted in (None, "LOGIN") and "LOGINDISABLED" not in capabilities:
            words = f"LOGIN takes no user and password beyond ASCII, other mechanisms offered: {listed}"
        elif wanted is not None and wanted not in offered:
            words = f"{wanted} not offered, only {listed}"
        elif "STARTTLS" in capabilities and (not allowed or "LOGINDISABLED" in capabilities):
            lacks = "login is disabled" if allowed else "no mechanism offered hides the password"
            words = f"without TLS {lacks} ({listed}); --imap-tls starttls?"
        elif not allowed:
            words = f"without TLS no mechanism offered hides the password ({listed}); --auth-plaintext allows it"
        elif secured and mechanisms.PLUS.intersection(offered if wanted is None else (wanted,)):
            from ..sasl.binding import NONE  # noqa: PLC0415 - hardly any certificate is like that

            words = f"{NONE}, offered: {listed}"
        else:
            words = mechanisms.without_password(offered, listed, "--imap-authtype")
        raise TransportError(Failure("missing", words))

    def _hide(self, secrets: Collection[bytes], sent: Collection[bytes] = ()) -> None:
        self._stream.secrets.update(secrets)
        self._stream.sent.update(sent)
