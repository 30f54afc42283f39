"""Configuration files with ``@name@`` where a value goes: the syntaxes of mail servers use up all other
marks."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

_MARK = re.compile(r"@([a-z_0-9]+)@")


def fill(name: str, values: Mapping[str, object]) -> str:
    """The template ``name`` of this directory with its marks replaced; a mark without a value is a
    KeyError."""
    template = (Path(__file__).parent / name).read_text()
    return _MARK.sub(lambda mark: str(values[mark[1]]), template)
