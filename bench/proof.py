"""The proof that the work which was measured was done: what the server counted."""

from __future__ import annotations

from collections.abc import Iterable

from commands import Command

from servers.steady import Counts


def prove(done: Counts, runs: Iterable[Command]) -> None:
    """End the benchmark unless the server did what all ``runs`` (each command as often as it was run) were to do:
    octets at least, since clients add headers of their own, everything else exactly."""
    wanted = Counts(*map(sum, zip(*(command.work for command in runs))))
    if done.octets < wanted.octets or done._replace(octets=wanted.octets) != wanted:
        raise SystemExit(f"the server should have done {wanted}, but did {done}")
