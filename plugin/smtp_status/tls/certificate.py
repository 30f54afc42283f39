"""X.509 certificates as the peer sent them: names, dates and key, read from DER without a library.

``ssl`` tells nothing about a certificate that was not verified or that failed verification, which is just
when an operator wants to know its names and dates.  So the few fields a check needs are read here (RFC 5280
section 4.1).  Nothing is verified: signatures and chains are the TLS library's work.

The bytes come from the peer and are hostile.  What OpenSSL reads is read here too, in BER for one (``der``): a
certificate that is not read is not judged.  What no sender looks at is left out where it is odd; a subjectAltName that
is no list of names holds none.  The only error is CertificateFault, the work is linear in the size of the input, and
the input is capped.  Texts are decoded, not cleaned: whoever prints them does that.
"""

from __future__ import annotations

from ..record import NamedTuple
from .der import SEQUENCE, CertificateFault, Element, dotted, expect, only, sequence
from .publickey import key_words
from .validity import DAY, EPOCH

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

SIZE_LIMIT = 128 * 1024
"""Octets of a certificate or of a Certificate message; OpenSSL itself takes 100 KiB of chain by default."""

MOST_CERTIFICATES = 32
"""Certificates of a chain that count; an honest one has two to five."""

MOST_PARTS = 100
"""Parts of a subject or an issuer that are read: nobody is shown more."""

_INTEGER = 0x02
_OCTET_STRING = 0x04
_OID = 0x06
_UTC_TIME = 0x17
_GENERALIZED_TIME = 0x18


_SET = 0x31
_VERSION = 0xA0
_EXTENSIONS = 0xA3
_DNS_NAME = 0x82
_IP_ADDRESS = 0x87


_SUBJECT_ALT_NAME = bytes.fromhex("551d11")
_COMMON_NAME = bytes.fromhex("550403")

# The short names of RFC 4514 section 3, and three more that every tool shows by name.
_ATTRIBUTES = {
    _COMMON_NAME: "CN",
    bytes.fromhex("550407"): "L",
    bytes.fromhex("550408"): "ST",
    bytes.fromhex("55040a"): "O",
    bytes.fromhex("55040b"): "OU",
    bytes.fromhex("550406"): "C",
    bytes.fromhex("550409"): "STREET",
    bytes.fromhex("0992268993f22c640119"): "DC",
    bytes.fromhex("0992268993f22c640101"): "UID",
    bytes.fromhex("550405"): "serialNumber",
    bytes.fromhex("550461"): "organizationIdentifier",
    bytes.fromhex("2a864886f70d010901"): "emailAddress",
}

# String types by tag. T.61 is Latin-1 in practice: that is what those who used it wrote.
_CHARSETS = {
    0x0C: "utf-8",
    0x12: "ascii",
    0x13: "ascii",
    0x14: "latin-1",
    0x16: "ascii",
    0x1A: "ascii",
    0x1C: "utf-32-be",
    0x1E: "utf-16-be",
}


class Certificate(NamedTuple):
    """What a check tells or judges of one certificate.

    ``subject`` and ``issuer`` are in the form of RFC 4514, most specific part first, with its escapes;
    ``common_name`` and ``issuer_common_name`` the most specific CN, '' if there is none.  ``dns_names`` and
    ``ip_addresses`` are the subjectAltName's; a dNSName with a backslash had octets no host name has, which
    are written ``\\xNN``.  ``not_before`` and ``not_after`` are seconds since the epoch, in the years 1 to
    9999, both ends valid.  ``serial`` is hexadecimal.  ``public_key`` is the SubjectPublicKeyInfo in DER, as
    TLSA selector 1 wants it; ``key`` says it in words (``RSA 2048``, ``EC P-256``).  ``self_issued``: subject
    and issuer are the same octets.
    """

    der: bytes
    subject: str
    common_name: str
    issuer: str
    issuer_common_name: str
    dns_names: tuple[str, ...]
    ip_addresses: tuple[str, ...]
    not_before: float
    not_after: float
    serial: str
    public_key: bytes
    key: str
    self_issued: bool

    def fingerprint(self) -> str:
        """SHA-256 of the whole certificate in hexadecimal."""
        import hashlib  # noqa: PLC0415 - loads OpenSSL, and only -v shows a fingerprint

        return hashlib.sha256(self.der).hexdigest()


def read(der: bytes) -> Certificate:
    """The certificate in ``der`` (RFC 5280 section 4.1), which must hold nothing else.

    CertificateFault if it is not one.
    """
    if len(der) > SIZE_LIMIT:
        raise CertificateFault(f"larger than {SIZE_LIMIT} octets")
    serial, _algorithm, issuer, validity, subject, public_key, *optional = _fields(der)
    not_before, not_after = sequence(validity, 2, 2)
    issuer_text, issuer_common_name = _name(issuer)
    subject_text, common_name = _name(subject)
    dns_names, ip_addresses = _alternative_names(optional)
    return Certificate(
        der=bytes(der),
        subject=subject_text,
        common_name=common_name,
        issuer=issuer_text,
        issuer_common_name=issuer_common_name,
        dns_names=dns_names,
        ip_addresses=ip_addresses,
        not_before=_time(not_before),
        not_after=_time(not_after),
        serial=_serial(serial),
        public_key=public_key.whole,
        key=key_words(public_key),
        self_issued=subject.whole == issuer.whole,
    )


