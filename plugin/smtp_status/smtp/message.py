"""The probe message: what the user gave, the headers a message must have, and its form on the wire.

A big file is never held in memory: it is read once for its size, its line lengths and its character set, and
again for each transmission.  Line ends are LF alone between the functions here and become CRLF in
``Message.chunks``.
"""

from __future__ import annotations

import codecs
import errno
import os
import re
import time

from .. import __version__

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from .address import Mailbox

DEFAULT_SUBJECT = "SMTP PROTOCOL TESTING"
DEFAULT_BODY = b"DATA SECTION\n"

LINE_LIMIT = 998
"""Octets of a line without its end (RFC 5321 section 4.5.3.1.6, RFC 5322 section 2.1.1)."""
FOLD_LIMIT = 78
"""Octets of a header line where it can be folded (RFC 5322 section 2.1.1)."""
HEAD_LIMIT = 256 * 1024
"""Octets of a header section; it is the part of a file that is held in memory."""
_BLOCK = 64 * 1024
# Patterns are text: most messages need none, and to compile one costs more than to send a command.
# A name that begins with a letter: "12:30 all is well" is text.
_FIELD = rb"([A-Za-z][!-9;-~]*)[ \t]*:[^\n]*(?:\n[ \t][^\n]*)*(?:\n|\Z)"
_WORD = rb" *[^ ]+"
_ESCAPES = r"\\([nt\\])"
_ESCAPED = {"n": "\n", "t": "\t", "\\": "\\"}
_CONTROL = rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]"
_ALL_CONTROLS = bytes((*range(0x20), 0x7F))
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class _Content:
    """Octets as the user gave them: in memory (``held``), or a part of an open regular file."""

    def __init__(self, held: bytes | bytearray = b"", descriptor: int = -1, start: int = 0, end: int = 0):
        self._held = held
        self._descriptor = descriptor
        self._start = start
        self._end = end

    def __del__(self, close: Callable[[int], None] = os.close) -> None:
        # bound early, since module names may be gone when the interpreter ends
        if self._descriptor >= 0:
            close(self._descriptor)

    def blocks(self) -> Iterator[bytes]:
        """The octets in pieces of at most _BLOCK, from the beginning each time; several can read at once."""
        for offset in range(0, len(self._held), _BLOCK):
            yield bytes(self._held[offset : offset + _BLOCK])
        offset = self._start
        while offset < self._end:
            block = os.pread(self._descriptor, min(_BLOCK, self._end - offset), offset)
            if not block:  # the file became shorter
                return
            offset += len(block)
            yield block

    def lines(self, skip: int = 0) -> Iterator[bytes]:
        """The same with LF, CRLF and a lone CR all as LF, without the first ``skip`` octets of that."""
        carry = b""  # a CR whose LF may be the first octet of the next block
        for block in self.blocks():
            text = carry + block if carry else block
            carry = b""
            if b"\r" in text:
                if text.endswith(b"\r"):
                    text, carry = text[:-1], b"\r"
                text = text.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
            if skip:
                skip, text = max(0, skip - len(text)), text[skip:]
            if text:
                yield text
        if carry and not skip:
            yield b"\n"


