"""Beginning TLS on a connection, and what goes through it: in time, and nothing of the plain text before."""

from __future__ import annotations

import itertools

from helpers.conversing import (
    GREETING,
    LATE,
    OK,
    Stopwatch,
    after,
    at,
    secured,
)
from servers.scripted import Deaf, Eof, Read, SmtpScript
from smtp_status.net import loop
from smtp_status.net.clock import Deadline
from smtp_status.smtp.actions import Ask, Handshake, Secured
from smtp_status.tls import layer
from smtp_status.tls.context import make_context
from smtp_status.tls.plan import TlsPlan


def test_handshake_and_exchanges_within(scripted, certs):
    server = scripted(SmtpScript(starttls=certs.context()))
    greeting, ready, inside, answer = secured(server, Ask(), Ask((b"STARTTLS\r\n",)), Handshake, Ask((b"NOOP\r\n",)))
    assert (greeting.reply.code, ready.reply.code, answer.reply.code) == (220, 220, 250)
    assert isinstance(inside, Secured)
    assert inside.version == "TLSv1.3"
    assert 0.0 < inside.seconds < LATE
    assert len(inside.chain) >= 1


def test_a_big_message_within_tls(scripted, certs):
    server = scripted(SmtpScript(tls=certs.context(), other=(Read(3_000_000), OK)))
    pieces = [b"GO\r\n", *[b"x" * 100_000] * 30]
    _, _, answer = secured(server, Handshake, Ask(), Ask(pieces), mode="ssl")
    assert (answer.reply.code, answer.early) == (250, False)


def test_a_message_without_end_within_tls_ends_with_the_deadline(scripted, certs):
    server = scripted(SmtpScript(tls=certs.context(), banner=(GREETING, Read(1000), Deaf())), receive_buffer=4096)
    with Stopwatch() as watch:
        *_, failure = secured(server, Handshake, Ask(), Ask(itertools.repeat(b"x" * 65536)), mode="ssl", seconds=0.3)
    assert (failure.kind, failure.sending) == ("timeout", True)
    assert watch.seconds < 0.3 + LATE


def test_plain_text_before_the_handshake_is_not_taken_into_it(scripted):
    server = scripted((GREETING + b"250 injected\r\n", Eof()))
    _, failure = secured(server, Ask(), Handshake)
    assert (failure.kind, failure.cause) == ("protocol", "data in plain text before the TLS handshake")
    assert failure.lines == (b"250 injected",)
    assert server.session.received == b""


def test_tls_from_the_first_byte_to_a_server_that_greets_in_plain_text(scripted):
    """The same verdict, whether its greeting or our first message was faster."""
    secure = TlsPlan("ssl", verify=False)
    context = make_context(secure)
    for delay in (0.0, 0.1):
        server = scripted((GREETING, Eof()), strict=False)
        results: list = []
        talking = after(delay, results, at(server.port), Handshake(secure, "localhost"))
        loop.converse([talking], Deadline(2.0), lambda _plan, name: layer.TlsLayer(context, name))
        assert results[1].kind == "handshake"
        assert results[1].cause.endswith("(the server did not answer with TLS)")