def readable(der: bytes) -> Certificate | None:
    """The certificate in ``der``, None if it is not one."""
    try:
        return read(der)
    except CertificateFault:
        return None


def names(der: bytes) -> tuple[bytes, bytes]:
    """The Names of issuer and subject in the certificate ``der``, in DER.  CertificateFault if it is no certificate."""
    _serial, _algorithm, issuer, _validity, subject, *_others = _fields(der)
    return issuer.whole, subject.whole


def matches(certificate: Certificate, name: str) -> bool:
    """Whether the certificate is for ``name``, a host name (as A-labels) or the text of an IP address.

    RFC 9525 section 6: an address is looked for among the iPAddress entries only, a name among the dNSName
    entries only, never in the CN.  Case and a final dot of ``name`` do not count.  ``*`` stands for exactly
    one whole label, must be the left-most, and needs two labels behind it, as with OpenSSL.
    """
    wanted = name[:-1] if name.endswith(".") else name
    address = _address(wanted)
    if address:
        return address in certificate.ip_addresses
    # lower() makes ASCII of a few letters outside it (the Kelvin sign); a backslash is an escape of ours.
    if not wanted.isascii() or "\\" in wanted or "*" in wanted:
        return False
    wanted = wanted.lower()
    label, _dot, parent = wanted.partition(".")
    if not label:
        return False
    may_be_wild = "." in parent.strip(".") and label.replace("-", "a").isalnum()
    accepted = {wanted, f"*.{parent}"} if may_be_wild else {wanted}
    return any(presented.lower() in accepted for presented in certificate.dns_names)


def is_address(name: str) -> bool:
    """Whether ``name`` is the text of an IP address."""
    return bool(_address(name))


def matches_any(certificate: Certificate, names: Iterable[str]) -> bool:
    """Whether the certificate is for at least one of ``names``."""
    return any(matches(certificate, name) for name in names)


def names_words(certificate: Certificate, limit: int) -> str:
    """The names the certificate is for, at most ``limit`` of them: ``a.example, b.example and 14 more``."""
    names = certificate.dns_names + certificate.ip_addresses
    if not names:
        # Old certificates have their name in the CN only, which nobody looks at any more.
        return f"no names but CN={certificate.common_name}" if certificate.common_name else "no names"
    words = ", ".join(names[:limit])
    return f"{words} and {len(names) - limit} more" if len(names) > limit else words


def _fields(der: bytes) -> list[Element]:
    """The fields of the TBSCertificate behind the version."""
    tbs, _algorithm, _signature = sequence(only(bytes(der)), 3, 3)
    return sequence(_without_version(tbs), 6, 9)


def _without_version(tbs: Element) -> Element:
    """``tbs`` without the version number in front, which may be left out and which nobody here needs."""
    first = next(expect(tbs, SEQUENCE).children(), None)
    return tbs._replace(start=first.after) if first and first.tag == _VERSION else tbs


def _serial(element: Element) -> str:
    contents = expect(element, _INTEGER).contents
    # The zero octet that only keeps the number positive is no part of it for people.
    return (contents[1:] if contents[0] == 0 and len(contents) > 1 else contents).hex()


def _name(element: Element) -> tuple[str, str]:
    """A Name (RFC 5280 section 4.1.2.4) as RFC 4514 writes it, and its most specific CN."""
    parts = []
    common_name = ""
    left = MOST_PARTS
    for relative in expect(element, SEQUENCE).children():
        left -= 1
        attributes = []
        for attribute in expect(relative, _SET).children():
            kind, value = sequence(attribute, 2, 2)
            oid = expect(kind, _OID).contents
            text = _text(value)
            if oid == _COMMON_NAME and text is not None:
                common_name = text
            shown = f"#{value.whole.hex()}" if text is None else _escaped(text)
            attributes.append(f"{_ATTRIBUTES.get(oid) or dotted(oid)}={shown}")
            if len(attributes) >= MOST_PARTS:
                break
        parts.append("+".join(attributes))
        if not left:
            break
    return ",".join(reversed(parts)), common_name


def _text(element: Element) -> str | None:
    """The text of a string type, octets that do not belong in it as ``\\xNN``; None for any other type."""
    charset = _CHARSETS.get(element.tag)
    return None if charset is None else element.contents.decode(charset, "backslashreplace")


def _escaped(text: str) -> str:
    """``text`` with the escapes of RFC 4514 section 2.4, so that no value can pass for two attributes."""
    shown = "".join(f"\\{char}" if char in '\\"+,;<>' else char for char in text).replace("\0", "\\00")
    if shown[:1] in (" ", "#"):
        shown = f"\\{shown}"
    # A value of one space has its escape already.
    return f"{shown[:-1]}\\ " if shown.endswith(" ") and shown != "\\ " else shown


