"""Replies: cut out of what the server sends (RFC 5321 section 4.2), and which code is success, failure or error for
which command.

The table is that of RFC 821 section 4.3 with RFC 5321 section 4.3.2, RFC 3207 section 4 (STARTTLS) and RFC 4954
sections 4 and 6 (AUTH).  ``connection`` is the greeting, ``message`` the reply to the final dot.  No socket, no clock.
"""

from __future__ import annotations

from collections import deque
from functools import lru_cache

from ..record import NamedTuple

CONTINUE = 334
"""AUTH: the server's challenge (RFC 4954 section 4)."""

SEND_MESSAGE = 354
"""DATA: the only code that asks for the message."""

CLOSING = 421
"""Service closing; may answer any command (RFC 5321 section 3.8)."""

BAD_SEQUENCE = 503
"""A command out of its order, and nothing is wrong with what it says (RFC 5321 section 4.2.2)."""

TABLE: dict[str, tuple[str, str, str]] = {
    # command     success         failure                                         error
    "connection": ("220", "421 554", ""),
    "EHLO": ("250", "550", "500 501 504 421 502"),
    "HELO": ("250", "550", "500 501 504 421 502"),
    "LHLO": ("250", "550", "500 501 504 421 502"),
    "STARTTLS": ("220", "454", "500 501 502 503"),
    "AUTH": ("235", "432 454 534 535 538", "500 501 502 503 504 530"),
    "MAIL": ("250", "552 451 452 450 455 550 553 555", "500 501 421 503"),
    "RCPT": ("250 251 252", "550 551 552 553 450 451 452 455 554 555", "500 501 503 421"),
    "DATA": ("354", "451 554 450 550", "500 501 503 421"),
    "message": ("250", "552 554 451 452 450 550", "500 501 503 421"),
    "RSET": ("250", "", "500 501 504 421"),
    "SEND": ("250", "552 451 452", "500 501 502 421"),
    "SOML": ("250", "552 451 452", "500 501 502 421"),
    "SAML": ("250", "552 451 452", "500 501 502 421"),
    "VRFY": ("250 251 252", "550 551 553", "500 501 502 504 421"),
    "EXPN": ("250 252", "550", "500 501 502 504 421"),
    "HELP": ("211 214", "", "500 501 502 504 421"),
    "NOOP": ("250", "", "500 421"),
    "QUIT": ("221", "", "500"),
    "TURN": ("250", "502", "500 503"),
}

_ANY_2YZ_IS_SUCCESS = frozenset(("MAIL", "RCPT", "RSET", "NOOP", "message"))


@lru_cache(maxsize=500)
def judge(command: str, code: int) -> str:
    """The column of ``code`` as a reply to ``command``: ``success``, ``failure``, ``error`` or ``protocol``.

    ``command`` is a key of TABLE or any other verb.  A 4yz or 5yz that is not listed is a failure.  A 2yz that is
    not listed is success where nothing else could be meant, and a 2yz or 3yz that answers another question than
    the one asked is ``protocol``.  Verbs without a row (extensions) succeed by any 2yz or 3yz.
    """
    row = TABLE.get(command)
    if row is not None:
        digits = f"{code:03}"
        for column, codes in zip(("success", "failure", "error"), row):
            if digits in codes:
                return column
    if code >= 400:
        return "failure"
    if row is None or (code < 300 and command in _ANY_2YZ_IS_SUCCESS):
        return "success"
    return "protocol"


MAX_LINE = 8 * 1024
"""Octets of one reply line that are read before it counts as endless (RFC 5321 section 4.5.3.1.5 asks for 512)."""

MAX_REPLY = 1024 * 1024
"""Octets of one whole reply that are read before it counts as endless."""


