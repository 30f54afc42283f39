"""Logins and deliveries with Postfix and Dovecot, as an operator configures them, and secrets that stay secret."""

from __future__ import annotations

import base64
import os
import subprocess
from pathlib import Path

import pytest

from helpers.plugin import Result, run
from servers.certs import Certs
from servers.dovecot import MECHANISMS, PASSWORD, USER, Dovecot, token
from servers.netns import NetworkNamespace
from servers.scripted import Action, Auth, ScriptedServer, Session, SmtpScript, login, plain, scram
from servers.submission import Submission
from smtp_status.secrets.repetition import HIDDEN

HOST = "127.0.0.1"
HELO = ("-F", "probe.example.org")
SENDER = ("-f", "from@example.org")
QUEUED = f"SMTP OK - {HOST} accepted the message in N s: 250 2.0.0 Ok: queued as ID"
AUTHENTICATED = f"SMTP OK - {HOST} authenticated in N s: 235 2.7.0 Authentication successful"
REJECTED = f"SMTP CRITICAL - {HOST} auth: 535 5.7.8 Error: authentication failed: (reason unavailable)"
WITH_PASSWORD = tuple(name for name in MECHANISMS if name not in ("OAUTHBEARER", "XOAUTH2"))


def rejected(mechanism: str) -> str:
    """The whole line; a mechanism that cannot work where passwords are hashed is told with those that can."""
    hint = "" if mechanism in ("PLAIN", "LOGIN") else "; PLAIN and LOGIN are offered too: -A?"
    meaning = f" ({mechanism}: credentials rejected{hint})"
    room = 160 - len(meaning)
    return (REJECTED if len(REJECTED) <= room else f"{REJECTED[: room - 1]}…") + meaning


def check(port: int, *args: str, host: str = HOST, **options) -> Result:
    return run("-H", host, "-p", str(port), *HELO, *args, **options)


@pytest.fixture
def tls(certs: Certs) -> tuple[str, ...]:
    return ("-S", "--ca", str(certs.ca))


@pytest.fixture
def password_file(tmp_path: Path) -> str:
    path = tmp_path / "password"
    path.write_text(f"{PASSWORD}\n")
    path.chmod(0o600)
    return str(path)


@pytest.mark.parametrize("version", ["1", "2"])
def test_dovecot_behind_a_load_balancer(submission: Submission, version):
    port = submission.dovecot.port["proxied"]
    result = check(port, "-r", "--proxy-version", version, "-t", "5")
    assert result.code == 0
    assert result.steady.startswith(f"SMTP OK - {HOST} answered in N s: 250 sub.example.test ")
    assert check(port, "-t", "5").code == 2


@pytest.mark.parametrize("server", ["postfix", "dovecot"])
def test_a_login_begun_by_hand_does_not_trip_over_quit(submission: Submission, tls, server):
    port = {"postfix": submission.postfix.port["smtp"], "dovecot": submission.dovecot.port["submission"]}[server]
    result = check(port, *tls, "-C", "AUTH LOGIN", "-R", "334")
    assert (result.code, result.steady) == (0, f"SMTP OK - {HOST} answered in N s: 334 VXNlcm5hbWU6")


