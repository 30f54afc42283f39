"""From the command line to the plan of TLS: how it begins, and what a certificate is held to."""

from __future__ import annotations

import os

from ..smtp.plan import RawCommand
from ..tls.plan import TlsPlan
from . import hosts, values
from .settings import UsageError, shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from .commandline import Arguments
    from .settings import StateRule

TOLERABLE = ("verify", "expired", "name")
"""Kinds of faults of a certificate that a handshake can go on with."""

ASKING = ("starttls", "ssl", "certificate", "ca", "tls-name")
"""Options that ask for a certificate to be judged, whatever policy is asked for beside them."""


def tls_plan(given: Arguments, targets: Sequence[str], rules: Sequence[StateRule]) -> TlsPlan:
    """The plan of TLS with ``targets`` (empty with ``--domain``).  Raises UsageError."""
    ssl, starttls = given.last("ssl"), given.last("starttls")
    if ssl and starttls:
        raise starttls.fault(f"and {ssl.spelling} exclude each other")
    dane = given.value("dane", values.dane) or "off"
    by_policy = dane != "off" or given.has("mta-sts")
    if ssl:
        mode = "ssl"
    elif starttls or given.has("certificate"):
        mode = "starttls"
    else:
        mode = "offered" if by_policy else "off"
    key = given.last("client-key")
    if key and not given.has("client-cert"):
        raise key.fault("takes --client-cert as well")
    name = given.value("tls-name", tls_name)
    if mode != "off" and name is None:
        for path in filter(hosts.is_path, targets):
            raise UsageError(f"TLS to the unix socket {shown(path)} takes --tls-name, the name of the certificate")
    return TlsPlan(
        mode=mode,
        name=name,
        ca=given.value("ca", _file_or_directory),
        client_cert=given.value("client-cert", _file),
        client_key=None if key is None else key.read(_file),
        minimum=given.value("tls-min", values.tls_version) or "1.2",
        ciphers=given.value("tls-ciphers", _ciphers),
        verify=not given.has("no-verify"),
        tolerate=tolerated(rules, unnamed=not _logs_in(given)),
        # A policy alone asks for no more than it has to judge.
        asked=not by_policy or any(map(given.has, ASKING)),
        afterwards=by_policy,
    )


def _logs_in(given: Arguments) -> bool:
    by_hand = any(RawCommand(os.fsencode(use.text)).logs_in for use in given.all("command"))
    return by_hand or any(use.option.group == "Authentication" for use in given.uses)


def tolerated(rules: Sequence[StateRule], stage: str = "tls", *, unnamed: bool = False) -> frozenset[str]:
    """Faults of a certificate that ``--state`` makes something else than critical.

    ``stage`` is ``tls`` or ``imap``.  ``unnamed``: a rule for all of the stage, ``--state tls=ok``, is enough; else it
    has to call the fault by its kind, so that nobody hands a password to a stranger unawares.
    """
    kinds = []
    for kind in TOLERABLE:
        best = (False, False, -1)
        state = "critical"
        for index, rule in enumerate(rules):
            rank = (rule.stage == stage, rule.what == kind, index)
            if rule.stage in {stage, "any"} and rule.what in {kind, ""} and rank > best:
                best, state = rank, rule.state
        if (best[1] or (unnamed and best[0])) and state != "critical":
            kinds.append(kind)
    return frozenset(kinds)


def tls_name(text: str) -> str:
    """The name a certificate must have."""
    if text.startswith("[") or hosts.family(text):
        return hosts.ip(text)
    return hosts.name(text).rstrip(".")


def _ciphers(text: str) -> str:
    if not text.isascii() or not text.isprintable() or not text.strip():
        raise ValueError(f"takes a list of ciphers as OpenSSL writes it, not {shown(text)}")
    return text


def _file(text: str) -> str:
    from . import files  # noqa: PLC0415 - most checks with TLS name none

    try:
        return files.check_regular(text)
    except (OSError, ValueError) as error:
        raise ValueError(f"cannot read {shown(text)}: {files.reason(error)}") from None


def _file_or_directory(text: str) -> str:
    if not os.path.isdir(text):
        return _file(text)
    from . import files  # noqa: PLC0415 - as above

    try:
        return files.check_directory(text)
    except OSError as error:
        raise ValueError(f"cannot read {shown(text)}: {files.reason(error)}") from None