def _time(element: Element) -> float:
    """A Time: ``YYMMDDHHMMSSZ`` and ``YYYYMMDDHHMMSSZ``, as RFC 5280 section 4.1.2.5 wants it, and what else X.680
    allows and OpenSSL reads: without seconds, with a fraction of them, and hours and minutes from UTC for the Z."""
    digits, ahead = _without_zone(element.contents)
    size = {_UTC_TIME: 12, _GENERALIZED_TIME: 14}.get(element.tag, 0)
    if element.tag == _GENERALIZED_TIME and len(digits) > size + 1 and digits[size : size + 1] == b".":
        fraction = digits[size + 1 :]
        digits = digits[:size] if fraction.isdigit() else b""
    if len(digits) == size - 2:
        digits += b"00"
    if not size or len(digits) != size or not digits.isdigit():
        raise CertificateFault("date not as RFC 5280 has it")
    year = int(digits[:-10])
    if element.tag == _UTC_TIME:
        year += 1900 if year >= 50 else 2000
    month, day_of_month, hour, minute, second = (int(digits[at : at + 2]) for at in range(size - 10, size, 2))
    # The calendar of datetime begins with the year 1; the year 0 is no less absurd and as long ago.
    days = _ordinal(max(year, 1), month, day_of_month) - EPOCH
    if hour > 23 or minute > 59 or second > 59:
        raise CertificateFault("no such time of day")
    # Still in the calendar of datetime, whatever the zone.
    return min(max(float(days * DAY + hour * 3600 + minute * 60 + second - ahead), _FIRST), _LAST)


def _without_zone(text: bytes) -> tuple[bytes, int]:
    """A Time without its ``Z`` or its difference from UTC, and that difference in seconds."""
    if text.endswith(b"Z"):
        return text[:-1], 0
    sign, zone = text[-5:-4], text[-4:]
    if sign not in (b"+", b"-") or not zone.isdigit() or zone[:2] > b"12" or zone[2:] > b"59":
        raise CertificateFault("date not as RFC 5280 has it")
    ahead = int(zone[:2]) * 3600 + int(zone[2:]) * 60
    return text[:-5], ahead if sign == b"+" else -ahead


def _ordinal(year: int, month: int, day_of_month: int) -> int:
    """The number of a day where 1 January of the year 1 is day 1, as in datetime, whose import costs more than to read
    the whole certificate."""
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    lengths = (31, 29 if leap else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
    if not 1 <= month <= 12 or not 1 <= day_of_month <= lengths[month - 1]:
        raise CertificateFault("no such date")
    before = year - 1
    return before * 365 + before // 4 - before // 100 + before // 400 + sum(lengths[: month - 1]) + day_of_month


_FIRST, _LAST = -62_135_596_800.0, 253_402_300_799.0  # the ends of the years 1 and 9999


def _alternative_names(optional: list[Element]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The dNSName and iPAddress entries of the subjectAltName (RFC 5280 section 4.2.1.6).

    ``optional`` are the fields that follow the public key, extensions among them.  OpenSSL finds no names either where
    there are two such extensions, or where one is not what it should be.
    """
    found = [
        value
        for field in optional
        if field.tag == _EXTENSIONS
        for oid, *_critical, value in (
            sequence(extension, 2, 3) for extension in expect(only(field.contents), SEQUENCE).children()
        )
        if expect(oid, _OID).contents == _SUBJECT_ALT_NAME
    ]
    if len(found) != 1:
        return (), ()
    try:
        names = tuple(expect(only(expect(found[0], _OCTET_STRING).contents), SEQUENCE).children())
    except CertificateFault:
        return (), ()
    return (
        tuple(_host(name.contents) for name in names if name.tag == _DNS_NAME),
        tuple(_address_text(name.contents) for name in names if name.tag == _IP_ADDRESS and _is_address(name)),
    )


def _is_address(name: Element) -> bool:
    return name.end - name.start in (4, 16)


def _host(octets: bytes) -> str:
    """A dNSName, with octets that no host name has escaped so that it can match none."""
    text = octets.decode("latin-1")
    if text.isascii() and text.isprintable() and "\\" not in text:
        return text
    return "".join(char if "!" <= char <= "~" and char != "\\" else f"\\x{ord(char):02x}" for char in text)


def _address_text(octets: bytes) -> str:
    import socket  # noqa: PLC0415 - this module is about bytes; only certificates with addresses need it

    return socket.inet_ntop(socket.AF_INET if len(octets) == 4 else socket.AF_INET6, octets)


def _address(text: str) -> str:
    """``text`` as ``_address_text`` would write it, '' if it is no IP address."""
    import socket  # noqa: PLC0415 - this module is about bytes; see _address_text

    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            return socket.inet_ntop(family, socket.inet_pton(family, text))
        except (OSError, ValueError):  # ValueError: a NUL, or not ASCII
            continue
    return ""
