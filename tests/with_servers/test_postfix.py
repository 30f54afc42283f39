"""The whole plugin against a real Postfix: mail that arrives byte for byte, and every refusal Postfix knows."""

from __future__ import annotations

import re
import socket
import time
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest

from helpers.plugin import Result, run
from servers.certs import Certs
from servers.netns import NetworkNamespace
from servers.postfix import Postfix
from servers.process import started
from servers.scripted import Sleep

HOST = "127.0.0.1"
HELO = "probe.example.org"
SENDER = "from@example.org"
QUEUED = f"SMTP OK - {HOST} accepted the message in N s: 250 2.0.0 Ok: queued as ID"
REJECTED = "Recipient address rejected:"
UNKNOWN = f"550 5.1.1 nobody@example.test: {REJECTED} User unknown in virtual mailbox table"

PROBE = re.compile(
    rb"Subject: SMTP PROTOCOL TESTING\r\n"
    rb"Date: (?P<date>\w{3}, \d{1,2} \w{3} \d{4} \d\d:\d\d:\d\d \+0000)\r\n"
    rb"From: from@example\.org\r\n"
    rb"To: (?P<to>\S+)\r\n"
    rb"Message-ID: <(?P<id>[0-9a-f]{32})@probe\.example\.org>\r\n"
    rb"Auto-Submitted: auto-generated\r\n"
    rb"X-Check-SMTP-Status: \d+\.\d+\.\d+; host=probe\.example\.org\r\n"
    rb"\r\n"
    rb"DATA SECTION\r\n"
)

COMPLETE = (
    b"Date: Mon, 01 Feb 2027 10:00:00 +0000\r\n"
    b"From: Probe <from@example.org>\r\n"
    b"To: undisclosed-recipients:;\r\n"
    b"Message-ID: <1@example.org>\r\n"
    b"Auto-Submitted: auto-generated\r\n"
    b"X-Check-SMTP-Status: mine\r\n"
)
"""Every header the plugin would add, so that it adds none."""


def check(postfix: Postfix, listener: str, *args: str, **options) -> Result:
    return run("-H", HOST, "-p", str(postfix.port[listener]), "-F", HELO, *args, **options)


def send(postfix: Postfix, to: str, *args: str, listener: str = "smtp", **options) -> Result:
    return check(postfix, listener, "-f", SENDER, "--to", to, *args, **options)


def log_after(postfix: Postfix, mark: str, timeout: float = 5.0) -> str:
    """Postfix's log once ``mark`` is in it."""
    end = time.monotonic() + timeout
    while mark not in postfix.log():
        assert time.monotonic() < end, f"{mark!r} never came: {postfix.log()[-2000:]}"
        time.sleep(0.02)
    return postfix.log()


