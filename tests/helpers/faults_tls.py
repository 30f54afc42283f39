"""The fault farm's second table: what a server can do wrong from the first byte of TLS on."""

from __future__ import annotations

import datetime
import ipaddress
import socket
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from helpers.faults import OK, Expected, critical
from servers.certs import Certs
from servers.scripted import Action, Close, Drip, Eof, Reset, Session, Silence, Sleep, StartTls, play


class TlsFault(NamedTuple):
    """What the server does from the client's first byte of TLS on, and what is to come of it; ``with_ssl`` where that
    differs with TLS from the first byte of the connection."""

    action: Callable[[Certs], Action]
    expected: Expected
    with_ssl: Expected | None = None


class ClientHello:
    """Read the client's first record."""

    def play(self, session: Session) -> None:
        header = session.read_bytes(5)
        session.read_bytes(int.from_bytes(header[3:5], "big"))


@dataclass(frozen=True)
class Flight:
    """Answer the client's hello with the first ``share`` of what a good server would send, or drip it."""

    context: ssl.SSLContext
    share: float
    interval: float = 0.0

    def play(self, session: Session) -> None:
        header = session.read_bytes(5)
        hello = header + session.read_bytes(int.from_bytes(header[3:5], "big"))
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        incoming.write(hello)
        try:
            self.context.wrap_bio(incoming, outgoing, server_side=True).do_handshake()
        except ssl.SSLWantReadError:
            pass
        flight = outgoing.read()
        data = flight[: int(len(flight) * self.share)]
        play(Drip(data, 1, self.interval) if self.interval else data, session)


@dataclass(frozen=True)
class Beneath:
    """Send octets past TLS, to the socket below it."""

    octets: bytes

    def play(self, session: Session) -> None:
        socket.socket.sendall(session._connection, self.octets)


class CloseNotify:
    """End TLS, and leave the connection open."""

    def play(self, session: Session) -> None:
        session.notify_close()


def after_hello(*then: Action) -> Callable[[Certs], Action]:
    return lambda _: (ClientHello(), *then)


def flight(share: float, *then: Action, interval: float = 0.0) -> Callable[[Certs], Action]:
    return lambda certs: (Flight(certs.context(), share, interval), *then)


def secured(*then: Action) -> Callable[[Certs], Action]:
    return lambda certs: (StartTls(certs.context()), *then)


def version(version: ssl.TLSVersion) -> Callable[[Certs], Action]:
    def action(certs: Certs) -> Action:
        context = certs.context()
        context.maximum_version = version
        return StartTls(context)

    return action


def alert(level: int, description: int) -> bytes:
    """A record with one alert (RFC 8446 section 6)."""
    return bytes((21, 3, 3, 0, 2, level, description))


def broken(sentence: str, late: bool = False) -> Expected:
    """TLS is broken, so no QUIT can be sent."""
    return critical(f"tls: {sentence}" if not late else f"timed out at tls: {sentence}", quit=False, late=late)


def failed(reason: str) -> Expected:
    return broken(f"TLS handshake failed: {reason}")


NO_END = broken("no end of the handshake after # s", late=True)
CLOSED = broken("connection closed by the server during the TLS handshake")
BROKEN = broken("TLS connection failed: *")
NOT_TLS = (  # each OpenSSL says it in its own words
    failed("* (the server did not answer with TLS)"),
    failed("* (the server did not answer with TLS; --starttls?)"),
)


def cut_off(how: str) -> tuple[Expected, Expected]:
    """The connection ends right after the handshake: while the reply to EHLO, or the greeting, is waited for."""
    return (
        critical(f"ehlo: connection {how} by the server before the reply to EHLO", quit=None),
        critical(f"banner: connection {how} by the server before the greeting", quit=None),
    )


