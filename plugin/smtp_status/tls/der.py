"""DER (X.690): elements one inside the other, as certificates have them."""

from __future__ import annotations

from ..record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

SEQUENCE = 0x30


_OID_LIMIT = 64  # octets; keeps arcs small enough that writing them in decimal stays cheap


class CertificateFault(ValueError):  # noqa: N818 - the peer's fault, not an error of ours
    """The bytes are no certificate (or Certificate message); the text is a short reason."""


class Element(NamedTuple):
    """One DER element of ``data``: begins at ``first``, its contents at ``start``; both stop at ``end``."""

    data: bytes
    tag: int
    first: int
    start: int
    end: int

    @property
    def contents(self) -> bytes:
        return self.data[self.start : self.end]

    @property
    def whole(self) -> bytes:
        return self.data[self.first : self.end]

    def children(self) -> Iterator[Element]:
        """The elements inside, one after another."""
        position = self.start
        while position < self.end:
            child = read_element(self.data, position, self.end)
            yield child
            position = child.end


def read_element(data: bytes, position: int, end: int) -> Element:
    """The DER element that begins at ``position`` and must end at or before ``end``."""
    if end - position < 2:
        raise CertificateFault("cut off")
    tag, length = data[position], data[position + 1]
    start = position + 2
    if tag & 0x1F == 0x1F:
        raise CertificateFault("tag of several octets")
    if length & 0x80:
        size = length & 0x7F
        octets = data[start : min(start + size, end)]
        # Four octets are more than the size limit needs; none would be the indefinite length of BER.
        if not 1 <= size <= 4 or len(octets) < size:
            raise CertificateFault("bad length")
        start += size
        length = int.from_bytes(octets, "big")
        if length < 0x80 or octets[0] == 0:
            raise CertificateFault("length not in DER")
    if length > end - start:
        raise CertificateFault("cut off")
    return Element(data, tag, position, start, start + length)


def only(data: bytes) -> Element:
    """The one element that ``data`` must be."""
    element = read_element(data, 0, len(data))
    if element.end != len(data):
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
    """An object identifier in numbers."""
    if len(oid) > _OID_LIMIT:
        raise CertificateFault("object identifier too long")
    arcs = []
    arc = 0
    for octet in oid:
        arc = arc << 7 | octet & 0x7F
        if not octet & 0x80:
            arcs.append(arc)
            arc = 0
    if not arcs or oid[-1] & 0x80:
        raise CertificateFault("bad object identifier")
    top = min(arcs[0] // 40, 2)  # X.690 section 8.19.4: the first two arcs share a number
    return ".".join(map(str, (top, arcs[0] - 40 * top, *arcs[1:])))
