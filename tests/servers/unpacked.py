"""Debian packages unpacked into a directory instead of installed: mail servers that exclude one another."""

from __future__ import annotations

import os
import pwd
from collections.abc import Mapping
from pathlib import Path

from .requirements import unmet


def prefix(name: str, program: str) -> Path:
    """Where ``name`` was unpacked by ``fetch-NAME.sh``: ``NAME_PREFIX`` in the environment, else the user's
    cache. The test ends here when ``program`` (a path below it) is not there."""
    default = Path.home() / ".cache" / "check_smtp_status" / name
    place = Path(os.environ.get(f"{name.upper()}_PREFIX", default))
    if not (place / program).is_file():
        unmet(f"{name} is not there: run tests/servers/fetch-{name}.sh (apt-get download, nothing is installed)")
    return place


def libraries(source: Path, root: Path) -> str:
    """LD_LIBRARY_PATH for the programs of ``source`` when they are seen at ``root``."""
    places = [path.relative_to(source) for path in sorted(source.glob("usr/lib/*-linux-gnu"))]
    return ":".join(str(root / place) for place in (*places, Path("usr/lib")))


def overlay(source: Path, scratch: Path, users: Mapping[str, tuple[int, str]]) -> str:
    """Shell text for a daemon's private mount namespace in which ``source`` lies over the system's files, for
    programs with compiled-in paths; ``users`` (name: id, home) exist there as well.  Writes go to a file system in
    memory at ``scratch``, an empty directory outside of /etc, /usr and /var."""
    lines = ["set -e", f"mount -t tmpfs -o mode=755 tmpfs {scratch}", "mount -t tmpfs -o mode=755 tmpfs /run"]
    for name in ("etc", "usr", "var"):
        upper, work = scratch / f"{name}.upper", scratch / f"{name}.work"
        lower = f"{source / name}:/{name}" if (source / name).is_dir() else f"/{name}"
        lines.append(f"mkdir {upper} {work}")
        lines.append(f"mount -t overlay overlay -o 'lowerdir={lower},upperdir={upper},workdir={work}' /{name}")
    for name, (number, home) in users.items():
        lines.append(f"echo {name}:x:{number}:{number}::{home}:/usr/sbin/nologin >> /etc/passwd")
        lines.append(f"echo {name}:x:{number}: >> /etc/group")
    return "\n".join(lines)


def spare_ids(count: int) -> list[int]:
    """User ids nobody on this machine has."""
    taken = {entry.pw_uid for entry in pwd.getpwall()}
    return [uid for uid in range(990, 100, -1) if uid not in taken][:count]
