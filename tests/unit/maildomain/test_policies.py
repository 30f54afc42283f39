"""What a domain has published, without the lookups: those are held in tests/with_servers/test_domain_check.py."""

from __future__ import annotations

import pytest

from smtp_status.findings import Failure, Finding
from smtp_status.maildomain.mx import Exchanger
from smtp_status.maildomain.policies import Published
from smtp_status.options.settings import Settings
from smtp_status.smtp.plan import Plan
from smtp_status.tls.tlsa import MISSING, Tlsa, TlsaRecord

AUTHENTIC = Tlsa("mx1.example.test", ("mx1.example.test",), (TlsaRecord(3, 1, 1, bytes(32)),))
NONE = Tlsa("mx2.example.test", ("mx2.example.test",), failure=Failure(MISSING, "no TLSA record"))


def told(dane: str, *tlsa: Tlsa) -> tuple[list[Finding], list[str]]:
    """Findings and notes of a run whose resolver's word on the root does not count."""
    published = Published(Settings(Plan(), dane=dane))
    published.learn([("nobody knows", 0.0)])
    for one in tlsa:
        published.binding(Exchanger(one.base, 10, one.base, tlsa=one))
    published.tell_doubt()
    return published.findings, published.notes


@pytest.mark.parametrize("dane", ["try", "require"])
def test_what_came_authentic_leaves_no_doubt(dane):
    assert told(dane, AUTHENTIC) == ([], [])


@pytest.mark.parametrize("tlsa", [(AUTHENTIC, NONE), (NONE,), ()])
def test_the_doubt_is_told_where_it_leaves_one_without_a_judgement(tlsa):
    finding = Finding("dns", "insecure", cause="DANE: nobody knows", default="unknown")
    assert told("require", *tlsa) == ([finding], [])
    assert told("try", *tlsa) == ([], ["DANE not judged: nobody knows"])