class TestMail:
    def test_probe_message_arrives_as_built(self, postfix: Postfix):
        box = postfix.mailbox()
        result = send(postfix, box.address)
        assert (result.code, result.steady) == (0, QUEUED)
        stages = ("connect", "banner", "ehlo", "mail", "rcpt", "data", "message", "quit")
        assert list(result.perfdata) == ["time", *(f"time_{stage}" for stage in stages)]
        assert result.seconds("time") == pytest.approx(float(result.first.split(" in ")[1].split(" s:")[0]), abs=0.0006)
        match = PROBE.fullmatch(box.message())
        assert match, box.message()
        assert match["to"] == box.address.encode()
        assert abs(parsedate_to_datetime(match["date"].decode()).timestamp() - time.time()) < 60

    def test_every_message_has_an_id_of_its_own(self, postfix: Postfix):
        box = postfix.mailbox()
        for _ in range(2):
            assert send(postfix, box.address).steady == QUEUED
        first, second = (PROBE.fullmatch(message)["id"] for message in box.messages(2))
        assert first != second

    def test_queue_id_in_the_first_line_is_postfix_own(self, postfix: Postfix):
        result = send(postfix, postfix.mailbox().address)
        queue_id = result.first.rpartition(" ")[2]
        assert f"{queue_id}: message-id=" in log_after(postfix, f"{queue_id}: removed")

    @pytest.mark.parametrize(
        "body",
        [
            b".\r\n..\r\n.dot at the start\r\n...\r\n\r\n.\r\nend\r\n",
            b"\r\n\r\nblank lines around\r\n\r\n\r\n",
            "grüße aus Köln, ¡olé!\r\n".encode(),
            b"x" * 998 + b"\r\n." + b"y" * 997 + b"\r\n",
            b"".join(b"line %05d of a long message, with some more text in it\r\n" % n for n in range(300)),
            b"tab\there, trailing blanks  \r\n \r\n",
        ],
        ids=["dots", "blank", "8bit", "998", "long", "white space"],
    )
    def test_data_file_arrives_byte_for_byte(self, postfix: Postfix, tmp_path: Path, body):
        box = postfix.mailbox()
        mime = (
            b""
            if body.isascii()
            else b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n"
        )
        message = b"Subject: whole\r\n" + COMPLETE + mime + b"\r\n" + body
        file = tmp_path / "mail"
        file.write_bytes(message)
        result = send(postfix, box.address, "--data-file", str(file))
        assert (result.code, result.steady) == (0, QUEUED)
        assert box.message() == message

    def test_line_feeds_alone_become_line_ends(self, postfix: Postfix):
        box = postfix.mailbox()
        message = b"Subject: stdin\r\n" + COMPLETE + b"\r\none\r\n.two\r\nthree\r\n"
        result = send(postfix, box.address, "--data-file", "-", input=message.replace(b"\r\n", b"\n")[:-1])
        assert (result.code, result.steady) == (0, QUEUED)
        assert box.message() == message

    def test_data_of_a_command_definition(self, postfix: Postfix):
        box = postfix.mailbox()
        result = send(postfix, box.address, "--data", r"Subject: hi\nFrom: me@example.org\n\nbody\twith a \\n\n.\n")
        assert (result.code, result.steady) == (0, QUEUED)
        head, _, body = box.message().partition(b"\r\n\r\n")
        assert head.startswith(b"Subject: hi\r\nFrom: me@example.org\r\nDate: ")
        assert body == b"body\twith a \\n\r\n.\r\n"

    def test_text_without_headers_is_body(self, postfix: Postfix):
        box = postfix.mailbox()
        assert send(postfix, box.address, "--data", r"all is well\nat 12:30").steady == QUEUED
        head, _, body = box.message().partition(b"\r\n\r\n")
        assert head.startswith(b"Subject: SMTP PROTOCOL TESTING\r\n")
        assert body == b"all is well\r\nat 12:30\r\n"

    def test_subject_and_headers(self, postfix: Postfix):
        box = postfix.mailbox()
        result = send(
            *(postfix, box.address, "--subject", "the new one", "--header", "From: Probe <a@example.org>"),
            *("--header", "X-Tag: one", "--header", "X-Tag: two", "--data", r"Subject: old\n\nbody"),
        )
        assert (result.code, result.steady) == (0, QUEUED)
        head = box.message().partition(b"\r\n\r\n")[0].split(b"\r\n")
        assert head[:4] == [b"Subject: the new one", b"From: Probe <a@example.org>", b"X-Tag: one", b"X-Tag: two"]
        assert [line for line in head if line.lower().startswith((b"subject:", b"from:"))] == head[:2]

    def test_null_reverse_path(self, postfix: Postfix):
        box = postfix.mailbox()
        assert check(postfix, "smtp", "--to", box.address).steady == QUEUED
        assert b"\r\nFrom: postmaster@probe.example.org\r\n" in box.message()
        (stored,) = box.stored()
        assert b"\nReturn-Path: <>\n" in b"\n" + stored

    def test_internationalized_address_and_subject(self, postfix: Postfix):
        result = send(postfix, "üser@example.test", "--subject", "größer", "-vv")
        assert (result.code, result.steady) == (0, QUEUED)
        assert [line.split(" SIZE=")[0] for line in result.lines if line.startswith((">>> MAIL", ">>> RCPT"))] == [
            ">>> MAIL FROM:‹from@example.org›",
            ">>> RCPT TO:‹üser@example.test›",
        ]
        (mail,) = (line for line in result.lines if line.startswith(">>> MAIL"))
        assert mail.endswith(" BODY=8BITMIME SMTPUTF8")

    def test_without_recipient_nothing_is_sent(self, postfix: Postfix):
        result = check(postfix, "smtp", "-f", SENDER)
        assert (result.code, result.steady) == (0, f"SMTP OK - {HOST} accepted the sender in N s: 250 2.1.0 Ok")
        assert "time_rcpt" not in result.perfdata

    def test_quit_after_rcpt_delivers_nothing(self, postfix: Postfix):
        box = postfix.mailbox()
        result = send(postfix, box.address, "--quit-after", "rcpt", "-vv")
        assert (result.code, result.steady) == (0, f"SMTP OK - {HOST} accepted the recipient in N s: 250 2.1.5 Ok")
        assert [line for line in result.lines if line.startswith(">>>")][-2:] == [">>> RSET", ">>> QUIT"]
        assert send(postfix, box.address).steady == QUEUED
        assert len(box.messages(1)) == 1

    def test_ipv6(self, postfix: Postfix):
        if "ipv6" not in postfix.port:
            pytest.skip("no ::1 on this machine")
        box = postfix.mailbox()
        result = run("-H", "[::1]", "-p", str(postfix.port["ipv6"]), "-f", SENDER, "--to", box.address)
        assert (result.code, result.steady) == (0, QUEUED.replace(HOST, "::1"))
        assert b"From: from@example.org\r\n" in box.message()