class TestSubmission:
    def test_seen_to_be_done(self, submission: Submission, tls, password_file):
        box = submission.dovecot.mailbox()
        result = check(
            *(submission.postfix.port["smtp"], *tls, "-D", "21,7", "-A", "PLAIN", "-U", USER),
            *("--authpass-file", password_file, *SENDER, "--to", box.address),
        )
        assert (result.code, result.steady) == (0, f"{QUEUED} (certificate expires in 30 days)")
        stages = ("connect", "banner", "ehlo", "starttls", "tls", "auth", "mail", "rcpt", "data", "message", "quit")
        assert list(result.perfdata) == ["time", *(f"time_{stage}" for stage in stages), "tls_days"]
        assert result.perfdata["tls_days"] == "30;21;7"
        fetched = submission.fetch(box.address)
        assert fetched.endswith(b"; host=probe.example.org\r\n\r\nDATA SECTION\r\n")
        assert b"\r\nSubject: SMTP PROTOCOL TESTING\r\n" in fetched
        assert b"ESMTPSA" in fetched

    @pytest.mark.parametrize("mechanism", WITH_PASSWORD)
    def test_mechanisms(self, submission: Submission, tls, mechanism):
        box = submission.dovecot.mailbox()
        user = (*tls, "-U", USER, "-A", mechanism)
        right = check(submission.postfix.port["smtp"], *user, "-P", PASSWORD, *SENDER, "--to", box.address)
        assert (right.code, right.steady) == (0, QUEUED)
        assert box.message().startswith(b"Subject: SMTP PROTOCOL TESTING\r\n")
        wrong = check(submission.postfix.port["smtp"], *user, "-P", "wrong-one", *SENDER, "--to", box.address)
        assert (wrong.code, wrong.first) == (2, rejected(mechanism))
        assert list(wrong.perfdata)[-2:] == ["time_auth", "tls_days"]

    @pytest.mark.parametrize(
        ("mechanism", "meaning"),
        [
            ("XOAUTH2", "XOAUTH2: credentials rejected: status 401, scope mail"),
            ("OAUTHBEARER", "OAUTHBEARER: credentials rejected: status invalid_token"),
        ],
    )
    def test_tokens(self, submission: Submission, tls, mechanism, meaning):
        box = submission.dovecot.mailbox()
        user = (*tls, "-U", USER, "-A", mechanism)
        good = check(submission.postfix.port["smtp"], *user, "-P", token(), *SENDER, "--to", box.address)
        assert (good.code, good.steady) == (0, QUEUED)
        assert box.message()
        expired = check(submission.postfix.port["smtp"], *user, "-P", token(expires=-60))
        assert (expired.code, expired.first) == (2, f"{REJECTED} ({meaning})")
        other = check(submission.dovecot.port["submission"], *user, "-P", token(expires=-60))
        assert (other.code, other.first) == (
            2,
            f"SMTP CRITICAL - {HOST} auth: 535 5.7.8 Authentication failed. ({meaning})",
        )

    def test_strongest_mechanism_is_chosen(self, submission: Submission, tls):
        result = check(submission.postfix.port["smtp"], *tls, "-U", USER, "-P", PASSWORD, "-vv")
        assert (result.code, result.steady) == (0, AUTHENTICATED)
        assert [line for line in result.lines if line.startswith(">>> AUTH")] == [">>> AUTH SCRAM-SHA-256 ***"]

    def test_offered_after_starttls_only(self, submission: Submission):
        result = check(submission.postfix.port["smtp"], "-U", USER, "-P", PASSWORD)
        assert (result.code, result.first) == (
            2,
            f"SMTP CRITICAL - {HOST} auth: AUTH not offered, STARTTLS is: -S?",
        )

    def test_mechanism_not_offered(self, submission: Submission, certs: Certs, tls):
        result = check(submission.postfix.port["smtp"], *tls, "-U", USER, "-A", "EXTERNAL")
        assert (result.code, result.first) == (
            2,
            f"SMTP CRITICAL - {HOST} auth: EXTERNAL not offered, only {' '.join(MECHANISMS)}",
        )

    def test_without_login_nothing_is_relayed(self, submission: Submission, tls):
        port = submission.postfix.port["smtp"]
        outside = (*SENDER, "--to", "x@elsewhere.example", "--quit-after", "rcpt")
        refused = check(port, *tls, *outside)
        assert (refused.code, refused.first) == (
            2,
            f"SMTP CRITICAL - {HOST} rcpt: 554 5.7.1 x@elsewhere.example: Relay access denied",
        )
        allowed = check(port, *tls, *outside, "-U", USER, "-P", PASSWORD)
        assert (allowed.code, allowed.steady) == (0, f"SMTP OK - {HOST} accepted the recipient in N s: 250 2.1.5 Ok")

    def test_negative_test_of_a_password(self, submission: Submission, tls):
        wrong = (*tls, "-U", USER, "-P", "old-one", "--quit-after", "auth", "--state", "auth:535=ok,auth:2xx=critical")
        result = check(submission.postfix.port["smtp"], *wrong, "-A", "PLAIN")
        assert (result.code, result.first) == (
            0,
            f"{REJECTED} (PLAIN: credentials rejected, as wanted)".replace("CRITICAL", "OK"),
        )


