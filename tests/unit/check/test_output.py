"""The form of the whole output, and what is left out where it would be too long."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterator

import pytest

from helpers.plugin import check_form
from smtp_status.check import output
from smtp_status.check.output import MAX_OUTPUT, Section, render
from smtp_status.smtp import gap

FIRST = "SMTP OK - mx1.example.org accepted the message in 0.084 s: 250 Ok"
ENDING = "SMTP SERVER STATUS : OK"


def octets(text: str) -> int:
    return len(text.encode())


def transcript(count: int, width: int = 60) -> list[str]:
    return [f"<<< 250-{number:06} ".ljust(width, "x") for number in range(count)]


def perfdata(target: str, count: int = 10) -> list[str]:
    before = f"{target}_" if target else ""
    stages = ["connect", "banner", "ehlo", "starttls", "tls", "auth", "mail", "rcpt", "data", "message"][:count]
    return [f"{before}time=0.084120s;1;5;0", *(f"{before}time_{stage}=0.001000s;;;0" for stage in stages)]


def test_one_line():
    text = render(FIRST, [Section(perfdata=["time=0.084120s;1;5;0", "time_banner=0.001000s;;;0"])])
    assert text == f"{FIRST} | time=0.084120s;1;5;0 time_banner=0.001000s;;;0\n"


def test_one_line_without_perfdata():
    assert render(FIRST, []) == f"{FIRST}\n"


def test_sections_ending_and_perfdata():
    section = Section(["banner 1 ms"], ["<<< 220 mx1", ">>> QUIT"], ["time=0.084120s;;;0"])
    assert render(FIRST, [section], ENDING) == (
        f"{FIRST}\nbanner 1 ms\n<<< 220 mx1\n>>> QUIT\n{ENDING}\n| time=0.084120s;;;0\n"
    )


def test_the_first_line_is_the_same_with_and_without_sections():
    assert render(FIRST, [Section(["x"], (), ["time=1.000000s;;;0"])]).split("\n")[0] == FIRST
    assert render(FIRST, [Section(["x"])]) == f"{FIRST}\nx\n"


def test_perfdata_of_all_sections_after_the_total():
    text = render(FIRST, [Section(perfdata=["a_time=1s"]), Section(perfdata=["b_time=2s"])], "", ["time=2s"])
    assert text == f"{FIRST} | time=2s a_time=1s b_time=2s\n"


# -- the budget


def exactly(excess: int) -> list[Section]:
    """One section whose output is MAX_OUTPUT octets, and ``excess`` more."""
    shown = Section(["table"], transcript(100), perfdata(""))
    missing = MAX_OUTPUT + excess - octets(render(FIRST, [shown], ENDING))
    assert missing > 0
    return [shown._replace(transcript=[*shown.transcript, "y" * (missing - 1)])]


def test_what_fits_exactly_is_whole():
    text = render(FIRST, exactly(0), ENDING)
    assert octets(text) == MAX_OUTPUT == 8191
    assert "left out" not in text


def test_one_octet_too_many():
    text = render(FIRST, exactly(1), ENDING)
    assert octets(text) <= MAX_OUTPUT
    assert text.count("lines left out") == 1


@pytest.mark.parametrize("count", [200, 1000, 20000])
def test_transcript_is_cut_in_its_middle(count):
    lines = transcript(count)
    text = render(FIRST, [Section(["table 1", "table 2"], lines, perfdata(""))], ENDING)
    assert MAX_OUTPUT - 200 < octets(text) <= MAX_OUTPUT
    first, *body, ending, last = text.rstrip("\n").split("\n")
    assert (first, ending, last) == (FIRST, ENDING, "| " + " ".join(perfdata("")))
    assert body[:2] == ["table 1", "table 2"]
    (gap,) = [number for number, line in enumerate(body) if "left out" in line]
    head, tail = body[2:gap], body[gap + 1 :]
    assert head == lines[: len(head)]
    assert tail == lines[-len(tail) :]
    assert abs(len(head) - len(tail)) <= 1
    assert body[gap] == f"... {count - len(head) - len(tail)} lines left out ..."
    check_form(0, text)


def test_octets_count_not_characters():
    text = render(FIRST, [Section((), ["ü…" * 30] * 100, perfdata(""))], ENDING)
    assert MAX_OUTPUT - 400 < octets(text) <= MAX_OUTPUT


def test_one_line_that_is_too_long_by_itself():
    text = render(FIRST, [Section(["table"], ["x" * 9000], perfdata(""))], ENDING)
    assert text == f"{FIRST}\ntable\n... 1 lines left out ...\n{ENDING}\n| {' '.join(perfdata(''))}\n"


def many(count: int, width: int = 30, table: int = 5) -> list[Section]:
    """Good targets, and the worst one in the middle."""
    sections = []
    for number in range(count):
        name = f"mx{number}.example.org"
        lines = [f"{name}:", *(f"stage {row} of {name}".ljust(width) for row in range(table))]
        sections.append(Section(lines, [f"<<< {name}"] * 5, perfdata(name), expendable=number != count // 2))
    return sections


def test_transcripts_go_before_tables():
    sections = many(6)
    whole = octets(render(FIRST, [section._replace(transcript=()) for section in sections], ENDING, ["time=1s"]))
    assert whole < MAX_OUTPUT
    padded = [section._replace(transcript=transcript(100)) for section in sections]
    text = render(FIRST, padded, ENDING, ["time=1s"])
    assert octets(text) <= MAX_OUTPUT
    for section in sections:
        assert set(section.table) <= set(text.split("\n"))
        assert all(item in text for item in section.perfdata)
    assert text.count("lines left out") == 6


def test_then_tables_then_stage_times_of_good_targets_the_last_first():
    sections = many(14, width=60)
    text = render(FIRST, sections, ENDING, ["time=1s"])
    assert octets(text) <= MAX_OUTPUT
    lines = text.split("\n")
    worst = sections[7]
    assert set(worst.table) <= set(lines)
    assert all(item in text for item in worst.perfdata)
    tables = [number for number, section in enumerate(sections) if section.table[1] in lines]
    stages = [number for number, section in enumerate(sections) if section.perfdata[1] in text]
    assert len(stages) > 1, "more was left out than had to be"
    assert tables == [7] or len(stages) == 14, "a stage time went before a table"
    assert stages == sorted({*range(max(stages) + 1)} | {7}) or stages == [*range(14)]
    for section in sections:
        assert section.perfdata[0] in text


def test_never_the_time_of_a_target_as_long_as_anything_else_is_there():
    sections = many(60)
    text = render(FIRST, sections, ENDING, ["time=1s"])
    assert octets(text) <= MAX_OUTPUT
    for section in sections:
        assert f" {section.perfdata[0]}" in text
    assert all(item in text for item in sections[30].perfdata)
    assert set(sections[30].table) <= set(text.split("\n"))


@pytest.mark.parametrize("count", [300, 1000])
def test_a_thousand_targets_stay_within_the_limit(count):
    text = render(FIRST, many(count), ENDING, ["time=1s"])
    assert octets(text) <= MAX_OUTPUT
    assert text.startswith(f"{FIRST}\n")
    assert "| time=1s" in text
    assert all(item in text for item in many(count)[count // 2].perfdata)
    assert text.endswith("\n")


def test_without_verbosity_perfdata_alone_is_cut():
    sections = [section._replace(table=(), transcript=()) for section in many(60)]
    text = render(FIRST, sections, "", ["time=1s"])
    assert octets(text) <= MAX_OUTPUT
    assert text.startswith(f"{FIRST} | time=1s ")
    assert text.count("\n") == 1
    for section in sections:
        assert f" {section.perfdata[0]}" in text


def test_an_opening_that_is_too_long_is_cut_in_its_middle():
    section = Section(["table"], ["<<< 220 mx1"], perfdata("mx1"))
    opening = [f"dns: MX {number} is an address, not a name" for number in range(1000)]
    text = render(FIRST, [section], ENDING, ["time=1s"], opening)
    assert MAX_OUTPUT - 200 < octets(text) <= MAX_OUTPUT
    first, *body, last = text.rstrip("\n").split("\n")
    assert (first, last) == (FIRST, f"| time=1s {' '.join(perfdata('mx1'))}")
    assert (body[:2], body[-2:]) == (opening[:2], ["table", ENDING])
    assert text.count("lines left out") == 1


def test_a_short_opening_outlives_the_tables_of_good_targets():
    opening = ["dns: 60 exchangers", "sts: mode enforce"]
    text = render(FIRST, many(60), "", ["time=1s"], opening)
    assert octets(text) <= MAX_OUTPUT
    assert text.split("\n")[1:3] == opening


def test_the_only_table_is_cut_in_its_middle():
    table = [f"connect: connection refused by 192.0.2.{number} port 25" for number in range(1000)]
    text = render(FIRST, [Section(table, (), perfdata(""))])
    assert MAX_OUTPUT - 200 < octets(text) <= MAX_OUTPUT
    assert text.endswith(f"\n{table[-1]}\n| {' '.join(perfdata(''))}\n")
    assert text.count("lines left out") == 1


# -- writing


@pytest.fixture(autouse=True)
def signals():
    """What ``write`` does to them is undone."""
    before = {number: signal.getsignal(number) for number in (signal.SIGALRM, signal.SIGTERM)}
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def stdout(monkeypatch):
    """The other end of a pipe in the place of standard output."""
    reader, writer = os.pipe()
    monkeypatch.setattr(
        output.os, "write", lambda number, data, write=os.write: write(writer if number == 1 else number, data[:7])
    )
    yield reader
    os.close(reader)
    os.close(writer)


def test_write_goes_on_until_all_is_out(stdout):
    output.write("SMTP OK - grün … \udcff\n", 1, ())
    assert os.read(stdout, 100) == b"SMTP OK - gr\xc3\xbcn \xe2\x80\xa6 ?\n"


def test_a_signal_takes_nothing_away_that_there_is_room_for(stdout, monkeypatch):
    def interrupted(number, data, write=output.os.write):
        if number == 1:
            os.kill(os.getpid(), signal.SIGTERM)
        return write(number, data)

    monkeypatch.setattr(output.os, "write", interrupted)
    output.write("SMTP OK - accepted the message\n", 9, (signal.SIGTERM,))
    os.kill(os.getpid(), signal.SIGTERM)
    assert os.read(stdout, 100) == b"SMTP OK - accepted the message\n"


@pytest.mark.parametrize("error", [BrokenPipeError, OSError(28, "No space left on device")])
def test_closed_or_full_output_is_no_error(monkeypatch, error):
    def fail(_number, _data):
        raise error

    monkeypatch.setattr(output.os, "write", fail)
    output.write("SMTP OK\n", 1, ())


@contextlib.contextmanager
def full() -> Iterator[None]:
    """A pipe that is full in the place of standard output."""
    reader, writer = os.pipe()
    before = os.dup(1)
    os.set_blocking(writer, False)
    try:
        while True:
            os.write(writer, b"." * 4096)
    except BlockingIOError:
        os.set_blocking(writer, True)
    os.dup2(writer, 1)
    try:
        yield
    finally:
        os.dup2(before, 1)
    for descriptor in (reader, writer, before):
        os.close(descriptor)


@pytest.mark.parametrize(("seconds", "least"), [(0.5, 0.5), (0, output.LEAST_SECONDS), (-7, output.LEAST_SECONDS)])
def test_a_full_pipe_is_given_up(seconds, least):
    begin = time.monotonic()
    with full():
        output.write("SMTP OK\n", seconds, (signal.SIGTERM,))
    assert least <= time.monotonic() - begin < least + 0.1


def test_a_full_pipe_is_given_up_soon_where_a_signal_came_before():
    readable, writable = os.pipe()
    os.close(writable)  # so that the other end is readable
    begin = time.monotonic()
    with full():
        output.write("SMTP OK\n", 9, (signal.SIGTERM,), readable)
    assert time.monotonic() - begin < output.LEAST_SECONDS + 0.1
    os.close(readable)


def test_lines_that_were_left_out_before_count():
    lines = [*transcript(50), gap.line(1000), *transcript(50)]
    text = render(FIRST, [Section((), lines, perfdata(""))], ENDING)
    body = text.split("\n")
    assert "... 1000 lines left out ..." in body  # it fits
    lines = [*transcript(100), gap.line(1000), *transcript(100)]
    body = render(FIRST, [Section((), lines, perfdata(""))], ENDING).split("\n")
    shown = sum(line.startswith("<<<") for line in body)
    assert f"... {1200 - shown} lines left out ..." in body
