"""How five programs find perfdata in a plugin's output, each by its own grammar, written from descriptions of them.

Each function takes the whole output and returns label to value; in seconds where the program converts units.
``agree`` holds all five against each other.  What the real Icinga and Nagios make of it, test_icinga and test_nagios
compare with ``icinga`` and ``nagios`` here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

Values = dict[str, float]

_PLAIN = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)")
_ICINGA = re.compile(r"(?P<value>[-+]?[0-9.]+(?:[eE][-+]?[0-9]+)?)(?P<unit>[A-Za-z%]*)")
_ICINGA_UNITS = {"": 1.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9, "m": 60.0, "h": 3600.0, "d": 86400.0, "%": 1.0}
_QUOTED = re.compile(r"(?P<label>'(?:[^']|'')*'|[^='\s]+)=(?P<value>-?[0-9.]+)(?P<unit>s|us|ms|%|[KMGT]?B|c|)(?:;\S*)?")
_TELEGRAF_SPLIT = re.compile(r"[^=]+=\S+")
_TELEGRAF = re.compile(r"([^=]+)=([0-9.\-+eE]+)([\w/%]*)(?:;[0-9.\-+eE:~@]*){0,4}\s*")


class Unreadable(Exception):
    """A consumer would throw away this output, or show a fault of its own because of it."""


def agree(out: str, expected: Mapping[str, float]) -> None:
    """Assert that every consumer finds exactly these labels, in this order, with these values."""
    for read in (nagios, icinga, sensu, telegraf, checkmk):
        found = read(out)
        assert found == expected, f"{read.__name__} reads {found}, not {dict(expected)}, in {out!r}"
        assert list(found) == list(expected), f"{read.__name__} has another order: {list(found)}"


def nagios(out: str) -> Values:
    """Nagios Core, and a graphing tool behind it that follows the plugin guidelines to the letter.

    What stands behind the first '|' of the first line is perfdata, and so is everything behind the next '|' of any
    later line, up to the end.
    """
    first, _, rest = out.partition("\n")
    perfdata = [first.partition("|")[2], rest.partition("|")[2].replace("\n", " ")]
    values: Values = {}
    for token in " ".join(perfdata).split():
        match = _QUOTED.fullmatch(token)
        if match is None:
            raise Unreadable(f"Nagios: {token!r}")
        _add(values, match["label"].strip("'"), match["value"], "Nagios")
    return values


def icinga(out: str) -> Values:
    """Icinga 2: each line by itself may have perfdata behind its '|'; ``::`` in a label begins a prefix that is put
    before all labels up to the next one."""
    values: Values = {}
    prefix = ""
    for line in out.split("\n"):
        for label, word in _icinga_pairs(line.partition("|")[2]):
            name = label
            if "::" in label:
                prefix = label.rpartition("::")[0] + "::"
            elif prefix:
                name = prefix + label
            match = _ICINGA.fullmatch(word.partition(";")[0])
            if match is None or match["unit"] not in _ICINGA_UNITS:
                raise Unreadable(f"Icinga: {label}={word}")
            _add(values, name, match["value"], "Icinga", _ICINGA_UNITS[match["unit"]])
    return values


def _icinga_pairs(text: str) -> Iterator[tuple[str, str]]:
    """Label and what stands behind its '=' up to a space; a label in quotes may hold spaces."""
    begin = 0
    while True:
        equals = text.find("=", begin)
        if equals < 0:
            if text[begin:].strip():
                raise Unreadable(f"Icinga: no '=' in {text[begin:]!r}")
            return
        label = text[begin:equals].strip()
        if len(label) > 2 and label[0] == label[-1] == "'":
            label = label[1:-1]
        end = text.find(" ", equals)
        end = len(text) if end < 0 else end
        yield label, text[equals + 1 : end]
        begin = end + 1


def sensu(out: str) -> Values:
    """Sensu Go with ``output_metric_format: nagios_perfdata``: nothing at all unless the whole output has exactly one
    '|'; tokens end at a space only; units are cut off by dropping every other character, thresholds by dropping all
    behind ';'."""
    parts = out.split("|")
    if len(parts) != 2:
        return {}
    values: Values = {}
    for token in parts[1].strip().split(" "):
        pair = token.strip().split(";")[0].split("=")
        number = re.sub(r"[^-0-9.]", "", pair[-1])
        if len(pair) == 2 and _PLAIN.fullmatch(number):
            _add(values, pair[0], number, "Sensu")
        elif token:
            raise Unreadable(f"Sensu: {token!r}")
    return values


def telegraf(out: str) -> Values:
    """Telegraf's parser for Nagios: the first line may have one '|', a later line begins perfdata that lasts to the
    end; a label is whatever stands before '='."""
    lines = out.rstrip("\n").split("\n")
    parts = lines[0].split("|")
    if len(parts) > 2:
        raise Unreadable("Telegraf: illegal output format")
    found = parts[1:]
    for number, line in enumerate(lines[1:], 1):
        if "|" in line:
            found += [line.split("|")[1], *lines[number + 1 :]]
            break
    values: Values = {}
    for text in found:
        for token in _TELEGRAF_SPLIT.findall(text):
            match = _TELEGRAF.fullmatch(token.strip())
            if match is None:
                raise Unreadable(f"Telegraf: {token!r}")
            _add(values, match[1].strip("'"), match[2], "Telegraf")
    return values


def checkmk(out: str) -> Values:
    """Checkmk's MRPE: tokens at any white space; one without '=', or whose value is no number, turns the service
    UNKNOWN."""
    lines = out.rstrip("\n").split("\n")
    words = lines[0].partition("|")[2].split()
    for number, line in enumerate(lines[1:], 1):
        if "|" in line:
            words += " ".join([line.partition("|")[2], *lines[number + 1 :]]).split()
            break
    values: Values = {}
    for word in words:
        label, equals, rest = word.partition("=")
        number_text = re.match(r"-?[0-9.]*", rest.partition(";")[0])
        if not equals or number_text is None or not _PLAIN.fullmatch(number_text[0]):
            raise Unreadable(f"Checkmk: {word!r}")
        _add(values, label, number_text[0], "Checkmk")
    return values


def _add(values: Values, label: str, number: str, consumer: str, factor: float = 1.0) -> None:
    if label in values:
        raise Unreadable(f"{consumer}: {label!r} twice")
    try:
        values[label] = float(number) * factor
    except ValueError:
        raise Unreadable(f"{consumer}: {number!r} is no number") from None
