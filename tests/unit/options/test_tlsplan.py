"""How TLS is to be used with a server, and what of a certificate is tolerated."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from helpers.command_lines import fault, made
from smtp_status.tls.plan import TlsPlan


@pytest.mark.parametrize(
    ("argv", "mode", "verify"),
    [
        ([], "off", True),
        (["-S"], "starttls", True),
        (["-s"], "ssl", True),
        (["--tls"], "ssl", True),
        (["-D", "3"], "starttls", True),
        (["-D", "3", "-s"], "ssl", True),
        (["-D", "3", "-S"], "starttls", True),
        (["-S", "--no-verify"], "starttls", False),
        (["--dane", "off"], "off", True),
        (["--dane", "try"], "offered", False),
        (["-d", "example.org", "--mta-sts"], "offered", False),
        (["-S", "--dane", "require"], "starttls", True),
        (["--dane", "try", "--ca", "."], "offered", True),
        (["--dane", "try", "--tls-name", "mx"], "offered", True),
        (["-D", "3", "--dane", "try"], "starttls", True),
        (["-S", "--no-verify", "--dane", "try"], "starttls", False),
        (["--sni", "-S"], "starttls", True),
        (["--ca", "."], "off", True),
    ],
)
def test_tls_modes(argv: list[str], mode: str, verify: bool) -> None:
    tls = made(*argv).plan.tls
    assert (tls.mode, tls.asked and tls.verify) == (mode, verify)
    assert tls.afterwards == any(word in argv for word in ("try", "require", "--mta-sts"))


def test_tls_details(place: Path) -> None:
    for name in ("ca.pem", "cert.pem", "key.pem"):
        (place / name).write_text("x")
    argv = ["-S", "--ca", "ca.pem", "--client-cert", "cert.pem", "--client-key", "key.pem", "--tls-min", "1.3"]
    tls = made(*argv, "--tls-name", "MX.example.org.").plan.tls
    assert tls == TlsPlan("starttls", "MX.example.org", "ca.pem", "cert.pem", "key.pem", "1.3", True, frozenset())
    assert made("--ca", str(place)).plan.tls.ca == str(place)
    assert made("--tls-name", "[::1]").plan.tls.name == "::1"
    assert made("-S", "--tls-name", "lmtp", "/run/lmtp").plan.tls.name == "lmtp"


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["-s", "-S"], "-S and -s exclude each other"),
        (["--starttls", "--tls"], "--starttls and --tls exclude each other"),
        (["--client-key", "x"], "--client-key takes --client-cert as well"),
        (["--client-cert", "x"], "--client-cert cannot read x: No such file or directory"),
        (["--client-cert", "."], "--client-cert cannot read .: not a regular file"),
        (["--client-cert", "there", "--client-key", "x"], "--client-key cannot read x: No such file or directory"),
        (["--ca", "x"], "--ca cannot read x: No such file or directory"),
        (["--ca", "fifo"], "--ca cannot read fifo: not a regular file"),
        (["--ca", ""], "--ca cannot read '': No such file or directory"),
        (["--tls-min", "0.9"], "--tls-min takes 1.0, 1.1, 1.2 or 1.3, not 0.9"),
        (["--tls-ciphers", ""], "--tls-ciphers takes a list of ciphers as OpenSSL writes it, not ''"),
        (["--tls-name", "a b"], "--tls-name takes a host name or an address, not 'a b'"),
        (["-S", "/run/lmtp"], "TLS to the unix socket /run/lmtp takes --tls-name, the name of the certificate"),
        (
            ["-D", "3", "-H", "/run/lmtp"],
            "TLS to the unix socket /run/lmtp takes --tls-name, the name of the certificate",
        ),
    ],
)
def test_faults_of_tls(place: Path, argv: list[str], message: str) -> None:
    (place / "there").write_text("x")
    os.mkfifo(place / "fifo")
    assert fault(*argv) == message


@pytest.mark.parametrize(
    ("argv", "kinds"),
    [
        ([], set()),
        (["--state", "tls:expired=ok"], {"expired"}),
        (["--state", "tls:expired=warning,tls:name=unknown,tls:verify=ok"], {"expired", "name", "verify"}),
        (["--state", "any:name=warning"], {"name"}),
        (["--ignore-certificate-expiration"], {"expired"}),
        (["--state", "tls:expired=critical"], set()),
        (["--state", "tls:expired=ok,tls:expired=critical"], set()),
        (["--state", "tls:expired=critical,tls:expired=ok"], {"expired"}),
        (["--state", "tls=ok"], {"expired", "name", "verify"}),
        (["--state", "tls=warning,tls:name=critical"], {"expired", "verify"}),
        (["--state", "tls=critical"], set()),
        # Nobody is to give a password away by it.
        (["--state", "tls=ok", "-U", "u", "-P", "secret"], set()),
        (["--state", "tls=ok", "-C", "auth plain AHUAeA=="], set()),
        (["--state", "tls=ok", "-C", "NOOP", "-C", " AUTH PLAIN AHUAeA=="], set()),
        (["--state", "tls=ok", "-C", "AUTHOR x"], {"expired", "name", "verify"}),
        (["--state", "tls=ok,tls:name=ok", "-U", "u", "-P", "secret"], {"name"}),
        (["--state", "any=ok"], set()),
        (["--state", "tls:expired=ok,tls=critical"], {"expired"}),
        (["--state", "any:expired=ok,tls=critical"], set()),
        (["--state", "any:expired=ok,tls:expired=critical"], set()),
        (["--state", "any:expired=critical,tls:expired=ok"], {"expired"}),
        (["--state", "starttls:expired=ok,tls:handshake=ok"], set()),
    ],
)
def test_what_a_handshake_goes_on_with(argv: list[str], kinds: set[str]) -> None:
    assert made("-S", *argv).plan.tls.tolerate == kinds
