"""DANE for SMTP (RFC 7672, RFC 7671): which TLSA records count, and whether the server's certificates match one.

No socket, no clock, no ssl: what leads from the leaf to a trust anchor is found out by the ``verify`` one hands in
(``chain.verify_anchored``).
"""

from __future__ import annotations

from hashlib import sha256, sha512

from ..findings import Failure
from ..record import NamedTuple
from . import certificate as x509
from . import peer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Callable

    from .certificate import Certificate

    Verify = Callable[[tuple[bytes, ...], tuple[bytes, ...]], Failure | None]

TRUST_ANCHOR, END_ENTITY = 2, 3
"""Certificate usages that count with SMTP (RFC 7672 section 3.1)."""

WHOLE, PUBLIC_KEY = 0, 1
"""Selectors, RFC 6698 section 2.1.2."""

FULL, SHA256, SHA512 = 0, 1, 2
"""Matching types, RFC 6698 section 2.1.3; of digests the higher number is the stronger."""

INSECURE = "insecure"
MISSING = "missing"

MOST_ANCHORS = 64
"""Trust anchors of one kind of record that are tried."""

_NOT_BINDING = frozenset((INSECURE, MISSING))
_LENGTHS = {SHA256: 32, SHA512: 64}
_SEQUENCE = b"\x30"
_SHOWN = 3


class TlsaRecord(NamedTuple):
    """One TLSA record (RFC 6698 section 2.1)."""

    usage: int
    selector: int
    matching: int
    data: bytes

    @property
    def words(self) -> str:
        """The three numbers, such as ``3 1 1``."""
        return f"{self.usage} {self.selector} {self.matching}"


class Match(NamedTuple):
    """How a server's certificates stand to the TLSA records: the ``record`` that matched, or the ``failure``.

    ``words`` is for a sentence: ``TLSA 3 1 1 matched``, or why none did.
    """

    record: TlsaRecord | None
    words: str
    failure: Failure | None = None


def read(octets: bytes) -> TlsaRecord | None:
    """The record in raw record data; None where it is too short for one."""
    return TlsaRecord(octets[0], octets[1], octets[2], octets[3:]) if len(octets) > 3 else None


def fault(record: TlsaRecord | None) -> str:
    """Why no sender can use the record, '' where it is usable (RFC 7671 section 4, RFC 7672 section 3.1.3)."""
    if record is None:
        return "malformed"
    if record.usage not in (TRUST_ANCHOR, END_ENTITY):
        return f"{record.words}: usage {record.usage} is not for SMTP"
    if record.selector not in (WHOLE, PUBLIC_KEY):
        return f"{record.words}: unknown selector"
    if record.matching not in (FULL, SHA256, SHA512):
        return f"{record.words}: unknown matching type"
    if record.matching == FULL:
        return "" if _is_der(record) else f"{record.words}: malformed data"
    length = _LENGTHS[record.matching]
    return "" if len(record.data) == length else f"{record.words}: {len(record.data)} octets, not {length}"


def usable(octets: Iterable[bytes]) -> tuple[tuple[TlsaRecord, ...], tuple[str, ...]]:
    """The usable ones among records as the DNS gave them, and why the others are not, each once."""
    records = [read(raw) for raw in octets]
    good = tuple(record for record in records if record is not None and not fault(record))
    return good, tuple(dict.fromkeys(filter(None, map(fault, records))))


def strongest(records: Iterable[TlsaRecord]) -> tuple[TlsaRecord, ...]:
    """The records that digest agility leaves (RFC 7671 section 9): for each usage and selector those with the
    strongest digest, and those with the full data."""
    kept = tuple(records)
    best: dict[tuple[int, int], int] = {}
    for record in kept:
        kind = (record.usage, record.selector)
        best[kind] = max(best.get(kind, FULL), record.matching)
    return tuple(record for record in kept if record.matching in (FULL, best[record.usage, record.selector]))


def published_as(certificate: Certificate, selector: int, matching: int) -> bytes:
    """The data a record with this selector and matching type has to have for ``certificate``."""
    selected = certificate.der if selector == WHOLE else certificate.public_key
    if matching == FULL:
        return selected
    return (sha256 if matching == SHA256 else sha512)(selected).digest()


def match(records: tuple[TlsaRecord, ...], chain: tuple[bytes, ...], names: tuple[str, ...], verify: Verify) -> Match:
    """How the server's ``chain`` (DER, leaf first) stands to the usable ``records``, of which there is at least one.

    ``names`` are the reference names for usage 2, the TLSA base domain first (RFC 7672 section 3.2).  ``verify`` is
    called with the chain and trust anchors in DER, and says what is wrong between the chain and all of them.

    The work is linear in records and certificates: each certificate is read and hashed once, and ``verify`` called once
    for each kind of record, of which there are six.
    """
    leaf = peer.leaf(chain)
    if leaf is None:
        return _unmatched(Failure("verify", "the server sent no certificate that can be read"))
    counting = strongest(records)
    own = _Published((leaf,))
    for record in counting:
        if record.usage == END_ENTITY and own.holds(record):
            return Match(record, f"TLSA {record.words} matched{_roll_over(record, counting, own)}")
    failure: Failure | None = None
    for record, anchors in _anchors(counting, chain[: x509.MOST_CERTIFICATES], leaf):
        why_not = _chain_failure(chain, leaf, names, anchors, verify)
        if why_not is None:
            return Match(record, f"TLSA {record.words} matched")
        # What a key did not sign has nothing to do with it.
        if why_not.kind != "verify" or (record.selector, record.matching) != (PUBLIC_KEY, FULL):
            failure = failure or why_not._replace(cause=f"TLSA {record.words} matches, but {why_not.cause}")
    return _unmatched(failure or Failure("verify", _no_match_words(counting)))


