"""Tells the service manager what state this process is in (sd_notify(3)), where there is one that listens."""

from __future__ import annotations

import os
import socket


def notify(state: str) -> None:
    """Send ``state``, such as ``READY=1``, to the socket NOTIFY_SOCKET names; nothing where it names none."""
    name = os.environ.get("NOTIFY_SOCKET", "")
    if name[:1] not in {"/", "@"}:
        return
    address = "\0" + name[1:] if name.startswith("@") else name
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        try:
            sock.sendto(state.encode(), address)
        except OSError:
            return
