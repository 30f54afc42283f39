"""Servers whose replies are as long as may be: what they cost a check of many."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from helpers import measure
from helpers.plugin import run
from servers.scripted import ScriptedServer, SmtpScript
from smtp_status.smtp.replies import MAX_REPLY

SERVERS = 10
MOST_MEBIBYTES = 60


def long_reply(code: bytes, line: bytes) -> bytes:
    """Just below the cap."""
    count = (MAX_REPLY - 1000) // (len(line) + 6)
    return (code + b"-" + line + b"\r\n") * count + code + b" end\r\n"


@pytest.mark.parametrize("verbosity", ["-q", "-v", "-vv"])
@pytest.mark.parametrize("line", [b"x" * 1000, b"\xe4\xbd\xa0\xff" * 100], ids=["ASCII", "not all of it UTF-8"])
def test_ten_servers_with_seven_replies_of_a_mebibyte(line: bytes, verbosity: str, tmp_path: Path) -> None:
    okay = long_reply(b"250", line)
    script = SmtpScript(
        banner=long_reply(b"220", line),
        ehlo=okay,
        mail=okay,
        rcpt=okay,
        data=long_reply(b"354", line),
        message=okay,
        quit=long_reply(b"221", line),
    )
    report = tmp_path / "report"
    with ScriptedServer(script, host="0.0.0.0") as server:
        hosts = [word for number in range(1, SERVERS + 1) for word in ("-H", f"127.0.0.{number}")]
        result = run(
            *hosts,
            *("-p", str(server.port), "-f", "a@x.test", "--to", "b@x.test", "-t", "30", verbosity),
            wrap=[sys.executable, "-I", "-S", measure.__file__, str(report)],
        )
    assert result.first == "SMTP OK - 10 of 10 servers accept mail"
    _, kibibytes = report.read_text().split()
    assert int(kibibytes) < MOST_MEBIBYTES * 1024
