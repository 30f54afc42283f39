"""What a message is read from: a file, a pipe, standard input."""

from __future__ import annotations

import errno
import os
import select
import stat
import time

PIPE_LIMIT = 64 * 1024 * 1024
"""Octets taken from what cannot be read twice (standard input, a pipe), since they are held in memory."""


_BLOCK = 64 * 1024

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"  # some editors begin a file with it: no part of the first header


def opened(path: str, deadline: float | None) -> tuple[bytes | bytearray, int, int, int]:
    """The content of a file, pipe or device, without a byte order mark; ``-`` is standard input, read from where it
    stands.

    What had to be read (of anything but a regular file), or a descriptor of the file with the places where the content
    begins and ends.  What cannot be read at once is waited for until ``deadline`` (``time.monotonic``).  Raises OSError
    (TimeoutError at the deadline), and ValueError for more than PIPE_LIMIT from what is no regular file.
    """
    # A FIFO that nobody writes to would hold up open() past any deadline.
    descriptor = 0 if path == "-" else os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        status = os.fstat(descriptor)
        if stat.S_ISDIR(status.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
        # Files of size 0 that are not empty (/proc) are read like pipes.
        if stat.S_ISREG(status.st_mode) and status.st_size:
            start = os.lseek(descriptor, 0, os.SEEK_CUR)
            if os.pread(descriptor, len(_BYTE_ORDER_MARK), start) == _BYTE_ORDER_MARK:
                start += len(_BYTE_ORDER_MARK)
            return b"", os.dup(descriptor), start, status.st_size
        return _drained(descriptor, path, deadline), -1, 0, 0
    finally:
        if path != "-":
            os.close(descriptor)


def _drained(descriptor: int, path: str, deadline: float | None) -> bytearray:
    """All that comes out of a pipe, terminal or device until its end."""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    held = bytearray()
    while True:
        # Waiting comes before reading: a FIFO nobody has opened for writing yet looks as if it had ended.
        left = None if deadline is None else max(0.0, deadline - time.monotonic())
        if not poll.poll(None if left is None else left * 1000) or left == 0:
            raise TimeoutError(errno.ETIMEDOUT, "its end did not come in time", path)
        try:
            block = os.read(descriptor, _BLOCK)
        except BlockingIOError:
            continue
        if not block:
            if held.startswith(_BYTE_ORDER_MARK):
                del held[: len(_BYTE_ORDER_MARK)]
            return held
        held += block
        if len(held) > PIPE_LIMIT:
            raise ValueError(f"more than {PIPE_LIMIT // 1024 // 1024} MiB from what is not a regular file")
