"""Authentication-Results (RFC 8601)."""

from __future__ import annotations

import pytest

from smtp_status.arrival.authentication import authserv_id, believed, lacking, results

OURS = (
    "inner.example.test 1; spf=pass (ok; really) smtp.mailfrom=a@example.org; dkim=fail; dkim=pass header.d=example.org"
)
FORGED = "inner.example.test.evil; spf=pass; dkim=pass; dmarc=pass"


def test_only_the_topmost_of_the_server_named_counts():
    assert believed([FORGED, OURS, "inner.example.test; dmarc=pass"], "Inner.Example.Test") == OURS
    assert believed([FORGED], "inner.example.test") is None
    assert believed([], "inner.example.test") is None


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ("a.example; none", "a.example"),
        ("(comment) A.example 1; none", "a.example"),
        ('"a.example"; none', "a.example"),
        ("", ""),
        ("; spf=pass", ""),
    ],
)
def test_authserv_id(value, name):
    assert authserv_id(value) == name


def test_results():
    assert results(OURS) == {"spf": ["pass"], "dkim": ["fail", "pass"]}
    assert results('a; spf=fail reason="x; dkim=pass"; dmarc/1 = Pass') == {"spf": ["fail"], "dmarc": ["pass"]}
    assert results("a; none") == {}


@pytest.mark.parametrize(
    ("wanted", "told"),
    [(("spf",), ""), (("spf", "dkim"), ""), (("dmarc",), "no dmarc"), ((), "")],
)
def test_lacking(wanted, told):
    assert lacking(OURS, wanted) == told


def test_lacking_tells_the_result():
    assert lacking("a; dkim=none; dkim=fail", ("dkim",)) == "dkim=none"


@pytest.mark.parametrize("value", ["(" * 60_000, '"' * 60_001, ";" * 60_000, "a;" + "=" * 60_000])
def test_nonsense_is_no_result(value):
    assert results(value) == {}
