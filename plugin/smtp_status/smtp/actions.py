"""What a conversation asks of whoever holds its connection (``net.conversation``), and what comes of it.

A conversation yields ``Connect`` once and then ``Tell``, ``Ask`` and ``Handshake``; it is sent ``Connected``, ``Told``,
``Answered`` and ``Secured``, or a ``Failure``.  All times are seconds; ``at`` is an instant of the monotonic clock.
"""

from __future__ import annotations

from ..record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Union

    from ..findings import Address, Failure
    from ..tls.plan import TlsPlan
    from .replies import Reply

    Action = Union["Connect", "Tell", "Ask", "Handshake"]
    Result = Union["Connected", "Told", "Answered", "Secured", "Failure"]


class Connect(NamedTuple):
    """Connect to the first of ``addresses`` that answers."""

    addresses: tuple[Address, ...]


class Connected(NamedTuple):
    """The connection to ``address`` stands.  ``own`` is our end's (numeric address, port), ('', 0) for a unix socket;
    ``failed`` tells of the addresses tried before."""

    address: Address
    own: tuple[str, int]
    seconds: float
    at: float
    failed: tuple[Failure, ...] = ()


class Tell(NamedTuple):
    """Send ``octets``, to which there is no reply."""

    octets: bytes


class Told(NamedTuple):
    """Everything was sent."""

    at: float


class Ask(NamedTuple):
    """Send ``payload`` (nothing, where it is empty) and read one reply.

    ``limit``: seconds to wait at most, besides the deadline.  ``strict``: what the server sent before this was asked
    is a fault, unless it is a 421; otherwise it is dropped.  ``from_first_octet``: the latency counts from the
    payload's first octet, not from its last.
    """

    payload: Iterable[bytes] = ()
    limit: float | None = None
    strict: bool = True
    from_first_octet: bool = False


class Answered(NamedTuple):
    """One reply.  ``early``: it came before all of the payload was sent, and the rest was not sent.  ``unasked``: it
    was there before the payload, none of which was sent; ``seconds`` then means nothing.  ``by_kernel``: the kernel's
    clock measured ``seconds``."""

    reply: Reply
    seconds: float
    at: float
    early: bool = False
    unasked: bool = False
    by_kernel: bool = False


class Handshake(NamedTuple):
    """Begin TLS with ``name`` as the reference name; what the server sent in plain text by now is a fault."""

    plan: TlsPlan
    name: str


class Secured(NamedTuple):
    """TLS stands.  ``chain`` and ``unique`` as in ``tls.layer.Peer``."""

    version: str
    cipher: str
    chain: tuple[bytes, ...]
    seconds: float
    at: float
    unique: bytes = b""
