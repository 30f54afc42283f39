"""Every way in which TLS goes wrong has a first line of its own, from real servers and from scripted ones."""

from __future__ import annotations

import re
import ssl
import statistics
import time

import pytest

from helpers.plugin import Result, run
from servers.certs import Certs
from servers.opensmtpd import OpenSmtpd
from servers.postfix import Postfix
from servers.scripted import Close, Eof, Read, Reset, Silence, StartTls
from smtp_status.check.resource import SMTP
from smtp_status.net.clock import Deadline
from smtp_status.options.build import settings_from

HOST = "127.0.0.1"
OFFER = b"250-scripted.test\r\n250 STARTTLS\r\n"
ANSWERED = f"SMTP OK - {HOST} answered in N s: 250 scripted.test SIZE 10240000 8BITMIME ENHANCEDSTATUSCODES SMTPUTF8"
POSTFIX_ANSWERED = (
    f"SMTP OK - {HOST} answered in N s: 250 mx1.example.test PIPELINING SIZE 20000 VRFY ETRN ENHANCEDSTATUSCODES"
    " 8BITMIME DSN SMTPUTF8 CHUNKING"
)
EXPIRED = "certificate expired 42 hours ago"


def check(server, certs: Certs, *args: str, host: str = HOST, mode: str = "-S") -> Result:
    """A run against a scripted server or a port, with TLS and the tests' CA."""
    port = server if isinstance(server, int) else server.port
    return run("-H", host, "-p", str(port), "-F", "probe.example.org", mode, "--ca", str(certs.ca), *args)


def day(seconds: float) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(seconds))


@pytest.fixture
def handshake(scripted):
    """A function that starts a server which plays these steps behind its 220 to STARTTLS."""

    def start(*steps, **options):
        return scripted(ehlo=OFFER, starttls=(b"220 2.0.0 Go ahead\r\n", *steps), **options)

    return start


class TestStartTls:
    """What can happen before the handshake."""

    def test_not_offered(self, postfix: Postfix, certs: Certs):
        result = check(postfix.port["notls"], certs)
        assert (result.code, result.first) == (2, f"SMTP CRITICAL - {HOST} starttls: STARTTLS not offered")
        assert list(result.perfdata) == ["time", "time_connect", "time_banner", "time_ehlo"]

    def test_stripped_on_the_way(self, scripted, certs: Certs):
        server = scripted(ehlo=b"250-scripted.test\r\n250-SIZE 1000\r\n250 XXXXXXXA\r\n", starttls=certs.context())
        result = check(server, certs)
        came = "XXXXXXXA: a firewall's ESMTP inspection?"
        assert (result.code, result.first) == (2, f"SMTP CRITICAL - {HOST} starttls: STARTTLS not offered; {came}")
        assert server.session.commands == [b"EHLO", b"QUIT"]

    def test_server_without_ehlo(self, scripted, certs: Certs):
        server = scripted(ehlo=b"502 5.5.1 No\r\n")
        result = check(server, certs)
        came = "EHLO was refused: 502 5.5.1 No"
        assert (result.code, result.first) == (2, f"SMTP CRITICAL - {HOST} starttls: STARTTLS not offered; {came}")
        assert server.session.commands == [b"EHLO", b"HELO", b"QUIT"]

    def test_key_does_not_fit(self, postfix: Postfix, certs: Certs):
        result = check(postfix.port["mismatch"], certs)
        assert (result.code, result.first) == (
            2,
            f"SMTP CRITICAL - {HOST} starttls: 454 4.7.0 TLS not available due to local problem",
        )

    @pytest.mark.parametrize("reply", ["501 5.5.4 Syntax error", "502 5.5.1 Not implemented", "421 4.3.2 Closing"])
    def test_refused(self, scripted, certs: Certs, reply):
        server = scripted(ehlo=OFFER, starttls=f"{reply}\r\n".encode())
        result = check(server, certs, "-f", "a@example.org")
        assert (result.code, result.first) == (2, f"SMTP CRITICAL - {HOST} starttls: {reply}")
        assert server.session.commands == [b"EHLO", b"STARTTLS", b"QUIT"]

    def test_plain_text_behind_the_220(self, scripted, certs: Certs):
        injected = (b"220 2.0.0 Go ahead\r\n250 injected\r\n", StartTls(certs.context()))
        server = scripted(ehlo=OFFER, starttls=injected)
        result = check(server, certs)
        assert (result.code, result.first) == (
            2,
            f"SMTP CRITICAL - {HOST} starttls: data in plain text before the TLS handshake: 250 injected",
        )
        assert "tls_days" not in result.perfdata
        assert server.session.received == b"EHLO probe.example.org\r\nSTARTTLS\r\n"

    def test_must_tls_without(self, postfix: Postfix):
        result = run("-H", HOST, "-p", str(postfix.port["mustls"]), "-f", "a@example.org")
        assert (result.code, result.first) == (
            2,
            f"SMTP CRITICAL - {HOST} mail: 530 5.7.0 Must issue a STARTTLS command first",
        )

    def test_must_tls_with(self, postfix: Postfix, certs: Certs):
        result = check(postfix.port["mustls"], certs, "-f", "a@example.org")
        assert (result.code, result.steady) == (0, f"SMTP OK - {HOST} accepted the sender in N s: 250 2.1.0 Ok")

    def test_what_was_said_in_plain_text_is_forgotten(self, scripted, certs: Certs):
        server = scripted(extensions_tls=(b"SIZE 1",), starttls=certs.context())
        result = check(server, certs, "-f", "ü@example.org")
        assert (result.code, result.first) == (
            2,
            f"SMTP CRITICAL - {HOST} mail: SMTPUTF8 not offered, but an address or header is not ASCII",
        )
        assert server.session.commands == [b"EHLO", b"STARTTLS", b"EHLO", b"QUIT"]


