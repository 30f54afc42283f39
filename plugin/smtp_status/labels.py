"""Names of several targets in perfdata labels: ``mx1.example.org``, ``mx1.example.org_192.0.2.1``."""

from __future__ import annotations

import re

from .model import Outcome, Target

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Union

    Entry = Union[Target, Outcome]

_NOT_IN_A_LABEL = r"[^A-Za-z0-9_.-]"


def label(host: str, address: str = "") -> str:
    """The label of one target; ``-`` stands for the colons of an IPv6 address, ``_`` for what no label may hold."""
    parts = [part.replace(":", "-") for part in (host.rstrip("."), address) if part]
    return re.sub(_NOT_IN_A_LABEL, "_", "_".join(parts))


def single_addresses(target: Target) -> list[Target]:
    """One target for each address of ``target``, labelled with both."""
    return [
        target._replace(addresses=(address,), label=label(target.host, address.text if address.port else ""))
        for address in target.addresses
    ]


def labelled(entries: Sequence[Entry]) -> list[Entry]:
    """The same targets, each with a label no other has."""
    taken: set[str] = set()
    return [_relabelled(entry, taken) for entry in entries]


def _relabelled(entry: Entry, taken: set[str]) -> Entry:
    target = entry.target if isinstance(entry, Outcome) else entry
    name = wanted = target.label or label(target.host)
    number = 1
    while name in taken:
        number += 1
        name = f"{wanted}_{number}"
    taken.add(name)
    named = target._replace(label=name)
    return entry._replace(target=named) if isinstance(entry, Outcome) else named
