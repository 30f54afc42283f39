"""TLS over memory buffers, with a server of the standard library at the other end of them."""

from __future__ import annotations

import ssl

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from smtp_status.findings import Failure, TransportError
from smtp_status.tls.context import make_context
from smtp_status.tls.layer import TlsLayer
from smtp_status.tls.plan import TlsPlan

NAME = "mx1.example.test"


class Server:
    """The other end."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.end = context.wrap_bio(self.incoming, self.outgoing, server_side=True)
        self.secured = False

    def answer(self, octets: bytes) -> bytes:
        """What it sends when ``octets`` have come."""
        self.incoming.write(octets)
        if not self.secured:
            try:
                self.end.do_handshake()
                self.secured = True
            except ssl.SSLWantReadError:
                pass
        return self.outgoing.read()

    def say(self, text: bytes) -> bytes:
        self.end.write(text)
        return self.outgoing.read()


@pytest.fixture
def server(certs) -> Server:
    return Server(certs.context())


def connect(layer: TlsLayer, server: Server) -> None:
    for _ in range(10):
        done = layer.handshake()
        layer.feed(server.answer(layer.take()))
        if done and server.secured:
            return
    raise AssertionError("the handshake does not end")


@pytest.fixture
def layer(certs) -> TlsLayer:
    return TlsLayer(make_context(TlsPlan("ssl", ca=str(certs.ca))), NAME)


def failure(call, *arguments) -> Failure:
    with pytest.raises(TransportError) as caught:
        call(*arguments)
    return caught.value.failure


def test_a_handshake_goes_on_when_it_is_fed(layer, server):
    assert layer.handshake() is False
    hello = layer.take()
    assert hello[:1] == b"\x16"
    assert layer.take() == b""
    layer.feed(server.answer(hello))
    assert layer.handshake() is True
    server.answer(layer.take())
    assert server.secured


def test_who_the_peer_is(layer, server, certs):
    connect(layer, server)
    peer = layer.peer()
    sent = x509.load_pem_x509_certificates(certs.good.crt.read_bytes())
    assert peer.version == server.end.version()
    assert peer.cipher == server.end.cipher()[0]
    assert peer.chain == tuple(one.public_bytes(Encoding.DER) for one in sent)


def test_nothing_is_known_of_a_peer_before(layer):
    assert layer.peer() == ("", "", (), b"")


@pytest.mark.parametrize(("version", "octets"), [(ssl.TLSVersion.TLSv1_2, 12), (ssl.TLSVersion.TLSv1_3, 0)])
def test_tls_unique_is_what_the_server_has(layer, certs, version, octets):
    context = certs.context()
    context.maximum_version = version
    server = Server(context)
    connect(layer, server)
    unique = layer.peer().unique
    assert len(unique) == octets
    assert unique in (b"", server.end.get_channel_binding("tls-unique"))


def test_octets_both_ways(layer, server):
    connect(layer, server)
    server.answer(layer.encrypt(b"EHLO x\r\n"))
    assert server.end.read(100) == b"EHLO x\r\n"
    while layer.read() is not None:  # session tickets are no text
        pass
    assert layer.quiet()
    layer.feed(server.say(b"250 a\r\n"))
    assert not layer.quiet()
    assert layer.read() == b"250 a\r\n"
    assert layer.read() is None
    assert layer.quiet()


def test_half_a_record_is_no_text_yet(layer, server):
    connect(layer, server)
    while layer.read() is not None:
        pass
    record = server.say(b"250 a\r\n")
    layer.feed(record[:10])
    assert layer.read() is None
    layer.feed(record[10:])
    assert layer.read() == b"250 a\r\n"


@pytest.mark.parametrize("properly", [True, False])
def test_the_end(layer, server, properly):
    connect(layer, server)
    while layer.read() is not None:
        pass
    if properly:
        with pytest.raises(ssl.SSLWantReadError):
            server.end.unwrap()
        layer.feed(server.outgoing.read())
    layer.feed_end()
    assert layer.read() == b""


def test_an_end_in_the_middle_of_the_handshake(layer):
    layer.handshake()
    layer.feed_end()
    assert failure(layer.handshake) == Failure("closed", "connection closed by the server")


def test_what_is_no_tls(layer):
    layer.handshake()
    layer.feed(b"220 mx1.example.test ESMTP\r\n")
    told = failure(layer.handshake)
    assert told.kind == "handshake"
    assert told.cause.endswith("(the server did not answer with TLS)")


@pytest.mark.parametrize(
    ("plan", "hint"), [(TlsPlan("ssl"), "; --starttls?)"), (TlsPlan("starttls"), "TLS)"), (None, "TLS)")]
)
def test_the_plan_gives_the_hint(certs, plan, hint):
    layer = TlsLayer(make_context(TlsPlan("ssl", ca=str(certs.ca))), NAME, plan)
    layer.handshake()
    layer.feed(b"220 mx1.example.test ESMTP\r\n")
    assert failure(layer.handshake).cause.endswith(hint)


def test_a_certificate_for_another_name(certs):
    layer = TlsLayer(make_context(TlsPlan("ssl", ca=str(certs.ca))), "other.example.test")
    server = Server(certs.context())
    layer.handshake()
    layer.feed(server.answer(layer.take()))
    told = failure(layer.handshake)
    assert (told.kind, len(told.chain)) == ("name", 2)
    assert told.cause.endswith("not for other.example.test")
    assert layer.take() != b""  # the alert that tells the server why


def test_a_record_that_was_changed_on_the_way(layer, server):
    connect(layer, server)
    while layer.read() is not None:
        pass
    record = bytearray(server.say(b"250 a\r\n"))
    record[-1] ^= 1
    layer.feed(bytes(record))
    told = failure(layer.read)
    assert told.kind == "handshake"
    assert told.cause.startswith("TLS connection failed: ")


@pytest.mark.parametrize("name", [".example.org", "a" * 300])
def test_what_cannot_be_a_certificates_name(certs, name):
    context = make_context(TlsPlan("ssl", ca=str(certs.ca)))
    told = failure(TlsLayer, context, name)
    assert told.kind == "name"
    assert told.cause.startswith(f"{name} cannot be a certificate's name: ")


def test_without_a_name_none_is_sent(certs):
    context = make_context(TlsPlan("ssl", verify=False))
    asked: list[str | None] = []
    theirs = certs.context()
    theirs.sni_callback = lambda _end, name, _context: asked.append(name)
    for name in ("", "192.0.2.1", NAME):
        connect(TlsLayer(context, name), Server(theirs))
    assert asked == [None, None, NAME]
