"""Which lines a back end carries out, which first have files read, and which take the plugin."""

from __future__ import annotations

import pytest

from smtp_status.options import commandline
from smtp_status.options.table import OPTIONS
from smtp_status.resident import carry
from smtp_status.resident.carry import Way

ALONE = {"domain", "nameserver", "dane", "mta-sts", "version", "help"}.union(
    option.name for option in OPTIONS if option.group == "Arrival"
)
"""Options that take a process of their own."""


def way(*words: str, files: bool = True) -> Way:
    return carry.way(commandline.parse(words), files, lambda path: path == "/etc/read.pem")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ((), Way.AT_ONCE),
        (("-H", "mx", "-S", "-D", "30", "-w", "1", "-vv"), Way.AT_ONCE),
        (("-H", "/run/lmtp", "-L"), Way.AT_ONCE),
        (("--ca", "/etc/ca.pem", "-S"), Way.READING),
        (("--ca", "/etc/read.pem", "-S"), Way.AT_ONCE),
        (("--ca", "/etc/read.pem", "-S", "--client-cert", "/etc/read.pem"), Way.READING),
        (("--extra-opts=a@/etc/plugins.ini",), Way.READING),
        (("--extra-opts",), Way.ALONE),
        (("--extra-opts=a",), Way.ALONE),
        (("--extra-opts=a@plugins.ini",), Way.ALONE),
        (("--data-file", "-"), Way.ALONE),
        (("--data-file", "message"), Way.ALONE),
        (("--data-file", "/dev/stdin"), Way.ALONE),
        (("--authpass-file", "/proc/self/fd/3"), Way.ALONE),
        (("-d", "example.org"), Way.ALONE),
        (("--dane", "try"), Way.ALONE),
        (("--imap", "imap.example.org"), Way.ALONE),
    ],
)
def test_way(words, expected):
    assert way(*words) is expected


@pytest.mark.parametrize("words", [("--ca", "/etc/ca.pem"), ("-H", "/run/lmtp"), ("--extra-opts=a@/etc/x.ini",)])
def test_without_files(words):
    assert way(*words, files=False) is Way.ALONE


def test_every_option_has_its_way():
    by_itself = {"extra-opts"}
    sets = (carry.HERE, carry.FILES, ALONE, by_itself)
    assert set().union(*sets) == {option.name for option in OPTIONS}
    assert sum(map(len, sets)) == len(OPTIONS)


def test_no_option_that_names_a_file_is_carried_out_at_once():
    named = {option.name for option in OPTIONS if "FILE" in option.metavar}
    assert not named & carry.HERE
    assert {"ca", "client-cert", "client-key", "data-file", "authpass-file"} <= named
