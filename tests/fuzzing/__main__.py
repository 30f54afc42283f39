"""Everything generated, for long: ``python -m fuzzing [--seconds S] [--directory D]``.

Half of the time goes to conversations on a clock of their own, a tenth to conversations over sockets, the rest to the
parsers under atheris.  What atheris found of interest stays in the directory for the next time.  Exits with 1 where
anything was found.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import subprocess
import sys
import time
from pathlib import Path

from .targets import TARGETS

LONGEST = 12_000
"""Octets of one input at most: beyond the cap of a reply line and of a text."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="fuzzing", description=__doc__)
    parser.add_argument("--seconds", type=float, default=600, help="how long in all (%(default)s)")
    parser.add_argument("--directory", type=Path, default=Path("build", "fuzz"), help="(%(default)s)")
    given = parser.parse_args()
    # Other conversations each time, and a number to hold them again by.
    first = time.time_ns() // 1_000_000 * 1_000
    conversations = ["-m", "conversations", f"--first={first}"]
    failed = [
        _run(*conversations, f"--seconds={given.seconds * 0.5}", f"--processes={os.cpu_count()}"),
        _run(*conversations, f"--seconds={given.seconds * 0.1}", "--sockets"),
    ]
    if importlib.util.find_spec("atheris") is None:
        print("atheris is not there for this Python or machine: the parsers are left out")
        return 1 if any(failed) else 0
    seconds = max(1, int(given.seconds * 0.4 / len(TARGETS)))
    for name in TARGETS:
        directory = given.directory / name
        directory.mkdir(parents=True, exist_ok=True)
        failed.append(
            _run(
                *("-m", "fuzzing.guided", name, str(directory / "corpus")),
                *(f"-max_total_time={seconds}", f"-max_len={LONGEST}", f"-artifact_prefix={directory}/"),
                *("-verbosity=0", "-print_final_stats=1", "-close_fd_mask=0"),
            )
        )
    return 1 if any(failed) else 0


def _run(*arguments: str) -> bool:
    """Run Python with the arguments and our path; whether it failed."""
    print("python", *arguments, flush=True)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    return subprocess.run([sys.executable, *arguments], env=environment, check=False).returncode != 0


if __name__ == "__main__":
    sys.exit(main())
