"""Every way to start the plugin, and what it says when something it needs is missing: one line, exit 3."""

from __future__ import annotations

import configparser
import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from helpers.plugin import LAUNCHER, ROOT
from servers.requirements import unmet
from smtp_status import __version__
from smtp_status.stopped import DEPENDENCIES

DEBIAN = "/usr/bin/python3"
VERSION = (3, f"check_smtp_status {__version__}\n", "")
DAMAGED = "SMTP UNKNOWN - the plugin is damaged or has a bug: "
HOST_FAILS = "SMTP UNKNOWN - this host fails the plugin: "
# Anything that makes the plugin load all of itself and yet reaches no server.
A_CHECK = ("-H", "/nonexistent/socket", "-t", "5")


def missing(package: str) -> str:
    how = f"apt-get install python3-{package} or pip install {package}"
    return f"SMTP UNKNOWN - {package} is missing: {how}, for {sys.executable}"


def start(
    *command: str | Path, cwd: Path | None = None, stdout: int = subprocess.PIPE, **env: str
) -> tuple[int, str, str]:
    """Run a command in an environment of PATH and ``env`` only; return exit code, stdout, stderr."""
    done = subprocess.run(
        command,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.PIPE,
        env={"PATH": "/usr/bin:/bin", **env},
        timeout=20,
        check=False,
    )
    return done.returncode, (done.stdout or b"").decode(), done.stderr.decode()


