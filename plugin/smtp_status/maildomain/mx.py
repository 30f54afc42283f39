"""From a mail domain to its exchangers: MX (RFC 5321 section 5.1, RFC 7505), their addresses, and their TLSA records
as DANE for SMTP wants them found (RFC 7672 section 2.2).

No socket and no clock: ``dnssec_doubt``, ``mail_domain`` and ``exchanger`` are lookups that ``resolver.ask_all``
drives, and can as well be fed from a list of answers.
"""

from __future__ import annotations

import socket

from ..findings import Address, Failure, Finding
from ..options import hosts
from ..record import NamedTuple
from ..text import clean, middle
from .codec import MxRecord, Query

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..tls.tlsa import Tlsa
    from .resolver import Answer, Steps

MOST_EXCHANGERS = 100
"""Exchangers that are checked: who names more is not a mail domain but an attack."""

NAME_SHOWN = 60
"""Characters of a foreign name in a sentence."""


class Domain(NamedTuple):
    """What the DNS says of a mail domain.

    ``entries`` are the exchangers to look up, by preference and name, each once.  ``fault`` says why there are none,
    or that a null MX stands beside them, which is as bad; ``warnings`` tell of the other records.
    ``canonical`` is the domain's name after CNAME records; ``secure``: the MX answer is authentic; ``implicit``: there
    is no MX record, and the domain itself is the exchanger.
    """

    name: str
    canonical: str
    secure: bool = False
    entries: tuple[MxRecord, ...] = ()
    implicit: bool = False
    ttl: int = 0
    fault: Finding | None = None
    warnings: tuple[Finding, ...] = ()


class Exchanger(NamedTuple):
    """One mail exchanger: ``addresses``, or the ``failure`` that kept them away.

    ``name`` as in the MX record, ``canonical`` after CNAME records.  ``secure``: MX and address answers are authentic.
    ``warnings`` do not keep it from taking mail.  ``tlsa`` is None where nobody asked.
    """

    name: str
    preference: int
    canonical: str
    addresses: tuple[Address, ...] = ()
    failure: Failure | None = None
    secure: bool = False
    warnings: tuple[Finding, ...] = ()
    tlsa: Tlsa | None = None


def dnssec_doubt(believed: bool) -> Steps[str]:
    """Find out why nothing can be said of DNSSEC here, '' where it can.

    ``believed`` is the resolver's (``resolvconf.Resolver``).  The root is signed: who does not call it authentic does
    not validate, and its silence elsewhere does not mean that a domain is insecure.
    """
    if not believed:
        return "resolver not trusted with DNSSEC (--nameserver? trust-ad in resolv.conf?)"
    (answer,) = yield (Query(".", "SOA"),)
    if answer.failure is not None:
        return f"resolver not known to validate DNSSEC, SOA of the root: {answer.failure.cause}"
    return "" if answer.secure else "resolver does not validate DNSSEC"


def mail_domain(name: str) -> Steps[Domain]:
    """Look up the exchangers of ``name``."""
    (answer,) = yield (Query(name, "MX"),)
    found = Domain(name, answer.canonical or name, answer.secure, ttl=answer.ttl)
    failure = answer.failure
    if failure is not None and failure.kind == "nodata":
        # Only then: with NXDOMAIN there is no host either, and an error says nothing (RFC 5321 section 5.1).
        return found._replace(entries=(MxRecord(0, name),), implicit=True)
    if failure is not None:
        return found._replace(fault=Finding("dns", failure.kind, cause=f"MX: {failure.cause}"))
    null = [entry for entry in answer.mx if entry.exchange == "."]
    if null and len(null) == len(answer.mx):
        return found._replace(fault=Finding("dns", "nullmx", cause="accepts no mail, null MX"))
    if null:
        cause = "null MX beside other MX: senders may bounce every message"
        found = found._replace(fault=Finding("dns", "nullmx", cause=cause))
    return _with_entries(found, answer)


