"""A host with a name, and a directory with short paths, for the command lines."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def own_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host whose name is known."""
    name = os.uname_result(("Linux", "probe.example.net", "1", "1", "x"))
    monkeypatch.setattr("os.uname", lambda: name)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A current directory of its own, so that messages name short paths."""
    monkeypatch.chdir(tmp_path)
    return tmp_path
