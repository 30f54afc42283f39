"""Small files that the settings come from."""

from __future__ import annotations

import os
import stat


def read_regular(path: str, limit: int) -> bytes:
    """The content of a regular file of at most ``limit`` octets.

    Raises OSError when it cannot be read and ValueError, with a reason that fits behind a colon, for anything
    but a regular file (a FIFO or device could keep the check waiting or never end) and for a bigger one.
    """
    with open(_opened(path), "rb") as file:
        content = file.read(limit + 1)
    if len(content) > limit:
        raise ValueError(f"longer than {limit} octets")
    return content


def check_regular(path: str) -> str:
    """``path``; raises as ``read_regular`` does when the file could not be read."""
    handle = _opened(path)
    try:
        os.read(handle, 1)
    finally:
        os.close(handle)
    return path


def check_directory(path: str) -> str:
    """``path``; raises OSError when the directory cannot be listed."""
    with os.scandir(path):
        return path


def reason(error: OSError | ValueError) -> str:
    """Why, in words that fit behind a colon."""
    return (isinstance(error, OSError) and error.strerror) or str(error)


def _opened(path: str) -> int:
    # Without O_NONBLOCK the open of a FIFO waits for a writer.
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if stat.S_ISREG(os.fstat(handle).st_mode):
        return handle
    os.close(handle)
    raise ValueError("not a regular file")
