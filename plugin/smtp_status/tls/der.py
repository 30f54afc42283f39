"""DER (X.690) as OpenSSL reads it, elements one inside the other, as certificates have them.

OpenSSL takes BER where DER is wanted: lengths of more octets than it takes, contents without a length that end with two
zero octets.  So does this reader: a certificate that it could not read could not be judged.
"""

from __future__ import annotations

from ..record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

SEQUENCE = 0x30

MOST_ELEMENTS = 10_000
"""Elements in one other, and headers looked at to find an end: an honest certificate has some hundreds."""

_CONSTRUCTED = 0x20
_LONG_TAG = 0x1F
_INDEFINITE = 0x80
_OID_LIMIT = 64  # octets; keeps arcs small enough that writing them in decimal stays cheap


class CertificateFault(ValueError):  # noqa: N818 - the peer's fault, not an error of ours
    """The bytes are no certificate (or Certificate message); the text is a short reason."""


class Element(NamedTuple):
    """One element of ``data``: begins at ``first``, its contents at ``start``, which stop at ``end``; ``after`` is
    where the next begins."""

    data: bytes
    tag: int
    first: int
    start: int
    end: int
    after: int

    @property
    def contents(self) -> bytes:
        return self.data[self.start : self.end]

    @property
    def whole(self) -> bytes:
        return self.data[self.first : self.after]

    def children(self) -> Iterator[Element]:
        """The elements inside, one after another."""
        position = self.start
        for _ in range(MOST_ELEMENTS):
            if position >= self.end:
                return
            child = read_element(self.data, position, self.end)
            yield child
            position = child.after
        raise CertificateFault(f"more than {MOST_ELEMENTS} elements in one")


def read_element(data: bytes, position: int, end: int) -> Element:
    """The element that begins at ``position`` and must end at or before ``end``."""
    tag, start, length = _header(data, position, end)
    if length is None:
        stop = _end_of_contents(data, start, end)
        return Element(data, tag, position, start, stop, stop + 2)
    return Element(data, tag, position, start, start + length, start + length)


def _header(data: bytes, position: int, end: int) -> tuple[int, int, int | None]:
    """The first octet of a tag, where the contents begin, and their length, None where they end by themselves."""
    if end - position < 2:
        raise CertificateFault("cut off")
    tag = data[position]
    start = position + 1
    if tag & _LONG_TAG == _LONG_TAG:  # the number of the tag follows; no field that is looked at has such a one
        while start < end and data[start] & 0x80:
            start += 1
        start += 1
        if start >= end:
            raise CertificateFault("cut off")
    length = data[start]
    start += 1
    if length == _INDEFINITE:
        if not tag & _CONSTRUCTED:
            raise CertificateFault("bad length")
        return tag, start, None
    if length & 0x80:
        size = length & 0x7F
        octets = data[start : min(start + size, end)]
        if len(octets) < size:
            raise CertificateFault("bad length")
        start += size
        length = int.from_bytes(octets, "big")
    if length > end - start:
        raise CertificateFault("cut off")
    return tag, start, length


def _end_of_contents(data: bytes, position: int, end: int) -> int:
    """Where the two zero octets stand that end contents without a length (X.690 section 8.1.5)."""
    depth = 1
    for _ in range(MOST_ELEMENTS):
        tag, start, length = _header(data, position, end)
        if tag == 0 and length == 0:
            depth -= 1
            if not depth:
                return position
        if length is None:
            depth += 1
        position = start + (length or 0)
    raise CertificateFault(f"more than {MOST_ELEMENTS} elements in one")


def only(data: bytes) -> Element:
    """The one element that ``data`` must be."""
    element = read_element(data, 0, len(data))
    if element.after != len(data):
        raise CertificateFault("surplus octets at the end")
    return element


def expect(element: Element, tag: int) -> Element:
    if element.tag != tag:
        raise CertificateFault(f"tag 0x{element.tag:02x} where 0x{tag:02x} belongs")
    return element


def sequence(element: Element, least: int, most: int) -> list[Element]:
    """The members of a SEQUENCE of ``least`` to ``most`` members."""
    members = []
    for child in expect(element, SEQUENCE).children():
        members.append(child)
        if len(members) > most:
            raise CertificateFault("too many fields")
    if len(members) < least:
        raise CertificateFault("missing fields")
    return members


def dotted(oid: bytes) -> str:
    """An object identifier in numbers; one that is too long for that in hexadecimal, and its beginning only."""
    if not oid or oid[-1] & 0x80:
        raise CertificateFault("bad object identifier")
    if len(oid) > _OID_LIMIT:
        return f"#{oid[:_OID_LIMIT].hex()}"
    arcs = []
    arc = 0
    for octet in oid:
        arc = arc << 7 | octet & 0x7F
        if not octet & 0x80:
            arcs.append(arc)
            arc = 0
    top = min(arcs[0] // 40, 2)  # X.690 section 8.19.4: the first two arcs share a number
    return ".".join(map(str, (top, arcs[0] - 40 * top, *arcs[1:])))
