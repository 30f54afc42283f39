"""Asking the resident's back ends for a check, as the thin client does (``client/check_smtp_status.c``)."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import time
from threading import BoundedSemaphore
from typing import TYPE_CHECKING

from ..text import unknown
from .client import LENGTH, request_of
from .job import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Sequence

PATIENCE = 5.0
"""Seconds until the back ends must have taken the request, at the most; never more than half of those there are.  The
thin client has less: whoever runs the plugin in its place is one, and not two hundred at once."""

AFTERWARDS = 2.0
"""Seconds that the verdict so far may take once it was asked for."""

MAX_OUTPUT = 1 << 20
"""Octets of an answer."""

_turns = BoundedSemaphore(os.cpu_count() or 1)


class NotTakenError(Exception):
    """The back ends do not do this one."""


def ask(path: str, words: Sequence[str], seconds: float) -> tuple[int, str]:
    """Exit code and output of a check with the arguments ``words``, by the back ends that listen at ``path``.

    After ``seconds`` the verdict so far is asked for.  Raises NotTakenError where there is none to be had, for whatever
    reason.
    """
    end = time.monotonic() + seconds
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
            sock.settimeout(min(PATIENCE, seconds / 2))
            sock.connect(path)
            sock.sendall(request_of(words))
            if _exactly(sock, 1) != b"A":
                raise NotTakenError
            sock.settimeout(None)
            if not select.select([sock], [], [], max(end - time.monotonic(), 0))[0]:
                sock.shutdown(socket.SHUT_WR)
            sock.settimeout(AFTERWARDS)
            head = _exactly(sock, 1 + LENGTH.size)
            (size,) = LENGTH.unpack(head[1:])
            if head[:1] not in b"0123" or size > MAX_OUTPUT:
                raise NotTakenError
            return int(head[:1]), _exactly(sock, size).decode("utf-8", "replace")
    except OSError:
        raise NotTakenError from None


def run(command: Sequence[bytes], seconds: float) -> tuple[int, str]:
    """Exit code and output of the plugin in a process of its own; after ``seconds`` it is told to end.

    As many run at a time as there are cores: more would all be late.  Where none ends in time there is no output.
    """
    end = time.monotonic() + seconds
    if not _turns.acquire(timeout=seconds):
        return UNKNOWN, unknown("no turn for this check in time: too many take processes of their own")
    try:
        return _run(command, max(end - time.monotonic(), 0.1))
    finally:
        _turns.release()


def _run(command: Sequence[bytes], seconds: float) -> tuple[int, str]:
    process = subprocess.Popen(  # noqa: S603 - our own words
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    try:
        out, _ = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGTERM)
        try:
            out, _ = process.communicate(timeout=AFTERWARDS)
        except subprocess.TimeoutExpired:
            process.kill()
            out, _ = process.communicate()
    return process.returncode, out[:MAX_OUTPUT].decode("utf-8", "replace")


def _exactly(sock: socket.socket, size: int) -> bytes:
    """``size`` octets.  Raises NotTakenError where the other end says less."""
    octets = bytearray()
    while len(octets) < size:
        piece = sock.recv(size - len(octets))
        if not piece:
            raise NotTakenError
        octets += piece
    return bytes(octets)