class TestHandshake:
    """What can happen inside it."""

    @pytest.mark.parametrize(("listener", "mode"), [("smtp", "-S"), ("smtps", "-s")])
    def test_opensmtpd_fails(self, opensmtpd: OpenSmtpd, certs: Certs, listener, mode):
        result = check(opensmtpd.port[listener], certs, mode=mode)
        assert (result.code, result.first) == (
            2,
            f"SMTP CRITICAL - {HOST} tls: TLS handshake failed: alert internal error"
            " (a fault at the server, see its log)",
        )
        assert "time_tls" not in result.perfdata

    @pytest.mark.parametrize(
        "answer", [b"\x00\x01 no TLS at all", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"220 mx ESMTP\r\n"]
    )
    def test_garbage(self, handshake, certs: Certs, answer):
        result = check(handshake(Read(1), answer, Eof()), certs)
        assert (result.code, result.first) == (
            2,
            f"SMTP CRITICAL - {HOST} tls: TLS handshake failed: wrong version number"
            " (the server did not answer with TLS)",
        )

    @pytest.mark.parametrize(
        ("answer", "said"),
        [
            (b"421 4.7.0 too many connections\r\n", "421 4.7.0 too many connections"),
            (b"554-5.7.1 blocked <you>\r\n554 5.7.1 bye\r\n", "554-5.7.1 blocked you"),
            (b"500 5.5.1 What\x1b|?\r\n", "500 5.5.1 What␛¦?"),
        ],
    )
    @pytest.mark.parametrize("mode", ["-s", "-S"])
    def test_a_refusal_in_plain_text(self, handshake, scripted, certs: Certs, *, mode, answer, said):
        steps = (Read(1), answer, Eof())
        result = check(handshake(*steps) if mode == "-S" else scripted(steps), certs, mode=mode)
        assert (result.code, result.first) == (
            2,
            f"SMTP CRITICAL - {HOST} tls: TLS handshake failed: the server said in plain text: {said}",
        )

    def test_tls_from_the_first_byte_at_a_port_without(self, postfix: Postfix, certs: Certs):
        result = check(postfix.port["smtp"], certs, mode="-s")
        assert (result.code, result.first) == (
            2,
            f"SMTP CRITICAL - {HOST} tls: TLS handshake failed: wrong version number"
            " (the server did not answer with TLS; --starttls?)",
        )

    @pytest.mark.parametrize("mode", ["-S", "-s"])
    def test_name_the_server_does_not_know(self, scripted, handshake, certs: Certs, mode):
        steps = (Read(1), b"\x15\x03\x03\x00\x02\x02\x70", Eof())  # fatal, unrecognized_name (RFC 6066 section 3)
        server = handshake(*steps) if mode == "-S" else scripted(steps)
        result = check(server, certs, "--tls-name", "mx9.example.test", mode=mode)
        assert (result.code, result.first) == (
            2,
            f"SMTP CRITICAL - {HOST} tls: TLS handshake failed: unrecognized name (--tls-name?)",
        )

    @pytest.mark.parametrize("mode", ["-S", "-s"])
    def test_silence(self, scripted, handshake, certs: Certs, mode):
        server = handshake(Silence()) if mode == "-S" else scripted([Silence()])
        result = check(server, certs, "-t", "0.5", mode=mode)
        assert (result.code, result.steady) == (
            2,
            f"SMTP CRITICAL - {HOST} timed out at tls: no end of the handshake after N s",
        )

    @pytest.mark.parametrize(("end", "how"), [(Close(), "closed"), (Reset(), "reset")])
    @pytest.mark.parametrize("mode", ["-S", "-s"])
    def test_end(self, scripted, handshake, certs: Certs, *, mode, end, how):
        server = handshake(Read(1), end) if mode == "-S" else scripted([Read(1), end])
        result = check(server, certs, mode=mode)
        assert (result.code, result.first) == (
            2,
            f"SMTP CRITICAL - {HOST} tls: connection {how} by the server during the TLS handshake",
        )

    @pytest.mark.parametrize("listener", ["tls12", "smtp"])
    def test_lowest_version(self, postfix: Postfix, certs: Certs, listener):
        result = check(postfix.port[listener], certs, "--tls-min", "1.3")
        old = (
            f"SMTP CRITICAL - {HOST} tls: TLS handshake failed: alert protocol version"
            " (the server has no TLS 1.3; --tls-min 1.2?)"
        )
        assert (result.code, result.steady) == ((2, old) if listener == "tls12" else (0, POSTFIX_ANSWERED))


