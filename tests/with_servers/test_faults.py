"""The fault farm: every fault at every stage, through the whole plugin.

What must hold for each combination: exit code and first line say stage, code and cause; the deadline is kept; memory
stays small; QUIT is sent wherever the connection could still take it; and nothing is OK unless the server did its job.
"""

from __future__ import annotations

import contextlib
import re
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import IO, NamedTuple

import pytest

from helpers import measure
from helpers.faults import (
    EARLIER,
    EARLY,
    FAULTS,
    OK,
    PASSWORD,
    RECIPIENT,
    SENDER,
    STAGES,
    TIMEOUT,
    TLS,
    USER,
    Blurt,
    Expected,
    Rest,
    critical,
    expected,
    first_line,
)
from helpers.faults_tls import CERTIFICATES, TLS_FAULTS, Oddity
from helpers.plugin import Result, run
from servers.certs import Certs
from servers.netns import NetworkNamespace
from servers.ports import free_ports, refusing_port, silent_port
from servers.requirements import need
from servers.scripted import (
    Action,
    Auth,
    Close,
    Deaf,
    Eof,
    Read,
    Reset,
    ScriptedServer,
    Session,
    SmtpScript,
    StartTls,
)

pytestmark = pytest.mark.timing

AT_ONCE = 4
PATIENCE = 10.0
"""Seconds of -t where nothing has to be waited for."""
GRACE = 0.5
MEMORY = 64 * 1024
"""KiB of resident memory at most."""


class Yard(NamedTuple):
    """What servers are made of."""

    certs: Certs
    directory: Path


Plan = Callable[[Yard], "tuple[Action, Sequence[str | Path]]"]


class Case(NamedTuple):
    """One combination: ``plan`` makes the server's script and the plugin's options."""

    name: str
    plan: Plan
    expected: Expected


class Run(NamedTuple):
    """What the plugin said, what that cost, and what the server saw."""

    result: Result
    seconds: float
    kibibytes: int
    session: Session | None


# -- a fault in place of a reply


def reply_plan(stage: str, action: Action, replaced: str = "") -> Plan:
    """The good server and the options that lead to ``stage``, with ``action`` in place of the stage's reply (or of
    the one of the stage ``replaced``)."""
    name = stage.removesuffix(TLS)
    replaced = replaced or name

    def plan(yard: Yard) -> tuple[Action, Sequence[str | Path]]:
        actions: dict[str, Action] = {stage.name: stage.good for stage in STAGES.values()}
        actions |= {"quit": (STAGES["quit"].good, Close()), replaced: action}
        starttls = (actions.pop("starttls"), StartTls(yard.certs.context()))
        script = SmtpScript(
            **actions | {"auth": {"PLAIN": Auth((b"",), final=actions["auth"])}},
            starttls=starttls,
            tls=yard.certs.context() if stage.endswith(TLS) else None,
        )
        if name == "auth":
            return script, ("-A", "PLAIN", "-U", USER, "-P", PASSWORD)
        mode = ("-s",) if stage.endswith(TLS) else ("-S",) if name == "starttls" else ()
        return script, (*mode, "--ca", yard.certs.ca)

    return plan


def reply_cases() -> Iterator[Case]:
    for stage in (*STAGES, "mail" + TLS, "message" + TLS):
        here = STAGES[stage.removesuffix(TLS)]
        for name, fault in FAULTS.items():
            yield Case(f"{stage}: {name}", reply_plan(stage, fault.action(here)), expected(fault, stage))
        if here.name in EARLIER:
            earlier = STAGES[EARLIER[here.name]]
            action = (earlier.good + here.good, Rest())
            yield Case(f"{stage}: early reply", reply_plan(stage, action, earlier.name), expected(EARLY, stage))


# -- a fault of TLS


def tls_cases() -> Iterator[Case]:
    for name, fault in TLS_FAULTS.items():
        for option, wanted in (("-S", fault.expected), ("-s", fault.with_ssl or fault.expected)):
            line = wanted._replace(sentence=first_line(wanted.state, wanted.sentence))
            yield Case(f"tls {option}: {name}", tls_plan(option, fault.action), line)
    for name, oddity in CERTIFICATES.items():
        wanted = oddity.expected
        line = wanted._replace(sentence=first_line(wanted.state, wanted.sentence))
        yield Case(f"tls: certificate with {name}", certificate_plan(oddity), line)


