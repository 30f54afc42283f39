"""The whole plugin against a real Exim: refusals and delays at each of its ACLs, in words unlike Postfix's."""

from __future__ import annotations

import re
import socket
from concurrent.futures import ThreadPoolExecutor

import pytest

from helpers.plugin import Result, run
from servers.certs import Certs
from servers.exim import PASSWORD, USER, Exim

HOST = "127.0.0.1"
SENDER = "from@example.org"
ACCEPTED = f"SMTP OK - {HOST} accepted the message in N s: 250 OK id=ID"
LOGIN = ("-U", USER, "-P", PASSWORD)


def check(exim: Exim, listener: str, *args: str, helo: str = "probe.example.org") -> Result:
    return run("-H", HOST, "-p", str(exim.port[listener]), "-F", helo, *args)


def send(exim: Exim, *args: str, listener: str = "smtp", helo: str = "probe.example.org") -> Result:
    """A mail to a mailbox; a ``-f`` or ``--to`` among ``args`` takes the place of sender and recipient."""
    to = () if "--to" in args else ("--to", exim.mailbox().address)
    return check(exim, listener, "-f", SENDER, *to, *args, helo=helo)


class TestMail:
    @pytest.mark.parametrize("extra", [(), ("-r",), ("-s",)], ids=["plain", "PROXY", "TLS"])
    def test_arrives(self, exim: Exim, certs: Certs, extra):
        box = exim.mailbox()
        listener = {(): "smtp", ("-r",): "proxy", ("-s",): "smtps"}[extra]
        result = send(exim, "--to", box.address, "--ca", str(certs.ca), *extra, listener=listener)
        assert (result.code, result.steady) == (0, ACCEPTED)
        message = box.message()
        assert message.startswith(b"Subject: SMTP PROTOCOL TESTING\r\nDate: ")
        assert message.endswith(b"; host=probe.example.org\r\n\r\nDATA SECTION\r\n")

    def test_message_id_of_the_first_line_is_exims_own(self, exim: Exim):
        result = send(exim)
        assert f" {result.first.rpartition('id=')[2]} <= {SENDER} " in exim.log()

    def test_quit_is_not_in_the_total(self, exim: Exim):
        result = send(exim)
        assert (result.code, result.steady) == (0, ACCEPTED)
        assert result.seconds("time_quit") >= 0.19
        assert result.seconds("time") < 0.15
        judged = send(exim, "-c", "0.18")
        assert (judged.code, judged.steady) == (0, ACCEPTED)

    def test_eight_bit_message(self, exim: Exim):
        box = exim.mailbox()
        result = send(exim, "--to", box.address, "--subject", "größer", "--data", "grüße\\n.\\n")
        assert (result.code, result.steady) == (0, ACCEPTED)
        assert box.message().endswith("\r\n\r\ngrüße\r\n.\r\n".encode())


class TestRefusals:
    @pytest.mark.parametrize(
        ("code", "args", "said"),
        [
            (2, ("-f", "bad@example.test"), "mail: 550 5.7.1 Sender denied by policy"),
            (1, ("-f", "tmp@example.test"), "mail: 451 4.7.1 Sender deferred"),
            (2, ("-f", "drop@example.test"), "mail: 550 5.7.0 Refused, closing"),
            (1, ("--to", "grey@example.test"), "rcpt: 450 4.2.0 Greylisted"),
            (1, ("--to", "full@example.test"), "rcpt: 452 4.2.2 Mailbox full"),
            (2, ("--to", "nobody@example.test"), "rcpt: 550 5.1.1 Unrouteable address"),
            (2, ("--to", "drop@example.test"), "rcpt: 550 5.7.0 Refused, closing"),
            (2, ("--to", "x@else.example"), "rcpt: 550 5.7.1 relay not permitted"),
            (2, ("-f", "nodata@example.test"), "data: 554 5.5.1 No DATA for you"),
            (1, ("-f", "tmpdata@example.test"), "data: 451 4.5.1 No DATA for now"),
            (2, ("--subject", "EICAR"), "message: 554 5.7.1 Spam message rejected"),
            (1, ("--subject", "LATER"), "message: 451 4.7.1 Try later"),
        ],
    )
    def test_in_the_transaction(self, exim: Exim, code, args, said):
        result = send(exim, *args)
        assert (result.code, result.first) == (code, f"SMTP {result.state} - {HOST} {said}")
        stage = said.partition(":")[0]
        assert list(result.perfdata)[-1] == f"time_{stage}"

    @pytest.mark.parametrize(("helo", "said"), [("bad", "550 5.7.1 HELO refused"), ("tmp", "450 4.7.1 HELO deferred")])
    def test_ehlo(self, exim: Exim, helo, said):
        result = send(exim, helo=f"{helo}.helo.test")
        assert (result.code, result.first) == (2, f"SMTP CRITICAL - {HOST} ehlo: {said}")

    @pytest.mark.parametrize(
        ("listener", "said"),
        [
            ("reject", "banner: 554 5.7.1 No service for you"),
            ("tempfail", "banner: 450 4.3.2 Not now"),
            ("busy", "banner: 421 Too many concurrent SMTP connections; please try again later."),
            ("proxy", "ehlo: 503 Command refused, required Proxy negotiation failed"),
            ("mustauth", "mail: 530 5.7.0 Authentication required"),
        ],
    )
    def test_listeners(self, exim: Exim, listener, said):
        result = send(exim, listener=listener)
        assert (result.code, result.first) == (2, f"SMTP CRITICAL - {HOST} {said}")

    def test_size(self, exim: Exim, tmp_path):
        file = tmp_path / "mail"
        file.write_bytes(b"Subject: large\n\n" + (b"x" * 76 + b"\n") * 300)
        result = send(exim, "--data-file", str(file))
        assert (result.code, result.first) == (
            2,
            f"SMTP CRITICAL - {HOST} mail: 552 Message size exceeds maximum permitted",
        )

    def test_several_recipients(self, exim: Exim):
        result = send(exim, "--to", exim.mailbox().address, "--to", "grey@example.test", "--to", "full@example.test")
        assert (result.code, result.first) == (
            1,
            f"SMTP WARNING - {HOST} rcpt: 450 4.2.0 Greylisted (for grey@example.test, 2 of 3 refused)",
        )

    def test_another_client_does_not_matter(self, exim: Exim):
        with socket.create_connection((HOST, exim.port["smtp"]), timeout=5) as other:
            assert other.recv(99).startswith(b"220")
            assert send(exim).steady == ACCEPTED


