"""How TLS is to be used: what holds where nothing was asked for."""

from __future__ import annotations

from smtp_status.tls.context import make_context
from smtp_status.tls.plan import TlsPlan


def test_without_options_there_is_no_tls_and_what_there_may_be_is_verified():
    assert TlsPlan()._asdict() == {
        "mode": "off",
        "name": None,
        "ca": None,
        "client_cert": None,
        "client_key": None,
        "minimum": "1.2",
        "verify": True,
        "tolerate": frozenset(),
        "asked": True,
        "afterwards": False,
        "ciphers": None,
    }


def test_a_plan_is_enough_for_a_context():
    assert make_context(TlsPlan()).check_hostname
