"""What published records demand of TLS: who demands it, by which name, and what is said where it is not there."""

from __future__ import annotations

import pytest

from smtp_status.findings import Finding
from smtp_status.tls.policy import TlsPolicy, sts_default
from smtp_status.tls.tlsa import Tlsa

TLSA = Tlsa("real.example.test", ("real.example.test",), ())


@pytest.mark.parametrize(
    ("policy", "demanded_by"),
    [
        (TlsPolicy("mx"), ""),
        (TlsPolicy("mx", TLSA), "DANE"),
        (TlsPolicy("mx", sts="enforce"), "the MTA-STS policy"),
        (TlsPolicy("mx", sts="testing"), ""),
        (TlsPolicy("mx", TLSA, "testing"), "DANE"),
    ],
)
def test_who_demands_tls(policy, demanded_by):
    assert policy.tls_demanded_by == demanded_by


def test_the_name_is_the_base_of_the_records():
    """RFC 7672 section 8.1."""
    assert TlsPolicy("mx.example.test", TLSA).server_name == "real.example.test"
    assert TlsPolicy("mx.example.test").server_name == "mx.example.test"


def test_without_tls_only_a_policy_in_testing_has_a_remark():
    remark = Finding("sts", "missing", cause="MTA-STS policy (testing): STARTTLS not offered", default="warning")
    assert TlsPolicy("mx", sts="testing").without_tls() == (remark,)
    assert TlsPolicy("mx", sts="enforce").without_tls() == TlsPolicy("mx").without_tls() == ()


def test_in_testing_it_is_a_warning():
    assert [sts_default(mode) for mode in ("enforce", "testing")] == ["", "warning"]
