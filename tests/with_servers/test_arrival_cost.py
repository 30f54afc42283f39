"""What a check of arrival costs, and how true its time is."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from pathlib import Path

import pytest

from helpers import arrival
from helpers.runs import install
from servers.certs import Certs
from servers.delivery import Delivery
from servers.process import started

MANY = 3000
"""Messages in the big mailbox; ``make bench`` takes 50,000."""


@pytest.fixture(scope="module")
def delivery(workdir: Path, certs: Certs) -> Iterator[Delivery]:
    pair = started(lambda base: Delivery(base, certs), workdir)
    yield pair
    pair.stop()


def test_instructions(delivery, certs, workdir):
    found = arrival.costs(delivery, certs, install(workdir / "arrival-site"), MANY)
    assert found.few / found.plain < 2.2
    assert found.many / found.few < 1.05


def test_time_of_arrival_against_the_servers_own_log(delivery, certs):
    errors = arrival.errors(delivery, certs, 9)
    assert -0.005 < statistics.median(errors) < 0.04
