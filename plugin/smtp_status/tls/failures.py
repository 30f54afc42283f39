"""Errors of OpenSSL as failures in the words of an operator."""

from __future__ import annotations

import ssl
from time import time

from ..findings import Failure
from ..text import clean, sentence
from . import peer, validity
from .certificate import Certificate, is_address
from .der import CertificateFault
from .messages import chain_from_messages
from .plan import TlsPlan

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Union

    Connection = Union[ssl.SSLObject, ssl.SSLSocket]

# X509_V_ERR_*, see verify(1ssl)
_DATE_PASSED = 10
_DATES = frozenset((9, _DATE_PASSED))
_NAMES = frozenset((62, 64))
_SELF_SIGNED = 18
_UNTRUSTED = frozenset((2, 19, 20, 21))
_TOO_WEAK = {
    66: "the key of the certificate is too small",
    67: "the key of an issuer is too small",
    68: "an issuer has signed with a hash that is too weak",
}


def reason_of(error: OSError, otherwise: str) -> str:
    if isinstance(error, ssl.SSLError):
        return str(error.reason).lower().replace("_", " ") if error.reason else otherwise
    return str(error.strerror or otherwise).lower()


def tls_failure(
    error: OSError,
    connection: Connection,
    name: str,
    what: str = "handshake",
    *,
    plan: TlsPlan | None = None,
    first: bytes = b"",
) -> Failure:
    """What an error of ``connection`` with ``name`` means; ``what`` failed: the handshake, or what had come of it.

    ``plan``: as with ``TlsLayer``.  ``first``: the first octets that came.
    """
    chain = peer_chain(connection)
    if isinstance(error, ssl.SSLCertVerificationError):
        return _verify_failure(error, connection, name, plan)._replace(chain=chain)
    if isinstance(error, (ssl.SSLEOFError, ssl.SSLZeroReturnError)):
        return Failure("closed", "connection closed by the server", chain=chain)
    reason = _without_version(clean(reason_of(error, "unknown error")))
    if reason in _NOT_TLS and _refuses(first):
        line = clean(sentence(first.splitlines()[0]))
        return Failure("handshake", f"TLS {what} failed: the server said in plain text: {line}")
    # After the handshake both sides have found a version and ciphers; what can still be wrong is our certificate.
    meaning = ""
    if what == "handshake" or reason in _ABOUT_OUR_CERTIFICATE:
        meaning = _MEANINGS.get(reason, "")
        if reason in _ABOUT_OUR_CERTIFICATE and plan is not None and plan.client_cert is None:
            meaning = _WANTS_ONE
        if reason in _VERSIONS:
            minimum = plan.minimum if plan is not None else "1.2"
            meaning = f"the server has no TLS {minimum}{'' if minimum == '1.3' else ' or newer'}"
    remark = "; ".join(filter(None, (meaning, _hint(reason, plan))))
    return Failure("handshake", f"TLS {what} failed: {reason}" + (f" ({remark})" if remark else ""), chain=chain)


def _refuses(octets: bytes) -> bool:
    """Whether this is the reply of an SMTP server that wants to have nothing to do with us, such as 421 or 554."""
    return octets[:1] in (b"4", b"5") and octets[:3].isdigit() and octets[3:4] in (b" ", b"-")


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
    if reason in _VERSIONS and plan.minimum in _OLDER:
        return f"--tls-min {_OLDER[plan.minimum]}?"
    if reason in _OLD_EQUIPMENT and not plan.old:
        return _ACCEPTS_OLD
    if reason in _NOTHING_IN_COMMON and plan.ciphers is not None:
        return "--tls-ciphers?"
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


def _verify_failure(
    error: ssl.SSLCertVerificationError, connection: Connection, name: str, plan: TlsPlan | None
) -> Failure:
    code = error.verify_code
    chain = peer_chain(connection)
    certificate = peer.leaf(chain)
    if code in _DATES:
        return Failure("expired", _date_words(certificate, code, chain, connection))
    if code in _NAMES:
        if certificate is None:
            return Failure("name", "wrong name")
        hint = "; --tls-name?" if is_address(name) and name not in certificate.dns_names else ""
        return Failure("name", peer.name_words(certificate, name) + hint)
    if code == _SELF_SIGNED:
        return Failure("verify", "self-signed certificate")
    if code in _UNTRUSTED:
        from . import issuers  # noqa: PLC0415 - only where nobody is trusted

        return Failure("verify", issuers.end_words(chain))
    if code in _TOO_WEAK:
        hint = f" ({_ACCEPTS_OLD})" if plan is not None and not plan.old else ""
        return Failure("verify", _TOO_WEAK[code] + hint)
    return Failure("verify", f"certificate not trusted: {clean(error.verify_message)}")


def _date_words(certificate: Certificate | None, code: int, chain: tuple[bytes, ...], connection: Connection) -> str:
    now = time()
    if certificate is not None and not certificate.not_before <= now <= certificate.not_after:
        return f"certificate {validity.expiry_words(certificate, now)}"
    from . import issuers  # noqa: PLC0415 - only where an issuer is out of date

    words = issuers.date_words(chain, connection.context, now)
    return words or "a certificate of the issuers " + ("has expired" if code == _DATE_PASSED else "is not yet valid")


_ACCEPTS_OLD = "--tls-min 1.1?"

_OLDER = {"1.3": "1.2", "1.2": "1.0", "1.1": "1.0"}

_WANTS_ONE = "the server wants a client certificate: --client-cert?"

_ABOUT_OUR_CERTIFICATE = {
    "alert certificate required": "the server wants a client certificate",
    "alert unknown ca": "the server does not trust the client certificate",
    **dict.fromkeys(
        (
            "alert bad certificate",
            "alert unsupported certificate",
            "alert certificate revoked",
            "alert certificate expired",
            "alert certificate unknown",
        ),
        "the server does not take the client certificate",
    ),
}

_NOT_TLS = ("wrong version number", "record layer failure", "packet length too long")  # each OpenSSL has its own

_VERSIONS = ("unsupported protocol", "alert protocol version")

_NOTHING_IN_COMMON = (
    "alert handshake failure",
    "no shared cipher",
    "no ciphers available",
    "alert insufficient security",
)

_WEAK_SIGNATURES = (
    "no suitable signature algorithm",
    "wrong signature type",
    "legacy sigalg disallowed or unsupported",
)

_OLD_EQUIPMENT = ("dh key too small", "unsafe legacy renegotiation disabled", *_WEAK_SIGNATURES)

# What OpenSSL's reasons usually mean, where its words do not tell.
_MEANINGS = {
    **dict.fromkeys(_NOT_TLS, "the server did not answer with TLS"),
    **_ABOUT_OUR_CERTIFICATE,
    "alert access denied": "the server does not let this client in",
    "dh key too small": "the server's Diffie-Hellman key is too small for today",
    "unsafe legacy renegotiation disabled": "the server has no secure renegotiation, RFC 5746",
    **dict.fromkeys(_WEAK_SIGNATURES, "the server signs with a hash too weak for today"),
    "no shared cipher": "no cipher in common",
    "no ciphers available": "no cipher of ours goes with --tls-min",
    "alert insufficient security": "the server wants stronger ciphers than ours",
    "alert internal error": "a fault at the server, see its log",
    "alert handshake failure": "no cipher in common, or the server wants a client certificate",
    "excessive message size": "the server sends too many certificates",
}
