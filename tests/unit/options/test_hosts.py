"""Hosts, ports, families, addresses of ours and of name servers and proxies: what is one, and what is not."""

from __future__ import annotations

import socket

import pytest

from helpers.command_lines import fault, made
from smtp_status.options import hosts
from smtp_status.options.settings import shown


@pytest.mark.parametrize(
    ("argv", "targets"),
    [
        ([], ("localhost",)),
        (["mx.example.org"], ("mx.example.org",)),
        (["-H", "mx.example.org."], ("mx.example.org.",)),
        (["-H", "MX_1"], ("MX_1",)),
        (["-H", "192.0.2.1"], ("192.0.2.1",)),
        (["-H", "::1"], ("::1",)),
        (["-H", "[::1]"], ("::1",)),
        (["-H", "[192.0.2.1]"], ("192.0.2.1",)),
        (["-H", "fe80::1%lo"], ("fe80::1%lo",)),
        (["-H", "fe80::1%1"], ("fe80::1%1",)),
        (["-H", "/run/dovecot/lmtp"], ("/run/dovecot/lmtp",)),
        (["-H", "münchen.example"], ("xn--mnchen-3ya.example",)),
        (["-H", "a", "-H", "b", "-H", "a"], ("a", "b")),
        (["-H", "a", ""], ("a",)),
        (["-H", "a", "--", " ", ""], ("a",)),
        (["-H", "a", "-4", "", ""], ("a",)),
        (["-H", "a", "-q", "true"], ("a",)),
        (["-vS", "YES", "-H", "a", "--lmtp", "1", ""], ("a",)),
        (["-d", "example.org", "--mta-sts", "true", ""], ()),
        (["-d", "example.org"], ()),
    ],
)
def test_hosts(argv: list[str], targets: tuple[str, ...]) -> None:
    assert made(*argv).hosts == targets


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        ([""], "HOST takes a host name, an address or the path of a unix socket, not an empty text"),
        (["-H", ""], "-H takes a host name, an address or the path of a unix socket, not an empty text"),
        (["-H", "a b"], "-H takes a host name or an address, not 'a b'"),
        (["-H", "a..b"], "-H takes a host name or an address, not a..b"),
        (["-H", "."], "-H takes a host name or an address, not ."),
        (["-H", "-a"], "-H takes a host name or an address, not -a"),
        (["-H", "mx:25"], "-H takes a host name or an address, not mx:25, the port goes to -p"),
        (["-H", "a|b"], "-H takes a host name or an address, not a¦b"),
        (["-H", "a" * 64], f"-H takes a host name or an address, not {'a' * 20}…{'a' * 19}"),
        (["-H", "a." * 128], f"-H takes a host name or an address, not {'a.' * 10}….{'a.' * 9}"),
        (["-H", "x" * 65536], f"-H takes a host name or an address, not {'x' * 20}…{'x' * 18}…"),
        (["-H", "10.1"], "-H takes a host name or an address, and 10.1 is no valid IPv4 address"),
        (["-H", "0.0.0.0"], "-H takes an address to connect to, not 0.0.0.0"),
        (["-H", "[::]"], "-H takes an address to connect to, not [::]"),
        (["-H", "0x7f000001"], "-H takes a host name or an address, and 0x7f000001 is no valid IPv4 address"),
        (["-H", "192.0.2.256"], "-H takes a host name or an address, and 192.0.2.256 is no valid IPv4 address"),
        (["-H", "[mx]"], "-H takes an IPv4 or IPv6 address, not [mx]"),
        (["-H", "[::1"], "-H takes an IPv4 or IPv6 address, not [::1"),
        (["-H", "::g"], "-H takes a host name or an address, not ::g"),
        (["-H", "fe80::1"], "-H takes a link-local address with its zone, such as fe80::1%eth0"),
        (["-H", "[FEBF::1]"], "-H takes a link-local address with its zone, such as FEBF::1%eth0"),
        (["-H", "fe80::1%nope"], "-H takes an address of a network interface this host has, not fe80::1%nope"),
        (["-H", "ü" * 70 + ".example"], None),
        (["-H", "a\u2044b.example"], "-H takes a host name, and a\u2044b.example has no form in ASCII (IDNA)"),
        (["-H", "/" + "x" * 107], None),
        (["-H", "a\nb"], "-H takes no control characters, and there is a 0x0a"),
        (["-H", "a\x7fb"], "-H takes no control characters, and there is a 0x7f"),
        (["-H", "mx\udcff"], "-H takes text in UTF-8"),
        (["-H", "a", "b"], "b is one word too many beside -H"),
        (["a", "--hostname", "a"], "a is one word too many beside --hostname"),
        (["-H", "a", "25"], "25 is one word too many beside -H, -p?"),
        (["-H", "a", "-p", "25", "-q", "5 s"], "'5 s' is one word too many beside -H"),
        (["-H", "a", "true"], "true is one word too many beside -H"),
        (["-H", "a", "-w", "5", "1"], "1 is one word too many beside -H, -p?"),
        (["-H", "a", "-q", "true", "true"], "true is one word too many beside -H"),
        (["-H", "a", "-q", "false"], "false is one word too many beside -H, -q takes no value"),
        (["-H", "a", "-P", "correct", "horse"], "what stands behind the value of -P is one word too many beside -H"),
        (["-H", "a", "-P", "1", "2"], "what stands behind the value of -P is one word too many beside -H"),
        (["-H", "a", "-P", "correct", "-q", "no"], "no is one word too many beside -H, -q takes no value"),
        (["-H", "a", "-q", "--", "true"], "true is one word too many beside -H"),
        (["-H", "a", "-d", "example.org"], "-H and --domain exclude each other"),
        (["a", "-d", "example.org"], "a is one word too many beside -d"),
        (
            ["-d", "a.example", "-d", "b.example"],
            "-d is given twice, with a.example and b.example: each domain takes a check of its own",
        ),
        (["-4", "-H", "::1"], "-H takes a name or an IPv4 address with -4, not ::1"),
        (["--use-ipv6", "127.0.0.1"], "HOST takes a name or an IPv6 address with -6, not 127.0.0.1"),
        (["-4", "-6"], "-6 and -4 exclude each other"),
        (["--use-ipv4", "-6"], "-6 and --use-ipv4 exclude each other"),
    ],
)
def test_faults_of_hosts(argv: list[str], message: str | None) -> None:
    said = fault(*argv)
    if message is None:
        assert said.startswith("-H takes ")
    else:
        assert said == message


