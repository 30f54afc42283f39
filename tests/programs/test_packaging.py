"""What is packed, what the metadata promise, and that sdist and wheel both install and run."""

from __future__ import annotations

import configparser
import email
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from email.message import Message
from pathlib import Path
from typing import NamedTuple

import pytest

import smtp_status
from helpers.plugin import ROOT

VERSION = smtp_status.__version__
SDIST = f"check_smtp_status-{VERSION}"
DIST_INFO = f"{SDIST}.dist-info"
FILES = (
    *("LICENSE", "MANIFEST.in", "Makefile", "README.md", "CHANGELOG.md", "CONTRIBUTING.md"),
    *("RELEASE.md", "SECURITY.md", "setup.py"),
    *("check_smtp_status.py", "pyproject.toml", "ruff.toml", "setup.cfg"),
)
DIRECTORIES = tuple(
    name
    for name in ("bench", "client", "contrib", "demo", "docs", "plugin/smtp_status", "tests")
    if (ROOT / name).is_dir()
)
LITTER = ("__pycache__", "*.pyc", "*.egg-info")


class Packed(NamedTuple):
    """The two distributions, built once from a copy, for building leaves files behind."""

    sdist: Path
    wheel: Path


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Packed:
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("dist")
    for name in FILES:
        shutil.copy2(ROOT / name, source / name)
    for name in DIRECTORIES:
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns(*LITTER))
    # the wheel is built from the sdist, so the sdist is known to hold all that building needs
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", out, source]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    sdist, wheel = sorted(out.iterdir(), key=lambda path: path.suffix)
    return Packed(sdist, wheel)


def under(directory: str) -> set[str]:
    """The files of a directory of the checkout, without what running it left there."""
    found = (path for path in (ROOT / directory).rglob("*") if path.is_file())
    kept = (path for path in found if path.suffix != ".pyc" and "__pycache__" not in path.parts)
    return {str(path.relative_to(ROOT)) for path in kept}


def metadata(packed: Packed) -> Message:
    with zipfile.ZipFile(packed.wheel) as wheel:
        return email.message_from_bytes(wheel.read(f"{DIST_INFO}/METADATA"))


def test_names(packed: Packed) -> None:
    assert packed.sdist.name == f"{SDIST}.tar.gz"
    assert packed.wheel.name == f"{SDIST}-py3-none-any.whl"


def test_the_wheel_holds_the_package_and_nothing_else(packed: Packed) -> None:
    with zipfile.ZipFile(packed.wheel) as wheel:
        names = set(wheel.namelist())
    about = {name for name in names if name.startswith(DIST_INFO)}
    modules = {name[len("plugin/") :] for name in under("plugin/smtp_status")}
    assert names - about == modules
    assert {name.rsplit("/", 1)[1] for name in about} == {
        *("METADATA", "WHEEL", "RECORD", "LICENSE", "entry_points.txt", "top_level.txt")
    }


def test_the_sdist_holds_all_that_working_on_it_takes(packed: Packed) -> None:
    with tarfile.open(packed.sdist) as sdist:
        names = {member.name[len(SDIST) + 1 :] for member in sdist.getmembers() if member.isfile()}
    made = {name for name in names if name.startswith("plugin/check_smtp_status.egg-info/")} | {"PKG-INFO"}
    assert names - made == set(FILES).union(*map(under, DIRECTORIES))


def test_the_launcher_can_be_run_from_the_sdist(packed: Packed) -> None:
    with tarfile.open(packed.sdist) as sdist:
        assert sdist.getmember(f"{SDIST}/check_smtp_status.py").mode & 0o111 == 0o111


def test_metadata(packed: Packed) -> None:
    about = metadata(packed)
    assert about["Name"] == "check-smtp-status"
    assert about["Version"] == VERSION
    assert about["License"] == "MIT"
    assert about["Requires-Python"] == ">=3.9"
    assert about["Description-Content-Type"] == "text/markdown"
    description = about.get_payload(decode=True)  # the README has characters outside ASCII
    assert isinstance(description, bytes)
    address = about["Home-page"]
    readme = (ROOT / "README.md").read_text("utf-8")
    assert readme.count("](docs/install.md)") == 2
    # its links lead somewhere from a registry too
    written = description.decode("utf-8")
    assert f"]({address}/blob/main/docs/install.md)" in written
    assert f"![A failing check in Icinga Web 2]({address}/raw/main/docs/icinga-web.png)" in written
    assert re.search(r"\]\((?!https://)", written) is None
    assert written.replace(f"{address}/blob/main/", "").replace(f"{address}/raw/main/", "").strip() == readme.strip()


def test_the_links_a_registry_shows(packed: Packed) -> None:
    about = metadata(packed)
    address = about["Home-page"]
    assert dict(line.split(", ") for line in about.get_all("Project-URL", [])) == {
        "Documentation": f"{address}/blob/main/README.md",
        "Changelog": f"{address}/blob/main/CHANGELOG.md",
        "Source": address,
        "Issues": f"{address}/issues",
    }


def test_two_runtime_dependencies_and_the_extras(packed: Packed) -> None:
    about = metadata(packed)
    required = [re.sub(r"[\s()]", "", line) for line in about.get_all("Requires-Dist", [])]
    assert [line for line in required if ";" not in line] == ["nagiosplugin>=1.3", "dnspython>=2.3"]
    assert sorted(about.get_all("Provides-Extra", [])) == [
        "bench",
        "demo",
        "dist",
        "fuzz",
        "lint",
        "mutation",
        "prometheus",
        "test",
    ]


def test_the_command_is_the_guarded_way_in(packed: Packed) -> None:
    with zipfile.ZipFile(packed.wheel) as wheel:
        points = configparser.ConfigParser()
        points.read_string(wheel.read(f"{DIST_INFO}/entry_points.txt").decode())
    assert {name: dict(points[name]) for name in points.sections()} == {
        "console_scripts": {
            "check_smtp_status": "smtp_status.__main__:run",
            "smtp_statusd": "smtp_status.resident.daemon:run",
        }
    }


def test_the_version_is_written_once() -> None:
    readers = [ROOT / "setup.cfg", ROOT / "pyproject.toml", *(ROOT / "plugin").rglob("*.py")]
    holders = [path.name for path in readers if f'"{VERSION}"' in path.read_text("utf-8")]
    assert holders == ["__init__.py"]


@pytest.mark.parametrize("kind", Packed._fields)
def test_it_installs_and_runs(kind: str, packed: Packed, tmp_path: Path) -> None:
    """In a fresh environment that sees the dependencies and setuptools of the tests' own: no network."""
    venv.create(tmp_path, symlinks=True)
    (site,) = tmp_path.glob("lib/python3*/site-packages")
    (site / "others.pth").write_text(sysconfig.get_path("purelib") + "\n")
    python = tmp_path / "bin/python"
    offline = ["--no-index", "--no-deps", "--no-build-isolation", "--ignore-installed"]
    install = [python, "-m", "pip", "install", *offline, getattr(packed, kind)]
    done = subprocess.run(install, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr

    command = [tmp_path / "bin/check_smtp_status", "-V"]
    done = subprocess.run(command, capture_output=True, text=True, env={}, cwd="/", check=False)
    assert (done.returncode, done.stdout, done.stderr) == (3, f"check_smtp_status {VERSION}\n", "")
    where = [python, "-c", "import smtp_status; print(smtp_status.__file__)"]
    assert subprocess.check_output(where, text=True) == f"{site}/smtp_status/__init__.py\n"
