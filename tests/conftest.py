"""Fixtures: the work directory, certificates, and one fixture for each kind of server."""

from __future__ import annotations

import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from _pytest.runner import runtestprotocol

pytest.register_assert_rewrite("helpers")

# ruff: noqa: E402 - rewriting must be registered before
from helpers.standstill import Watch
from servers.aio import MailServer
from servers.certs import Certs
from servers.dnsworld import DnsWorld
from servers.dovecot import Dovecot
from servers.exim import Exim
from servers.netns import NetworkNamespace
from servers.opensmtpd import OpenSmtpd
from servers.postfix import Postfix
from servers.process import started
from servers.scripted import ScriptedServer, SmtpScript
from servers.submission import Submission

Scripted = Callable[..., ScriptedServer]


def pytest_configure() -> None:
    """What was started in the background ignores SIGINT, and so does all that it starts; but the tests are about
    programs that a terminal or a scheduler started.  A handler, even of nothing, is none in a new program."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, lambda _number, _frame: None)


ATTEMPTS = 3
AGAIN = "again"
WATCH = pytest.StashKey[Watch]()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool:
    """A test that failed while the machine stood still is made again, and the summary tells it: nothing keeps its time
    then, neither the plugin nor the programs it is tested with.  Every other failure is one."""
    if WATCH not in item.config.stash:
        item.config.stash[WATCH] = Watch()
    watch = item.config.stash[WATCH]
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    for left in reversed(range(ATTEMPTS)):
        watch.longest()
        reports = runtestprotocol(item, log=False, nextitem=nextitem)
        failed = [report for report in reports if report.failed]
        stood = watch.longest() if failed and left else 0
        for report in reports:
            if stood and report.failed:
                report.sections.append(("Standstill", f"the machine stood still for {stood:.2f} s: made again"))
                report.outcome = AGAIN
            if not stood or report in failed:
                item.ihook.pytest_runtest_logreport(report=report)
        if not stood:
            break
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


def pytest_report_teststatus(report: pytest.TestReport) -> tuple[str, str, tuple[str, dict[str, bool]]] | None:
    return (AGAIN, "A", ("AGAIN", {"yellow": True})) if report.outcome == AGAIN else None


def pytest_terminal_summary(terminalreporter: Any) -> None:
    for report in terminalreporter.getreports(AGAIN):
        terminalreporter.section(f"made again: {report.nodeid}", "-")
        terminalreporter.line(report.longreprtext)
        terminalreporter.line(report.sections[-1][1])


def pytest_unconfigure(config: pytest.Config) -> None:
    if WATCH in config.stash:
        config.stash[WATCH].close()


@pytest.fixture(scope="session")
def workdir() -> Iterator[Path]:
    """A directory other users can pass through (daemons drop root; pytest's own is closed to them), with a
    path short enough for unix sockets."""
    path = Path(tempfile.mkdtemp(prefix="smtp-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="session")
def certs(workdir: Path) -> Certs:
    """The certificates of the session."""
    return Certs(workdir / "certs")


@pytest.fixture
def scripted() -> Iterator[Scripted]:
    """A function that starts a scripted server for this test.

    ``scripted(script, …)`` plays scripts; ``scripted(mail=b"450 …\\r\\n", …)`` plays a SmtpScript with those
    stages. ``host port path limit receive_buffer`` go to the server.  When the test ends, a client that broke
    the protocol fails it, unless ``strict=False``.
    """
    servers: list[tuple[ScriptedServer, bool]] = []

    def start(*scripts: Any, strict: bool = True, **options: Any) -> ScriptedServer:
        names = ("host", "port", "path", "limit", "receive_buffer")
        settings = {name: options.pop(name) for name in names if name in options}
        if not scripts:
            scripts = (SmtpScript(**options),)
        elif options:
            raise TypeError(f"stages beside whole scripts: {sorted(options)}")
        server = ScriptedServer(*scripts, **settings)
        servers.append((server, strict))
        return server

    yield start
    for server, _ in servers:
        server.stop()
    for server, strict in servers:
        if strict:
            server.check()


@pytest.fixture
def aio(workdir: Path, certs: Certs) -> Iterator[MailServer]:
    """aiosmtpd with STARTTLS, keeping mail in memory."""
    server = started(lambda base: MailServer(certs.context()), workdir)
    yield server
    server.stop()


@pytest.fixture(scope="session")
def postfix(workdir: Path, certs: Certs) -> Iterator[Postfix]:
    """Postfix with all its listeners, delivering to mailboxes; no AUTH."""
    server = started(lambda base: Postfix(base, certs), workdir)
    yield server
    server.stop()


@pytest.fixture(scope="session")
def submission(workdir: Path, certs: Certs) -> Iterator[Submission]:
    """Postfix and Dovecot together."""
    pair = started(lambda base: Submission(base, certs), workdir)
    yield pair
    pair.stop()


@pytest.fixture(scope="session")
def dovecot(submission: Submission) -> Dovecot:
    """The Dovecot of ``submission``."""
    return submission.dovecot


@pytest.fixture(scope="session")
def exim(workdir: Path, certs: Certs) -> Iterator[Exim]:
    """Exim with all its listeners."""
    server = started(lambda base: Exim(base, certs), workdir)
    yield server
    server.stop()


@pytest.fixture(scope="session")
def opensmtpd(workdir: Path, certs: Certs) -> Iterator[OpenSmtpd]:
    """OpenSMTPD, whose TLS does not work."""
    server = started(lambda base: OpenSmtpd(base, certs), workdir)
    yield server
    server.stop()


@pytest.fixture(scope="session")
def dnsworld(workdir: Path) -> Iterator[DnsWorld]:
    """Signed zones, resolvers and mail servers on the standard ports of a network namespace."""
    server = started(DnsWorld, workdir)
    yield server
    server.stop()


@pytest.fixture
def netns() -> Iterator[NetworkNamespace]:
    """A private network namespace with loopback."""
    with NetworkNamespace() as namespace:
        yield namespace
