"""The order of the package: who may import whom, and that CONTRIBUTING tells it."""

from __future__ import annotations

import ast
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "plugin/smtp_status"
MOST_LINES = 400

MODULES = {path: path.relative_to(PACKAGE).with_suffix("").parts for path in sorted(PACKAGE.rglob("*.py"))}


def floors() -> dict[str, int]:
    """Each package, and each module that is in none, with its place in CONTRIBUTING's table: 0 is the top."""
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    table = text.partition("| package | holds | modules |\n")[2].partition("\n\n")[0]
    rows = [re.findall(r"`(\w+)/?`", row.split("|")[1]) for row in table.splitlines()[1:]]
    return {name: place for place, row in enumerate(rows) for name in row}


def told() -> dict[str, set[str]]:
    """The modules CONTRIBUTING's table names, by package; those in none by their own name."""
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    table = text.partition("| package | holds | modules |\n")[2].partition("\n\n")[0]
    rows = {}
    for row in table.splitlines()[1:]:
        packages = re.findall(r"`(\w+)/`", row.split("|")[1])
        if packages:
            rows[packages[0]] = set(re.findall(r"`(\w+)`", row.split("|")[3]))
    return rows


def imported(path: Path) -> Iterator[tuple[str, ...]]:
    """What of the package a module imports, for type hints too: the parts of its name behind the package's."""
    parts = MODULES[path]
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if not isinstance(node, ast.ImportFrom) or not node.level:
            continue
        base = (*parts[: len(parts) - node.level], *(node.module.split(".") if node.module else ()))
        for alias in node.names:
            is_module = (PACKAGE.joinpath(*base, alias.name).with_suffix(".py")).exists()
            yield (*base, alias.name) if is_module else base or ("__init__",)


def test_no_module_imports_by_the_name_of_the_package():
    """Only what begins with a dot is looked at."""
    absolute = {
        path.name: name
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        for name in (
            [node.module or ""]
            if isinstance(node, ast.ImportFrom) and not node.level
            else [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else []
        )
        if name.partition(".")[0] == PACKAGE.name
    }
    assert absolute == {}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: ".".join(MODULES[path]))
def test_imports_run_one_way(path):
    places = floors()
    own = MODULES[path][0]
    if MODULES[path] == ("__init__",):
        return
    upwards = [parts for parts in imported(path) if parts[0] != own and places.get(parts[0], 99) <= places[own]]
    assert upwards == [], "imports from its own row or from above"


def test_the_table_names_every_module():
    there: dict[str, set[str]] = {}
    for parts in MODULES.values():
        if len(parts) > 1 and parts[-1] != "__init__":
            there.setdefault(parts[0], set()).add(parts[-1])
    assert told() == there


def test_every_package_says_in_one_line_what_is_in_it():
    for path in PACKAGE.rglob("__init__.py"):
        assert ast.get_docstring(ast.parse(path.read_text("utf-8"))), path


@pytest.mark.parametrize("path", MODULES, ids=lambda path: ".".join(MODULES[path]))
def test_names_in_docstrings_are_there(path):
    package = ".".join(("smtp_status", *MODULES[path][:-1]))
    text = path.read_text("utf-8")
    for name in re.findall(r"``([a-z_]\w*(?:\.\w+)+)(?:\(\))?``", text):
        as_told = (f"{package}.{name}", f"smtp_status.{name}", name, f"builtins.{name}")
        assert name.endswith(".py") or any(map(is_there, as_told)), name
    for name in re.findall(r"[\w/]+\.py\b", text):
        assert any((where / name).exists() for where in (path.parent, PACKAGE)), name


def is_there(name: str) -> bool:
    """Whether there is a module of this name, or something of this name in one."""
    try:
        pkgutil.resolve_name(name)
    except (ImportError, AttributeError):
        return False
    return True


@pytest.mark.parametrize("path", MODULES, ids=lambda path: ".".join(MODULES[path]))
def test_no_module_is_too_long(path):
    assert len(path.read_text("utf-8").splitlines()) <= MOST_LINES


