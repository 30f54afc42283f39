"""Whole checks of mail domains in a world of their own, beside Postfix's own client as the judge."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time

import pytest

from helpers import plugin
from helpers.domain_cases import CASES, POLICIES, WHY, Case
from servers import zones
from servers.dnsworld import BIND, ELSEWHERE, SILENT, UNVALIDATING

POSTMASTER = ("--to", "postmaster@example.test")
SLOW = {"hole", "alldown", "stsslow"}
TLS_STAGES = ("time", "time_dns", "time_connect", "time_banner", "time_ehlo", "time_starttls", "time_tls")


@pytest.fixture
def world(dnsworld):
    return dnsworld


def run(world, *args, wrap=None, **options):
    """Run the plugin inside the world, with its authorities as the system's."""
    return plugin.run(*args, wrap=wrap or world.enter, env={"SSL_CERT_FILE": str(world.certs.ca)}, **options)


def check(world, name, *args, **options):
    """Run the plugin on a domain of the world."""
    return run(world, "-d", zones.full(name), *args, **options)


def line(result):
    """The first line behind ``SMTP``, without what no two runs share."""
    return re.sub(r"(?<=DNSSEC validation fails: ).*", WHY, result.steady)[len("SMTP ") :]


def limit(name):
    return ("-t", "1.5") if name in SLOW else ("-t", "20")


class TestEveryCase:
    def test_none_is_forgotten(self):
        names = {*zones.CASES, *zones.OUTSIDE} - {"silent.test"}
        assert {*CASES, *POLICIES} >= names

    @pytest.mark.parametrize("name", [name for name in CASES if not re.match("u[23]..", name)])
    def test_first_line(self, world, name):
        assert line(check(world, name, *limit(name))) == CASES[name].lines["off"]

    @pytest.mark.parametrize("dane", ["try", "require"])
    @pytest.mark.parametrize("name", CASES)
    def test_first_line_with_dane(self, world, name, dane):
        assert line(check(world, name, "--dane", dane, *limit(name))) == CASES[name].lines[dane]

    @pytest.mark.parametrize("name", POLICIES)
    def test_first_line_with_mta_sts(self, world, name):
        assert line(check(world, name, "--mta-sts", *limit(name))) == POLICIES[name]

    def test_name_servers_that_say_nothing(self, world):
        began = time.monotonic()
        found = check(world, "silent.test", "-t", "1")
        assert time.monotonic() - began < 2
        # Unbound knows after a while that nobody is there.
        assert line(found) in (
            "CRITICAL - silent.test timed out at dns: MX: no answer from 127.0.0.1 port 53 for N s",
            "CRITICAL - silent.test dns: MX: the resolver fails (SERVFAIL)",
        )


@pytest.mark.parametrize(("name", "case"), CASES.items(), ids=list(CASES))
def test_the_judge(world, name, case: Case):
    """Postfix, told to deliver with DANE only, verifies the domain where the plugin accepts it, or it is said why
    not."""
    found = world.finger(zones.full(name))
    assert (found.level, case.why in found.why, bool(found.why)) == (case.level, True, bool(case.why))
    verified = world.finger(zones.full(name), "dane-only").level == "Verified"
    accepted = not case.lines["require"].startswith("CRITICAL")
    assert (verified == accepted) is not bool(case.differs)


class TestThePromise:
    """What the issue asks to be seen."""

    def test_all_well(self, world):
        found = check(world, "example", *POSTMASTER, "--dane", "require", "--mta-sts")
        assert (found.code, found.first) == (
            0,
            "SMTP OK - 2 of 2 exchangers accept mail, TLSA 3 1 1 matched, TLSA 2 0 1 matched, MTA-STS enforce valid",
        )
        labels = [
            f"mx{number}.example.test_{label}"
            for number in (1, 2)
            for label in (*TLS_STAGES, "time_mail", "time_rcpt", "time_data", "time_message", "time_quit", "tls_days")
        ]
        assert list(found.perfdata) == ["time", "example.test_time_dns", "example.test_time_sts", *labels]
        assert found.perfdata["mx1.example.test_tls_days"] == "30"

    def test_one_of_three_down(self, world):
        found = check(world, "three", *POSTMASTER)
        assert line(found) == CASES["three"].plain.replace("answer;", "accept mail;")
        assert "dead.example.test_time" in found.perfdata
        assert "dead.example.test_time_connect" not in found.perfdata

    def test_all_down(self, world):
        found = check(world, "alldown", *POSTMASTER, "-t", "1")
        assert line(found) == CASES["alldown"].plain.replace("answer;", "accept mail;")

    def test_the_dead_one_costs_no_more_than_the_deadline(self, world):
        began = time.monotonic()
        found = check(world, "hole", *POSTMASTER, "-t", "1")
        assert time.monotonic() - began < 2
        assert found.seconds("time") < 1.2
        assert line(found) == CASES["hole"].plain.replace("answer;", "accept mail;")
        # Nor do its figures hide or change the other's.
        assert found.seconds("mx1.example.test_time") < 0.5
        assert "mx1.example.test_time_quit" in found.perfdata

    def test_the_state_of_the_deadline_is_for_the_whole_check(self, world):
        late = ("-t", "1:unknown")
        assert check(world, "hole", *late).state == "WARNING"
        assert run(world, "-H", "hole.example.test", "-H", "127.0.0.21", *late).state == "UNKNOWN"


