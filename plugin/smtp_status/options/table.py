"""The table of all options: the one place that the parser, ``--help``, README and the Icinga command read."""

from __future__ import annotations

from ..record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

PROGRAM = "check_smtp_status"

OPERANDS = ("HOST", "FROM", "TO", "DATA")
"""What stands on the command line without an option, in this order."""


class Option(NamedTuple):
    """One option.

    ``name`` is the long name without hyphens and ``letter`` the short one ('' for none).  ``metavar`` is '' for an
    option without value.  ``many``: each use adds to the ones before (otherwise the last one counts).
    ``optional``: the long form may carry a value behind ``=``, the letter never does.  ``aliases`` are further
    long names.  ``secret``: the value is never shown.
    """

    name: str
    letter: str
    metavar: str
    group: str
    many: bool = False
    optional: bool = False
    aliases: tuple[str, ...] = ()
    secret: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """All long names, the main one first."""
        return (self.name, *self.aliases)

    @property
    def help(self) -> str:
        """What it is for, as plain text; what the default is stands in it."""
        from .descriptions import WORDS  # noqa: PLC0415 - no check needs them

        return WORDS[self.name]


GROUPS = (
    "Server",
    "Transaction",
    "Message",
    "TLS",
    "Authentication",
    "Mail domain",
    "Arrival",
    "Judgement",
    "General",
)
"""The groups in the order of ``--help``."""

OPTIONS = (
    Option("hostname", "H", "HOST", "Server", many=True),
    Option("port", "p", "N", "Server"),
    Option("use-ipv4", "4", "", "Server"),
    Option("use-ipv6", "6", "", "Server"),
    Option("source", "", "ADDR", "Server"),
    Option("proxy", "r", "SRC:PORT,DST:PORT", "Server", optional=True),
    Option("proxy-version", "", "{1,2}", "Server"),
    Option("lmtp", "L", "", "Server"),
    Option("fqdn", "F", "NAME", "Transaction"),
    Option("helo", "", "", "Transaction"),
    Option("expect", "e", "STRING", "Transaction"),
    Option("from", "f", "ADDR", "Transaction"),
    Option("to", "", "ADDR", "Transaction", many=True),
    Option("quit-after", "", "STAGE", "Transaction"),
    Option("command", "C", "CMD", "Transaction", many=True),
    Option("response", "R", "REGEX", "Transaction", many=True),
    Option("data", "", "TEXT", "Message"),
    Option("data-file", "", "FILE", "Message"),
    Option("subject", "", "TEXT", "Message"),
    Option("header", "", "'NAME: VALUE'", "Message", many=True),
    Option("starttls", "S", "", "TLS"),
    Option("ssl", "s", "", "TLS", aliases=("tls",)),
    Option("certificate", "D", "WARN[,CRIT]", "TLS"),
    Option("tls-name", "", "NAME", "TLS"),
    Option("ca", "", "FILE_OR_DIR", "TLS"),
    Option("client-cert", "", "FILE", "TLS"),
    Option("client-key", "", "FILE", "TLS"),
    Option("tls-min", "", "{1.0,1.1,1.2,1.3}", "TLS"),
    Option("tls-ciphers", "", "LIST", "TLS"),
    Option("no-verify", "", "", "TLS"),
    Option("ignore-certificate-expiration", "", "", "TLS"),
    Option("sni", "", "", "TLS"),
    Option("authtype", "A", "MECH", "Authentication"),
    Option("authuser", "U", "USER", "Authentication"),
    Option("authpass", "P", "PASS", "Authentication", secret=True),
    Option("authpass-file", "", "FILE", "Authentication"),
    Option("auth-plaintext", "", "", "Authentication"),
    Option("domain", "d", "DOMAIN", "Mail domain"),
    Option("nameserver", "", "ADDR[:PORT]", "Mail domain"),
    Option("all-addresses", "", "", "Mail domain"),
    Option("require", "", "{all,any,N}", "Mail domain"),
    Option("dane", "", "{off,try,require}", "Mail domain"),
    Option("mta-sts", "", "", "Mail domain"),
    Option("imap", "", "HOST[:PORT]", "Arrival"),
    Option("imap-tls", "", "{ssl,starttls,off}", "Arrival"),
    Option("imap-tls-name", "", "NAME", "Arrival"),
    Option("imap-user", "", "USER", "Arrival"),
    Option("imap-pass", "", "PASS", "Arrival", secret=True),
    Option("imap-pass-file", "", "FILE", "Arrival"),
    Option("imap-authtype", "", "MECH", "Arrival"),
    Option("imap-folder", "", "NAME", "Arrival", many=True),
    Option("imap-spam", "", "NAME", "Arrival", many=True),
    Option("wait", "", "SECONDS", "Arrival"),
    Option("lost-after", "", "SECONDS[,FORGET]", "Arrival"),
    Option("lost", "", "WARN[,CRIT]", "Arrival"),
    Option("pending", "", "WARN[,CRIT]", "Arrival"),
    Option("authserv-id", "", "NAME", "Arrival"),
    Option("require-auth", "", "METHOD[,METHOD]", "Arrival"),
    Option("probe-name", "", "NAME", "Arrival"),
    Option("key-file", "", "FILE", "Arrival"),
    Option("collect", "", "", "Arrival"),
    Option("every", "", "SECONDS", "Arrival"),
    Option("warning", "w", "RANGE", "Judgement"),
    Option("critical", "c", "RANGE", "Judgement"),
    Option("stage-warning", "", "STAGE=RANGE[,...]", "Judgement", many=True),
    Option("stage-critical", "", "STAGE=RANGE[,...]", "Judgement", many=True),
    Option("state", "", "STAGE[:WHAT]=STATE[,...]", "Judgement", many=True),
    Option("ignore-quit-failure", "q", "", "Judgement"),
    Option("timeout", "t", "SECONDS[:STATE]", "Judgement"),
    Option("extra-opts", "", "[SECTION][@FILE]", "General", many=True, optional=True),
    Option("verbose", "v", "", "General", many=True),
    Option("output-format", "", "{json,FORMAT}", "General"),
    Option("version", "V", "", "General"),
    Option("help", "h", "", "General"),
)
"""Every option there is, in the order of ``--help``."""


def by_letter(letter: str) -> Option | None:
    """The option with this short name."""
    return next((option for option in OPTIONS if letter and option.letter == letter), None)


def by_name(name: str) -> Iterator[tuple[str, Option]]:
    """Long names that ``name`` stands for, each with its option: the one it is, else all it is a prefix of."""
    for option in OPTIONS:
        if name in option.names:
            return iter([(name, option)])
    return ((long, option) for option in OPTIONS for long in option.names if long.startswith(name))
