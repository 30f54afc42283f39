"""Where a server delivered mail: a maildir, read back byte for byte."""

from __future__ import annotations

import re
import time
from pathlib import Path

_TRACE = re.compile(
    rb"(?:(?:Return-Path|Delivered-To|X-Original-To|Envelope-to|Delivery-date|Received)"
    rb":.*\n(?:[ \t].*\n)*)+",
    re.IGNORECASE,
)


class Mailbox:
    """The mail of one address; only tests that were given the address write to it."""

    def __init__(self, address: str, maildir: Path) -> None:
        self.address = address
        self._maildir = maildir

    def stored(self) -> list[bytes]:
        """The messages as they lie on disk: LF line ends, trace headers on top."""
        return [path.read_bytes() for path in sorted(self._maildir.glob("new/*"))]

    def messages(self, count: int = 1, timeout: float = 5.0) -> list[bytes]:
        """The messages as the client sent them (trace headers removed, CR LF line ends), once ``count`` are
        there."""
        end = time.monotonic() + timeout
        while len(self.stored()) < count:
            if time.monotonic() > end:
                raise TimeoutError(f"{len(self.stored())} of {count} messages for {self.address} in {timeout} s")
            time.sleep(0.01)
        return [without_trace(message).replace(b"\n", b"\r\n") for message in self.stored()]

    def message(self, timeout: float = 5.0) -> bytes:
        """The only message."""
        (message,) = self.messages(1, timeout)
        return message


def without_trace(message: bytes) -> bytes:
    """A stored message without the trace headers (RFC 5321 section 4.4) that servers put on top."""
    trace = _TRACE.match(message)
    return message[trace.end() :] if trace else message
