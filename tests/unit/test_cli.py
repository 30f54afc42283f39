"""The program within this process: one text, one exit code, and what a signal does."""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Iterator

import pytest

from smtp_status import __version__, cli
from smtp_status.check import check


@pytest.fixture(autouse=True)
def signals() -> Iterator[None]:
    """What the program does to signals stays done; here more is to come."""
    numbers = (*cli.SIGNALS, signal.SIGALRM)
    before = {number: signal.getsignal(number) for number in numbers}
    yield
    signal.set_wakeup_fd(-1)
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What goes to standard output."""
    texts: list[str] = []
    monkeypatch.setattr(cli.output, "write", lambda text, *_: texts.append(text))
    return texts


def test_the_version(written: list[str]) -> None:
    assert cli.main(["-V"]) == 3
    assert written == [f"check_smtp_status {__version__}\n"]


def test_the_help(written: list[str]) -> None:
    assert cli.main(["--help"]) == 3
    assert written[0].startswith("Usage: check_smtp_status ")


def test_bad_usage(written: list[str]) -> None:
    assert cli.main(["-p", "x"]) == 3
    assert written == ["SMTP UNKNOWN - -p takes a port from 1 to 65535, not x\n"]


def test_a_check(written: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def perform(settings, began, stop):  # type: ignore[no-untyped-def]
        asked.append((settings.hosts, settings.timeout, began, stop))
        return "SMTP OK - fine\n", 0

    monkeypatch.setattr(check, "perform", perform)
    assert cli.main(["-H", "mx", "-t", "3"]) == 0
    assert written == ["SMTP OK - fine\n"]
    (((hosts, timeout, _began, stop)),) = asked
    assert (hosts, timeout) == (("mx",), 3.0)
    assert not select.select([stop], [], [], 0)[0]


@pytest.mark.parametrize("number", cli.SIGNALS, ids=lambda number: number.name)
def test_a_signal_ends_nothing_but_is_told(number: signal.Signals) -> None:
    stop = cli._stop_descriptor()
    assert not select.select([stop], [], [], 0)[0]
    signal.raise_signal(number)
    assert select.select([stop], [], [], 5)[0] == [stop]
    # and it stays so, however often one comes
    for _ in range(3):
        signal.raise_signal(number)
    assert select.select([stop], [], [], 0)[0] == [stop]
    os.close(stop)
