"""The modules of ``--modules``: sections of an ini file, each the options of a check but for where it goes."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from ..options import inifile
from ..options.build import settings_from
from ..options.settings import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

NOT_IN_A_MODULE = ("hostname", "H", "domain", "d", "output-format", "verbose", "v", "extra-opts")
"""Options that a probe gives by itself."""

MOST_OF_A_TARGET = 300
"""Characters of a target: a name has at most 253, and a port may follow."""

_SECTION = re.compile(rb"^[ \t]*\[([^\]\n]*)\]", re.M)
_WITH_PORT = re.compile(r"\[(?P<literal>[^\]]+)\]:(?P<port>\d{1,5})|(?P<name>[^:\[\]]+):(?P<of_name>\d{1,5})")


class ModulesError(Exception):
    """The file, or what was asked for, cannot be used; the text says why in one line."""


class Modules:
    """The sections of the file at ``path``, read anew where it has changed."""

    def __init__(self, path: str) -> None:
        self.path = os.path.abspath(path)
        self._read_at = -1
        self._names: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The modules there are.  Raises ModulesError."""
        try:
            changed = os.stat(self.path).st_mtime_ns
            if changed != self._read_at:
                with open(self.path, "rb") as file:
                    content = file.read(inifile.MAX_SIZE)
                found = (name.strip().decode("utf-8", "replace") for name in _SECTION.findall(content))
                self._names, self._read_at = tuple(dict.fromkeys(found)), changed
        except OSError as error:
            raise ModulesError(f"{self.path}: {os.strerror(error.errno or 0).lower()}") from None
        return self._names

    def check(self) -> None:
        """Look at every module.  Raises ModulesError for the first that is not good."""
        if not self.names:
            raise ModulesError(f"{self.path} has no module: a section such as [mx]")
        for name in self.names:
            try:
                settings = inifile.read(f"{name}@{self.path}", {})
                given = next((setting for setting in settings if setting.key in NOT_IN_A_MODULE), None)
                if given is not None:
                    raise ModulesError(f"module {name}: {given.key} is not for a module ({given.origin})")
                settings_from(self.words(name, "localhost"), {})
            except UsageError as error:
                raise ModulesError(f"module {name}: {error}") from None

    def words(self, module: str, target: str = "", domain: str = "") -> Sequence[str]:
        """The command line of a probe.  Raises ModulesError where it cannot be one."""
        if module not in self.names:
            raise ModulesError(f"no module {_shown(module)}, there are {', '.join(self.names)}")
        whither = target or domain
        bad = not whither or len(whither) > MOST_OF_A_TARGET or whither[0] in "-/"
        if bad or not whither.isprintable() or " " in whither or (target and domain):
            raise ModulesError("target takes a host, HOST:PORT or [ADDRESS]:PORT, or domain a mail domain")
        words = [f"--extra-opts={module}@{self.path}", "--output-format=json"]
        if domain:
            return [*words, f"--domain={domain}"]
        found = _WITH_PORT.fullmatch(target)
        if found is None:
            return [*words, f"--hostname={target}"]
        host, port = found["literal"] or found["name"], found["port"] or found["of_name"]
        return [*words, f"--hostname={host}", f"--port={port}"]


def _shown(text: str) -> str:
    return "'" + "".join(char if char.isprintable() else "?" for char in text[:60]) + "'"