class TestClientCertificate:
    @pytest.mark.parametrize("mode", ["-S", "-s"])
    @pytest.mark.parametrize(
        ("version", "shown", "said"),
        [
            (
                "TLSv1_2",
                None,
                "TLS handshake failed: alert handshake failure"
                " (no cipher in common, or the server wants a client certificate)",
            ),
            (
                "TLSv1_3",
                None,
                "TLS connection failed: alert certificate required (the server wants a client certificate)",
            ),
            (
                "TLSv1_2",
                "selfsigned",
                "TLS handshake failed: alert unknown ca (the server does not trust the client certificate)",
            ),
            (
                "TLSv1_3",
                "selfsigned",
                "TLS connection failed: alert unknown ca (the server does not trust the client certificate)",
            ),
        ],
    )
    def test_wanted(self, scripted, certs: Certs, *, mode, version, shown, said):
        context = certs.context(client_certificate=True)
        context.minimum_version = context.maximum_version = getattr(ssl.TLSVersion, version)
        leaf = getattr(certs, shown) if shown else None
        options = ("--client-cert", str(leaf.crt), "--client-key", str(leaf.key)) if leaf else ()
        server = scripted(starttls=context) if mode == "-S" else scripted(tls=context)
        result = check(server, certs, *options, mode=mode)
        assert (result.code, result.first) == (2, f"SMTP CRITICAL - {HOST} tls: {said}")
        assert result.perfdata["tls_days"] == "30"

    def test_shown(self, scripted, certs: Certs):
        server = scripted(starttls=certs.context(client_certificate=True))
        options = ("--client-cert", str(certs.client.crt), "--client-key", str(certs.client.key))
        result = check(server, certs, *options)
        assert (result.code, result.steady) == (0, ANSWERED)
        assert server.session.peer_certificate is not None

    def test_postfix_says_so_after_the_handshake(self, postfix: Postfix, certs: Certs):
        result = check(postfix.port["clientcert"], certs)
        assert (result.code, result.first) == (
            2,
            f"SMTP CRITICAL - {HOST} ehlo: 421 4.7.1 mx1.example.test Error: No client certificate presented",
        )
        options = ("--client-cert", str(certs.client.crt), "--client-key", str(certs.client.key))
        result = check(postfix.port["clientcert"], certs, *options)
        assert (result.code, result.steady) == (0, POSTFIX_ANSWERED)


