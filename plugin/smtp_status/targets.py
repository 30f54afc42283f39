"""What several targets are called in perfdata labels, and which address of one is tried first."""

from __future__ import annotations

import re
import socket

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from .model import Address

_NOT_IN_LABELS = re.compile(r"[^A-Za-z0-9_.-]")


def labels(wanted: Iterable[str]) -> tuple[str, ...]:
    """Labels made of ``wanted``, each of ``A-Za-z0-9_.-`` only and each once, in their order."""
    taken: set[str] = set()
    made = []
    for text in wanted:
        label = plain = _NOT_IN_LABELS.sub("-", text.rstrip(".")) or "-"
        number = 1
        while label in taken:
            number += 1
            label = f"{plain}-{number}"
        taken.add(label)
        made.append(label)
    return tuple(made)


def reachable_first(addresses: tuple[Address, ...]) -> tuple[Address, ...]:
    """The addresses this machine has a route to before the others, else in their order (RFC 6724 section 6, rule 1).

    The system's resolver sorts so; who asks the DNS has to.  Nothing is sent.
    """
    return tuple(sorted(addresses, key=_unreachable)) if len(addresses) > 1 else addresses


def _unreachable(address: Address) -> bool:
    try:
        with socket.socket(address.family, socket.SOCK_DGRAM) as probe:
            probe.connect(address.sockaddr)
    except OSError:
        return True
    return False