class TestRefusals:
    @pytest.mark.parametrize(
        ("code", "to", "said"),
        [
            (
                2,
                "nobody@example.test",
                f"550 5.1.1 nobody@example.test: {REJECTED} User unknown in virtual mailbox table",
            ),
            (2, "x@elsewhere.example", "554 5.7.1 x@elsewhere.example: Relay access denied"),
            (1, "grey@example.test", f"450 4.2.0 grey@example.test: {REJECTED} Greylisted, try again later"),
            (1, "full@example.test", f"452 4.2.2 full@example.test: {REJECTED} Mailbox full"),
            (2, "moved@example.test", f"551 5.7.1 moved@example.test: {REJECTED} User not local"),
            (2, "closing@example.test", f"421 4.7.0 closing@example.test: {REJECTED} Closing"),
        ],
    )
    def test_recipients(self, postfix: Postfix, code, to, said):
        result = send(postfix, to)
        assert (result.code, result.first) == (code, f"SMTP {result.state} - {HOST} rcpt: {said}")
        assert "time_rcpt" in result.perfdata
        assert "time_data" not in result.perfdata

    @pytest.mark.parametrize(
        ("code", "sender", "said"),
        [
            (2, "bad@example.test", "550 5.7.1 bad@example.test: Sender address rejected: Sender denied by policy"),
            (1, "tmp@example.test", "450 4.7.1 tmp@example.test: Sender address rejected: Sender deferred"),
            (2, "drop@example.test", "521 5.7.1 drop@example.test: Sender address rejected: Go away"),
        ],
    )
    def test_senders_are_refused_at_rcpt(self, postfix: Postfix, code, sender, said):
        result = check(postfix, "smtp", "-f", sender, "--to", postfix.mailbox().address)
        assert (result.code, result.first) == (code, f"SMTP {result.state} - {HOST} rcpt: {said}")

    def test_several_recipients_are_named(self, postfix: Postfix):
        box = postfix.mailbox()
        result = send(postfix, box.address, "--to", "full@example.test", "--to", "nobody@example.test")
        assert (result.code, result.first) == (
            2,
            f"SMTP CRITICAL - {HOST} rcpt: 550 5.1.1 nobody@example.test: {REJECTED} User unknown in virtual ma…"
            " (for nobody@example.test, 2 of 3 refused)",
        )
        assert PROBE.fullmatch(box.message().replace(b", full@example.test, nobody@example.test", b""))

    def test_greylisting_is_a_warning_once(self, postfix: Postfix):
        box = postfix.mailbox()
        first, second = (send(postfix, box.address, listener="greylist") for _ in range(2))
        assert (first.code, first.first) == (
            1,
            f"SMTP WARNING - {HOST} rcpt: 450 4.2.0 {box.address}: {REJECTED} Greylisted, try again later",
        )
        assert (second.code, second.steady) == (0, QUEUED)

    @pytest.mark.parametrize(
        ("code", "args", "said"),
        [
            (2, ("--subject", "EICAR"), "550 5.7.1 Bad subject"),
            (
                2,
                ("-f", "spam@example.test"),
                "554 5.7.1 spam@example.test: Sender address rejected: Spam message rejected",
            ),
        ],
    )
    def test_at_the_final_dot(self, postfix: Postfix, code, args, said):
        box = postfix.mailbox()
        result = check(postfix, "smtp", "--to", box.address, *args)
        assert (result.code, result.first) == (code, f"SMTP CRITICAL - {HOST} message: {said}")
        assert "time_message" in result.perfdata
        assert box.stored() == []

    @pytest.mark.parametrize(
        ("listener", "said"),
        [
            ("smtp", "mail: 552 5.3.4 Message size exceeds fixed limit"),
            ("bare", "message: 552 5.3.4 Error: message file too big"),
        ],
    )
    def test_message_too_large(self, postfix: Postfix, tmp_path: Path, listener, said):
        file = tmp_path / "mail"
        file.write_bytes(b"Subject: large\n\n" + (b"x" * 76 + b"\n") * 300)
        result = send(postfix, postfix.mailbox().address, "--data-file", str(file), listener=listener)
        assert (result.code, result.first) == (2, f"SMTP CRITICAL - {HOST} {said}")

    @pytest.mark.parametrize(
        ("args", "said"),
        [
            (("--data", r"Subject: größer\n\nx"), "SMTPUTF8 not offered, but an address or header is not ASCII"),
            (("--to", "üser@example.test"), "SMTPUTF8 not offered, but an address or header is not ASCII"),
            (("--data", r"Subject: x\n\ngrößer"), "8BITMIME not offered, but the message is not ASCII"),
        ],
    )
    def test_more_than_the_server_can_take(self, postfix: Postfix, args, said):
        result = send(postfix, postfix.mailbox().address, *args, "-vv", listener="bare")
        assert (result.code, result.first) == (2, f"SMTP CRITICAL - {HOST} mail: {said}")
        assert [line for line in result.lines if line.startswith(">>>")] == [f">>> EHLO {HELO}", ">>> QUIT"]

    def test_a_subject_in_encoded_words_needs_nothing(self, postfix: Postfix):
        box = postfix.mailbox()
        result = send(postfix, box.address, "--subject", "größer", "--header", "X-Ort: Köln", listener="bare")
        assert (result.code, result.steady) == (0, QUEUED)
        message = box.message()
        assert b"Subject: =?utf-8?b?Z3LDtsOfZXI=?=\r\n" in message
        assert b"X-Ort: =?utf-8?b?S8O2bG4=?=\r\n" in message

    def test_must_tls(self, postfix: Postfix):
        result = send(postfix, postfix.mailbox().address, listener="mustls")
        assert (result.code, result.first) == (
            2,
            f"SMTP CRITICAL - {HOST} mail: 530 5.7.0 Must issue a STARTTLS command first",
        )

    def test_message_rate(self, postfix: Postfix):
        first, second = (check(postfix, "rate", "-f", SENDER) for _ in range(2))
        assert first.code == 0
        assert (second.code, second.first) == (
            1,
            f"SMTP WARNING - {HOST} mail: 450 4.7.1 Error: too much mail from 127.0.0.1",
        )

    def test_states_can_be_chosen(self, postfix: Postfix):
        result = send(postfix, "grey@example.test", "--state", "rcpt:45x=critical,any=unknown")
        assert (result.code, result.first) == (
            2,
            f"SMTP CRITICAL - {HOST} rcpt: 450 4.2.0 grey@example.test: {REJECTED} Greylisted, try again later",
        )


