"""Run the plugin as a monitoring system does, and hold every output against the rules of its form.

``run`` is the only way tests start the plugin: so each test, whatever it is about, also proves that the
output can be read by Nagios, Icinga, Sensu and the others (one status line, perfdata once and last, plain
decimals).
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from helpers.consumers import agree

ROOT = Path(__file__).resolve().parents[2]
LAUNCHER = ROOT / "check_smtp_status.py"

STAND_IN: tuple[str, ...] = ()
"""A program that is run in the plugin's place: a module of tests sets it, and has the assertions of others hold."""

STATES = ("OK", "WARNING", "CRITICAL", "UNKNOWN")
STAGES = (
    *("dns", "sts", "connect", "banner", "ehlo", "starttls", "tls", "auth"),
    *("mail", "rcpt", "data", "message", "command", "quit", "imap", "arrive"),
)
BEHIND_STAGES = ("tls_days", "imap_tls_days", "time_pending", "arrived", "pending", "lost", "spam", "mailbox")
FIRST_LINE_MAXIMUM = 160
OUTPUT_MAXIMUM = 8192

_FIRST_LINE = re.compile(r"SMTP (OK|WARNING|CRITICAL|UNKNOWN) - \S.*")
_NUMBER = r"-?[0-9]+(?:\.[0-9]+)?"
_RANGE = rf"@?(?:(?:~|{_NUMBER})?:)?(?:{_NUMBER})?"
_TOKEN = re.compile(
    rf"(?P<label>[A-Za-z0-9_.-]+)=(?P<value>{_NUMBER})(?P<unit>s?)"
    rf"(?:;{_RANGE}){{0,2}}(?:;(?:{_NUMBER})?){{0,2}}"
)
_SECONDS = re.compile(r"[0-9]+\.[0-9]{6}")
_LABEL = re.compile(
    r"(?:(?P<target>.+?)_)??(?P<what>time_pending|(?:imap_)?tls_days|time(?:_(?P<stage>[a-z]+))?"
    r"|arrived|pending|lost|spam|mailbox)"
)


class Result(NamedTuple):
    """What one run of the plugin gave.

    ``first`` is the first line without perfdata, ``lines`` all lines without perfdata, ``perfdata`` maps each
    label to what stands behind its ``=`` (``0.084120s;1;5;0``), in the order of the output.
    """

    code: int
    out: str
    err: str
    first: str
    perfdata: dict[str, str]
    lines: list[str]

    @property
    def state(self) -> str:
        """The status word that belongs to the exit code."""
        return STATES[self.code]

    @property
    def steady(self) -> str:
        """The first line without what no two runs share: how long it took or was waited, the server's queue id."""
        line = re.sub(r" (in|for|after) [0-9]+\.[0-9]+ s\b", r" \1 N s", self.first)
        return re.sub(r"\b(queued as |id=)[0-9A-Za-z-]+", r"\1ID", line)

    def seconds(self, label: str) -> float:
        """The value of a time label, in seconds."""
        return float(self.perfdata[label].split(";")[0].rstrip("s"))


def run(
    *args: str,
    input: bytes | str | None = None,
    env: Mapping[str, str] | None = None,
    timeout: float = 30,
    python: str = sys.executable,
    form: bool = True,
    wrap: Sequence[str] = (),
    launcher: Path = LAUNCHER,
) -> Result:
    """Run the plugin with ``args`` and return what it said.

    The environment is empty but for PATH and ``env``.  ``form=False`` leaves out the rules of the status
    line, and of its size, for ``-h`` and ``-V``; stderr and characters are checked even so.  ``wrap`` is a command put
    in front, such as the one that enters a namespace.
    """
    program = STAND_IN if STAND_IN and launcher == LAUNCHER else (python, str(launcher))
    done = subprocess.run(
        [*wrap, *program, *args],
        input=input.encode() if isinstance(input, str) else input,
        stdin=subprocess.DEVNULL if input is None else None,
        capture_output=True,
        env={"PATH": os.environ.get("PATH", os.defpath), **(env or {})},
        timeout=timeout,
        check=False,
    )
    assert done.stderr == b"", f"stderr is not empty: {done.stderr!r}, stdout {done.stdout!r}"
    assert not form or len(done.stdout) < OUTPUT_MAXIMUM, f"{len(done.stdout)} bytes of output"
    out = done.stdout.decode("utf-8")
    check_characters(out)
    if form:
        return check_form(done.returncode, out)
    return Result(done.returncode, out, "", out.split("\n", 1)[0], {}, out.splitlines())


