"""Generated conversations over real sockets: as targets of one check, and as checks of one resident."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest

from .holding import end, start

pytestmark = pytest.mark.timing

TARGETS = 2_000
CHECKS = 10_000


@pytest.fixture(scope="module")
def targets() -> Iterator[subprocess.Popen[str]]:
    """Both mostly wait, so that one is at it beside the other."""
    process = start("--sockets", f"--count={TARGETS // 100}")
    yield process
    process.kill()
    process.wait()


@pytest.mark.usefixtures("targets")
def test_checks_of_one_resident(capsys: pytest.CaptureFixture[str]) -> None:
    held = end(start("--resident", f"--count={CHECKS // 250}"))
    with capsys.disabled():
        print(held, end="")
    assert held.all == CHECKS
    assert min(held.taken, held.refused) > held.all / 10, "players that always do the same prove nothing"


def test_targets_of_one_check(targets: subprocess.Popen[str], capsys: pytest.CaptureFixture[str]) -> None:
    held = end(targets)
    with capsys.disabled():
        print(held, end="")
    assert held.all == TARGETS
    assert min(held.taken, held.refused) > held.all / 10
