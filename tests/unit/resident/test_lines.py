"""Which settings are kept for when their line comes again, and for how long."""

from __future__ import annotations

import pytest

from smtp_status.options.build import settings_from
from smtp_status.resident import lines
from smtp_status.resident.lines import Lines

PLAIN = ("-H", "mx1.example.org", "-f", "a@example.org")


BEFORE_A_MESSAGE = ("dns", "connect", "banner", "ehlo", "mail", "rcpt", "data")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1000.0]
    monkeypatch.setattr(lines.time, "monotonic", lambda: now[0])
    return now


def kept(*words: str) -> bool:
    there = Lines()
    settings = settings_from(words, {})
    there.keep(words, settings)
    found = there.kept(list(words))
    assert found in (None, settings)
    return found is not None


@pytest.mark.parametrize(
    "words",
    [
        PLAIN,
        (*PLAIN, "-S", "-w", "1", "-vv", "--state", "any:45x=ok"),
        *((*PLAIN, "--to", "b@example.org", "--quit-after", stage) for stage in BEFORE_A_MESSAGE),
        ("-H", "mx1.example.org", "-H", "192.0.2.1"),
    ],
)
def test_what_is_the_same_each_time(words):
    assert kept(*words)


@pytest.mark.parametrize(
    "words",
    [
        (*PLAIN, "--to", "b@example.org"),  # a message has its date, and an id of its own
        (*PLAIN, "--to", "b@example.org", "--quit-after", "message"),
        (*PLAIN, "-S", "-U", "monitor", "-P", "secret"),
        (*PLAIN, "-C", "AUTH PLAIN AG1vbml0b3IAc2VjcmV0"),
        (*PLAIN, "--source", "127.0.0.1"),
        ("-H", "/run/lmtp", "-L"),
    ],
)
def test_what_is_good_for_one_check_or_may_hold_a_secret(words):
    assert not kept(*words)


def test_other_words_are_another_line():
    there = Lines()
    there.keep(PLAIN, settings_from(PLAIN, {}))
    assert there.kept((*PLAIN, "-v")) is None


def test_the_time_is_over(clock):
    there = Lines()
    there.keep(PLAIN, settings_from(PLAIN, {}))
    clock[0] += lines.LIFE - 1
    assert there.kept(PLAIN) is not None
    clock[0] += 1
    assert there.kept(PLAIN) is None
    there.tick(clock[0])
    assert not there._kept


def test_the_oldest_go_first(clock, monkeypatch):
    monkeypatch.setattr(lines, "MOST", 2)
    there = Lines()
    for name in ("a", "b", "c"):
        words = ("-H", f"{name}.example.org")
        there.keep(words, settings_from(words, {}))
    assert [there.kept(("-H", f"{name}.example.org")) is not None for name in ("a", "b", "c")] == [False, True, True]