class TestWords:
    """What the first line says of a login that failed, beside the server's own words."""

    @pytest.mark.parametrize(
        ("reply", "remark"),
        [
            ("530 5.7.0 Must issue a STARTTLS command first", " (PLAIN)"),
            ("454 4.7.0 Temporary authentication failure", " (PLAIN)"),
            ("454 4.7.0 Try again later", " (PLAIN: temporary authentication failure)"),
        ],
    )
    def test_remarks(self, scripted, reply, remark):
        server = scripted(auth={"PLAIN": Auth(final=f"{reply}\r\n".encode())})
        result = check(server.port, "-U", USER, "-P", PASSWORD)
        assert (result.code, result.first) == (2, f"SMTP CRITICAL - {HOST} auth: {reply}{remark}")

    def test_challenges_are_in_the_transcript_only(self, scripted):
        server = scripted(auth={"SCRAM-SHA-256": scram(USER, PASSWORD, nonce=b"server", forged=True)})
        result = check(server.port, "-U", USER, "-P", PASSWORD, "-vv")
        assert (result.code, result.first) == (
            2,
            f"SMTP CRITICAL - {HOST} auth: 334 (SCRAM-SHA-256 server signature is false)",
        )
        signature = base64.b64encode(b"v=" + base64.b64encode(bytes(32))).decode()
        assert f"<<< 334 {signature}" in result.lines


class TestDovecotSubmission:
    def test_login_is_demanded(self, dovecot: Dovecot, tls):
        result = check(dovecot.port["submission"], *tls, *SENDER, "--to", dovecot.mailbox().address)
        assert (result.code, result.first) == (
            2,
            f"SMTP CRITICAL - {HOST} mail: 530 5.7.0 Authentication required.",
        )

    @pytest.mark.parametrize(("listener", "mode"), [("submission", "-S"), ("submissions", "-s")])
    def test_mail_is_passed_on(self, dovecot: Dovecot, certs: Certs, listener, mode):
        box = dovecot.mailbox()
        user = (mode, "--ca", str(certs.ca), "-U", USER, "-P", PASSWORD)
        result = check(dovecot.port[listener], *user, *SENDER, "--to", box.address)
        assert result.code == 0
        assert result.steady.startswith(f"SMTP OK - {HOST} accepted the message in N s: 250 2.0.0 Ok: ")
        assert result.steady.endswith(" bytes queued as ID")
        assert box.message().endswith(b"\r\n\r\nDATA SECTION\r\n")

    @pytest.mark.parametrize(
        ("code", "to", "said"),
        [
            (1, "grey@example.test", "450 4.2.0 grey@example.test grey@example.test: Recipient address rejected:"
                                     " Greylisted, try again later"),
            (2, "nobody@example.test", "550 5.1.1 nobody@example.test nobody@example.test: Recipient address rejected:"
                                       " User unknown in virtual mailbox table"),
        ],
    )  # fmt: skip
    def test_refusals_of_the_relay(self, dovecot: Dovecot, tls, *, code, to, said):
        user = (*tls, "-U", USER, "-P", PASSWORD)
        result = check(dovecot.port["submission"], *user, *SENDER, "--to", to)
        assert (result.code, result.first) == (code, f"SMTP {result.state} - {HOST} rcpt: {said}")


