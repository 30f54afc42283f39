"""A long way between client and server: two network namespaces joined by a wire of this process (root only).

For kernels without ``netem``: each namespace has a TUN device, and a thread moves the packets between them after the
delay.  The addresses are of TEST-NET-1 (RFC 5737) and exist inside the namespaces only.
"""

from __future__ import annotations

import fcntl
import os
import select
import struct
import subprocess
import threading
import time
from collections import deque
from contextlib import ExitStack

from .netns import NetworkNamespace
from .requirements import unmet

CLIENT, SERVER = "192.0.2.1", "192.0.2.2"
DEVICE = "tun0"

_TUNSETIFF = 0x400454CA
_IFF_TUN, _IFF_NO_PI = 0x0001, 0x1000
_SPIN = 0.001  # poll() counts in milliseconds; the rest of the time is waited for awake


class Wire:
    """The namespaces ``client`` and ``server`` with ``delay`` seconds from one to the other, as long as the ``with``
    block."""

    def __init__(self, delay: float) -> None:
        self.client = NetworkNamespace()
        self.server = NetworkNamespace()
        self._delay = delay

    def __enter__(self) -> Wire:
        if not os.path.exists("/dev/net/tun"):
            unmet("there is no /dev/net/tun")
        self._stack = ExitStack()
        with ExitStack() as stack:
            ends = []
            for namespace, own, peer in ((self.client, CLIENT, SERVER), (self.server, SERVER, CLIENT)):
                stack.enter_context(namespace)
                end = namespace.call(_open)
                stack.callback(os.close, end)
                ends.append(end)
                for words in (("addr", "add", own, "peer", peer, "dev", DEVICE), ("link", "set", DEVICE, "up")):
                    subprocess.run([*namespace.enter, "ip", *words], check=True)
            self._stop, self._stopped = os.pipe()
            stack.callback(os.close, self._stop)
            self._thread = threading.Thread(target=self._carry, args=(ends[0], ends[1]), daemon=True)
            self._thread.start()
            stack.callback(self._end)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _end(self) -> None:
        os.close(self._stopped)
        self._thread.join(5)

    def _carry(self, one: int, other: int) -> None:
        under_way: deque[tuple[float, int, bytes]] = deque()
        poll = select.poll()
        for end in (one, other, self._stop):
            poll.register(end, select.POLLIN)
        while True:
            left = under_way[0][0] - time.monotonic() if under_way else None
            for end, _ in poll.poll(None if left is None else max(left - _SPIN, 0) * 1000):
                if end == self._stop:
                    return
                under_way.append((time.monotonic() + self._delay, other if end == one else one, os.read(end, 65536)))
            while under_way and under_way[0][0] <= time.monotonic():
                _, end, packet = under_way.popleft()
                os.write(end, packet)


def _open() -> int:
    device = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(device, _TUNSETIFF, struct.pack("16sH22x", DEVICE.encode(), _IFF_TUN | _IFF_NO_PI))
    return device
