"""The way in, for the installed command, ``python -m smtp_status`` and the launcher, without tracebacks.

Python exits with 1 when an import fails, which a scheduler reads as WARNING; here it is UNKNOWN, in one line.
"""

from __future__ import annotations

import os
import sys

UNKNOWN = 3

# Import name of each runtime dependency to its name on PyPI; Debian calls both python3-NAME.
DEPENDENCIES = {"nagiosplugin": "nagiosplugin", "dns": "dnspython"}

# What would begin perfdata, or act on a web page, and what stands for it.
HARMLESS = str.maketrans("|<>&", "/()+")


def run() -> int:
    """Run the plugin on ``sys.argv`` and return its exit code, also where parts are missing or broken."""
    try:
        from .cli import main  # noqa: PLC0415 - the import is what may fail

        return main()
    except KeyboardInterrupt:
        return unknown("interrupted")
    except Exception as error:
        return unknown(reason(error))


def reason(error: Exception) -> str:
    """Say what stopped the plugin and, where a dependency is missing, how to install it."""
    module = (error.name or "").partition(".")[0] if isinstance(error, ModuleNotFoundError) else ""
    package = DEPENDENCIES.get(module)
    if package is None:
        return f"the plugin is damaged or has a bug: {type(error).__name__}: {error}"
    how = f"apt-get install python3-{package} or pip install {package}"
    return f"{package} is missing: {how}, for {sys.executable}"


def unknown(sentence: str) -> int:
    """Print the one line of state UNKNOWN, at most 160 characters of harmless ASCII; return its exit code.

    Written past ``sys.stdout``: a full or closed standard output would otherwise speak up once more at exit,
    with a message on stderr and another exit code.
    """
    line = " ".join(f"SMTP UNKNOWN - {sentence}".split()).translate(HARMLESS)
    try:
        os.write(1, line.encode("unicode_escape")[:160] + b"\n")
    except OSError:
        pass  # nobody can be told; the exit code still says it
    return UNKNOWN


if __name__ == "__main__":
    sys.exit(run())
