#!/usr/bin/env python3
"""Build a release: ``contrib/dist.py DIRECTORY [PYTHON...]`` writes sdist, wheel, single file, packages and checksums.

All is made from the unpacked sdist, so what a release holds is what building it takes, and from nothing that changes:
the same sources make the same octets.  Needs what ``pip install '.[dist]'`` brings, dpkg-deb, rpmbuild and a C
compiler.  Each PYTHON named is one for which the single file holds compiled code.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

import shipped
from shipped import ROOT, __version__

LITTER = (".*", "__pycache__", "*.egg-info", "build", "dist")
SUMS = "SHA256SUMS"


def build(directory: Path, pythons: list[str]) -> list[Path]:
    """Write everything into ``directory``, which is emptied first, and return the files."""
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        source = scratch / "checkout"
        _checkout(source)
        _run(source, "-m", "build", "--no-isolation", "--sdist", "--outdir", scratch)
        (packed,) = scratch.glob("*.tar.gz")
        sdist = directory / packed.name
        sdist.write_bytes(_settled(packed))
        with tarfile.open(sdist) as archive:
            archive.extractall(scratch, **({"filter": "tar"} if hasattr(tarfile, "tar_filter") else {}))  # noqa: S202 - ours
        unpacked = scratch / packed.name[: -len(".tar.gz")]
        _run(unpacked, "-m", "build", "--no-isolation", "--wheel", "--outdir", directory.resolve())
        _run(unpacked, "contrib/pyz.py", directory.resolve() / "check_smtp_status.pyz", *pythons)
        for package in ("deb", "clientdeb", "rpm"):
            _run(unpacked, f"contrib/{package}.py", directory.resolve(), *(pythons if package == "rpm" else []))
    files = sorted(directory.iterdir())
    sums = "".join(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files)
    (directory / SUMS).write_text(sums, "utf-8")
    return [*files, directory / SUMS]


def _checkout(target: Path) -> None:
    """A copy of what belongs to the project: what git knows of, or all but litter where there is no git."""
    if not (ROOT / ".git").exists():
        shutil.copytree(ROOT, target, ignore=shutil.ignore_patterns(*LITTER))
        return
    git = shutil.which("git") or "git"
    command = [git, "-C", ROOT, "ls-files", "-z"]
    listed = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own words
    for name in filter(None, listed.stdout.split("\0")):
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, target / name)


def _run(where: Path, *words: object) -> None:
    environment = {**os.environ, "SOURCE_DATE_EPOCH": str(shipped.epoch()), "PYTHONHASHSEED": "0"}
    command = [sys.executable, *map(str, words)]
    os.umask(0o022)
    subprocess.run(command, check=True, cwd=where, env=environment, stdout=subprocess.DEVNULL)  # noqa: S603 - our own words


def _settled(packed: Path) -> bytes:
    """A tar archive with the same files, in order, without times, owners and modes of this machine."""
    written = io.BytesIO()
    with tarfile.open(packed) as archive, tarfile.open(fileobj=written, mode="w", format=tarfile.PAX_FORMAT) as settled:
        for member in sorted(archive.getmembers(), key=lambda member: member.name):
            member.mtime, member.uid, member.gid, member.uname, member.gname = shipped.epoch(), 0, 0, "", ""
            member.mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644
            member.pax_headers = {}
            settled.addfile(member, archive.extractfile(member) if member.isfile() else None)
    return gzip.compress(written.getvalue(), mtime=0)


if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1].startswith("-"):
        raise SystemExit(__doc__)
    for file in build(Path(sys.argv[1]), sys.argv[2:]):
        print(file)
    if shipped.address().endswith(".invalid"):
        print(f"version {__version__}: setup.cfg still has no address of the project (url)", file=sys.stderr)
