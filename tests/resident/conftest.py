"""What the tests of the resident share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from servers.steady import SteadyServer


@pytest.fixture(scope="module")
def server() -> Iterator[SteadyServer]:
    """Takes every message at once."""
    with SteadyServer() as running:
        yield running
