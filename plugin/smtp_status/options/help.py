"""The manual that ``--help`` prints, made from the table of options."""

from __future__ import annotations

from ..findings import ARRIVAL_FAULTS, FAULTS
from ..stages import MAILBOX_STAGES, STAGES
from . import table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from .table import Option

WIDTH = 79
INDENT = 6

USAGE = f"Usage: {table.PROGRAM} [options] [{' ['.join(table.OPERANDS)}{']' * len(table.OPERANDS)}"

ABOUT = """\
Takes a mail through an SMTP server the way a sender does (connect, greeting,
EHLO, STARTTLS, AUTH, MAIL, RCPT, DATA, message, QUIT), judges every reply and
reports the time of every command. HOST, FROM, TO and DATA say the same as
--hostname, --from, --to and --data.
"""

STATE_TABLE = (
    ("every stage succeeded, times within their ranges", "OK"),
    ("4yz other than 421 at mail, rcpt, data, message", "WARNING"),
    ("any other refusal or error code, 421 anywhere", "CRITICAL"),
    ("no connection, connection lost, broken protocol", "CRITICAL"),
    ("TLS failed; certificate untrusted, misnamed, expired", "CRITICAL"),
    ("an extension that was asked for is not offered", "CRITICAL"),
    ("deadline passed", "CRITICAL, or as -t says"),
    ("anything wrong at quit, when all before was good", "WARNING"),
    ("a message lost, filed as spam, or there twice", "WARNING"),
    ("two lost, one come back, no way into the mailbox", "CRITICAL"),
    ("time outside of a range", "that of the range"),
    ("bad usage, unreadable file, bug in the plugin", "UNKNOWN"),
)
"""The states in short, for people: outcome and state."""

RULES = (
    "--state STAGE[:WHAT]=STATE overrides them. STAGE is a stage or any. WHAT is a reply code with x for any digit"
    " (450, 45x, 5xx; 2xx for what must not succeed), failure or error (a refusal, or a server that cannot), or one"
    " of the kinds below; without WHAT the rule is for whatever goes wrong there. STATE is ok, warning, critical or"
    " unknown. The most specific rule wins: a named stage before any, a code or kind before none, more digits before"
    " fewer; then the later one."
)

RANGES = (
    "RANGE is that of the Monitoring Plugins guidelines, in seconds: 5 (from 0 to 5 is good), 0.1:5, ~:5, or @5:10"
    " (from 5 to 10 is bad)."
)

EXAMPLES = (
    (
        "Does the server take mail for bob? Nothing is delivered:",
        "-H mx.example.org -f probe@example.net \\\n    --to bob@example.org --quit-after rcpt",
    ),
    (
        "A whole mail, by position, with limits for total and one stage:",
        "-w 2 -c 5 --stage-critical rcpt=1 \\\n    mx.example.org probe@example.net bob@example.org \\\n"
        "    'Subject: test\\n\\nhello'",
    ),
    (
        "Submission with STARTTLS, login and a certificate good for 21 days:",
        "-H smtp.example.org -p 587 -S -D 21,7 -U probe \\\n    --authpass-file /etc/icinga2/probe.secret",
    ),
    (
        "A server that must not relay:",
        "-H mx.example.org --to x@elsewhere.example \\\n    --quit-after rcpt --state rcpt:5xx=ok,rcpt:2xx=critical",
    ),
    (
        "Greylisting is no reason to worry:",
        "-H mx.example.org --to bob@example.org \\\n    --state rcpt:45x=ok",
    ),
    (
        "All mail exchangers of a domain, with DANE:",
        "-d example.org --to postmaster@example.org --dane require",
    ),
    ("Dovecot's LMTP socket:", "-L -H /run/dovecot/lmtp --to bob@example.org"),
)
"""Purpose and options of some calls; a backslash at a line's end continues it."""


def text() -> str:
    """The whole manual, in lines of at most WIDTH characters, with a line end at its end."""
    return "\n".join(_lines()) + "\n"


def signature(option: Option) -> str:
    """An option as it is written: ``-p, --port N``."""
    letter = f"-{option.letter}, " if option.letter else ""
    names = ", ".join(f"--{name}" for name in option.names)
    if not option.metavar:
        value = ""
    elif option.optional:
        value = f"=[{option.metavar}]" if option.name == "extra-opts" else f"[={option.metavar}]"
    else:
        value = f" {option.metavar}"
    return f"{letter}{names}{value.replace('[[', '[').replace(']]', ']')}"


def _lines() -> Iterator[str]:
    yield USAGE
    yield ""
    yield from ABOUT.splitlines()
    for group in table.GROUPS:
        yield ""
        yield f"{group}:"
        for option in table.OPTIONS:
            if option.group == group:
                yield f"  {signature(option)}"
                yield from _wrapped(option.help, INDENT)
    yield ""
    yield "Stages, in their order:"
    yield from _wrapped(" ".join(STAGES), 2)
    yield from _wrapped(
        "sts is there with --mta-sts only; tls comes before banner with --ssl; command is any other --command.", 2
    )
    yield from _wrapped(f"With --imap {' '.join(MAILBOX_STAGES)} follow.", 2)
    yield ""
    yield "States:"
    widest = max(len(outcome) for outcome, _ in STATE_TABLE)
    for outcome, state in STATE_TABLE:
        yield f"  {outcome:{widest}}  {state}".rstrip()
    yield ""
    yield from _wrapped(RULES, 2)
    yield "  Kinds:"
    yield from _wrapped(" ".join(FAULTS), 4)
    yield "  Of imap, arrive and clean besides:"
    yield from _wrapped(" ".join(ARRIVAL_FAULTS), 4)
    yield ""
    yield from _wrapped(RANGES, 2)
    yield ""
    yield "Exit codes: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN."
    yield ""
    yield "Examples:"
    for purpose, call in EXAMPLES:
        yield f"  {purpose}"
        yield from f"    {table.PROGRAM} {call}".replace("\n", "\n  ").split("\n")


def _wrapped(words: str, indent: int) -> Iterator[str]:
    line = ""
    for word in words.split():
        if line and indent + len(line) + 1 + len(word) > WIDTH:
            yield " " * indent + line
            line = word
        else:
            line = f"{line} {word}" if line else word
    yield " " * indent + line
