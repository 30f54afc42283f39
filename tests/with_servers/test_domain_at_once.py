"""All exchangers of a domain at the same time, over a wire of 20 ms there and back."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator

import pytest

from helpers import plugin
from helpers.plugin import Result
from servers.fakedns import FakeDns, octets
from servers.requirements import need_root
from servers.steady import SteadyServer
from servers.wire import DEVICE, SERVER, Wire

ROUND_TRIP = 0.020
SLOW = "192.0.2.3"
STAGES = ("connect", "banner", "ehlo", "mail", "rcpt", "data", "message", "quit")


def reply(query, _tcp):
    """``one.test`` has one exchanger, ``ten.test`` ten, and ``slow.test`` one more that is slow."""
    question = query.question[0]
    name, kind = question.name.to_text(), question.rdtype.name
    numbers = {"one.test.": range(1), "ten.test.": range(10), "slow.test.": range(11)}
    if kind == "MX":
        return octets(query, *(f"{name} 60 IN MX 10 mx{number:02}.test." for number in numbers[name]))
    address = SLOW if name == "mx10.test." else SERVER
    return octets(query, *([f"{name} 60 IN A {address}"] if kind == "A" else []))


Check = Callable[[str], Result]


@pytest.fixture(scope="module")
def check() -> Iterator[Check]:
    """A function that checks a domain from the other end of the wire."""
    need_root("network namespaces")
    with Wire(ROUND_TRIP / 2) as wire, wire.client.call(lambda: FakeDns(reply)) as dns:
        subprocess.run([*wire.server.enter, "ip", "address", "add", SLOW, "dev", DEVICE], check=True)
        subprocess.run([*wire.client.enter, "ip", "route", "add", SLOW, "dev", DEVICE], check=True)
        with (
            SteadyServer(host=SERVER, wrap=wire.server.enter) as server,
            SteadyServer(host=SLOW, wrap=wire.server.enter, port=server.port, delays={"mail": 500}),
        ):

            def run(domain: str) -> Result:
                mail = ("--to", "postmaster@test", "-f", "probe@test", "-p", str(server.port))
                asked = ("-d", domain, "--nameserver", f"127.0.0.1:{dns.port}")
                return plugin.run(*asked, *mail, wrap=wire.client.enter)

            yield run


def test_ten_take_hardly_longer_than_one(check: Check):
    one, ten = ([check(domain) for _ in range(5)] for domain in ("one.test", "ten.test"))
    assert {result.first for result in one} == {"SMTP OK - 1 of 1 exchangers accept mail"}
    assert {result.first for result in ten} == {"SMTP OK - 10 of 10 exchangers accept mail"}
    shortest = [min(result.seconds("time") for result in results) for results in (one, ten)]
    assert shortest[0] > 7 * ROUND_TRIP
    assert shortest[1] < 1.4 * shortest[0]


def test_a_slow_one_changes_only_its_own_figures(check: Check):
    results = [check("slow.test") for _ in range(5)]
    assert {result.first for result in results} == {"SMTP OK - 11 of 11 exchangers accept mail"}
    assert min(result.seconds("mx10.test_time_mail") for result in results) > 0.5
    for number in range(10):
        for stage in STAGES:
            seconds = [result.seconds(f"mx{number:02}.test_time_{stage}") for result in results]
            assert ROUND_TRIP - 0.001 < min(seconds) < ROUND_TRIP + 0.01, stage
        assert min(result.seconds(f"mx{number:02}.test_time") for result in results) < 0.4