class TestCertificate:
    """What can be wrong with it; ``tls_days`` is there all the same."""

    @pytest.mark.parametrize(
        ("listener", "said", "days"),
        [
            ("expired", EXPIRED, "-2"),
            (
                "leafonly",
                'the server does not send the certificate of "Test Intermediate CA", and it is not trusted here',
                "30",
            ),
            ("wrongname", f"certificate is for other.example.test, not for {HOST}; --tls-name?", "30"),
            ("selfsigned", "self-signed certificate", "30"),
        ],
    )
    def test_faults(self, postfix: Postfix, certs: Certs, listener, said, days):
        result = check(postfix.port[listener], certs, "-f", "a@example.org")
        assert (result.code, result.first) == (2, f"SMTP CRITICAL - {HOST} tls: {said}")
        assert result.perfdata["tls_days"] == days
        assert list(result.perfdata) == [
            "time",
            "time_connect",
            "time_banner",
            "time_ehlo",
            "time_starttls",
            "tls_days",
        ]

    def test_not_yet_valid(self, postfix: Postfix, certs: Certs):
        result = check(postfix.port["notyet"], certs)
        begins = day(certs.not_yet.certificate.not_valid_before_utc.timestamp())
        assert (result.code, result.first) == (2, f"SMTP CRITICAL - {HOST} tls: certificate not valid before {begins}")
        assert result.perfdata["tls_days"] == "30"

    def test_issuer_unknown(self, postfix: Postfix):
        result = run("-H", HOST, "-p", str(postfix.port["smtp"]), "-S")
        assert (result.code, result.first) == (
            2,
            f'SMTP CRITICAL - {HOST} tls: chain ends at "Test Root CA", which is not trusted here',
        )

    def test_root_sent_along_is_not_trusted_for_that(self, scripted, certs: Certs, tmp_path):
        chain = tmp_path / "whole.crt"
        chain.write_bytes(certs.good.crt.read_bytes() + certs.ca.read_bytes())
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(chain, certs.good.key)
        result = run("-H", HOST, "-p", str(scripted(starttls=context).port), "-S")
        assert (result.code, result.first) == (
            2,
            f'SMTP CRITICAL - {HOST} tls: chain ends at "Test Root CA", which is not trusted here',
        )

    @pytest.mark.parametrize("leaf", ["good", "rsa", "ip_only"])
    def test_address(self, scripted, certs: Certs, leaf):
        server = scripted(starttls=certs.context(getattr(certs, leaf)))
        result = check(server, certs)
        assert (result.code, result.steady) == (0, ANSWERED)
        assert server.session.sni is None

    @pytest.mark.parametrize(
        ("leaf", "name"),
        [
            ("good", "mx2.example.test"),
            ("wildcard", "mx7.example.test"),
            ("wildcard", "MX.Example.Test."),
            ("good", "::1"),
        ],
    )
    def test_tls_name(self, scripted, certs: Certs, leaf, name):
        server = scripted(starttls=certs.context(getattr(certs, leaf)))
        result = check(server, certs, "--tls-name", name)
        assert (result.code, result.steady) == (0, ANSWERED)
        assert server.session.sni == (None if name == "::1" else name.rstrip("."))

    def test_name_of_the_host(self, scripted, certs: Certs):
        server = scripted(starttls=certs.context())
        result = check(server, certs, "-4", host="localhost")
        assert (result.code, result.steady) == (0, ANSWERED.replace(HOST, "localhost"))
        assert server.session.sni == "localhost"

    @pytest.mark.parametrize(
        ("leaf", "args", "said"),
        [
            ("wildcard", ("--tls-name", "a.mx.example.test"), "*.example.test, not for a.mx.example.test"),
            ("wildcard", ("--tls-name", "example.test"), "*.example.test, not for example.test"),
            ("wildcard", (), f"*.example.test, not for {HOST}; --tls-name?"),
            ("ip_only", ("--tls-name", "mx1.example.test"), "127.0.0.1, ::1, not for mx1.example.test"),
            (
                "good",
                ("--tls-name", "mx3.example.test"),
                "mx1.example.test, mx2.example.test, localhost and 2 more, not for mx3.example.test",
            ),
            (
                "cn_only",
                ("--tls-name", "mx1.example.test"),
                "no names but CN=mx1.example.test, not for mx1.example.test",
            ),
        ],
    )
    def test_wrong_name(self, scripted, certs: Certs, leaf, args, said):
        server = scripted(starttls=certs.context(getattr(certs, leaf)))
        result = check(server, certs, *args)
        assert (result.code, result.first) == (2, f"SMTP CRITICAL - {HOST} tls: certificate is for {said}")
        assert result.perfdata["tls_days"] == "30"

    def test_fault_is_the_same_with_tls_from_the_first_byte(self, scripted, certs: Certs):
        result = check(scripted(tls=certs.context(certs.expired)), certs, mode="-s")
        assert (result.code, result.first) == (2, f"SMTP CRITICAL - {HOST} tls: {EXPIRED}")
        assert list(result.perfdata) == ["time", "time_connect", "tls_days"]


