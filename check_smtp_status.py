#!/usr/bin/env python3
"""Run check_smtp_status from a checkout, also through a symlink: the package is in plugin/ beside this file.

Kept to what every Python from 2.7 on can read, so that one which is too old can be told so.
"""
# ruff: noqa: UP031, UP036 - for the same reason

import os
import sys

HERE = os.path.dirname(os.path.realpath(__file__))


def unknown(sentence):
    try:
        # Printable ASCII without what acts on a web page, a terminal or a shell's printf.
        line = "".join(c if " " <= c <= "~" and c not in "\\|<>&" else "?" for c in "SMTP UNKNOWN - " + sentence)
        os.write(1, line[:160].encode("ascii") + b"\n")
    finally:
        os._exit(3)  # also where standard output is closed or full


if sys.version_info < (3, 9):
    unknown("check_smtp_status needs Python 3.9 or newer, this is %d.%d.%d" % sys.version_info[:3])

sys.path.insert(0, os.path.join(HERE, "plugin"))
try:
    from smtp_status.__main__ import run

    run()
except KeyboardInterrupt:  # from here on ``run`` itself takes care of signals
    unknown("interrupted")
except Exception:
    unknown("the directory plugin/smtp_status is missing or damaged in " + HERE)
