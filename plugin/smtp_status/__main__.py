"""The entry point, for the installed command, ``python -m smtp_status`` and the launcher, without tracebacks.

Python exits with 1 when an import fails, which a scheduler reads as WARNING; here it is UNKNOWN, in one line.
"""

from __future__ import annotations

import gc
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import NoReturn

UNKNOWN = 3

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
        # The first of the many objects that ``run`` does not want looked through; and what a failure is told with,
        # while there is memory for it.
        import signal  # noqa: PLC0415

        from . import text  # noqa: F401, PLC0415 - as above

        # Until there is a verdict so far to be told (``cli``), every end asked for is told as what it is.
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, _interrupted)
        from .cli import main  # noqa: PLC0415 - the import is what may fail

        return main()
    except KeyboardInterrupt:
        return tell("interrupted")
    except MemoryError:
        return tell("this host has no memory left for the plugin")
    except Exception as error:
        if isinstance(error, OSError) and error.strerror:
            return tell(f"this host fails the plugin: {error.strerror.lower()}")
        from .stopped import reason  # noqa: PLC0415 - for this only

        return tell(reason(error))


def _interrupted(_number: int, _frame: FrameType | None) -> NoReturn:
    # No exception: where the interpreter calls something by itself, as it does between imports, it would be lost, with
    # a traceback on stderr.
    try:
        tell("interrupted")
    finally:
        os._exit(UNKNOWN)


def tell(sentence: str) -> int:
    """Print the one line of state UNKNOWN, in ASCII; return its exit code.

    Written past ``sys.stdout``: a full or closed standard output would otherwise speak up once more at exit,
    with a message on stderr and another exit code.
    """
    try:
        import select  # noqa: PLC0415 - as above
        import signal  # noqa: PLC0415 - as above

        # Where there is room for it, the line is out at once, and no other one must follow.
        poll = select.poll()
        poll.register(1, select.POLLOUT)
        room = poll.poll(0)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda _number, _frame: None if room else os._exit(UNKNOWN))
        # Where there is none, nobody may be there to read it.
        signal.signal(signal.SIGALRM, signal.default_int_handler)
        signal.alarm(UNREAD_SECONDS)
    except Exception:  # noqa: S110 - there may be no memory for that
        pass
    try:
        from .text import unknown  # noqa: PLC0415 - loaded by now

        os.write(1, unknown(sentence).encode("ascii", "replace"))
    except OSError:
        pass  # nobody can be told; the exit code still says it
    return UNKNOWN


if __name__ == "__main__":
    run()
