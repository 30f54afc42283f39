"""The scheduler's side: signals at every stage, a clock that is set, and two hundred checks at once."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from helpers.faults_tls import ClientHello
from helpers.plugin import LAUNCHER, ROOT, Result, check_form, run
from helpers.processes import catches, connecting_to, seconds_until_the_end, wait_until, waits_in
from servers.certs import Certs
from servers.netns import NetworkNamespace
from servers.ports import silent_port
from servers.scripted import Action, Auth, Close, ScriptedServer, Silence, Sleep, SmtpScript

pytestmark = pytest.mark.timing

AT_ONCE = 0.2
"""Seconds from the signal to the end."""

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
CONVERSATION = ("-f", "alice@x.test", "--to", "bob@x.test", "-F", "probe.test", "-t", "30")
STEPPED = ROOT / "tests/helpers/stepped.py"
NO_SIGNAL_YET = "SMTP UNKNOWN - interrupted\n"


def started(*args: str | Path, wrap: Sequence[str] = (), stdin: int = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
    command = [*wrap, sys.executable, str(LAUNCHER), *map(str, args)]
    return subprocess.Popen(command, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def end(process: subprocess.Popen[bytes], number: signal.Signals = signal.SIGTERM) -> tuple[int, str]:
    """Send the signal; exit code and output, which have to come at once."""
    sent = time.monotonic()
    process.send_signal(number)
    assert seconds_until_the_end(process, sent) < AT_ONCE
    out, err = process.communicate(timeout=10)
    assert err == b""
    return process.returncode, out.decode()


def told(code: int, out: str, sentence: str, *stages: str, state: str = "CRITICAL") -> Result:
    """Assert the first line (``#`` is any number) and the stages whose times it has."""
    result = check_form(code, out)
    words = re.escape(sentence).replace("\\#", "[0-9.]+")
    assert re.fullmatch(f"SMTP {state} - {words}", result.first), result.first
    assert list(result.perfdata) == ["time", *(f"time_{stage}" for stage in stages)]
    return result


def silent_at(stage: str, certs: Certs) -> tuple[Action, tuple[str, ...]]:
    """A server that goes silent at ``stage``, and the options that lead there."""
    if stage == "auth":
        return SmtpScript(auth={"PLAIN": Auth((b"",), final=Silence())}), ("-U", "a", "-P", "b")
    if stage == "starttls":
        return SmtpScript(starttls=Silence()), ("-S", "--ca", str(certs.ca))
    if stage == "tls":
        return SmtpScript(starttls=(b"220 Go\r\n", ClientHello(), Silence())), ("-S", "--ca", str(certs.ca))
    return SmtpScript(**{stage: Silence()}), ()


REACHED = ("connect", "banner", "ehlo", "mail", "rcpt", "data", "message", "quit")
SENTENCES = {
    "banner": "no greeting for # s",
    "ehlo": "no reply to EHLO for # s",
    "starttls": "no reply to STARTTLS for # s",
    "tls": "no end of the handshake after # s",
    "auth": "no reply to AUTH PLAIN for # s",
    "mail": "no reply to MAIL for # s",
    "rcpt": "no reply to RCPT for # s",
    "data": "no reply to DATA for # s",
    "message": "no reply for # s after the final dot",
    "quit": "no reply to QUIT for # s (accepted the message before)",
}


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
@pytest.mark.parametrize("stage", SENTENCES)
def test_verdict_so_far(stage: str, number: signal.Signals, certs: Certs) -> None:
    script, options = silent_at(stage, certs)
    with ScriptedServer(script) as server:
        process = started("-H", "127.0.0.1", "-p", str(server.port), *CONVERSATION, *options)
        wait_for_silence(server, stage)
        code, out = end(process, number)
        server.session  # noqa: B018 - waits for its end
    before = {"starttls": REACHED[:3], "tls": (*REACHED[:3], "starttls"), "auth": REACHED[:3]}
    stages = before.get(stage) or REACHED[: REACHED.index(stage)]
    state = "WARNING" if stage == "quit" else "CRITICAL"
    told(code, out, f"127.0.0.1 timed out at {stage}: {SENTENCES[stage]}", *stages, state=state)
    server.check()


LAST_WORDS = {
    "ehlo": b"EHLO",
    "starttls": b"STARTTLS\r\n",
    "auth": b"AUTH PLAIN",
    "mail": b"MAIL",
    "rcpt": b"RCPT",
    "data": b"DATA\r\n",
    "message": b"\r\n.\r\n",
    "quit": b"QUIT\r\n",
}


def wait_for_silence(server: ScriptedServer, stage: str) -> None:
    """Wait until the server has got what it will not answer, and a little longer."""
    until = time.monotonic() + 10
    while time.monotonic() < until:
        if server.sessions:
            received = server.sessions[0].received
            if stage == "banner" or (b"\x16\x03" in received if stage == "tls" else LAST_WORDS[stage] in received):
                time.sleep(0.2)
                return
        time.sleep(0.01)
    raise TimeoutError(f"{stage} was never reached")


def test_while_connecting() -> None:
    with silent_port() as port:
        others = connecting_to(port)
        process = started("-H", "127.0.0.1", "-p", str(port), *CONVERSATION)
        wait_until(lambda: connecting_to(port) > others)
        time.sleep(0.1)
        code, out = end(process)
    told(code, out, f"127.0.0.1 timed out at connect: no answer from 127.0.0.1 port {port} for # s")


def test_while_the_name_is_looked_up(tmp_path: Path) -> None:
    conf = tmp_path / "resolv.conf"
    conf.write_text("nameserver 127.0.0.1\noptions timeout:20\n")
    with NetworkNamespace(conf) as namespace, namespace.call(silent_resolver) as resolver:
        process = started("-H", "mx.example.test", *CONVERSATION, wrap=namespace.enter)
        assert b"\x02mx\x07example\x04test" in resolver.recv(512)
        time.sleep(0.1)
        code, out = end(process)
    told(code, out, "mx.example.test timed out at dns: no answer from the resolver for # s")


def silent_resolver() -> socket.socket:
    resolver = socket.socket(type=socket.SOCK_DGRAM)
    resolver.bind(("127.0.0.1", 53))
    resolver.settimeout(10)
    return resolver


def test_state_of_the_deadline() -> None:
    """What is asked for the deadline is meant for this end too."""
    with ScriptedServer(SmtpScript(banner=Silence())) as server:
        process = started("-H", "127.0.0.1", "-p", str(server.port), "-t", "30:unknown")
        wait_for_silence(server, "banner")
        code, out = end(process)
    told(code, out, "127.0.0.1 timed out at banner: no greeting for # s", "connect", state="UNKNOWN")


def test_signals_over_and_over() -> None:
    """Neither the second signal nor the hundredth breaks what the first one began."""
    with ScriptedServer(SmtpScript(mail=Silence())) as server:
        process = started("-H", "127.0.0.1", "-p", str(server.port), *CONVERSATION)
        wait_for_silence(server, "mail")
        for _ in range(100):
            for number in SIGNALS:
                os.kill(process.pid, number)  # Popen's own would have it reaped where it has ended by now
        code, out = end(process)
    told(code, out, "127.0.0.1 timed out at mail: no reply to MAIL for # s", "connect", "banner", "ehlo")


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
def test_before_anything_was_asked(number: signal.Signals) -> None:
    """A message that does not come is waited for before the first stage."""
    process = started("-H", "127.0.0.1", *CONVERSATION, "--data-file", "-", stdin=subprocess.PIPE)
    wait_until(lambda: catches(process, signal.SIGHUP) and waits_in(process, "poll_schedule_timeout"))
    sent = time.monotonic()
    process.send_signal(number)
    assert seconds_until_the_end(process, sent) < AT_ONCE
    assert process.wait(10) == 3
    out, err = process.communicate()
    assert (out.decode(), err) == (NO_SIGNAL_YET, b"")


# -- the clock

HOUR = 3600.0
PAUSE = 0.08
"""Seconds the server takes for each reply."""


@pytest.mark.parametrize("step", [HOUR, -HOUR, 0.5, -0.5])
def test_clock_that_is_set(step: float, scripted: Callable[..., ScriptedServer]) -> None:
    """Set it at any stage: no time of any stage shows it, and the deadline stays where it was."""
    good = {
        "banner": b"220 x ESMTP\r\n",
        "ehlo": b"250 x\r\n",
        "mail": b"250 Ok\r\n",
        "rcpt": b"250 Ok\r\n",
        "data": b"354 Go\r\n",
        "message": b"250 Ok\r\n",
    }
    server = scripted(**{stage: (Sleep(PAUSE), reply) for stage, reply in good.items()})

    def check(delay: float) -> Result:
        args = ("-H", "127.0.0.1", "-p", str(server.port), *CONVERSATION, "-t", "20", "-w", "5", "-c", "5")
        return run(str(delay), str(step), str(LAUNCHER), *args, launcher=STEPPED)

    with ThreadPoolExecutor(3) as pool:
        results = list(pool.map(check, [0.05 + number * 0.05 for number in range(14)]))
    for result in results:
        assert result.state == "OK"
        assert len(good) * PAUSE <= result.seconds("time") < 3
        for stage in good:
            assert PAUSE * 0.95 <= result.seconds(f"time_{stage}") < 0.5


@pytest.mark.parametrize("step", [HOUR, -HOUR])
def test_deadline_when_the_clock_is_set(step: float, scripted: Callable[..., ScriptedServer]) -> None:
    server = scripted(mail=Silence())
    args = ("-H", "127.0.0.1", "-p", str(server.port), *CONVERSATION, "-t", "1.5")
    began = time.monotonic()
    result = run("0.6", str(step), str(LAUNCHER), *args, launcher=STEPPED)
    assert 1.4 < time.monotonic() - began < 3
    assert re.fullmatch(
        r"SMTP CRITICAL - 127\.0\.0\.1 timed out at mail: no reply to MAIL for 1\.[345] s", result.first
    )


# -- many checks

CHECKS = 200


def test_two_hundred_checks_at_once() -> None:
    """Each says the truth about its own server."""
    kinds: dict[str, tuple[SmtpScript, int, str]] = {
        "good": (SmtpScript(), 0, "accepted the message in # s: 250 2.0.0 Ok: queued as 4Vx1"),
        "greylisting": (SmtpScript(rcpt=b"450 4.2.0 Try later\r\n"), 1, "rcpt: 450 4.2.0 Try later"),
        "refusing": (SmtpScript(message=b"554 5.7.1 Spam\r\n"), 2, "message: 554 5.7.1 Spam"),
        "closing": (SmtpScript(mail=Close()), 2, "mail: connection closed by the server before the reply to MAIL"),
    }
    servers = {kind: ScriptedServer(script, limit=330) for kind, (script, _, _) in kinds.items()}
    processes = [
        (kind, started("-H", "127.0.0.1", "-p", str(servers[kind].port), *CONVERSATION, "-t", "300"))
        for _ in range(CHECKS // len(kinds))
        for kind in kinds
    ]
    for kind, process in processes:
        out, err = process.communicate(timeout=330)
        _, code, sentence = kinds[kind]
        line = re.escape(sentence).replace("\\#", "[0-9.]+")
        assert err == b""
        result = check_form(process.returncode, out.decode())
        assert process.returncode == code, result.first
        assert re.fullmatch(rf"SMTP [A-Z]+ - 127.0.0.1 {line}", result.first), result.first
    for server in servers.values():
        server.wait(CHECKS // len(kinds))
        server.stop()
        server.check()
        assert len(server.sessions) == CHECKS // len(kinds)


# -- an output that nobody reads


def unread(*args: str) -> tuple[subprocess.Popen[bytes], int]:
    """A check whose standard output is a pipe that is full; and the end of it that nobody reads."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    try:
        while True:
            os.write(writer, b"." * 4096)
    except BlockingIOError:
        os.set_blocking(writer, True)
    process = subprocess.Popen([sys.executable, str(LAUNCHER), *args], stdin=subprocess.DEVNULL, stdout=writer)
    os.close(writer)
    return process, reader


@pytest.mark.parametrize("verbosity", [(), ("-vv",)])
def test_a_full_output_that_nobody_reads_ends_at_the_deadline(verbosity: Sequence[str]) -> None:
    with ScriptedServer(SmtpScript()) as server:
        begin = time.monotonic()
        process, reader = unread("-H", "127.0.0.1", "-p", str(server.port), "-t", "1", *verbosity)
        # The interpreter starts before the deadline counts.
        assert seconds_until_the_end(process, begin) < 2.5
        assert time.monotonic() - begin >= 1
        assert process.wait(10) == 0
    os.close(reader)


@pytest.mark.parametrize("args", [("-H", "127.0.0.1", "-p", "1", "-t", "30"), ("--nonsense",), ("--help",)])
@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
def test_a_full_output_that_nobody_reads_ends_at_a_signal(args: Sequence[str], number: signal.Signals) -> None:
    process, reader = unread(*args)
    wait_until(lambda: waits_in(process, "pipe_write"))
    sent = time.monotonic()
    process.send_signal(number)
    assert seconds_until_the_end(process, sent) < AT_ONCE
    assert process.wait(10) == (2 if "-H" in args else 3)
    os.close(reader)
