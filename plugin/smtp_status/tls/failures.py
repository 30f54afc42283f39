"""Errors of OpenSSL as failures in the words of an operator."""

from __future__ import annotations

import ssl
from time import time

from ..findings import Failure
from ..text import clean
from . import peer
from .certificate import Certificate
from .der import CertificateFault
from .messages import chain_from_messages
from .plan import TlsPlan

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Union

    Connection = Union[ssl.SSLObject, ssl.SSLSocket]

# X509_V_ERR_*, see verify(1ssl)
_DATES = frozenset((9, 10))
_NAMES = frozenset((62, 64))
_VERIFY_WORDS = {
    18: "self-signed certificate",
    19: "self-signed certificate in the chain, its root is not trusted here",
    20: "issuer unknown or intermediate certificate missing",
    21: "issuer unknown or intermediate certificate missing",
}


def reason_of(error: OSError, otherwise: str) -> str:
    if isinstance(error, ssl.SSLError):
        return str(error.reason).lower().replace("_", " ") if error.reason else otherwise
    return str(error.strerror or otherwise).lower()


def tls_failure(
    error: OSError, connection: Connection, name: str, what: str = "handshake", plan: TlsPlan | None = None
) -> Failure:
    """What an error of ``connection`` with ``name`` means; ``what`` failed: the handshake, or what had come of it.

    ``plan``: as with ``TlsLayer``.
    """
    chain = peer_chain(connection)
    if isinstance(error, ssl.SSLCertVerificationError):
        return _verify_failure(error, chain, name)._replace(chain=chain)
    if isinstance(error, (ssl.SSLEOFError, ssl.SSLZeroReturnError)):
        return Failure("closed", "connection closed by the server", chain=chain)
    reason = _without_version(clean(reason_of(error, "unknown error")))
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


def peer_chain(connection: Connection) -> tuple[bytes, ...]:
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
    certificate = peer.leaf(chain)
    if code in _DATES:
        return Failure("expired", _date_words(certificate, code))
    if code in _NAMES:
        words = peer.name_words(certificate, name) if certificate is not None else "wrong name"
        return Failure("name", words + ("; --tls-name?" if name.replace(".", "").isdigit() or ":" in name else ""))
    words = _VERIFY_WORDS.get(code, f"certificate not trusted: {clean(error.verify_message)}")
    if code in _VERIFY_WORDS and certificate is not None and code != 18:
        words += f" (issuer {clean(certificate.issuer_common_name or certificate.issuer)})"
    return Failure("verify", words)


def _date_words(certificate: Certificate | None, code: int) -> str:
    now = time()
    if certificate is not None and not certificate.not_before <= now <= certificate.not_after:
        return f"certificate {peer.expiry_words(certificate, now)}"
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
