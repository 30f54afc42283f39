"""Arrival with real servers: an edge Postfix in front of Dovecot, and Cyrus."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from helpers.document import document
from helpers.plugin import LAUNCHER, Result, check_form, run
from servers.certs import Certs
from servers.cyrus import PASSWORD as CYRUS_PASSWORD
from servers.cyrus import Cyrus
from servers.delivery import FULL, PASSWORD, Delivery
from servers.dovecot import token
from servers.process import started

QUEUED = "250 2.0.0 Ok: queued as ID"


@pytest.fixture(scope="module")
def delivery(workdir: Path, certs: Certs) -> Iterator[Delivery]:
    pair = started(lambda base: Delivery(base, certs), workdir)
    yield pair
    pair.stop()


@pytest.fixture(scope="module")
def cyrus(workdir: Path, certs: Certs) -> Iterator[Cyrus]:
    server = started(lambda base: Cyrus(base, certs), workdir)
    yield server
    server.stop()


class Check:
    """One check: a mailbox behind the edge, and what is to become of the mail (``servers.delivery.FATES``)."""

    def __init__(self, delivery: Delivery, certs: Certs, fate: str = "", box: str = "") -> None:
        self.delivery = delivery
        self.box = box or delivery.box()
        self.to = self.box.replace("@", f"+{fate}@") if fate else self.box
        self._certs = certs

    def arguments(self, *more: str) -> list[str]:
        mail = ["-H", "127.0.0.1", "-p", str(self.delivery.smtp), "-f", self.box, "--to", self.to]
        mailbox = ["--imap", f"localhost:{self.delivery.imaps}", "--ca", str(self._certs.ca), "--imap-user", self.box]
        # Where an option is said twice the later counts.
        return [*mail, *mailbox, "--imap-pass", PASSWORD, "--probe-name", "edge", *more]

    def run(self, *more: str) -> Result:
        return run(*self.arguments(*more))

    def fated(self, fate: str) -> Check:
        """The same check with other luck."""
        return Check(self.delivery, self._certs, fate, self.box)


def counts(result: Result) -> str:
    wanted = ("arrived", "pending", "lost", "spam")
    return " ".join(f"{name}={result.perfdata[name].partition(';')[0]}" for name in wanted if name in result.perfdata)


@pytest.fixture
def check(delivery: Delivery, certs: Certs) -> Check:
    return Check(delivery, certs)


# -- one run


def test_prompt_mail_leaves_nothing_in_the_box(check, delivery):
    for _ in range(2):
        result = check.run()
        assert result.code == 0
        assert result.steady == f"SMTP OK - 127.0.0.1 accepted the message in N s, arrived in INBOX after N s: {QUEUED}"
        assert counts(result) == "arrived=1 pending=0 lost=0 spam=0"
        assert result.seconds("time_arrive") < 1
        assert delivery.left(check.box) == []
    files = [path for end in ("cur", "new") for path in (delivery.dovecot.base / "mail" / check.box / end).iterdir()]
    assert files == []


def test_filed_as_spam(check, delivery):
    result = check.fated("Junk").run()
    assert (result.code, result.steady) == (1, "SMTP WARNING - 127.0.0.1 arrive: landed in Junk after N s")
    assert counts(result) == "arrived=1 pending=0 lost=0 spam=1"
    assert delivery.left(check.box, "Junk") == []


def test_refused_behind_the_edge(check):
    result = check.fated("bounce").run()
    assert result.code == 2
    assert re.fullmatch(
        r"SMTP CRITICAL - 127\.0\.0\.1 arrive: came back: 550 5\.1\.1 box-.*Recipient address rej.*"
        r" \(from edge\.example\.test\)",
        result.first,
    )
    assert counts(result) == "arrived=0 pending=0 lost=0 spam=0"


@pytest.mark.parametrize(
    ("fate", "code", "words"),
    [
        ("refuse", 2, "550 5.1.1 {to}: Recipient address rejected: User unknown"),
        ("grey", 1, "450 4.2.0 {to}: Recipient address rejected: Greylisted, try again later"),
        ("full", 2, "552 5.2.2 {to}: Recipient address rejected: Mailbox full"),
    ],
)
def test_refused_at_rcpt_leaves_no_note(check, delivery, fate, code, words):
    asked = check.fated(fate)
    result = asked.run()
    assert (result.code, result.first.partition(" - ")[2]) == (code, f"127.0.0.1 rcpt: {words.format(to=asked.to)}")
    assert delivery.left(check.box) == []


def test_smtp_port_closed(check, delivery):
    result = check.run("-p", "1")
    assert (result.code, result.first) == (
        2,
        "SMTP CRITICAL - 127.0.0.1 connect: connection refused by 127.0.0.1 port 1",
    )
    assert counts(result) == "arrived=0 pending=0 lost=0 spam=0"
    assert delivery.left(check.box) == []


def test_imap_port_closed(check):
    result = check.run("--imap", "127.0.0.1:1")
    assert (result.code, result.first) == (
        2,
        "SMTP CRITICAL - 127.0.0.1 imap: connection refused by 127.0.0.1 port 1 (127.0.0.1 accepted the message)",
    )
    assert counts(result) == ""


def test_wrong_password(check):
    result = check.run("--imap-pass", "wrong")
    assert result.code == 2
    assert result.first.startswith("SMTP CRITICAL - localhost imap: NO [AUTHENTICATIONFAILED] ")
    assert result.first.endswith(" (127.0.0.1 accepted the message)")


def test_box_over_quota(delivery, certs):
    result = Check(delivery, certs, box=FULL).run()
    assert result.code == 2
    assert result.first.startswith("SMTP CRITICAL - localhost imap: NO [OVERQUOTA] Quota exceeded ")
    assert result.first.endswith(" (mailbox full, 127.0.0.1 accepted the message)")
    assert result.perfdata["mailbox"] == "0"


def test_a_folder_of_its_own_and_one_that_is_missing(check, delivery):
    missing = check.run("--imap-folder", "Entwürfe & Co")
    assert missing.code == 2
    assert missing.first.startswith("SMTP CRITICAL - localhost imap: NO ")
    with delivery.session(check.box) as session:
        assert session.create('"Entw&APw-rfe &- Co"')[0] == "OK"
    # Mail to this detail is put there.
    check.to = check.box.replace("@", "+Elsewhere@")
    with delivery.session(check.box) as session:
        assert session.create("Elsewhere")[0] == "OK"
    result = check.run("--imap-folder", "Entwürfe & Co", "--imap-folder", "Elsewhere")
    assert (result.code, counts(result)) == (0, "arrived=1 pending=0 lost=0 spam=0")
    assert ", arrived in Elsewhere after " in result.first


def test_authentication_results(check):
    asked = check.fated("signed")
    good = asked.run("--authserv-id", "inner.example.test", "--require-auth", "spf,dmarc")
    assert (good.code, counts(good)) == (0, "arrived=1 pending=0 lost=0 spam=0")
    bad = asked.run("--authserv-id", "inner.example.test", "--require-auth", "spf,dkim")
    assert (bad.code, bad.steady) == (
        1,
        "SMTP WARNING - 127.0.0.1 arrive: dkim=none, pass wanted (arrived in INBOX after N s)",
    )
    nobody = asked.run("--authserv-id", "other.example.test")
    assert (nobody.code, nobody.steady) == (
        1,
        "SMTP WARNING - 127.0.0.1 arrive: no Authentication-Results of other.example.test (arrived in INBOX after N s)",
    )
    shown = asked.run("-v").lines
    assert (
        "results, not verified: inner.example.test; spf=pass smtp.mailfrom=example.test; dkim=none; dmarc=pass" in shown
    )


def test_what_v_tells(check):
    lines = check.run("-v").lines
    stages = [line.split()[0] for line in lines[1:]]
    assert stages[:11] == [
        *("connect", "banner", "ehlo", "mail", "rcpt", "data", "message", "quit"),
        "imap",
        "arrive",
        "probe:",
    ]
    (told,) = (line for line in lines if line.startswith("probe: "))
    assert re.fullmatch(
        r"probe: arrived in INBOX after \d\.\d+ s, edge\.example\.test \d s, sub\.example\.test \d s", told
    )


# -- the ways in


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-256", "SCRAM-SHA-1", "CRAM-MD5", "PLAIN", "LOGIN"])
def test_every_mechanism(check, mechanism):
    assert check.run("--imap-authtype", mechanism).code == 0


@pytest.mark.parametrize("mechanism", ["OAUTHBEARER", "XOAUTH2"])
def test_tokens(check, tmp_path, mechanism):
    file = tmp_path / "token"
    file.write_text(token(check.box) + "\n")
    arguments = check.arguments("--imap-authtype", mechanism, "--imap-pass-file", str(file))
    place = arguments.index("--imap-pass")
    del arguments[place : place + 2]
    assert run(*arguments).code == 0
    file.write_text(token(check.box, -60) + "\n")
    refused = run(*arguments)
    assert refused.code == 2
    assert refused.first.startswith("SMTP CRITICAL - localhost imap: NO ")


def test_starttls_and_none(check, delivery):
    place = ("--imap", f"localhost:{delivery.imap}")
    assert check.run(*place, "--imap-tls", "starttls").code == 0
    assert "imap_tls_days" in check.run(*place, "--imap-tls", "starttls").perfdata
    plain = check.run(*place, "--imap-tls", "off")
    assert (plain.code, "imap_tls_days" in plain.perfdata) == (0, False)


def test_a_certificate_that_is_not_to_be_trusted(check, certs):
    refused = check.run("--ca", str(certs.selfsigned.crt))
    name = check.run("--imap-tls-name", "other.example.test")
    assert (refused.code, name.code) == (2, 2)
    assert name.first.startswith("SMTP CRITICAL - localhost imap: certificate is for ")
    tolerated = check.run("--imap-tls-name", "other.example.test", "--state", "imap:name=ok")
    assert (tolerated.code, counts(tolerated)) == (0, "arrived=1 pending=0 lost=0 spam=0")
    # It is a password that goes there.
    assert check.run("--imap-tls-name", "other.example.test", "--no-verify").code == 2


def test_days_of_the_mailboxes_certificate(check):
    result = check.run("--ignore-certificate-expiration")
    assert result.perfdata["imap_tls_days"] == "30"


def test_days_of_the_certificate_where_only_is_received(check, tmp_path):
    (tmp_path / "key").write_text("a key that both have\n")
    words = check.arguments("--collect", "--key-file", str(tmp_path / "key"), "--every", "300", "--state", "arrive=ok")
    result = run(*words[words.index("--imap") :], "-D", "60,7")
    assert (result.code, result.first) == (
        1,
        "SMTP WARNING - localhost: the mailbox's certificate expires in 30 days, more than 60 wanted",
    )
    assert result.perfdata["imap_tls_days"] == "30;60;7"


# -- later runs


@pytest.fixture(scope="module")
def earlier(delivery: Delivery, certs: Certs) -> dict[str, Check]:
    """Checks whose first run is past the time that its note is its own: six seconds, with ``-t 4``."""
    checks = {
        name: Check(delivery, certs, fate)
        for name, fate in (("held", "hold"), ("lost", "lose"), ("late", "late"), ("released", "hold"), ("two", "twice"))
    }
    with ThreadPoolExecutor(5) as pool:
        results = dict(zip(checks, pool.map(lambda one: one.run("-t", "4", "--wait", "0"), checks.values())))
    for name in ("released", "two"):
        delivery.edge.release(checks[name].box)
    time.sleep(7.2)
    assert {name: result.code for name, result in results.items()} == dict.fromkeys(checks, 0)
    return checks


def test_held(earlier):
    result = earlier["held"].fated("").run("--stage-warning", "arrive=2")
    assert result.code == 1
    assert re.fullmatch(
        r"SMTP WARNING - 127\.0\.0\.1 arrive: under way for \d+ s, at most 2 s wanted \(1 pending\)", result.first
    )
    assert counts(result) == "arrived=1 pending=1 lost=0 spam=0"


def test_lost(earlier):
    check = earlier["lost"].fated("")
    result = check.run("--lost-after", "5,3600")
    assert result.code == 1
    assert re.fullmatch(r"SMTP WARNING - 127\.0\.0\.1 arrive: 1 lost, the last one sent \d+ s ago", result.first)
    assert check.run("--lost-after", "5,3600").perfdata["lost"] == "1;1;2"


def test_a_report_of_a_delay_is_no_bounce(earlier):
    result = earlier["late"].fated("").run()
    assert (result.code, counts(result)) == (0, "arrived=1 pending=1 lost=0 spam=0")


def test_released_after_a_while(earlier, delivery):
    check = earlier["released"].fated("")
    result = check.run()
    assert (result.code, counts(result)) == (0, "arrived=2 pending=0 lost=0 spam=0")
    assert re.search(r" \(1 earlier arrived after at most \d s\)$", result.first)
    assert delivery.left(check.box) == []


def test_twice(earlier, delivery):
    check = earlier["two"].fated("")
    result = check.run()
    assert result.code == 1
    assert result.first.startswith(
        "SMTP WARNING - 127.0.0.1 arrive: one probe arrived 2 times (1 earlier arrived after "
    )
    assert delivery.left(check.box) == []


# -- several runs


def test_six_runs_at_once(check, delivery):
    with ThreadPoolExecutor(6) as pool:
        results = list(pool.map(lambda _: check.run("-t", "20", "--wait", "15"), range(6)))
    assert [(result.code, counts(result)) for result in results] == [(0, "arrived=1 pending=0 lost=0 spam=0")] * 6
    assert delivery.left(check.box) == []


def test_two_names_share_a_box(check):
    held = check.fated("hold").run("--probe-name", "other", "--wait", "0")
    assert counts(held) == "arrived=0 pending=1 lost=0 spam=0"
    assert counts(check.run()) == "arrived=1 pending=0 lost=0 spam=0"


def test_a_note_that_a_stranger_mailed(check, delivery):
    about = "X-Check-SMTP-Status-Note: name=edge; probe=" + "a" * 32 + "; hold=1; target="
    assert run("-H", "127.0.0.1", "-p", str(delivery.smtp), "--to", check.box, "--header", about).code == 0
    (mailed,) = delivery.wait_for(check.box, 1)
    result = check.run()
    assert (result.code, counts(result)) == (0, "arrived=1 pending=0 lost=0 spam=0")
    assert delivery.left(check.box) == [mailed]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_told_to_end_while_it_waits(check, delivery, number):
    command = [sys.executable, str(LAUNCHER), *check.fated("hold").arguments("-t", "30", "--wait", "20")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 20
    marked = False
    while not marked:
        assert time.monotonic() < deadline
        time.sleep(0.2)
        with delivery.session(check.box) as session:
            marked = session.search(None, "FLAGGED")[1] != [b""]
    time.sleep(1.0)
    process.send_signal(number)
    out, _ = process.communicate(timeout=5)
    result = check_form(process.returncode, out)
    assert result.code == 0
    assert re.search(r", not arrived within \d(\.\d)? s: 250 2\.0\.0 Ok: queued as \w+ \(1 pending\)$", result.first)
    (note,) = delivery.left(check.box)
    assert b"X-Check-SMTP-Status-Note: " in note


@pytest.mark.parametrize("delay", [0.15, 0.25, 0.35, 0.5, 0.8])
def test_killed_at_any_point(check, delivery, delay):
    """The run at once after finds its own only, and loses nothing of what the killed one left."""
    command = [sys.executable, str(LAUNCHER), *check.arguments()]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    time.sleep(delay)
    process.kill()
    process.wait()
    result = check.run()
    assert (result.code, counts(result)) == (0, "arrived=1 pending=0 lost=0 spam=0")


# -- several servers, LMTP, AUTH


def test_several_servers(check, delivery):
    result = check.run("-H", "localhost", "-4")
    assert result.code == 0
    assert re.fullmatch(
        r"SMTP OK - 2 of 2 servers accept mail, 2 of 2 probes arrived after at most \d\.\d{3} s", result.first
    )
    assert counts(result) == "arrived=2 pending=0 lost=0 spam=0"
    assert {"127.0.0.1_time_arrive", "localhost_time_arrive"} <= result.perfdata.keys()
    assert delivery.left(check.box) == []


def test_several_servers_and_mail_under_way(check):
    held = check.fated("hold")
    one = held.run("-H", "localhost", "-4", "--wait", "0.5", "--stage-warning", "arrive=0.3")
    assert one.code == 1
    assert re.fullmatch(
        r"SMTP WARNING - 2 of 2 servers accept mail; 127\.0\.0\.1 arrive: under way for 0\.\d s, at most 0\.3 s wanted"
        r" \(2 pending\)",
        one.first,
    )
    # Whatever is enough: mail was taken and is late.
    assert (
        held.run("-H", "localhost", "-4", "--wait", "0.5", "--stage-warning", "arrive=0.3", "--require", "2").code == 2
    )


def test_lmtp(check, delivery):
    result = check.run("-L", "-p", str(delivery.lmtp))
    assert (result.code, counts(result)) == (0, "arrived=1 pending=0 lost=0 spam=0")
    assert ", arrived in INBOX after 0.0" in result.first


def test_the_login_of_smtp_serves_the_mailbox_too(check, delivery, certs):
    port = delivery.dovecot.port["submission"]
    login = ["-U", check.box, "-P", PASSWORD, "--ca", str(certs.ca), "-S", "--tls-name", "localhost"]
    result = run(
        *("-H", "127.0.0.1", "-p", str(port), "--to", check.box, *login, "--wait", "0"),
        *("--imap", f"localhost:{delivery.imaps}"),
    )
    assert "time_auth" in result.perfdata
    assert "time_imap" in result.perfdata


# -- Cyrus


class CyrusCheck:
    def __init__(self, cyrus: Cyrus) -> None:
        self.cyrus = cyrus
        self.user = cyrus.user()

    def run(self, *more: str) -> Result:
        server = ["-L", "-H", "127.0.0.1", "-p", str(self.cyrus.port["lmtp"]), "--to", self.user]
        mailbox = ["--imap", f"127.0.0.1:{self.cyrus.port['imap']}", "--imap-tls", "off", "--imap-user", self.user]
        return run(*server, *mailbox, "--imap-pass", CYRUS_PASSWORD, *more)


def test_cyrus(cyrus):
    check = CyrusCheck(cyrus)
    for mechanism in ("PLAIN", "SCRAM-SHA-256"):
        result = check.run("--imap-authtype", mechanism)
        assert (result.code, counts(result)) == (0, "arrived=1 pending=0 lost=0 spam=0")
        assert cyrus.left(check.user) == []


def test_cyrus_over_quota(cyrus):
    check = CyrusCheck(cyrus)
    with cyrus.session(check.user) as session:
        session.append("INBOX", None, None, b"Subject: x\r\n\r\n" + b"x" * 3000)  # type: ignore[arg-type]
    cyrus.limit(check.user, 1)
    result = check.run()
    assert result.code == 2
    assert result.first.startswith("SMTP CRITICAL - 127.0.0.1 ")
    assert "quota" in result.first.lower()


def test_cyrus_spam_folder_and_a_wrong_password(cyrus):
    check = CyrusCheck(cyrus)
    wrong = check.run("--imap-pass", "wrong")
    assert wrong.code == 2
    assert wrong.first.startswith("SMTP CRITICAL - 127.0.0.1 imap: NO ")
    assert "LIST" in check.run("-vv").out


def test_cyrus_four_runs_at_once(cyrus):
    check = CyrusCheck(cyrus)
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _: check.run("-t", "20", "--wait", "15"), range(4)))
    assert [(result.code, counts(result)) for result in results] == [(0, "arrived=1 pending=0 lost=0 spam=0")] * 4
    assert cyrus.left(check.user) == []


# -- for programs


@pytest.mark.parametrize(
    ("fate", "state", "counted", "kinds"),
    [
        ("", "ok", {"arrived": 1, "spam": 0}, []),
        ("Junk", "warning", {"arrived": 1, "spam": 1}, ["spam"]),
        ("bounce", "critical", {"arrived": 0, "spam": 0}, ["bounced"]),
        ("hold", "ok", {"arrived": 0, "pending": 1}, ["pending"]),
    ],
)
def test_the_document_tells_of_arrival(fate, state, counted, kinds, check):
    found = document(*check.fated(fate).arguments("--wait", "2", "-vv"))
    arrival = found["arrival"]
    assert (found["state"], found["targets"][0]["state"]) == (state, "ok")
    assert {name: arrival[name] for name in counted} == counted
    assert [one["kind"] for one in arrival["findings"]] == kinds
    assert arrival["seconds"] > 0 and arrival["transcript"]
    assert (arrival["certificate_expires"] - time.time()) // 86400 == arrival["certificate_days"] == 30
    assert PASSWORD not in str(found)
    figures = {figure["label"]: figure["value"] for figure in found["perfdata"]}
    assert figures["arrived"] == arrival["arrived"] and figures.get("time_arrive") == arrival["slowest"]


def test_a_mailbox_that_cannot_be_used_is_told_in_the_document(check):
    found = document(*check.arguments("--imap-pass", "wrong"))
    assert found["state"] == "critical"
    (fault,) = found["arrival"]["findings"]
    assert (fault["stage"], fault["kind"], fault["state"]) == ("imap", "failure", "critical")
    assert found["arrival"]["arrived"] is None
