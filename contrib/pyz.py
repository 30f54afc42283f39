#!/usr/bin/env python3
"""Build check_smtp_status.pyz: the plugin with nagiosplugin and dnspython in one file, to drop where plugins are.

``contrib/pyz.py FILE [PYTHON...]`` takes the two from the environment it runs in, with their licences (ZPL 2.1 and
ISC, under ``licenses/`` in the archive).  Every module is in it as source, for any Python from 3.9 on, and compiled,
which starts four times as fast: for the version that runs this program, and for that of each PYTHON named.
"""

from __future__ import annotations

import importlib.metadata
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
INTERPRETER = "/usr/bin/env python3"
EPOCH = (1980, 1, 1, 0, 0, 0)
"""Time of every member, so that the same sources make the same file."""

ANOTHER_PYTHON = """\
    for minor in range(29, 8, -1):
        path = "/usr/bin/python3.%d" % minor
        if path != sys.executable and os.access(path, os.X_OK):
            os.execv(path, [path] + sys.argv)
"""
"""What the archive does where it is started by a Python that is too old (that of Red Hat 8 is): it goes on with the
newest there is.  A checkout does not: the packages it needs belong to one Python."""

COMPILED = """\
sys.path.insert(0, os.path.join(HERE, "compiled-%d.%d" % sys.version_info[:2]))
"""
"""Where the archive looks first."""

COMPILE = """\
# Not by time: the archive has no times. Not checked against the source: it lies beside it for good.
import py_compile, sys
mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
for line in sys.stdin.read().splitlines():
    source, name, target = line.split("\\t")
    py_compile.compile(source, target, dfile=name, doraise=True, invalidation_mode=mode)
print("%d.%d" % sys.version_info[:2])
"""
"""A program for another Python; each line it reads is a source, its name in the archive and what to write."""

BUNDLED = {"nagiosplugin": "nagiosplugin", "dnspython": "dns"}
"""Distribution and package of what the plugin is built on."""


def modules(package: Path) -> Iterator[tuple[str, Path]]:
    """The modules of a package, each with its place in the archive; tests stay out."""
    for path in sorted(package.rglob("*.py")):
        name = path.relative_to(package.parent)
        if "tests" not in name.parts:
            # plugin/ because the launcher, which is the archive's __main__, looks there
            yield f"plugin/{name.as_posix()}", path


def licences(distribution: importlib.metadata.Distribution) -> dict[str, bytes]:
    """The licence files of a distribution: place in the archive to content."""
    name = distribution.metadata["Name"]
    found = [
        file for file in distribution.files or () if file.name.upper().startswith(("LICENSE", "LICENCE", "COPYING"))
    ]
    if not found:
        raise SystemExit(f"{name} {distribution.version} is there without its licence: install it with pip")
    return {f"licenses/{name}-{file.name}": Path(str(file.locate())).read_bytes() for file in found}


def launcher() -> bytes:
    """The archive's own way in: that of a checkout, and what only an archive can do."""
    text = (ROOT / "check_smtp_status.py").read_text("utf-8")
    for line, more in (
        ("if sys.version_info < (3, 9):\n", ANOTHER_PYTHON),
        ('sys.path.insert(0, os.path.join(HERE, "plugin"))\n', COMPILED),
    ):
        if text.count(line) != 1:
            raise SystemExit(f"check_smtp_status.py has changed: no line {line!r}")
        text = text.replace(line, line + more)
    return text.encode()


def compiled(python: str, packages: list[Path]) -> tuple[str, dict[str, bytes]]:
    """The modules compiled by ``python``: its version, and the place in the archive beside each source to content."""
    with tempfile.TemporaryDirectory() as scratch:
        names, lines = [], ""
        for package in packages:
            for name, path in modules(package):
                lines += f"{path}\t{name}\t{scratch}/{len(names)}\n"
                names.append(name)
        # What has no order is written in that of its hashes, by Pythons up to 3.10.
        environment = {**os.environ, "PYTHONHASHSEED": "0", "PYTHONPATH": ""}
        command = [python, "-S", "-c", COMPILE]
        done = subprocess.run(  # noqa: S603 - named by the user
            command, input=lines, stdout=subprocess.PIPE, text=True, check=True, cwd=scratch, env=environment
        )
        content = {f"{name}c": Path(scratch, str(number)).read_bytes() for number, name in enumerate(names)}
    return done.stdout.strip(), content


def members(pythons: list[str]) -> dict[str, bytes]:
    """Everything in the archive: place to content."""
    packages = [ROOT / "plugin" / "smtp_status"]
    content = {
        "__main__.py": launcher(),
        "licenses/check_smtp_status-LICENSE": (ROOT / "LICENSE").read_bytes(),
    }
    for name, package in BUNDLED.items():
        distribution = importlib.metadata.distribution(name)
        packages.append(Path(str(distribution.locate_file(package))))
        content.update(licences(distribution))
    for package in packages:
        content.update((name, path.read_bytes()) for name, path in modules(package))
    own, made = compiled(sys.executable, packages)
    content.update(made)
    for python in pythons:
        version, made = compiled(python, packages)
        if version != own:
            content.update((name.replace("plugin", f"compiled-{version}", 1), octets) for name, octets in made.items())
    return content


def build(target: Path, pythons: list[str], interpreter: str = INTERPRETER) -> None:
    """Write the archive, executable by everybody and run by ``interpreter``."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("wb") as file:
        file.write(f"#!{interpreter}\n".encode())
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in members(pythons).items():
                archive.writestr(zipfile.ZipInfo(name, EPOCH), content, zipfile.ZIP_DEFLATED)
    target.chmod(0o755)


if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1].startswith("-"):
        raise SystemExit(__doc__)
    build(Path(sys.argv[1]), sys.argv[2:])
