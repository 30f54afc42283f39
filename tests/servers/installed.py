"""The plugin as a scheduler's user finds it: a readable copy, run by the system's own Python."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from .requirements import unmet

ROOT = Path(__file__).resolve().parents[2]
PYTHON = "/usr/bin/python3"


def plugin_directory(base: Path) -> Path:
    """A directory of plugins below ``base`` that holds ``check_smtp_status``, for any user to run.

    A Python below somebody's home directory could not be run by others, hence the system's own with its packages.
    """
    need_packages()
    copy, plugins = base / "copy", base / "plugins"
    ignore = shutil.ignore_patterns("__pycache__", ".*")
    shutil.copytree(ROOT / "plugin" / "smtp_status", copy / "plugin" / "smtp_status", ignore=ignore)
    shutil.copy2(ROOT / "check_smtp_status.py", copy)
    subprocess.run([PYTHON, "-m", "compileall", "-q", copy / "plugin"], check=True)
    plugins.mkdir()
    (plugins / "check_smtp_status").symlink_to(copy / "check_smtp_status.py")
    for path in (base, *base.rglob("*")):
        path.chmod(path.stat().st_mode | (0o055 if path.is_dir() else 0o044))
    return plugins


def need_packages() -> None:
    """The test ends here unless the system's Python has what the plugin is built on."""
    probe = [PYTHON, "-I", "-c", "import nagiosplugin, dns"]
    if subprocess.run(probe, capture_output=True, check=False).returncode != 0:
        unmet(f"{PYTHON} lacks them: apt-get install python3 python3-nagiosplugin python3-dnspython")
