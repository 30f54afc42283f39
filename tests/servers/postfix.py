"""A private Postfix on loopback: own configuration, queue and mailboxes, one listener for each behaviour.

Mail to an address that ``Postfix.mailbox()`` gave is delivered and can be read back; mail to
``ok@example.test``, ``discard@example.test``, ``postmaster@example.test`` and to ``üser@example.test`` is accepted;
other users of example.test are unknown (550 5.1.1), other domains are not relayed to (554 5.7.1).  A message may have
20000 octets.
"""

from __future__ import annotations

import grp
import itertools
import os
import pwd
import socket
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from .certs import Certs
from .mailbox import Mailbox
from .policy import PolicyServer
from .ports import free_ports
from .process import Connect, Daemon, DaemonDied
from .requirements import need, need_root
from .template import fill

SENDERS = {
    "bad@example.test": "550 5.7.1 Sender denied by policy",
    "tmp@example.test": "450 4.7.1 Sender deferred",
    "drop@example.test": "521 5.7.1 Go away",
}
"""Answers at RCPT to certain senders (Postfix delays them); after 521 it closes."""

SENDERS_AT_END = {"spam@example.test": "554 5.7.1 Spam message rejected"}
"""Answers to the final dot."""

RECIPIENTS = {
    "grey@example.test": "450 4.2.0 Greylisted, try again later",
    "full@example.test": "452 4.2.2 Mailbox full",
    "moved@example.test": "551 5.7.1 User not local",
    "closing@example.test": "421 4.7.0 Closing",
}
"""Answers at RCPT to certain recipients; after 421 Postfix closes."""

_WRAPPED = {"smtpd_tls_wrappermode": "yes"}
_SCREENED = {
    "smtpd_service_name": "screened",
    "postscreen_greet_wait": "1s",
    "postscreen_access_list": "",
    "postscreen_cache_map": "",
    "postscreen_dnsbl_sites": "",
}

LISTENERS: dict[str, dict[str, str]] = {
    # STARTTLS offered; AUTH inside TLS where there is a SASL server
    "smtp": {},
    # the same on ::1
    "ipv6": {},
    # TLS from the first byte
    "smtps": _WRAPPED,
    # no TLS at all, AUTH in clear text
    "notls": {"smtpd_tls_security_level": "none", "smtpd_tls_auth_only": "no"},
    # MAIL without TLS is answered by 530 5.7.0
    "mustls": {"smtpd_tls_security_level": "encrypt"},
    # certificates a client must refuse, one a client warns of, one that is fine but old-fashioned
    "expired": {"smtpd_tls_chain_files": "@expired"},
    "notyet": {"smtpd_tls_chain_files": "@not_yet"},
    "leafonly": {"smtpd_tls_chain_files": "@leaf_only"},
    "wrongname": {"smtpd_tls_chain_files": "@wrong_name"},
    "selfsigned": {"smtpd_tls_chain_files": "@selfsigned"},
    "soon": {"smtpd_tls_chain_files": "@soon"},
    "tls12": {"smtpd_tls_chain_files": "@rsa", "smtpd_tls_protocols": ">=TLSv1.2,<=TLSv1.2"},
    # key and certificate do not match: STARTTLS is offered all the same, and answered by 454 4.7.0
    "mismatch": {
        "smtpd_tls_chain_files": "",
        "smtpd_tls_cert_file": "{certs}/good.crt",
        "smtpd_tls_key_file": "{certs}/wildcard.key",
    },
    # a client certificate is demanded
    "clientcert": {
        "smtpd_tls_security_level": "encrypt",
        "smtpd_tls_req_ccert": "yes",
        "smtpd_tls_CAfile": "{certs}/root.crt",
    },
    # as old as RFC 821: a message is judged at its end, and nothing but ASCII can be sent
    "bare": {"smtpd_discard_ehlo_keywords": "size, 8bitmime, smtputf8"},
    # a PROXY header must come first; after 1 s without one: 421 4.3.0
    "proxy": {"smtpd_upstream_proxy_protocol": "haproxy", "smtpd_upstream_proxy_timeout": "1s"},
    # each new pair of sender and recipient is deferred once: 450 4.2.0 Greylisted
    "greylist": {"smtpd_recipient_restrictions": "check_policy_service inet:127.0.0.1:{policy}"},
    # a second connection at the same time is greeted by 421 4.7.0
    "limit": {"smtpd_client_connection_count_limit": "1"},
    # a second message within a minute: 450 4.7.1 at MAIL
    "rate": {"smtpd_client_message_rate_limit": "1"},
    "rate:again": {"smtpd_client_message_rate_limit": "1"},  # each is good for one test a minute
    # the greeting comes after 1 s
    "slow": {"smtpd_client_restrictions": "sleep 1, permit", "smtpd_delay_reject": "no"},
    # the greeting comes after 3 s
    "slower": {"smtpd_client_restrictions": "sleep 3, permit", "smtpd_delay_reject": "no"},
    # the greeting is 554 5.7.1
    "deny": {
        "smtpd_client_restrictions": "check_client_access static:{{554 5.7.1 Client denied}}",
        "smtpd_delay_reject": "no",
    },
    # "220-mx1..." at once, "220 " after 1 s; who talks before is refused from then on
    "postscreen": {
        **_SCREENED,
        "postscreen_greet_action": "enforce",
        "postscreen_greet_banner": "mx1.example.test ESMTP wait",
    },
    # the same behind a PROXY header, without the line in advance
    "postscreenproxy": {
        **_SCREENED,
        "postscreen_greet_action": "ignore",
        "postscreen_greet_banner": "",
        "postscreen_upstream_proxy_protocol": "haproxy",
    },
}

