"""Run the plugin while the wall clock is set: ``stepped.py DELAY STEP PLUGIN ARGUMENTS…``.

DELAY seconds from now the clock is STEP seconds off, for the process and in the kernel's stamps alike; the machine's
own clock belongs to everybody.
"""

from __future__ import annotations

import runpy
import sys
import time
from pathlib import Path

DELAY, STEP = float(sys.argv[1]), float(sys.argv[2])
BEGAN = time.monotonic()
REAL = time.time_ns


def set_by() -> int:
    return int(STEP * 1e9) if time.monotonic() - BEGAN > DELAY else 0


def main() -> None:
    time.time_ns = lambda: REAL() + set_by()
    time.time = lambda: time.time_ns() / 1e9
    launcher = sys.argv[3]
    sys.path.insert(0, str(Path(launcher).parent / "plugin"))
    from smtp_status.net import clock

    stamp = clock._stamp

    def stepped(ancillary):  # type: ignore[no-untyped-def]
        at = stamp(ancillary)
        return None if at is None else at + set_by()

    clock._stamp = stepped
    sys.argv[:] = sys.argv[3:]
    runpy.run_path(launcher, run_name="__main__")


if __name__ == "__main__":
    main()
