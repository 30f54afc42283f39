"""The fault farm: every fault at every stage, through the whole plugin.

What must hold for each combination: exit code and first line say stage, code and cause; the deadline is kept; memory
stays small; QUIT is sent wherever the connection could still take it; and nothing is OK unless the server did its job.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pytest

import faults
import measure
from faults import EARLIER, EARLY, FAULTS, PASSWORD, RECIPIENT, SENDER, STAGES, TIMEOUT, TLS, USER, Expected, Rest
from plugin import Result, run
from servers.certs import Certs
from servers.scripted import Action, Auth, Close, ScriptedServer, Session, SmtpScript, StartTls

AT_ONCE = 4
PATIENCE = 10.0
"""Seconds of -t where nothing has to be waited for."""
GRACE = 0.5
MEMORY = 64 * 1024
"""KiB."""

REPLY_STAGES = (*STAGES, "mail" + TLS)
COMBINATIONS = [(stage, fault) for stage in REPLY_STAGES for fault in FAULTS]


class Run(NamedTuple):
    """One run of the plugin against one server: what it said, what it cost, what the server saw."""

    result: Result
    seconds: float
    kibibytes: int
    session: Session | None


class Farm:
    """Runs combinations, some at a time, while the tests ask for what came of each."""

    def __init__(self, directory: Path, certs: Certs) -> None:
        self.certs = certs
        self._directory = directory
        self._pool = ThreadPoolExecutor(AT_ONCE)
        self._runs: dict[str, Future[Run]] = {}

    def stop(self) -> None:
        self._pool.shutdown(cancel_futures=True)

    def plant(self, name: str, script: Action, *args: str, timeout: float = PATIENCE) -> None:
        self._runs[name] = self._pool.submit(self._run, name, script, args, timeout)

    def reap(self, name: str) -> Run:
        return self._runs[name].result()

    def _run(self, name: str, script: Action, args: tuple[str, ...], timeout: float) -> Run:
        report = self._directory / name.replace("/", "_")
        with ScriptedServer(script, limit=PATIENCE + 5) as server:
            result = run(
                *("-H", "127.0.0.1", "-p", str(server.port), "-F", "probe.test", "-t", str(timeout), "-vvv"),
                *("-f", SENDER, "--to", RECIPIENT, *args),
                wrap=[sys.executable, "-I", "-S", measure.__file__, str(report)],
            )
            server.wait()
            server.check()
        seconds, kibibytes = report.read_text().split()
        return Run(result, float(seconds), int(kibibytes), server.session)