class TestGreeting:
    def test_too_many_connections(self, postfix: Postfix):
        with socket.create_connection((HOST, postfix.port["limit"]), timeout=5) as other:
            assert other.recv(99).startswith(b"220")
            result = send(postfix, postfix.mailbox().address, listener="limit")
        assert (result.code, result.first) == (
            2,
            f"SMTP CRITICAL - {HOST} banner: 421 4.7.0 mx1.example.test Error: too many connections from 127.0.0.1",
        )
        assert list(result.perfdata) == ["time", "time_connect", "time_banner"]

    def test_client_denied(self, postfix: Postfix):
        result = send(postfix, postfix.mailbox().address, "-vv", listener="deny")
        said = "554 5.7.1 localhost[127.0.0.1]: Client host rejected: Client denied"
        assert (result.code, result.first) == (2, f"SMTP CRITICAL - {HOST} banner: {said}")
        assert result.lines[-4:] == [
            "<<< 554 5.7.1 ‹localhost[127.0.0.1]›: Client host rejected: Client denied",
            ">>> QUIT",
            "<<< 221 2.0.0 Bye",
            "SMTP SERVER STATUS : FAIL",
        ]

    def test_slow_greeting(self, postfix: Postfix):
        result = send(postfix, postfix.mailbox().address, listener="slow")
        assert (result.code, result.steady) == (0, QUEUED)
        assert 1.0 <= result.seconds("time_banner") < 1.5

    @pytest.mark.timing
    @pytest.mark.parametrize(
        ("limit", "state"), [("0.4", "CRITICAL"), ("0.4:warning", "WARNING"), ("0.4:3", "UNKNOWN")]
    )
    def test_greeting_after_the_deadline(self, postfix: Postfix, limit, state):
        began = time.monotonic()
        result = send(postfix, postfix.mailbox().address, "-t", limit, listener="slow")
        assert time.monotonic() - began < 1.0
        assert result.steady == f"SMTP {state} - {HOST} timed out at banner: no greeting for N s"
        assert list(result.perfdata) == ["time", "time_connect"]

    def test_postscreen_is_waited_for(self, postfix: Postfix):
        box = postfix.mailbox()
        result = send(postfix, box.address, "-vv", listener="postscreen")
        assert (result.code, result.steady) == (0, QUEUED)
        assert result.seconds("time_banner") >= 0.9
        start = result.lines.index("<<< 220-mx1.example.test ESMTP wait")
        assert result.lines[start + 1 : start + 3] == ["<<< 220 mx1.example.test ESMTP Postfix", f">>> EHLO {HELO}"]
        assert box.message()
        # What postscreen writes of a client that speaks too early: the proof that this one did not.
        with socket.create_connection((HOST, postfix.port["postscreen"]), timeout=5) as hasty:
            hasty.sendall(b"EHLO hasty\r\n")
            log = log_after(postfix, "PREGREET")
        assert [line.partition("PREGREET ")[2].split(" ")[0] for line in log.splitlines() if "PREGREET" in line] == [
            "12"
        ]

    def test_postscreen_within_the_deadline(self, postfix: Postfix):
        result = send(postfix, postfix.mailbox().address, "-t", "0.4", listener="postscreen")
        assert (result.code, result.steady) == (
            2,
            f"SMTP CRITICAL - {HOST} timed out at banner: greeting incomplete after N s:"
            " 220-mx1.example.test ESMTP wait",
        )


