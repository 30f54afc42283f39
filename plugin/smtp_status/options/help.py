"""The manual that ``--help`` prints, made from the table of options."""

from __future__ import annotations

from . import table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from .table import Option

WIDTH = 79
INDENT = 6

_BESIDE = 19

USAGE = f"Usage: {table.PROGRAM} [options] [{' ['.join(table.OPERANDS)}{']' * len(table.OPERANDS)}"

ABOUT = """\
Proves that a mail server takes mail: hands it a mail the way another mail
server would (or a part of one, as far as you say), looks at every reply and
reports the time of every step. Without options it says hello to localhost.
HOST, FROM, TO and DATA say the same as --hostname, --from, --to and --data.
"""

STAGE_TABLE = (
    ("dns", "the name of the server is looked up", "the host is a name"),
    ("sts", "the domain's policy on TLS is fetched (MTA-STS)", "--mta-sts"),
    ("connect", "the connection is made", "always"),
    ("banner", "the server greets; with -r the PROXY header goes before", "always"),
    ("ehlo", "this host says its name (EHLO, HELO, LHLO), the server what it can; once more after STARTTLS", "always"),
    ("starttls", "the server is asked to go on encrypted", "-S, or -D without -s; where offered: --dane, --mta-sts"),
    ("tls", "encryption begins, and the certificate is looked at; before banner with -s", "-S, -s, -D"),
    ("auth", "login (AUTH)", "-U"),
    ("mail", "the server is told the sender (MAIL)", "-f or --to"),
    ("rcpt", "the server is asked whether it takes mail for a recipient (RCPT), for each", "--to"),
    ("data", "the message is announced (DATA)", "--to"),
    ("message", "the message is sent, and the server says whether it has it", "--to"),
    ("command", "raw commands but MAIL, RCPT, DATA and the final dot, which count as the stages of these names", "-C"),
    ("quit", "goodbye (QUIT)", "a connection that still takes commands"),
    ("imap", "the mailbox is opened, and a note left in it", "--imap"),
    ("arrive", "the mailbox is searched for the message, and for those of earlier runs", "--imap"),
    ("clean", "messages and notes that are settled are deleted", "--imap"),
)
"""Every stage in order: its name, what happens, and when it is there."""

KIND_TABLE = (
    ("refused", "connection refused"),
    ("unreachable", "no route, or a resolver that fails for now"),
    ("timeout", "the deadline passed"),
    ("closed", "the server closed or reset the connection"),
    ("protocol", "a reply that is none, that came unasked, or that answers another question"),
    ("missing", "an extension that is needed is not offered"),
    ("mismatch", "the text of -e or -R is not there"),
    ("handshake", "TLS could not agree"),
    ("verify", "certificate of an unknown or untrusted issuer"),
    ("expired", "certificate expired, or not yet valid"),
    ("name", "certificate for another name"),
    ("notfound", "no such host, no such socket"),
    ("nullmx", "the domain says that it accepts no mail"),
    ("nodata", "the name exists, but has no such record"),
    ("servfail", "a name server failed"),
    ("bogus", "DNSSEC signatures that do not hold"),
    ("insecure", "records that DNSSEC does not protect, where --dane require wants them"),
    ("policy", "the MTA-STS policy is missing, not valid, or not met"),
    ("full", "the mailbox is full"),
    ("bounced", "the message came back"),
    ("lost", "the message did not arrive within --lost-after"),
    ("late", "the message arrived too late, or is under way for too long"),
    ("pending", "the message is under way"),
    ("spam", "the message landed in a folder for spam"),
    ("duplicate", "the message arrived more than once"),
    ("unauthenticated", "what --require-auth wants is not met"),
    ("skipped", "a folder has more messages than are looked at"),
)
"""Every kind of fault, and what went wrong."""

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

CODES = (
    "4yz is a reply code that begins with 4: not now, try again later. 5yz is a refusal, 2yz a yes, 421 a server that"
    " closes."
)

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
    for stage, what, _when in STAGE_TABLE:
        yield from _listed(stage, what)
    yield ""
    yield "States:"
    widest = max(len(outcome) for outcome, _ in STATE_TABLE)
    for outcome, state in STATE_TABLE:
        yield f"  {outcome:{widest}}  {state}".rstrip()
    yield from _wrapped(CODES, 2)
    yield ""
    yield from _wrapped(RULES, 2)
    yield "  Kinds:"
    for kind, what in KIND_TABLE:
        yield from _listed(kind, what)
    yield ""
    yield from _wrapped(RANGES, 2)
    yield ""
    yield "Exit codes: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN."
    yield ""
    yield "Examples:"
    for purpose, call in EXAMPLES:
        yield f"  {purpose}"
        yield from f"    {table.PROGRAM} {call}".replace("\n", "\n  ").split("\n")


def _listed(name: str, words: str) -> Iterator[str]:
    """A name, and what it means beside it."""
    first, *rest = _wrapped(words, _BESIDE)
    yield f"  {name:{_BESIDE - 2}}{first.lstrip()}"
    yield from rest


def _wrapped(words: str, indent: int) -> Iterator[str]:
    line = ""
    for word in words.split():
        if line and indent + len(line) + 1 + len(word) > WIDTH:
            yield " " * indent + line
            line = word
        else:
            line = f"{line} {word}" if line else word
    yield " " * indent + line
