"""Envelope addresses: RFC 5321 sections 4.1.2 and 4.1.3, RFC 6531 section 3.3.

Only what could break a command or a header line, or means something else than it looks like, is refused: an
operator may want to see what a server says to an odd address.
"""

from __future__ import annotations

import re

from ..record import NamedTuple

PATH_LIMIT = 900
"""Octets of an address, so that a command with its parameters and a header line stay below 998."""

LABEL_LIMIT = 63
"""Octets of one label of a domain name (RFC 1035 section 2.3.4)."""

# RFC 5321 section 4.1.2 with UTF8-non-ascii of RFC 6531 section 3.3. Text, since to compile a pattern costs more than
# to send a command, and most addresses need none.
_QUOTED = r'"(?:[ !#-\[\]-~\u0080-\U0010ffff]|\\[ -~])*"'
_NAMED = r'(?:[^"<>]|"(?:[^"\\]|\\.)*")*(<.*>)'
_ATOM_SIGNS = "!#$%&'*+/=?^_`{|}~-"
_SPECIALS = ' ()<>[]:;,\\"'
_IDEOGRAPHIC_DOTS = "\u3002\uff0e\uff61"


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
        if self.local.startswith('"') or not self.local or all(map(_is_atom, self.local.split("."))):
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


def without_name(text: str) -> str:
    """``<address>`` of ``Name <address>``, as mail programs write it; any other text as it is."""
    if not text.endswith(">") or text.startswith("<"):
        return text
    named = re.fullmatch(_NAMED, text)
    return named[1] if named else text


def _split(text: str) -> tuple[str, str | None]:
    """Local part and what stands after the @; None where there is no @."""
    if text.startswith('"'):
        quoted = re.match(_QUOTED, text)
        if quoted is None:
            raise ValueError("the quoted local part does not end")
        local, rest = quoted[0], text[quoted.end() :]
        if rest and not rest.startswith("@"):
            raise ValueError("after the quoted local part an @ is wanted")
        return local, rest[1:] if rest else None
    local, at, domain = text.partition("@")
    found = next((char for char in local if char in _SPECIALS), None)
    if found is not None:
        sign = "space" if found == " " else found
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
    for dot in _IDEOGRAPHIC_DOTS:
        text = text.replace(dot, ".")
    name = ".".join(label if label.isascii() else _a_label(label) for label in text.split("."))
    if len(name) > 255 or not all(map(is_label, name.split("."))):
        raise ValueError("not a domain name or address literal after the @")
    return name


def is_label(text: str) -> bool:
    """Whether ``text`` can stand between the dots of a domain name, the underscore of old habits allowed."""
    letters = text.replace("-", "").replace("_", "")
    return 0 < len(text) <= LABEL_LIMIT and text.isascii() and (letters.isalnum() or not letters)


def _is_atom(text: str) -> bool:
    return text != "" and all(char.isalnum() or char in _ATOM_SIGNS or char >= "\x80" for char in text)


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
