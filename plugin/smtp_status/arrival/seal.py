"""How a probe proves who sent it, to a receiver that has no note of it: a code of authenticity over what it says."""

from __future__ import annotations

import hmac
import time

from . import probe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..options.arrivalplan import Sealing
    from ..sasl.credentials import Secret
    from ..smtp.message import Message
    from .probe import Sender


def sealed(message: Message, sealing: Sealing, version: str, now: float) -> Message:
    """``message`` as a probe for a receiver elsewhere; ``now``: seconds since the epoch by this host's clock."""
    token = probe.new_token()
    proof = parameters(sealing.key, sealing.name, token, now)
    return message.with_fields(probe.message_fields(version, sealing.host_name, sealing.name, token, proof))


def parameters(key: Secret, name: str, token: str, now: float) -> str:
    """What stands in the probe's field besides; ``now``: seconds since the epoch by this host's clock."""
    sent = f"{now:.3f}"
    return f"sent={sent}; mac={_code(key, name, token, sent)}"


def sent_at(key: Secret, sender: Sender) -> float | None:
    """When a probe was sent, by its sender's clock in seconds since the epoch; None where that is not proved."""
    whole, point, fraction = sender.sent.partition(".")
    digits = whole + fraction
    if not point or not (digits.isascii() and digits.isdigit()) or len(digits) > len(f"{time.time():.3f}"):
        return None
    expected = _code(key, sender.name, sender.token, sender.sent)
    # As octets: text that is not ASCII would raise.
    return float(sender.sent) if hmac.compare_digest(expected.encode(), sender.mac.encode("utf-8", "replace")) else None


def _code(key: Secret, name: str, token: str, sent: str) -> str:
    about = "\0".join(("1", name, token, sent)).encode("utf-8", "surrogateescape")
    return hmac.new(key.value.encode("utf-8", "surrogateescape"), about, "sha256").hexdigest()
