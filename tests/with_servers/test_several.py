"""Several servers and ``--state``: the count of the first line says no more than what happened."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from helpers.plugin import Result, run
from servers.fakedns import FakeDns, octets
from servers.scripted import ScriptedServer, Session, Silence, Sleep, SmtpScript

DENIED = b"554 5.7.1 Relay access denied\r\n"
GREYLISTED = b"450 4.2.0 Greylisted\r\n"
RELAY = ("--to", "x@elsewhere.example", "--quit-after", "rcpt", "--state", "rcpt:5xx=ok,rcpt:2xx=critical")

Scripted = Callable[..., ScriptedServer]


def both(one: ScriptedServer, *args: str) -> Result:
    """Check the server on 127.0.0.1 and the one on the same port of 127.0.0.2."""
    return run("-H", "127.0.0.1", "-H", "127.0.0.2", "-p", str(one.port), *args)


def second(scripted: Scripted, one: ScriptedServer, **stages: object) -> None:
    scripted(host="127.0.0.2", port=one.port, **stages)


class TestNegativeTests:
    def test_that_hold(self, scripted: Scripted) -> None:
        one = scripted(rcpt=DENIED)
        second(scripted, one, rcpt=DENIED)
        found = both(one, *RELAY)
        assert (found.code, found.first) == (
            0,
            "SMTP OK - 2 of 2 servers answer as wanted; 127.0.0.1 rcpt: 554 5.7.1 Relay access denied (as wanted)",
        )

    def test_an_open_relay_beside_one_that_is_none(self, scripted: Scripted) -> None:
        one = scripted(rcpt=DENIED)
        second(scripted, one)
        found = both(one, *RELAY)
        assert (found.code, found.first) == (
            1,
            "SMTP WARNING - 1 of 2 servers answer as wanted; 127.0.0.2 rcpt: 250 2.1.5 Recipient ok (not wanted)",
        )
        assert both(one, *RELAY, "--require", "all").code == 2

    def test_greylisting_that_is_fine_accepts_no_mail(self, scripted: Scripted) -> None:
        one = scripted(rcpt=GREYLISTED)
        second(scripted, one)
        found = both(one, "--to", "bob@example.org", "--state", "rcpt:45x=ok")
        assert (found.code, found.first) == (
            0,
            "SMTP OK - 2 of 2 servers answer as wanted; 127.0.0.1 rcpt: 450 4.2.0 Greylisted (as wanted)",
        )

    def test_one_that_may_be_down(self, scripted: Scripted) -> None:
        one = scripted()
        found = both(one, "--to", "bob@example.org", "--state", "connect:refused=ok")
        assert (found.code, found.first) == (
            0,
            "SMTP OK - 2 of 2 servers answer as wanted; 127.0.0.2 connect: connection refused by 127.0.0.2 "
            f"port {one.port} (as wanted)",
        )

    def test_what_is_tolerated_on_the_way_keeps_no_mail_away(self, scripted: Scripted) -> None:
        one = scripted(rcpt={"grey@example.org": GREYLISTED})
        second(scripted, one)
        recipients = ("--to", "grey@example.org", "--to", "bob@example.org")
        found = both(one, *recipients, "--state", "rcpt:45x=ok")
        assert (found.code, found.first) == (0, "SMTP OK - 2 of 2 servers accept mail")


class TestDeadline:
    """``--state`` comes before the STATE of ``-t``, with several servers as with one."""

    @pytest.mark.parametrize(
        ("timeout", "rule", "code"),
        [
            ("0.5", "banner:timeout=warning", 1),
            ("0.5:warning", "banner:timeout=critical", 2),
            ("0.5:warning", "rcpt:timeout=critical", 1),
            ("0.5:unknown", "any:refused=ok", 3),
        ],
    )
    def test_all_of_them_silent(self, scripted: Scripted, timeout: str, rule: str, code: int) -> None:
        def silence(_session: Session) -> None:
            time.sleep(1)

        one = scripted(banner=silence)
        second(scripted, one, banner=silence)
        words = "timed out at banner: no greeting for N s"
        found = both(one, "-t", timeout, "--state", rule)
        assert (found.code, found.steady) == (code, f"SMTP {found.state} - 0 of 2 servers answer; 127.0.0.1 {words}")
        alone = run("-H", "127.0.0.1", "-p", str(one.port), "-t", timeout, "--state", rule)
        assert (alone.code, alone.steady) == (code, f"SMTP {alone.state} - 127.0.0.1 {words}")


class TestRequire:
    @pytest.mark.parametrize(
        "hosts",
        [
            ("127.0.0.1",),
            ("127.0.0.1", "127.0.0.1"),
            ("127.0.0.1", "::ffff:127.0.0.1"),
            ("localhost", "LOCALHOST."),
        ],
    )
    def test_two_of_one(self, scripted: Scripted, hosts: tuple[str, ...]) -> None:
        server = scripted()
        named = [word for host in hosts for word in ("-H", host)]
        found = run(*named, "-p", str(server.port), "--require", "2")
        assert (found.code, found.first) == (2, "SMTP CRITICAL - 1 of 1 servers answer, 2 required")

    @pytest.mark.parametrize(("delay", "code"), [(0.0, 0), (0.6, 2)], ids=["in time", "too slow"])
    def test_one_that_is_too_slow_beside_one_that_timed_out(self, scripted: Scripted, delay: float, code: int) -> None:
        slow = scripted(banner=(Sleep(delay), b"220 scripted.test ESMTP\r\n"))
        silent = scripted(Silence(), host="127.0.0.2", port=slow.port)
        asked = ("-H", "127.0.0.1", "-H", silent.host, "-p", str(slow.port), "--require", "any")
        assert run(*asked, "-c", "0.5", "-t", "1.5").code == code

    @pytest.mark.parametrize("wanted", ["1", "any", "all"])
    def test_one_of_one(self, scripted: Scripted, wanted: str) -> None:
        found = run("-H", "127.0.0.1", "-p", str(scripted().port), "--require", wanted, "--quit-after", "banner")
        assert (found.code, found.steady) == (0, "SMTP OK - 127.0.0.1 answered in N s: 220 scripted.test ESMTP")


def test_which_address_it_is_is_said_where_one_name_has_several(scripted: Scripted) -> None:
    def reply(query, _stream):  # type: ignore[no-untyped-def]
        both = ("mx.test. 60 IN A 127.0.0.1", "mx.test. 60 IN A 127.0.0.2")
        return octets(query, *(both if query.question[0].rdtype.name == "A" else ()))

    one = scripted()
    second(scripted, one, ehlo=DENIED)
    with FakeDns(reply) as dns:
        at = ("-H", "mx.test", "--nameserver", f"127.0.0.1:{dns.port}", "--all-addresses", "-p", str(one.port))
        refused, slow = run(*at), run(*at, "--state", "ehlo:554=ok", "--stage-warning", "banner=1000:")
    assert (refused.code, refused.first) == (
        1,
        "SMTP WARNING - 1 of 2 addresses answer; mx.test 127.0.0.2 ehlo: 554 5.7.1 Relay access denied",
    )
    count, _, reason = slow.first.partition(", but ")
    assert count == "SMTP WARNING - 2 of 2 addresses answer as wanted"
    assert reason.startswith("mx.test 127.0.0.1: banner took ")


def test_a_lookup_that_was_not_needed_is_no_excuse_for_the_time(scripted: Scripted) -> None:
    """The run came to its end, so ``-c`` counts, with one host as with several."""

    def reply(query, _stream):  # type: ignore[no-untyped-def]
        return octets(query, "mx.test. 60 IN A 127.0.0.1") if query.question[0].rdtype.name == "A" else []

    with FakeDns(reply) as dns:
        at = ("-H", "mx.test", "--nameserver", f"127.0.0.1:{dns.port}", "-p", str(scripted().port), "-t", "2")
        alone, listed = run(*at, "-c", "0.5"), run(*at, "--all-addresses", "-c", "0.5")
        in_time = run(*at, "-c", "5")
    for found, who in ((alone, "mx.test answered"), (listed, "1 of 1 addresses answer")):
        assert (found.code, found.first.partition(" took ")[0]) == (2, f"SMTP CRITICAL - {who}, but it")
    assert (in_time.code, in_time.steady) == (
        1,
        f"SMTP WARNING - mx.test timed out at dns: AAAA: no answer from 127.0.0.1 port {dns.port} for N s",
    )


def test_hundreds_of_exchangers_that_are_addresses(scripted: Scripted) -> None:
    """Nothing of the output's end is lost for them."""
    records = [f"example.test. 60 IN MX 20 192\\.0\\.2\\.{number}." for number in range(250)]

    def reply(query, stream):  # type: ignore[no-untyped-def]
        if query.question[0].rdtype.name == "A":
            return octets(query, "mx.example.test. 60 IN A 127.0.0.2")
        if query.question[0].rdtype.name != "MX":
            return octets(query)
        whole = octets(query, "example.test. 60 IN MX 10 mx.example.test.", *records)[0]
        if stream:
            return [whole]
        head = octets(query)[0]
        return [head[:2] + bytes((head[2] | 2,)) + head[3:]]  # truncated: it comes over TCP

    with FakeDns(reply) as dns:
        port = scripted(host="127.0.0.2").port
        asked = ("-d", "example.test", "--nameserver", f"127.0.0.1:{dns.port}", "-p", str(port))
        found = run(*asked, "-v")
    assert (found.code, found.first) == (
        1,
        "SMTP WARNING - 1 of 1 exchangers answer; example.test dns: MX 192∖.0∖.2∖.0 is an address, not a name",
    )
    assert [row for row in found.lines if "lines left out" in row] != []
    assert "mx.example.test_time_ehlo" in found.perfdata


def test_the_one_that_is_slow_is_named(scripted: Scripted) -> None:
    """Also where its label is the beginning of another's."""

    def reply(query, _stream):  # type: ignore[no-untyped-def]
        name = query.question[0].name.to_text()
        return octets(query, *([f"{name} 60 IN A 127.0.0.1"] if query.question[0].rdtype.name == "A" else []))

    slow = (Sleep(0.3), b"220 scripted.test ESMTP\r\n")
    with FakeDns(reply) as dns:
        one = scripted(SmtpScript(), SmtpScript(banner=slow))
        at = ("--nameserver", f"127.0.0.1:{dns.port}", "-p", str(one.port))
        found = run("-H", "mx", "-H", "mx_2", *at, "--stage-warning", "banner=0.2")
    assert (found.code, found.first.partition(" took ")[0]) == (
        1,
        "SMTP WARNING - 2 of 2 servers answer, but mx_2: banner",
    )