class TestTolerance:
    @pytest.mark.parametrize("listener", ["leafonly", "wrongname", "selfsigned"])
    def test_no_verify(self, postfix: Postfix, certs: Certs, listener):
        result = check(postfix.port[listener], certs, "--no-verify")
        assert (result.code, result.steady) == (0, POSTFIX_ANSWERED)
        assert result.perfdata["tls_days"] == "30"

    def test_no_verify_still_sees_dates(self, postfix: Postfix, certs: Certs):
        result = check(postfix.port["expired"], certs, "--no-verify")
        assert (result.code, result.first) == (2, f"SMTP CRITICAL - {HOST} tls: {EXPIRED}")
        assert result.perfdata["tls_days"] == "-2"
        assert "time_tls" in result.perfdata

    @pytest.mark.parametrize(
        "args",
        [
            ("--ignore-certificate-expiration",),
            ("--ignore-certificate-expiration", "-D", "21,7"),
            ("--state", "tls:expired=ok"),
        ],
    )
    def test_expiration_ignored(self, postfix: Postfix, certs: Certs, args):
        result = check(postfix.port["expired"], certs, "-f", "a@example.org", *args)
        assert (result.code, result.steady) == (
            0,
            f"SMTP OK - {HOST} accepted the sender in N s: 250 2.1.0 Ok (tls: {EXPIRED}, tolerated)",
        )
        assert result.perfdata["tls_days"].split(";")[0] == "-2"

    def test_but_nothing_else(self, postfix: Postfix, certs: Certs):
        result = check(postfix.port["wrongname"], certs, "--ignore-certificate-expiration")
        assert (result.code, result.first) == (
            2,
            f"SMTP CRITICAL - {HOST} tls: certificate is for other.example.test, not for {HOST}; --tls-name?",
        )

    def test_warning_only(self, postfix: Postfix, certs: Certs):
        result = check(postfix.port["wrongname"], certs, "-f", "a@example.org", "--state", "tls:name=warning")
        assert (result.code, result.first) == (
            1,
            f"SMTP WARNING - {HOST} tls: certificate is for other.example.test, not for {HOST}; --tls-name?",
        )
        assert "time_mail" in result.perfdata


class TestDays:
    @pytest.mark.parametrize(
        ("wanted", "code", "said", "limits"),
        [
            ("21,7", 2, "more than 7 wanted", ";21;7"),
            ("21,5", 2, "more than 5 wanted", ";21;5"),
            ("21,4", 1, "more than 21 wanted", ";21;4"),
            ("6", 1, "more than 6 wanted", ";6;0"),
            ("5", 1, "more than 5 wanted", ";5;0"),
            ("5,5", 2, "more than 5 wanted", ";5;5"),
            ("4", 0, "", ";4;0"),
            ("4,4", 0, "", ";4;4"),
        ],
    )
    def test_soon(self, postfix: Postfix, certs: Certs, *, wanted, code, said, limits):
        result = check(postfix.port["soon"], certs, "-D", wanted)
        problem = f"SMTP {result.state} - {HOST} answered, but the certificate expires in 5 days, {said}"
        # The server's own words make room for the days that were asked for.
        words = POSTFIX_ANSWERED.partition("8BITMIME")[0]
        good = f"{words}8BITMIM… (certificate expires in 5 days)"
        assert (result.code, result.steady) == (code, problem if code else good)
        assert result.perfdata["tls_days"] == f"5{limits}"

    def test_implies_starttls(self, postfix: Postfix, certs: Certs):
        result = run("-H", HOST, "-p", str(postfix.port["soon"]), "-D", "21,7", "--ca", str(certs.ca))
        assert (result.code, result.first) == (
            2,
            f"SMTP CRITICAL - {HOST} answered, but the certificate expires in 5 days, more than 7 wanted",
        )

    def test_expired_is_said_first(self, postfix: Postfix, certs: Certs):
        result = check(postfix.port["expired"], certs, "-D", "21,7")
        assert (result.code, result.first) == (2, f"SMTP CRITICAL - {HOST} tls: {EXPIRED}")
        assert result.perfdata["tls_days"] == "-2;21;7"

    def test_refusal_counts_more_than_a_warning(self, postfix: Postfix, certs: Certs):
        result = check(postfix.port["soon"], certs, "-D", "21", "-f", "a@example.org", "--to", "x@elsewhere.example")
        assert (result.code, result.first) == (
            2,
            f"SMTP CRITICAL - {HOST} rcpt: 554 5.7.1 x@elsewhere.example: Relay access denied",
        )


