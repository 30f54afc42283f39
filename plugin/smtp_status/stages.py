"""The stages of a conversation, one row for each: all that is to be known of a stage stands in its row;
and the names of those of a mailbox."""

from __future__ import annotations

from .record import NamedTuple


class Stage(NamedTuple):
    """One stage.

    ``needs`` is what a run must have for it, '' where every run has it; what a conversation has is said by
    ``smtp.plan.Plan.has``, what a run has besides in ``options.build``.
    ``without`` is what ``--quit-after`` says where it has not.  ``success`` are the words for a server with which a run
    ended well at this stage, '' for the mere ``answered``; ``successes`` those for several.
    """

    name: str
    needs: str = ""
    without: str = ""
    success: str = ""
    successes: str = ""


ROWS = (
    Stage("dns", "name", "the host is no name", "was found", "found"),
    Stage("sts", "mta-sts", "it takes --mta-sts", "was found", "found"),
    Stage("connect", success="connected", successes="connect"),
    Stage("banner"),
    Stage("ehlo"),
    Stage("starttls", "starttls", "it takes --starttls"),
    Stage("tls", "tls", "it takes --starttls or --ssl"),
    Stage("auth", "login", "it takes --authuser", "authenticated", "authenticate"),
    Stage("mail", "sender", "it takes --from or --to", "accepted the sender", "accept the sender"),
    Stage("rcpt", "recipients", "it takes --to", "accepted the recipient", "accept the recipient"),
    Stage("data", "recipients", "it takes --to"),
    Stage("message", "recipients", "it takes --to", "accepted the message", "accept mail"),
    Stage("command", "commands", "it takes --command"),
    Stage("quit"),
)
"""All stages in the order of the output; ``tls`` really comes before ``banner`` with TLS from the first byte."""

STAGES = tuple([row.name for row in ROWS])
"""Their names."""

MAILBOX_STAGES = ("imap", "arrive", "clean")
"""What follows where the message has to arrive in a mailbox: the mailbox itself, the arrival, the deleting."""

ALL_STAGES = (*STAGES, *MAILBOX_STAGES)


def row(name: str) -> Stage:
    """The row of a stage."""
    return ROWS[STAGES.index(name)]
