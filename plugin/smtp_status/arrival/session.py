"""The way into a mailbox and out again: look-up, connection, TLS, login, goodbye."""

from __future__ import annotations

from time import monotonic, time

from ..findings import TransportError
from ..net.routes import literal
from ..options.settings import UsageError, shown
from ..sasl.mechanisms import PLAINTEXT
from .imaplogin import ImapLogin
from .mailbox import ImapMailbox
from .stream import Stream

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..findings import Address, Days, Finding
    from ..net.clock import Deadline
    from ..options.arrivalplan import ArrivalPlan
    from ..tls.judge import Judge
    from ..tls.layer import Peer, TlsLayer


class ImapSession:
    """The way to the mailbox of ``plan``.

    Making it reads the certificate files; it raises UsageError where one cannot be used.  ``faults``: what is wrong
    with the certificate that is tolerated; ``details``: lines for ``-v``.
    """

    def __init__(self, plan: ArrivalPlan) -> None:
        self.tls_days: Days | None = None
        self.faults: tuple[Finding, ...] = ()
        self.details: list[str] = []
        self._plan = plan
        self._tls_name = plan.tls.name or plan.host.partition("%")[0].rstrip(".")
        self._stream: Stream | None = None
        self._layer: TlsLayer | None = None
        self._judge: Judge | None = None
        self._peer: Peer | None = None
        if plan.tls.mode != "off":
            self._prepare_tls()

    def _prepare_tls(self) -> None:
        from ..tls.context import make_context  # noqa: PLC0415 - imaplib has ssl loaded, but not what is ours
        from ..tls.judge import Judge  # noqa: PLC0415 - as above
        from ..tls.layer import TlsLayer  # noqa: PLC0415 - as above

        tls = self._plan.tls
        try:
            self._layer = TlsLayer(make_context(tls), self._tls_name)
            self._judge = Judge(tls)
        except ValueError as error:
            raise UsageError(str(error)) from None
        except TransportError as error:
            raise UsageError(f"--imap-tls-name: {error.failure.cause}") from None

    @property
    def stopped(self) -> bool:
        """Whether the run was told to end."""
        return self._stream is not None and self._stream.stopped

    def is_told_to_end(self) -> bool:
        """Look whether the run was told to end meanwhile."""
        return self._stream is not None and self._stream.is_told_to_end()

    def transcript(self) -> list[str]:
        """What was said, for ``-vv``, without what repeats part of the login."""
        stream = self._stream
        if stream is None or not stream.transcript:
            return []
        from ..secrets.repetition import HIDDEN  # noqa: PLC0415 - for ``-vv`` only

        hidden = stream.login().repeated_among([line[len(">>> ") :] for line in stream.transcript])
        return [f"{line[:3]} {HIDDEN}" if place in hidden else line for place, line in enumerate(stream.transcript)]

    def enter(self, deadline: Deadline, until: float, stop: int | None) -> ImapMailbox:
        """A session that is logged in, at the instant ``until`` of the monotonic clock at the latest.

        Raises TransportError, and UsageError where the addresses found show that the login must not be tried.
        """
        plan = self._plan
        addresses = self._addresses(deadline, until, stop)
        self._check_login(addresses)
        stream = self._stream = Stream(deadline, stop, plan.verbose)
        stream.names = (plan.host, plan.credentials.user, plan.name)
        if plan.credentials.secret is not None:
            stream.secrets.add(plan.credentials.secret.value.encode("utf-8", "surrogateescape"))
        stream.until = until
        address = stream.connect(addresses, plan.source)
        if plan.tls.mode == "ssl":
            self._secure(stream)
        mailbox = ImapMailbox(stream)
        if plan.tls.mode == "starttls":
            mailbox.offer_starttls()
            self._secure(stream)
            mailbox.learn()
        protected = plan.tls.mode != "off" or address.stays_here
        login = ImapLogin(mailbox, stream)
        login.perform(plan.credentials, self._tls_name, plan.port, protected=protected, peer=self._peer)
        return mailbox

    def _addresses(self, deadline: Deadline, until: float, stop: int | None) -> tuple[Address, ...]:
        plan = self._plan
        address = literal(plan.host, plan.port, plan.family)
        if address is not None:
            return (address,)
        from ..net.clock import Deadline as Limit  # noqa: PLC0415 - for names only
        from ..net.resolve import look_up  # noqa: PLC0415 - addresses need no resolver

        (lookup,) = look_up(
            [plan.host], plan.port, plan.family, Limit(max(min(until, deadline.at) - monotonic(), 0.0)), stop
        )
        if lookup.failure is not None:
            raise TransportError(lookup.failure)
        return lookup.addresses

    def _check_login(self, addresses: Iterable[Address]) -> None:
        login = self._plan.credentials
        if login.mechanism not in PLAINTEXT or login.plaintext or self._plan.tls.mode != "off":
            return
        for address in addresses:
            if not address.stays_here:
                raise UsageError(
                    f"--imap-authtype {login.mechanism} would send the password readable to {shown(address.text)}:"
                    " use --imap-tls or --auth-plaintext"
                )

    def _secure(self, stream: Stream) -> None:
        assert self._layer is not None
        try:
            peer = self._peer = stream.start_tls(self._layer)
        except TransportError as error:
            self._look_at_certificate(error.failure.chain)
            if error.failure.kind == "closed":
                cause = f"{error.failure.cause} during the TLS handshake"
                raise TransportError(error.failure._replace(cause=cause)) from None
            raise
        self.details.append(f"imap tls: {peer.version} {peer.cipher}")
        self._look_at_certificate(peer.chain)
        assert self._judge is not None
        self.faults = self._judge.judge(peer.chain, self._tls_name, None, time()).findings

    def _look_at_certificate(self, chain: tuple[bytes, ...]) -> None:
        from ..tls import peer, validity  # noqa: PLC0415 - only with TLS

        certificate, now = peer.leaf(chain), time()
        if certificate is None:
            return
        self.tls_days = validity.days_left(certificate, now)
        if self._plan.verbose:
            self.details += [f"imap {line}" for line in peer.describe(certificate, now)]

    def until(self, instant: float) -> None:
        """Every wait ends at ``instant`` of the monotonic clock."""
        if self._stream is not None:
            self._stream.until = instant

    def pause(self, seconds: float) -> None:
        """Wait, less where the server says something or the run is told to end."""
        if self._stream is not None:
            self._stream.pause(seconds)

    def leave(self, mailbox: ImapMailbox | None) -> None:
        """End the session: with a goodbye where there is a ``mailbox`` to say it to."""
        if mailbox is not None:
            mailbox.logout()
        self.close()

    def close(self) -> None:
        """End the connection; never fails."""
        if self._stream is not None:
            self._stream.close()