class TestDetails:
    NAMES = "certificate names: mx1.example.test, mx2.example.test, localhost, 127.0.0.1, ::1"

    @staticmethod
    def details(result: Result) -> list[str]:
        return [line for line in result.lines if line.startswith(("tls: ", "certificate "))]

    @pytest.mark.parametrize(
        ("listener", "protocol", "key"),
        [
            ("smtp", r"TLSv1\.3 TLS_\w+", r"EC P-256"),
            ("tls12", r"TLSv1\.2 [A-Z0-9-]+", r"RSA 2048"),
        ],
    )
    def test_of_a_good_handshake(self, postfix: Postfix, certs: Certs, listener, protocol, key):
        protocol_line, *lines, key_line = self.details(check(postfix.port[listener], certs, "-v"))
        assert re.fullmatch(rf"tls: {protocol}", protocol_line)
        good = certs.good.certificate
        dates = f"{day(good.not_valid_before_utc.timestamp())} to {day(good.not_valid_after_utc.timestamp())}"
        assert lines == [
            "certificate subject: CN=mx1.example.test",
            "certificate issuer: CN=Test Intermediate CA",
            self.NAMES,
            f"certificate valid: {dates}, expires in 30 days",
        ]
        assert re.fullmatch(rf"certificate key: {key}, SHA-256 [0-9a-f]{{64}}", key_line)

    def test_of_a_failed_one(self, postfix: Postfix, certs: Certs):
        result = check(postfix.port["expired"], certs, "-v")
        subject, issuer, names, valid, _ = self.details(result)
        assert (subject, issuer) == (
            "certificate subject: CN=mx1.example.test",
            "certificate issuer: CN=Test Intermediate CA",
        )
        assert (names, valid.partition(", ")[2]) == (self.NAMES, "expired 42 hours ago")
        (line,) = (line for line in result.lines if line.startswith("tls "))
        assert re.sub(" +", " ", line) == f"tls - expired: {EXPIRED}"


@pytest.mark.timing
class TestLatency:
    """Session tickets of the server and the delayed ACK of the client together cost 40 ms in other clients."""

    @pytest.mark.parametrize(("listener", "mode", "stage"), [("smtp", "-S", "ehlo"), ("smtps", "-s", "banner")])
    def test_nothing_waits_for_a_delayed_ack(self, postfix: Postfix, certs: Certs, listener, mode, stage):
        """Held against the same stage without TLS, in turns: what else this machine does slows down both."""
        secured = ["-H", HOST, "-p", str(postfix.port[listener]), mode, "--ca", str(certs.ca)]
        plain = ["-H", HOST, "-p", str(postfix.port["smtp"])]
        for _ in range(3):  # whoever waits for an acknowledgement does so each time
            took, control = self.interleaved(secured, plain, stage)
            # A quarter of what the trap costs, and half of it.
            above = statistics.median(took) - statistics.median(control)
            late, others_late = (sum(one > 0.02 for one in seconds) for seconds in (took, control))
            if above < 0.01 and late <= others_late:
                return
        pytest.fail(f"{sorted(took)} with TLS, {sorted(control)} without")

    @staticmethod
    def interleaved(secured: list[str], plain: list[str], stage: str) -> tuple[list[float], list[float]]:
        """Seconds of ``stage`` in a hundred conversations of both kinds."""
        resources = [SMTP(settings_from(arguments, {})) for arguments in (secured, plain)]
        seconds: tuple[list[float], list[float]] = ([], [])
        for _ in range(100):
            for resource, found in zip(resources, seconds):
                resource.limit(Deadline(10), time.time(), None)
                resource.probe()
                found.append(dict(resource.outcomes[0].times)[stage])
        return seconds