class TestLmtp:
    @staticmethod
    def saved(address: str, host: str = HOST) -> str:
        return f"SMTP OK - {host} accepted the message in N s: 250 2.0.0 {address} ID Saved"

    @staticmethod
    def steady(result: Result) -> str:
        """The first line with Dovecot's session id taken out."""
        words = result.steady.split(" ")
        return " ".join([*words[:-2], "ID", words[-1]])

    def test_over_tcp(self, dovecot: Dovecot):
        box = dovecot.mailbox()
        result = check(dovecot.port["lmtp"], "-L", *SENDER, "--to", box.address)
        assert (result.code, self.steady(result)) == (0, self.saved(box.address))
        assert box.message().endswith(b"\r\n\r\nDATA SECTION\r\n")

    def test_over_a_unix_socket(self, dovecot: Dovecot):
        box = dovecot.mailbox()
        path = str(dovecot.lmtp)
        result = run("-H", path, "-L", *HELO, *SENDER, "--to", box.address)
        shown = path if len(path) <= 40 else f"{path[:20]}…{path[-19:]}"
        assert (result.code, self.steady(result)) == (0, self.saved(box.address, shown))
        assert "time_dns" not in result.perfdata
        assert box.message().endswith(b"\r\n\r\nDATA SECTION\r\n")

    def test_several_recipients(self, dovecot: Dovecot):
        boxes = [dovecot.mailbox() for _ in range(3)]
        to = [word for box in boxes for word in ("--to", box.address)]
        result = check(dovecot.port["lmtp"], "-L", *SENDER, *to, "-vv")
        assert (result.code, self.steady(result)) == (0, self.saved(boxes[-1].address))
        after = result.lines[result.lines.index(">>> .") + 1 :]
        assert [line.split(" ")[3][1:-1] for line in after[:3]] == [box.address for box in boxes]
        assert len({box.message() for box in boxes}) == 1

    @pytest.mark.parametrize(
        ("places", "count"),
        [((0,), ""), ((1,), ""), ((2,), ""), ((1, 2), ", 2 of 3 refused"), ((0, 1, 2), ", 3 of 3 refused")],
    )
    def test_each_is_judged_and_named(self, dovecot: Dovecot, places, count):
        boxes = [dovecot.mailbox() for _ in range(3)]
        bad = [boxes[place] for place in places]
        for box in bad:
            # A file where Dovecot wants to make the directory of the mailbox.
            (dovecot.base / "mail" / box.address).touch()
        to = [word for box in boxes for word in ("--to", box.address)]
        result = check(dovecot.port["lmtp"], "-L", *SENDER, *to)
        first = bad[0].address
        assert result.code == 1
        assert result.first.startswith(f"SMTP WARNING - {HOST} message: 451 4.2.0 {first} ")
        assert result.first.endswith(f" (for {first}{count})")
        assert all(box.message().endswith(b"\r\n\r\nDATA SECTION\r\n") for box in boxes if box not in bad)

    @pytest.mark.parametrize(("full", "count"), [(("bob", "eve"), ", 2 of 2 refused"), (("bob",), "")])
    def test_how_many_were_refused(self, scripted, full, count):
        refused = {f"{name}@example.org": b"552 5.2.2 Mailbox full\r\n" for name in full}
        to = ("--to", "bob@example.org", "--to", "eve@example.org")
        result = check(scripted(lmtp=True, message=refused).port, "-L", *to)
        assert (result.code, result.first) == (
            2,
            f"SMTP CRITICAL - {HOST} message: 552 5.2.2 Mailbox full (for bob@example.org{count})",
        )
        result = check(scripted(rcpt=refused).port, *to)
        assert (result.code, result.first) == (
            2,
            f"SMTP CRITICAL - {HOST} rcpt: 552 5.2.2 Mailbox full (for bob@example.org{count})",
        )

    @pytest.mark.parametrize(
        ("lmtp", "said"),
        [
            (True, "500 5.5.2 Error: command not recognized (no LMTP server? try without --lmtp)"),
            (False, "500 5.5.1 Unknown command (an LMTP server? try --lmtp)"),
        ],
    )
    def test_the_other_protocol(self, submission: Submission, lmtp, said):
        port = submission.postfix.port["notls"] if lmtp else submission.dovecot.port["lmtp"]
        result = check(port, *(["-L"] if lmtp else []), *SENDER)
        assert (result.code, result.first) == (2, f"SMTP CRITICAL - {HOST} ehlo: {said}")


