"""Bytes to replies and commands to bytes (RFC 5321 sections 2.3.8, 4.1.1, 4.2).  No socket, no clock."""

from __future__ import annotations

from .model import Reply

MAX_LINE = 8 * 1024
"""Octets of one reply line that are read before it counts as endless (RFC 5321 section 4.5.3.1.5 asks for 512)."""

MAX_REPLY = 1024 * 1024
"""Octets of one whole reply that are read before it counts as endless."""


class ReplyReader:
    """Collects what the server sends and cuts it into replies.

    Each octet is looked at once, however the network cut the stream.  What makes a reply invalid ends it at once:
    it comes out as a Reply whose ``fault`` says why, and bytes behind it stay pending.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._scanned = 0  # octets at the buffer's front known to hold no line feed
        self._lines: list[bytes] = []
        self._again: bytes | None = None  # code and hyphen of the last line; what begins alike is as valid
        self._codes: dict[int, None] = {}  # a set in order
        self._octets = 0  # of the lines of the reply that has begun

    def feed(self, data: bytes) -> None:
        """Take octets as they came from the server."""
        self._buffer += data

    @property
    def idle(self) -> bool:
        """Whether nothing is here that no reply has taken yet."""
        return not self._buffer and not self._lines

    def begun(self) -> tuple[bytes, ...]:
        """The raw lines of a reply that is not complete, the last one perhaps cut short."""
        *whole, rest = bytes(self._buffer[:MAX_LINE]).split(b"\n")
        lines = (*self._lines, *(_without_cr(line) for line in whole))
        return (*lines, rest) if rest else lines

    def discard(self) -> None:
        """Forget everything that was not taken."""
        self.__init__()  # type: ignore[misc]

    def next_reply(self) -> Reply | None:
        """The next reply, or None until more octets are fed."""
        while True:
            end = self._buffer.find(b"\n", self._scanned)
            if end < 0:
                self._scanned = len(self._buffer)
                if self._scanned > MAX_LINE:
                    return self._overlong()
                return None
            if end > MAX_LINE:
                return self._overlong()
            line = bytes(self._buffer[:end])
            del self._buffer[: end + 1]
            self._scanned = 0
            reply = self._take(_without_cr(line))
            if reply is not None:
                return reply

    def _take(self, line: bytes) -> Reply | None:
        self._octets += len(line) + 2
        begin = line[:4]
        fault = self._note_code(line) if begin != self._again else ""
        if fault:
            return self._finish(fault, line)
        if self._octets > MAX_REPLY:
            return self._finish(f"reply longer than {MAX_REPLY} octets", line)
        if begin.endswith(b"-"):
            self._again = begin
            self._lines.append(line)
            return None
        if len(self._codes) > 1:
            shown = " and ".join(str(code) for code in self._codes)
            return self._finish(f"lines of one reply have different codes, {shown}", line)
        return self._finish("", line)

    def _overlong(self) -> Reply:
        line = bytes(self._buffer[:MAX_LINE])
        del self._buffer[:MAX_LINE]
        self._scanned = 0
        self._note_code(line)
        return self._finish(f"reply line longer than {MAX_LINE} octets", line)

    def _note_code(self, line: bytes) -> str:
        """Keep the line's code; what is wrong with the line, '' if nothing."""
        code, fault = _code(line)
        if code:
            self._codes.pop(code, None)
            self._codes[code] = None
        return fault

    def _finish(self, fault: str, line: bytes) -> Reply:
        reply = Reply(tuple(self._codes), (*self._lines, line[:MAX_LINE]), fault)
        self._lines, self._again, self._codes, self._octets = [], None, {}, 0
        return reply


def _without_cr(line: bytes) -> bytes:
    return line[:-1] if line.endswith(b"\r") else line


def _code(line: bytes) -> tuple[int, str]:
    """The line's code and what is wrong with the line, '' if nothing (RFC 5321 section 4.2)."""
    digits = line[:3]
    if len(digits) < 3 or not digits.isdigit():
        return 0, "no reply code"
    code = int(digits)
    if digits[0] not in b"2345" or digits[1] not in b"012345":
        return code, f"reply code {digits.decode('ascii')} is outside 200 to 559"
    if line[3:4] not in (b" ", b"-", b""):
        return code, "neither space nor hyphen behind the reply code"
    return code, ""


def extensions(reply: Reply) -> dict[str, str]:
    """The EHLO keywords of a reply with their parameters: ``{"SIZE": "10240000", "8BITMIME": ""}``.

    Keywords come in any case (RFC 5321 section 4.1.1.1); the first line is the server's greeting.  ``AUTH=`` is the
    form before RFC 2554 that some servers still send; several AUTH lines add up.
    """
    found: dict[str, str] = {}
    for text in reply.texts[1:]:
        keyword, _, parameters = text.decode("ascii", "replace").strip().replace("=", " ", 1).partition(" ")
        keyword = keyword.upper()
        if keyword == "AUTH" and keyword in found:
            parameters = f"{found[keyword]} {parameters}"
        if keyword:
            found[keyword] = parameters.strip()
    return found


def command_line(line: bytes) -> bytes:
    """The line as it goes on the wire.  Raises ValueError where it would be more than one line."""
    if b"\r" in line or b"\n" in line:
        raise ValueError("line end inside a command")
    return line + b"\r\n"
