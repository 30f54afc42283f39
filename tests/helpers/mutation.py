"""Mutation testing: do the tests notice when the code is changed?  ``make mutation``, or

    python tests/helpers/mutation.py [--processes N] [--directory D] [MODULE…]

Works on a copy in DIRECTORY, since mutmut knows a package below ``src`` only.  Prints every mutant that survived and
that EXPLAINED does not explain, as a diff, and the score of each module.  The copy keeps what was found: the next run
tests only what has changed, and what survived.
Constants of modules (the reply table, the default states) are nothing mutmut changes; test_replies and test_states
hold each of their cells against tables of their own.
"""

from __future__ import annotations

import argparse
import configparser
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

MODULES = (
    *("smtp/replies", "smtp/dialogue", "smtp/session", "smtp/opening", "smtp/starttls"),
    *("smtp/authentication", "smtp/transaction", "smtp/raw", "smtp/farewell", "smtp/observations"),
    *("check/states", "check/contexts", "text", "net/clock", "net/selector"),
)
"""What decides on the verdict: the parser, the tables, the conversation, the cleaner; and what times and waits."""

MORE_TESTS = ("tests/unit/smtp/test_hints.py", "tests/unit/smtp/test_transcript.py")
"""Those that hold conversations beside the tests of the modules themselves; tests that run the plugin as a process
cannot see a mutant."""

SURVIVED = ("survived", "no tests")

EXPLAINED = (
    # what the changed line holds (a regular expression); why no test can, or need, notice it
    (r"[(,] ?[\"'](ASCII|UTF-8)[\"']", "the same codec"),
    (r"float\(\"-?INF\"\)|_SET / 2", "the same number"),
    (r"[._](secured|may_command|challenged|mail_begun|message_accepted) = None", "as false as False"),
    (r"judged ?= ?None|held = None", "as false as what was there"),
    (r"encode\(\"utf-8\", (\)|\"XXsurr|\"SURR)", "what is not UTF-8 is refused with the command line"),
    (r"[._]message_accepted = True", "MAIL, without which nobody asks, makes it false"),
    (
        r"[._]extensions(: dict\[str, str\])? = None",
        "overwritten by the hello that follows, or the conversation is over",
    ),
    (r"text\.rfind\(|match = re\.match\(_NUMBER", "a number that does not reach the position is none"),
    (r"code <= 0x100:|code < 257:|code <= 0x10000 |code < 65537 ", "those characters are printable and not escaped"),
    (r"_begin\(line\[:5\]\)\[0\]", "the code is in the first three octets"),
    (r"return (0|code), True, f?\"", "a line with a fault is the reply's last"),
    (r"_codes\[code\] = \"\"", "a dict in place of an ordered set"),
    (r"b\"XX(2345|012345)XX\"", "no digit is an X"),
    (r"_lost\(None, result\)", "RSET, QUIT and * are no message"),
    (r"replies\.judge\((None|\"XXQUITXX\"|\"quit\"), result", "it is a 421, a failure for any command"),
    (r"commands\[number : number \+ 2\]", "only the first of them is looked at"),
    (r"head_lines\(MESSAGE_LINES_SHOWN", "more lines are read than shown"),
    (r"if response in \(b\"XXXX\"|else b\"XXXX\"", "nothing becomes no secret, or a secret nobody has"),
    (r"assert .* or session\.link", "an assertion"),
    (
        r"credentials\.mechanism if \(|link: .* = \"\"|link is not None(\) or True)?|hint if ",
        "the other case does not occur here",
    ),
    (r"\"(XXcriticalXX|CRITICAL)\"", "the last of the default states fits whatever the others do not"),
    (r"if finding\.codes else \"XXXX\"", "no pattern has four places"),
    (r"rstrip\(\"XX", "no number ends with an X"),
    (r"_epoll = (None|.*and False|.*\(None, |.*\"XXepoll|.*\"EPOLL)", "poll does the same, slower for a thousand"),
    (r"else 1001", "a thousandth more"),
)
"""The mutants that may survive."""


def prepare(directory: Path, modules: tuple[str, ...]) -> None:
    """Bring the copy up to date."""
    for source, copy in (("plugin/smtp_status", "src/smtp_status"), ("tests", "tests")):
        target = directory / copy
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(ROOT / source, target, ignore=shutil.ignore_patterns("__pycache__"))
    for module in modules:
        path = directory / "src/smtp_status" / f"{module}.py"
        # mutmut passes over what is decorated.
        path.write_text(re.sub(r"(?m)^@lru_cache.*\n", "", path.read_text("utf-8")), "utf-8")
    # Which tests meet which function: mutmut asks only once, and would take a module added since for untested.
    (directory / "mutants" / "mutmut-stats.json").unlink(missing_ok=True)
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    config["tool:pytest"]["pythonpath"] = "src tests"
    config["mutmut"] = {
        "source_paths": "src",
        "only_mutate": _lines(f"src/smtp_status/{module}.py" for module in modules),
        "pytest_add_cli_args_test_selection": _lines((*map(_test_of, MODULES), *MORE_TESTS)),
    }
    with open(directory / "setup.cfg", "w", encoding="utf-8") as file:
        config.write(file)


def _test_of(module: str) -> str:
    package, _, name = f"/{module}".rpartition("/")
    return f"tests/unit{package}/test_{name}.py"


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


def explanation(shown: str) -> str:
    """Why the mutant in this diff may survive, '' where nobody knows."""
    changed = [line[1:] for line in shown.splitlines() if line.startswith("+") and not line.startswith("+++")]
    for pattern, reason in EXPLAINED:
        if any(re.search(pattern, line) for line in changed):
            return reason
    return ""


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
    explained: Counter[str] = Counter()
    for name, what in sorted(found.items()):
        if what in SURVIVED:
            shown = _mutmut(given.directory, "show", name).stdout
            reason = explanation(shown)
            explained[reason] += 1
            if not reason:
                print(shown)
    for module in given.modules:
        fates = Counter(
            what for name, what in found.items() if name.startswith(f"smtp_status.{module.replace('/', '.')}.")
        )
        total = sum(fates.values()) - fates["skipped"]
        alive = sum(fates[what] for what in SURVIVED)
        print(f"{module}: {total - alive} of {total} mutants noticed; {dict(fates)}")
    for reason, count in sorted(explained.items()):
        print(f"{count} survived: {reason or 'not explained, see above'}")
    return 1 if explained[""] else 0


if __name__ == "__main__":
    sys.exit(main())