def tls_plan(option: str, fault: Callable[[Certs], Action]) -> Plan:
    def plan(yard: Yard) -> tuple[Action, Sequence[str | Path]]:
        action = fault(yard.certs)
        options = (option, "--ca", yard.certs.ca)
        if option == "-S":
            return SmtpScript(starttls=(STAGES["starttls"].good, action)), options
        return (action, SmtpScript()), options

    return plan


def certificate_plan(oddity: Oddity) -> Plan:
    def plan(yard: Yard) -> tuple[Action, Sequence[str | Path]]:
        certificate, key = oddity.write(Path(tempfile.mkdtemp(dir=yard.directory)))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        return SmtpScript(tls=context), ("-s", "--ca", certificate if oddity.trusted else yard.certs.ca)

    return plan


# -- a fault in the middle of a long message

LONG = 10_000_000
READ = 100_000
"""Octets of the message, and how many of them the server reads."""

MIDDLE = {
    "stops reading": (
        Deaf(),
        critical("timed out at message: the server did not take the message within # s", quit=False, late=True),
    ),
    "refuses": ((Blurt(b"552 5.3.4 Too big\r\n"), Eof()), critical("message: 552 5.3.4 Too big", quit=False)),
    "refuses and closes": (
        (Blurt(b"552 5.3.4 Too big\r\n"), Close()),
        critical("message: 552 5.3.4 Too big", quit=False),
    ),
    "shuts down": ((Blurt(b"421 4.3.2 Bye\r\n"), Close()), critical("message: 421 4.3.2 Bye", quit=False)),
    "accepts": (
        (Blurt(b"250 2.0.0 Ok\r\n"), Eof()),
        critical("message: 250 2.0.0 Ok (accepted before all of the message was sent)", quit=False),
    ),
    # The server takes in what has come before it closes, and that may be all.
    "closes": (Close(), critical("message: connection * by the server *", quit=False)),
    "resets": (Reset(), critical("message: connection reset by the server *", quit=False)),
}


def message_cases() -> Iterator[Case]:
    for stage in ("message", "message" + TLS):
        for name, (action, wanted) in MIDDLE.items():
            line = wanted._replace(sentence=first_line(wanted.state, wanted.sentence))
            yield Case(f"{stage}: {name} in the middle", middle_plan(stage, action), line)