@pytest.fixture(params=["this Python", "Debian's Python"])
def python(request: pytest.FixtureRequest) -> str:
    """An interpreter with the runtime dependencies: the tests' own, and Debian's with its packages."""
    if request.param == "this Python":
        return sys.executable
    if start(DEBIAN, "-I", "-c", "import nagiosplugin, dns")[0] != 0:
        unmet(f"{DEBIAN} lacks them: apt-get install python3 python3-nagiosplugin python3-dnspython")
    return DEBIAN


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A checkout to damage."""
    package = "plugin/smtp_status"
    shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy2(LAUNCHER, tmp_path)
    return tmp_path


def from_checkout(_: Path) -> Sequence[str | Path]:
    return [LAUNCHER]


def isolated(_: Path) -> Sequence[str | Path]:
    return ["-I", LAUNCHER]


def through_symlinks(elsewhere: Path) -> Sequence[str | Path]:
    """As in a directory of plugins: an absolute link to a relative one, neither named like the file."""
    (elsewhere / "near.py").symlink_to(os.path.relpath(LAUNCHER, elsewhere.resolve()))
    (elsewhere / "check_mail").symlink_to(elsewhere / "near.py")
    return ["-I", elsewhere / "check_mail"]


@pytest.mark.parametrize("way", [from_checkout, isolated, through_symlinks])
def test_the_launcher_starts_the_plugin(
    way: Callable[[Path], Sequence[str | Path]], python: str, tmp_path: Path
) -> None:
    assert start(python, *way(tmp_path), "-V", cwd=tmp_path) == VERSION


def test_the_launcher_is_a_command_by_itself(tmp_path: Path) -> None:
    path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    assert start(LAUNCHER, "-V", cwd=tmp_path, PATH=path) == VERSION


def test_the_launcher_starts_the_package_beside_it_and_no_other(
    copy: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    (copy / "plugin/smtp_status/cli.py").write_text("def main():\n    print(__file__, flush=True)\n    return 2\n")
    link = tmp_path_factory.mktemp("plugins") / "check_mail"
    link.symlink_to(copy / LAUNCHER.name)
    other = str(ROOT / "plugin")
    expected = (2, f"{copy.resolve()}/plugin/smtp_status/cli.py\n", "")
    assert start(sys.executable, link, cwd=ROOT / "plugin", PYTHONPATH=other) == expected


def test_the_package_is_a_command_of_python(python: str, tmp_path: Path) -> None:
    assert start(python, "-m", "smtp_status", "-V", cwd=tmp_path, PYTHONPATH=str(ROOT / "plugin")) == VERSION


@pytest.mark.parametrize(
    "way", [(str(LAUNCHER),), ("-c", "import smtp_status.__main__ as m; raise SystemExit(m.run())")]
)
def test_without_nagiosplugin_it_says_how_to_get_it(way: Sequence[str], tmp_path: Path) -> None:
    # -S leaves out site-packages, where nagiosplugin lives
    code, out, err = start(sys.executable, "-S", *way, *A_CHECK, cwd=tmp_path, PYTHONPATH=str(ROOT / "plugin"))
    assert (code, out, err) == (3, missing("nagiosplugin")[:160] + "\n", "")


@pytest.mark.parametrize(
    ("cli", "line"),
    [
        ("import dns.resolver", missing("dnspython")),
        ("import smtp_status.lost", DAMAGED + "ModuleNotFoundError: No module named 'smtp_status.lost'"),
        ("def main(:", DAMAGED + "SyntaxError: invalid syntax (cli.py, line 1)"),
        ("raise ValueError('<a | b>\\r\\n\\x1bé')", DAMAGED + "ValueError: (a / b) ??"),
        ("raise KeyboardInterrupt", "SMTP UNKNOWN - interrupted"),
        ("def main():\n    raise KeyboardInterrupt", "SMTP UNKNOWN - interrupted"),
        ("def main():\n    raise OSError('x' * 200)", DAMAGED + "OSError: " + "x" * 200),
        ("def main():\n    raise OSError(24, 'Too many open files')", HOST_FAILS + "too many open files"),
        ("def main():\n    raise MemoryError", "SMTP UNKNOWN - this host has no memory left for the plugin"),
    ],
)
def test_a_damaged_package_is_one_line(cli: str, line: str, copy: Path) -> None:
    (copy / "plugin/smtp_status/cli.py").write_text(cli + "\n")
    code, out, err = start(sys.executable, "-S", copy / LAUNCHER.name)
    assert (code, out, err) == (3, line[:160] + "\n", "")


class Older(NamedTuple):
    """A dependency as it was: its version, and what (a pattern) the file ``spoilt`` of its package had not."""

    module: str
    version: str
    spoilt: str
    lacks: str


OLDER = {
    # of Ubuntu 22.04
    "dnspython": Older("dns", "2.1.0", "message.py", r"(?m)^    id: .* = None,\n"),
    "nagiosplugin": Older("nagiosplugin", "1.0.0", "__init__.py", r"(?m)^from \.range import Range .*$"),
}


@pytest.mark.parametrize("package", OLDER)
def test_a_dependency_that_is_too_old_is_one_line(package: str, tmp_path: Path) -> None:
    old = OLDER[package]
    found = importlib.metadata.distribution(package)
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(str(found.locate_file(old.module)), tmp_path / old.module, ignore=ignore)
    spoilt = tmp_path / old.module / old.spoilt
    text, count = re.subn(old.lacks, "", spoilt.read_text())
    assert count == 1
    spoilt.write_text(text)
    about = tmp_path / f"{package}-{old.version}.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: {old.version}\n")

    command = (sys.executable, LAUNCHER, "-d", "example.org", "-t", "2", "--nameserver", "127.0.0.1:1")
    wanted = dict(DEPENDENCIES.values())[package]
    line = (
        f"SMTP UNKNOWN - {package} {old.version} is too old, {wanted} or newer is wanted:"
        f" pip install -U {package} for {sys.executable}, or the single file"
    )
    assert start(*command, PYTHONPATH=str(tmp_path)) == (3, line[:160] + "\n", "")
    # where the version is good the fault is another one
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: {wanted}\n")
    code, out, _ = start(*command, PYTHONPATH=str(tmp_path))
    assert (code, out.startswith(DAMAGED)) == (3, True)


def test_the_versions_wanted_are_those_of_the_metadata() -> None:
    settings = configparser.ConfigParser()
    settings.read(ROOT / "setup.cfg")
    required = settings["options"]["install_requires"].split()
    assert required == [f"{package}>={version}" for package, version in DEPENDENCIES.values()]


def test_a_launcher_without_its_package_says_where_it_looked(copy: Path) -> None:
    (copy / "plugin/smtp_status/__main__.py").unlink()
    line = f"SMTP UNKNOWN - the directory plugin/smtp_status is missing or damaged in {copy.resolve()}"
    assert start(sys.executable, "-I", "-S", copy / LAUNCHER.name) == (3, line[:160] + "\n", "")


@pytest.mark.parametrize("part", ["__main__.py", "cli.py"])
def test_a_full_output_leaves_the_exit_code(part: str, copy: Path) -> None:
    (copy / "plugin/smtp_status" / part).unlink()
    with open("/dev/full", "wb") as full:
        assert start(sys.executable, "-S", copy / LAUNCHER.name, stdout=full.fileno()) == (3, "", "")


@pytest.mark.parametrize("part", ["__main__.py", "cli.py"])
def test_a_closed_output_leaves_the_exit_code(part: str, copy: Path) -> None:
    (copy / "plugin/smtp_status" / part).unlink()
    closed = ["sh", "-c", 'exec "$@" >&-', "sh"]
    assert start(*closed, sys.executable, "-S", copy / LAUNCHER.name) == (3, "", "")


def test_a_python_that_is_too_old_is_told_so_by_its_version() -> None:
    pretend = f"import runpy, sys; sys.version_info = (3, 8, 18, 'final', 0); runpy.run_path({str(LAUNCHER)!r})"
    line = "SMTP UNKNOWN - check_smtp_status needs Python 3.9 or newer, this is 3.8.18\n"
    assert start(sys.executable, "-I", "-c", pretend) == (3, line, "")


def old_pythons() -> list[Path]:
    """Interpreters older than 3.9 on this machine, on PATH or from pyenv."""
    names = ["2.7", *(f"3.{minor}" for minor in range(4, 9))]
    places = [Path(found) for name in names if (found := shutil.which(f"python{name}"))]
    for name in names:
        places += Path.home().glob(f".pyenv/versions/{name}.*/bin/python{name}")
    return [place for place in places if start(place, "-c", "")[0] == 0]


def test_each_old_python_of_this_machine_is_told_so() -> None:
    pythons = old_pythons()
    if not pythons:
        pytest.skip("no Python older than 3.9 on this machine")
    for old in pythons:
        version = start(old, "-c", "import sys; sys.stdout.write('%d.%d.%d' % sys.version_info[:3])")[1]
        line = f"SMTP UNKNOWN - check_smtp_status needs Python 3.9 or newer, this is {version}\n"
        assert start(old, LAUNCHER, "-V") == (3, line, "")