class ReplyReader:
    """Collects what the server sends and cuts it into replies.

    However the network cut the stream, the replies are the same.  What makes a reply invalid ends it at once: it comes
    out as a Reply whose ``fault`` says why, and what stands behind it stays pending.
    """

    def __init__(self) -> None:
        self._whole: deque[bytes] = deque()  # lines that are complete, without their line feeds
        self._rest = b""  # the beginning of the next
        self._lines: list[bytes] = []  # of the reply that has begun
        self._codes: dict[int, None] = {}  # of these lines, a set in order
        self._octets = 0  # of these lines
        self._again = b""  # what the last of them began with: code and hyphen

    def feed(self, data: bytes) -> None:
        """Take octets as they came from the server."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        self._whole += lines

    @property
    def idle(self) -> bool:
        """Whether nothing is here that no reply has taken yet."""
        return not (self._rest or self._whole or self._lines)

    def begun(self) -> tuple[bytes, ...]:
        """The raw lines that no reply has taken, the last one perhaps cut short."""
        lines = (*self._lines, *map(_without_cr, self._whole))
        return (*lines, self._rest) if self._rest else lines

    def discard(self) -> None:
        """Forget everything that was not taken."""
        self.__init__()  # type: ignore[misc] # there is no subclass

    def next_reply(self) -> Reply | None:
        """The next reply, or None until more octets are fed."""
        while self._whole:
            line = self._whole.popleft()
            if len(line) > MAX_LINE:
                self._whole.appendleft(line[MAX_LINE:])
                return self._overlong(line)
            if self._again and line[:4] == self._again and self._octets < MAX_REPLY - MAX_LINE:
                # One more like the last one: a reply may have a hundred thousand of them.
                line = _without_cr(line)
                self._lines.append(line)
                self._octets += len(line) + 2
                continue
            reply = self._take(_without_cr(line))
            if reply is not None:
                return reply
        if len(self._rest) > MAX_LINE:
            line, self._rest = self._rest, self._rest[MAX_LINE:]
            return self._overlong(line)
        return None

    def _take(self, line: bytes) -> Reply | None:
        code, more, fault = _begin(line[:4])
        if not (more or fault or self._lines):
            return Reply((code,), (line,))
        self._keep(code, line)
        if not fault and self._octets > MAX_REPLY:
            fault = f"reply longer than {MAX_REPLY} octets"
        if not fault and more:
            self._again = line[:4]
            return None
        if not fault and len(self._codes) > 1:
            shown = " and ".join(str(code) for code in self._codes)
            fault = f"lines of one reply have different codes, {shown}"
        return self._finish(fault)

    def _overlong(self, line: bytes) -> Reply:
        self._keep(_begin(line[:4])[0], line[:MAX_LINE])
        return self._finish(f"reply line longer than {MAX_LINE} octets")

    def _keep(self, code: int, line: bytes) -> None:
        self._lines.append(line)
        self._octets += len(line) + 2
        if code:
            self._codes.pop(code, None)
            self._codes[code] = None

    def _finish(self, fault: str) -> Reply:
        reply = Reply(tuple(self._codes), tuple(self._lines), fault)
        self._lines, self._codes, self._octets, self._again = [], {}, 0, b""
        return reply


def _without_cr(line: bytes) -> bytes:
    return line[:-1] if line.endswith(b"\r") else line


@lru_cache(maxsize=100)  # a server says the same few things to everybody
def _begin(begin: bytes) -> tuple[int, bool, str]:
    """Of a line's first four octets: its code (0 for none), whether another line follows, and what is wrong with it,
    '' if nothing (RFC 5321 section 4.2)."""
    digits, separator = begin[:3], begin[3:]
    if len(digits) < 3 or not digits.isdigit():
        return 0, False, "no reply code"
    code = int(digits)
    if digits[0] not in b"2345" or digits[1] not in b"012345":
        return code, False, f"reply code {digits.decode('ascii')} is outside 200 to 559"
    if separator not in (b" ", b"-", b""):
        return code, False, "neither space nor hyphen behind the reply code"
    return code, separator == b"-", ""


def extensions(reply: Reply) -> dict[str, str]:
    """The EHLO keywords of a reply with their parameters: ``{"SIZE": "10240000", "8BITMIME": ""}``.

    Keywords come in any case (RFC 5321 section 4.1.1.1); the first line is the server's greeting.  ``AUTH=`` is the
    form before RFC 2554 that some servers still send; several AUTH lines add up.
    """
    found: dict[str, str] = {}
    mechanisms: list[str] = []
    for text in reply.texts[1:]:
        keyword, _, parameters = text.decode("ascii", "replace").strip().replace("=", " ", 1).partition(" ")
        keyword = keyword.upper()
        if keyword == "AUTH":
            mechanisms.append(parameters.strip())
        if keyword:
            found[keyword] = parameters.strip()
    if mechanisms:
        found["AUTH"] = " ".join(mechanisms).strip()
    return found


class Reply(NamedTuple):
    """One reply as the server sent it (RFC 5321 section 4.2).

    ``lines`` are the raw lines without their line ends; ``codes`` the distinct codes, in the order in which each
    came last (one, in a valid reply; none when there was no code); ``fault`` says why it is no valid reply, '' if it
    is.
    """

    codes: tuple[int, ...]
    lines: tuple[bytes, ...]
    fault: str = ""

    @property
    def code(self) -> int:
        """The code that counts: the last line's, 0 when there is none."""
        return self.codes[-1] if self.codes else 0

    @property
    def texts(self) -> tuple[bytes, ...]:
        """The lines without code and separator."""
        # Without a separator, which is a fault, nothing but the code is left out.
        return tuple([line[4 if line[3:4] in b" -" else 3 :] if line[:3].isdigit() else line for line in self.lines])
