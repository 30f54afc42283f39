"""Run the plugin with one of its calls to the system failing: ``failing.py NUMBER ERROR PLUGIN ARGUMENTS…``.

The call with that number fails, counted from the first.  ERROR is ``oserror``, ``memory`` or ``bug``; the last one
carries the call's arguments in its text, as an assertion of a library might.  Exits with 99 where so many calls were
never made.
"""

from __future__ import annotations

import _socket
import itertools
import os
import runpy
import select
import sys
from collections.abc import Callable
from typing import Any

NUMBER, ERROR = int(sys.argv[1]), sys.argv[2]
calls = itertools.count(1)


def fail(name: str, arguments: tuple[Any, ...]) -> None:
    if next(calls) != NUMBER:
        return
    if ERROR == "oserror":
        raise OSError(5, "Input/output error")
    if ERROR == "memory":
        raise MemoryError
    raise RuntimeError(f"{name}{arguments!r}")


def failing(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    def call(*arguments: Any, **options: Any) -> Any:
        if name != "write" or arguments[0] != 1:  # what is to be looked at must come out
            fail(name, arguments)
        return function(*arguments, **options)

    return call


class Socket(_socket.socket):
    """A socket whose calls may fail."""


class Poll:
    """A poll or epoll object whose calls may fail; its type cannot be changed, nor inherited from."""

    def __init__(self, poll: Any) -> None:
        for name in ("register", "modify", "unregister", "poll"):
            setattr(self, name, failing(name, getattr(poll, name)))
        self.close = getattr(poll, "close", None)


def main() -> None:
    for name in ("open", "read", "write", "pipe", "pread", "fstat", "urandom", "uname"):
        setattr(os, name, failing(name, getattr(os, name)))
    for name in (
        "connect_ex",
        "sendmsg",
        "send",
        "recvmsg",
        "recv",
        "setsockopt",
        "getsockopt",
        "getsockname",
        "close",
    ):
        setattr(Socket, name, failing(name, getattr(_socket.socket, name)))
    _socket.socket = Socket  # type: ignore[misc]
    _socket.getaddrinfo = failing("getaddrinfo", _socket.getaddrinfo)
    select.select = failing("select", select.select)
    for name in ("poll", "epoll"):
        make = getattr(select, name)
        setattr(select, name, failing(name, lambda make=make: Poll(make())))
    leave = os._exit
    os._exit = lambda code: leave(99 if next(calls) <= NUMBER else code)
    sys.argv[:] = sys.argv[3:]
    runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    main()
