"""The truth on the wire: a packet capture with nanoseconds, and what every stage of a conversation took in it."""

from __future__ import annotations

import signal
import struct
import subprocess
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from .requirements import need, need_root

_NANOSECONDS = 0xA1B23C4D  # magic of pcap files with nanoseconds
_ETHERNET, _RAW_IP = 1, 101
_SYN, _ACK = 0x02, 0x10
_AFTER_TLS = ("ehlo", "mail", "rcpt", "data", "message", "quit")


class Packet(NamedTuple):
    """One TCP segment.  ``at``: nanoseconds since the epoch.  ``client``: the client's port."""

    at: int
    client: int
    from_client: bool
    flags: int
    sequence: int
    payload: bytes


class Turn(NamedTuple):
    """What the client sent at a time, and what the server sent next; ``began`` and ``asked`` are the first and the
    last segment of the one, ``answered`` the last segment of the other, in nanoseconds."""

    began: int
    asked: int
    answered: int
    request: bytes
    reply: bytes


class Capture:
    """tcpdump on ``device`` behind ``wrap`` (the command that enters a namespace) as long as the ``with`` block.

    ``packets`` are known after it; a capture that lost some is an error.
    """

    def __init__(self, file: Path, port: int, device: str = "lo", wrap: Sequence[str] = ()) -> None:
        need_root("a packet capture")
        self.packets: list[Packet] = []
        self._file = file
        self._port = port
        self._command = [
            *(*wrap, need("tcpdump"), "-i", device, "-w", str(file), "-Z", "root", "-n", "-s", "512", "-B", "65536"),
            *("--immediate-mode", "-U", "--time-stamp-precision=nano", f"tcp port {port}"),
        ]

    def __enter__(self) -> Capture:
        self._process = subprocess.Popen(
            self._command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        assert self._process.stderr is not None
        while b"listening" not in self._process.stderr.readline():
            if self._process.poll() is not None:
                raise RuntimeError("tcpdump ended before it listened")
        return self

    def __exit__(self, *_: object) -> None:
        time.sleep(0.3)  # what has passed is written by then
        self._process.send_signal(signal.SIGINT)
        _, said = self._process.communicate(timeout=10)
        if b"\n0 packets dropped by kernel" not in b"\n" + said:
            raise RuntimeError(f"the capture is not complete: {said!r}")
        self.packets = list(read(self._file, self._port))


def read(file: Path, port: int) -> Iterator[Packet]:
    """The TCP segments to and from ``port``; IPv4 and IPv6 without extension headers."""
    content = file.read_bytes()
    order = "<" if struct.unpack("<I", content[:4])[0] == _NANOSECONDS else ">"
    magic, link = struct.unpack(f"{order}I16xI", content[:24])
    if magic != _NANOSECONDS or link not in (_ETHERNET, _RAW_IP):
        raise ValueError(f"no capture with nanoseconds: magic {magic:x}, link type {link}")
    position = 24
    while position + 16 <= len(content):
        seconds, nanoseconds, size, _ = struct.unpack_from(f"{order}IIII", content, position)
        frame = content[position + 16 : position + 16 + size]
        position += 16 + size
        yield _packet(seconds * 1_000_000_000 + nanoseconds, frame[14:] if link == _ETHERNET else frame, port)


def _packet(at: int, datagram: bytes, port: int) -> Packet:
    if datagram[0] >> 4 == 4:
        header, size = (datagram[0] & 15) * 4, struct.unpack_from(">H", datagram, 2)[0]
    else:
        header, size = 40, 40 + struct.unpack_from(">H", datagram, 4)[0]
    source, destination, sequence, _, offset, flags = struct.unpack_from(">HHIIBB", datagram, header)
    payload = datagram[header + (offset >> 4) * 4 : size]
    # Cut off by the snap length: its length still tells where it ends.
    payload += bytes(size - header - (offset >> 4) * 4 - len(payload))
    from_client = destination == port
    return Packet(at, source if from_client else destination, from_client, flags, sequence, payload)


def conversations(packets: Iterable[Packet]) -> list[list[Packet]]:
    """The packets of each connection, in order.  A port may serve one client after the other: a SYN with another
    sequence number begins another connection."""
    found: list[list[Packet]] = []
    current: dict[int, list[Packet]] = {}
    for packet in sorted(packets):
        opens = packet.from_client and packet.flags & _SYN
        if opens and (packet.client not in current or current[packet.client][0].sequence != packet.sequence):
            current[packet.client] = []
            found.append(current[packet.client])
        if packet.client in current:
            current[packet.client].append(packet)
    return found


def connect_time(packets: Sequence[Packet]) -> float:
    """Seconds from the first SYN to its answer."""
    began = next(packet.at for packet in packets if packet.flags & _SYN and packet.from_client)
    ended = next(packet.at for packet in packets if packet.flags & _SYN and packet.flags & _ACK)
    return (ended - began) / 1e9


def turns(packets: Sequence[Packet]) -> list[Turn]:
    """Who spoke when: first the greeting (asked by the SYN's answer), then each request with its reply."""
    first = next(packet.at for packet in packets if packet.flags & _SYN and packet.flags & _ACK)
    found = [Turn(first, first, first, b"", b"")]
    asking = False
    for packet in packets:
        if not packet.payload:
            continue
        last = found[-1]
        if not packet.from_client:
            found[-1] = last._replace(answered=packet.at, reply=last.reply + packet.payload)
        elif asking:
            found[-1] = last._replace(asked=packet.at, request=last.request + packet.payload)
        else:
            found.append(Turn(packet.at, packet.at, packet.at, packet.payload, b""))
        asking = packet.from_client
    return found


def name_of(packets: Sequence[Packet]) -> str:
    """What the client called itself in its first EHLO (the one in clear text)."""
    for turn in turns(packets):
        if turn.request[:4].upper() in (b"EHLO", b"HELO"):
            return turn.request.split()[1].decode("ascii")
    raise ValueError("no EHLO")


def stages(packets: Sequence[Packet]) -> dict[str, float]:
    """Seconds of each stage of a whole transaction with one recipient, with STARTTLS where there is one.

    From the last octet sent to the last octet of the reply; ``message`` from its first octet; ``banner`` from the
    SYN's answer.  Inside TLS the turns are told by their place, counted from the last one.
    """
    said = turns(packets)
    found = {"connect": connect_time(packets), "banner": _seconds(said[0])}
    commands = [(turn.request.split(None, 1)[0].upper()[:8].decode("ascii", "replace"), turn) for turn in said[1:]]
    verbs = [verb for verb, _ in commands]
    if "STARTTLS" in verbs:
        begin = verbs.index("STARTTLS")
        found["starttls"] = _seconds(said[1 + begin])
        inside = [turn for turn in said[2 + begin :] if turn.reply]
        found.update(zip(_AFTER_TLS, map(_seconds, inside[-len(_AFTER_TLS) :])))
        message = inside[-2]
        found["ehlo"] += _seconds(said[1])
    else:
        plain = [turn for turn in said[1:] if turn.reply]
        names = ("ehlo", *(("auth",) if "AUTH" in verbs else ()), *_AFTER_TLS[1:])
        found.update(zip(names, map(_seconds, plain)))
        message = plain[-2]
    found["message"] = (message.answered - message.began) / 1e9
    return found


def _seconds(turn: Turn) -> float:
    return (turn.answered - turn.asked) / 1e9
