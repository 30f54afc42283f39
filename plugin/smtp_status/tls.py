"""TLS over memory buffers: octets in, octets out, and every error of OpenSSL as a failure an operator understands.

``ssl`` is imported here and only here, and this module only when TLS is asked for: it costs a third of a plain check.
"""

from __future__ import annotations

import ssl
from time import time

from . import trust
from .certificate import CertificateFault, chain_from_messages
from .model import Failure, TransportError
from .plan import TlsPlan
from .record import NamedTuple
from .text import clean

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Union

    Connection = Union[ssl.SSLObject, ssl.SSLSocket]

_HANDSHAKE = 22  # content type, RFC 8446 section 5.1
_CERTIFICATE = 11  # message type, RFC 8446 section 4
_NO_CHECK_TIME = 0x200000  # X509_V_FLAG_NO_CHECK_TIME
_NO_COMPRESSED_CERTIFICATES = 1 << 33  # SSL_OP_NO_RX_CERTIFICATE_COMPRESSION: they would escape the watch

# X509_V_ERR_*, see verify(1ssl)
_DATES = frozenset((9, 10))
_NAMES = frozenset((62, 64))
_VERIFY_WORDS = {
    18: "self-signed certificate",
    19: "self-signed certificate in the chain, its root is not trusted here",
    20: "issuer unknown or intermediate certificate missing",
    21: "issuer unknown or intermediate certificate missing",
}


class Peer(NamedTuple):
    """What TLS knows of the other side; ``chain`` holds its certificates in DER, the leaf first."""

    version: str
    cipher: str
    chain: tuple[bytes, ...]


def make_context(plan: TlsPlan) -> ssl.SSLContext:
    """The context for ``plan``.  Raises ValueError, naming the option, where a file cannot be used."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3 if plan.minimum == "1.3" else ssl.TLSVersion.TLSv1_2
    verify = plan.verify and plan.mode != "offered" and "verify" not in plan.tolerate
    context.check_hostname = verify and "name" not in plan.tolerate
    # Names count in the subjectAltName only (RFC 9525 section 6.3); OpenSSL would take the CN where there are none.
    context.hostname_checks_common_name = False
    context.verify_mode = ssl.CERT_REQUIRED if verify else ssl.CERT_NONE
    if verify:
        _load_authorities(context, plan.ca)
        if "expired" in plan.tolerate:
            context.verify_flags |= ssl.VerifyFlags(_NO_CHECK_TIME)
    if plan.client_cert is not None:
        _load_client_certificate(context, plan.client_cert, plan.client_key)
    # A server that wants to negotiate anew (TLS 1.2) is told no: while that lasts nothing could be sent.
    context.options |= _NO_COMPRESSED_CERTIFICATES | ssl.OP_NO_RENEGOTIATION
    _watch_certificates(context)
    return context


def authorities() -> ssl.SSLContext:
    """The context that trusts the system's authorities; it takes 30 ms to read them."""
    return make_context(TlsPlan(mode="ssl"))


def _load_authorities(context: ssl.SSLContext, ca: str | None) -> None:
    if ca is None:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
        return
    from os.path import isdir  # noqa: PLC0415 - only here

    try:
        if isdir(ca):
            context.load_verify_locations(capath=ca)
        else:
            context.load_verify_locations(cafile=ca)
    except (OSError, ssl.SSLError) as error:
        raise ValueError(f"--ca {ca}: {_reason(error, 'no certificates in PEM form')}") from None


def _load_client_certificate(context: ssl.SSLContext, certificate: str, key: str | None) -> None:
    def no_password() -> str:
        # Without this OpenSSL would ask on the terminal, and wait.
        raise ValueError("the key needs a passphrase")

    try:
        context.load_cert_chain(certificate, key, no_password)
    except ValueError as error:  # ours; ssl.SSLError is no ValueError
        raise ValueError(f"--client-key {key or certificate}: {error}") from None
    except OSError as error:  # ssl.SSLError is one
        raise ValueError(f"--client-cert {certificate}: {_reason(error, 'no certificate with its key')}") from None


def _reason(error: OSError, otherwise: str) -> str:
    if isinstance(error, ssl.SSLError):
        return str(error.reason).lower().replace("_", " ") if error.reason else otherwise
    return str(error.strerror or otherwise).lower()


def _watch_certificates(context: ssl.SSLContext) -> None:
    """Keep the peer's Certificate message with the connection.

    ``getpeercert`` tells nothing when verification is off or failed, and the whole chain is public from Python 3.13
    only.  The callback exists from 3.8, privately; without it only the leaf of a good handshake is known.  It must
    not raise: what it raises shows as something else.
    """

    def message(  # type: ignore[no-untyped-def]
        connection, direction, _version, content_type, message_type, data
    ) -> None:
        if direction == "read" and content_type == _HANDSHAKE and message_type == _CERTIFICATE:
            connection.certificate_message = data

    if hasattr(context, "_msg_callback"):
        context._msg_callback = message


