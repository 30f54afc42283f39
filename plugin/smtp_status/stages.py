"""The stages of a run."""

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
"""The stages of a conversation in the order of the output; ``tls`` really comes before ``banner`` with TLS from the
first byte."""

MAILBOX_STAGES = ("imap", "arrive", "clean")
"""What follows where the message has to arrive in a mailbox: the mailbox itself, the arrival, the deleting."""

ALL_STAGES = (*STAGES, *MAILBOX_STAGES)
