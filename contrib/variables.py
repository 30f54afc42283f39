"""The options of the plugin as variables of Icinga: their names, what is said of them, what may stand in them."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "plugin"))

from smtp_status.options.table import OPTIONS, Option
from smtp_status.sasl.mechanisms import SECRETLESS, STRENGTH
from smtp_status.stages import STAGES

COMMAND = "smtp_status"
"""Name of the CheckCommand, and what its variables begin with."""

TIMEOUT = 60
"""Seconds after which Icinga ends the plugin; the plugin's own deadline (10 s by default) is to come first."""

CHECKS = tuple(option for option in OPTIONS if option.name not in {"help", "version"})
"""The options that a check can have."""

_WORDS = {"STAGE": STAGES, "MECH": STRENGTH}
"""Placeholders that stand for one word of a list."""


def variable(option: Option) -> str:
    """The custom variable of an option."""
    suffix = "_argument" if option.secret else ""
    return f"{COMMAND}_{option.name.replace('-', '_')}{suffix}"


def choices(option: Option) -> tuple[str, ...]:
    """The words an option takes, where it takes nothing else; else none."""
    if option.metavar.startswith("{"):
        words = tuple(option.metavar.strip("{}").split(","))
        # a word in capitals stands for others
        return () if any(map(str.isupper, words)) else words
    # A password or token is what logs in to a mailbox, never a certificate.
    without = SECRETLESS if option.name == "imap-authtype" else frozenset()
    return tuple(word for word in _WORDS.get(option.metavar, ()) if word not in without)


def described(option: Option, environment: bool = True) -> str:
    """The help of an option, with what is special about its variable; ``environment``: the command can set one."""
    if option.name == "verbose":
        return f"{option.help} A number from 0 to 3 here."
    if option.secret:
        name = f"{COMMAND}_{option.name.replace('-', '_')}"
        here = f"{name} is put into the environment" if environment else f"{name}_file"
        return f"{option.help} Here: {here}."
    if option.optional:
        return f"{option.help} true stands for the option without a value."
    return option.help


def set_if(option: Option) -> str:
    """An expression of Icinga's language: whether the option is used; '' where its value decides that."""
    if option.name == "hostname":
        return f'!macro("${COMMAND}_domain$")'
    if option.name == "verbose" or option.optional:
        return f'bool(macro("${variable(option)}$"))'
    return ""


def body(option: Option) -> str:
    """A function body of Icinga's language that returns all the words of an option; '' where a macro will do."""
    value = f'macro("${variable(option)}$")'
    if option.name == "verbose":
        return f'return range(number({value})).map(time => "--verbose")'
    if not option.optional:
        return ""
    return (
        f"var values = {value}\n"
        "if (typeof(values) != Array) { values = [ values ] }\n"
        f'return values.map(value => if (string(value) == "true") {{ "--{option.name}" }}'
        f' else {{ "--{option.name}=" + value }})'
    )
