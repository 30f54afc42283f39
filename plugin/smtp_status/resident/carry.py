"""Which command lines the resident carries out itself, and which take the plugin in a process of its own."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Callable

    from ..options.commandline import Arguments

FILES = frozenset(("data-file", "ca", "client-cert", "client-key", "authpass-file"))
"""Options whose value is a file; where it lies the read may take as long as it likes."""

HERE = frozenset(
    (
        *("hostname", "port", "use-ipv4", "use-ipv6", "source", "proxy", "proxy-version", "lmtp"),
        *("fqdn", "helo", "expect", "from", "to", "quit-after", "command", "response"),
        *("data", "subject", "header"),
        *("starttls", "ssl", "certificate", "tls-name", "tls-min", "tls-ciphers", "no-verify"),
        *("ignore-certificate-expiration", "sni", "authtype", "authuser", "authpass", "auth-plaintext"),
        *("all-addresses", "require"),
        *("warning", "critical", "stage-warning", "stage-critical", "state", "ignore-quit-failure", "timeout"),
        *("verbose", "output-format"),
    )
)
"""Options that hold nobody up.  One that stands in none of these sets takes a process of its own."""

SPECIAL = ("/dev/", "/proc/", "/sys/")
"""Where a path means something else to each process, standard input for one."""


class Way(enum.Enum):
    """How a line is carried out."""

    AT_ONCE = "at once"
    READING = "once its files were read, in a thread"
    ALONE = "by the plugin, in a process of its own"


def way(given: Arguments, files: bool, fresh: Callable[[str], bool]) -> Way:
    """How to carry out what was given, on the command line or in ini files.

    Without ``files`` none may be opened.  ``fresh``: whether authorities were read from this file a moment ago, so that
    it is none that hangs.
    """
    found = Way.AT_ONCE
    for use in given.uses:
        name, value = use.option.name, use.text
        if name == "hostname" and value.startswith("/") and not files:
            return Way.ALONE
        if name == "extra-opts":
            value = value.partition("@")[2]
        elif name in HERE:
            continue
        elif name not in FILES:
            return Way.ALONE
        # A path that is not absolute, "-" among them, is meant from where somebody else is.
        if not files or not value.startswith("/") or value.startswith(SPECIAL):
            return Way.ALONE
        if not (name == "ca" and fresh(value)):
            found = Way.READING
    return found