class TestProxy:
    @pytest.mark.parametrize("listener", ["proxy", "postscreenproxy"])
    def test_own_addresses(self, postfix: Postfix, listener):
        box = postfix.mailbox()
        result = send(postfix, box.address, "-r", "-vv", listener=listener)
        assert (result.code, result.steady) == (0, QUEUED)
        (header,) = (line for line in result.lines if "PROXY" in line)
        assert re.fullmatch(rf">>> PROXY TCP4 127\.0\.0\.1 127\.0\.0\.1 \d+ {postfix.port[listener]}", header)
        assert result.lines.index(header) < result.lines.index("<<< 220 mx1.example.test ESMTP Postfix")

    @pytest.mark.parametrize("listener", ["proxy", "postscreenproxy"])
    def test_version_2(self, postfix: Postfix, listener):
        result = send(postfix, postfix.mailbox().address, "-r", "--proxy-version", "2", "-vv", listener=listener)
        assert (result.code, result.steady) == (0, QUEUED)
        (header,) = (line for line in result.lines if "PROXY" in line)
        port = postfix.port[listener]
        assert re.fullmatch(rf">>> PROXY TCP4 127\.0\.0\.1 127\.0\.0\.1 \d+ {port} \(version 2, 28 octets\)", header)

    @pytest.mark.parametrize("version", ["1", "2"])
    def test_given_addresses(self, postfix: Postfix, version):
        box = postfix.mailbox()
        given = ("--proxy=192.0.2.7:5555,192.0.2.1:25", "--proxy-version", version)
        result = send(postfix, box.address, *given, listener="proxy")
        assert (result.code, result.steady) == (0, QUEUED)
        box.message()
        (stored,) = box.stored()
        assert re.search(rb"Received: from probe\.example\.org \(\S+ \[192\.0\.2\.7\]\)", stored)

    def test_without_a_header(self, postfix: Postfix):
        result = send(postfix, postfix.mailbox().address, listener="proxy")
        assert (result.code, result.first) == (
            2,
            f"SMTP CRITICAL - {HOST} banner: 421 4.3.0 mx1.example.test Server local error",
        )

    @pytest.mark.parametrize("more", [(), ("--helo",)])
    def test_nobody_wants_a_header(self, scripted, more):
        server = scripted(banner=b"220 mx1 ESMTP\r\n500 5.5.2 Error: command not recognized\r\n", proxy=True)
        result = run("-H", HOST, "-p", str(server.port), "-r", *more)
        assert (result.code, result.first) == (
            2,
            f"SMTP CRITICAL - {HOST} ehlo: data before it was asked for, perhaps the reply to the PROXY header:"
            " 500 5.5.2 Error: command not recognized",
        )

    @pytest.mark.parametrize("more", [(), ("-q",), ("--helo",), ("-q", "--state", "quit=ok")])
    def test_nobody_wants_a_header_and_says_so_late(self, scripted, more):
        """Each later reply would be taken for that to the next command: MAIL's 250 for that to RCPT."""
        late = (b"500 5.5.2 Error: command not recognized\r\n", Sleep(0.2), b"250 mx1\r\n")
        server = scripted(proxy=True, ehlo=late, helo=late)
        result = run("-H", HOST, "-p", str(server.port), "-r", "--to", "bob@example.org", *more)
        assert (result.code, result.first) == (
            2,
            f"SMTP CRITICAL - {HOST} ehlo: 500 5.5.2 Error: command not recognized"
            " (perhaps the reply to the PROXY header)",
        )