@pytest.mark.parametrize(
    ("argv", "port"),
    [
        ([], 25),
        (["-s"], 465),
        (["-S"], 25),
        (["-s", "-p", "2465"], 2465),
        (["-p", "1"], 1),
        (["-p", "65535"], 65535),
        (["-p", "025"], 25),
        (["-H", "/s"], 0),
        (["-H", "/s", "-p", "24"], 0),
        (["-H", "/s", "-H", "mx", "-p", "24"], 24),
        (["-d", "example.org"], 25),
    ],
)
def test_ports(argv: list[str], port: int) -> None:
    assert made(*argv).port == port


@pytest.mark.parametrize(
    "port", ["0", "65536", "-1", "+25", "25.0", "smtp", "", " 25", "0x19", "2_5", "\u0662\u0665", "9" * 5000]
)
def test_faults_of_ports(port: str) -> None:
    assert fault("-p", port) == f"-p takes a port from 1 to 65535, not {shown(port)}"


def test_families() -> None:
    assert (made().family, made("-4").family, made("-6").family) == (0, 4, 6)
    assert made("-4", "127.0.0.1").hosts == ("127.0.0.1",)
    assert made("-6", "/run/lmtp").family == 6


def test_source() -> None:
    assert (made("--source", "127.0.0.1").source, made("--source", "127.0.0.1").family) == ("127.0.0.1", 4)
    assert made("--source", "127.0.0.1", "-4", "127.0.0.2").family == 4


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--source", "192.0.2.1"], "--source takes an address of this host, not 192.0.2.1"),
        (["--source", "mx"], "--source takes an IPv4 or IPv6 address, not mx"),
        (["--source", ""], "--source takes an IPv4 or IPv6 address, not ''"),
        (["--source", "127.0.0.1", "-6"], "--source takes an IPv6 address with -6, not 127.0.0.1"),
        (["--source", "127.0.0.1", "::1"], "--source 127.0.0.1 cannot be used to connect to ::1"),
        (["--source", "127.0.0.1", "/run/lmtp"], "--source 127.0.0.1 cannot be used to connect to /run/lmtp"),
    ],
)
def test_faults_of_source(argv: list[str], message: str) -> None:
    assert fault(*argv) == message


@pytest.mark.skipif(not socket.has_ipv6 or not hosts.is_own("::1"), reason="needs IPv6 on loopback")
def test_source_with_ipv6() -> None:
    assert (made("--source", "[::1]").source, made("--source", "::1").family) == ("::1", 6)


def test_proxy() -> None:
    assert made().plan.proxy is None
    assert made("-r").plan.proxy == ()
    assert made("--proxy").plan.proxy == ()
    assert made("--proxy=192.0.2.1:5,192.0.2.2:25").plan.proxy == ("192.0.2.1", 5, "192.0.2.2", 25)
    assert made("--proxy=[::1]:0,[::2]:25").plan.proxy == ("::1", 0, "::2", 25)


@pytest.mark.parametrize(
    "value", ["", "x", "192.0.2.1:5", "192.0.2.1,192.0.2.2", "::1:5,::2:5", "a:1,b:2", "192.0.2.1:5,192.0.2.2:65536"]
)
def test_faults_of_proxy(value: str) -> None:
    assert fault(f"--proxy={value}") == f"--proxy takes SRC:PORT,DST:PORT, IPv6 addresses in [], not {shown(value)}"


@pytest.mark.parametrize("value", ["[::1]:5,192.0.2.1:5", "[fe80::1%1]:5,[::1]:5"])
def test_addresses_of_proxy_do_not_fit(value: str) -> None:
    assert fault(f"--proxy={value}") == f"--proxy takes two plain addresses of one family, not {value}"


@pytest.mark.parametrize(
    ("text", "nameserver"),
    [
        ("192.0.2.53:5353", ("192.0.2.53", 5353)),
        ("::1", ("::1", 53)),
        ("[::1]", ("::1", 53)),
        ("[::1]:5353", ("::1", 5353)),
    ],
)
def test_nameservers(text: str, nameserver: tuple[str, int]) -> None:
    assert made("--nameserver", text).nameserver == nameserver


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("localhost", "LOCALHOST", True),
        ("mx.example.org", "MX.example.org.", True),
        ("127.0.0.1", "::ffff:127.0.0.1", True),
        ("::1", "0:0:0:0:0:0:0:1", True),
        ("fe80::1%1", "FE80:0::1%1", True),
        ("fe80::1%1", "fe80::1%2", False),
        ("localhost", "127.0.0.1", False),
        ("127.0.0.1", "127.0.0.2", False),
        ("/run/A", "/run/a", False),
    ],
)
def test_spellings_of_one_host(one: str, other: str, same: bool) -> None:
    assert (hosts.identity(one) == hosts.identity(other)) is same
