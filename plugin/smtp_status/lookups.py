"""Drives lookups in the DNS: any number of them at the same time, in one loop, under one deadline.

A lookup is a generator that yields the questions it has now, all of which are asked at once, and is sent their answers
in the same order; what it returns is what it found.  Nothing is decided here but how resolvers are asked.
"""

from __future__ import annotations

import errno
import os
import selectors
import socket
from time import monotonic

from . import clock, dnswire, text
from .dnswire import Query
from .model import Failure
from .record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator, Iterable
    from typing import Generic, TypeVar, Union

    from .dnswire import MxRecord, Response
    from .engine import Deadline
    from .model import Address
    from .nameservers import Resolver

    T = TypeVar("T")
    Steps = Generator[tuple[Query, ...], tuple["Answer", ...], T]

    class _OfT(Generic[T]):
        pass

else:
    Union = None

EXTENDED_LIMIT = 60
"""Characters of a resolver's own words in a failure."""

_RECEIVE_SIZE = 65535

_BOGUS = {
    6: "DNSSEC bogus",
    7: "signature expired",
    8: "signature not yet valid",
    9: "DNSKEY missing",
    10: "signatures missing",
    11: "no zone key bit set",
    12: "NSEC missing",
    25: "signature expired before valid",
}
"""Extended errors (IANA registry of RFC 8914) that mean: validation failed."""

_UNANSWERED = ("bogus", "servfail", "refused", "protocol", "unreachable", "timeout")
"""Failures of several resolvers: the first of these kinds says most."""

_IN_PROGRESS = frozenset((errno.EINPROGRESS, errno.EWOULDBLOCK, errno.EAGAIN))
