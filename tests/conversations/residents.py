"""The resident's own back end against players behind real sockets: checks of all kinds, many in hand at a time.

Each player has a plan of its own, and the back end carries out all of them in one loop, as it does the checks that a
front hands over.
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
from random import Random
from unittest import mock

from smtp_status.net.selector import Selector
from smtp_status.options.settings import Settings
from smtp_status.resident import backend, check, link
from smtp_status.resident.check import Check

from . import truth
from .plans import any_plan
from .player import Player
from .sockets import PATIENCE, TIMEOUT, Held, address, listening


def hold(rng: Random, count: int, context: ssl.SSLContext) -> list[Held]:
    """``count`` checks at the same time.

    ``context`` is the server's side of TLS.  Raises AssertionError for what must hold of each output.
    """
    plans = [any_plan(rng) for _ in range(count)]
    players = [Player(rng, plan, time.monotonic() + TIMEOUT, PATIENCE) for plan in plans]
    port, servers = listening(players, context)
    settings = [
        Settings(plan=plan, hosts=(address(index),), port=port, timeout=TIMEOUT) for index, plan in enumerate(plans)
    ]
    checks: dict[int, _Check] = {}

    class _Check(Check):
        """One whose words are the number of its settings, and which is remembered."""

        def _read(self) -> None:
            number = int(self._wish.words[0])
            checks[number] = self
            given = self._settings = settings[number]
            if given.plan.tls.mode == "off":
                self._prepared()
            else:
                self._in_thread(self._make_context)

        def _done(self, code: int, output: bytes) -> None:
            self.ended = time.monotonic()
            super()._done(code, output)

        @property
        def outcome(self) -> truth.Outcome:
            (outcome,) = self._resource.outcomes
            return outcome

        @property
        def deadline(self) -> float:
            assert self._deadline is not None
            return self._deadline.at

    try:
        for server in servers:
            server.player.certificate = "good"
            server.start()
        # However busy the machine, none is left to a process of its own.
        with mock.patch.object(backend, "Check", _Check), mock.patch.object(check, "READING_SECONDS", 60.0):
            answers = _carried_out(count)
    finally:
        for server in servers:
            server.close()
        for server in servers:
            server.stop()
    assert sorted(answers) == list(range(count)), "a check was lost"
    held = []
    for index, (code, output) in sorted(answers.items()):
        text = output.decode()
        truth.check_output(text, code)
        done = checks[index]
        late = max(done.ended - done.deadline, 0.0)
        held.append(Held(settings[index], players[index], done.outcome, text, code, done.deadline, late))
    return held


def _carried_out(count: int) -> dict[int, tuple[int, bytes]]:
    """Exit code and output of the checks 0 to ``count``, by number, as a back end gives them to its front."""
    front, other = link.pair()
    answers: dict[int, tuple[int, bytes]] = {}

    def listen() -> None:
        while (packets := front.receive()) is not None:
            for packet in packets:
                if packet[:1] == link.RESULT:
                    number, code, output = link.unpacked(packet, 3)
                    answers[int(number)] = (int(code), output)
            front.flush()
            time.sleep(0.001)

    with Selector() as selector:
        back_end = backend.BackEnd(selector, link.Link(other), None)
        end = b"%.6f" % (time.monotonic() + 2 * TIMEOUT)
        for number in range(count):
            front.send(link.packed(link.CHECK, b"%d" % number, end, b"check_smtp_status %d" % number))
        front.send(link.packed(link.FINISH))
        listener = threading.Thread(target=listen)
        listener.start()
        back_end.run()
        other.shutdown(socket.SHUT_RDWR)
        listener.join()
    other.close()
    front.close()
    return answers