DELAYS = (
    ("banner", {"listener": "slow"}, ()),
    ("ehlo", {"helo": "slow.helo.test"}, ()),
    ("mail", {}, ("-f", "slow@example.test")),
    ("rcpt", {}, ("--to", "slow@example.test")),
    ("data", {}, ("-f", "slowdata@example.test")),
    ("message", {}, ("--subject", "SLOW")),
)


@pytest.fixture(scope="module")
def delayed(exim: Exim) -> dict[str, Result]:
    """One run for each of DELAYS, all at the same time."""

    def delay(stage: str, where: dict[str, str], args: tuple[str, ...]) -> Result:
        return send(exim, *args, "--stage-warning", f"{stage}=0.8", **where)

    with ThreadPoolExecutor(len(DELAYS)) as pool:
        runs = {case[0]: pool.submit(delay, *case) for case in DELAYS}
        return {stage: done.result() for stage, done in runs.items()}


class TestDelays:
    """Each stage that Exim holds up by 1 s, and no other, is shown to have taken it."""

    @pytest.mark.parametrize("stage", [case[0] for case in DELAYS])
    def test_stage(self, delayed: dict[str, Result], stage):
        result = delayed[stage]
        assert result.code == 1
        assert re.fullmatch(
            rf"SMTP WARNING - {HOST} accepted the message, but {stage} took 1\.\d{{3}} s, at most 0\.8 s wanted",
            result.first,
        )
        assert 1.0 <= result.seconds(f"time_{stage}") < 1.5
        others = [label for label in result.perfdata if label not in ("time", f"time_{stage}", "time_quit")]
        assert all(result.seconds(label) < 0.5 for label in others), result.perfdata

    @pytest.mark.parametrize(
        ("args", "said"),
        [
            (("-f", "slow@example.test"), "mail: no reply to MAIL for N s"),
            (("--to", "slow@example.test"), "rcpt: no reply to RCPT for N s"),
            (("--subject", "SLOW"), "message: no reply for N s after the final dot"),
        ],
    )
    def test_deadline(self, exim: Exim, args, said):
        result = send(exim, *args, "-t", "0.5")
        assert (result.code, result.steady) == (
            2,
            f"SMTP CRITICAL - {HOST} timed out at {said}",
        )
        stage = said.partition(":")[0]
        assert f"time_{stage}" not in result.perfdata


class TestAuth:
    @pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "CRAM-MD5"])
    def test_mechanisms(self, exim: Exim, mechanism):
        result = send(exim, "-A", mechanism, *LOGIN, listener="mustauth")
        assert (result.code, result.steady) == (0, ACCEPTED)
        result = send(exim, "-A", mechanism, "-U", USER, "-P", "wrong-one", listener="mustauth")
        hint = "; PLAIN and LOGIN are offered too: -A?" if mechanism == "CRAM-MD5" else ""
        assert (result.code, result.first) == (
            2,
            f"SMTP CRITICAL - {HOST} auth: 535 Incorrect authentication data ({mechanism}: credentials rejected{hint})",
        )

    def test_strongest_common_mechanism(self, exim: Exim):
        result = check(exim, "mustauth", *LOGIN, "-vv")
        assert (result.code, result.steady) == (
            0,
            f"SMTP OK - {HOST} authenticated in N s: 235 Authentication succeeded",
        )
        assert ">>> AUTH CRAM-MD5" in result.lines

    def test_not_offered(self, exim: Exim):
        result = check(exim, "mustauth", *LOGIN, "-A", "SCRAM-SHA-256")
        assert (result.code, result.first) == (
            2,
            f"SMTP CRITICAL - {HOST} auth: SCRAM-SHA-256 not offered, only PLAIN LOGIN CRAM-MD5",
        )

    def test_offered_after_starttls_only(self, exim: Exim):
        result = check(exim, "smtp", *LOGIN)
        assert (result.code, result.first) == (
            2,
            f"SMTP CRITICAL - {HOST} auth: AUTH not offered, STARTTLS is: -S?",
        )

    def test_external_with_client_certificate(self, exim: Exim, certs: Certs):
        tls = ("-S", "--ca", str(certs.ca), "-A", "EXTERNAL", "-U", "monitor.example.test")
        shown = ("--client-cert", str(certs.client.crt), "--client-key", str(certs.client.key))
        result = send(exim, *tls, *shown)
        assert (result.code, result.steady) == (0, ACCEPTED)
        assert f"{result.first.rpartition('id=')[2]} <= {SENDER}" in exim.log()
        assert "A=EXTERNAL:monitor.example.test" in exim.log()
        result = send(exim, *tls)
        assert (result.code, result.first) == (
            2,
            f"SMTP CRITICAL - {HOST} auth: EXTERNAL not offered, only PLAIN LOGIN CRAM-MD5",
        )