def exchanger(entry: MxRecord, domain: Domain | None, port: int, family: int, with_tlsa: bool) -> Steps[Exchanger]:
    """Look up the addresses of one exchanger and, with ``with_tlsa``, the TLSA records for its ``port``.

    ``family``: 4, 6 or 0 for both.  ``domain`` None: the host was named by the user, not by an MX record.
    """
    name = entry.exchange
    types = {4: ("A",), 6: ("AAAA",), 0: ("AAAA", "A")}[family]
    answers = yield tuple(Query(name, kind) for kind in types)
    canonical = next((answer.canonical for answer in answers if answer.hosts), answers[0].canonical)
    addresses = [_address(text, port) for answer in answers for text in answer.hosts]
    ours = {address.text for address in addresses if domain is not None and address.this_host}
    found = Exchanger(
        name,
        entry.preference,
        canonical,
        tuple(address for address in addresses if not address.unspecified and address.text not in ours),
        secure=(domain is None or domain.secure) and all(answer.secure for answer in answers if answer.hosts),
    )
    if not found.addresses:
        before = "no MX and " if domain is not None and domain.implicit else ""
        if ours:
            return found._replace(failure=Failure("protocol", f"{before}no address but {_own(ours)}"), secure=False)
        return found._replace(failure=_no_address(answers, before), secure=False)
    warnings = [_lookup_finding(answer) for answer in answers if answer.failure is not None and not answer.absent]
    if domain is not None and not domain.implicit and not same_name(canonical, name):
        cause = f"the exchanger is an alias (CNAME) of {_shown(canonical)}"  # RFC 5321 section 5.1 forbids it
        warnings.append(Finding("dns", "protocol", cause=cause))
    if ours:
        warnings.append(Finding("dns", "protocol", cause=f"among the addresses is {_own(ours)}"))
    found = found._replace(warnings=tuple(warnings))
    if not with_tlsa:
        return found
    tlsa = yield from _tlsa(found, domain, port, all(answer.secure for answer in answers if answer.hosts))
    return found._replace(tlsa=tlsa)


def same_name(one: str, other: str) -> bool:
    """Whether two names are the same in the DNS."""
    return one.rstrip(".").lower() == other.rstrip(".").lower()


def _with_entries(found: Domain, answer: Answer) -> Domain:
    """The exchangers that can be connected to, and warnings of the others."""
    names: dict[str, MxRecord] = {}
    warnings = []
    for entry in sorted(answer.mx, key=lambda entry: (entry.preference, entry.exchange.lower())):
        fault = _name_fault(entry.exchange)
        if fault:
            warnings.append(Finding("dns", "protocol", cause=f"MX {_shown(entry.exchange)} {fault}"))
        elif entry.exchange != ".":
            names.setdefault(entry.exchange.lower(), entry)
    entries = tuple(names.values())
    if len(entries) > MOST_EXCHANGERS:
        cause = f"{len(entries)} exchangers, only {MOST_EXCHANGERS} are checked"
        warnings.append(Finding("dns", "protocol", cause=cause))
    found = found._replace(entries=entries[:MOST_EXCHANGERS], warnings=tuple(warnings))
    if not entries and found.fault is None:
        found = found._replace(fault=warnings[0], warnings=tuple(warnings[1:]))
    return found


def _name_fault(exchange: str) -> str:
    """Why nobody connects to an exchanger of this name, '' where it is fine (RFC 5321 section 5.1)."""
    if exchange == ".":
        return ""
    # RFC 6761 section 6.3.  To connect would ask this machine instead of the domain.
    if exchange.lower().rpartition(".")[2] == "localhost":
        return "is where senders would ask themselves"
    bare = exchange.replace("\\", "").strip("[]")
    if hosts.family(bare):
        return "is an address, not a name"
    try:
        hosts.name(exchange)
    except ValueError:
        return "is no host name"
    return ""


