"""The header of the PROXY protocol, which a load balancer sends first (proxy-protocol.txt of HAProxy)."""

from __future__ import annotations

from ..findings import Failure
from .actions import Tell
from .session import command_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .session import Session, Steps

    Ends = tuple[str, int, str, int]

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
"""How a header of version 2 begins (section 2.2)."""

_LOCAL, _PROXY = 0x20, 0x21  # the version, and whose connection it is
_UNSPECIFIED, _TCP4, _TCP6 = 0x00, 0x11, 0x21


def proxy(session: Session, ends: tuple[()] | Ends) -> Steps[None]:
    """Send the header with ``ends`` (source, port, destination, port), or with the connection's own."""
    link = session.link
    assert link is not None
    there = link.address
    told = ends or (*link.own, there.text.partition("%")[0], there.port)
    text = _text(told)
    if session.plan.proxy_version == 1:
        header = command_line(text.encode("ascii"))
        session.observations.say(text)
    else:
        header = _binary(told)
        session.observations.say(f"{text} (version 2, {len(header)} octets)")
    result = yield Tell(header)
    if isinstance(result, Failure):
        session.fail("banner", result, session.cause("PROXY", result))


def _text(ends: Ends) -> str:
    source, source_port, destination, port = ends
    if not (source and destination):
        return "PROXY UNKNOWN"
    return f"PROXY {'TCP6' if ':' in source else 'TCP4'} {source} {destination} {source_port} {port}"


def _binary(ends: Ends) -> bytes:
    import socket  # noqa: PLC0415 - few checks send this header

    source, source_port, destination, port = ends
    if not (source and destination):
        return SIGNATURE + bytes((_LOCAL, _UNSPECIFIED, 0, 0))
    kind, family = (_TCP6, socket.AF_INET6) if ":" in source else (_TCP4, socket.AF_INET)
    block = socket.inet_pton(family, source) + socket.inet_pton(family, destination)
    block += source_port.to_bytes(2, "big") + port.to_bytes(2, "big")
    return SIGNATURE + bytes((_PROXY, kind)) + len(block).to_bytes(2, "big") + block
