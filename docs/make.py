#!/usr/bin/env python3
"""Write the made parts of README.md and docs/ anew.

``docs/make.py`` makes the tables from the plugin's own data; ``docs/make.py --check`` writes nothing and exits with 1
when one is stale.  ``docs/make.py --outputs [PAGE...]`` also runs every command shown (on these pages: ``README.md``,
``docs/output.md``) and puts in what it says; it needs root and the servers of the tests
(``tests/helpers/documented.py``).
"""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "plugin"), str(ROOT / "tests")]

from smtp_status.check import states  # noqa: E402
from smtp_status.options import help  # noqa: E402 - from this checkout
from smtp_status.options.table import GROUPS, OPTIONS  # noqa: E402
from smtp_status.smtp.replies import TABLE  # noqa: E402

if TYPE_CHECKING:
    from helpers.documented import World

PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))

_PART = re.compile(r"(?P<begin><!-- made: (?P<name>[a-z ]+) -->\n).*?(?P<end><!-- end -->)", re.DOTALL)
_TYPED = re.compile(
    r"--quit-after rcpt|--dane require|--state [a-z:]+=ok|--stage-[a-z]+ arrive=\d+|uname -n|<>|\\[nt\\]"
    r"|(?<![\w-])--?[A-Za-z][\w-]*"
)
_CONSOLE = re.compile(r"(?P<begin>```console\n)(?P<body>.*?)(?P<end>```\n)", re.DOTALL)
_LINE = re.compile(r"(?P<begin><!-- line: (?P<name>[^>]+) -->\n```text\n)(?P<body>.*?)(?P<end>```\n)", re.DOTALL)


def options() -> str:
    """All options, one table for each group."""
    parts = []
    for group in GROUPS:
        rows = [(f"`{help.signature(option)}`", _words(option.help)) for option in OPTIONS if option.group == group]
        parts.append(_table((f"{group}", "meaning"), rows))
    return "\n".join(parts)


def short_states() -> str:
    """The states as ``--help`` tells them."""
    return _table(("what happened", "state"), [(_words(outcome), _words(state)) for outcome, state in help.STATE_TABLE])


def state_rules() -> str:
    """The default rules, as they stand in the code."""
    rows = []
    for stage, what, state in states.DEFAULTS:
        rule = f"`{stage}{f':{what}' if what else ''}`"
        rows.append((rule, "the STATE of `-t`" if state == states.BY_TIMEOUT else state.upper()))
    return _table(("rule", "state"), rows)


def stages() -> str:
    """The stages as ``--help`` tells them."""
    return _table(
        ("stage", "what happens", "there when"),
        [(f"`{name}`", _words(what), _words(when)) for name, what, when in help.STAGE_TABLE],
    )


def kinds() -> str:
    """The kinds of faults."""
    return _table(("kind", "what went wrong"), [(f"`{kind}`", _words(what)) for kind, what in help.KIND_TABLE])


def replies() -> str:
    """The reply table."""
    shown = {"connection": "greeting", "message": "final dot"}
    rows = [(shown.get(command, command), *columns) for command, columns in TABLE.items()]
    return _table(("reply to", "success", "failure", "error"), rows)


def usage() -> str:
    """The first line of ``--help``."""
    return f"```text\n{help.USAGE}\n```\n"


PARTS: dict[str, Callable[[], str]] = {
    "options": options,
    "states": short_states,
    "state rules": state_rules,
    "stages": stages,
    "kinds": kinds,
    "reply table": replies,
    "usage": usage,
}


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', '&#124;') for cell in line)} |\n" for line in lines)


def _words(text: str) -> str:
    """Help text as Markdown: what is typed in code marks."""
    return _TYPED.sub(r"`\g<0>`", text)


def made(text: str) -> str:
    """``text`` with its made parts as they should be."""
    return _PART.sub(lambda part: f"{part['begin']}\n{PARTS[part['name']]()}\n{part['end']}", text)


class Shown:
    """A command of a console block: ``command`` as bash takes it, ``written`` and ``output`` as they stand there."""

    def __init__(self, line: str) -> None:
        self.written = [line]
        self.command = line[2:]
        self.output: list[str] = []


def commands(body: str) -> list[Shown]:
    """The commands of a console block; what follows a backslash and begins with ``> `` continues one."""
    found: list[Shown] = []
    for line in body.splitlines():
        if line.startswith("$ "):
            found.append(Shown(line))
        elif line.startswith("> ") and not found[-1].output:
            found[-1].written.append(line)
            found[-1].command += f"\n{line[2:]}"
        else:
            found[-1].output.append(line)
    return found


def consoles(text: str) -> Iterator[str]:
    """The bodies of the console blocks."""
    return (block["body"] for block in _CONSOLE.finditer(text))


def lines(text: str) -> dict[str, str]:
    """The first lines shown, by their names."""
    return {block["name"]: block["body"] for block in _LINE.finditer(text)}


def run(world: World, block: list[Shown]) -> list[str]:
    """What the commands of one block say, run one after the other in one shell."""
    mark = "-- end of a command --"
    # The mark must not spoil $?.
    script = "\n".join(f"{shown.command}\ncode=$?; echo '{mark}'; (exit $code)" for shown in block)
    output, _code = world.run(script)
    return output.split(f"{mark}\n")[:-1]


def outputs(text: str, world: World) -> str:
    """``text`` with what the commands say now."""

    def console(block: re.Match[str]) -> str:
        shown = commands(block["body"])
        body = ""
        run(world, shown)  # once for nothing: what starts on the first connection is not the usual case
        for one, output in zip(shown, run(world, shown)):
            kept = "".join(f"{line.rstrip()}\n" for line in output.splitlines())
            body += "\n".join(one.written) + "\n" + kept
        return f"{block['begin']}{body}{block['end']}"

    def line(block: re.Match[str]) -> str:
        from helpers.first_lines import CASES, first_line  # noqa: PLC0415 - needs all that the tests need

        return f"{block['begin']}{first_line(world, CASES[block['name']])}\n{block['end']}"

    return _LINE.sub(line, _CONSOLE.sub(console, text))


def main(argv: list[str]) -> int:
    """Exit code of the command."""
    pages = {str(page.relative_to(ROOT)): page for page in PAGES}
    if argv not in ([], ["--check"]) and (argv[:1] != ["--outputs"] or not set(argv[1:]) <= set(pages)):
        print(__doc__)
        return 2
    fresh = {page: made(page.read_text("utf-8")) for page in PAGES}
    if argv[:1] == ["--outputs"]:
        wanted = [pages[name] for name in argv[1:]] or PAGES
        from helpers.documented import World  # noqa: PLC0415 - as above

        base = Path(tempfile.mkdtemp(prefix="smtp-"))
        base.chmod(0o755)
        try:
            with World(base) as world:
                fresh.update({page: outputs(fresh[page], world) for page in wanted})
        finally:
            shutil.rmtree(base, ignore_errors=True)
    stale = [page for page, text in fresh.items() if page.read_text("utf-8") != text]
    for page in stale:
        name = page.relative_to(ROOT)
        if argv == ["--check"]:
            print(f"{name} is stale, run docs/make.py")
        else:
            page.write_text(fresh[page], "utf-8")
            print(f"{name} written")
    return 1 if argv == ["--check"] and stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