class TestSources:
    """Where the password may come from; the first there is of argument, file, environment and ini file counts."""

    @pytest.fixture
    def ini(self, tmp_path: Path) -> str:
        path = tmp_path / "plugins.ini"
        path.write_text(f"[mail]\nauthuser={USER}\nauthpass={PASSWORD}\n")
        return f"--extra-opts=mail@{path}"

    def test_each(self, submission: Submission, password_file, ini):
        port = submission.postfix.port["notls"]
        for args, environment in (
            (("-U", USER, "-P", PASSWORD), {}),
            (("-U", USER, "--authpass-file", password_file), {}),
            (("-U", USER), {"SMTP_STATUS_AUTHPASS": PASSWORD}),
            ((ini,), {}),
        ):
            result = check(port, *args, env=environment)
            assert (result.code, result.steady) == (0, AUTHENTICATED), args

    def test_order(self, submission: Submission, tmp_path: Path, password_file, ini):
        port = submission.postfix.port["notls"]
        wrong = {"SMTP_STATUS_AUTHPASS": "wrong"}
        bad_file = tmp_path / "bad"
        bad_file.write_text("wrong\n")
        assert check(port, ini, "-P", PASSWORD, "--authpass-file", str(bad_file), env=wrong).code == 0
        assert check(port, "-U", USER, "--authpass-file", password_file, env=wrong).code == 0
        assert check(port, ini, env=wrong).first == rejected("SCRAM-SHA-256")

    def test_none(self):
        result = run("-H", HOST, "-U", USER, "-A", "PLAIN")
        assert (result.code, result.first) == (
            3,
            "SMTP UNKNOWN - -U takes a password as well: --authpass-file, --authpass or SMTP_STATUS_AUTHPASS",
        )


class TestPlainText:
    """A password goes in clear text to this machine only, unless it is said that it may."""

    ADDRESS = "192.0.2.1"

    @pytest.fixture
    def elsewhere(self, netns: NetworkNamespace):
        """A server that is not on loopback: the plugin in the namespace cannot tell that it is near."""
        subprocess.run([*netns.enter, "ip", "address", "add", f"{self.ADDRESS}/32", "dev", "lo"], check=True)
        offers = {"PLAIN": plain(USER, PASSWORD), "LOGIN": login(USER, PASSWORD)}
        server = netns.call(lambda: ScriptedServer(SmtpScript(auth=offers), host=self.ADDRESS))
        yield server
        server.stop()
        server.check()

    def ask(self, netns: NetworkNamespace, server: ScriptedServer, *args: str) -> Result:
        user = ("-U", USER, "-P", PASSWORD)
        return check(server.port, *user, *args, host=self.ADDRESS, wrap=netns.enter)

    @pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "XOAUTH2", "OAUTHBEARER"])
    def test_refused_before_anything_is_sent(self, netns: NetworkNamespace, elsewhere: ScriptedServer, mechanism):
        result = self.ask(netns, elsewhere, "-A", mechanism)
        assert (result.code, result.first) == (
            3,
            f"SMTP UNKNOWN - --authtype {mechanism} would send the password readable to {self.ADDRESS}:"
            " use --starttls, --ssl or --auth-plaintext",
        )
        assert elsewhere.sessions == []

    def test_allowed(self, netns: NetworkNamespace, elsewhere: ScriptedServer):
        result = self.ask(netns, elsewhere, "-A", "PLAIN", "--auth-plaintext")
        assert (result.code, result.steady) == (0, AUTHENTICATED.replace(HOST, self.ADDRESS))

    def test_not_even_tried_without_a_mechanism(self, netns: NetworkNamespace, elsewhere: ScriptedServer):
        result = self.ask(netns, elsewhere)
        assert (result.code, result.first) == (
            2,
            f"SMTP CRITICAL - {self.ADDRESS} auth: without TLS no mechanism offered hides the password (PLAIN LOGIN);"
            " another port? --auth-plaintext?",
        )
        assert elsewhere.session.commands == [b"EHLO", b"QUIT"]


