"""A test that fails while the machine stands still is made again, every other failure is one."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

from helpers.standstill import LEAST, Watch

ROOT = Path(__file__).resolve().parents[2]

TESTS = """
import os, signal, time
from conftest import WATCH

made = []

def test_late(request):
    made.append(1)
    if len(made) == 1:
        pid = request.config.stash[WATCH].pid
        os.kill(pid, signal.SIGSTOP)
        time.sleep(0.3)
        os.kill(pid, signal.SIGCONT)
        assert not "late"

def test_wrong():
    made.append(2)
    assert not "wrong"

def test_made():
    assert made == [1, 1, 2]
"""


def test_a_standstill_is_noted():
    watch = Watch()
    os.kill(watch.pid, signal.SIGSTOP)
    time.sleep(3 * LEAST)
    os.kill(watch.pid, signal.SIGCONT)
    assert watch.longest() >= 2 * LEAST
    watch.close()


def test_what_fails_in_one_is_made_again(tmp_path: Path):
    (tmp_path / "test_them.py").write_text(TESTS)
    environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'tests'}:{ROOT / 'plugin'}"}
    words = [sys.executable, "-m", "pytest", "-p", "conftest", "-p", "no:cacheprovider", "-c", str(ROOT / "setup.cfg")]
    run = subprocess.run(
        [*words, str(tmp_path)], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert run.returncode == 1
    assert re.search(r"made again: \S*test_late -", run.stdout)
    assert re.search(r"^the machine stood still for 0\.[2-9]\d s: made again$", run.stdout, re.MULTILINE)
    assert re.search(r"^FAILED \S*test_wrong", run.stdout, re.MULTILINE)
    assert re.search(r"\b1 failed, 2 passed, 1 again in ", run.stdout)