class TestRequire:
    @pytest.mark.parametrize(
        ("wanted", "state"),
        [("all", "CRITICAL"), ("any", "OK"), ("1", "OK"), ("2", "OK"), ("3", "CRITICAL"), ("4", "CRITICAL")],
    )
    def test_two_of_three(self, world, wanted, state):
        found = check(world, "three", "--require", wanted)
        required = f", {wanted} required;" if wanted in "34" else ";"
        assert line(found) == CASES["three"].plain.replace("WARNING", state).replace(";", required)

    def test_more_than_there_are(self, world):
        found = check(world, "example", "--require", "3")
        assert line(found) == "CRITICAL - 2 of 2 exchangers answer, 3 required"


class TestHosts:
    def test_several(self, world):
        found = run(world, "-H", "mx1.example.test", "-H", "mx2.example.test")
        assert line(found) == "OK - 2 of 2 servers answer"
        assert [label for label in found.perfdata if label.endswith("time")] == [
            *("time", "mx1.example.test_time", "mx2.example.test_time")
        ]

    def test_one_of_several_down(self, world):
        found = run(world, "-H", "mx1.example.test", "-H", "dead.example.test")
        assert line(found) == (
            "WARNING - 1 of 2 servers answer; dead.example.test connect: connection refused by 127.0.0.20 port 25"
        )

    def test_all_addresses(self, world):
        found = run(world, "-H", "both.example.test", "--all-addresses")
        assert line(found) == "OK - 2 of 2 addresses answer"
        assert [label for label in found.perfdata if label.endswith("time")] == [
            *("time", "both.example.test_2001-db8--25_time", "both.example.test_127.0.0.3_time")
        ]

    def test_all_addresses_of_a_domain(self, world):
        found = check(world, "three", "--all-addresses")
        assert line(found) == CASES["three"].plain
        assert "mx1.example.test_127.0.0.2_time_ehlo" in found.perfdata

    @pytest.mark.parametrize(
        ("host", "attempted", "required"),
        [
            ("mx1", "OK (TLSA 3 1 1 matched)", ""),
            ("alias", "OK (TLSA 3 1 1 matched)", ""),
            ("mx.nomatch", "CRITICAL tls: DANE: TLSA 3 1 1 does not match the certificate", ""),
            ("mx.notlsa", "OK", "CRITICAL dns: DANE: no TLSA record"),
            (
                "mx.insecuremx",
                "CRITICAL dns: no address: no such name (NXDOMAIN)",
                "CRITICAL dns: no address: no such name (NXDOMAIN)",
            ),
            ("mx.tlsabogus", f"CRITICAL dns: DANE: TLSA lookup: DNSSEC validation fails: {WHY}", ""),
            ("mx.notls", "CRITICAL starttls: STARTTLS not offered, but DANE demands it", ""),
        ],
    )
    @pytest.mark.parametrize("dane", ["try", "require"])
    def test_dane(self, world, host, attempted, required, dane):
        name = f"{host}.example.test"
        found = run(world, "-H", name, "--dane", dane)
        expected = required or attempted if dane == "require" else attempted
        state, _, rest = expected.partition(" ")
        if state == "OK":
            assert line(found).startswith(f"OK - {name} answered in N s: 250 mx1.example.test PIPELINING")
            assert line(found).endswith(rest)
        else:
            assert line(found) == f"{state} - {name} {rest}"