def middle_plan(stage: str, action: Action) -> Plan:
    whole = reply_plan(stage, (STAGES["data"].good, Read(READ), action), "data")

    def plan(yard: Yard) -> tuple[Action, Sequence[str | Path]]:
        script, options = whole(yard)
        file = yard.directory / "long.eml"
        if not file.exists():
            file.write_bytes((b"x" * 99 + b"\n") * (LONG // 100))
        return script, (*options, "--data-file", file)

    return plan


# -- the farm

CASES = (*reply_cases(), *tls_cases(), *message_cases())


def measured(yard: Yard, *args: str | Path, expected: Expected, wrap: Sequence[str] = ()) -> Run:
    """One run of the plugin from the sender to the message, at full verbosity."""
    report = Path(tempfile.mkdtemp(dir=yard.directory)) / "report"
    timeout = TIMEOUT if expected.late else PATIENCE
    result = run(
        *("-F", "probe.test", "-t", str(timeout), "-vvv", "-f", SENDER, "--to", RECIPIENT, *map(str, args)),
        wrap=[sys.executable, "-I", "-S", measure.__file__, str(report), *wrap],
    )
    seconds, kibibytes = report.read_text().split()
    assert float(seconds) <= timeout + GRACE
    return Run(result, float(seconds), int(kibibytes), None)


def one(case: Case, yard: Yard) -> Run:
    script, options = case.plan(yard)
    with ScriptedServer(script, limit=PATIENCE + 5, receive_buffer=64 * 1024) as server:
        come = measured(yard, "-H", server.host, "-p", str(server.port), *options, expected=case.expected)
        # A connection whose server reads no more cannot be seen to end.
        with contextlib.suppress(TimeoutError):
            server.wait(timeout=2)
    server.check()
    return come._replace(session=server.session)


@pytest.fixture(scope="module")
def yard(certs: Certs, workdir: Path) -> Yard:
    directory = workdir / "faults"
    directory.mkdir()
    return Yard(certs, directory)


@pytest.fixture(scope="module")
def farm(yard: Yard, request: pytest.FixtureRequest) -> Iterator[Mapping[str, Future[Run]]]:
    """The runs of all combinations that were asked for, some at a time."""
    asked = (getattr(item, "callspec", None) for item in request.session.items if item.path == Path(__file__))
    wanted = [call.params["case"] for call in asked if call is not None and "case" in call.params]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield {case.name: pool.submit(one, case, yard) for case in wanted}
        pool.shutdown(cancel_futures=True)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_fault_at_every_stage(farm: Mapping[str, Future[Run]], case: Case) -> None:
    come = farm[case.name].result()
    wanted = case.expected
    assert re.fullmatch(wanted.sentence, come.result.first), come.result.first
    assert come.result.state == wanted.state
    assert come.kibibytes < MEMORY
    assert come.session is not None
    if wanted.quit is not None:
        assert (b"QUIT\r\n" in come.session.received) is wanted.quit, come.session
    if come.result.state == "OK":
        assert come.session.message.endswith(b"\r\nDATA SECTION\r\n")


# -- what no script can do


def test_refused(yard: Yard) -> None:
    with refusing_port() as port:
        come = measured(yard, "-H", "127.0.0.1", "-p", str(port), expected=critical(""))
    assert come.result.first == f"SMTP CRITICAL - 127.0.0.1 connect: connection refused by 127.0.0.1 port {port}"
    assert come.kibibytes < MEMORY


def test_no_answer_to_the_first_segment(yard: Yard) -> None:
    with silent_port() as port:
        come = measured(yard, "-H", "127.0.0.1", "-p", str(port), expected=critical("", late=True))
    line = rf"SMTP CRITICAL - 127\.0\.0\.1 timed out at connect: no answer from 127\.0\.0\.1 port {port} for 1\.[45] s"
    assert re.fullmatch(line, come.result.first)
    assert come.kibibytes < MEMORY


def test_unreachable(yard: Yard, netns: NetworkNamespace) -> None:
    come = measured(yard, "-H", "192.0.2.1", expected=critical(""), wrap=netns.enter)
    assert come.result.first == "SMTP CRITICAL - 192.0.2.1 connect: network unreachable for 192.0.2.1 port 25"


def test_no_socket(yard: Yard) -> None:
    path = yard.directory / "none"
    come = measured(yard, "-H", path, expected=critical(""))
    assert come.result.first == f"SMTP CRITICAL - {path} connect: no such socket {path}"


@pytest.mark.parametrize("verbosity", [(), ("-v",), ("-vvv",)])
def test_a_socket_whose_path_is_no_harmless_text(
    workdir: Path, scripted: Callable[..., ScriptedServer], verbosity: Sequence[str]
) -> None:
    path, shown = workdir / "a\\x0a|<b>", f"{workdir}/a∖x0a¦‹b›"
    missing = run("-H", str(path), *verbosity)
    assert (missing.code, missing.first) == (2, f"SMTP CRITICAL - {shown} connect: no such socket {shown}")
    scripted(path=path)
    found = run("-H", str(path), *verbosity)
    assert (found.code, found.first.partition(" answered in ")[0]) == (0, f"SMTP OK - {shown}")
    assert not verbosity or found.lines[1].endswith(f" {shown}")


def test_tls_split_at_every_byte(yard: Yard) -> None:
    """Handshake, tickets, records: all come one byte at a time, in both directions."""
    script, options = reply_plan("mail" + TLS, STAGES["mail"].good)(yard)
    with ScriptedServer(script) as server, ByteByByte(server) as relay:
        come = measured(yard, "-H", "127.0.0.1", "-p", str(relay.port), *options, expected=OK)
        assert come.result.state == "OK"
        assert server.session.message.endswith(b"\r\nDATA SECTION\r\n")
    server.check()


class ByteByByte:
    """A relay of one connection that passes on one byte at a time."""

    def __init__(self, server: ScriptedServer) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._there = socket.create_connection((server.host, server.port))
        self.port = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._relay, daemon=True)]

    def __enter__(self) -> ByteByByte:
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()
        self._threads[0].join(5)

    def _relay(self) -> None:
        with self._listener.accept()[0] as here, self._there as there:
            back = threading.Thread(target=self._pass_on, args=(there, here), daemon=True)
            back.start()
            self._pass_on(here, there)
            back.join(5)

    @staticmethod
    def _pass_on(source: socket.socket, sink: socket.socket) -> None:
        for end in (source, sink):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with contextlib.suppress(OSError):
            while octets := source.recv(65536):
                for octet in octets:
                    sink.send(bytes((octet,)))
            sink.shutdown(socket.SHUT_WR)