def test_no_name_of_a_class_stands_for_two():
    """Wherever they are: who reads one name in two modules takes it for one thing."""
    places: dict[str, list[str]] = {}
    for path, parts in MODULES.items():
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_") and parts != ("record",):
                places.setdefault(node.name, []).append(".".join(parts))
    assert {name: where for name, where in places.items() if len(where) > 1} == {}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: ".".join(MODULES[path]))
def test_what_a_linter_is_told_not_to_say_has_its_reason(path):
    """Behind it, or in a comment or docstring right above the statement."""
    lines = path.read_text("utf-8").splitlines()
    for number, line in enumerate(lines):
        found = re.search(r"# (?:noqa: [A-Z0-9]+(?:, [A-Z0-9]+)*|type: ignore\[[a-z-]+\])(.*)", line)
        if found is not None and not re.match(r" [-#] \S", found[1]):
            above = next((one.strip() for one in reversed(lines[:number]) if one.strip()), "")
            assert above.startswith("#"), f"{path.name}:{number + 1}"


TESTS = ROOT / "tests/unit"

AS_A_WHOLE = {
    "tests/with_servers/test_arrival_scripted.py": {
        *(("arrival", name) for name in ("collection", "fields", "folders", "imaplogin", "judgement", "mailbox")),
        *(("arrival", name) for name in ("seal", "session", "settlement", "stream")),
        *(("check", name) for name in ("arrivals", "collected")),
        ("options", "arrivalplan"),
    },
    "tests/resident/test_front.py": {
        *(("resident", name) for name in ("alone", "asking", "backend", "backends", "check")),
        *(("resident", name) for name in ("commandline", "connection", "daemon", "front")),
        *(("resident", name) for name in ("job", "link", "listener", "log", "lookups")),
        *(("resident", name) for name in ("notify", "poller", "pool", "spawn", "webserver")),
    },
    "tests/with_servers/test_domain_check.py": {("maildomain", "routes")},
    "tests/with_servers/test_several.py": {("check", "combined")},
    "tests/with_servers/test_tls.py": {("tls", "failures")},
    "tests/programs/test_json.py": {("check", "document")},
    "tests/with_servers/test_plugin.py": {("check", "check"), ("check", "resource")},
    "tests/unit/options/test_help.py": {("options", "descriptions")},
    "tests/unit/check/test_output.py": {("check", "shortening")},
    "tests/unit/smtp/test_message.py": {("smtp", "messagefile")},
    "tests/unit/tls/test_chain.py": {("tls", "anchor")},
    "tests/unit/maildomain/test_resolver.py": {("maildomain", "refusals")},
    "tests/unit/tls/test_certificate.py": {("tls", "publickey")},
}
"""Modules that are tested together, for what they do together; and where."""


def test_every_module_has_its_tests():
    """``tests/unit/PACKAGE/test_MODULE.py``; a module that is new has no other place."""
    elsewhere = set().union(*AS_A_WHOLE.values())
    there = {path.relative_to(TESTS).with_suffix("").parts for path in TESTS.rglob("test_*.py")}
    wanted = {(*parts[:-1], f"test_{parts[-1].strip('_')}"): parts for parts in MODULES.values()}
    lacking = {parts for test, parts in wanted.items() if test not in there and parts[-1] != "__init__"}
    assert lacking - elsewhere == set(), "without tests"
    assert [file for file in AS_A_WHOLE if not (ROOT / file).exists()] == []


def test_no_test_has_lost_its_module():
    modules = {(*parts[:-1], parts[-1].strip("_")) for parts in MODULES.values()}
    for path in TESTS.rglob("test_*.py"):
        parts = path.relative_to(TESTS).with_suffix("").parts
        own = (*parts[:-1], parts[-1].removeprefix("test_"))
        assert own in modules or own == ("layout",), path


def test_who_knows_nagiosplugin():
    """Below the check only the options do, for its Range."""
    knowing = {
        parts
        for path, parts in MODULES.items()
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if (isinstance(node, ast.Import) and node.names[0].name == "nagiosplugin")
        or (isinstance(node, ast.ImportFrom) and node.module == "nagiosplugin")
    }
    assert {parts for parts in knowing if parts[0] != "check"} == {
        ("options", name) for name in ("arrival", "build", "settings", "values")
    }
