"""Names of folders on the wire (RFC 3501 section 5.1.3)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtp_status.arrival import foldername

KNOWN = [
    ("INBOX", "INBOX"),
    ("Entwürfe & Co", "Entw&APw-rfe &- Co"),
    ("~peter/mail/台北/日本語", "~peter/mail/&U,BTFw-/&ZeVnLIqe-"),  # the RFC's own example
    ("&", "&-"),
    ("𝄞", "&2DTdHg-"),
]


@pytest.mark.parametrize(("name", "wire"), KNOWN)
def test_known_names(name, wire):
    assert (foldername.encode(name), foldername.decode(wire)) == (wire, name)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_all_names_come_back(name):
    wire = foldername.encode(name)
    assert wire.isascii()
    assert wire.isprintable()
    assert foldername.decode(wire) == name


@pytest.mark.parametrize("name", ["a&b", "&AP-", "&AP", "&====-", "&2DQ-", "&\u00fc-"])
def test_what_is_no_such_name_stays(name):
    assert foldername.decode(name) == name


def test_quotes():
    assert foldername.quote('a"b\\c') == '"a\\"b\\\\c"'
