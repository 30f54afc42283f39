"""The mail servers of the documentation: example.org in a private network namespace, for running what it shows.

| name | address | what it is |
|---|---|---|
| mx1.example.org | 192.0.2.10, 2001:db8::10 | Postfix, STARTTLS |
| mx2.example.org | 192.0.2.11 | the same |
| mx3.example.org | 192.0.2.12 | nothing listens |
| smtp.example.org | 192.0.2.20 | Postfix with Dovecot's SASL, ports 587 and 465 |
| screen.example.org | 192.0.2.21 | Postfix behind postscreen |
| balanced.example.org | 192.0.2.22 | Postfix that wants a PROXY header |
| mx.example.org | 192.0.2.30 | plays what a test or ``docs/make.py`` gives it |
| far.example.org | 192.0.2.31 | does not answer within ``World.dropping`` |
| mta-sts.example.org | 192.0.2.40 | a web server with MTA-STS policies, also for shop and staff |

The domain example.org has the first two as its exchangers, with TLSA records and a policy; ``_records`` has others.

Postfix knows ``bob``, ``postmaster`` and ``probe`` (thrown away); ``grey`` is greylisted.  ``/run/dovecot/lmtp`` is
Dovecot's.  The certificates come from a CA the system trusts there.
"""

from __future__ import annotations

import contextlib
import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import dns.message

from helpers.plugin import LAUNCHER
from servers import certs as certificates
from servers import dovecot, fakedns
from servers.netns import NetworkNamespace
from servers.postfix import Postfix
from servers.process import started
from servers.resident import Resident, build_client, noting
from servers.scripted import Action, ScriptedServer
from servers.web import WebServer, page, policy
from servers.zones import tlsa

PROBE = "monitor.example.net"
"""Name of the host the plugin runs on."""

NAMES = {
    "mx1.example.org": ("192.0.2.10", "2001:db8::10"),
    "mx2.example.org": ("192.0.2.11",),
    "mx3.example.org": ("192.0.2.12",),
    "smtp.example.org": ("192.0.2.20",),
    "screen.example.org": ("192.0.2.21",),
    "balanced.example.org": ("192.0.2.22",),
    "mx.example.org": ("192.0.2.30",),
    "far.example.org": ("192.0.2.31",),
    PROBE: ("192.0.2.99",),
}

RESOLVER = "192.0.2.53"
"""A resolver that calls all it says authentic, fails for what begins with ``broken`` and is silent for ``silent``."""

UNVALIDATING = "192.0.2.54"
"""The same, which calls nothing authentic."""

WEB = "192.0.2.40"
WEB_NAMES = tuple(f"mta-sts.{name}example.org" for name in ("", "shop.", "staff."))

LISTENERS = {
    "smtp": ("192.0.2.10", 25),
    "smtp:mx1-6": ("2001:db8::10", 25),
    "smtp:mx2": ("192.0.2.11", 25),
    "mustls:submission": ("192.0.2.20", 587),
    "smtps": ("192.0.2.20", 465),
    "postscreen": ("192.0.2.21", 25),
    "proxy": ("192.0.2.22", 25),
}

PASSWORD_FILE = "probe.secret"
"""In the working directory of ``World.run``: the password of USER."""

TOKEN_FILE = "probe.token"
"""Beside it: an OAuth token of USER."""

USER = "probe@example.org"

Gain = TypeVar("Gain")

_NUMBERS = (
    (r"[0-9]+\.[0-9]+ (m?s)\b", r"N \1"),
    (r"=[0-9]+\.[0-9]{6}s", "=Ns"),
    (r"queued as [0-9A-Za-z]+", "queued as ID"),
    (r"\b20[0-9]{2}-[0-9]{2}-[0-9]{2}\b", "DATE"),
    (r"SHA-256 [0-9A-Fa-f:]+", "SHA-256 HEX"),
    (r"SIZE=[0-9]+", "SIZE=N"),
    (r"(>>> (Date|Message-ID|X-Check-SMTP-Status): ).*", r"\1…"),
    (r"TTL [0-9]+ s", "TTL N s"),
    (r"kernel for [0-9]+ of [0-9]+", "kernel for N of N"),
    (r" \S{22} Saved", " ID Saved"),
    (r"[ #]+(?=\n|$)", ""),
    (r" +#* *", " "),
)


