"""Whole runs of the plugin as it is installed: how it is started, the least that such a plugin can cost, and the
instructions of one run."""

from __future__ import annotations

import compileall
import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from servers.requirements import need

ROOT = Path(__file__).resolve().parents[2]

FLOOR = "import nagiosplugin, argparse, socket"
"""What no plugin on nagiosplugin can do without."""

DOMAIN_FLOOR = "import nagiosplugin, dns.resolver"
"""What no plugin on nagiosplugin that asks name servers through dnspython can do without."""

RUN = "from smtp_status.__main__ import run; run()"


def install(site: Path) -> dict[str, str]:
    """Make ``site`` hold the package with its compiled files, as pip would leave it; the environment to run it in."""
    package = site / "smtp_status"
    shutil.copytree(ROOT / "plugin/smtp_status", package, ignore=shutil.ignore_patterns("__pycache__"))
    if not compileall.compile_dir(package, quiet=1):
        raise RuntimeError("the package does not compile")
    return {"PYTHONPATH": str(site), "PYTHONHASHSEED": "0"}


def instructions(words: Sequence[str], environment: Mapping[str, str]) -> int:
    """How many instructions one run takes; they repeat within 0.2 %.  A run that fails is a RuntimeError."""
    tool = (need("valgrind"), "--tool=cachegrind", "--cache-sim=no", f"--cachegrind-out-file={os.devnull}")
    done = subprocess.run([*tool, *words], env=dict(environment), capture_output=True, text=True, check=False)
    found = re.search(r"I\s+refs:\s+([\d,]+)", done.stderr)
    if done.returncode or not found:
        raise RuntimeError(f"exit status {done.returncode} of {' '.join(words)}: {done.stdout}{done.stderr}")
    return int(found[1].replace(",", ""))
