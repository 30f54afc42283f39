"""The RPM package: what it says, what it holds, and that it runs where it is installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from helpers.elsewhere import Elsewhere, check_as_nobody, sh
from helpers.plugin import ROOT
from servers.requirements import need
from smtp_status import __version__

RPM = ("rpm", "--dbpath", "/var/lib/rpm")
"""Debian's rpm keeps its data base in the home directory, which is not apart on the machine to install on."""

PLUGIN = "/usr/lib64/nagios/plugins/check_smtp_status"
COMPLETION = "/usr/share/bash-completion/completions/check_smtp_status"
ICINGA = "/usr/share/icinga2/include/smtp_status"
MAN = "/usr/share/man/man1/check_smtp_status.1.gz"


@pytest.fixture(scope="module")
def place(workdir: Path) -> Path:
    """A directory everybody may enter."""
    path = workdir / "rpm"
    path.mkdir()
    return path


@pytest.fixture(scope="module")
def rpm(place: Path) -> Path:
    need("rpmbuild")
    return Path(sh(sys.executable, ROOT / "contrib/rpm.py", place / "built").strip())


@pytest.fixture(scope="module")
def elsewhere(rpm: Path, place: Path) -> Iterator[Elsewhere]:
    """A machine on which the package is installed, with Debian's Python in the place of Red Hat's."""
    machine = Elsewhere(place / "elsewhere")
    machine.sh(*RPM, "--install", "--nodeps", "--force-debian", rpm)
    yield machine
    machine.leave()


def ask(rpm: Path, *words: str) -> str:
    return sh("rpm", "--dbpath", rpm.parent / "db", "--query", *words, "--package", rpm)


def query(rpm: Path, form: str) -> str:
    return ask(rpm, "--queryformat", form)


def test_what_it_says(rpm: Path) -> None:
    assert rpm.name == f"check-smtp-status-{__version__}-1.noarch.rpm"
    assert query(rpm, "%{NAME} %{VERSION} %{ARCH} %{LICENSE}") == (
        f"check-smtp-status {__version__} noarch MIT AND ZPL-2.1 AND ISC"
    )
    assert query(rpm, "%{BUILDHOST}") == "localhost"
    required = ask(rpm, "--requires").splitlines()
    assert [line for line in required if not line.startswith("rpmlib(")] == ["python(abi) >= 3.9"]
    assert ask(rpm, "--scripts") == ""


def test_what_it_holds(rpm: Path) -> None:
    listed = query(rpm, "[%{FILENAMES} %{FILEMODES:perms} %{FILEUSERNAME}:%{FILEGROUPNAME}\n]").splitlines()
    files = {name: (mode, owner) for name, mode, owner in map(str.split, listed)}
    assert {owner for _mode, owner in files.values()} == {"root:root"}
    assert [name for name, (mode, _) in files.items() if mode == "-rwxr-xr-x"] == [PLUGIN]
    assert {mode for mode, _ in files.values()} == {"-rwxr-xr-x", "-rw-r--r--", "drwxr-xr-x"}
    licences = "/usr/share/licenses/check-smtp-status"
    assert {name for name in files if not name.startswith("/usr/share/doc/check-smtp-status")} == {
        *(PLUGIN, COMPLETION, ICINGA, MAN, licences, f"{licences}/LICENSE")
    }
    for page in (ROOT / "docs").glob("*.md"):
        assert f"/usr/share/doc/check-smtp-status/docs/{page.name}" in files


def test_it_runs_with_nothing_but_python(elsewhere: Elsewhere, scripted: Any) -> None:
    assert elsewhere.sh("head", "-c", "18", PLUGIN) == "#!/usr/bin/python3"
    check_as_nobody(scripted, PLUGIN, wrap=elsewhere.enter)
    check_as_nobody(scripted, "/usr/bin/python3", "-I", "-S", PLUGIN, wrap=elsewhere.enter)
    assert elsewhere.sh(*RPM, "--verify", "--nodeps", "check-smtp-status") == ""


