"""What a test needs of the machine.  A missing part skips the test and says how to get it, or, with
``REQUIRE_REAL=1`` in the environment (as in continuous integration), fails it."""

from __future__ import annotations

import os
import shutil
from typing import NamedTuple, NoReturn

import pytest


class Program(NamedTuple):
    """A server or tool: the files that must be there (names are looked up in PATH), and the packages with
    them."""

    files: tuple[str, ...]
    packages: tuple[str, ...]


PROGRAMS = {
    "postfix": Program(("/usr/lib/postfix/sbin/master",), ("postfix",)),
    "dovecot": Program(
        (
            "/usr/sbin/dovecot",
            "/usr/lib/dovecot/imap",
            "/usr/lib/dovecot/lmtp",
            "/usr/lib/dovecot/submission",
        ),
        ("dovecot-core", "dovecot-imapd", "dovecot-lmtpd", "dovecot-submissiond"),
    ),
    "cyrus": Program(
        ("/usr/sbin/cyrmaster", "/usr/lib/cyrus/bin/lmtpd", "saslpasswd2"),
        ("cyrus-common", "sasl2-bin"),
    ),
    "smtp-source": Program(("/usr/sbin/smtp-source",), ("postfix",)),
    "posttls-finger": Program(("/usr/sbin/posttls-finger",), ("postfix",)),
    "unbound": Program(("/usr/sbin/unbound",), ("unbound",)),
    "named": Program(("/usr/sbin/named",), ("bind9",)),
    "icinga2": Program(("/usr/lib/x86_64-linux-gnu/icinga2/sbin/icinga2",), ("icinga2-bin", "icinga2-common")),
    "nagios": Program(("/usr/sbin/nagios4",), ("nagios4-core",)),
    "php": Program(("php",), ("php-cli", "php-mysql", "php-xml", "php-curl", "php-mbstring", "php-intl")),
    "mariadb": Program(("/usr/sbin/mariadbd", "mariadb"), ("mariadb-server-core", "mariadb-client-core")),
    "nrpe": Program(
        ("/usr/sbin/nrpe", "/usr/lib/nagios/plugins/check_nrpe"), ("nagios-nrpe-server", "nagios-nrpe-plugin")
    ),
    "check_smtp": Program(("/usr/lib/nagios/plugins/check_smtp",), ("monitoring-plugins-basic",)),
    "swaks": Program(("swaks",), ("swaks", "libnet-ssleay-perl")),
    "tcpdump": Program(("tcpdump",), ("tcpdump",)),
    "valgrind": Program(("valgrind",), ("valgrind",)),
    "nft": Program(("nft",), ("nftables",)),
    "lintian": Program(("lintian",), ("lintian",)),
    "man": Program(("man", "groff"), ("man-db", "groff-base")),
    "cc": Program(("cc",), ("gcc", "libc6-dev")),
    "prometheus": Program(("prometheus", "promtool"), ("prometheus",)),
    "rpmbuild": Program(("rpmbuild", "rpm"), ("rpm",)),
    "openssl": Program(("openssl",), ("openssl",)),
}

_SYSTEM_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"


def unmet(reason: str) -> NoReturn:
    """Skip the test with ``reason``, or fail it where everything real is required."""
    if os.environ.get("REQUIRE_REAL") == "1":
        pytest.fail(f"REQUIRE_REAL=1, but {reason}", pytrace=False)
    pytest.skip(reason)


def find(file: str) -> str | None:
    """The path of a program, or None."""
    return shutil.which(file, path=_SYSTEM_PATH)


def installed(name: str) -> str | None:
    """The path of a program's first file, None when a file of it is missing."""
    paths = [find(file) for file in PROGRAMS[name].files]
    return None if None in paths else paths[0]


def how_to_install(name: str) -> str:
    """What to say to somebody who has not got the program."""
    packages = " ".join(PROGRAMS[name].packages)
    return f"{name} is not installed: apt-get install -y --no-install-recommends {packages}"


def need(name: str) -> str:
    """The path of a program's first file; the test ends here when a file of it is missing."""
    return installed(name) or unmet(how_to_install(name))


def need_root(purpose: str) -> None:
    """The test ends here unless it runs as root."""
    if os.geteuid() != 0:
        unmet(f"{purpose} needs root")


def need_namespaces(*letters: str) -> None:
    """The test ends here unless private namespaces can be made; ``letters`` as unshare takes them, such as
    ``n``."""
    need_root("a private namespace")
    missing = [tool for tool in ("unshare", "nsenter", "ip") if find(tool) is None]
    if missing:
        unmet(f"{', '.join(missing)} missing: apt-get install -y util-linux iproute2")
    if os.spawnlp(os.P_WAIT, "unshare", "unshare", *(f"-{letter}" for letter in letters), "true") != 0:
        unmet(f"the kernel refuses private namespaces ({' '.join(letters)})")
