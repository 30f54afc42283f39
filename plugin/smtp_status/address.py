"""Envelope addresses: RFC 5321 sections 4.1.2 and 4.1.3, RFC 6531 section 3.3.

Only what could break a command or a header line, or means something else than it looks like, is refused: an
operator may want to see what a server says to an odd address.
"""

from __future__ import annotations

import re

from .record import NamedTuple

PATH_LIMIT = 900
"""Octets of an address, so that a command with its parameters and a header line stay below 998."""

# RFC 5321 section 4.1.2 with UTF8-non-ascii of RFC 6531 section 3.3
_QUOTED = re.compile(r'"(?:[ !#-\[\]-~\u0080-\U0010ffff]|\\[ -~])*"')
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\u0080-\U0010ffff-]+"
_ATOMS = re.compile(rf"{_ATOM}(?:\.{_ATOM})*")
_SPECIALS = re.compile(r'[][ ()<>:;,\\"]')
_HOST_LABEL = re.compile(r"[A-Za-z0-9_-]{1,63}")


class Mailbox(NamedTuple):
    """One envelope address; both parts are '' for the null reverse-path.

    ``local`` stands as it was given, quotes included.  ``domain`` is ASCII: a name with A-labels, an address
    literal with its brackets, or '' where only a local part was given.
    """

    local: str
    domain: str = ""

    @property
    def needs_utf8(self) -> bool:
        """Whether the address can be sent with SMTPUTF8 only."""
        return not self.local.isascii()

    @property
    def address(self) -> str:
        """``local@domain``, '' for the null reverse-path."""
        return f"{self.local}@{self.domain}" if self.domain else self.local

    @property
    def text(self) -> str:
        """The address for people, without angle brackets."""
        return self.address or "null reverse-path"

    def path(self) -> bytes:
        """Reverse-path or forward-path as it goes on the wire, with angle brackets."""
        return f"<{self.address}>".encode()

    def header(self) -> str:
        """The addr-spec of RFC 5322 section 3.4.1; a local part no dot-atom can hold (``a..b``) is quoted."""
        if self.local.startswith('"') or not self.local or _ATOMS.fullmatch(self.local):
            return self.address
        return f'"{self.local}"' + self.address[len(self.local) :]


NULL = Mailbox("")


def parse(text: str) -> Mailbox:
    """The address ``text`` names: ``''`` and ``<>`` are the null reverse-path, angle brackets may be left
    out, and so may the domain (RFC 5321 section 4.5.1 for postmaster; servers complete others too).

    Raises ValueError with a short reason, without the address.
    """
    if not text.isprintable():
        raise ValueError("holds a character that is not printable")
    if text.startswith("<") and text.endswith(">") and len(text) > 1:
        text = text[1:-1]
    if not text:
        return NULL
    if len(text.encode()) > PATH_LIMIT:
        raise ValueError(f"longer than {PATH_LIMIT} octets")
    if text.startswith("@"):
        raise ValueError("source route" if ":" in text else "no local part before the @")
    local, domain = _split(text)
    return Mailbox(local, "" if domain is None else _domain(domain))


def _split(text: str) -> tuple[str, str | None]:
    """Local part and what stands after the @; None where there is no @."""
    if text.startswith('"'):
        quoted = _QUOTED.match(text)
        if quoted is None:
            raise ValueError("the quoted local part does not end")
        local, rest = quoted[0], text[quoted.end() :]
        if rest and not rest.startswith("@"):
            raise ValueError("after the quoted local part an @ is wanted")
        return local, rest[1:] if rest else None
    local, at, domain = text.partition("@")
    found = _SPECIALS.search(local)
    if found is not None:
        sign = "space" if found[0] == " " else found[0]
        raise ValueError(f"a {sign} in the local part, which must stand in double quotes then")
    return local, domain if at else None


def _domain(text: str) -> str:
    if not text:
        raise ValueError("no domain after the @")
    if text.startswith("["):
        return _literal(text)
    if "@" in text:
        raise ValueError("more than one @")
    # IDNA lets the ideographic full stops separate labels too (RFC 3490 section 3.1)
    labels = re.split("[.\u3002\uff0e\uff61]", text)
    name = ".".join(label if label.isascii() else _a_label(label) for label in labels)
    if len(name) > 255 or not all(_HOST_LABEL.fullmatch(label) for label in name.split(".")):
        raise ValueError("not a domain name or address literal after the @")
    return name


def _literal(text: str) -> str:
    """An address literal (RFC 5321 section 4.1.3), tag and brackets included."""
    import socket  # noqa: PLC0415 - rarely needed

    family, address = socket.AF_INET, text[1:-1]
    if address[:5].upper() == "IPV6:":
        family, address = socket.AF_INET6, address[5:]
    try:
        if not text.endswith("]"):
            raise OSError
        socket.inet_pton(family, address)
    except (OSError, UnicodeError):
        raise ValueError("an address literal is [192.0.2.1] or [IPv6:2001:db8::1]") from None
    return text


def _a_label(label: str) -> str:
    """The A-label of one label (RFC 5891 section 4), in lower case and composed.

    The codec ``idna`` is the one of 2003: it turns ß into ss, which is another domain, and knows no script
    newer than Unicode 3.2.
    """
    import unicodedata  # noqa: PLC0415 - for internationalised names only

    label = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", label).lower())
    for char in label:
        if char != "-" and unicodedata.category(char) not in {"Ll", "Lo", "Lm", "Mn", "Mc", "Nd"}:
            raise ValueError("a character in the domain that no domain name may hold")
    if label.isascii():
        return label
    return "xn--" + label.encode("punycode").decode("ascii")