class TestNegative:
    """``--state rcpt:5xx=ok,rcpt:2xx=critical``: the server must not relay."""

    ARGS = ("--quit-after", "rcpt", "--state", "rcpt:5xx=ok,rcpt:2xx=critical")

    def test_holds(self, postfix: Postfix):
        result = send(postfix, "x@elsewhere.example", *self.ARGS)
        assert (result.code, result.first) == (
            0,
            f"SMTP OK - {HOST} rcpt: 554 5.7.1 x@elsewhere.example: Relay access denied (as wanted)",
        )

    def test_does_not_hold(self, postfix: Postfix):
        result = send(postfix, postfix.mailbox().address, *self.ARGS)
        assert (result.code, result.first) == (2, f"SMTP CRITICAL - {HOST} rcpt: 250 2.1.5 Ok (not wanted)")

    def test_greylisting_is_no_answer(self, postfix: Postfix):
        result = send(postfix, "grey@example.test", *self.ARGS)
        assert (result.code, result.first) == (
            1,
            f"SMTP WARNING - {HOST} rcpt: 450 4.2.0 grey@example.test: {REJECTED} Greylisted, try again later",
        )

    def test_nor_is_another_stage(self, postfix: Postfix):
        result = send(postfix, "x@elsewhere.example", *self.ARGS, listener="mustls")
        assert (result.code, result.first) == (
            2,
            f"SMTP CRITICAL - {HOST} mail: 530 5.7.0 Must issue a STARTTLS command first",
        )

    def test_what_is_tolerated_does_not_hide_success(self, postfix: Postfix):
        box = postfix.mailbox()
        result = send(postfix, "nobody@example.test", "--to", box.address, "--state", "rcpt:550=ok")
        assert (result.code, result.steady) == (
            0,
            f"{QUEUED} (rcpt: 550 5.1.1 nobody@example.test: Recipient…, tolerated)",
        )