def test_removed_it_leaves_nothing(rpm: Path, place: Path) -> None:
    machine = Elsewhere(place / "removed")
    try:
        machine.sh(*RPM, "--install", "--nodeps", "--force-debian", rpm)
        subprocess.run([*machine.enter, PLUGIN, "-V"], stdout=subprocess.DEVNULL, check=False)
        machine.sh(*RPM, "--erase", "check-smtp-status")
        assert machine.sh("find", "/etc", "/usr", "-xdev", "-path", "*smtp*status*", "-newer", rpm) == ""
        assert machine.sh("find", "/usr/lib64/nagios", "-type", "f") == ""
    finally:
        machine.leave()


def test_a_python_that_is_too_old_goes_on_with_a_newer_one(elsewhere: Elsewhere) -> None:
    """What Red Hat 8 has: python3 is 3.6, and python3.11 stands beside it."""
    pretend = (
        "import runpy, sys; sys.version_info = (3, 6, 8, 'final', 0); sys.executable = '/usr/bin/python3.6';"
        f"sys.argv = [{PLUGIN!r}, '-V']; runpy.run_path({PLUGIN!r}, run_name='__main__')"
    )
    command = [*elsewhere.enter, "/usr/bin/python3", "-I", "-S", "-c", pretend]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (3, f"check_smtp_status {__version__}\n", "")


def test_without_a_newer_one_it_says_so(elsewhere: Elsewhere) -> None:
    pretend = (
        "import os, runpy, sys; sys.version_info = (3, 6, 8, 'final', 0); os.access = lambda path, mode: False;"
        f"sys.argv = [{PLUGIN!r}, '-V']; runpy.run_path({PLUGIN!r}, run_name='__main__')"
    )
    command = [*elsewhere.enter, "/usr/bin/python3", "-I", "-S", "-c", pretend]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    line = "SMTP UNKNOWN - check_smtp_status needs Python 3.9 or newer, this is 3.6.8\n"
    assert (done.returncode, done.stdout, done.stderr) == (3, line, "")


def test_without_rpmbuild_it_says_what_is_missing(tmp_path: Path) -> None:
    command = [sys.executable, ROOT / "contrib/rpm.py", tmp_path]
    done = subprocess.run(command, capture_output=True, text=True, env={"PATH": "/nonexistent"}, check=False)
    assert (done.returncode, done.stderr) == (
        *(1, "rpmbuild is missing: dnf install rpm-build, or apt-get install rpm\n"),
    )


def other_pythons() -> list[str]:
    """Interpreters of another version from 3.9 on, on PATH."""
    names = [f"python3.{minor}" for minor in range(9, 15) if minor != sys.version_info[1]]
    found = [shutil.which(name) for name in names]
    return [path for path in found if path and subprocess.run([path, "-c", ""], check=False).returncode == 0]


def test_the_file_holds_compiled_code_for_the_pythons_named(tmp_path: Path) -> None:
    """Without others on this machine: for itself under another name, which is left out."""
    file = tmp_path / "check_smtp_status.pyz"
    others = other_pythons()
    sh(sys.executable, ROOT / "contrib/pyz.py", file, *others, sys.executable)
    with zipfile.ZipFile(file) as archive:
        names = archive.namelist()
    assert len(names) == len(set(names))
    sources = [name for name in names if name.endswith(".py") and name != "__main__.py"]
    homes = {name.split("/")[0] for name in names if name.startswith("compiled-")}
    assert homes == {f"compiled-{Path(other).name.removeprefix('python')}" for other in others}
    for home in (*homes, "plugin"):
        assert {f"{source}c".replace("plugin", home, 1) for source in sources} <= set(names)
    for python in (*others, sys.executable):
        done = subprocess.run([python, "-I", "-S", "-v", file, "-V"], capture_output=True, text=True, check=False)
        assert done.stdout == f"check_smtp_status {__version__}\n"
        ours = [line for line in done.stderr.splitlines() if "smtp_status" in line and "code object from" in line]
        assert [line for line in ours if not line.rstrip("'\"").endswith("c")] == [], os.path.basename(python)
