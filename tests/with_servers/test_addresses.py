"""A name with several addresses, of which some are dead, and ways that end before the server, in a namespace."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator

import pytest

from helpers.plugin import Result, run
from servers.netns import NetworkNamespace
from servers.requirements import need, need_root
from servers.scripted import ScriptedServer, Sleep, SmtpScript

HOSTS = """
2001:db8::1 both.example six.example
192.0.2.1 both.example four.example
2001:db8::1 dead.example
192.0.2.99 dead.example
fe80::1 zoneless.example
"""
WAYS = """
ip address add 192.0.2.1/32 dev lo
ip address add 192.0.2.2/32 dev lo
ip -6 address add 2001:db8::1/128 dev lo nodad
ip -6 address add 2001:db8::2/128 dev lo nodad
ip route add blackhole 198.51.100.1
ip route add prohibit 198.51.100.2
ip route add unreachable 198.51.100.3
ip -6 route add blackhole 2001:db8:b::/64
ip -6 route add fe80::/64 dev lo
nft add table inet filter
nft add chain inet filter input '{ type filter hook input priority 0; }'
nft add rule inet filter input ip6 daddr 2001:db8::1 tcp dport 25 drop
nft add rule inet filter input ip daddr 192.0.2.2 tcp dport 25 reject with icmp host-prohibited
nft add rule inet filter input ip6 daddr 2001:db8::2 tcp dport 25 reject with icmpv6 admin-prohibited
mount --bind "$1/hosts" /etc/hosts
mount --bind "$1/nsswitch.conf" /etc/nsswitch.conf
"""


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NetworkNamespace]:
    need_root("network namespaces")
    need("nft")
    directory = tmp_path_factory.mktemp("names")
    (directory / "hosts").write_text(HOSTS)
    (directory / "nsswitch.conf").write_text("hosts: files\n")
    with NetworkNamespace() as space:
        subprocess.run([*space.enter, "sh", "-e", "-c", WAYS, "sh", str(directory)], check=True)
        yield space


@pytest.fixture(scope="module")
def greets_late(space: NetworkNamespace) -> Iterator[ScriptedServer]:
    script = SmtpScript(banner=(Sleep(1.2), b"220 mx ESMTP\r\n"))
    with space.call(lambda: ScriptedServer(script, host="192.0.2.1", port=25)) as server:
        yield server


def check(space: NetworkNamespace, *args: str) -> Result:
    return run(*args, wrap=space.enter)


def test_a_silent_address_costs_a_quarter_of_a_second(space, greets_late):
    found = check(space, "-H", "both.example", "-t", "2", "-v", "-f", "probe@example.test")
    assert (found.code, found.steady) == (0, "SMTP OK - both.example accepted the sender in N s: 250 2.1.0 Sender ok")
    assert re.search(r"^connect: no answer from 2001:db8::1 port 25 for 0\.[2-9] s$", found.out, re.M)
    total = float(re.search(r" time=([0-9.]+)s", found.out)[1])
    connect = float(re.search(r" time_connect=([0-9.]+)s", found.out)[1])
    assert 0.25 + 1.2 <= total < 2.0
    assert connect < 0.2


def test_a_silent_address_is_named_where_the_time_was_too_long(space, greets_late):
    found = check(space, "-H", "both.example", "-t", "5", "-w", "1", "-f", "probe@example.test")
    assert found.code == 1
    assert re.fullmatch(
        r"SMTP WARNING - both\.example accepted the sender, but it took [1-3]\.\d{3} s, at most 1 s wanted;"
        r" no answer from 2001:db8::1 port 25 for 0\.[2-9] s",
        found.first,
    )


def test_all_addresses_are_silent_or_refuse(space):
    found = check(space, "-H", "dead.example", "-t", "0.6")
    assert found.code == 2
    assert re.fullmatch(
        r"SMTP CRITICAL - dead\.example timed out at connect: no answer from 2001:db8::1 port 25 for 0\.[5-9] s;"
        r" network unreachable for 192\.0\.2\.99 port 25",
        found.first,
    )


@pytest.mark.parametrize(
    ("argv", "cause"),
    [
        (["-4", "-H", "six.example"], "six.example dns: no IPv4 address, only 2001:db8::1"),
        (["-6", "-H", "four.example"], "four.example dns: no IPv6 address, only 192.0.2.1"),
        (
            ["-H", "192.0.2.2"],
            "192.0.2.2 connect: a firewall rejects connections to 192.0.2.2 port 25 (ICMP: prohibited)",
        ),
        (
            ["-H", "2001:db8::2"],
            "2001:db8::2 connect: a firewall rejects connections to 2001:db8::2 port 25 (ICMP: prohibited)",
        ),
        (
            ["-H", "198.51.100.1"],
            "198.51.100.1 connect: a blackhole route of this host swallows what goes to 198.51.100.1 port 25",
        ),
        (
            ["-H", "2001:db8:b::1"],
            "2001:db8:b::1 connect: a blackhole route of this host swallows what goes to 2001:db8:b::1 port 25",
        ),
        (
            ["-H", "198.51.100.2"],
            "198.51.100.2 connect: this host may not connect to 198.51.100.2 port 25: a prohibit route, its packet"
            " filter or SELinux",
        ),
        (["-H", "198.51.100.3"], "198.51.100.3 connect: no route to 198.51.100.3 port 25"),
        (
            ["-H", "zoneless.example"],
            "zoneless.example connect: the link-local address fe80::1 has no zone, which interface to take",
        ),
    ],
)
def test_the_way_that_is_shut(space, argv, cause):
    found = check(space, *argv)
    assert (found.code, found.first) == (2, f"SMTP CRITICAL - {cause}")
