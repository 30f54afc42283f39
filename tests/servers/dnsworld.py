"""A world of mail of its own, on the standard ports of a private network namespace.

Its own root, TLD and zones, signed here and served and validated by one Unbound on 127.0.0.1 (which resolv.conf
names); BIND as a second resolver that gives no reasons; a resolver that does not validate; Postfix on port 25 of
several addresses, each with another certificate or fault; a web server for MTA-STS policies.  ``CASES`` in
``zones.py`` says what each domain is there to show.
"""

from __future__ import annotations

import contextlib
import os
import re
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, TypeVar

import dns.dnssec
import dns.message

from . import zones
from .certs import MX_NAMES, Certs
from .fakedns import FakeDns, octets
from .netns import NetworkNamespace
from .postfix import Postfix
from .process import Daemon
from .requirements import need, unmet
from .template import fill
from .web import WebServer

UNBOUND, BIND, UNVALIDATING, AUTHORITY, SILENT, FAILING = (f"127.0.0.{number}" for number in (1, 53, 55, 54, 22, 23))
"""Where the resolvers are; AUTHORITY serves the zones to BIND, SILENT takes questions and answers none, FAILING answers
all by SERVFAIL."""

ELSEWHERE = "192.0.2.53"
"""Unbound too, at an address that is not of loopback; it listens on ::1 and on port 5353 of UNBOUND as well."""

_FINGER_CONF = """\
compatibility_level = 3.6
smtp_dns_support_level = dnssec
smtp_host_lookup = dns
inet_protocols = all
"""
_RESOLV_CONF = f"nameserver {UNBOUND}\noptions edns0 trust-ad timeout:2 attempts:2\n"

Gain = TypeVar("Gain")


class Verdict(NamedTuple):
    """What posttls-finger found: ``level`` is ``Verified``, ``Trusted``, ``Untrusted`` or ``Anonymous`` TLS, '' without
    TLS; ``why`` the last of its complaints, '' where it has none."""

    level: str
    why: str


def _verdict(output: str) -> Verdict:
    levels = re.findall(r": (\w+) TLS connection established", output)
    complaints = [
        line.partition("posttls-finger: ")[2].removeprefix("warning: ")
        for line in output.splitlines()
        if "TLS connection established" not in line
    ]
    return Verdict(levels[-1] if levels else "", complaints[-1] if complaints else "")


