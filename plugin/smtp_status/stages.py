"""The stages of a conversation."""

from __future__ import annotations

STAGES = (
    "dns",
    "sts",
    "connect",
    "banner",
    "ehlo",
    "starttls",
    "tls",
    "auth",
    "mail",
    "rcpt",
    "data",
    "message",
    "command",
    "quit",
)
"""All stages in the order of the output; ``tls`` really comes before ``banner`` with TLS from the first byte."""
