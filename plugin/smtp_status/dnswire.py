r"""DNS messages: a question to octets, and octets to what they answer.  The only room that imports dnspython.

dnspython's own reader of whole messages is not used: one malformed record makes it lose the good ones beside it, each
version judges TLSA lengths in its own way, and it costs twice the import.  Its names are: their compression is where
hostile messages attack.  Answers come from the network and are hostile: the only error is ``MessageFault``.

Names are text without the final dot, with dnspython's escapes (``\.``, ``\DDD``); the root is ``.``.
"""

from __future__ import annotations

import socket
import struct

import dns.exception
import dns.name

from .record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Callable

PAYLOAD = 1232
"""Octets of a UDP answer we take: fits every path without fragments."""

TYPES = {"A": 1, "CNAME": 5, "SOA": 6, "MX": 15, "TXT": 16, "AAAA": 28, "TLSA": 52}
"""The record types that are asked for (IANA)."""

NOERROR, SERVFAIL, NXDOMAIN, REFUSED = 0, 2, 3, 5
"""Response codes, RFC 1035 section 4.1.1."""

RCODES = {0: "NOERROR", 1: "FORMERR", 2: "SERVFAIL", 3: "NXDOMAIN", 4: "NOTIMP", 5: "REFUSED", 16: "BADVERS"}

CHAIN_LIMIT = 16
"""CNAME records that are followed."""

_INTERNET = 1
_OPT = 41
_EXTENDED_ERROR = 15  # RFC 8914 section 2
_RESPONSE, _TRUNCATED, _WANTED, _AUTHENTIC, _UNCHECKED = 0x8000, 0x0200, 0x0100, 0x0020, 0x0010
_OPCODE = 0x7800
_DNSSEC_OK = 0x8000  # RFC 3225, in the lower half of OPT's TTL
_MAY_OMIT_QUESTION = frozenset((1, 2, 4, 5))  # some servers answer an error without it


class MessageFault(Exception):  # noqa: N818 - the peer's fault, not an error of ours
    """The octets are no answer one can read; the text says why."""


class Query(NamedTuple):
    """One question: a name and one of TYPES."""

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
    without one.  ``looping``: the CNAME records do not end.  The records are those asked for at ``canonical``: ``mx``;
    ``hosts``, the texts of A or AAAA, or the name of a CNAME; ``texts``, the joined strings of each TXT; ``tlsa``, raw
    record data, which may be malformed.  ``malformed`` counts the other records that could not be read.
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


def encode(query: Query, number: int, unchecked: bool = False) -> bytes:
    """The message that asks ``query``.  ``unchecked``: the resolver is not to validate (CD).

    AD and DO are both set: BIND and Unbound say what is authentic only to who asks (RFC 6840 section 5.7).
    Raises ValueError where the name cannot be one.
    """
    try:
        name = dns.name.from_text(query.name).to_wire()
    except (dns.exception.DNSException, UnicodeError) as error:
        raise ValueError(str(error)) from None
    assert name is not None
    flags = _WANTED | _AUTHENTIC | (_UNCHECKED if unchecked else 0)
    header = struct.pack("!HHHHHH", number, flags, 1, 0, 0, 1)
    question = name + struct.pack("!HH", TYPES[query.type], _INTERNET)
    return header + question + b"\0" + struct.pack("!HHIH", _OPT, PAYLOAD, _DNSSEC_OK, 0)


def decode(octets: bytes, query: Query, number: int) -> Response | None:
    """The answer to ``query`` with id ``number``; None for a message that answers something else.

    Raises MessageFault where the message breaks off or is malformed outside the data of a record.
    """
    reader = _Reader(octets)
    identity, flags, questions, answers, authorities, additions = reader.numbers("!HHHHHH")
    asked = dns.name.from_text(query.name)
    if identity != number or not flags & _RESPONSE or flags & _OPCODE:
        return None
    rcode = flags & 0xF
    if questions > 1 or (questions == 0 and rcode not in _MAY_OMIT_QUESTION):
        return None
    if questions:
        name = reader.name()
        if name != asked or reader.numbers("!HH") != (TYPES[query.type], _INTERNET):
            return None
    response = Response(rcode, bool(flags & _AUTHENTIC), bool(flags & _TRUNCATED), _text(asked))
    if response.truncated:
        return response  # what follows may break off anywhere, and is not used
    section = _Section(query.type)
    for _ in range(answers):
        section.read(reader)
    rest = _Section("")
    for _ in range(authorities + additions):
        rest.read(reader)
    response = response._replace(rcode=rcode | rest.rcode_high << 4, errors=tuple(rest.errors))
    return section.about(asked, response)


