#!/usr/bin/env python3
"""Build check_smtp_status.pyz: the plugin with nagiosplugin and dnspython in one file, to drop where plugins are.

``contrib/pyz.py FILE`` takes the two from the environment it runs in, with their licences (ZPL 2.1 and ISC, under
``licenses/`` in the archive).  It runs on the Python it was built with or a newer one.  Every module is in it as
source and compiled; the compiled ones serve the very version they were made by, any other reads the sources.
"""

from __future__ import annotations

import importlib.metadata
import os
import py_compile
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
INTERPRETER = "/usr/bin/env python3"
EPOCH = (1980, 1, 1, 0, 0, 0)
"""Time of every member, so that the same sources make the same file."""

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


def members() -> dict[str, bytes]:
    """Everything in the archive: place to content."""
    packages = [ROOT / "plugin" / "smtp_status"]
    content = {
        "__main__.py": (ROOT / "check_smtp_status.py").read_bytes(),
        "licenses/check_smtp_status-LICENSE": (ROOT / "LICENSE").read_bytes(),
    }
    for name, package in BUNDLED.items():
        distribution = importlib.metadata.distribution(name)
        packages.append(Path(str(distribution.locate_file(package))))
        content.update(licences(distribution))
    with tempfile.TemporaryDirectory() as scratch:
        compiled = os.path.join(scratch, "compiled")
        for package in packages:
            for name, path in modules(package):
                content[name] = path.read_bytes()
                # Not by time: the archive has no times. Not checked against the source: it lies beside it for good.
                mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
                py_compile.compile(str(path), compiled, dfile=name, doraise=True, invalidation_mode=mode)
                content[f"{name}c"] = Path(compiled).read_bytes()
    return content


def build(target: Path) -> None:
    """Write the archive, executable by everybody."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("wb") as file:
        file.write(f"#!{INTERPRETER}\n".encode())
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in members().items():
                archive.writestr(zipfile.ZipInfo(name, EPOCH), content, zipfile.ZIP_DEFLATED)
    target.chmod(0o755)


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        raise SystemExit(__doc__)
    build(Path(sys.argv[1]))