class TestResolvers:
    @pytest.mark.parametrize(
        "server", ["127.0.0.1", "127.0.0.1:5353", "::1", "[::1]", "[::1]:53", BIND, f"{ELSEWHERE}:53"]
    )
    def test_one_that_is_named_is_believed(self, world, server):
        found = check(world, "example", "--dane", "require", "--nameserver", server)
        assert line(found) == CASES["example"].lines["require"]

    @pytest.mark.parametrize("name", ["nomatch", "notlsa", "tlsabogus", "bogus.test", "plain.test", "null"])
    def test_bind_says_the_same(self, world, name):
        found = check(world, name, "--dane", "require", "--nameserver", BIND)
        assert line(found) == CASES[name].lines["require"]

    @pytest.mark.parametrize(
        ("args", "text", "doubt"),
        [
            (("--nameserver", UNVALIDATING), "", "resolver does not validate DNSSEC"),
            ((), f"nameserver {UNVALIDATING}\n", "resolver does not validate DNSSEC"),
            (
                (),
                f"nameserver {ELSEWHERE}\n",
                "resolver not trusted with DNSSEC (--nameserver? trust-ad in resolv.conf?)",
            ),
        ],
        ids=["named", "of the system", "not trusted"],
    )
    def test_one_whose_word_on_dnssec_does_not_count(self, world, args, text, doubt):
        wrap = world.enter_with(text) if text else world.enter
        with_one_dead = CASES["three"].plain
        assert line(check(world, "example", *args, wrap=wrap)) == CASES["example"].plain
        attempted = ("--dane", "try", *args)
        assert line(check(world, "example", *attempted, wrap=wrap)) == (
            f"OK - 2 of 2 exchangers answer, DANE not judged: {doubt}"
        )
        assert line(check(world, "three", *attempted, wrap=wrap)) == with_one_dead
        required = ("--dane", "require", *args)
        assert line(check(world, "example", *required, wrap=wrap)) == (
            f"UNKNOWN - 2 of 2 exchangers answer; example.test dns: DANE: {doubt}"
        )
        assert check(world, "alldown", "-t", "1", *required, wrap=wrap).state == "CRITICAL"
        found = run(world, "-H", "mx1.example.test", *required, wrap=wrap)
        assert line(found) == f"UNKNOWN - mx1.example.test dns: DANE: {doubt}"
        found = run(world, "-H", "mx1.example.test", "-H", "mx2.example.test", *required, wrap=wrap)
        assert line(found) == f"UNKNOWN - 2 of 2 servers answer; dns: DANE: {doubt}"

    def test_trust_ad(self, world):
        wrap = world.enter_with(f"nameserver {ELSEWHERE}\noptions trust-ad\n")
        assert line(check(world, "example", "--dane", "require", wrap=wrap)) == CASES["example"].lines["require"]

    def test_one_that_is_not_there(self, world):
        assert line(check(world, "example", "--nameserver", "127.0.0.99")) == (
            "CRITICAL - example.test dns: MX: no resolver at 127.0.0.99 port 53: connection refused"
        )

    def test_one_that_is_silent(self, world):
        began = time.monotonic()
        found = check(world, "example", "--nameserver", SILENT, "-t", "1")
        assert time.monotonic() - began < 2
        assert line(found) == f"CRITICAL - example.test timed out at dns: MX: no answer from {SILENT} port 53 for N s"

    def test_the_next_one_is_asked(self, world):
        wrap = world.enter_with("nameserver 127.0.0.99\nnameserver 127.0.0.1\n")
        assert line(check(world, "example", "--dane", "require", wrap=wrap)) == CASES["example"].lines["require"]


