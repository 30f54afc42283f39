"""The benchmark runs: everything once, with no regard to the figures."""

from __future__ import annotations

import subprocess
import sys

from plugin import ROOT
from servers.requirements import need, need_root


def test_the_short_form_runs_all_comparisons() -> None:
    need_root("a packet capture")
    for program in ("check_smtp", "swaks", "postfix", "valgrind", "tcpdump"):
        need(program)
    results = ROOT / "bench/RESULTS.md"
    before = results.read_bytes() if results.exists() else None
    done = subprocess.run(
        [sys.executable, str(ROOT / "bench/run.py"), "--short"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    sections = [line for line in done.stdout.splitlines() if line.startswith("## ")]
    assert sections == ["## What a check costs", "## How the cost grows", "## How true the figures are"]
    rows = [line for line in done.stdout.splitlines() if line.startswith("| ") and "---" not in line]
    assert len(rows) == (1 + 9) + (1 + 2) + (1 + 2) + (1 + 2) + (1 + 1) + (1 + 6)
    assert (results.read_bytes() if results.exists() else None) == before