def check_characters(out: str) -> None:
    """Assert that every line is printable and the output ends with exactly one line end."""
    assert out.endswith("\n"), f"no line end at the end: {out!r}"
    assert not out.endswith("\n\n"), f"empty line at the end: {out!r}"
    for line in out[:-1].split("\n"):
        assert line.isprintable(), f"unprintable characters: {line!r}"


def check_form(code: int, out: str) -> Result:
    """Assert the rules of the output's form, and return its parts."""
    assert out.count("|") <= 1, f"more than one '|': {out!r}"
    text, bar, tail = out[:-1].partition("|")
    assert "\n" not in tail, f"text after the perfdata: {tail!r}"
    assert "\\" not in out, f"a backslash, which printf '%b' acts on: {out!r}"
    lines = text.rstrip("\n ").split("\n")
    first = lines[0]
    match = _FIRST_LINE.fullmatch(first)
    assert match, f"no status line: {first!r}"
    assert 0 <= code <= 3, f"exit code {code}: {out!r}"
    assert match[1] == STATES[code], f"exit code {code} with {first!r}"
    assert len(first) <= FIRST_LINE_MAXIMUM, f"{len(first)} characters: {first!r}"
    assert not set(first) & set("<>&"), f"characters a web page would act on: {first!r}"
    perfdata = check_perfdata(tail.strip(" ")) if bar else {}
    agree(out, {label: float(value.split(";")[0].rstrip("s")) for label, value in perfdata.items()})
    return Result(code, out, "", first, perfdata, lines)


def check_perfdata(tail: str) -> dict[str, str]:
    """Assert the form and the order of perfdata, and return it by label."""
    assert tail, "a '|' without perfdata"
    perfdata: dict[str, str] = {}
    places: list[tuple[str, int]] = []
    for token in tail.split(" "):
        match = _TOKEN.fullmatch(token)
        assert match, f"perfdata no consumer agrees on: {token!r} in {tail!r}"
        label = match["label"]
        named = _LABEL.fullmatch(label)
        assert named, f"unknown label {label!r}"
        assert label not in perfdata, f"{label!r} twice"
        if named["what"] in BEHIND_STAGES and named["what"] != "time_pending":
            assert match["unit"] == "" and "." not in match["value"], f"days and counts are whole: {token!r}"
        else:
            assert match["unit"] == "s", f"seconds have a unit: {token!r}"
            assert _SECONDS.fullmatch(match["value"]), f"six decimals: {token!r}"
        perfdata[label] = token.partition("=")[2]
        places.append((named["target"] or "", _place(named["what"], named["stage"])))
    assert next(iter(perfdata)) == "time", f"'time' is not the first label: {tail!r}"
    _check_order(places, tail)
    return perfdata


def _place(what: str, stage: str | None) -> int:
    if what in BEHIND_STAGES:
        return len(STAGES) + 1 + BEHIND_STAGES.index(what)
    if stage is None:
        return 0
    assert stage in STAGES, f"unknown stage {stage!r}"
    return STAGES.index(stage) + 1


def _check_order(places: list[tuple[str, int]], tail: str) -> None:
    """Targets one after the other, and within each: time, the stages in order, days and counts.  With TLS from the
    first byte the handshake may stand where it happened, before the banner."""
    names = [name for name, _ in places]
    targets = [name for number, name in enumerate(names) if number == 0 or names[number - 1] != name]
    assert len(targets) == len(set(targets)), f"targets are mixed: {tail!r}"
    banner, handshake = STAGES.index("banner") + 1, STAGES.index("tls") + 1
    for target in targets:
        order = [place for name, place in places if name == target]
        if {banner, handshake} <= set(order) and order.index(handshake) == order.index(banner) - 1:
            order.remove(handshake)
        assert order == sorted(order), f"stages are out of order: {tail!r}"
