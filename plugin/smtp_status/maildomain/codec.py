r"""DNS messages: a question to octets, and octets to what they answer.  The only module that imports dnspython.

Answers come from the network and are hostile: the only error is ``MessageFault``.  dnspython reads them, and goes on
behind a malformed record; what it does not do is done here:

- It follows compressed names for as long as there are octets, so that 64 KiB can keep it busy for a minute (2.3 to
  2.9, where 2.9 limits the jumps but not the labels): it is given octets that can be read so often and no more, and
  no more than one question.
- It looks for a module for each type and class of records it has not met, which takes longer than all the rest: others
  than those below come to it as of one type that nobody knows.
- It tells the error of a malformed record, but not whose record it was: they are counted.  2.9 counts TLSA records with
  a digest of the wrong length among them, older versions hand them out.

Names are text without the final dot, with dnspython's escapes (``\.``, ``\DDD``); the root is ``.``.
"""

from __future__ import annotations

import dns.edns
import dns.exception
import dns.flags
import dns.message
import dns.rdatatype

# Else dnspython loads these with the first record of each type, inside the time that is measured.
import dns.rdtypes.ANY.CNAME
import dns.rdtypes.ANY.MX
import dns.rdtypes.ANY.NSEC
import dns.rdtypes.ANY.NSEC3
import dns.rdtypes.ANY.OPT
import dns.rdtypes.ANY.RRSIG
import dns.rdtypes.ANY.SOA
import dns.rdtypes.ANY.TLSA
import dns.rdtypes.ANY.TXT
import dns.rdtypes.IN.A
import dns.rdtypes.IN.AAAA

from ..record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    import dns.name
    import dns.rrset

PAYLOAD = 1232
"""Octets of a UDP answer we take: fits every path without fragments."""

READS = 10_000
"""How often one message can be read from, which takes a tenth of a second; 500 MX records need as many."""

NOERROR, FORMERR, SERVFAIL, NXDOMAIN, NOTIMP, REFUSED = range(6)
"""Response codes, RFC 1035 section 4.1.1."""

RCODES = {0: "NOERROR", 1: "FORMERR", 2: "SERVFAIL", 3: "NXDOMAIN", 4: "NOTIMP", 5: "REFUSED", 16: "BADVERS"}


class MessageFault(Exception):  # noqa: N818 - the peer's fault, not an error of ours
    """The octets are no answer one can read; the text says why."""


class Query(NamedTuple):
    """One question: a name and a type, one of ``A AAAA CNAME MX SOA TLSA TXT``."""

    name: str
    type: str


class MxRecord(NamedTuple):
    """One MX record; ``exchange`` is ``.`` for the null MX."""

    preference: int
    exchange: str


class ExtendedError(NamedTuple):
    """Why the resolver failed, in its own words (RFC 8914): ``text`` is hostile."""

    code: int
    text: bytes


class Response(NamedTuple):
    """What one message answers.

    ``canonical``: the name at the end of the CNAME records.  ``ttl`` in seconds, of the shortest-lived record used, 0
    without records.  ``looping``: the CNAME records do not end.  The records are those asked for at ``canonical``:
    ``mx``; ``hosts``, the texts of A or AAAA, or the name of a CNAME; ``texts``, the joined strings of each TXT;
    ``tlsa``, raw record data, which may be malformed: nothing is left of those that dnspython did not take.
    ``malformed`` counts the records among the answers that could not be read.
    """

    rcode: int
    authentic: bool
    truncated: bool
    canonical: str
    ttl: int = 0
    looping: bool = False
    mx: tuple[MxRecord, ...] = ()
    hosts: tuple[str, ...] = ()
    texts: tuple[bytes, ...] = ()
    tlsa: tuple[bytes, ...] = ()
    present: bool = False
    """There is at least one record of the type asked for."""
    malformed: int = 0
    errors: tuple[ExtendedError, ...] = ()


def encode(query: Query, number: int, unchecked: bool = False, extended: bool = True) -> bytes:
    """The message that asks ``query``.  ``unchecked``: the resolver is not to validate (CD).  ``extended``: with the
    OPT record of EDNS (RFC 6891).

    Raises ValueError where the name cannot be one.
    """
    try:
        message = _question(query, number, extended)
    except (dns.exception.DNSException, UnicodeError) as error:
        raise ValueError(str(error)) from None
    if unchecked:
        message.flags |= dns.flags.CD
    return message.to_wire()


def decode(octets: bytes, query: Query, number: int) -> Response | None:
    """The answer to ``query`` with id ``number``; None for a message that answers something else.

    Raises MessageFault where the message breaks off or is malformed outside the data of a record.
    """
    if int.from_bytes(octets[4:6], "big") > 1:
        return None  # RFC 9619: nobody asks or answers two questions
    asked = _question(query, number)
    try:
        head = dns.message.from_wire(octets, question_only=True, continue_on_error=True)
    except dns.message.ShortHeader:
        raise MessageFault("malformed answer") from None
    except ValueError:  # an opcode that dnspython 2.3 does not know
        return None
    if not asked.is_response(head):
        return None
    authentic, truncated = bool(head.flags & dns.flags.AD), bool(head.flags & dns.flags.TC)
    response = Response(head.rcode(), authentic, truncated, _text(asked.question[0].name))
    if truncated:
        return response  # what follows may break off anywhere, and is not used
    # One octet more than there is: only a reader that came to the end complains of it.
    rationed = _Rationed(_without_strangers(octets) + b"\0")
    message = dns.message.from_wire(rationed, continue_on_error=True)
    if rationed.left < 0:
        raise MessageFault("answer that takes too long to read")
    if not message.errors or not isinstance(message.errors[-1].exception, dns.message.TrailingJunk):
        raise MessageFault("malformed answer")
    errors = tuple(
        ExtendedError(option.code, (option.text or "").encode())
        for option in message.options
        if isinstance(option, dns.edns.EDEOption)
    )
    response = response._replace(rcode=message.rcode(), errors=errors)
    if response.rcode not in (NOERROR, NXDOMAIN):
        return response
    # Equal records are one in message.answer, and errors can be in other sections: it is the smaller number.
    missing = int.from_bytes(octets[6:8], "big") - sum(map(len, message.answer))
    return _with_records(response._replace(malformed=min(missing, len(message.errors) - 1)), message, query.type)


