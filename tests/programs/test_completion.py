"""Completion for bash: what it offers, and a bash with a terminal that is given the key."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import time
from pathlib import Path

import pytest

from helpers.plugin import ROOT
from smtp_status.options.table import OPTIONS
from smtp_status.sasl.mechanisms import STRENGTH

WORDS = [f"--{name}" for option in OPTIONS for name in option.names]


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("completion") / "check_smtp_status"
    path.write_bytes(subprocess.check_output([ROOT / "contrib/completion.py"]))
    return path


def offered(script: Path, line: str) -> list[str]:
    """What bash is given for the last word of ``line``."""
    program = 'source "$1"; COMP_LINE=$2 COMP_POINT=${#2}; _check_smtp_status; printf "%s\\n" "${COMPREPLY[@]}"'
    command = ["bash", "--norc", "-u", "-c", program, "bash", script, line]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stderr == ""
    return [word for word in done.stdout.splitlines() if word]


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("--", WORDS),
        ("--autht", ["--authtype"]),
        ("--auth", ["--authserv-id", "--authtype", "--authuser", "--authpass", "--authpass-file", "--auth-plaintext"]),
        ("--dane ", ["off", "try", "require"]),
        ("--dane=r", ["require"]),
        ("--require ", ["all", "any"]),
        ("-A SCRAM", [name for name in STRENGTH if name.startswith("SCRAM")]),
        ("-vS --quit-after m", ["mail", "message"]),
        ("--state rcp", ["rcpt:", "rcpt="]),
        ("--state rcpt:", ["rcpt:"]),
        ("--state tls:e", ["expired=", "error="]),
        ("--state tls:expired=w", ["warning"]),
        ("--state tls:expired=ok,quit=", ["ok", "warning", "critical", "unknown"]),
        ("--state=rcpt:4xx=ok,an", ["ok,any:", "ok,any="]),
        ("--stage-critical rcpt=1,data", ["1,data="]),
        ("-t 10:c", ["critical"]),
        ("--ca contri", ["contrib"]),
        ("--ca=contri", ["contrib"]),
        ("-H ", []),
        ("-p ", []),
        ("--quit-after nonsense", []),
    ],
)
def test_what_is_offered(script: Path, typed: str, words: list[str]) -> None:
    found = offered(script, f"check_smtp_status {typed}")
    if typed == "--state rcpt:":
        assert {"4xx=", "5xx=", "failure=", "timeout="} < set(found)
    else:
        assert sorted(found) == sorted(words)


def test_every_closed_list_of_the_table_is_offered(script: Path) -> None:
    for option in OPTIONS:
        if option.metavar.startswith("{"):
            closed = [word for word in option.metavar[1:-1].split(",") if not word.isupper()]
            assert offered(script, f"check_smtp_status --{option.name} ") == closed


def test_bash_with_a_terminal_fills_it_in(script: Path) -> None:
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvpe(
            "bash", ["bash", "--norc", "--noprofile", "-i"], {"PATH": "/usr/bin:/bin", "TERM": "dumb", "PS1": ""}
        )
    try:
        os.write(terminal, f"source {script}; check_smtp_status() {{ echo got: $* .; }}\n".encode())
        os.write(terminal, b"check_smtp_status --dan\treq\t--state rcpt:45x=w\t\n")
        seen, end = b"", time.monotonic() + 10
        while b"got: --dane require --state rcpt:45x=warning ." not in seen:
            assert time.monotonic() < end, seen
            if select.select([terminal], [], [], 0.2)[0]:
                seen += os.read(terminal, 4096)
    finally:
        os.close(terminal)
        os.waitpid(pid, 0)