class TlsLayer:
    """TLS between the dialogue's octets and the socket's."""

    def __init__(self, context: ssl.SSLContext, name: str, plan: TlsPlan | None = None) -> None:
        """``name``: the name or numeric address the certificate has to be for; SNI is sent for names.  ``plan``: whose
        options a handshake that fails may hint at, None for no hints."""
        self._name = name
        self._plan = plan
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        try:
            # As octets: a str would be encoded by the rules of IDNA, which is ASCII already and costs an import.
            octets = name.encode("ascii") or None
            self._object = context.wrap_bio(self._incoming, self._outgoing, server_hostname=octets)
        except ValueError as error:
            raise TransportError(Failure("name", clean(f"{name} cannot be a certificate's name: {error}"))) from None

    def feed(self, data: bytes) -> None:
        """Take ciphertext from the socket."""
        self._incoming.write(data)

    def feed_end(self) -> None:
        """The socket's stream has ended."""
        self._incoming.write_eof()

    def take(self) -> bytes:
        """Ciphertext for the socket."""
        return self._outgoing.read()

    def handshake(self) -> bool:
        """Go on; True when the handshake is done, False when more is to be fed.  Raises TransportError."""
        try:
            self._object.do_handshake()
        except ssl.SSLWantReadError:
            return False
        except (ssl.SSLError, OSError) as error:
            raise TransportError(failure_of(error, self._object, self._name, plan=self._plan)) from None
        return True

    def encrypt(self, data: bytes) -> bytes:
        """The ciphertext of ``data``.  Raises TransportError."""
        try:
            self._object.write(data)
        except (ssl.SSLError, OSError) as error:
            raise TransportError(failure_of(error, self._object, self._name, "connection")) from None
        return self._outgoing.read()

    def quiet(self) -> bool:
        """Whether there is nothing to read, as far as was fed."""
        return not (self._object.pending() or self._incoming.pending)

    def read(self) -> bytes | None:
        """Plain text; None when more is to be fed, empty at the end.  Raises TransportError."""
        try:
            return self._object.read(64 * 1024)
        except ssl.SSLWantReadError:
            return None
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            # Without close_notify too: SMTP has an end of its own in every reply, nothing can be cut unnoticed.
            return b""
        except (ssl.SSLError, OSError) as error:
            raise TransportError(failure_of(error, self._object, self._name, "connection")) from None

    def peer(self) -> Peer:
        """What is known of the other side by now."""
        cipher = self._object.cipher()
        return Peer(self._object.version() or "", cipher[0] if cipher else "", _chain(self._object))


def failure_of(
    error: OSError, connection: Connection, name: str, what: str = "handshake", plan: TlsPlan | None = None
) -> Failure:
    """What an error of ``connection`` with ``name`` means; ``what`` failed: the handshake, or what had come of it.

    ``plan``: as with ``TlsLayer``.
    """
    chain = _chain(connection)
    if isinstance(error, ssl.SSLCertVerificationError):
        return _verify_failure(error, chain, name)._replace(chain=chain)
    if isinstance(error, (ssl.SSLEOFError, ssl.SSLZeroReturnError)):
        return Failure("closed", "connection closed by the server", chain=chain)
    reason = _without_version(clean(_reason(error, "unknown error")))
    # After the handshake both sides have found a version and ciphers; what can still be wrong is our certificate.
    meaning = _MEANINGS.get(reason, "") if what == "handshake" or reason in _ABOUT_OUR_CERTIFICATE else ""
    remark = "; ".join(filter(None, (meaning, _hint(reason, plan))))
    return Failure("handshake", f"TLS {what} failed: {reason}" + (f" ({remark})" if remark else ""), chain=chain)


def _without_version(reason: str) -> str:
    """OpenSSL puts the version that first had an alert in front of it, whichever version is spoken."""
    first, _, rest = reason.partition(" ")
    return rest if first in ("sslv3", "tlsv1", "tlsv13") else reason


def _hint(reason: str, plan: TlsPlan | None) -> str:
    """The option that may be what is wrong."""
    if plan is None:
        return ""
    if reason == "unrecognized name":
        return "--tls-name?"
    return "--starttls?" if plan.mode == "ssl" and reason in _NOT_TLS else ""


def _chain(connection: Connection) -> tuple[bytes, ...]:
    message = getattr(connection, "certificate_message", b"")
    if message:
        try:
            return chain_from_messages(message)
        except CertificateFault:
            return ()
    try:
        leaf = connection.getpeercert(True)
    except ValueError:  # the handshake did not come to an end
        return ()
    return (leaf,) if leaf else ()


def _verify_failure(error: ssl.SSLCertVerificationError, chain: tuple[bytes, ...], name: str) -> Failure:
    code = error.verify_code
    certificate = trust.leaf(chain)
    if code in _DATES:
        return Failure("expired", _date_words(certificate, code))
    if code in _NAMES:
        words = trust.name_words(certificate, name) if certificate is not None else "wrong name"
        return Failure("name", words + ("; --tls-name?" if name.replace(".", "").isdigit() or ":" in name else ""))
    words = _VERIFY_WORDS.get(code, f"certificate not trusted: {clean(error.verify_message)}")
    if code in _VERIFY_WORDS and certificate is not None and code != 18:
        words += f" (issuer {clean(certificate.issuer_common_name or certificate.issuer)})"
    return Failure("verify", words)


def _date_words(certificate: trust.Certificate | None, code: int) -> str:
    now = time()
    if certificate is not None and not certificate.not_before <= now <= certificate.not_after:
        return f"certificate {trust.expiry_words(certificate, now)}"
    return "a certificate of the issuers " + ("has expired" if code == 10 else "is not yet valid")


_ABOUT_OUR_CERTIFICATE = {
    "alert certificate required": "the server wants a client certificate",
    "alert unknown ca": "the server does not trust the client certificate",
}

_NOT_TLS = ("wrong version number", "record layer failure", "packet length too long")  # each OpenSSL has its own

# What OpenSSL's reasons usually mean, where its words do not tell.
_MEANINGS = {
    **dict.fromkeys(_NOT_TLS, "the server did not answer with TLS"),
    "unsupported protocol": "the server is older than --tls-min",
    "alert protocol version": "the server is older than --tls-min",
    **_ABOUT_OUR_CERTIFICATE,
    "alert handshake failure": "nothing in common, or the server wants a client certificate",
}