class DnsWorld:
    """The world; about half a second to start.  ``enter`` is the command to put in front of what runs inside."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self.certs = certs = Certs(base / "certs")
        certs.good = certs.leaf("good", (*MX_NAMES, *zones.TA_NAMES))
        certs.expired = certs.leaf("expired", (*MX_NAMES, *zones.TA_NAMES), begins=-60, ends=-2)
        self.web_leaf = certs.leaf("web", zones.WEB_NAMES)
        self.web: WebServer | None = None
        self._failing = ""
        self.resolv_conf = base / "resolv.conf"
        self._namespace = NetworkNamespace(self.resolv_conf)
        self._stack = contextlib.ExitStack()

    @property
    def enter(self) -> tuple[str, ...]:
        return self._namespace.enter

    def enter_with(self, resolv_conf: str) -> tuple[str, ...]:
        """As ``enter``, with another text for resolv.conf."""
        file = self.base / f"resolv.conf.{abs(hash(resolv_conf))}"
        file.write_text(resolv_conf)
        mount = 'mount --bind "$0" /etc/resolv.conf && exec "$@"'
        return (*self.enter, "unshare", "--mount", "sh", "-c", mount, str(file))

    def start(self) -> None:
        if not hasattr(dns.dnssec, "sign_zone"):
            unmet("signing zones needs dnspython 2.4 or newer")
        unbound, named, _finger = need("unbound"), need("named"), need("posttls-finger")
        self.resolv_conf.write_text(_RESOLV_CONF)
        self._stack.enter_context(self._namespace)
        texts, anchor = zones.signed(self.certs)
        for origin, text in texts.items():
            self._zone_file(origin).write_text(text)
        self._namespace.call(self._listen)
        stubs = "".join(
            f'auth-zone:\n  name: "{origin}"\n  zonefile: "{self._zone_file(origin)}"\n'
            "  for-upstream: yes\n  for-downstream: no\n  fallback-enabled: no\n"
            for origin in texts
        )
        for address in (AUTHORITY, BIND, UNVALIDATING, ELSEWHERE):
            # BIND listens on addresses of interfaces only, and lo has 127.0.0.1 alone.
            subprocess.run([*self.enter, "ip", "address", "add", f"{address}/32", "dev", "lo"], check=True)
        subprocess.run([*self.enter, "ip", "address", "add", f"{zones.IPV6}/128", "dev", "lo", "nodad"], check=True)
        (self.base / "root.key").write_text(f". IN DS {anchor.to_text()}\n")
        self._write(
            "unbound.conf",
            "unbound.conf.in",
            stubs=stubs,
            silent=SILENT,
            failing=self._failing,
            elsewhere=ELSEWHERE,
        )
        self._daemon("unbound", [unbound, "-d", "-c", str(self.base / "unbound.conf")], UNBOUND)
        served = "".join(
            f'zone "{origin}" {{ type primary; file "{self._zone_file(origin)}"; }};\n' for origin in texts
        )
        trusted = (
            f'trust-anchors {{ "." static-ds {anchor.key_tag} {anchor.algorithm} {anchor.digest_type} '
            f'"{anchor.digest.hex()}"; }};'
        )
        forward = f'forward only; forwarders {{ {AUTHORITY}; }}; empty-zones-enable no; disable-empty-zone ".";'
        for name, address, options, rest in (
            (
                "authority",
                AUTHORITY,
                "recursion no; dnssec-validation no; check-names primary ignore; notify no;",
                served,
            ),
            ("bind", BIND, f"recursion yes; dnssec-validation yes; {forward}", trusted),
            ("unvalidating", UNVALIDATING, f"recursion yes; dnssec-validation no; {forward}", ""),
        ):
            self._write(f"{name}.conf", "named.conf.in", name=name, address=address, options=options, rest=rest)
            self._daemon(name, [named, "-g", "-4", "-n", "1", "-c", str(self.base / f"{name}.conf")], address)
        postfix = Postfix(
            self._directory("postfix"), self.certs, at=zones.LISTENERS, wrap=self.enter, connect=self._namespace.connect
        )
        self._stack.callback(postfix.stop)
        postfix.start()

    def stop(self) -> None:
        self._stack.close()

    def ask(self, name: str, kind: str, server: str = UNBOUND) -> dns.message.Message:
        """What a resolver of this world answers, by dnspython alone."""
        import dns.query

        query = dns.message.make_query(name, kind, use_edns=0, want_dnssec=True)
        return self._namespace.call(lambda: dns.query.udp_with_fallback(query, server, 10)[0])

    def call(self, function: Callable[[], Gain]) -> Gain:
        """What ``function`` returns, run by a thread inside."""
        return self._namespace.call(function)

    def finger(self, domain: str, level: str = "dane") -> Verdict:
        """What Postfix's own client says of the domain with this security level, ``dane`` or ``dane-only``."""
        command = ["posttls-finger", "-c", "-t", "3", "-T", "5", "-l", level, "-L", "summary,untrusted", domain]
        done = subprocess.run(
            [*self.enter, "env", f"MAIL_CONFIG={self._finger_config()}", *command],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=60,
            check=False,
        )
        return _verdict((done.stdout + done.stderr).decode())

    # -- parts

    def _listen(self) -> None:
        """What is served by this process: run inside the namespace."""
        self.web = self._stack.enter_context(
            WebServer(
                self.certs,
                zones.PAGES,
                leaves=dict.fromkeys(zones.WEB_NAMES, self.web_leaf),
                host=zones.WEB_ADDRESS,
                port=443,
            )
        )
        failing = self._stack.enter_context(FakeDns(lambda query, _tcp: octets(query, rcode="SERVFAIL"), FAILING))
        self._failing = f"{FAILING}@{failing.port}"
        silent = self._stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        silent.bind((SILENT, 53))
        # A queue of one that is full: the kernel drops every further SYN.
        hole = self._stack.enter_context(socket.create_server((zones.HOLE, 25), backlog=0))
        self._stack.enter_context(socket.create_connection(hole.getsockname()))

    def _finger_config(self) -> Path:
        config = self._directory("finger")
        main = config / "main.cf"
        if not main.exists():
            main.write_text(_FINGER_CONF)
            (config / "master.cf").touch()
            # Postfix reads a file again every 0.3 s until it was not written within the last second.
            os.utime(main, (time.time() - 60,) * 2)
        return config

    def _directory(self, name: str) -> Path:
        path = self.base / name
        path.mkdir(exist_ok=True)
        return path

    def _zone_file(self, origin: str) -> Path:
        return self.base / f"zone.{origin.rstrip('.') or 'root'}"

    def _write(self, file: str, template: str, **values: object) -> None:
        (self.base / file).write_text(fill(template, {"base": self.base, **values}))

    def _daemon(self, name: str, command: list[str], address: str) -> None:
        daemon = Daemon(command, log=self.base / f"{name}.stderr", wrap=self.enter)
        self._stack.callback(daemon.stop)
        daemon.wait_for(address, 53, connect=self._namespace.connect)
