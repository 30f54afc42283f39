"""Delivery reports: mail that came back (RFC 3464, in the form of RFC 6522)."""

from __future__ import annotations

from ..record import NamedTuple
from . import fields, probe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from email.message import Message
    from typing import Any

FAILED = "failed"

_RETURNED = ("message/rfc822", "text/rfc822-headers", "message/global", "message/global-headers")
_STATUS = ("message/delivery-status", "message/global-delivery-status")


class Report(NamedTuple):
    """A report on the message with ``token``.  ``action`` is ``failed``, ``delayed``, or another that RFC 3464 section
    2.3.3 has; ``words`` are the last server's (else the status code); ``server`` made the report.  Foreign text."""

    token: str
    name: str
    action: str
    words: str
    server: str


def is_report(header: fields.Fields) -> bool:
    """Whether a message with this header is a delivery report, by its Content-Type."""
    kind = fields.first(header, "content-type") or ""
    if kind.partition(";")[0].strip().lower() != "multipart/report":
        return False
    # A read receipt (disposition-notification) is one of another kind; older systems name none.
    return fields.parameters(kind).get("report-type", "delivery-status").lower().endswith("delivery-status")


def parse(octets: bytes) -> Report | None:
    """The report that the message ``octets`` is, which may be cut at its end; None where it names no probe."""
    from email.parser import BytesParser  # noqa: PLC0415 - only where mail came back

    try:
        return _read(BytesParser().parsebytes(octets))
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        # Anybody may have written it, and the parser gives way to some of what can be made up.
        return None


def _read(message: Message) -> Report | None:
    returned: probe.Sender | None = None
    action = words = server = ""
    for part in message.walk():
        kind = part.get_content_type()
        if kind in _STATUS and not action:
            action, words, server = _status(part)
        elif kind in _RETURNED and returned is None:
            returned = probe.sender(_returned_header(part))
    if returned is None or not action:
        return None
    return Report(returned.token, returned.name, action, words, server)


def _status(part: Message) -> tuple[str, str, str]:
    """Action, words and reporting server: those of the first recipient that failed, else of the first."""
    blocks: Any = part.get_payload()
    if not isinstance(blocks, list) or not blocks:
        return "", "", ""
    server = _behind_type(_value(blocks[0], "Reporting-MTA"))
    recipients = [block for block in blocks if _value(block, "Action")]
    if not recipients:
        return "", "", server
    chosen = next((block for block in recipients if _action(block) == FAILED), recipients[0])
    words = _behind_type(_value(chosen, "Diagnostic-Code")) or _value(chosen, "Status")
    return _action(chosen), words, server


def _action(block: Message) -> str:
    return _value(block, "Action").partition(" ")[0].lower()


def _value(block: Message, name: str) -> str:
    return " ".join(str(block.get(name, "")).split())


def _behind_type(value: str) -> str:
    """``value`` without the type in front of it: ``smtp; 550 …``, ``dns; mx1.example.org``."""
    kind, semicolon, text = value.partition(";")
    return text.strip() if semicolon and kind.strip().replace("-", "").isalnum() else value


def _returned_header(part: Message) -> fields.Fields:
    """The header of the message that came back: a message of its own, or the header as text."""
    payload: Any = part.get_payload()
    if isinstance(payload, list):
        inner = payload[0] if payload else None
        pairs = inner.items() if inner is not None else []
        return [(name.lower(), " ".join(str(value).split())) for name, value in pairs]
    octets: Any = part.get_payload(decode=True)
    return fields.parse(octets.lstrip(b"\r\n") if isinstance(octets, bytes) else b"")
