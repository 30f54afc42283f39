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
    long names.  ``secret``: the value is never shown.  ``help`` is plain text; what the default is stands in it.
    """

    name: str
    letter: str
    metavar: str
    group: str
    help: str
    many: bool = False
    optional: bool = False
    aliases: tuple[str, ...] = ()
    secret: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """All long names, the main one first."""
        return (self.name, *self.aliases)


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
    Option(
        "hostname",
        "H",
        "HOST",
        "Server",
        "Name, IPv4 or IPv6 address (also [::1]), or absolute path of a unix socket. Given several times, all of"
        " them are checked at once. Default: localhost.",
        many=True,
    ),
    Option("port", "p", "N", "Server", "Port, 1 to 65535. Default: 25, with --ssl 465."),
    Option("use-ipv4", "4", "", "Server", "Use IPv4 only."),
    Option("use-ipv6", "6", "", "Server", "Use IPv6 only."),
    Option("source", "", "ADDR", "Server", "Local address to connect from."),
    Option(
        "proxy",
        "r",
        "SRC:PORT,DST:PORT",
        "Server",
        "Send a PROXY protocol header (version 1) first, with the addresses of the connection or those given.",
        optional=True,
    ),
    Option("lmtp", "L", "", "Server", "Speak LMTP: LHLO, and one reply per recipient after the message."),
    Option(
        "fqdn",
        "F",
        "NAME",
        "Transaction",
        "Name for EHLO or LHLO. Default: the name of this host (uname -n) if it has a dot, else the address"
        " literal of the connection.",
    ),
    Option(
        "expect",
        "e",
        "STRING",
        "Transaction",
        "Text that some line of the greeting must hold. When it begins with three digits it must stand at the"
        " start of a line and replaces the demand for 220. Default: 220.",
    ),
    Option(
        "from",
        "f",
        "ADDR",
        "Transaction",
        "Envelope sender; '' or <> is the null reverse-path. Without --from and --to no MAIL is sent. Default:"
        " the null reverse-path.",
    ),
    Option(
        "to",
        "",
        "ADDR",
        "Transaction",
        "Envelope recipient, repeatable. Without one the transaction ends before RCPT and no mail is sent.",
        many=True,
    ),
    Option(
        "quit-after",
        "",
        "STAGE",
        "Transaction",
        "Stop cleanly after this stage (see Stages). --quit-after rcpt asks for every recipient but delivers"
        " nothing. Default: run to the end.",
    ),
    Option(
        "command",
        "C",
        "CMD",
        "Transaction",
        "Raw command to send after EHLO, TLS, AUTH and (with --from) MAIL, before QUIT. Repeatable; the first"
        " that fails ends the sequence.",
        many=True,
    ),
    Option(
        "response",
        "R",
        "REGEX",
        "Transaction",
        "Regular expression that some line of the reply to the --command of the same rank must match: at the"
        " start of the line if it begins with a digit, else anywhere in it. Repeatable. Default: the reply"
        " codes of the RFCs.",
        many=True,
    ),
    Option(
        "data",
        "",
        "TEXT",
        "Message",
        "The message: header lines, an empty line, the body. \\n, \\t and \\\\ are understood. Text whose first"
        " line is no 'Name: ...' is all body. Default: a small test message.",
    ),
    Option("data-file", "", "FILE", "Message", "Read the message from FILE, - for standard input."),
    Option("subject", "", "TEXT", "Message", "Subject of the message. Default: SMTP PROTOCOL TESTING."),
    Option("header", "", "'NAME: VALUE'", "Message", "Add a header line or change one. Repeatable.", many=True),
    Option("starttls", "S", "", "TLS", "Require STARTTLS."),
    Option("ssl", "s", "", "TLS", "TLS from the first byte; the port is then 465.", aliases=("tls",)),
    Option(
        "certificate",
        "D",
        "WARN[,CRIT]",
        "TLS",
        "Days: WARNING or CRITICAL unless the certificate is valid for more. Implies --starttls where --ssl is not"
        " given. An expired one is always CRITICAL.",
    ),
    Option("tls-name", "", "NAME", "TLS", "Name the certificate must have, also sent as SNI. Default: HOST."),
    Option("ca", "", "FILE_OR_DIR", "TLS", "Trust these CAs. Default: those of the system."),
    Option("client-cert", "", "FILE", "TLS", "Client certificate (PEM), with its chain."),
    Option("client-key", "", "FILE", "TLS", "Key of the client certificate. Default: in the same file."),
    Option("tls-min", "", "{1.2,1.3}", "TLS", "Lowest TLS version to accept. Default: 1.2."),
    Option("no-verify", "", "", "TLS", "Do not verify the certificate."),
    Option(
        "ignore-certificate-expiration",
        "",
        "",
        "TLS",
        "Same as --state tls:expired=ok, and days are not judged.",
    ),
    Option("sni", "", "", "TLS", "Accepted for check_smtp's sake: SNI is always sent for names."),
    Option(
        "authtype",
        "A",
        "MECH",
        "Authentication",
        "EXTERNAL, SCRAM-SHA-256, SCRAM-SHA-1, CRAM-MD5, OAUTHBEARER, XOAUTH2, PLAIN or LOGIN. Default with"
        " --authuser: the strongest that both sides know.",
    ),
    Option("authuser", "U", "USER", "Authentication", "User to log in as."),
    Option(
        "authpass",
        "P",
        "PASS",
        "Authentication",
        "Password, or token for OAUTHBEARER and XOAUTH2. Other users of this host can see it in the process"
        " list: better use a file, the environment variable SMTP_STATUS_AUTHPASS or --extra-opts.",
        secret=True,
    ),
    Option("authpass-file", "", "FILE", "Authentication", "File that holds the password on one line."),
    Option(
        "auth-plaintext",
        "",
        "",
        "Authentication",
        "Allow PLAIN, LOGIN and the OAuth mechanisms without TLS to another host.",
    ),
    Option(
        "domain",
        "d",
        "DOMAIN",
        "Mail domain",
        "Check every mail exchanger of DOMAIN, all at once, instead of one HOST.",
    ),
    Option("nameserver", "", "ADDR[:PORT]", "Mail domain", "Resolver to ask. Default: those of the system."),
    Option(
        "all-addresses",
        "",
        "",
        "Mail domain",
        "Check every address of a host, not the first that connects.",
    ),
    Option(
        "require",
        "",
        "{all,any,N}",
        "Mail domain",
        "How many of several servers must accept. Default: WARNING when some fail; when all do, the state of the"
        " mildest, at least WARNING.",
    ),
    Option(
        "dane",
        "",
        "{off,try,require}",
        "Mail domain",
        "Judge TLS by TLSA records (RFC 7672) of usage 2 and 3: never, where there are any, or insist on them. Needs"
        " no more than dnspython. Default: off.",
    ),
    Option("mta-sts", "", "", "Mail domain", "Judge by the MTA-STS policy of the domain (RFC 8461)."),
    Option(
        "imap",
        "",
        "HOST[:PORT]",
        "Arrival",
        "The message must arrive in a mailbox of this IMAP server. Needs --to. Each run leaves a note in the mailbox"
        " and settles those of the runs before: arrived, under way, lost or come back. Default: arrival is not"
        " looked at.",
    ),
    Option(
        "imap-tls",
        "",
        "{ssl,starttls,off}",
        "Arrival",
        "TLS from the first byte, by STARTTLS, or none. Default: ssl, port 993; else port 143.",
    ),
    Option("imap-tls-name", "", "NAME", "Arrival", "Name the certificate must have. Default: the HOST of --imap."),
    Option("imap-user", "", "USER", "Arrival", "User to log in as. Default: that of --authuser."),
    Option(
        "imap-pass",
        "",
        "PASS",
        "Arrival",
        "Password or token. As with --authpass, better use a file, the environment variable SMTP_STATUS_IMAPPASS or"
        " --extra-opts. Default: that of --authuser.",
        secret=True,
    ),
    Option("imap-pass-file", "", "FILE", "Arrival", "File that holds it on one line, read at each run."),
    Option(
        "imap-authtype",
        "",
        "MECH",
        "Arrival",
        "SCRAM-SHA-256, SCRAM-SHA-1, CRAM-MD5, OAUTHBEARER, XOAUTH2, PLAIN or LOGIN. Default: the strongest that both"
        " sides know; OAuth has to be named.",
    ),
    Option(
        "imap-folder",
        "",
        "NAME",
        "Arrival",
        "Folder where arriving is right. Repeatable; the first one also holds the notes. Default: INBOX.",
        many=True,
    ),
    Option(
        "imap-spam",
        "",
        "NAME",
        "Arrival",
        "Folder that means spam, repeatable; none for none. Default: those the server marks as such, else the first of"
        " Junk, Spam, Junk Email, Junk E-mail, Junk Mail, Bulk Mail.",
        many=True,
    ),
    Option(
        "wait",
        "",
        "SECONDS",
        "Arrival",
        "How long this run waits for its own message, never beyond 1 s before the end of --timeout. 0 and fractions"
        " are allowed. Default: 5.",
    ),
    Option(
        "lost-after",
        "",
        "SECONDS[,FORGET]",
        "Arrival",
        "A message that has not come by then is lost, and told as such for FORGET more seconds. Default: 3600,3600.",
    ),
    Option(
        "lost",
        "",
        "WARN[,CRIT]",
        "Arrival",
        "Lost messages from which on it is WARNING, CRITICAL. Default: 1,2.",
    ),
    Option(
        "pending",
        "",
        "WARN[,CRIT]",
        "Arrival",
        "The same for messages under way. Default: none. How long one may be under way is --stage-warning arrive=,"
        " with a default of 60 s, and 600 s for --stage-critical.",
    ),
    Option(
        "authserv-id",
        "",
        "NAME",
        "Arrival",
        "Whose Authentication-Results are believed, by the name in them. Default: nobody's.",
    ),
    Option(
        "require-auth",
        "",
        "METHOD[,METHOD]",
        "Arrival",
        "spf, dkim or dmarc, which must be pass there. Default: none.",
    ),
    Option(
        "probe-name",
        "",
        "NAME",
        "Arrival",
        "Name of this check: checks of different names can share a mailbox. Default: made from servers, recipients and"
        " mailbox, so that every host makes the same.",
    ),
    Option("warning", "w", "RANGE", "Judgement", "Total time in seconds: WARNING outside of RANGE."),
    Option("critical", "c", "RANGE", "Judgement", "Total time in seconds: CRITICAL outside of RANGE."),
    Option(
        "stage-warning",
        "",
        "STAGE=RANGE[,...]",
        "Judgement",
        "The same for the time of one stage. Repeatable.",
        many=True,
    ),
    Option(
        "stage-critical",
        "",
        "STAGE=RANGE[,...]",
        "Judgement",
        "The same for the time of one stage. Repeatable.",
        many=True,
    ),
    Option(
        "state",
        "",
        "STAGE[:WHAT]=STATE[,...]",
        "Judgement",
        "Override the state of an outcome, see States. Repeatable.",
        many=True,
    ),
    Option(
        "ignore-quit-failure",
        "q",
        "",
        "Judgement",
        "Same as --state quit=ok.",
    ),
    Option(
        "timeout",
        "t",
        "SECONDS[:STATE]",
        "Judgement",
        "One deadline for everything, fractions allowed, and the state when it passes; 0 for none (a day)."
        " Default: 10:critical.",
    ),
    Option(
        "extra-opts",
        "",
        "[SECTION][@FILE]",
        "General",
        "Read options from an ini file, as monitoring-plugins does. Default: section check_smtp_status, else"
        " check_smtp, of the first standard file. Repeatable.",
        many=True,
        optional=True,
    ),
    Option(
        "verbose",
        "v",
        "",
        "General",
        "Up to three times: stage table, with what is known of DNS, TLS and certificate; transcript; which clock"
        " measured.",
        many=True,
    ),
    Option("output-format", "", "FORMAT", "General", "Accepted for check_smtp's sake and ignored."),
    Option("version", "V", "", "General", "Show the version."),
    Option("help", "h", "", "General", "Show this text."),
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