@pytest.mark.parametrize(
    ("version", "key", "state", "sentence"),
    [
        # In TLS 1.2 the server begins the handshake anew; refused, it may give up, as OpenSSL does.
        ("-tls1_2", "R", "CRITICAL", "tls: TLS connection failed: alert handshake failure"),
        # TLS 1.3 has new keys in its place, one side's and both sides'.
        ("-tls1_3", "k", "OK", "answered in # s: 250 fine"),
        ("-tls1_3", "K", "OK", "answered in # s: 250 fine"),
    ],
)
def test_renegotiation(yard: Yard, version: str, key: str, state: str, sentence: str) -> None:
    """OpenSSL's own server does on a key press what no script can; its lines are typed in when they are due."""
    (port,) = free_ports(1)
    certs = yard.certs
    chain = ("-cert", certs.good.crt, "-key", certs.good.key, "-cert_chain", certs.chain)
    command = [need("openssl"), "s_server", "-accept", f"127.0.0.1:{port}", version, "-naccept", "1", *chain]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "bufsize": 0}
    with subprocess.Popen(command, **pipes) as server, ThreadPoolExecutor(1) as pool:
        try:
            read_to(server.stdout, b"ACCEPT\n")
            args = ("-H", "127.0.0.1", "-p", str(port), "-s", "--ca", str(certs.ca), "-F", "probe.test", "-t", "10")
            come = pool.submit(run, *args, "--quit-after", "ehlo")
            with contextlib.suppress(BrokenPipeError):
                type_in(server, key)
            result = come.result()
        finally:
            server.kill()
    assert re.fullmatch(first_line(state, sentence), result.first), result.first


def type_in(server: subprocess.Popen[bytes], key: str) -> None:
    """The server's side of a conversation, with a key press before the reply to EHLO."""
    read_to(server.stdout, b"CIPHER is ")
    server.stdin.write(b"220 hi\r\n")
    read_to(server.stdout, b"EHLO probe.test")
    for line in (key.encode() + b"\n", b"250 fine\r\n", b"221 bye\r\n"):
        server.stdin.write(line)
        time.sleep(0.2)


def read_to(stream: IO[bytes], mark: bytes) -> None:
    """Read until ``mark`` has come."""
    read = b""
    while mark not in read:
        octet = stream.read(1)
        assert octet, f"ended without {mark!r}: {read!r}"
        read += octet


def test_text_that_a_pattern_searches_for_ever(yard: Yard) -> None:
    """The pattern is the user's mistake, but the text that shows it is the server's, which may wait for years."""
    with ScriptedServer(SmtpScript(noop=b"250 " + b"x" * 60 + b"\r\n")) as server:
        args = ("-H", server.host, "-p", str(server.port), "-t", "1", "-C", "NOOP", "-R", "(x+x+)+y")
        report = Path(tempfile.mkdtemp(dir=yard.directory)) / "report"
        result = run(*args, wrap=[sys.executable, "-I", "-S", measure.__file__, str(report)])
        assert float(report.read_text().split()[0]) < 1 + GRACE
        assert result.first == (
            f"SMTP CRITICAL - 127.0.0.1 command: 250 {'x' * 60} (NOOP, -R takes too long to search this)"
        )
        assert server.session.commands[-1] == b"QUIT"