_SERVICES = """\
screened   pass - - n - - smtpd
dnsblog    unix - - n - 0 dnsblog
tlsproxy   unix - - n - 0 tlsproxy
pickup     unix n - n 60 1 pickup
cleanup    unix n - n - 0 cleanup
qmgr       unix n - n 300 1 qmgr
tlsmgr     unix - - n 1000? 1 tlsmgr
rewrite    unix - - n - - trivial-rewrite
bounce     unix - - n - 0 bounce
defer      unix - - n - 0 bounce
trace      unix - - n - 0 bounce
verify     unix - - n - 1 verify
flush      unix n - n 1000? 0 flush
proxymap   unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
showq      unix n - n - - showq
error      unix - - n - - error
retry      unix - - n - - error
discard    unix - - n - - discard
virtual    unix - n n - - virtual
lmtp       unix - - n - - lmtp
anvil      unix - - n - 1 anvil
scache     unix - - n - 1 scache
postlog    unix-dgram n - n - 1 postlogd
"""
_PRIVATE = (
    "active",
    "bounce",
    "corrupt",
    "defer",
    "deferred",
    "flush",
    "hold",
    "incoming",
    "private",
    "saved",
    "trace",
)
_MAILBOXES = 300


class Postfix:
    """One instance (50 ms to start).  ``port[name]`` is the port of each listener of LISTENERS, on 127.0.0.1.

    ``sasl`` is the path of a Dovecot auth socket, ``transport`` where mail goes instead of the mailboxes
    (such as ``lmtp:inet:127.0.0.1:24024``).  ``at`` gives fixed places instead of free ports, and only those
    listeners: ``{"smtp": ("127.0.0.1", 25), "notls:mx2": ("127.0.0.2", 25)}`` (behind the colon any word).
    ``wrap`` and ``connect`` are for another network namespace.
    """

    def __init__(
        self,
        base: Path,
        certs: Certs,
        *,
        sasl: Path | None = None,
        transport: str = "virtual",
        at: Mapping[str, tuple[str, int]] | None = None,
        wrap: Sequence[str] = (),
        connect: Connect | None = None,
    ) -> None:
        self.base = base
        self.conf = base / "conf"
        self._certs = certs
        self._sasl = sasl
        self._transport = transport
        self._wrap = wrap
        self._connect = connect
        self._at = dict(at) if at is not None else _free_places()
        self._policy_port = free_ports(1)[0]
        self._policy: PolicyServer | None = None
        self._daemon: Daemon | None = None
        self._numbers = itertools.count()
        self.port = {name: port for name, (_, port) in self._at.items()}

    def start(self) -> None:
        master = need("postfix")
        need_root("Postfix")
        self._write()
        if "greylist" in self._at:
            self._policy = PolicyServer(self._policy_port)
        self._daemon = Daemon(
            [master, "-c", str(self.conf), "-d"],
            log=self.base / "stderr",
            env={"MAIL_CONFIG": str(self.conf)},
            wrap=self._wrap,
        )
        host, port = next(iter(self._at.values()))
        self._daemon.wait_for(host, port, connect=self._connect)
        # It takes one port after the other, and ends where somebody else has one of them.
        self._wait_until_started(self._daemon)

    def stop(self) -> None:
        if self._daemon:
            self._daemon.stop()
        if self._policy:
            self._policy.stop()

    def _wait_until_started(self, daemon: Daemon, timeout: float = 15) -> None:
        log = self.base / "maillog"
        end = time.monotonic() + timeout
        while not log.exists() or "daemon started" not in self.log():
            if not daemon.running():
                raise DaemonDied(f"Postfix ended: {daemon.tail()}{self.log() if log.exists() else ''}")
            if time.monotonic() > end:
                raise TimeoutError(f"Postfix did not start within {timeout} s: {daemon.tail()}")
            time.sleep(0.02)

    def mailbox(self) -> Mailbox:
        """A mailbox nobody used before."""
        name = f"box-{next(self._numbers)}"
        assert self._transport == "virtual", "mail goes elsewhere"
        return Mailbox(f"{name}@example.test", self.base / "mail" / name)

    def log(self) -> str:
        """Postfix's own log."""
        return (self.base / "maillog").read_text(errors="backslashreplace")

    def _write(self) -> None:
        queue, data, mail = self.base / "spool", self.base / "data", self.base / "mail"
        for directory in (self.conf, queue, data, mail):
            directory.mkdir()
        boxes = ["ok", "discard", "postmaster", "üser", *(f"box-{number}" for number in range(_MAILBOXES))]
        owner = pwd.getpwnam("mail")
        values = {
            "base": self.base,
            "conf": self.conf,
            "queue": queue,
            "data": data,
            "certs": self._certs.directory,
            "mail_uid": owner.pw_uid,
            "mail_gid": owner.pw_gid,
            "transport": self._transport,
            "sasl": self._sasl or "private/auth",
            "sasl_enable": "yes" if self._sasl else "no",
        }
        texts = {
            "main.cf": fill("postfix.main.cf.in", values),
            "master.cf": "".join(self._listener(name) for name in self._at) + _SERVICES,
            "dynamicmaps.cf": "",
            "mailboxes": "".join(f"{name}@example.test {name}/\n" for name in boxes),
            "senders": _table(SENDERS),
            "senders_at_end": _table(SENDERS_AT_END),
            "recipients": _table(RECIPIENTS),
            "header_checks": "/^Subject: .*EICAR/ REJECT 5.7.1 Bad subject\n",
        }
        for name, text in texts.items():
            path = self.conf / name
            path.write_text(text)
            # Postfix reads a file again every 0.3 s until it was not written within the last second.
            os.utime(path, (time.time() - 60,) * 2)

        user, group = pwd.getpwnam("postfix").pw_uid, grp.getgrnam("postdrop").gr_gid
        os.chown(mail, owner.pw_uid, owner.pw_gid)
        os.chown(data, user, -1)
        data.chmod(0o700)
        (queue / "pid").mkdir(mode=0o755)
        for name, group_id, mode in (
            *((name, -1, 0o700) for name in _PRIVATE),
            ("maildrop", group, 0o730),
            ("public", group, 0o710),
        ):
            (queue / name).mkdir()
            os.chown(queue / name, user, group_id)
            (queue / name).chmod(mode)

    def _listener(self, name: str) -> str:
        """A line of master.cf."""
        host, port = self._at[name]
        kind = name.partition(":")[0]
        place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        program, limit = ("postscreen", "1") if kind.startswith("postscreen") else ("smtpd", "-")
        options = "".join(f" -o {{ {option} = {self._value(value)} }}" for option, value in LISTENERS[kind].items())
        return f"{place} inet n - n - {limit} {program}{options}\n"

    def _value(self, value: str) -> str:
        certs = self._certs.directory
        if value.startswith("@"):
            return f"{certs}/{value[1:]}.key, {certs}/{value[1:]}.crt"
        return value.format(certs=certs, policy=self._policy_port)


def _free_places() -> dict[str, tuple[str, int]]:
    """A free port for each listener; the one on ::1 only where the machine has IPv6."""
    names = [name for name in LISTENERS if name != "ipv6" or _has_ipv6()]
    ports = free_ports(len(names))
    return {name: ("::1" if name == "ipv6" else "127.0.0.1", port) for name, port in zip(names, ports)}


def _has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


def _table(entries: Mapping[str, str]) -> str:
    return "".join(f"{key} {value}\n" for key, value in entries.items())
