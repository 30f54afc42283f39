"""Mutation testing: do the tests notice when the code is changed?  ``make mutation``, or

    python tests/mutation.py [--processes N] [--directory D] [MODULE…]

Works on a copy in DIRECTORY, since mutmut knows a package below ``src`` only.  Prints the score of each module and
every mutant that survived, as a diff; the copy keeps what was found, and the next run tests only what has changed, and
what survived.
Constants of modules (the reply table, the default states) are nothing mutmut changes; test_replies and test_states
hold each of their cells against the contract.
"""

from __future__ import annotations

import argparse
import configparser
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

MODULES = ("wire", "replies", "dialogue", "states", "contexts", "text")
"""What decides on the verdict: the parser, the tables, the conversation, the cleaner."""

TESTS = (
    *("wire", "replies", "dialogue", "dialogue_tls", "states", "contexts", "text"),
    "mutants",
)
"""The tests that know these modules by name; those that run the plugin as a process cannot see a mutant."""

SURVIVED = ("survived", "no tests")


def prepare(directory: Path, modules: tuple[str, ...]) -> None:
    """Bring the copy up to date."""
    for source, copy in (("plugin/smtp_status", "src/smtp_status"), ("tests", "tests")):
        target = directory / copy
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(ROOT / source, target, ignore=shutil.ignore_patterns("__pycache__"))
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    config["tool:pytest"]["pythonpath"] = "src tests"
    config["mutmut"] = {
        "source_paths": "src",
        "only_mutate": _lines(f"src/smtp_status/{module}.py" for module in modules),
        "pytest_add_cli_args_test_selection": _lines(f"tests/test_{name}.py" for name in TESTS),
    }
    with open(directory / "setup.cfg", "w", encoding="utf-8") as file:
        config.write(file)


def _lines(words: object) -> str:
    return "\n" + "\n".join(words)  # type: ignore[call-overload]


def results(directory: Path) -> dict[str, str]:
    """What became of each mutant."""
    shown = _mutmut(directory, "results", "--all", "true").stdout
    pairs = (line.strip().rpartition(": ") for line in shown.splitlines() if ": " in line)
    return {name: what for name, _, what in pairs}


def survivors(directory: Path) -> set[str]:
    """The mutants no test has noticed so far."""
    if not (directory / "mutants").is_dir():
        return set()
    return {name for name, what in results(directory).items() if what in SURVIVED}


def _mutmut(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mutmut", *arguments]
    return subprocess.run(command, cwd=directory, stdout=subprocess.PIPE, text=True, check=False)


def main() -> int:
    parser = argparse.ArgumentParser(prog="mutation", description=__doc__)
    parser.add_argument("--processes", type=int, default=1, help="how many mutants at the same time")
    parser.add_argument("--directory", type=Path, default=ROOT / "build" / "mutation", help="where the copy is")
    parser.add_argument("modules", nargs="*", default=MODULES, help="(%(default)s)")
    given = parser.parse_args()
    before = survivors(given.directory)
    prepare(given.directory, tuple(given.modules))
    run = [sys.executable, "-m", "mutmut", "run", "--max-children", str(given.processes)]
    if subprocess.run(run, cwd=given.directory, check=False).returncode:
        return 1
    again = sorted(before & survivors(given.directory))
    if again and subprocess.run([*run, *again], cwd=given.directory, check=False).returncode:
        return 1
    found = results(given.directory)
    for name, what in sorted(found.items()):
        if what in SURVIVED:
            print(_mutmut(given.directory, "show", name).stdout)
    for module in given.modules:
        fates = Counter(what for name, what in found.items() if name.startswith(f"smtp_status.{module}."))
        total = sum(fates.values()) - fates["skipped"]
        alive = sum(fates[what] for what in SURVIVED)
        print(f"{module}: {total - alive} of {total} mutants noticed; {dict(fates)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
