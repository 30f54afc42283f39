"""Why no connection came about, where the error's number alone does not tell: routes, firewalls, zones."""

from __future__ import annotations

import _socket as socket  # as in connection.py
import errno

from ..findings import Failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..findings import Address

_IP_RECVERR = 11  # of linux/in.h; the socket module has no name for it
_ORIGIN_ICMP = 2  # struct sock_extended_err of linux/errqueue.h: number, origin, type, code
_UNREACHABLE = 3  # ICMP type, RFC 792
_PROHIBITED = frozenset((9, 10, 13))  # its codes for what an administrator wants so, RFC 1812 section 5.2.7.1
_ANCILLARY_SPACE = 512


def explain(code: int, address: Address, sock: socket.socket, at_once: bool) -> Failure | None:
    """The failure that ``code``, an errno of connecting ``sock`` to ``address``, means; None where it says all itself.

    ``at_once``: connect() itself failed, so that it was this host who said so, and nobody on the way.
    """
    if address.family == socket.AF_UNIX:
        return None
    if code == errno.EINVAL and _lacks_zone(address):
        cause = f"the link-local address {address.text} has no zone, which interface to take"
        return Failure("unreachable", cause)
    if code == errno.EINVAL:
        return Failure("unreachable", f"a blackhole route of this host swallows what goes to {address.place}")
    if code in (errno.EACCES, errno.EPERM) and at_once:
        words = f"this host may not connect to {address.place}: a prohibit route, its packet filter or SELinux"
        return Failure("unreachable", words)
    # For ICMPv6 there is a number of its own (RFC 4443 section 3.1, codes 1, 5 and 6).
    if (code == errno.EACCES and address.family == socket.AF_INET6) or (not at_once and _prohibited(sock)):
        return Failure("unreachable", f"a firewall rejects connections to {address.place} (ICMP: prohibited)")
    return None


def _lacks_zone(address: Address) -> bool:
    # fe80::/10; the system gives the zone as a number of its own, 0 for none.
    return len(address.sockaddr) == 4 and address.text[:3] in ("fe8", "fe9", "fea", "feb") and not address.sockaddr[3]


def _prohibited(sock: socket.socket) -> bool:
    """Whether the ICMP message that ended the attempt came of a rule.  Linux keeps it from 5.11 on."""
    try:
        while True:
            _data, ancillary, _flags, _peer = sock.recvmsg(1, _ANCILLARY_SPACE, socket.MSG_ERRQUEUE)
            for level, kind, data in ancillary:
                if (level, kind) == (socket.IPPROTO_IP, _IP_RECVERR) and tuple(data[4:6]) == (
                    _ORIGIN_ICMP,
                    _UNREACHABLE,
                ):
                    return data[6] in _PROHIBITED
    except (AttributeError, OSError):  # no such queue on this system, or nothing more in it
        return False
