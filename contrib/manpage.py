#!/usr/bin/env python3
"""Print the manual page check_smtp_status(1), or with ``smtp_statusd`` that one's (8), made of what ``--help`` says."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "plugin"))

from smtp_status import __version__
from smtp_status.options import help
from smtp_status.options.table import PROGRAM
from smtp_status.resident import commandline

PURPOSE = "prove that a mail server takes mail, and time every SMTP command"

ENVIRONMENT = (
    ("SMTP_STATUS_AUTHPASS", "Password, where neither --authpass nor --authpass-file is given."),
    ("SMTP_STATUS_IMAPPASS", "The same for the mailbox of --imap."),
    ("MP_CONFIG_FILE", "The ini file of --extra-opts, where none is named there."),
    ("NAGIOS_CONFIG_PATH", "Directories in which --extra-opts looks for its ini file first, parted by colons."),
)


def page() -> str:
    """The page in the man macros, with a line end at its end."""
    about, *sections = re.split(r"\n\n(?=[A-Z][^\n]*:\n)", help.text().rstrip("\n"))
    usage, _, about = about.partition("\n\n")
    return "\n".join(
        [
            f'.TH {PROGRAM.upper()} 1 "" "{PROGRAM} {__version__}" "Monitoring plugins"',
            ".SH NAME",
            rf"{PROGRAM} \- {PURPOSE}",
            ".SH SYNOPSIS",
            _quoted(usage.partition("Usage: ")[2]),
            ".SH DESCRIPTION",
            _quoted(about),
            ".SH OPTIONS",
            *(line for section in sections for line in _section(section)),
            ".SH ENVIRONMENT",
            *(line for name, meaning in ENVIRONMENT for line in (".TP", rf"\fB{name}\fR", _quoted(meaning))),
            "",
        ]
    )


def resident() -> str:
    """The page of smtp_statusd, likewise."""
    usage, about, options, ending = commandline.HELP.rstrip("\n").split("\n\n")
    name = commandline.PROGRAM
    lines = [
        f'.TH {name.upper()} 8 "" "{name} {__version__}" "Monitoring plugins"',
        ".SH NAME",
        rf"{name} \- carry out the checks of check_smtp_status in processes that stay",
        ".SH SYNOPSIS",
        _quoted(" ".join(usage.partition("usage: ")[2].split())),
        ".SH DESCRIPTION",
        _quoted(about),
        ".PP",
        _quoted(ending),
        ".SH OPTIONS",
    ]
    for line in options.split("\n"):
        words = line.strip()
        if line.startswith("  -"):
            option, _, words = words.partition("  ")
            lines += [".TP", rf"\fB{_quoted(option)}\fR"]
        if words.strip():
            lines.append(_quoted(words.strip()))
    return "\n".join([*lines, ".SH SEE ALSO", ".BR check_smtp_status (1)", ""])


def _section(section: str) -> Iterator[str]:
    """A group of options becomes a subsection of OPTIONS, anything else a section, its lines kept as they are."""
    title, _, body = section.partition(":\n")
    if body.startswith("  -"):
        yield f'.SS "{title}"'
        for line in body.split("\n"):
            if line.startswith("  -"):
                yield ".TP"
                yield rf"\fB{_quoted(line.strip())}\fR"
            else:
                yield _quoted(line.strip())
        return
    yield f'.SH "{title.partition(",")[0].upper()}"'
    yield ".nf"
    for line in body.split("\n"):
        yield _quoted(line.removeprefix("  "))
    yield ".fi"


def _quoted(text: str) -> str:
    """Text as roff takes it: no escapes of its own, hyphens that can be copied, no line that begins as a request."""
    text = text.replace("\\", r"\e").replace("-", r"\-")
    return re.sub(r"^(?=[.'])", r"\\&", text, flags=re.M)


if __name__ == "__main__":
    sys.stdout.write(resident() if sys.argv[1:] == [commandline.PROGRAM] else page())
