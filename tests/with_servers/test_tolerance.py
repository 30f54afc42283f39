"""Faults of a certificate with ``--state`` for their kind: the handshake goes on, and what is wrong is still told."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from helpers.plugin import Result, run
from servers.certs import Certs, Leaf, _Issuer
from servers.scripted import ScriptedServer

Check = Callable[..., Result]

SELF_SIGNED = "tls: self-signed certificate"
ISSUER_EXPIRED = 'tls: the certificate of the issuer "Old Intermediate CA" expired on DAY'


@pytest.fixture
def outdated(certs: Certs) -> tuple[Leaf, Path]:
    """A leaf whose intermediate has expired, and the file with its root."""
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(3)]
    root = _Issuer(certs._sign("Second Root CA", keys[0], None, authority=True), keys[0])
    old = _Issuer(certs._sign("Old Intermediate CA", keys[1], root, authority=True, begins=-60, ends=-3), keys[1])
    leaf = certs._sign("mx1.example.test", keys[2], old, ("127.0.0.1",))
    return certs._save("outdated", keys[2], leaf, old.certificate), certs._write("second.crt", root.certificate)


@pytest.fixture
def check(scripted: Callable[..., ScriptedServer], certs: Certs) -> Check:
    def run_it(leaf: Leaf, ca: Path, *args: str) -> Result:
        server = scripted(starttls=certs.context(leaf))
        at = ("-H", "127.0.0.1", "-p", str(server.port), "-S", "--ca", str(ca))
        return run(*at, "-f", "probe@example.test", *args)

    return run_it


def told(result: Result) -> tuple[int, str]:
    return result.code, re.sub(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", "DAY", result.steady)


class TestIssuer:
    def test_not_tolerated(self, check: Check, certs: Certs) -> None:
        assert told(check(certs.selfsigned, certs.ca)) == (2, f"SMTP CRITICAL - 127.0.0.1 {SELF_SIGNED}")

    def test_warning(self, check: Check, certs: Certs) -> None:
        found = check(certs.selfsigned, certs.ca, "--state", "tls:verify=warning")
        assert told(found) == (1, f"SMTP WARNING - 127.0.0.1 {SELF_SIGNED}")

    def test_ok(self, check: Check, certs: Certs) -> None:
        found = check(certs.selfsigned, certs.ca, "--state", "tls:verify=ok")
        accepted = "SMTP OK - 127.0.0.1 accepted the sender in N s: 250 2.1.0 Sender ok"
        assert told(found) == (0, f"{accepted} ({SELF_SIGNED}, tolerated)")

    @pytest.mark.parametrize("rule", ["tls:verify=ok", "tls=ok", "tls=warning"])
    def test_what_comes_behind_is_judged(
        self, scripted: Callable[..., ScriptedServer], certs: Certs, rule: str
    ) -> None:
        server = scripted(starttls=certs.context(certs.selfsigned), rcpt=b"550 5.7.1 no\r\n")
        at = ("-H", "127.0.0.1", "-p", str(server.port), "-S", "--ca", str(certs.ca), "--to", "bob@example.org")
        assert told(run(*at, "--state", rule)) == (2, "SMTP CRITICAL - 127.0.0.1 rcpt: 550 5.7.1 no")

    def test_no_password_is_given_away_by_a_rule_that_names_no_fault(
        self, scripted: Callable[..., ScriptedServer], certs: Certs
    ) -> None:
        server = scripted(starttls=certs.context(certs.selfsigned))
        at = ("-H", "127.0.0.1", "-p", str(server.port), "-S", "--ca", str(certs.ca), "-U", "u", "-P", "horse7battery")
        found = run(*at, "--state", "tls=warning")
        assert told(found) == (1, f"SMTP WARNING - 127.0.0.1 {SELF_SIGNED}")

    def test_a_good_one(self, check: Check, certs: Certs) -> None:
        assert check(certs.good, certs.ca, "--state", "tls:verify=warning").code == 0


class TestDatesOfIssuers:
    def test_not_tolerated(self, check: Check, outdated: tuple[Leaf, Path]) -> None:
        assert told(check(*outdated)) == (2, f"SMTP CRITICAL - 127.0.0.1 {ISSUER_EXPIRED}")

    def test_warning(self, check: Check, outdated: tuple[Leaf, Path]) -> None:
        found = check(*outdated, "--state", "tls:expired=warning")
        assert told(found) == (1, f"SMTP WARNING - 127.0.0.1 {ISSUER_EXPIRED}")