class TestRawCommands:
    """A transaction by ``-C`` and ``-R``, as mailcow and others do it with check_smtp."""

    @staticmethod
    def transaction(recipient: str) -> tuple[str, ...]:
        return ("-C", f"RCPT TO:<{recipient}>", "-R", "250", "-C", "DATA", "-R", "354", "-C", ".", "-R", "250")

    def test_transaction(self, postfix: Postfix):
        box = postfix.mailbox()
        result = check(postfix, "smtp", "-f", "watchdog@invalid", *self.transaction(box.address))
        assert (result.code, result.steady) == (0, QUEUED)
        stages = ("connect", "banner", "ehlo", "mail", "rcpt", "data", "message", "quit")
        assert list(result.perfdata) == ["time", *(f"time_{stage}" for stage in stages)]
        assert box.message() == b""

    def test_first_failure_is_named(self, postfix: Postfix):
        result = check(postfix, "smtp", "-f", "watchdog@invalid", *self.transaction("nobody@example.test"), "-vv")
        assert (result.code, result.first) == (
            2,
            f"SMTP CRITICAL - {HOST} rcpt: {UNKNOWN} (not as -R expects)",
        )
        assert [line for line in result.lines if line.startswith(">>>")][-3:] == [
            ">>> RCPT TO:‹nobody@example.test›",
            ">>> RSET",
            ">>> QUIT",
        ]

    def test_without_patterns_the_reply_table_judges(self, postfix: Postfix):
        box = postfix.mailbox()
        commands = ("-C", "MAIL FROM:<>", "-C", "RCPT TO:<grey@example.test>", "-C", "DATA")
        result = check(postfix, "smtp", *commands)
        assert (result.code, result.first) == (
            1,
            f"SMTP WARNING - {HOST} rcpt: 450 4.2.0 grey@example.test: {REJECTED} Greylisted, try again later",
        )
        result = check(postfix, "smtp", "-C", "MAIL FROM:<>", "-R", "250", *self.transaction(box.address))
        assert (result.code, result.steady) == (0, QUEUED)

    @pytest.mark.parametrize(
        ("command", "pattern", "code", "said"),
        [
            ("NOOP", "250", 0, "SMTP OK - 127.0.0.1 answered in N s: 250 2.0.0 Ok"),
            ("NOOP", "[[:space:]]Ok$", 0, "SMTP OK - 127.0.0.1 answered in N s: 250 2.0.0 Ok"),
            ("NOOP", "2.0.1", 2, "SMTP CRITICAL - 127.0.0.1 command: 250 2.0.0 Ok (NOOP, not as -R expects)"),
            (
                "VRFY nobody@example.test",
                "550",
                0,
                "SMTP OK - 127.0.0.1 answered in N s: 550 5.1.1 nobody@example.test: Recipient address rejected:"
                " User unknown in virtual mailbox table",
            ),
        ],
    )
    def test_patterns(self, postfix: Postfix, command, pattern, code, said):
        result = check(postfix, "smtp", "-C", command, "-R", pattern)
        assert (result.code, result.steady) == (code, said)
        assert "time_command" in result.perfdata

    def test_unknown_command(self, postfix: Postfix):
        result = check(postfix, "smtp", "-C", "TURN")
        assert (result.code, result.first) == (
            2,
            f"SMTP CRITICAL - {HOST} command: 500 5.5.2 Error: command not recognized (TURN)",
        )


