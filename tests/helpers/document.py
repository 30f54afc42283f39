"""The document of ``--output-format json``, held against its schema."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import jsonschema

from helpers.plugin import LAUNCHER, ROOT

SCHEMA = json.loads((ROOT / "docs/outcome.schema.json").read_text("utf-8"))


def said(*arguments: object, stdin: str = "") -> tuple[int, str]:
    """Exit code and output of the plugin, which has nothing to say on stderr."""
    command = [sys.executable, LAUNCHER, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, input=stdin, text=True, timeout=30, check=False)
    assert done.stderr == ""
    return done.returncode, done.stdout


def document(*arguments: object) -> dict[str, Any]:
    """The document, which is valid, one line, and agrees with the exit code."""
    code, out = said(*arguments, "--output-format", "json")
    assert out.endswith("}\n") and out.count("\n") == 1
    for forbidden in "\\|<>&\x1b\r":
        assert forbidden not in out
    found = json.loads(out)
    jsonschema.Draft202012Validator(SCHEMA).validate(found)
    assert found["exit_code"] == code == ("ok", "warning", "critical", "unknown").index(found["state"])
    return dict(found)