class TestSecrecy:
    @staticmethod
    def traces(secret: str) -> list[str]:
        """The secret as it may stand in a text: as it is, in hexadecimal, and in base64 wherever it begins."""
        octets = secret.encode()
        found = [secret, octets.hex()]
        for before in range(3):
            digits = base64.b64encode(bytes(before) + octets).decode()
            found.append(digits[(before * 8 + 5) // 6 : (before + len(octets)) * 8 // 6])
        return found

    def test_traces_are_found(self):
        encoded = base64.b64encode(f"\0{USER}\0{PASSWORD}".encode()).decode()
        assert any(trace in encoded for trace in self.traces(PASSWORD))

    @pytest.mark.parametrize("mechanism", WITH_PASSWORD)
    def test_output(self, submission: Submission, tls, password_file, mechanism):
        user = (*tls, "-U", USER, "-A", mechanism, "--authpass-file", password_file)
        result = check(submission.postfix.port["smtp"], *user, *SENDER, "-vvv")
        assert result.code == 0
        assert [trace for trace in self.traces(PASSWORD) if trace in result.out] == []
        secret_lines = [line for line in result.lines if line.startswith(">>> ") and "***" in line]
        assert secret_lines

    @pytest.mark.parametrize("mechanism", ["XOAUTH2", "OAUTHBEARER"])
    @pytest.mark.parametrize("expires", [60, -60])
    def test_token(self, submission: Submission, tls, tmp_path: Path, mechanism, expires):
        secret = token(expires=expires)
        file = tmp_path / "token"
        file.write_text(secret)
        user = (*tls, "-U", USER, "-A", mechanism, "--authpass-file", str(file))
        result = check(submission.postfix.port["smtp"], *user, "-vvv")
        assert result.code == (0 if expires > 0 else 2)
        assert [trace for trace in self.traces(secret) if trace in result.out] == []

    def test_process_list(self, scripted, password_file):
        """While the check waits for the reply to MAIL, no process on this machine has the password in its arguments."""
        seen: list[bytes] = []

        def look(session: Session) -> Action:
            for pid in filter(str.isdigit, os.listdir("/proc")):
                try:
                    seen.append(Path("/proc", pid, "cmdline").read_bytes())
                except OSError:
                    continue
            return b"250 2.1.0 Sender ok\r\n"

        server = scripted(mail=look, auth={"PLAIN": plain(USER, PASSWORD)})
        arguments = ("-U", USER, "-A", "PLAIN", "--authpass-file", password_file, *SENDER)
        result = check(server.port, *arguments)
        assert (result.code, result.steady) == (
            0,
            f"SMTP OK - {HOST} accepted the sender in N s: 250 2.1.0 Sender ok",
        )
        ours = [line for line in seen if b"check_smtp_status" in line and password_file.encode() in line]
        assert len(ours) == 1
        assert all(trace.encode() not in ours[0] for trace in self.traces(PASSWORD))

    def test_server_that_repeats_it(self, scripted, password_file):
        def repeat(session: Session) -> Action:
            said = session.lines[1].split(b" ")[-1]
            return b"550 no " + said + b" " + base64.b64decode(said).replace(b"\0", b" ") + b"\r\n"

        server = scripted(mail=repeat, auth={"PLAIN": plain(USER, PASSWORD)})
        arguments = ("-U", USER, "-A", "PLAIN", "--authpass-file", password_file, *SENDER, "-vvv")
        result = check(server.port, *arguments)
        assert (result.code, result.first) == (2, f"SMTP CRITICAL - {HOST} mail: 550 {HIDDEN}")
        assert [trace for trace in self.traces(PASSWORD) if trace in result.out] == []
