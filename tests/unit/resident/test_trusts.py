"""What of TLS is kept from one check to the next, and for how long."""

from __future__ import annotations

import os
import shutil

import pytest

from smtp_status.resident import trusts
from smtp_status.resident.trusts import Trusts
from smtp_status.tls.plan import TlsPlan


@pytest.fixture
def clock(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(trusts.time, "monotonic", lambda: now[0])
    return now


@pytest.fixture
def plan(certs, tmp_path):
    shutil.copy(certs.ca, tmp_path / "ca")
    return TlsPlan("ssl", ca=str(tmp_path / "ca"))


def test_it_is_kept_for_a_while(clock, plan):
    kept = Trusts()
    assert kept.kept(plan) is None
    made = kept.made(plan)
    assert kept.kept(plan) is made
    assert kept.fresh(plan.ca)
    clock[0] += trusts.LOOK  # now somebody has to look at the file again
    assert (kept.kept(plan), kept.fresh(plan.ca)) == (None, False)
    assert kept.made(plan) is made
    clock[0] += trusts.LIFE
    kept.tick(clock[0])
    assert kept.made(plan) is not made


def test_a_file_that_has_changed_is_read_anew(clock, plan):
    kept = Trusts()
    made = kept.made(plan)
    os.utime(plan.ca, (1, 1))
    assert kept.made(plan) is not made


def test_another_is_kept_while_one_is_looked_for(clock, plan):
    """As a thread does, at any moment."""
    kept = Trusts()

    class Path(str):
        __slots__ = ()

        def __eq__(self, other: object) -> bool:
            kept.made(plan._replace(minimum="1.3"))
            return False

        __hash__ = str.__hash__

    kept.made(plan)
    assert not kept.fresh(Path("/elsewhere"))


def test_those_that_differ_in_the_server_share_one(clock, plan):
    kept = Trusts()
    made = kept.made(plan._replace(name="mx1.example.test"))
    other = plan._replace(mode="starttls", name="mx2.example.test")
    assert kept.kept(other) is made
    assert kept.made(other) is made
    assert kept.kept(plan._replace(verify=False)) is None


def test_one_with_the_key_of_a_client_is_not_kept(clock, plan, certs):
    kept = Trusts()
    with_key = plan._replace(client_cert=str(certs.selfsigned.crt), client_key=str(certs.selfsigned.key))
    assert kept.made(with_key).context is not None
    assert kept.kept(with_key) is None
    assert kept.made(with_key) is not kept.made(with_key)


def test_not_more_than_so_many(clock, plan, monkeypatch):
    monkeypatch.setattr(trusts, "MOST", 1)
    kept = Trusts()
    other = plan._replace(minimum="1.3")
    first = kept.made(plan)
    assert kept.made(other) is not None
    assert (kept.kept(plan), kept.kept(other)) == (first, None)