TLS_FAULTS: Mapping[str, TlsFault] = {
    "reset": TlsFault(after_hello(Reset()), broken("connection reset by the server during the TLS handshake")),
    "closed": TlsFault(after_hello(Close()), CLOSED),
    "closed in its hello": TlsFault(flight(0.05, Close()), CLOSED),
    "closed in its flight": TlsFault(flight(0.5, Close()), CLOSED),
    "closed after its flight": TlsFault(flight(1, Close()), *cut_off("closed")),
    "silence": TlsFault(after_hello(Silence()), NO_END),
    "silence in its flight": TlsFault(flight(0.5, Silence()), NO_END),
    "a byte a second": TlsFault(flight(1, interval=1.0), NO_END),
    "garbage": TlsFault(after_hello(b"\xff" * 100, Eof()), *NOT_TLS),
    "zeros": TlsFault(after_hello(bytes(100), Eof()), *NOT_TLS),
    "a reply in plain text": TlsFault(
        after_hello(b"454 4.7.0 TLS not available\r\n", Eof()),
        critical("tls: TLS handshake failed: the server said in plain text: 454 4.7.0 TLS not available", quit=False),
    ),
    "an answer of HTTP": TlsFault(after_hello(b"HTTP/1.1 400 Bad Request\r\n\r\n", Eof()), *NOT_TLS),
    "a record of 64 KiB": TlsFault(
        after_hello(b"\x16\x03\x03\xff\xff" + bytes(65535), Eof()),
        *NOT_TLS,
    ),
    "alert handshake_failure": TlsFault(
        after_hello(alert(2, 40), Eof()),
        failed("alert handshake failure (no cipher in common, or the server wants a client certificate)"),
    ),
    "alert internal_error": TlsFault(
        after_hello(alert(2, 80), Eof()), failed("alert internal error (a fault at the server, see its log)")
    ),
    "alert unrecognized_name": TlsFault(after_hello(alert(2, 112), Eof()), failed("unrecognized name (--tls-name?)")),
    "alert that nobody knows": TlsFault(after_hello(alert(2, 250), Eof()), failed("unknown error")),
    "ten thousand warnings": TlsFault(after_hello(alert(1, 90) * 10000, Eof()), failed("too many warn alerts")),
    "close_notify for a hello": TlsFault(after_hello(alert(1, 0), Eof()), CLOSED),
    "alert protocol_version": TlsFault(
        after_hello(alert(2, 70), Eof()),
        failed("alert protocol version (the server has no TLS 1.2 or newer; --tls-min 1.0?)"),
    ),
    "TLS 1.2 only": TlsFault(version(ssl.TLSVersion.TLSv1_2), OK),
    "closed after the handshake": TlsFault(secured(Close(notify=False)), *cut_off("closed")),
    "close_notify after the handshake": TlsFault(secured(CloseNotify(), Eof()), *cut_off("closed")),
    "reset after the handshake": TlsFault(secured(Sleep(0.1), Reset()), *cut_off("reset")),
    "plain text after the handshake": TlsFault(secured(Sleep(0.1), Beneath(b"250 ok\r\n"), Eof()), BROKEN),
    "garbage after the handshake": TlsFault(secured(Sleep(0.1), Beneath(b"\xff" * 100), Eof()), BROKEN),
    "alert in plain text after the handshake": TlsFault(secured(Sleep(0.1), Beneath(alert(2, 80)), Eof()), BROKEN),
}


class Oddity(NamedTuple):
    """A self-signed certificate like no other, and what is said of it.  Dates as (year, month, day)."""

    expected: Expected
    names: tuple[str, ...] = ("127.0.0.1",)
    subject: str = "mx1.example.test"
    begins: tuple[int, int, int] = (2020, 1, 1)
    ends: tuple[int, int, int] = (2049, 1, 1)
    trusted: bool = True

    def write(self, directory: Path) -> tuple[Path, Path]:
        """Files with the certificate and its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, self.subject, _validate=False)])
        alternatives = [
            x509.IPAddress(ipaddress.ip_address(text)) if text[0].isdigit() else x509.DNSName(text)
            for text in self.names
        ]
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(datetime.datetime(*self.begins))
            .not_valid_after(datetime.datetime(*self.ends))
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
            .sign(key, hashes.SHA256())
        )
        directory.mkdir(exist_ok=True)
        (directory / "crt").write_bytes(certificate.public_bytes(Encoding.PEM))
        (directory / "key").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return directory / "crt", directory / "key"


_OURS = ("127.0.0.1",)
_THOUSAND = tuple(f"host{number}.example.test" for number in range(1000))
_HOSTILE = "\x1b[2J|<b>&\r\nOK\\n\x00" + "\u202egpj.exe"

CERTIFICATES: Mapping[str, Oddity] = {
    "1,000 names and ours": Oddity(OK, (*_THOUSAND, *_OURS)),
    "1,000 names without ours": Oddity(
        broken(f"certificate is for {', '.join(_THOUSAND[:3])} and 997 more, not for 127.0.0.1; --tls-name?"), _THOUSAND
    ),
    "a hostile subject": Oddity(OK, _OURS, _HOSTILE),
    "a hostile subject not trusted": Oddity(broken("self-signed certificate"), _OURS, _HOSTILE, trusted=False),
    "a name with hostile characters": Oddity(
        broken("certificate is for mx∖x1b¦‹b›＆.example.test, not for 127.0.0.1; --tls-name?"),
        ("mx\x1b|<b>&.example.test",),
    ),
    "valid to the end of time": Oddity(OK, _OURS, begins=(1950, 1, 1), ends=(9999, 12, 31)),
    "valid in the year 1950": Oddity(
        broken("certificate expired # days ago"), _OURS, begins=(1950, 1, 1), ends=(1950, 1, 2)
    ),
    "valid in the year 9999": Oddity(
        broken("certificate not valid before 9999-01-01"), _OURS, begins=(9999, 1, 1), ends=(9999, 12, 31)
    ),
    "valid for no time at all": Oddity(
        broken("certificate expired # days ago"), _OURS, begins=(2020, 1, 1), ends=(2020, 1, 1)
    ),
}
