"""The ssl context for a plan: versions, authorities, client certificate."""

from __future__ import annotations

import ssl

from .failures import reason_of
from .plan import TlsPlan

_HANDSHAKE = 22  # content type, RFC 8446 section 5.1
_CERTIFICATE = 11  # message type, RFC 8446 section 4
_NO_CHECK_TIME = 0x200000  # X509_V_FLAG_NO_CHECK_TIME
_NO_COMPRESSED_CERTIFICATES = 1 << 33  # SSL_OP_NO_RX_CERTIFICATE_COMPRESSION: they would escape the watch


def make_context(plan: TlsPlan) -> ssl.SSLContext:
    """The context for ``plan``.  Raises ValueError, naming the option, where a file cannot be used."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3 if plan.minimum == "1.3" else ssl.TLSVersion.TLSv1_2
    verify = plan.verify and plan.asked and not plan.afterwards and "verify" not in plan.tolerate
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
        raise ValueError(f"--ca {ca}: {reason_of(error, 'no certificates in PEM form')}") from None


def _load_client_certificate(context: ssl.SSLContext, certificate: str, key: str | None) -> None:
    def no_password() -> str:
        # Without this OpenSSL would ask on the terminal, and wait.
        raise ValueError("the key needs a passphrase")

    try:
        context.load_cert_chain(certificate, key, no_password)
    except ValueError as error:  # ours; ssl.SSLError is no ValueError
        raise ValueError(f"--client-key {key or certificate}: {error}") from None
    except OSError as error:  # ssl.SSLError is one
        raise ValueError(f"--client-cert {certificate}: {reason_of(error, 'no certificate with its key')}") from None


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
