"""A DNS server that answers what a test wants, also what no server should."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import dns.rrset

from .ports import free_ports
from .zones import tlsa

Reply = Callable[[dns.message.Message, bool], Iterable[bytes]]


def answer(
    query: dns.message.Message,
    *records: str,
    rcode: str = "NOERROR",
    ad: bool = False,
    error: tuple[int, str] | None = None,
) -> dns.message.Message:
    """A response with ``records`` such as ``example.test. 60 IN A 192.0.2.1``; ``error`` is an extended one."""
    response = dns.message.make_response(query, recursion_available=True)
    response.set_rcode(dns.rcode.from_text(rcode))
    if ad:
        response.flags |= dns.flags.AD
    for record in records:
        name, ttl, kind_class, kind, data = record.split(" ", 4)
        response.answer.append(dns.rrset.from_text(name, int(ttl), kind_class, kind, data))
    if error:
        response.use_edns(0, options=[dns.edns.EDEOption(*error)])
    return response


def octets(query: dns.message.Message, *records: str, **options: object) -> list[bytes]:
    """``answer`` as a Reply wants it."""
    return [answer(query, *records, **options).to_wire(max_size=65535)]  # type: ignore[arg-type]


def raw(query: dns.message.Message, kind: int, *data: bytes, ad: bool = True, ttl: int = 60) -> list[bytes]:
    """A response with records of type ``kind`` at the name asked for, whose data are exactly ``data``."""
    header = query.id.to_bytes(2, "big") + (0x81A0 if ad else 0x8180).to_bytes(2, "big")
    question = query.question[0].name.to_wire() + int(query.question[0].rdtype).to_bytes(2, "big") + b"\0\1"
    records = b"".join(
        b"\xc0\x0c" + kind.to_bytes(2, "big") + b"\0\1" + ttl.to_bytes(4, "big") + len(one).to_bytes(2, "big") + one
        for one in data
    )
    return [header + b"\0\1" + len(data).to_bytes(2, "big") + b"\0\0\0\0" + question + records]


def one_exchanger(certificate: Path) -> Reply:
    """What a validating resolver says of a domain whose one exchanger is this machine, with this certificate.

    Not by the address that every machine calls its own: nobody connects to an exchanger there.
    """
    data = {
        "SOA": "ns.test. root.test. 1 3600 600 86400 5",
        "MX": "10 mx1.example.test.",
        "A": "127.0.0.2",
        "TLSA": tlsa(certificate, 3, 1, 1),
    }

    def reply(query: dns.message.Message, _tcp: bool) -> list[bytes]:
        name, kind = query.question[0].name.to_text(), query.question[0].rdtype.name
        return octets(query, *([f"{name} 60 IN {kind} {data[kind]}"] if kind in data else []), ad=True)

    return reply


class FakeDns:
    """Answers over UDP and TCP on one port of ``host``.

    ``reply`` is called with each query and whether it came over TCP, and gives the messages to send; over TCP each
    gets its length in front.  ``queries`` holds the queries that came.
    """

    def __init__(self, reply: Reply, host: str = "127.0.0.1") -> None:
        self.host = host
        self.queries: list[dns.message.Message] = []
        self._reply = reply
        while True:
            self.port = free_ports(1, host)[0]
            self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self._tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            try:
                self._udp.bind((host, self.port))
                self._tcp.bind((host, self.port))
                break
            except OSError:
                self._udp.close()
                self._tcp.close()
        self._tcp.listen()
        self._threads = [threading.Thread(target=work, daemon=True) for work in (self._serve_udp, self._serve_tcp)]
        for thread in self._threads:
            thread.start()

    def __enter__(self) -> FakeDns:
        return self

    def __exit__(self, *_error: object) -> None:
        # An empty datagram ends the thread; from this socket, which may be in another network namespace.
        self._udp.sendto(b"", (self.host, self.port))
        with contextlib.suppress(OSError):
            self._tcp.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)
        self._udp.close()
        self._tcp.close()

    def _serve_udp(self) -> None:
        while True:
            try:
                data, peer = self._udp.recvfrom(65535)
            except OSError:
                return
            if not data:
                return
            for message in self._answers(data, False):
                self._udp.sendto(message, peer)

    def _serve_tcp(self) -> None:
        while True:
            try:
                connection, _peer = self._tcp.accept()
            except OSError:
                return
            with connection, contextlib.suppress(OSError):
                connection.settimeout(5)
                data = connection.recv(65535)
                for message in self._answers(data[2:], True):
                    connection.sendall(len(message).to_bytes(2, "big") + message)

    def _answers(self, data: bytes, stream: bool) -> list[bytes]:
        query = dns.message.from_wire(data)
        self.queries.append(query)
        return list(self._reply(query, stream))