class Message:
    """A message ready to be sent, any number of times and to several servers at once.

    ``size``: octets with CRLF line ends, without dot-stuffing and final dot (RFC 1870 section 5).
    ``eight_bit``: an octet over 127 is somewhere in it, so that 8BITMIME or SMTPUTF8 is needed.
    ``needs_utf8``: a header is not ASCII, so that SMTPUTF8 is (RFC 6531).
    """

    __slots__ = ("_content", "_head", "_skip", "eight_bit", "needs_utf8", "size")

    def __init__(self, head: bytes, content: _Content, skip: int, size: int, charset: str) -> None:
        """``head``: header section and empty line, with LF.  The body is ``content`` from ``skip`` on; ``size`` and
        ``charset`` are what ``_check`` found of it."""
        self._head = head
        self._content = content
        self._skip = skip
        self.size = len(_crlf(head)) + size
        self.needs_utf8 = not head.isascii()
        self.eight_bit = self.needs_utf8 or charset != "us-ascii"

    @classmethod
    def build(
        cls,
        data: str | None,
        file: str | None,
        subject: str | None,
        headers: Sequence[tuple[str, str]],
        sender: Mailbox | None,
        recipients: Sequence[Mailbox],
        host_name: str,
        deadline: float | None = None,
    ) -> Message:
        r"""The message from ``file`` (``-`` is standard input) or else ``data``, or the default one.

        In ``data`` the escapes ``\n``, ``\t`` and ``\\`` are understood.  Content whose first line is no
        ``Name: …`` is all body, and the default subject goes with it.  ``headers`` and ``subject`` replace
        fields of the same name; a name may stand in ``headers`` several times.  Fields a message must have
        are added where they are missing; ``host_name`` is the checking host's.  What cannot be read at once
        is waited for until ``deadline`` (``time.monotonic``).

        Raises ValueError with a short reason for content or headers that cannot be sent, and OSError for a
        file that cannot be read (TimeoutError at the deadline).
        """
        if file is not None:
            from .messagefile import opened  # noqa: PLC0415 - few messages are in files

            content = _Content(*opened(file, deadline))
        elif data is not None:
            content = _Content(_from_argument(data))
        else:
            content = _Content(DEFAULT_BODY)
        given, skip, body_line = _header_section(content)
        _check(given, 1)
        if not _is_utf8(given):
            raise ValueError("a header is not UTF-8")
        size, charset = _check(_in_time(content.lines(skip), file, deadline), body_line)
        changes = list(headers)
        if not given and subject is None:
            subject = DEFAULT_SUBJECT
        if subject is not None and not any(name.lower() == "subject" for name, _ in headers):
            changes.insert(0, ("Subject", subject))
        fields = _changed(given, changes)
        present = {_name(field) for field in fields}
        for name, value in _required(sender, recipients, host_name, charset):
            if name.lower() not in present:
                fields.append(_field(name, value))
        return cls(b"".join(fields) + b"\n", content, skip, size, charset)

    def chunks(self) -> Iterator[bytes]:
        """The message as it goes on the wire, with CRLF line ends and dot-stuffed (RFC 5321 section 4.5.2),
        in pieces of 128 KiB at most (the first: and the head), up to and without the final dot.

        Raises OSError when its file cannot be read any more.
        """
        line_begins = True
        held = b""  # the end of its last line goes with it: one segment less to wait for
        for block in self._text():
            if held:
                yield held
            text = b"." + block if line_begins and block.startswith(b".") else block
            line_begins = text.endswith(b"\n")
            # The most of a big message is base64, without any dot; from the end it takes a third of the time.
            if b"." in text and text.rfind(b"\n.") >= 0:
                text = text.replace(b"\n.", b"\n..")
            held = _crlf(text)
        yield held if line_begins else held + b"\r\n"

    def with_fields(self, fields: Sequence[tuple[str, str]]) -> Message:
        """The same message with ``fields`` in place of those of the same name."""
        kept = re.compile(_FIELD).finditer(self._head, 0, len(self._head) - 1)
        head = b"".join(_changed([match[0] for match in kept], fields)) + b"\n"
        size = self.size - len(_crlf(self._head))
        charset = "unknown-8bit" if self.eight_bit else "us-ascii"
        return Message(head, self._content, self._skip, size, charset)

    def head_lines(self, limit: int) -> tuple[bytes, ...]:
        """The first ``limit`` lines as they go on the wire, without their ends."""
        begin = b""
        for chunk in self.chunks():
            begin += chunk
            if begin.count(b"\n") >= limit:
                break
        return tuple(begin.split(b"\r\n")[:-1][:limit])

    def _text(self) -> Iterator[bytes]:
        """Head and body; the first block of the body goes with the head, for one packet less."""
        begin = self._head
        for block in self._content.lines(self._skip):
            yield begin + block if begin else block
            begin = b""
        if begin:
            yield begin


def _crlf(text: bytes) -> bytes:
    """Text with LF line ends as it goes on the wire.  (To count the LFs would take twice as long.)"""
    return text.replace(b"\n", b"\r\n")


def _from_argument(text: str) -> bytes:
    """The octets an argument stands for, without control characters other than TAB and line ends."""
    plain = re.sub(_ESCAPES, lambda match: _ESCAPED[match[1]], text) if "\\" in text else text
    try:
        octets = plain.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise ValueError("not valid Unicode text") from None
    control = re.search(_CONTROL, octets)
    if control:
        line = 1 + len(re.findall(rb"\r\n|\r|\n", octets[: control.start()]))
        raise ValueError(f"line {line} holds the control character 0x{control[0][0]:02x}")
    return octets


def _in_time(blocks: Iterable[bytes], path: str | None, deadline: float | None) -> Iterator[bytes]:
    """The blocks; TimeoutError where they do not end until ``deadline``."""
    for block in blocks:
        yield block
        if deadline is not None and time.monotonic() >= deadline:
            raise TimeoutError(errno.ETIMEDOUT, "its end did not come in time", path)


def _header_section(content: _Content) -> tuple[list[bytes], int, int]:
    """The header fields, each with its folded lines and last LF; where the body begins, and the number of its
    first line.

    The section ends at an empty line, or at a line that is no field and thereby body.
    """
    begin = b""
    complete = True
    for text in content.lines():
        begin += text
        if len(begin) > HEAD_LIMIT:
            complete = False
            break
        if b"\n\n" in begin:
            break
    fields: list[bytes] = []
    position = 0
    if b":" not in begin:
        return fields, 0, 1
    field = re.compile(_FIELD)
    while True:
        match = field.match(begin, position)
        if match is None:
            break
        fields.append(match[0] if match[0].endswith(b"\n") else match[0] + b"\n")
        position = match.end()
    if fields and not complete and b"\n" not in begin[position:]:
        raise ValueError(f"a header section over {HEAD_LIMIT // 1024} KiB")
    if fields and begin[position : position + 1] == b"\n":
        position += 1
    return fields, position, 1 + begin.count(b"\n", 0, position)