def _unmatched(failure: Failure) -> Match:
    return Match(None, failure.cause, failure)


def _no_match_words(counting: tuple[TlsaRecord, ...]) -> str:
    kinds = list(dict.fromkeys(record.words for record in counting))
    listed = ", ".join(kinds[:_SHOWN]) + (", …" if len(kinds) > _SHOWN else "")
    if len(counting) == 1:
        return f"TLSA {listed} does not match the certificate"
    return f"none of {len(counting)} TLSA records ({listed}) matches the certificate"


def _roll_over(matched: TlsaRecord, counting: tuple[TlsaRecord, ...], own: _Published) -> str:
    """Words for records beside the one that matched that are for another certificate, the last or the next."""
    alike = [record for record in counting if record.words == matched.words]
    fitting = sum(own.holds(record) is not None for record in alike)
    return f" (roll-over: {fitting} of {len(alike)} records)" if fitting < len(alike) else ""


class _Published:
    """What records have to hold for some certificates, worked out once for each selector and matching type."""

    def __init__(self, certificates: Iterable[Certificate]) -> None:
        self._certificates = tuple(certificates)
        self._known: dict[tuple[int, int], dict[bytes, bytes]] = {}

    def holds(self, record: TlsaRecord) -> bytes | None:
        """The certificate, in DER, that ``record`` is for; None where it is for none of them."""
        kind = (record.selector, record.matching)
        if kind not in self._known:
            self._known[kind] = {published_as(one, *kind): one.der for one in reversed(self._certificates)}
        return self._known[kind].get(record.data)


def _anchors(
    counting: tuple[TlsaRecord, ...], chain: tuple[bytes, ...], leaf: Certificate
) -> list[tuple[TlsaRecord, tuple[bytes, ...]]]:
    """The first record of each kind with usage 2 that leads to trust anchors, and the anchors of all of that kind.

    Never the leaf itself, and one of the certificates sent behind it where the record has a digest: servers must send
    it (RFC 7671 section 5.2).  The whole certificate or key need not be sent.
    """
    sent = _Published(filter(None, (x509.readable(der) for der in chain[1:] if der != chain[0])))
    found: dict[str, tuple[TlsaRecord, dict[bytes, None]]] = {}
    for record in counting:
        if record.usage != TRUST_ANCHOR:
            continue
        der = sent.holds(record)
        anchors = (der,) if der is not None else _unsent(record, chain, leaf)
        if anchors:
            known = found.setdefault(record.words, (record, {}))[1]
            if len(known) < MOST_ANCHORS:
                known.update(dict.fromkeys(anchors))
    return [(record, tuple(anchors)) for record, anchors in found.values()]


def _unsent(record: TlsaRecord, chain: tuple[bytes, ...], leaf: Certificate) -> tuple[bytes, ...]:
    """The trust anchors in the record itself, where it holds all of them."""
    if record.matching != FULL:
        return ()
    if record.selector == WHOLE:
        return (record.data,) if record.data != leaf.der and x509.readable(record.data) else ()
    from . import anchor  # noqa: PLC0415 - hardly anybody publishes a whole key

    # A key has no name: it may be that of whoever issued one of the certificates sent.
    keys = () if record.data == leaf.public_key else anchor.issuers_not_sent(chain)
    return tuple(anchor.of_key(record.data, name) for name in keys)


def _chain_failure(
    chain: tuple[bytes, ...], leaf: Certificate, names: tuple[str, ...], anchors: tuple[bytes, ...], verify: Verify
) -> Failure | None:
    failure = verify(chain, anchors)
    if failure is None and not x509.matches_any(leaf, names):
        return Failure("name", peer.name_words(leaf, names[0]))
    return failure


def _is_der(record: TlsaRecord) -> bool:
    """Whether the full data are what the selector says: a certificate, or something that begins like a key."""
    return x509.readable(record.data) is not None if record.selector == WHOLE else record.data[:1] == _SEQUENCE


class Tlsa(NamedTuple):
    """The TLSA records of one exchanger.

    ``records`` are the usable ones; ``unusable`` says why others are not.  ``base`` is the TLSA base domain: the name
    for SNI and the first of the reference ``names``.  ``failure``: None where there are authentic records, usable or
    not; of kind ``insecure`` or ``missing`` where DANE does not apply; of any other kind where the lookup failed, and
    senders with DANE keep away (RFC 7672 section 2.1.2).
    """

    base: str
    names: tuple[str, ...]
    records: tuple[TlsaRecord, ...] = ()
    unusable: tuple[str, ...] = ()
    failure: Failure | None = None

    @property
    def binding(self) -> bool:
        """Whether a sender that knows DANE must not go on without it."""
        return self.failure is None or self.failure.kind not in _NOT_BINDING