class TestOutput:
    @pytest.mark.parametrize("args", [(), ("-v",), ("-vv",), ("-vvv",)])
    def test_first_line_is_the_same_at_every_verbosity(self, postfix: Postfix, args):
        assert send(postfix, postfix.mailbox().address, *args).steady == QUEUED
        result = send(postfix, "x@elsewhere.example", *args)
        assert result.first == f"SMTP CRITICAL - {HOST} rcpt: 554 5.7.1 x@elsewhere.example: Relay access denied"

    def test_stage_table(self, postfix: Postfix):
        result = send(postfix, "grey@example.test", "-v")
        table = [line for line in result.lines[1:] if not line.startswith("clock: ")]
        assert [re.sub(r"[0-9.]+ ms #*", "TIME", re.sub(r" +", " ", line)) for line in table] == [
            f"connect TIME 127.0.0.1 port {postfix.port['smtp']}",
            "banner TIME 220 mx1.example.test ESMTP Postfix",
            "ehlo TIME 250 mx1.example.test PIPELINING SIZE 20000 VRFY ETRN STARTT…",
            "mail TIME 250 2.1.0 Ok",
            "rcpt TIME failure: 450 4.2.0 grey@example.test: Recipient address rej…",
        ]
        assert "time_quit" not in result.perfdata  # after a failure nobody asks how QUIT went

    def test_time_ranges(self, postfix: Postfix):
        result = send(postfix, postfix.mailbox().address, "-w", "0.5", "-c", "5", listener="slow")
        assert result.code == 1
        assert re.fullmatch(
            rf"SMTP WARNING - {HOST} accepted the message, but it took 1\.\d{{3}} s, at most 0\.5 s wanted",
            result.first,
        )
        assert result.perfdata["time"].split(";")[1:] == ["0.5", "5", "0"]
        result = send(postfix, postfix.mailbox().address, "--stage-critical", "banner=0.9", listener="slow")
        assert result.code == 2
        assert re.fullmatch(
            rf"SMTP CRITICAL - {HOST} accepted the message, but banner took 1\.\d{{3}} s, at most 0\.9 s wanted",
            result.first,
        )

    def test_positional_form_on_port_25(self, netns: NetworkNamespace, certs: Certs, workdir: Path):
        places = {"notls": (HOST, 25)}
        server = started(lambda base: Postfix(base, certs, at=places, wrap=netns.enter, connect=netns.connect), workdir)
        try:
            box = server.mailbox()
            operands = (HOST, "from@example.org", box.address, r"Subject: hi\n\nbody")
            result = run("-vv", "-F", HELO, *operands, wrap=netns.enter)
            message = box.message()
        finally:
            server.stop()
        assert (result.code, result.steady) == (0, QUEUED)
        head = message.decode().split("\r\n\r\n")[0].split("\r\n")
        start = result.lines.index("<<< 220 mx1.example.test ESMTP Postfix")
        queue_id = result.first.rpartition(" ")[2]
        assert [re.sub(r"SIZE=[0-9]+", "SIZE=N", line) for line in result.lines[start:]] == [
            "<<< 220 mx1.example.test ESMTP Postfix",
            f">>> EHLO {HELO}",
            "<<< 250-mx1.example.test",
            "<<< 250-PIPELINING",
            "<<< 250-SIZE 20000",
            "<<< 250-VRFY",
            "<<< 250-ETRN",
            "<<< 250-ENHANCEDSTATUSCODES",
            "<<< 250-8BITMIME",
            "<<< 250-DSN",
            "<<< 250-SMTPUTF8",
            "<<< 250 CHUNKING",
            ">>> MAIL FROM:‹from@example.org› SIZE=N",
            "<<< 250 2.1.0 Ok",
            f">>> RCPT TO:‹{box.address}›",
            "<<< 250 2.1.5 Ok",
            ">>> DATA",
            "<<< 354 End data with ‹CR›‹LF›.‹CR›‹LF›",
            *(">>> " + line.replace("<", "‹").replace(">", "›") for line in head),
            ">>> ",
            ">>> body",
            ">>> .",
            f"<<< 250 2.0.0 Ok: queued as {queue_id}",
            ">>> QUIT",
            "<<< 221 2.0.0 Bye",
            "SMTP SERVER STATUS : OK",
        ]
