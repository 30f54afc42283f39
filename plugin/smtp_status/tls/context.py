"""The ssl context for a plan: versions, authorities, client certificate."""

from __future__ import annotations

import ssl

from .failures import reason_of
from .plan import TlsPlan

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

PARTIAL_CHAIN = ssl.VerifyFlags(0x80000)
"""X509_V_FLAG_PARTIAL_CHAIN, named in ssl from Python 3.10: whatever is trusted ends a chain, not only a root."""

_HANDSHAKE = 22  # content type, RFC 8446 section 5.1
_CERTIFICATE = 11  # message type, RFC 8446 section 4
_NO_CHECK_TIME = 0x200000  # X509_V_FLAG_NO_CHECK_TIME
_LEGACY_SERVER_CONNECT = 1 << 2  # SSL_OP_LEGACY_SERVER_CONNECT, named in ssl from Python 3.12
_NO_COMPRESSED_CERTIFICATES = 1 << 33  # SSL_OP_NO_RX_CERTIFICATE_COMPRESSION: they would escape the watch


def make_context(plan: TlsPlan) -> ssl.SSLContext:
    """The context for ``plan``.  Raises ValueError, naming the option, where a file cannot be used."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    _set_versions(context, plan)
    _set_ciphers(context, plan)
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


def _set_versions(context: ssl.SSLContext, plan: TlsPlan) -> None:
    names = {"1.0": "TLSv1", "1.1": "TLSv1_1", "1.2": "TLSv1_2", "1.3": "TLSv1_3"}
    import warnings  # noqa: PLC0415 - Python has it loaded

    with warnings.catch_warnings():
        # Python warns of what the user has asked for.
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            context.minimum_version = ssl.TLSVersion[names[plan.minimum]]
        except ValueError:
            raise ValueError(f"--tls-min {plan.minimum}: this system's OpenSSL does not speak it") from None
    if plan.old:
        context.options |= _LEGACY_SERVER_CONNECT  # without RFC 5746


def _set_ciphers(context: ssl.SSLContext, plan: TlsPlan) -> None:
    """OpenSSL's own list, whatever this Python was built with: from 3.10 on most of them leave out what many a mail
    server has (RSA key exchange, SHA-1 MACs), Debian's and 3.9 do not.  The security level stays the system's."""
    ciphers = plan.ciphers or "DEFAULT"
    try:
        context.set_ciphers(f"{ciphers}:@SECLEVEL=0" if plan.old else ciphers)
    except ssl.SSLError:
        raise ValueError(f"--tls-ciphers {plan.ciphers}: no cipher of TLS 1.2 or below that OpenSSL has") from None


def authorities() -> ssl.SSLContext:
    """The context that trusts the system's authorities; it takes 30 ms to read them."""
    return make_context(TlsPlan(mode="ssl"))


def _load_authorities(context: ssl.SSLContext, ca: str | None) -> None:
    if ca is None:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
        return
    from os.path import isdir  # noqa: PLC0415 - only here

    # Whoever names an authority trusts it as it is, also one that another one has signed.
    context.verify_flags |= PARTIAL_CHAIN
    try:
        if isdir(ca):
            _look_for_hashed_names(ca)
            context.load_verify_locations(capath=ca)
        else:
            context.load_verify_locations(cafile=ca)
    except (OSError, ssl.SSLError) as error:
        raise ValueError(f"--ca {ca}: {reason_of(error, 'no certificates in PEM form')}") from None


def _look_for_hashed_names(directory: str) -> None:
    """OpenSSL finds a certificate in a directory by the hash of its subject only, and does not say that none is so
    named."""
    import re  # noqa: PLC0415 - only here
    from os import listdir  # noqa: PLC0415 - as above

    if not any(re.fullmatch(r"[0-9a-f]{8}\.[0-9]+", name) for name in listdir(directory)):
        raise ValueError(f"--ca {directory}: no certificate under its hash as name; openssl rehash makes them")


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
    not raise: what it raises shows as something else.  It is set below the one of ``ssl``, which makes three enums of
    the numbers of each of some forty calls.
    """

    def message(
        connection: Any, direction: str, _version: int, content_type: int, message_type: int, data: bytes
    ) -> None:
        if direction == "read" and content_type == _HANDSHAKE and message_type == _CERTIFICATE:
            connection.certificate_message = data

    if hasattr(context, "_msg_callback"):
        super(ssl.SSLContext, ssl.SSLContext)._msg_callback.__set__(context, message)  # type: ignore[misc] # it is private
