"""A release: built twice it is the same to the octet, and what RELEASE.md and CHANGELOG.md have to say."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import tarfile
import zipfile
from datetime import date
from pathlib import Path

import pytest

from helpers.plugin import ROOT
from servers.requirements import find, need, unmet
from smtp_status import __version__

VERSION_HEADING = re.compile(r"^## (?P<version>\d+\.\d+\.\d+) - (?P<date>\d{4}-\d\d-\d\d|unreleased)$")
SECTIONS = ("Added", "Changed", "Deprecated", "Removed", "Fixed", "Security")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two directories with the same release, made under another umask, time zone and language."""
    need("rpmbuild")
    need("cc")
    if find("dpkg-deb") is None:
        unmet("no dpkg-deb: this is no Debian")
    places = [tmp_path_factory.mktemp("dist") for _ in range(2)]
    odd = {"TZ": "Asia/Kathmandu", "LC_ALL": "C", "PYTHONHASHSEED": "7"}
    for place, umask, more in zip(places, ("022", "077"), ({}, odd)):
        command = ["sh", "-c", f'umask {umask}; exec "$@"', "sh"]
        subprocess.run(
            [*command, sys.executable, ROOT / "contrib/dist.py", place / "dist"],
            env={**os.environ, **more},
            capture_output=True,
            check=True,
        )
    return [place / "dist" for place in places]


def test_built_twice_it_is_the_same(built: list[Path]) -> None:
    first, second = ({path.name: path.read_bytes() for path in place.iterdir()} for place in built)
    architecture = subprocess.check_output(["dpkg", "--print-architecture"], text=True).strip()
    assert sorted(first) == sorted(
        [
            "SHA256SUMS",
            f"check-smtp-status-{__version__}-1.noarch.rpm",
            f"check-smtp-status_{__version__}_all.deb",
            f"check-smtp-status-client_{__version__}_{architecture}.deb",
            f"check_smtp_status-{__version__}-py3-none-any.whl",
            f"check_smtp_status-{__version__}.tar.gz",
            "check_smtp_status.pyz",
        ]
    )
    assert [name for name in first if first[name] != second[name]] == []


def test_the_sums_are_those_of_all_files(built: list[Path]) -> None:
    sums = "".join(
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n"
        for path in sorted(built[0].iterdir())
        if path.name != "SHA256SUMS"
    )
    assert (built[0] / "SHA256SUMS").read_text() == sums
    subprocess.run(["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=built[0], check=True, capture_output=True)


def test_nothing_of_the_machine_is_in_it(built: list[Path]) -> None:
    with tarfile.open(built[0] / f"check_smtp_status-{__version__}.tar.gz") as archive:
        members = archive.getmembers()
    assert {(member.uid, member.gid, member.uname) for member in members} == {(0, 0, "")}
    assert {member.mode for member in members} == {0o644, 0o755}
    assert len({member.mtime for member in members}) == 1
    with zipfile.ZipFile(built[0] / "check_smtp_status.pyz") as archive:
        content = b"".join(map(archive.read, archive.namelist()))
    for place in (str(ROOT), sys.prefix, str(built[0].parent)):
        assert place.encode() not in content


def test_the_version_is_told_by_what_was_built(built: list[Path]) -> None:
    done = subprocess.run(
        [sys.executable, built[0] / "check_smtp_status.pyz", "-V"], capture_output=True, text=True, check=False
    )
    assert done.stdout == f"check_smtp_status {__version__}\n"


# -- the changelog


def headings() -> list[str]:
    return [line for line in (ROOT / "CHANGELOG.md").read_text("utf-8").splitlines() if line.startswith("## ")]


def test_the_changelog_can_be_read_by_tools() -> None:
    found = [VERSION_HEADING.match(line) for line in headings()]
    assert all(found), headings()
    versions = [tuple(map(int, match["version"].split("."))) for match in found if match]
    assert versions == sorted(set(versions), reverse=True)
    dates = [match["date"] for match in found if match]
    assert "unreleased" not in dates[1:]
    assert [date.fromisoformat(day) for day in dates if day != "unreleased"]
    sections = re.findall(r"^### (.+)$", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.M)
    assert set(sections) <= set(SECTIONS)


def test_the_newest_version_of_the_changelog_is_this_one() -> None:
    match = VERSION_HEADING.match(headings()[0])
    assert match and match["version"] == __version__


# -- the words of RELEASE.md


def test_release_names_commands_and_files_that_are_there() -> None:
    text = (ROOT / "RELEASE.md").read_text("utf-8")
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = set(re.findall(r"\bmake ([a-z]+)\b", text))
    assert targets >= {"dist", "test", "generate", "bench"}
    assert [target for target in targets if not re.search(rf"^{target}:", makefile, re.M)] == []
    for name in ("setup.cfg", "plugin/smtp_status/__init__.py", "CHANGELOG.md", "contrib/shipped.py", ".ci/run"):
        assert f"`{name}`" in text and (ROOT / name).exists()


def test_the_address_stands_in_one_place() -> None:
    address = re.search(r"^url = (.+)$", (ROOT / "setup.cfg").read_text("utf-8"), re.M)
    assert address
    places = [
        path.relative_to(ROOT)
        for path in ROOT.rglob("*")
        if path.is_file()
        and not {".git", ".venv", ".hypothesis", ".pytest_cache", "dist", "build"} & set(path.relative_to(ROOT).parts)
        and not any(part.endswith((".egg-info", "_cache")) for part in path.parts)
        and address[1].encode() in path.read_bytes()
    ]
    assert places == [Path("setup.cfg")]
