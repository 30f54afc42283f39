"""The way in, for the installed command, ``python -m smtp_status`` and the launcher, without tracebacks.

Python exits with 1 when an import fails, which a scheduler reads as WARNING; here it is UNKNOWN, in one line.
"""

from __future__ import annotations

import gc
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

UNKNOWN = 3

# Import name of each runtime dependency to its name on PyPI (Debian calls both python3-NAME) and the version wanted.
DEPENDENCIES = {"nagiosplugin": ("nagiosplugin", "1.3"), "dns": ("dnspython", "2.3")}

# What would begin perfdata, or act on a web page, a terminal or a shell's printf, and what stands for it.
HARMLESS = str.maketrans(
    {"|": "/", "<": "(", ">": ")", "&": "+", "\\": "/", **{chr(code): "?" for code in (*range(0x20), 0x7F)}}
)

UNREAD_SECONDS = 10
"""How long somebody is waited for who does not read the one line."""

FEW_COLLECTIONS = 100_000
"""Objects made between two garbage collections: imports make tens of thousands, and hardly any of it is garbage."""


def run() -> NoReturn:
    """Run the plugin on ``sys.argv`` and end the process, also where parts are missing or broken.

    The process ends here and now, and ``sys.stdout``, which nothing here writes to, is not flushed.  To take an
    interpreter apart costs a tenth of a check, and a thread may still wait for a resolver that does not answer.
    """
    gc.set_threshold(FEW_COLLECTIONS)
    code = UNKNOWN
    try:
        code = _exit_code()
    finally:  # also where there is not even memory for the one line
        os._exit(code)


def _exit_code() -> int:
    try:
        import signal  # noqa: PLC0415 - the first of the many objects that ``run`` does not want looked through

        # Until there is a verdict so far to be told (``cli``), every end asked for is told as what it is.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        signal.signal(signal.SIGHUP, signal.default_int_handler)
        from .cli import main  # noqa: PLC0415 - the import is what may fail

        return main()
    except KeyboardInterrupt:
        return unknown("interrupted")
    except Exception as error:
        return unknown(reason(error))


def reason(error: Exception) -> str:
    """Say what stopped the plugin and, where a dependency is missing or too old, how to install it."""
    module = error.name or "" if isinstance(error, ModuleNotFoundError) else ""
    if isinstance(error, MemoryError):
        return "this host has no memory left for the plugin"
    if isinstance(error, OSError) and error.strerror:
        return f"this host fails the plugin: {error.strerror.lower()}"
    if module in DEPENDENCIES:
        package, _ = DEPENDENCIES[module]
        how = f"apt-get install python3-{package} or pip install {package}"
        return f"{package} is missing: {how}, for {sys.executable}"
    return _outdated() or f"the plugin is damaged or has a bug: {type(error).__name__}: {error}"


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


def unknown(sentence: str) -> int:
    """Print the one line of state UNKNOWN, at most 160 characters of harmless ASCII; return its exit code.

    Written past ``sys.stdout``: a full or closed standard output would otherwise speak up once more at exit,
    with a message on stderr and another exit code.
    """
    try:
        import signal  # noqa: PLC0415 - as above

        # Nobody may be there to read it.
        signal.signal(signal.SIGALRM, signal.default_int_handler)
        signal.alarm(UNREAD_SECONDS)
    except Exception:  # noqa: S110 - there may be no memory for that
        pass
    try:
        os.write(1, unknown_line(sentence))
    except OSError:
        pass  # nobody can be told; the exit code still says it
    return UNKNOWN


def unknown_line(sentence: str) -> bytes:
    """The one line of state UNKNOWN."""
    line = " ".join(f"SMTP UNKNOWN - {sentence}".split()).translate(HARMLESS)
    return line.encode("ascii", "replace")[:160] + b"\n"


if __name__ == "__main__":
    run()
