"""Hold conversations by number: ``python -m conversations [--first N] [--count N] [--seconds S] [--processes N]``.

Each number is one conversation.  Says how many were held and how they ended; what goes wrong is told with its number
and the whole conversation, and the exit code is 1 then.  ``--sockets`` holds them over real ones, 100 to a number,
targets of one check; ``--resident`` 250 of them, checks of one back end.
"""

from __future__ import annotations

import argparse
import gc
import os
import ssl
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

from servers.certs import Certs

from . import residents, sockets, truth
from .simulation import Simulation

TARGETS, CHECKS = 100, 250
"""Conversations at the same time over sockets."""

STEP = 10_000_000
"""Numbers between the first ones of two processes."""

FAULTS_SHOWN = 5

Hold = Callable[[Random, int, ssl.SSLContext], list[sockets.Held]]


class Tally:
    """How many conversations ended how."""

    def __init__(self) -> None:
        self.held = 0
        self.faults = 0
        self._codes: Counter[int] = Counter()
        self._accepted: Counter[bool | None] = Counter()

    def note(self, played: truth.Conversation, number: str) -> None:
        """Hold one conversation against the truth."""
        self.held += 1
        self._codes[played.code] += 1
        try:
            self._accepted[truth.check_verdict(played)] += 1
        except AssertionError as error:
            self.fault(number, error)
            print(f"{played.settings.plan}\n\n{played.text[:3000]}")
            print(f"deadline at {played.deadline:.3f}, ended {played.late:.3f} s after it")
            print("\n".join(map(str, (*played.player.entries, *played.player.received))))

    def fault(self, number: str, error: Exception) -> None:
        self.faults += 1
        print(f"\nconversation {number}:")
        traceback.print_exception(type(error), error, error.__traceback__, file=sys.stdout)

    def __str__(self) -> str:
        exits = ", ".join(f"exit {code}: {count}" for code, count in sorted(self._codes.items()))
        taken = self._accepted
        return (
            f"{self.held} conversations, {self.faults} faults; {exits};"
            f" taken by the server: {taken[True]}, not: {taken[False]}, not to be known: {taken[None]}"
        )


def simulated(numbers: Iterator[int], tally: Tally) -> None:
    """Conversations on a clock of their own."""
    with Simulation() as simulation:
        for number in numbers:
            try:
                played = simulation.play(Random(number))
                truth.check_output(played.text, played.code)
            except Exception as error:
                tally.fault(str(number), error)
            else:
                tally.note(played, str(number))
            if tally.faults >= FAULTS_SHOWN:
                return


def over_sockets(numbers: Iterator[int], tally: Tally, hold: Hold, count: int) -> None:
    """Conversations over sockets."""
    with tempfile.TemporaryDirectory() as directory:
        context = Certs(Path(directory)).context()
        for number in numbers:
            try:
                held = hold(Random(number), count, context)
            except Exception as error:
                tally.fault(str(number), error)
                continue
            for index, one in enumerate(held):
                tally.note(one, f"{number}, the one with {sockets.address(index)}")
            if tally.faults >= FAULTS_SHOWN:
                return


def main() -> int:
    parser = argparse.ArgumentParser(prog="conversations", description=__doc__)
    parser.add_argument("--first", type=int, default=0, help="number of the first conversation")
    parser.add_argument("--count", type=int, default=sys.maxsize, help="how many numbers")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="how long at most")
    parser.add_argument("--processes", type=int, default=1, help="how many at the same time")
    parser.add_argument("--sockets", action="store_true", help="over sockets")
    parser.add_argument("--resident", action="store_true", help="over sockets, by a back end of the resident")
    given = parser.parse_args()
    if given.processes > 1:
        return _many(given)
    gc.freeze()
    gc.set_threshold(50_000)  # a third of the time otherwise
    tally = Tally()
    numbers = _numbers(given.first, given.count, given.seconds)
    if given.resident:
        over_sockets(numbers, tally, residents.hold, CHECKS)
    elif given.sockets:
        over_sockets(numbers, tally, sockets.hold, TARGETS)
    else:
        simulated(numbers, tally)
    print(tally)
    return 1 if tally.faults else 0


def _many(given: argparse.Namespace) -> int:
    """The same in several processes, each with numbers of its own."""
    share = -(-given.count // given.processes)
    command = [
        sys.executable,
        "-m",
        "conversations",
        *(f"--{way}" for way in ("sockets", "resident") if getattr(given, way)),
    ]
    children = [
        subprocess.Popen(
            [*command, f"--first={given.first + index * STEP}", f"--count={share}", f"--seconds={given.seconds}"],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        for index in range(given.processes)
    ]
    return max(child.wait() for child in children)


def _numbers(first: int, count: int, seconds: float) -> Iterator[int]:
    end = time.monotonic() + seconds
    number = first
    while number < first + count and time.monotonic() < end:
        yield number
        number += 1


if __name__ == "__main__":
    sys.exit(main())