def steady(output: str) -> str:
    """Output without what no two runs share: times, bars, queue ids, dates."""
    for pattern, replacement in _NUMBERS:
        output = re.sub(pattern, replacement, output)
    return output


class World:
    """All of it, started by ``with``; ``resident``: with one, and its client in the plugin's place."""

    def __init__(self, base: Path, resident: bool = False) -> None:
        self._base = base
        self._wants_resident = resident
        self._resident: Resident | None = None
        self._space = NetworkNamespace()
        self._dovecot: dovecot.Dovecot | None = None
        self._postfix: _Postfix | None = None
        self._resolvers: list[_Resolver] = []
        self._web = contextlib.ExitStack()
        self._stages: dict[int, ScriptedServer] = {}
        self._scripts: dict[int, Action] = {}

    def __enter__(self) -> World:
        self._space.__enter__()
        try:
            self._start()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for server in (self._resident, *self._stages.values(), self._postfix, self._dovecot, *self._resolvers):
            if server is not None:
                server.stop()
        self._web.close()
        self._space.__exit__(None, None, None)

    @property
    def certs(self) -> certificates.Certs:
        return self._certs

    def call(self, function: Callable[[], Gain]) -> Gain:
        """What ``function`` returns, run where its sockets are inside."""
        return self._space.call(function)

    @contextmanager
    def playing(self, script: Action, port: int = 25) -> Iterator[None]:
        """mx.example.org plays ``script`` on ``port``."""
        # One listener for all: the port of one that was closed cannot be used again for a minute.
        if port not in self._stages:
            host = NAMES["mx.example.org"][0]
            self._stages[port] = self.call(lambda: ScriptedServer(lambda _: self._scripts[port], host=host, port=port))
        self._scripts[port] = script
        yield

    @contextmanager
    def dropping(self) -> Iterator[None]:
        """far.example.org has a listener whose queue is full, so that the kernel drops every further connection."""
        address = NAMES["far.example.org"][0]

        def full() -> list[socket.socket]:
            listener = socket.create_server((address, 25), backlog=0)
            waiting = []
            for _ in range(3):
                client = socket.socket()
                client.setblocking(False)
                client.connect_ex((address, 25))
                waiting.append(client)
            return [listener, *waiting]

        sockets = self.call(full)
        try:
            yield
        finally:
            for each in sockets:
                each.close()

    def run(self, command: str) -> tuple[str, int]:
        """Output and exit code of shell text, run in a directory with PASSWORD_FILE and the plugin in PATH."""
        done = subprocess.run(
            [*self._inside, "bash", "-c", command],
            env={
                "PATH": f"{self._base}/bin:/usr/bin:/bin",
                "HOME": str(self._home),
                "LANG": "C.UTF-8",
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=60,
            check=False,
        )
        return done.stdout.decode(), done.returncode

    @property
    def fallen_back(self) -> list[str]:
        """The command lines that the plugin itself was run for, in the resident's place."""
        return self._fallen_back.read_text().splitlines()

    @property
    def _fallen_back(self) -> Path:
        return self._base / "fallen-back"

    @property
    def _inside(self) -> list[str]:
        setup = f'hostname {PROBE}; cd {self._home}; exec "$@"'
        return [*self._space.enter, "unshare", "--uts", "sh", "-c", setup, "sh"]

    def _start(self) -> None:
        base = self._base
        self._home = base / "home"
        self._home.mkdir()
        (self._home / PASSWORD_FILE).write_text(dovecot.PASSWORD + "\n")
        (self._home / PASSWORD_FILE).chmod(0o600)
        (self._home / TOKEN_FILE).write_text(dovecot.token(USER) + "\n")
        self._certs = _Certs(base / "certs")
        tools = base / "bin"
        tools.mkdir()
        plugin = tools / "check_smtp_status"
        plugin.write_text(f'#!/bin/sh\nexec {sys.executable} {LAUNCHER} "$@"\n')
        plugin.chmod(0o755)
        self._dovecot = started(lambda place: _Dovecot(place, self._certs), base)
        hosts = "".join(f"{address} {name}\n" for name, all_of in NAMES.items() for address in all_of)
        (base / "hosts").write_text("127.0.0.1 localhost\n" + hosts)
        (base / "resolv.conf").write_text(f"nameserver {RESOLVER}\noptions trust-ad\n")
        self._set_up(
            f"mount --bind {base}/hosts /etc/hosts",
            f"mount --bind {base}/resolv.conf /etc/resolv.conf",
            "mount -t tmpfs tmpfs /run",
            "mkdir /run/dovecot",
            "mount -t tmpfs tmpfs /etc/ssl/certs",
            f"cp {self._certs.ca} /etc/ssl/certs/ca.pem",
            "openssl rehash /etc/ssl/certs",
            f"ln -s {self._dovecot.lmtp} /run/dovecot/lmtp",
            *(f"ip address add {address} dev lo" for address in _addresses()),
        )
        records = _records(self._certs)
        for address in (RESOLVER, UNVALIDATING):
            self._resolvers.append(self.call(lambda address=address: _Resolver(records, address)))
        self.call(lambda: self._web.enter_context(_web(self._certs)))
        self._postfix = started(
            lambda place: _Postfix(
                place,
                self._certs,
                sasl=self._dovecot.sasl if self._dovecot else None,
                at=LISTENERS,
                wrap=self._space.enter,
                connect=self._space.connect,
            ),
            base,
        )
        if self._wants_resident:
            plugin.unlink()
            itself = noting(tools / "plugin", f"{sys.executable} {LAUNCHER}", self._fallen_back)
            self._resident = started(lambda place: Resident(place, wrap=self._inside), base)
            build_client(plugin, itself, self._resident.socket)

    def _set_up(self, *commands: str) -> None:
        text = "set -e\n" + "\n".join(commands)
        done = subprocess.run([*self._space.enter, "sh", "-c", text], capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"the namespace could not be set up: {done.stderr}")


def _records(certs: certificates.Certs) -> dict[tuple[str, str], list[str]]:
    """The data of all records by name and type."""
    current = tlsa(certs.good.crt, 3, 1, 1)
    other = tlsa(certs.expired.crt, 3, 1, 1)
    mx1, mx2, mx3 = (f"mx{number}.example.org." for number in (1, 2, 3))
    announced = ['"v=STSv1; id=20260101;"']
    records = {
        (".", "SOA"): [". . 1 1 1 1 1"],
        ("example.org", "MX"): [f"10 {mx1}", f"20 {mx2}"],
        ("lists.example.org", "MX"): [f"10 {mx1}", f"20 {mx3}"],
        ("news.example.org", "MX"): ["0 ."],
        ("gone.example.org", "MX"): ["10 mx9.example.org."],
        ("shop.example.org", "MX"): [f"10 {mx1}"],
        ("staff.example.org", "MX"): [f"10 {mx1}"],
        ("_25._tcp.mx1.example.org", "TLSA"): [current],
        ("_25._tcp.mx2.example.org", "TLSA"): [tlsa(certs.good.crt, 2, 0, 1, position=1)],
        ("_25._tcp.mx.example.org", "TLSA"): [other],
        ("_mta-sts.example.org", "TXT"): announced,
        ("_mta-sts.shop.example.org", "TXT"): announced,
        ("_mta-sts.staff.example.org", "TXT"): announced,
        ("_smtp._tls.example.org", "TXT"): ['"v=TLSRPTv1; rua=mailto:tls@example.org"'],
    }
    for name, all_of in {**NAMES, **dict.fromkeys(WEB_NAMES, (WEB,))}.items():
        for address in all_of:
            records.setdefault((name, "AAAA" if ":" in address else "A"), []).append(address)
    return records


def _web(certs: certificates.Certs) -> WebServer:
    answers = {
        "mta-sts.example.org": page(policy("*.example.org")),
        "mta-sts.staff.example.org": page(policy("mail.example.org")),
        "mta-sts.shop.example.org": page(b"", status="404 Not Found"),
    }
    leaf = certs.leaf("web", WEB_NAMES)
    return WebServer(certs, answers, leaves=dict.fromkeys(WEB_NAMES, leaf), host=WEB, port=443)


class _Resolver:
    """Answers from ``records``, by NXDOMAIN or SERVFAIL where there are none (RFC 1035 section 4.1.1)."""

    def __init__(self, records: dict[tuple[str, str], list[str]], address: str) -> None:
        self._records = records
        self._names = {name for name, _kind in records}
        self._validates = address == RESOLVER
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((address, 53))
        threading.Thread(target=self._serve, daemon=True).start()

    def stop(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                octets, peer = self._socket.recvfrom(512)
                if octets and not octets[12:].startswith(b"\x06silent"):
                    self._socket.sendto(self._answer(dns.message.from_wire(octets)), peer)

    def _answer(self, query: dns.message.Message) -> bytes:
        question = query.question[0]
        name, kind = question.name.to_text(omit_final_dot=True), question.rdtype.name
        data = self._records.get((name, kind), [])
        rcode = "NOERROR" if name in self._names else "NXDOMAIN"
        if name.startswith("broken") or (name, kind) == ("_25._tcp.balanced.example.org", "TLSA"):
            rcode = "SERVFAIL"
        owner = question.name.to_text()
        answer = fakedns.answer(
            query, *(f"{owner} 300 IN {kind} {one}" for one in data), rcode=rcode, ad=self._validates
        )
        return answer.to_wire()


def _addresses() -> Iterator[str]:
    for address in (RESOLVER, UNVALIDATING, WEB):
        yield f"{address}/32"
    for all_of in NAMES.values():
        for address in all_of:
            yield f"{address}/128 nodad" if ":" in address else f"{address}/32"


class _Certs(certificates.Certs):
    """The same certificates for example.org."""

    def leaf(self, stem: str, names, *args, **options):  # type: ignore[no-untyped-def]
        if names == certificates.MX_NAMES:
            names = tuple(name for name in NAMES if name != PROBE)
        renamed = tuple(name.replace("example.test", "example.org") for name in names)
        return super().leaf(stem, renamed, *args, **options)


class _Postfix(Postfix):
    """The same Postfix for example.org, with people in it."""

    def _write(self) -> None:
        super()._write()
        for path in self.conf.iterdir():
            text = path.read_text().replace("example.test", "example.org")
            if path.name == "main.cf":
                text = text.replace("discard@example.org=", "probe@example.org=")
            if path.name == "mailboxes":
                text += "".join(f"{name}@example.org {name}/\n" for name in ("bob", "probe"))
            path.write_text(text)
            os.utime(path, (time.time() - 60,) * 2)

    def _listener(self, name: str) -> str:
        host = next((known for known, all_of in NAMES.items() if self._at[name][0] in all_of), "mx1.example.org")
        return f"{super()._listener(name)[:-1]} -o {{ myhostname = {host} }}\n"


class _Dovecot(dovecot.Dovecot):
    """The same Dovecot for example.org."""

    def _write(self) -> None:
        super()._write()
        users = "".join(f"{name}@example.org:{{PLAIN}}{dovecot.PASSWORD}\n" for name in ("probe", "bob"))
        (self.base / "users").write_text(users)
        conf = self.base / "dovecot.conf"
        conf.write_text(conf.read_text().replace("example.test", "example.org"))