class _Reader:
    """The octets of a message from ``position`` to ``end``."""

    def __init__(self, message: bytes, position: int = 0, end: int | None = None) -> None:
        self._message = message
        self._position = position
        self._end = len(message) if end is None else end

    def left(self) -> int:
        return self._end - self._position

    def octets(self, count: int) -> bytes:
        if count > self.left():
            raise MessageFault("malformed answer: it breaks off")
        self._position += count
        return self._message[self._position - count : self._position]

    def numbers(self, form: str) -> tuple[int, ...]:
        """Numbers as ``struct`` calls them."""
        return struct.unpack(form, self.octets(struct.calcsize(form)))

    def name(self) -> dns.name.Name:
        try:
            name, used = dns.name.from_wire(self._message, self._position)
        except dns.exception.DNSException:
            raise MessageFault("malformed answer: a name that is none") from None
        self.octets(used)
        return name

    def inside(self, count: int) -> _Reader:
        """A reader of the next octets, which are passed over here."""
        start = self._position
        self.octets(count)
        return _Reader(self._message, start, self._position)


class _Section:
    """The records of one section, by owner and type; those of other types than asked for are passed over."""

    def __init__(self, wanted: str) -> None:
        self.errors: list[ExtendedError] = []
        self.rcode_high = 0
        self._wanted = wanted
        self._types = {TYPES[kind]: kind for kind in {wanted, "CNAME"} if wanted}
        self._found: dict[tuple[dns.name.Name, str], list[object]] = {}
        self._ttls: dict[tuple[dns.name.Name, str], int] = {}
        self._malformed = 0

    def read(self, message: _Reader) -> None:
        """Take the next record."""
        owner = message.name()
        number, kind, ttl, length = message.numbers("!HHIH")
        data = message.inside(length)
        try:
            if number == _OPT:
                self.rcode_high = ttl >> 24
                self.errors += _extended_errors(data)
            elif kind == _INTERNET and number in self._types:
                self._add(owner, self._types[number], ttl, data)
        except MessageFault:
            self._malformed += 1

    def _add(self, owner: dns.name.Name, kind: str, ttl: int, data: _Reader) -> None:
        record = _RECORDS[kind](data)
        if data.left():
            raise MessageFault("surplus octets in a record")
        key = (owner, kind)
        known = self._found.setdefault(key, [])
        if record not in known:
            known.append(record)
        # RFC 2181 section 8: a TTL with the highest bit set is 0.
        self._ttls[key] = min(self._ttls.get(key, 0x7FFFFFFF), ttl if ttl < 0x80000000 else 0)

    def about(self, name: dns.name.Name, response: Response) -> Response:
        """``response`` with the records of ``name``, CNAME records followed."""
        ttls = []
        looping = False
        followed = 0
        while (name, self._wanted) not in self._found and (name, "CNAME") in self._found:
            followed += 1
            if followed > CHAIN_LIMIT:
                looping = True
                break
            ttls.append(self._ttls[name, "CNAME"])
            alias = self._found[name, "CNAME"][0]
            assert isinstance(alias, dns.name.Name)
            name = alias
        records = self._found.get((name, self._wanted), [])
        if records:
            ttls.append(self._ttls[name, self._wanted])
        octets = tuple(record for record in records if isinstance(record, bytes))
        return response._replace(
            canonical=_text(name),
            ttl=min(ttls, default=0),
            looping=looping,
            mx=tuple(record for record in records if isinstance(record, MxRecord)),
            hosts=tuple(
                _text(record) if isinstance(record, dns.name.Name) else record
                for record in records
                if isinstance(record, (str, dns.name.Name))
            ),
            texts=octets if self._wanted == "TXT" else (),
            tlsa=octets if self._wanted == "TLSA" else (),
            present=bool(records),
            malformed=self._malformed,
        )


def _text(name: dns.name.Name) -> str:
    return name.to_text(omit_final_dot=True)


def _extended_errors(data: _Reader) -> Iterator[ExtendedError]:
    while data.left():
        option, length = data.numbers("!HH")
        value = data.octets(length)
        if option == _EXTENDED_ERROR and length >= 2:
            yield ExtendedError(int.from_bytes(value[:2], "big"), value[2:].rstrip(b"\0"))


def _mx(data: _Reader) -> MxRecord:
    (preference,) = data.numbers("!H")
    return MxRecord(preference, _text(data.name()))


def _strings(data: _Reader) -> bytes:
    """The character-strings of a TXT record, joined as RFC 8461 section 3.1 and RFC 8460 section 3 want them."""
    parts = []
    while data.left():
        (length,) = data.numbers("!B")
        parts.append(data.octets(length))
    return b"".join(parts)


_RECORDS: dict[str, Callable[[_Reader], object]] = {
    "A": lambda data: socket.inet_ntop(socket.AF_INET, data.octets(4)),
    "AAAA": lambda data: socket.inet_ntop(socket.AF_INET6, data.octets(16)),
    "CNAME": lambda data: data.name(),
    "MX": _mx,
    "SOA": lambda data: data.octets(data.left()),
    "TLSA": lambda data: data.octets(data.left()),
    "TXT": _strings,
}
