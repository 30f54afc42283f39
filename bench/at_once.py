"""What many checks at once do to each other in one resident: their times, their deadlines, and the cores they use."""

from __future__ import annotations

import os
import re
import select
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from table import Table
from truth import Errors

from servers.capture import Capture, Packet, conversations, name_of, stages, turns
from servers.netns import NetworkNamespace
from servers.ports import silent_port
from servers.resident import Asked, Resident, network_namespace, request
from servers.steady import SteadyServer

AT_ONCE = 300
BESIDE = 1000
TICKS = os.sysconf("SC_CLK_TCK")

_TIME = re.compile(r"\btime(?:_([a-z]+))?=([0-9.]+)s")


def table(base: Path, rounds: int) -> Table:
    """All of it; ``rounds`` times each, below ``base``."""
    commands, totals = _times(base, rounds)
    late = [second for _ in range(rounds) for second in _deadlines(base)]
    one, two = _throughput(base, 1, 1000 * rounds), _throughput(base, 2, 1000 * rounds)
    rows = [
        [f"`time` of {AT_ONCE} checks at once, against a capture, median / 99 %", f"{totals} us"],
        ["times of their stages, median / 99 %", f"{commands} us"],
        [
            f"`-t` beside {BESIDE:,} others: late by, median / 99 %",
            f"{statistics.median(late) * 1000:.0f} / {sorted(late)[int(len(late) * 0.99)] * 1000:.0f} ms",
        ],
        ["cores that one back end uses, many at a time", f"{sum(one):.2f}"],
        ["cores that two use, each", " and ".join(f"{share:.2f}" for share in two)],
    ]
    return Table(["many checks at once", "measured"], rows)


@contextmanager
def _resident(base: Path, *options: str, wrap: Sequence[str] = ()) -> Iterator[Resident]:
    place = base / f"at-once-{len(os.listdir(base))}"
    place.mkdir()
    resident = Resident(place, *options, wrap=wrap)
    resident.start()
    try:
        yield resident
    finally:
        resident.stop()


def _times(base: Path, rounds: int) -> tuple[Errors, Errors]:
    """How far the times of stages, and the totals, are from a capture, in microseconds."""
    found: list[float] = []
    totals: list[float] = []
    with (
        NetworkNamespace() as namespace,
        SteadyServer(wrap=namespace.enter, delays={"banner": 100}) as server,
        _resident(base, wrap=namespace.enter) as resident,
    ):
        network = namespace.call(network_namespace)
        for _ in range(rounds):
            said = {}
            with Capture(base / "capture", server.port, wrap=namespace.enter) as capture:
                words = ("-H", server.host, "-p", str(server.port), "-f", "a@example.org", "--to", "b@example.org")
                asked = {
                    name: Asked(resident, request(*words, "-F", name, network=network))
                    for name in (f"n{number}.example.org" for number in range(AT_ONCE))
                }
                for name, one in asked.items():
                    with one:
                        said[name] = one.answer().decode()
            for packets in conversations(capture.packets):
                text = said[name_of(packets)]
                times = {stage: float(seconds) for stage, seconds in _TIME.findall(text)}
                totals.append(abs(times.pop("") - _total(packets)) * 1e6)
                found += [
                    abs(times[stage] - seconds) * 1e6
                    for stage, seconds in stages(packets).items()
                    if stage not in ("connect", "quit")
                ]
    return Errors(sorted(found)), Errors(sorted(totals))


def _total(packets: Sequence[Packet]) -> float:
    """Seconds from the first SYN to the reply to the message."""
    return (turns(packets)[-2].answered - packets[0].at) / 1e9


def _deadlines(base: Path) -> list[float]:
    """By how many seconds each of many checks of a silent server missed its deadline."""
    with silent_port() as silent, _resident(base) as resident:
        poll = select.poll()
        waiting = {}
        for number in range(BESIDE):
            seconds = 4 + number % 50 * 0.04
            due = time.monotonic() + seconds
            words = ("-H", "127.0.0.1", "-p", str(silent), "-t", f"{seconds:.2f}")
            one = Asked(resident, request(*words))
            waiting[one.sock.fileno()] = (one, due)
            poll.register(one.sock.fileno(), select.POLLIN | select.POLLHUP)
        late = []
        answers = dict.fromkeys(waiting, b"")
        while waiting:
            for descriptor, _events in poll.poll(8000):
                one, due = waiting[descriptor]
                answers[descriptor] += one.sock.recv(1 << 16)
                if len(answers[descriptor]) > 1:
                    late.append(time.monotonic() - due)
                    poll.unregister(descriptor)
                    one.sock.close()
                    del waiting[descriptor]
    assert all(answer.startswith(b"A2") for answer in answers.values()), "a silent server is CRITICAL"
    return late


def _throughput(base: Path, processes: int, count: int) -> list[float]:
    """How many cores each of the back ends uses while there is always something to do."""
    with SteadyServer() as server, _resident(base, "--processes", str(processes)) as resident:
        while len(resident.back_ends) < processes:
            time.sleep(0.05)
        octets = request("-H", server.host, "-p", str(server.port), "-f", "a@example.org", "--to", "b@example.org")
        before = [_seconds(pid) for pid in resident.back_ends]
        began = time.monotonic()
        poll = select.poll()
        working: dict[int, Asked] = {}
        started = 0
        while started < count or working:
            while started < count and len(working) < 100:
                one = Asked(resident, octets)
                working[one.sock.fileno()] = one
                poll.register(one.sock.fileno(), select.POLLHUP)
                started += 1
            for descriptor, _events in poll.poll(8000):
                poll.unregister(descriptor)
                with working.pop(descriptor) as one:
                    assert one.answer().startswith(b"A0"), "this server takes mail"
        seconds = time.monotonic() - began
        return [(_seconds(pid) - first) / seconds for pid, first in zip(resident.back_ends, before)]


def _seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS
