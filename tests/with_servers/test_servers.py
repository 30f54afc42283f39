"""The tests' own servers: each does on the wire what the other tests take for granted."""

from __future__ import annotations

import base64
import contextlib
import os
import smtplib
import socket
import ssl
import subprocess
import sys
import time
from pathlib import Path

import pytest

from servers import dovecot
from servers.aio import Mail, MailServer
from servers.certs import Certs
from servers.dovecot import Dovecot
from servers.exim import Exim
from servers.netns import NetworkNamespace
from servers.opensmtpd import OpenSmtpd
from servers.ports import free_ports, refusing_port, silent_port
from servers.postfix import Postfix
from servers.process import Daemon, DaemonDied, started
from servers.requirements import PROGRAMS, Program, need, need_root
from servers.scripted import (
    Auth,
    Close,
    Deaf,
    Drip,
    Eof,
    HalfClose,
    Line,
    Message,
    Raw,
    Read,
    Reset,
    Session,
    Silence,
    Sleep,
    SmtpScript,
    Split,
    StartTls,
    Turns,
    cram_md5,
    login,
    oauth,
    plain,
    scram,
)
from servers.submission import Submission

MESSAGE = b"Subject: x\r\n\r\nhi\r\n"


def connect_to(port):
    return socket.create_connection(("127.0.0.1", port), timeout=5)


def connect(server, timeout=5.0):
    return socket.create_connection((server.host, server.port), timeout=timeout)


def read_all(connection):
    """Everything until the end of the stream."""
    return b"".join(iter(lambda: connection.recv(4096), b""))


class TestScript:
    def test_records_every_step_in_order(self, scripted):
        server = scripted([b"220 x\r\n", Line(b"EHLO"), b"250 x\r\n", Message(), b"250 ok\r\n", Read(3), Close()])
        with connect(server) as client:
            assert client.recv(99) == b"220 x\r\n"
            client.sendall(b"ehlo me\r\n")
            assert client.recv(99) == b"250 x\r\n"
            client.sendall(b"a: b\r\n\r\n..dot\r\n.\r\nabc")
            assert read_all(client) == b"250 ok\r\n"
        session = server.session
        assert session.lines == [b"ehlo me"]
        assert session.message == b"a: b\r\n\r\n.dot\r\n"
        assert session.reads == [
            ("line", b"ehlo me\r\n"),
            ("message", b"a: b\r\n\r\n..dot\r\n.\r\n"),
            ("bytes", b"abc"),
        ]
        assert session.received == b"ehlo me\r\na: b\r\n\r\n..dot\r\n.\r\nabc"
        assert session.sent == b"220 x\r\n250 x\r\n250 ok\r\n"
        assert session.closed_how == "server"

    def test_pieces_arrive_apart(self, scripted):
        server = scripted([Split(b"220 first\r\n", 3, pause=0.1), Drip(b"abcd", size=2, interval=0.1)])
        with connect(server) as client:
            began = time.monotonic()
            assert client.recv(99) == b"220"
            assert client.recv(99) in (b" first\r\n", b" first\r\nab")
            assert read_all(client).endswith(b"cd")
            assert 0.15 < time.monotonic() - began < 2

    def test_speaking_before_the_greeting_is_a_fault(self, scripted):
        server = scripted(banner=[Sleep(0.2), b"220 x\r\n"], strict=False)
        with connect(server) as client:
            client.sendall(b"EHLO early\r\n")
            client.recv(99)
        assert server.session.early == [b"EHLO early\r\n"]
        with pytest.raises(AssertionError, match="before the greeting ended"):
            server.check()

    def test_bare_line_feeds_are_faults(self, scripted):
        server = scripted(strict=False)
        with connect(server) as client:
            client.recv(99)
            client.sendall(b"NOOP\n")
            client.recv(99)
        assert server.session.faults == [r"bare LF: b'NOOP\n'"]

    @pytest.mark.parametrize(
        ("script", "how"),
        [([Line(), Reset()], "server-reset"), ([Line(), Close()], "server"), ([Line(), Eof()], "client")],
    )
    def test_tells_how_the_connection_ended(self, scripted, script, how):
        server = scripted(script)
        with connect(server) as client:
            client.sendall(b"x\r\n")
            if how == "server":
                assert client.recv(99) == b""
            elif how == "server-reset":
                with pytest.raises(ConnectionResetError):
                    client.recv(99)
        assert server.session.closed_how == how

    def test_half_close_still_hears_the_client(self, scripted):
        server = scripted([b"421 bye\r\n", HalfClose(), Eof()])
        with connect(server) as client:
            assert read_all(client) == b"421 bye\r\n"
            client.sendall(b"QUIT\r\n")
        assert (server.session.received, server.session.closed_how) == (b"QUIT\r\n", "client")

    def test_deaf_server_blocks_the_sender(self, scripted):
        server = scripted([b"354 go\r\n", Deaf()], receive_buffer=4096, limit=0.5)
        with connect(server, timeout=0.3) as client:
            client.recv(99)
            with pytest.raises(socket.timeout):
                client.sendall(b"x" * 20_000_000)
        session = server.session
        assert (session.received, session.closed_how) == (b"", "limit")

    def test_every_session_ends_at_the_limit(self, scripted):
        server = scripted([Silence()], limit=0.2)
        with connect(server) as client:
            assert client.recv(99) == b""
        assert server.session.closed_how == "limit"

    def test_stopping_ends_open_sessions(self, scripted):
        server = scripted([b"220 x\r\n", Sleep(25)], [b"220 x\r\n", Silence()])
        with connect(server) as one, connect(server) as other:
            one.recv(99), other.recv(99)
            began = time.monotonic()
            server.stop()
            assert time.monotonic() - began < 1
        assert [session.closed_how for session in server.wait(2)] == ["limit", "limit"]

    def test_each_connection_can_have_its_own_script(self, scripted):
        server = scripted([b"421 busy\r\n"], [b"220 x\r\n"])
        answers = []
        for _ in range(3):
            with connect(server) as client:
                answers.append(read_all(client))
        assert answers == [b"421 busy\r\n", b"220 x\r\n", b"220 x\r\n"]

    def test_an_error_in_a_script_fails_the_test(self, scripted):
        def broken(session: Session) -> bytes:
            raise ZeroDivisionError

        server = scripted([broken], strict=False)
        with connect(server) as client:
            assert client.recv(99) == b""
        with pytest.raises(ZeroDivisionError):
            server.check()

    def test_listens_on_ipv6_and_unix_sockets(self, scripted, workdir: Path):
        with connect(scripted(host="::1")) as client:
            assert client.recv(99) == b"220 scripted.test ESMTP\r\n"
        scripted(path=workdir / "s.sock")
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(workdir / "s.sock"))
            assert client.recv(99) == b"220 scripted.test ESMTP\r\n"


class TestSmtpScript:
    def test_default_takes_mail(self, scripted):
        server = scripted()
        with smtplib.SMTP(server.host, server.port) as client:
            refused = client.sendmail("a@b.test", ["c@d.test", "e@f.test"], "Subject: x\r\n\r\n.hi\r\n")
        assert refused == {}
        session = server.session
        assert session.commands == [b"EHLO", b"MAIL", b"RCPT", b"RCPT", b"DATA", b"QUIT"]
        assert session.message == b"Subject: x\r\n\r\n.hi\r\n"

    def test_stages_are_replaced(self, scripted):
        server = scripted(
            mail=Turns(b"451 4.3.0 no\r\n", b"250 ok\r\n"),
            rcpt={"no@d.test": b"550 5.1.1 no\r\n"},
            data=b"554 5.5.1 no\r\n",
            quit=[b"221 bye\r\n", Reset()],
            strict=False,
        )
        with connect(server) as client, client.makefile("rb") as replies:

            def command(line):
                client.sendall(line + b"\r\n")
                return replies.readline()[:3]

            replies.readline()
            assert command(b"MAIL FROM:<>") == b"451"
            assert command(b"MAIL FROM:<>") == b"250"
            assert command(b"RCPT TO:<no@d.test>") == b"550"
            assert command(b"RCPT TO:<yes@d.test>") == b"250"
            assert command(b"DATA") == b"554"
            assert command(b"XYZZY") == b"500"
            assert command(b"QUIT") == b"221"
        assert server.session.messages == []
        assert server.session.closed_how == "server-reset"

    def test_lmtp_answers_for_each_accepted_recipient(self, scripted):
        server = scripted(
            lmtp=True,
            rcpt={"b@x.test": b"550 no\r\n"},
            message={"a@x.test": b"250 a\r\n", "c@x.test": b"452 c\r\n"},
        )
        with smtplib.LMTP(server.host, server.port) as client:
            client.ehlo("me")
            client.mail("")
            assert [client.rcpt(f"{name}@x.test")[0] for name in "abc"] == [250, 550, 250]
            assert client.data("x\r\n") == (250, b"a")
            assert client.getreply() == (452, b"c")
            assert client.docmd("EHLO me")[0] == 500

    def test_starttls_and_tls(self, scripted, certs: Certs):
        server = scripted(starttls=certs.context(), extensions_tls=[b"CHUNKING"])
        with smtplib.SMTP("localhost", server.port, timeout=5) as client:
            client.ehlo()
            assert client.has_extn("starttls")
            client.starttls(context=certs.client_context())
            client.ehlo()
            assert set(client.esmtp_features) == {"chunking"}
        session = server.session
        assert (session.tls, session.sni) == ("TLSv1.3", "localhost")
        assert session.commands == [b"EHLO", b"STARTTLS", b"EHLO", b"QUIT"]

        server = scripted(tls=certs.context(client_certificate=True))
        context = certs.client_context(certs.client)
        with smtplib.SMTP_SSL("localhost", server.port, context=context) as client:
            client.ehlo()
        assert server.session.peer_certificate is not None

    def test_failed_handshake_is_recorded(self, scripted, certs: Certs):
        server = scripted(starttls=certs.context(certs.expired))
        with smtplib.SMTP("localhost", server.port, timeout=5) as client:
            with pytest.raises(ssl.SSLCertVerificationError, match="expired"):
                client.starttls(context=certs.client_context())
            client.close()
        assert server.session.closed_how == "tls"
        assert "ALERT_CERTIFICATE_EXPIRED" in server.session.tls_error.upper().replace(" ", "_")

    def test_garbage_instead_of_a_handshake(self, scripted, certs: Certs):
        server = scripted(starttls=[b"220 go\r\n", Read(1), b"no tls here\r\n", Silence()])
        with smtplib.SMTP("localhost", server.port, timeout=5) as client:
            with pytest.raises(ssl.SSLError):
                client.starttls(context=certs.client_context())
            client.close()
        assert server.session.tls is None

    def test_plaintext_after_220_is_there_before_the_handshake(self, scripted, certs: Certs):
        server = scripted(starttls=[b"220 go\r\n250 injected\r\n", StartTls(certs.context())])
        with connect(server) as client:
            client.recv(99)
            client.sendall(b"STARTTLS\r\n")
            assert client.recv(99) == b"220 go\r\n250 injected\r\n"

    def test_proxy_line_is_read_first(self, scripted):
        server = scripted(proxy=True)
        with connect(server) as client:
            client.sendall(b"PROXY TCP4 192.0.2.1 192.0.2.2 1 25\r\n")
            assert client.recv(99) == b"220 scripted.test ESMTP\r\n"
        assert server.session.reads == [("line", b"PROXY TCP4 192.0.2.1 192.0.2.2 1 25\r\n")]

    @pytest.mark.parametrize(
        ("mechanism", "dialogue"),
        [("PLAIN", plain("u", "p")), ("LOGIN", login("u", "p")), ("CRAM-MD5", cram_md5("u", "p"))],
    )
    def test_auth(self, scripted, mechanism, dialogue):
        server = scripted(auth={mechanism: dialogue})
        with smtplib.SMTP(server.host, server.port) as client:
            assert client.login("u", "p")[0] == 235
        with smtplib.SMTP(server.host, server.port) as client, pytest.raises(smtplib.SMTPAuthenticationError):
            client.login("u", "wrong")

    def test_auth_dialogues_can_be_wrong(self, scripted):
        server = scripted(auth={"CRAM-MD5": Auth((Raw(b"334 %%%\r\n"),)), "XOAUTH2": oauth("tok")})
        with connect(server) as client, client.makefile("rb") as replies:
            replies.readline()
            for line, reply in (
                (b"AUTH CRAM-MD5", b"334 %%%"),
                (b"*", b"501 5.7.0 Authentication aborted"),
                (b"AUTH XOAUTH2 dXNlcj11AWF1dGg9QmVhcmVyIG5vAQE=", b"334 eyJzdGF0dXMiOiI0MDEifQ=="),
                (b"", b"535 5.7.8 Authentication credentials invalid"),
                (b"AUTH XOAUTH2 dXNlcj11AWF1dGg9QmVhcmVyIHRvawEB", b"235 2.7.0 Authentication successful"),
            ):
                client.sendall(line + b"\r\n")
                assert replies.readline() == reply + b"\r\n"

    @pytest.mark.parametrize("forged", [False, True])
    def test_scram_as_in_rfc_7677(self, scripted, forged):
        dialogue = scram(
            "user",
            "pencil",
            salt=base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ=="),
            nonce=b"%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
            forged=forged,
        )
        server = scripted(auth={"SCRAM-SHA-256": dialogue})
        first = b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
        final = first.split(b",")[0] + b",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
        with connect(server) as client, client.makefile("rb") as replies:

            def exchange(line):
                client.sendall(line + b"\r\n")
                return replies.readline()

            replies.readline()
            hello = base64.b64encode(b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO")
            assert exchange(b"AUTH SCRAM-SHA-256 " + hello) == b"334 " + base64.b64encode(first) + b"\r\n"
            proof = base64.b64decode(exchange(base64.b64encode(b"c=biws," + final)).split(b" ")[1])
            assert (proof == b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=") is not forged
            assert exchange(b"*" if forged else b"")[:3] == (b"501" if forged else b"235")

    def test_whole_scripts_and_stages_do_not_mix(self, scripted):
        with pytest.raises(TypeError):
            scripted(SmtpScript(), mail=b"250 ok\r\n")


class TestPorts:
    def test_free(self):
        assert len(set(free_ports(5))) == 5

    def test_none_is_given_twice_before_all_were(self):
        """Two servers are often made before one of them is started."""
        assert len({port for _ in range(20) for port in free_ports(20)}) == 400

    def test_a_server_whose_port_is_taken_is_made_anew(self, certs: Certs, workdir: Path):
        """Postfix takes the first of its ports, and ends at a later one."""
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            smtp, starttls = free_ports(2)
            places = [
                {"smtp": ("127.0.0.1", smtp), "mustls": ("127.0.0.1", starttls), "notls": taken.getsockname()},
                None,
            ]
            server = started(lambda base: Postfix(base, certs, at=places.pop(0)), workdir)
        try:
            assert places == []
            with socket.create_connection(("127.0.0.1", server.port["smtp"]), timeout=5) as client:
                assert client.recv(100).startswith(b"220 ")
        finally:
            server.stop()

    def test_refusing(self):
        with refusing_port() as port, pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), timeout=2)

    def test_silent(self):
        with silent_port() as port, pytest.raises(socket.timeout):
            socket.create_connection(("127.0.0.1", port), timeout=0.2)


class TestAio:
    def test_keeps_mail(self, aio: MailServer, certs: Certs):
        with smtplib.SMTP("localhost", aio.port, timeout=5) as client:
            client.starttls(context=certs.client_context())
            client.login("monitor", "s3cret")
            assert client.sendmail("a@b.test", ["c@d.test", "nobody@d.test"], MESSAGE) == {
                "nobody@d.test": (550, b"5.1.1 No such user")
            }
        assert aio.mails == [Mail("a@b.test", ("c@d.test",), MESSAGE)]


def ask(port, *commands, context=None, banner=220, name="localhost"):
    """The replies to ``commands``, in order, as (code, text); with ``context`` after STARTTLS."""
    if banner != 220:
        with pytest.raises(smtplib.SMTPConnectError) as refused:
            smtplib.SMTP(name, port, timeout=8)
        assert refused.value.smtp_code == banner
        return []
    replies = []
    with contextlib.closing(smtplib.SMTP(name, port, timeout=8)) as client:
        client.ehlo("me.example.test")
        if context:
            client.starttls(context=context)
            client.ehlo("me.example.test")
        for command in commands:
            client.send(f"{command}\r\n")
            replies.append(client.getreply())
    return replies


class TestPostfix:
    def test_delivers_byte_for_byte(self, postfix: Postfix):
        box, message = postfix.mailbox(), "Subject: x\r\n\r\n.dot\r\nüñ\r\n".encode()
        with smtplib.SMTP("localhost", postfix.port["smtp"], timeout=5) as client:
            client.sendmail("a@b.test", [box.address], message, ["BODY=8BITMIME"])
        assert box.message() == message

    def test_answers_for_recipients(self, postfix: Postfix):
        names = ("grey@example.test", "full@example.test", "moved@example.test", "nobody@example.test", "x@else.test")
        replies = ask(postfix.port["smtp"], "MAIL FROM:<a@b.test>", *(f"RCPT TO:<{name}>" for name in names))
        assert [(code, text.split(b" ")[0]) for code, text in replies[1:]] == [
            (450, b"4.2.0"),
            (452, b"4.2.2"),
            (551, b"5.7.1"),
            (550, b"5.1.1"),
            (554, b"5.7.1"),
        ]
        replies = ask(postfix.port["smtp"], "MAIL FROM:<a@b.test>", "RCPT TO:<closing@example.test>")
        assert replies[1][0] == 421

    @pytest.mark.parametrize(("sender", "code"), [("bad", 550), ("tmp", 450), ("drop", 521)])
    def test_answers_for_senders_come_at_rcpt(self, postfix: Postfix, sender, code):
        commands = (f"MAIL FROM:<{sender}@example.test>", "RCPT TO:<ok@example.test>")
        assert [reply[0] for reply in ask(postfix.port["smtp"], *commands)] == [250, code]

    def test_answers_to_messages(self, postfix: Postfix):
        for sender, message, code in (
            ("spam@example.test", MESSAGE, 554),
            ("a@b.test", b"Subject: EICAR\r\n\r\n", 550),
            ("a@b.test", b"x" * 70 + b"\r\n" + (b"y" * 70 + b"\r\n") * 400, 552),
        ):
            with smtplib.SMTP("localhost", postfix.port["smtp"], timeout=5) as client:
                client.helo()  # no SIZE at MAIL
                with pytest.raises(smtplib.SMTPDataError) as refused:
                    client.sendmail(sender, ["ok@example.test"], message)
            assert refused.value.smtp_code == code
        assert ask(postfix.port["smtp"], "MAIL FROM:<a@b.test> SIZE=20001")[0][:1] == (552,)

    def test_smtputf8(self, postfix: Postfix):
        with smtplib.SMTP("localhost", postfix.port["smtp"], timeout=5) as client:
            client.ehlo()
            assert client.mail("ä@b.test", ["SMTPUTF8"])[0] == 250
            assert client.rcpt("üser@example.test")[0] == 250

    @pytest.mark.parametrize(
        ("listener", "error"),
        [
            ("expired", "certificate has expired"),
            ("notyet", "certificate is not yet valid"),
            ("leafonly", "unable to get local issuer certificate"),
            ("wrongname", "Hostname mismatch"),
            ("selfsigned", "self-signed certificate"),
        ],
    )
    def test_bad_certificates(self, postfix: Postfix, certs: Certs, listener, error):
        with pytest.raises(ssl.SSLCertVerificationError, match=error):
            ask(postfix.port[listener], context=certs.client_context())

    @pytest.mark.parametrize("listener", ["smtp", "mustls", "soon", "tls12", "clientcert"])
    def test_good_certificates(self, postfix: Postfix, certs: Certs, listener):
        context = certs.client_context(certs.client)
        assert ask(postfix.port[listener], "NOOP", context=context) == [(250, b"2.0.0 Ok")]

    def test_tls_from_the_first_byte(self, postfix: Postfix, certs: Certs):
        context = certs.client_context()
        with smtplib.SMTP_SSL("localhost", postfix.port["smtps"], context=context, timeout=5) as client:
            assert client.noop()[0] == 250

    @pytest.mark.parametrize(
        ("listener", "command", "code"),
        [
            ("notls", "STARTTLS", 502),
            ("mustls", "MAIL FROM:<a@b.test>", 530),
            ("mismatch", "STARTTLS", 454),
            ("slow", "NOOP", 250),
            ("postscreen", "NOOP", 250),
        ],
    )
    def test_listeners(self, postfix: Postfix, listener, command, code):
        assert ask(postfix.port[listener], command)[0][0] == code

    def test_refusing_greetings(self, postfix: Postfix):
        assert ask(postfix.port["deny"], banner=554) == []
        assert ask(postfix.port["proxy"], banner=421) == []
        with connect_to(postfix.port["limit"]) as first:
            first.recv(99)
            assert ask(postfix.port["limit"], banner=421) == []

    def test_greylists_once(self, postfix: Postfix):
        commands = ("MAIL FROM:<a@b.test>", f"RCPT TO:<{postfix.mailbox().address}>")
        assert [ask(postfix.port["greylist"], *commands)[1][0] for _ in range(2)] == [450, 250]

    def test_limits_the_rate(self, postfix: Postfix):
        commands = ("MAIL FROM:<a@b.test>", "RSET", "MAIL FROM:<a@b.test>")
        assert ask(postfix.port["rate:again"], *commands)[-1][0] == 450

    @pytest.mark.parametrize("listener", ["proxy", "postscreenproxy"])
    def test_proxy_header(self, postfix: Postfix, listener):
        with connect_to(postfix.port[listener]) as client:
            client.sendall(b"PROXY TCP4 192.0.2.7 192.0.2.1 5555 25\r\n")
            assert client.recv(99) == b"220 mx1.example.test ESMTP Postfix\r\n"

    def test_ipv6(self, postfix: Postfix):
        if "ipv6" not in postfix.port:
            pytest.skip("no ::1 on this machine")
        assert ask(postfix.port["ipv6"], "NOOP", name="::1")[0][0] == 250


class TestSubmission:
    def test_mail_of_a_login_is_read_back_over_imap(self, submission: Submission, certs: Certs):
        box = submission.dovecot.mailbox()
        with smtplib.SMTP("localhost", submission.postfix.port["smtp"], timeout=5) as client:
            client.starttls(context=certs.client_context())
            client.login(dovecot.USER, dovecot.PASSWORD)
            client.sendmail("a@b.test", [box.address], MESSAGE)
        assert box.message() == MESSAGE
        assert submission.fetch(box.address).endswith(b"\r\n" + MESSAGE)

    def test_offers_every_mechanism(self, submission: Submission):
        offers = [
            text for text in ask(submission.postfix.port["notls"], "EHLO x")[0][1].split(b"\n") if b"AUTH" in text
        ]
        assert sorted(offers[0].decode().split(" ")[1:]) == sorted(dovecot.MECHANISMS)

    @pytest.mark.parametrize(("seconds", "code"), [(60, 235), (-60, 535)])
    def test_bearer_tokens(self, submission: Submission, seconds, code):
        bearer = f"user={dovecot.USER}\x01auth=Bearer {dovecot.token(expires=seconds)}\x01\x01".encode()
        login = f"AUTH XOAUTH2 {base64.b64encode(bearer).decode()}"
        replies = ask(submission.postfix.port["notls"], login, *([""] if code == 535 else []))
        assert replies[-1][0] == code
        assert len(replies) == 1 or replies[0][0] == 334

    def test_lmtp(self, dovecot: Dovecot):
        boxes = [dovecot.mailbox(), dovecot.mailbox()]
        with smtplib.LMTP("127.0.0.1", dovecot.port["lmtp"]) as client:
            client.sendmail("a@b.test", [box.address for box in boxes], MESSAGE)
            assert client.getreply()[0] == 250  # the second recipient's, which sendmail leaves
        assert [box.message() for box in boxes] == [MESSAGE, MESSAGE]
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(dovecot.lmtp))
            assert client.recv(99).startswith(b"220 ")

    def test_submission_server_wants_a_login(self, dovecot: Dovecot, certs: Certs):
        context = certs.client_context()
        (reply,) = ask(dovecot.port["submission"], "MAIL FROM:<a@b.test>", context=context)
        assert reply == (530, b"5.7.0 Authentication required.")
        with smtplib.SMTP_SSL("localhost", dovecot.port["submissions"], context=context, timeout=5) as client:
            assert client.ehlo()[0] == 250


class TestExim:
    def test_delivers_byte_for_byte(self, exim: Exim):
        box = exim.mailbox()
        with smtplib.SMTP("localhost", exim.port["smtp"], timeout=5) as client:
            client.sendmail("a@b.test", [box.address], MESSAGE)
        assert box.message() == MESSAGE

    def test_answers(self, exim: Exim):
        mail, rcpt = "MAIL FROM:<a@b.test>", "RCPT TO:<ok@example.test>"
        for commands, code in (
            (("EHLO bad.helo.test",), 550),
            (("EHLO tmp.helo.test",), 450),
            (("MAIL FROM:<bad@example.test>",), 550),
            (("MAIL FROM:<tmp@example.test>",), 451),
            (("MAIL FROM:<drop@example.test>",), 550),
            ((mail, "RCPT TO:<grey@example.test>"), 450),
            ((mail, "RCPT TO:<full@example.test>"), 452),
            ((mail, "RCPT TO:<nobody@example.test>"), 550),
            ((mail, "RCPT TO:<x@else.test>"), 550),
            (("MAIL FROM:<nodata@example.test>", rcpt, "DATA"), 554),
            (("MAIL FROM:<tmpdata@example.test>", rcpt, "DATA"), 451),
            ((mail, rcpt, "DATA", "Subject: EICAR\r\n\r\n."), 554),
            ((mail, rcpt, "DATA", "Subject: LATER\r\n\r\n."), 451),
            (("MAIL FROM:<a@b.test> SIZE=50000",), 552),
        ):
            assert ask(exim.port["smtp"], *commands)[-1][0] == code, commands

    @pytest.mark.parametrize(
        "commands",
        [
            ("MAIL FROM:<slow@example.test>",),
            ("MAIL FROM:<slowdata@example.test>", "RCPT TO:<ok@example.test>", "DATA"),
        ],
    )
    def test_delays(self, exim: Exim, commands):
        began = time.monotonic()
        assert ask(exim.port["smtp"], *commands)[-1][0] in (250, 354)
        assert 1 <= time.monotonic() - began < 3

    def test_greetings(self, exim: Exim):
        assert ask(exim.port["reject"], banner=554) == []
        assert ask(exim.port["tempfail"], banner=450) == []
        assert ask(exim.port["busy"], banner=421) == []
        with connect_to(exim.port["proxy"]) as client:
            client.sendall(b"PROXY TCP4 192.0.2.7 192.0.2.1 5555 25\r\n")
            assert client.recv(99) == b"220 exim.example.test ESMTP Exim\r\n"

    def test_logins(self, exim: Exim, certs: Certs):
        assert ask(exim.port["mustauth"], "MAIL FROM:<a@b.test>")[0][0] == 530
        with smtplib.SMTP("localhost", exim.port["mustauth"], timeout=5) as client:
            assert client.login("monitor", "s3cret")[0] == 235
        context = certs.client_context(certs.client)
        assert ask(exim.port["smtp"], "AUTH EXTERNAL =", context=context)[0][0] == 235
        with smtplib.SMTP_SSL("localhost", exim.port["smtps"], context=context, timeout=5) as client:
            assert client.noop()[0] == 250

    def test_quit_takes_200_ms(self, exim: Exim):
        began = time.monotonic()
        assert ask(exim.port["smtp"], "QUIT")[0][0] == 221
        assert time.monotonic() - began > 0.2


class TestOpenSmtpd:
    def test_handshake_fails_after_220(self, opensmtpd: OpenSmtpd, certs: Certs):
        with smtplib.SMTP("localhost", opensmtpd.port["smtp"], timeout=5) as client:
            client.ehlo()
            assert client.has_extn("starttls")
            with pytest.raises(ssl.SSLError, match=r"(?i)internal.error"):
                client.starttls(context=certs.client_context())
            client.close()


class TestNetworkNamespace:
    def test_port_25_is_ours(self, netns: NetworkNamespace, certs: Certs, workdir: Path):
        places = {"smtp": ("127.0.0.1", 25), "notls:mx2": ("127.0.0.2", 25)}
        server = started(lambda base: Postfix(base, certs, at=places, wrap=netns.enter, connect=netns.connect), workdir)
        try:
            with netns.connect("127.0.0.2", 25) as client:
                assert client.recv(99) == b"220 mx1.example.test ESMTP Postfix\r\n"
        finally:
            server.stop()


class TestDaemon:
    def test_nothing_survives_the_tests(self, workdir: Path):
        need_root("a pid namespace")
        mark = f"4{os.getpid()}.25"  # in the command lines of this test's processes only
        program = f"""
import os, pathlib, subprocess, sys
sys.path.insert(0, {str(Path(__file__).parents[1])!r})
from servers.process import Daemon
shell = "sleep {mark} & setpriv --reuid=65534 --clear-groups sleep {mark}"
Daemon(["sh", "-c", shell], log=pathlib.Path({str(workdir)!r}, "killed"))
while subprocess.run(["pgrep", "-cfx", "sleep {mark}"], capture_output=True).stdout != b"2\\n":
    pass
os.kill(os.getpid(), 9)
"""
        assert subprocess.run([sys.executable, "-c", program], timeout=10, check=False).returncode == -9
        end = time.monotonic() + 5
        while subprocess.run(["pgrep", "-fx", f"sleep {mark}"], capture_output=True, check=False).stdout:
            assert time.monotonic() < end, "processes survived"
            time.sleep(0.02)

    def test_a_daemon_that_dies_says_why(self, workdir: Path):
        daemon = Daemon(["sh", "-c", "echo no such option; exit 1"], log=workdir / "died")
        with pytest.raises(DaemonDied, match="no such option"):
            daemon.wait_for("127.0.0.1", free_ports(1)[0])
        daemon.stop()


class TestRequirements:
    def test_what_is_missing_skips(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setitem(PROGRAMS, "nothing", Program(("/nonexistent/nothing",), ("nothing-common", "nothing")))
        monkeypatch.delenv("REQUIRE_REAL", raising=False)
        with pytest.raises(pytest.skip.Exception, match=r"--no-install-recommends nothing-common nothing$"):
            need("nothing")

    def test_or_fails_where_it_is_required(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setitem(PROGRAMS, "nothing", Program(("/nonexistent/nothing",), ("nothing",)))
        monkeypatch.setenv("REQUIRE_REAL", "1")
        with pytest.raises(pytest.fail.Exception, match="nothing is not installed"):
            need("nothing")
