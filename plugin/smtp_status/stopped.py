"""Why there was nothing to be judged: what stopped the plugin, in an operator's words."""

from __future__ import annotations

import os
import sys

# Import name of each runtime dependency to its name on PyPI (Debian calls both python3-NAME) and the version wanted.
DEPENDENCIES = {"nagiosplugin": ("nagiosplugin", "1.3"), "dns": ("dnspython", "2.3")}


def reason(error: Exception) -> str:
    """Say what stopped the plugin and, where a dependency is missing or too old, how to install it."""
    module = error.name or "" if isinstance(error, ModuleNotFoundError) else ""
    if module in DEPENDENCIES:
        package, _ = DEPENDENCIES[module]
        how = f"apt-get install python3-{package} or pip install {package}"
        return f"{package} is missing: {how}, for {sys.executable}"
    try:
        outdated = _outdated()
    except Exception:  # whatever it is, the error is what is to be told
        outdated = ""
    return outdated or f"the plugin is damaged or has a bug: {type(error).__name__}: {error}"


def _outdated() -> str:
    """What to say where a dependency in use is older than wanted, else ''.

    Asked only when something has failed: to look up the version costs more than a check.
    """
    from importlib.metadata import PackageNotFoundError, distribution  # noqa: PLC0415 - for this only

    for module, (package, wanted) in DEPENDENCIES.items():
        place = getattr(sys.modules.get(module), "__file__", None)
        try:
            found = distribution(package)
            # The single file has its own, whatever is installed beside it.
            same = place and os.path.samefile(os.path.dirname(place), str(found.locate_file(module)))
        except (PackageNotFoundError, OSError):
            continue
        if same and _numbers(found.version) < _numbers(wanted):
            how = f"pip install -U {package} for {sys.executable}, or the single file"
            return f"{package} {found.version} is too old, {wanted} or newer is wanted: {how}"
    return ""


def _numbers(version: str) -> list[int]:
    """``2.1.0`` as numbers that can be compared; what comes behind them does not count."""
    parts = version.split(".")
    return [int(part) for part in parts if part.isdigit()]
