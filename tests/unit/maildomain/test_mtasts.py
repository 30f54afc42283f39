"""MTA-STS: the record, the policy, the page it comes on, and whom it allows."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from servers.web import policy
from smtp_status.findings import Failure
from smtp_status.maildomain import mtasts
from smtp_status.maildomain.codec import Query
from smtp_status.maildomain.mtasts import Announcement, StsPolicy
from smtp_status.maildomain.resolver import Answer

QUERY = Query("_mta-sts.example.test", "TXT")
POLICY = policy("mx1.example.test", "*.example.org")


def announced(*texts, failure=None):
    return mtasts.read_announcement(Answer(QUERY, failure, texts=texts))


class TestAnnouncement:
    @pytest.mark.parametrize(
        "text",
        [
            b"v=STSv1; id=20200101T000000;",
            b"v=STSv1;id=20200101T000000",
            b"v=STSv1;\tid=20200101T000000 ; other=value;",
            b"v=STSv1; x.y-z=!$%&(:<>?; id=20200101T000000",
            b"v=STSv1; id=20200101T000000; id=2; id=a-b",
        ],
    )
    def test_good(self, text):
        assert announced(text) == Announcement("20200101T000000")

    def test_beside_other_texts(self):
        assert announced(b"v=spf1 -all", b"v=STSv1; id=1", b"\xff").id == "1"

    @pytest.mark.parametrize("texts", [(), (b"v=spf1 -all",), (b"v=STSv",)])
    def test_none(self, texts):
        failure = None if texts else Failure("nodata", "no TXT record (NODATA)")
        assert announced(*texts, failure=failure).failure == Failure("missing", "no MTA-STS record")

    @pytest.mark.parametrize(
        ("texts", "cause"),
        [
            ((b"v=STSv1; id=1", b"v=STSv1; id=2"), "2 records announce one, senders take that for none"),
            ((b"v=STSv1",), "the record begins with v=STSv1, not with v=STSv1;"),
            ((b"v=stsv1; id=1",), "the record begins with v=stsv1; id=1, not with v=STSv1;"),
            ((b"v=STSv1 ; id=1",), "the record begins with v=STSv1 ; id=1, not with v=STSv1;"),
            ((b"v=STSv1;",), "the record needs one id of up to 32 letters and digits"),
            ((b"v=STSv1; id=;",), "malformed field in the record, id="),
            ((b"v=STSv1; id=a-b;",), "the record needs one id of up to 32 letters and digits"),
            ((b"v=STSv1; id=" + b"1" * 33,), "the record needs one id of up to 32 letters and digits"),
            ((b"v=STSv1; id=a-b; id=2",), "the record needs one id of up to 32 letters and digits"),
            ((b"v=STSv1; id=1; nonsense",), "malformed field in the record, nonsense"),
            ((b"v=STSv1; id=1; a=|<b>\x1b",), "malformed field in the record, a=¦b␛"),
            ((b"v=STSv1;; id=1",), "malformed field in the record, ''"),
        ],
    )
    def test_faults(self, texts, cause):
        assert announced(*texts).failure == Failure("policy", cause)

    def test_a_lookup_that_failed(self):
        found = announced(failure=Failure("servfail", "the resolver fails (SERVFAIL)"))
        assert found.failure == Failure("servfail", "TXT of _mta-sts.example.test: the resolver fails (SERVFAIL)")

    def test_what_is_asked(self):
        steps = mtasts.announcement("example.test")
        assert next(steps) == (QUERY,)

    @given(st.lists(st.binary(max_size=60).map(lambda tail: b"v=STSv1;" + tail), max_size=2))
    def test_any_octets(self, texts):
        found = announced(*texts)
        assert bool(found.id) != bool(found.failure)
        assert found.failure is None or found.failure.cause.isprintable()


class TestReporting:
    @pytest.mark.parametrize(
        ("texts", "line"),
        [
            ((), "TLS-RPT: no record"),
            ((b"v=spf1",), "TLS-RPT: no record"),
            ((b"v=TLSRPTv1; rua=mailto:a@example.test|\n",), "TLS-RPT: v=TLSRPTv1; rua=mailto:a@example.test¦␊"),
            ((b"v=TLSRPTv1;1", b"v=TLSRPTv1;2"), "TLS-RPT: 2 records, senders take that for none"),
        ],
    )
    def test_line(self, texts, line):
        steps = mtasts.reporting("example.test")
        assert next(steps) == (Query("_smtp._tls.example.test", "TXT"),)
        with pytest.raises(StopIteration) as end:
            steps.send((Answer(Query("", "TXT"), texts=texts),))
        assert end.value.value == line


class TestPolicy:
    def test_good(self):
        assert mtasts.read_policy(POLICY) == StsPolicy("enforce", 604800, ("mx1.example.test", "*.example.org"))

    @pytest.mark.parametrize(
        "octets",
        [
            POLICY.replace(b"\r\n", b"\n"),
            POLICY.rstrip(),
            POLICY.replace(b": ", b":"),
            POLICY.replace(b"\r\n", b" \t\r\n"),
            POLICY + b"\r\n\r\n",
            b"unknown.key-1: anything | <at> all\r\n" + POLICY,
            b"\r\n".join(reversed(POLICY.split(b"\r\n"))),
            POLICY.replace(b"mx1.example", b"MX1.Example"),
        ],
    )
    def test_other_forms_of_it(self, octets):
        found = mtasts.read_policy(octets)
        assert (found.mode, found.max_age, set(found.mx)) == ("enforce", 604800, {"mx1.example.test", "*.example.org"})

    @pytest.mark.parametrize(
        "line",
        [
            b"mode:" + b" " * 65000,
            b"mode:" + b" \t" * 30000 + b"x",
            b"mx: " + b"a" * 65000 + b".",
            b"mx: " + b"a." * 32000 + b"-",
            b"mx: " + b"a-" * 32000,
            b"a" * 65000,
            b"x: y\n" * 13000,
            b"\n" * 65000,
        ],
    )
    def test_the_longest_lines_are_cheap(self, line):
        began = time.process_time()
        mtasts.read_policy(POLICY + line)
        mtasts.read_policy(line + b"\n" + POLICY)
        assert time.process_time() - began < 0.8

    def test_blanks_around_values(self):
        assert mtasts.read_policy(policy("a.test").replace(b"mode:", b"mode:" + b" \t" * 1000)).mode == "enforce"

    def test_none_needs_no_mx(self):
        assert mtasts.read_policy(policy(mode="none")) == StsPolicy("none", 604800, ())

    def test_of_a_field_given_twice_the_first_counts(self):
        found = mtasts.read_policy(POLICY + b"mode: none\r\n")
        assert (found.mode, found.remarks) == ("enforce", ("mode stands more than once, the first counts",))

    def test_a_short_life_is_remarked(self):
        remarks = mtasts.read_policy(policy("a.test", max_age=60)).remarks
        assert remarks == ("max_age of 60 s: senders forget the policy within a day",)

    @pytest.mark.parametrize(
        ("octets", "cause"),
        [
            (b"", "no version"),
            (policy("a.test").replace(b"STSv1", b"STSv2"), "version STSv2, not STSv1"),
            (policy("a.test").replace(b"mode: enforce\r\n", b""), "no mode"),
            (policy("a.test", mode="Enforce"), "unknown mode Enforce"),
            (policy("a.test", mode="|<x>\x1b"), "unknown mode ¦x␛"),
            (policy("a.test").replace(b"max_age", b"max-age"), "no max_age"),
            (policy("a.test", max_age=31557601), "max_age 31557601, not 0 to 31557600 seconds"),
            (policy("a.test", max_age="1d"), "max_age 1d, not 0 to 31557600 seconds"),
            (policy("a.test", max_age=-1), "max_age -1, not 0 to 31557600 seconds"),
            (policy(), "no mx"),
            (policy("*"), "malformed mx, *"),
            (policy("a.*.test"), "malformed mx, a.*.test"),
            (policy(".a.test"), "malformed mx, .a.test"),
            (policy(""), "malformed mx, ''"),
            (policy("a.test b.test"), "malformed mx, a.test b.test"),
            (b"<html>\n" + POLICY, "malformed line, html"),
            (b"\xff", "not UTF-8"),
            (b"\xef\xbb\xbf" + POLICY, "malformed line, ‹U+FEFF›version: STSv1"),
        ],
    )
    def test_faults(self, octets, cause):
        assert mtasts.read_policy(octets) == Failure("policy", cause)

    @pytest.mark.parametrize(("media_type", "shown"), [("text/html", "text/html"), ("", "''")])
    def test_media_type(self, media_type, shown):
        assert mtasts.read_page(media_type, POLICY) == Failure("policy", f"it is of type {shown}, not text/plain")
        assert mtasts.read_page("text/plain", POLICY) == mtasts.read_policy(POLICY)

    @given(st.binary(max_size=100))
    def test_any_octets(self, octets):
        for found in (mtasts.read_policy(octets), mtasts.read_policy(POLICY + octets)):
            assert isinstance(found, StsPolicy) or found.cause.isprintable()

    def test_a_large_one_stays_cheap(self):
        began = time.process_time()
        mtasts.read_policy(b"mx: " + b"a" * 65000)
        mtasts.read_policy(b"a" * 65000)
        mtasts.read_policy(b"mx:" + b" \t" * 32000 + b"\x00")
        mtasts.read_policy(b"mx: " + b"a." * 32000 + b"!")
        assert time.process_time() - began < 1


class TestAllows:
    POLICY = StsPolicy("enforce", 1, ("mx1.example.test", "*.example.org"))

    @pytest.mark.parametrize("name", ["mx1.example.test", "MX1.Example.Test.", "a.example.org", "_a.EXAMPLE.org"])
    def test_yes(self, name):
        assert self.POLICY.allows(name)

    @pytest.mark.parametrize(
        "name", ["mx2.example.test", "a.mx1.example.test", "example.org", "a.b.example.org", "", "."]
    )
    def test_no(self, name):
        assert not self.POLICY.allows(name)