class TestOutput:
    def test_an_exchanger_named_like_the_domain(self, world):
        found = check(world, "implicit")
        assert [label for label in found.perfdata if label.endswith(("time", "dns"))] == [
            *("time", "implicit.example.test_time", "implicit.example.test_time_dns"),
        ]

    def test_one_with_a_policy(self, world):
        found = check(world, "implicit", "--mta-sts")
        assert [label for label in found.perfdata if label.endswith(("time", "dns", "sts"))] == [
            *("time", "implicit.example.test_time"),
            *("implicit.example.test_time_dns", "implicit.example.test_time_sts"),
        ]

    def test_sixty_exchangers(self, world):
        """All of them are named, the stages of as many as there is room for."""
        found = check(world, "crowd")
        assert len(found.out) > 7800
        whole = [f"mx{number:02}.crowd.example.test_time" for number in range(60)]
        assert [label for label in found.perfdata if label.endswith("_time")] == whole

    def test_sixty_exchangers_at_length(self, world):
        found = check(world, "crowd", "-vvv", "--dane", "try")
        assert len(found.out) > 7000
        assert found.first == "SMTP OK - 60 of 60 exchangers answer"

    def test_a_table_for_each(self, world):
        found = check(world, "example", *POSTMASTER, "-v", "--dane", "require", "--mta-sts")
        lines = [re.sub(r"[ #]+[0-9.]+ ms [ #]*", " N ms ", row) for row in found.lines]
        assert re.fullmatch("dns: 2 exchangers, authenticated by DNSSEC, TTL [0-9]+ s", lines[1])
        assert lines[2:4] == [
            "dns: TLS-RPT: v=TLSRPTv1; rua=mailto:reports@example.test",
            "sts: mode enforce, max_age 604800 s, mx *.example.test",
        ]
        for number, match in ((1, "3 1 1"), (2, "2 0 1")):
            start = lines.index(f"mx{number}.example.test:")
            assert [row.partition(" ")[0] for row in lines[start + 1 : start + 12]] == [
                *("dns", "connect", "banner", "ehlo", "starttls", "tls", "mail", "rcpt", "data", "message", "quit")
            ]
            assert lines[start + 1] == f"dns N ms 127.0.0.{number + 1}"
            assert lines[start + 6] == f"tls N ms TLSv1.3 TLS_AES_256_GCM_SHA384, TLSA {match} matched"

    def test_a_policy_of_thousands_of_patterns(self, world):
        found = check(world, "stslong", "--mta-sts", "-v")
        assert found.first == "SMTP OK - 1 of 1 exchangers answer, MTA-STS enforce valid"
        (shown,) = [row for row in found.lines if row.startswith("sts: ")]
        assert re.fullmatch(
            r"sts: mode enforce, max_age 604800 s, mx \*\.example\.test mx0\.other\.test .{300,400}…", shown
        )
        assert "mx1.example.test_time_ehlo" in found.perfdata

    def test_hostile_names(self, world):
        found = check(world, "hostile", "-v")
        assert [row for row in found.lines if row.startswith("dns: MX ")] == [
            "dns: MX a¦b.example.test is no host name",
            "dns: MX ‹script›.example.test is no host name",
            "dns: MX ∖027[2J∖010.example.test is no host name",
            "dns: MX ∖240.example.test is no host name",
        ]

    @pytest.mark.parametrize(
        ("args", "sentence"),
        [
            (("--quit-after", "dns"), "found"),
            (("--quit-after", "dns", "--dane", "require", "--mta-sts"), "found, MTA-STS enforce valid"),
            (("--quit-after", "sts", "--mta-sts"), "found, MTA-STS enforce valid"),
            (("--quit-after", "connect"), "connect"),
            (("--quit-after", "rcpt", *POSTMASTER), "accept the recipient"),
        ],
    )
    def test_stopping_early(self, world, args, sentence):
        found = check(world, "example", *args)
        assert line(found) == f"OK - 2 of 2 exchangers {sentence}"
        assert ("mx1.example.test_time_connect" in found.perfdata) is (args[1] not in ("dns", "sts"))

    def test_nobody_is_to_take_mail(self, world):
        rule = ("--state", "dns:nullmx=ok")
        assert line(check(world, "null", *rule)) == "OK - null.example.test dns: accepts no mail, null MX (as wanted)"
        assert check(world, "nullplus", *rule).state == "OK"

    @pytest.mark.parametrize("args", [(), ("--dane", "require", "--mta-sts")])
    def test_a_signal_during_the_lookups(self, world, args):
        command = [sys.executable, str(plugin.LAUNCHER), "-d", "example.test", "--nameserver", SILENT, *args]
        process = subprocess.Popen([*world.enter, *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        time.sleep(1.5)
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=10)
        assert (err, time.monotonic() - began < 0.3) == (b"", True)
        found = plugin.check_form(process.returncode, out.decode())
        assert line(found) == f"CRITICAL - example.test timed out at dns: MX: no answer from {SILENT} port 53 for N s"


class TestTls:
    def test_from_the_first_byte(self, world):
        found = check(world, "implicit", "--ssl", "--dane", "require")
        assert line(found) == "OK - 1 of 1 exchangers answer, TLSA 3 1 1 matched"
        assert "implicit.example.test_time_starttls" not in found.perfdata
        assert line(check(world, "example", "--ssl", "--dane", "require")) == (
            "CRITICAL - 0 of 2 exchangers pass; mx1.example.test dns: DANE: no TLSA record"
        )

    def test_without_a_policy_the_users_wish_counts(self, world):
        assert line(check(world, "example", "-S")) == "OK - 2 of 2 exchangers answer"
        found = check(world, "nomatch", "-S")
        assert (found.state, "tls: certificate is for mx1.example.test" in found.first) == ("CRITICAL", True)

    def test_days_of_a_certificate_that_need_not_count(self, world):
        found = check(world, "eeexpired", "--dane", "require")
        assert (found.state, found.perfdata["mx.eeexpired.example.test_tls_days"]) == ("OK", "-2")
        found = check(world, "eeexpired", "--dane", "require", "-D", "7")
        assert line(found) == (
            "WARNING - 1 of 1 exchangers answer, but mx.eeexpired.example.test: the certificate expired 42 hours ago,"
            " more than 7 wanted"
        )

    def test_both_policies_are_judged(self, world):
        both = ("--dane", "require", "--mta-sts")
        assert line(check(world, "stsoutside", *both)) == POLICIES["stsoutside"]
        assert line(check(world, "stscert", *both)) == (
            "CRITICAL - 0 of 1 exchangers pass; mx.stscert.example.test dns: DANE: no TLSA record"
        )
        assert line(check(world, "stsnone", *both)) == (
            "OK - 1 of 1 exchangers answer, TLSA 3 1 1 matched, MTA-STS none"
        )
