"""Hosts as users write them: names, addresses, socket paths, and addresses with ports.

Functions that take text raise ValueError with a reason that fits behind the option's name.  No name is looked up.
"""

from __future__ import annotations

import _socket as socket  # as in net/connection.py
import re

from ..smtp import address
from .settings import shown

NAME_LIMIT = 253
"""Octets of a domain name without its last dot (RFC 1035 section 2.3.4)."""

PATH_LIMIT = 107
"""Octets of a unix socket's path: sun_path of Linux without the NUL."""

# Text: few checks need it, and to compile a pattern costs more than to send a command.
_ENDPOINT = r"(?:\[(?P<bracketed>[^][]*)\]|(?P<bare>[^][:]*)):(?P<port>[^:]*)"


def is_path(host: str) -> bool:
    """Whether ``host`` is the path of a unix socket."""
    return host.startswith("/")


def family(host: str) -> int:
    """4 or 6 for an IPv4 or IPv6 address (without brackets), 0 for anything else."""
    if _packed(socket.AF_INET, host):
        return 4
    return 6 if _packed(socket.AF_INET6, host.partition("%")[0]) else 0


def is_loopback(host: str) -> bool:
    """Whether an address never leaves this machine, IPv4 addresses inside IPv6 ones too; False for names."""
    packed = _packed(socket.AF_INET, host)
    if packed:
        return packed[0] == 127
    packed = _packed(socket.AF_INET6, host.partition("%")[0])
    return packed == bytes(15) + b"\1" or packed.startswith(bytes(10) + b"\xff\xff\x7f")


def host(text: str) -> str:
    """A name (as A-labels), an address (without brackets) or the absolute path of a unix socket."""
    if not text:
        raise ValueError("takes a host name, an address or the path of a unix socket, not an empty text")
    if is_path(text):
        if len(text.encode()) > PATH_LIMIT:
            raise ValueError(f"takes the path of a unix socket of at most {PATH_LIMIT} octets, not {shown(text)}")
        return text
    if not text.startswith("[") and not family(text):
        return name(text)
    literal = ip(text)
    packed = _packed(socket.AF_INET, literal) or _packed(socket.AF_INET6, literal.partition("%")[0])
    if not any(packed):
        raise ValueError(f"takes an address to connect to, not {shown(text)}")
    if _is_link_local(packed) and "%" not in literal:
        raise ValueError(f"takes a link-local address with its zone, such as {literal}%eth0")
    return literal


def identity(host: str) -> str | bytes:
    """The same for all spellings of one host: case and a last dot of a name, zeros of an address, an IPv4 address
    inside an IPv6 one."""
    if is_path(host):
        return host
    literal, _, zone = host.partition("%")
    packed = _packed(socket.AF_INET, host) or _packed(socket.AF_INET6, literal)
    if not packed:
        return host.lower().rstrip(".")
    return packed[-4:] if packed.startswith(bytes(10) + b"\xff\xff") else packed + zone.encode()


def ip(text: str) -> str:
    """An IPv4 or IPv6 address, brackets around it dropped."""
    bare = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    if not family(bare):
        raise ValueError(f"takes an IPv4 or IPv6 address, not {shown(text)}")
    scope = bare.partition("%")[2]
    if "%" in bare and not (scope.isascii() and scope.isdigit()):
        try:
            socket.if_nametoindex(scope)
        except (OSError, UnicodeError):
            raise ValueError(f"takes an address of a network interface this host has, not {shown(text)}") from None
    return bare


def name(text: str) -> str:
    """A domain name as A-labels; a last dot stays."""
    rootless = text[:-1] if text.endswith(".") else text
    ascii_name = rootless
    if not rootless.isascii():
        # The domain of a mail address is made ASCII by the same rules.
        try:
            ascii_name = address.parse(f"postmaster@{rootless}").domain
        except ValueError:
            raise ValueError(f"takes a host name, and {shown(text)} has no form in ASCII (IDNA)") from None
    labels = ascii_name.split(".")
    if len(ascii_name) > NAME_LIMIT or not all(map(_is_label, labels)):
        hint = ", the port goes to -p" if re.fullmatch(r"[^:]+:[0-9]+", text) else ""
        raise ValueError(f"takes a host name or an address, not {shown(text)}{hint}")
    # The C library would read 10.1, 127.000.0.1 or 0x7f000001 as an address, and each in its own way.
    last = labels[-1].lower()
    if last.isdigit() or (last.startswith("0x") and not last[2:].strip("0123456789abcdef")):
        raise ValueError(f"takes a host name or an address, and {shown(text)} is no valid IPv4 address")
    return ascii_name + text[len(rootless) :]


def is_name(text: str) -> bool:
    """Whether ``text`` is a host name, and no address literal."""
    try:
        return name(text) == text
    except ValueError:
        return False


def _is_label(text: str) -> bool:
    return address.is_label(text) and not text.startswith("-") and not text.endswith("-")


def port(text: str, lowest: int = 1) -> int:
    """A port number."""
    if not (text.isascii() and text.isdigit() and len(text) <= 5) or not lowest <= int(text) <= 65535:
        raise ValueError(f"takes a port from {lowest} to 65535, not {shown(text)}")
    return int(text)


def endpoint(text: str, lowest: int = 1) -> tuple[str, int]:
    """``ADDR:PORT``, an IPv6 address in brackets."""
    match = re.fullmatch(_ENDPOINT, text)
    literal = match and (match["bare"] if match["bracketed"] is None else match["bracketed"])
    if match is None or not literal or family(literal) != (6 if match["bracketed"] is not None else 4):
        raise ValueError(f"takes ADDR:PORT with an IPv4 address or an IPv6 address in [], not {shown(text)}")
    return literal, port(match["port"], lowest)


def nameserver(text: str) -> tuple[str, int]:
    """``ADDR[:PORT]``, port 53 by default."""
    if family(text) or text.endswith("]"):
        return ip(text), 53
    try:
        return endpoint(text)
    except ValueError:
        raise ValueError(f"takes ADDR[:PORT], an IPv6 address with port in [], not {shown(text)}") from None


def proxy(text: str) -> tuple[str, int, str, int]:
    """``SRC:PORT,DST:PORT`` of one family (PROXY protocol, version 1)."""
    source, _, destination = text.partition(",")
    try:
        ends = endpoint(source, 0) + endpoint(destination, 0)
    except ValueError:
        raise ValueError(f"takes SRC:PORT,DST:PORT, IPv6 addresses in [], not {shown(text)}") from None
    if family(ends[0]) != family(ends[2]) or "%" in text:
        raise ValueError(f"takes two plain addresses of one family, not {shown(text)}")
    return ends


def is_own(literal: str) -> bool:
    """Whether a connection can be made from this address: whether a socket can be bound to it."""
    kind = socket.AF_INET6 if family(literal) == 6 else socket.AF_INET
    try:
        found = socket.getaddrinfo(literal, 0, kind, socket.SOCK_STREAM, 0, socket.AI_NUMERICHOST)
        probe = socket.socket(kind, socket.SOCK_STREAM)
        try:
            probe.bind(found[0][4])
        finally:
            probe.close()
    except OSError:
        return False
    return True


def _is_link_local(packed: bytes) -> bool:
    """Whether an address means something on one interface only: fe80::/10 (RFC 4291 section 2.5.6)."""
    return len(packed) == 16 and packed[0] == 0xFE and packed[1] & 0xC0 == 0x80


def _packed(kind: int, text: str) -> bytes:
    try:
        return socket.inet_pton(kind, text)
    except (OSError, ValueError):  # ValueError: not ASCII, or a NUL
        return b""