def _with_records(response: Response, message: dns.message.Message, kind: str) -> Response:
    """``response`` with what is at the end of the CNAME records in ``message``."""
    assert isinstance(message, dns.message.QueryMessage)
    try:
        chain = message.resolve_chaining()
    except dns.message.ChainTooLong:
        return response._replace(looping=True)
    except dns.exception.DNSException:  # the question stands there twice, or there are records where there is no name
        raise MessageFault("malformed answer") from None
    response = response._replace(canonical=_text(chain.canonical_name))
    if chain.answer:
        response = response._replace(ttl=chain.minimum_ttl, present=True, **_records(kind, chain.answer))
    if kind == "TLSA" and response.malformed:
        response = response._replace(tlsa=response.tlsa + (b"",) * response.malformed, present=True)
    return response


def _records(kind: str, rrset: dns.rrset.RRset) -> dict[str, Any]:
    """The field of Response that holds records of this type, and they as it holds them."""
    if kind in ("A", "AAAA"):
        return {"hosts": tuple(record.address for record in rrset)}
    if kind == "CNAME":
        return {"hosts": tuple(_text(record.target) for record in rrset)}
    if kind == "MX":
        return {"mx": tuple(MxRecord(record.preference, _text(record.exchange)) for record in rrset)}
    if kind == "TLSA":
        return {"tlsa": tuple(record.to_wire() for record in rrset)}
    if kind == "TXT":
        # Joined as RFC 8461 section 3.1 and RFC 8460 section 3 want them.
        return {"texts": tuple(b"".join(record.strings) for record in rrset)}
    return {}


_POINTER = 0xC0
_LONGEST_LABEL = 63
_NOBODYS = (65280).to_bytes(2, "big")  # for private use, RFC 6895 section 3.1
_LOADED = frozenset(
    int(kind).to_bytes(2, "big")
    for kind in (
        *(dns.rdatatype.A, dns.rdatatype.AAAA, dns.rdatatype.CNAME, dns.rdatatype.MX, dns.rdatatype.NSEC),
        *(dns.rdatatype.NSEC3, dns.rdatatype.RRSIG, dns.rdatatype.SOA, dns.rdatatype.TLSA, dns.rdatatype.TXT),
    )
)
_OPT = int(dns.rdatatype.OPT).to_bytes(2, "big")
_IN = b"\0\1"


def _without_strangers(octets: bytes) -> bytes:
    """The message with records of other types than those loaded, and of other classes, made such of one type.

    Ends where the message cannot be followed; so does dnspython.
    """
    changed = bytearray(octets)
    count = sum(int.from_bytes(octets[at : at + 2], "big") for at in (6, 8, 10))
    position = _behind_name(octets, 12) + 4 if int.from_bytes(octets[4:6], "big") else 12
    for _ in range(count):
        position = _behind_name(octets, position)
        kind, group = octets[position : position + 2], octets[position + 2 : position + 4]
        if len(group) < 2:
            break
        if kind != _OPT and (kind not in _LOADED or group != _IN):
            changed[position : position + 2] = _NOBODYS
        position += 10 + int.from_bytes(octets[position + 8 : position + 10], "big")
    return bytes(changed)


def _behind_name(octets: bytes, position: int) -> int:
    """Where what follows the name at ``position`` begins; the end of the message where that is no name."""
    while position < len(octets):
        length = octets[position]
        if not length:
            return position + 1
        if length & _POINTER == _POINTER:
            return position + 2
        if length > _LONGEST_LABEL:
            break
        position += 1 + length
    return len(octets)


class _Rationed(bytes):
    """Octets that can be read READS times, with dnspython's reader: it takes every error for the end."""

    left = READS

    def __getitem__(self, place: Any) -> Any:
        self.left -= 1
        if self.left < 0:
            raise MessageFault
        return super().__getitem__(place)


def _question(query: Query, number: int, extended: bool = True) -> dns.message.QueryMessage:
    # BIND and Unbound say what is authentic only to who asks by AD or DO (RFC 6840 section 5.7).
    flags = dns.flags.RD | dns.flags.AD
    if not extended:
        return dns.message.make_query(query.name, query.type, use_edns=False, id=number, flags=flags)
    return dns.message.make_query(
        query.name, query.type, use_edns=0, want_dnssec=True, payload=PAYLOAD, id=number, flags=flags
    )


def _text(name: dns.name.Name) -> str:
    return name.to_text(omit_final_dot=True)
