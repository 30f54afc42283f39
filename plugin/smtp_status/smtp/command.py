"""Commands: raw ones as the user gave them, and the form of each on the wire (RFC 5321 section 4.1.1)."""

from __future__ import annotations

from ..record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from re import Pattern


class RawCommand(NamedTuple):
    """One ``-C`` with its ``-R``: the line without its end, and the pattern that judges the reply (None: the
    reply table does).  The pattern is to be searched in every line of the reply by itself, each with its code and
    without its end."""

    line: bytes
    expected: Pattern[str] | None = None

    @property
    def stage(self) -> str:
        """The stage the command counts as."""
        if self.line == b".":
            return "message"
        word = self.line.partition(b" ")[0].upper()
        return {b"MAIL": "mail", b"RCPT": "rcpt", b"DATA": "data"}.get(word, "command")


def command_line(line: bytes) -> bytes:
    """The line as it goes on the wire.  Raises ValueError where it would be more than one line."""
    if b"\r" in line or b"\n" in line:
        raise ValueError("line end inside a command")
    return line + b"\r\n"
