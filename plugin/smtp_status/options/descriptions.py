"""What each option is for, in words that need no RFC: the text of ``--help``, of the manual page and of docs/.

Each says first what it is for.  What the default is stands in it.
"""

from __future__ import annotations

WORDS = {
    "hostname": (
        "The mail server to check: its name, its IPv4 or IPv6 address (also [::1]), or the absolute path of a"
        " unix socket. Given several times, all of them are checked at once. Default: localhost."
    ),
    "port": (
        "The port the server listens on, 1 to 65535: mail servers talk to each other on 25, users hand in mail on"
        " 587. Default: 25, with --ssl 465."
    ),
    "use-ipv4": "To see whether it works by IPv4: use IPv4 only.",
    "use-ipv6": "To see whether it works by IPv6: use IPv6 only.",
    "source": "Where this host has several addresses: the one to connect from.",
    "proxy": (
        "For a server behind a load balancer, which wants to be told who connects: send a PROXY protocol header"
        " first, with the addresses of the connection or those given."
    ),
    "proxy-version": "The version of the PROXY header: 1 is text, 2 binary. Default: 1.",
    "lmtp": (
        "To check a server that puts mail into mailboxes, such as Dovecot: speak LMTP, SMTP's sibling for this,"
        " with LHLO and one reply per recipient after the message."
    ),
    "fqdn": (
        "The name this host gives when it says hello (EHLO or LHLO); many servers look at it. Default: the name"
        " of this host (uname -n) if it has a dot, else the address literal of the connection."
    ),
    "helo": "For old servers that hang up at EHLO: say HELO, which means no STARTTLS and no login.",
    "expect": (
        "To be sure that the right server answers: text that some line of its greeting must hold. When it begins"
        " with three digits it must stand at the start of a line and replaces the demand for 220. Default: 220."
    ),
    "from": (
        "Who the test mail is from: the address that reports about it would be sent back to (the envelope"
        " sender). '' or <> is the empty one, the null reverse-path, to which nothing comes back. Without --from"
        " and --to no mail is begun. Default: the null reverse-path."
    ),
    "to": (
        "Whom the test mail is for: an address the server is asked to take mail for (an envelope recipient)."
        " Repeatable. Without one the check ends before RCPT and no mail is sent."
    ),
    "quit-after": (
        "To ask without sending: stop cleanly after this stage (see Stages). --quit-after rcpt asks for every"
        " recipient but delivers nothing. Default: run to the end."
    ),
    "command": (
        "To say something there is no option for: a raw command to send after EHLO, TLS, AUTH and (with --from)"
        " MAIL, before QUIT. Repeatable; the first that fails ends the sequence."
    ),
    "response": (
        "What the server must answer to the --command of the same rank: a regular expression that some line of"
        " the reply must match, at the start of the line if it begins with a digit, else anywhere in it."
        " Repeatable. Default: the reply codes of the RFCs."
    ),
    "data": (
        "What the test mail says: header lines, an empty line, the body. \\n, \\t and \\\\ are understood. Text"
        " whose first line is no 'Name: ...' is all body. Default: a small test message."
    ),
    "data-file": "To send a mail of your own: read the message from FILE, - for standard input.",
    "subject": "What the test mail is called: its subject. Default: SMTP PROTOCOL TESTING.",
    "header": "To mark the test mail, for a filter say: add a header line or change one. Repeatable.",
    "starttls": (
        "To check the way most mail is encrypted: begin in clear text, then switch to TLS. Require STARTTLS, the"
        " command for that."
    ),
    "ssl": "To check a port that is encrypted from the first byte (TLS), such as 465; the port is then 465.",
    "certificate": (
        "To be told before the certificate expires: WARNING or CRITICAL unless it is valid for more days than"
        " these. Implies --starttls where --ssl is not given. An expired one is always CRITICAL."
    ),
    "tls-name": (
        "Where the server is checked by an address or another name: the name its certificate must have, also sent"
        " as SNI. Default: HOST."
    ),
    "ca": (
        "For certificates that the system does not trust, of a CA of your own: trust these CAs. Default: those of"
        " the system."
    ),
    "client-cert": "For servers that ask clients for a certificate: the client's (PEM), with its chain.",
    "client-key": "The private key of the client certificate. Default: in the same file.",
    "tls-min": (
        "To insist on newer encryption, or to accept equipment that nobody can change: lowest TLS version to accept."
        " Below 1.2, small keys, weak hashes and servers without RFC 5746 are accepted too. Default: 1.2."
    ),
    "tls-ciphers": (
        "To insist on certain ciphers: a list as OpenSSL writes it, for TLS 1.2 and below. Default: OpenSSL's own."
    ),
    "no-verify": (
        "For certificates that cannot be good, such as self-signed ones: do not look who issued it and for which name."
    ),
    "ignore-certificate-expiration": (
        "Where an expired certificate is no fault: same as --state tls:expired=ok, and days are not judged."
    ),
    "sni": "Accepted for check_smtp's sake: SNI is always sent for names.",
    "authtype": (
        "To test one certain way to log in: EXTERNAL, SCRAM-SHA-512, SCRAM-SHA-512-PLUS, SCRAM-SHA-256,"
        " SCRAM-SHA-256-PLUS, SCRAM-SHA-1, SCRAM-SHA-1-PLUS, CRAM-MD5, OAUTHBEARER, XOAUTH2, PLAIN or LOGIN. Default"
        " with --authuser: the strongest that both sides know. -PLUS binds the login to its TLS connection."
    ),
    "authuser": "To log in as users do: the name of the user.",
    "authpass": (
        "The user's password, or token for OAUTHBEARER and XOAUTH2. Other users of this host can see it in the"
        " process list: better use a file, the environment variable SMTP_STATUS_AUTHPASS or --extra-opts."
    ),
    "authpass-file": "To keep the password out of the process list: a file that holds it on one line.",
    "auth-plaintext": (
        "To log in although others could read the password: allow PLAIN, LOGIN and the OAuth mechanisms without"
        " TLS to another host."
    ),
    "domain": (
        "To check all that takes mail for you: every mail exchanger (MX) of DOMAIN, all at once, instead of one HOST."
    ),
    "nameserver": "To ask a certain resolver for names. Default: those of the system.",
    "all-addresses": (
        "To find the one bad server behind a name with several: check every address of a host, not the first that"
        " connects."
    ),
    "require": (
        "How many of several servers must accept for all to be well. Default: WARNING when some fail; when all"
        " do, the state of the mildest, at least WARNING."
    ),
    "dane": (
        "To see what senders with DANE see: judge TLS by what the DNS says of the certificate, TLSA records (RFC"
        " 7672) of usage 2 and 3. off: never; try: where there are any; require: insist on them. Default: off."
    ),
    "mta-sts": (
        "To see what senders with MTA-STS see: judge by the policy on TLS that the domain publishes on the web"
        " (RFC 8461)."
    ),
    "imap": (
        "To prove that the mail arrives: an IMAP server in a mailbox of which the message must turn up. Needs"
        " --to. Each run leaves a note in the mailbox and settles those of the runs before: arrived, under way,"
        " lost or come back. Default: arrival is not looked at."
    ),
    "imap-tls": (
        "How the way to the mailbox is encrypted: TLS from the first byte, by STARTTLS, or not. Default: ssl,"
        " port 993; else port 143."
    ),
    "imap-tls-name": (
        "Where the certificate of the IMAP server has another name: the one it must have. Default: the HOST of --imap."
    ),
    "imap-user": "Whose mailbox it is: the user to log in as. Default: that of --authuser.",
    "imap-pass": (
        "The password of that user, or a token. As with --authpass, better use a file, the environment variable"
        " SMTP_STATUS_IMAPPASS or --extra-opts. Default: that of --authuser."
    ),
    "imap-pass-file": (
        "To keep that password out of the process list: a file that holds it on one line, read at each run."
    ),
    "imap-authtype": (
        "To test one certain way to log in there: SCRAM-SHA-512, SCRAM-SHA-512-PLUS, SCRAM-SHA-256,"
        " SCRAM-SHA-256-PLUS, SCRAM-SHA-1, SCRAM-SHA-1-PLUS, CRAM-MD5, OAUTHBEARER, XOAUTH2, PLAIN or LOGIN. Default:"
        " the strongest that both sides know; OAuth has to be named."
    ),
    "imap-folder": (
        "Where the message should arrive: a folder. Repeatable; the first one also holds the notes. Default: INBOX."
    ),
    "imap-spam": (
        "Where the message should not arrive: a folder that means spam, repeatable; none for none. Default: those"
        " the server marks as such, else the first of Junk, Spam, Junk Email, Junk E-mail, Junk Mail, Bulk Mail."
    ),
    "wait": (
        "How long this run waits for its own message, never beyond 1 s before the end of --timeout. 0 and"
        " fractions are allowed. Default: 5."
    ),
    "lost-after": (
        "How long before a message is given up: one that has not come by then is lost, and told as such for"
        " FORGET more seconds. Default: 3600,3600."
    ),
    "lost": "How many lost messages are too many: from these numbers on it is WARNING, CRITICAL. Default: 1,2.",
    "pending": (
        "How many messages under way are too many, likewise. Default: none. How long one may be under way, by"
        " default: --stage-warning arrive=60, --stage-critical arrive=600."
    ),
    "authserv-id": (
        "To see what the receiving server thinks of the sender (SPF, DKIM, DMARC): whose Authentication-Results"
        " are believed, by the name in them. Default: nobody's."
    ),
    "require-auth": "What must be pass there: spf, dkim or dmarc. Default: none.",
    "probe-name": (
        "To let several checks share a mailbox: the name of this one. Default: made from servers, recipients and"
        " mailbox, so that every host makes the same."
    ),
    "key-file": (
        "Where sender and receiver are apart: file with a key of at least 16 octets on one line, the same on both."
        " Without --imap the message is sealed with it; with --imap and --collect only messages so sealed count."
    ),
    "collect": (
        "To send nothing, and only look whether the newest message of --probe-name has arrived. The times compare the"
        " clocks of two hosts."
    ),
    "every": "How often the sender runs: with --collect a message is due so many seconds after the last.",
    "warning": "To be warned of a slow server: total time in seconds, WARNING outside of RANGE.",
    "critical": "To be called for a slow server: total time in seconds, CRITICAL outside of RANGE.",
    "stage-warning": "To be warned where one step is slow: the same for the time of one stage. Repeatable.",
    "stage-critical": "To be called where one step is slow: the same for the time of one stage. Repeatable.",
    "state": (
        "To judge something more mildly or more strictly: override the state of an outcome, see States. Repeatable."
    ),
    "ignore-quit-failure": "For servers that only say goodbye badly: same as --state quit=ok.",
    "timeout": (
        "How long the check may take: one deadline for everything, fractions allowed, and the state when it"
        " passes; 0 for none (a day). Default: 10:critical."
    ),
    "extra-opts": (
        "To keep options, and passwords above all, in a file: read them from an ini file, as monitoring-plugins"
        " does. Default: section check_smtp_status, else check_smtp, of the first standard file. Repeatable."
    ),
    "verbose": (
        "To see how it went: once, the stage table, with what is known of DNS, TLS and certificate; twice, the"
        " transcript as well; three times, which clock measured."
    ),
    "output-format": (
        "For programs that read the outcome: json prints it as one JSON document. The other formats of check_smtp"
        " are accepted and ignored."
    ),
    "version": "Show the version.",
    "help": "Show this text.",
}
"""Plain text by the long name of the option."""