def _own(addresses: Iterable[str]) -> str:
    """To connect there would ask this machine instead of the exchanger (RFC 5321 section 5.1)."""
    return f"{min(addresses)}, where senders would ask themselves"


def _address(text: str, port: int) -> Address:
    if ":" in text:
        return Address(socket.AF_INET6, (text, port, 0, 0), text, port)
    return Address(socket.AF_INET, (text, port), text, port)


def _no_address(answers: tuple[Answer, ...], before: str) -> Failure:
    """Why there is no address, ``before`` being words for what else there is not: an error first, since behind it
    there may be one."""
    failures = [answer.failure for answer in answers if answer.failure is not None]
    for answer in answers:
        if answer.failure is not None and not answer.absent:
            return answer.failure._replace(cause=f"{answer.query.type}: {answer.failure.cause}")
    for failure in failures:
        if failure.kind == "notfound":
            return failure._replace(cause=f"{before}no address: {failure.cause}")
    left_out = [text for answer in answers for text in answer.hosts]
    if left_out:
        return Failure("nodata", f"{before}no usable address, only {left_out[0]}")
    types = " or ".join(answer.query.type for answer in reversed(answers))
    return Failure("nodata", f"{before}no address: no {types} record (NODATA)")


def _lookup_finding(answer: Answer) -> Finding:
    failure = answer.failure
    assert failure is not None
    return Finding("dns", failure.kind, cause=f"{answer.query.type}: {failure.cause}")


def _tlsa(found: Exchanger, domain: Domain | None, port: int, secure: bool) -> Steps[Tlsa]:
    """RFC 7672 section 2.2: TLSA records count only where all that leads to them is authentic."""
    from ..tls.tlsa import INSECURE, MISSING, Tlsa, usable  # noqa: PLC0415 - only with --dane, which has loaded it

    name, canonical = found.name, found.canonical
    nothing = Tlsa(name, _reference_names(name, found, domain))
    if domain is not None and not domain.secure:
        return nothing._replace(failure=Failure(INSECURE, "the MX answer is not authenticated by DNSSEC"))
    bases = [canonical] if same_name(canonical, name) else [canonical, name]
    if not secure:
        if len(bases) == 1:
            return nothing._replace(failure=Failure(INSECURE, "the address is not authenticated by DNSSEC"))
        # Section 2.2.2: the alias may be signed where the zone it leads to is not.
        (alias,) = yield (Query(name, "CNAME"),)
        if not alias.secure or alias.failure is not None:
            return nothing._replace(failure=Failure(INSECURE, "the address is not authenticated by DNSSEC"))
        bases = [name]
    unsigned = False
    for base in bases:
        (answer,) = yield (Query(f"_{port}._tcp.{base}", "TLSA"),)
        nothing = nothing._replace(base=base, names=_reference_names(base, found, domain))
        if answer.failure is not None and not answer.absent:
            where = "" if same_name(base, name) else f" at {_shown(base)}"
            cause = f"TLSA lookup{where}: {answer.failure.cause}"
            return nothing._replace(failure=answer.failure._replace(cause=cause))
        if answer.secure and answer.tlsa:
            records, unusable = usable(answer.tlsa)
            return nothing._replace(records=records, unusable=unusable)
        unsigned = unsigned or bool(answer.tlsa)
    if unsigned:
        return nothing._replace(failure=Failure(INSECURE, "the TLSA answer is not authenticated by DNSSEC"))
    return nothing._replace(failure=Failure(MISSING, "no TLSA record"))


def _reference_names(base: str, found: Exchanger, domain: Domain | None) -> tuple[str, ...]:
    """What the certificate may be for with usage 2 (RFC 7672 sections 3.2.1 and 3.2.2), the base domain first."""
    others = (found.name, found.canonical) if domain is None else (domain.name, domain.canonical)
    unique: dict[str, str] = {}
    for name in (base, *others):
        unique.setdefault(name.lower(), name)
    return tuple(unique.values())


def _shown(name: str) -> str:
    return middle(clean(name), NAME_SHOWN)
