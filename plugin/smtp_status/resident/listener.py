"""The unix socket for the thin client: made by the front, accepted from by the back ends."""

from __future__ import annotations

import errno
import os
import socket
import stat

MODE = 0o660
BACKLOG = 1024


class InUseError(OSError):
    """Somebody listens there already, or what is there is no socket."""


def listen(path: str) -> socket.socket:
    """The socket at ``path``; one that nobody listens at any more is replaced.  Raises OSError."""
    _remove_stale(path)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        # Never open to more than MODE, not even between bind() and chmod().
        before = os.umask(0o777 & ~MODE)
        try:
            sock.bind(path)
        finally:
            os.umask(before)
        sock.listen(BACKLOG)
    except OSError:
        sock.close()
        raise
    return sock


def remove(sock: socket.socket, path: str) -> None:
    """Remove ``path``, unless another process has made it its own meanwhile."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            probe.setblocking(False)
            sock.close()
            if probe.connect_ex(path) == errno.ECONNREFUSED:
                os.unlink(path)
    except OSError:
        return


def _remove_stale(path: str) -> None:
    try:
        mode = os.lstat(path).st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise InUseError(errno.EEXIST, "something else than a socket is there")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        if probe.connect_ex(path) != errno.ECONNREFUSED:
            raise InUseError(errno.EADDRINUSE, "somebody listens there already")
    os.unlink(path)
