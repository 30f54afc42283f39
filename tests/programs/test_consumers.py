"""One layout that Nagios, Icinga, Sensu, Telegraf and Checkmk all read fully, at every verbosity.

``plugin.run`` holds every output of the whole test suite against the five; here is shown that they can tell good
from bad, and that each verbosity passes.
"""

from __future__ import annotations

import pytest

from helpers import consumers
from helpers.consumers import Unreadable, agree, checkmk, icinga, nagios, sensu, telegraf
from helpers.plugin import run

PERFDATA = "time=1.5s;5;10;0 time_rcpt=0.25s;;;0 tls_days=-3"
VALUES = {"time": 1.5, "time_rcpt": 0.25, "tls_days": -3.0}
LONG = "rcpt 250 2.1.5 Ok x=1\nquit 221 2.0.0 Bye"


@pytest.mark.parametrize(
    "out",
    [
        f"SMTP OK - fine | {PERFDATA}\n",
        f"SMTP OK - fine\n{LONG}|{PERFDATA}\n",
        f"SMTP OK - fine\n{LONG}\n| {PERFDATA}\n",
    ],
)
def test_all_read_perfdata_that_stands_once_and_last(out: str) -> None:
    agree(out, VALUES)


@pytest.mark.parametrize("out", ["SMTP OK - fine\n", f"SMTP OK - fine\n{LONG}\n"])
def test_no_perfdata_is_none_to_all(out: str) -> None:
    agree(out, {})


@pytest.mark.parametrize(
    ("out", "lost"),
    [
        # long text behind perfdata
        (f"SMTP OK - fine | {PERFDATA}\n{LONG}\n", "sensu"),
        # perfdata twice
        (f"SMTP OK - fine | time=1.5s\n{LONG} | time_rcpt=0.25s\n", "sensu"),
        # a '|' in the server's words
        (f"SMTP OK - 220 a|b ESMTP | {PERFDATA}\n", "nagios"),
        # an exponent, a name for "unknown", spaces in labels, the separator of check_multi, a twin
        ("SMTP OK - fine | time=1.5e-3s\n", "nagios"),
        ("SMTP OK - fine | time=U\n", "nagios"),
        ("SMTP OK - fine | 'time rcpt'=0.25s\n", "nagios"),
        ("SMTP OK - fine | mx::time=1.5s time_rcpt=0.25s\n", "icinga"),
        ("SMTP OK - fine | time=1.5s time=2s\n", "nagios"),
    ],
)
def test_what_one_of_them_cannot_read_is_noticed(out: str, lost: str) -> None:
    with pytest.raises((AssertionError, Unreadable)):
        agree(out, {"time": 1.5, "time_rcpt": 0.25, "tls_days": -3.0})
    try:
        found = getattr(consumers, lost)(out)
    except Unreadable:
        return
    assert found != VALUES


def test_milliseconds_are_converted_by_icinga_alone() -> None:
    out = "SMTP OK - fine | time=5ms\n"
    assert icinga(out) == {"time": 0.005}
    assert [read(out) for read in (nagios, sensu, telegraf, checkmk)] == [{"time": 5.0}] * 4


@pytest.mark.parametrize("verbose", [(), ("-v",), ("-vv",), ("-vvv",)])
@pytest.mark.parametrize("ranges", [(), ("-w", "1", "-c", "2", "--stage-warning", "rcpt=0.5")])
def test_each_verbosity_gives_all_consumers_the_same(
    verbose: tuple[str, ...], ranges: tuple[str, ...], scripted
) -> None:
    server = scripted(rcpt=b"450 4.2.0 a|b=1s | c=2;3 'x y'=4\r\n")
    result = run("-H", server.host, "-p", str(server.port), "--to", "bob@example.org", *verbose, *ranges)
    assert result.code == 1
    expected = {label: float(value.split(";")[0].rstrip("s")) for label, value in result.perfdata.items()}
    assert list(expected) == [*("time", "time_connect", "time_banner", "time_ehlo", "time_mail", "time_rcpt")]
    agree(result.out, expected)