def _check(blocks: Iterable[bytes], first_line: int) -> tuple[int, str]:
    """One pass over text with LF line ends, of which ``first_line`` is the number of the first.

    Its octets with CRLF line ends, the last line's too; and its character set: us-ascii, utf-8 or unknown-8bit
    (RFC 1428).  Raises ValueError for a NUL (RFC 5321 section 4.5.2) and a line that is too long.
    """
    octets = before = 0  # with CRLF, and as they are
    room = LINE_LIMIT  # octets the line begun may still have
    ended = True
    decoder = None
    charset = "us-ascii"
    for block in blocks:
        nul = block.find(b"\0")
        if nul >= 0:
            number = first_line + octets - before + block.count(b"\n", 0, nul)
            raise ValueError(f"line {number} holds a NUL character")
        position = 0
        # From one line end to the last one in reach: about a thousand octets a step, however short the lines.
        while True:
            end = block.rfind(b"\n", position, position + room + 1)
            if end < 0:
                break
            position = end + 1
            room = LINE_LIMIT
        room -= len(block) - position
        if room < 0:
            number = first_line + octets - before + block.count(b"\n", 0, position)
            raise ValueError(f"line {number} is longer than {LINE_LIMIT} octets")
        if charset == "us-ascii" and not block.isascii():
            charset = "utf-8"
            decoder = codecs.getincrementaldecoder("utf-8")()
        if decoder:
            try:
                decoder.decode(block)
            except UnicodeDecodeError:
                charset, decoder = "unknown-8bit", None
        octets += len(_crlf(block))
        before += len(block)
        ended = block.endswith(b"\n")
    if decoder and decoder.getstate()[0]:
        charset = "unknown-8bit"
    return octets + (0 if ended else 2), charset


def _is_utf8(fields: Iterable[bytes]) -> bool:
    try:
        b"".join(fields).decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _changed(given: Iterable[bytes], changes: Sequence[tuple[str, str]]) -> list[bytes]:
    """The fields, with ``changes`` in place of those of the same name."""
    replaced = {name.lower() for name, _ in changes}
    kept = [field for field in given if _name(field) not in replaced]
    return kept + [_field(name, value, encode=True) for name, value in changes]


def _name(field: bytes) -> str:
    return field.partition(b":")[0].rstrip().decode("ascii").lower()


def _field(name: str, value: str, encode: bool = False) -> bytes:
    """One header field with its LF, folded at spaces as RFC 5322 section 2.2.3 has it; with ``encode`` in ASCII where
    it has such a form (RFC 2047).

    Raises ValueError for what cannot be a field.
    """
    if not name or not name.isascii() or not name.isprintable() or " " in name or ":" in name:
        raise ValueError("a header name is printable ASCII without space and colon")
    try:
        octets = value.encode("utf-8")
    except UnicodeEncodeError:
        raise ValueError(f"the value of header {name} is not valid Unicode text") from None
    if octets.translate(None, _ALL_CONTROLS) != octets:
        raise ValueError(f"the value of header {name} holds a control character")
    if encode and not value.isascii():
        from .encoded_words import encoded  # noqa: PLC0415 - loads email, half as much as all of a check

        octets = encoded(name, value.strip(" ")).encode()
    line = name.encode() + b":"
    stripped = octets.strip(b" ")
    if stripped and len(line) + 1 + len(stripped) <= FOLD_LIMIT:
        return line + b" " + stripped + b"\n"
    lines = []
    for position, word in enumerate(re.findall(_WORD, b" " + stripped)):
        if position and len(line) + len(word) > FOLD_LIMIT:
            lines.append(line)
            line = b""
        line += word
    lines.append(line)
    if any(len(line) > LINE_LIMIT for line in lines):
        raise ValueError(f"header {name} has a word too long for a line of {LINE_LIMIT} octets")
    return b"\n".join(lines) + b"\n"


def _required(
    sender: Mailbox | None, recipients: Sequence[Mailbox], host_name: str, charset: str
) -> Iterator[tuple[str, str]]:
    """The fields to be there (RFC 5322 section 3.6, RFC 3834 section 5) and one to filter by."""
    yield "Date", date(time.time())
    yield "From", sender.header() if sender and sender.local else f"postmaster@{host_name}"
    if recipients:
        yield "To", ", ".join(recipient.header() for recipient in recipients)
    yield "Message-ID", f"<{os.urandom(16).hex()}@{host_name}>"
    yield "Auto-Submitted", "auto-generated"
    yield "X-Check-SMTP-Status", f"{__version__}; host={host_name}"
    if charset != "us-ascii":
        yield "MIME-Version", "1.0"
        yield "Content-Type", f"text/plain; charset={charset}"
        yield "Content-Transfer-Encoding", "8bit"


def date(seconds: float) -> str:
    """Date and time of RFC 5322 section 3.3, in UTC; strftime would write it in the locale's language."""
    now = time.gmtime(seconds)
    day = f"{_DAYS[now.tm_wday]}, {now.tm_mday} {_MONTHS[now.tm_mon - 1]} {now.tm_year}"
    return f"{day} {now.tm_hour:02}:{now.tm_min:02}:{now.tm_sec:02} +0000"
