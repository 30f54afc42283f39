"""The documentation as the packages hold it: every link leads to a file of the package, or is none any more."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = ("icinga", "nagios", "checkmk", "sensu", "prometheus", "grafana", "resident")
"""The directories of contrib/ that are examples/ in a package."""

_LINK = re.compile(
    r"(?P<image>!?)\[(?P<words>(?:[^\[\]]|\[[^\[\]]*\])*)\]\((?P<target>(?!https?:|#)[^)\s#]+)(?P<part>#\S*)?\)"
)


def pages(licence: str) -> Iterator[tuple[str, bytes]]:
    """Each file with its place in the package's directory of documentation; ``licence`` is where LICENSE is, from
    there."""
    documents = (path for path in (ROOT / "docs").iterdir() if path.suffix != ".py")
    examples = (path for name in EXAMPLES for path in (ROOT / "contrib" / name).rglob("*"))
    roots = (ROOT / name for name in ("README.md", "SECURITY.md", "CHANGELOG.md", "contrib/README.md"))
    for path in sorted([*roots, *documents, *examples]):
        if path.is_file():
            source = path.relative_to(ROOT).as_posix()
            content = path.read_bytes()
            if path.suffix == ".md":
                content = relinked(content.decode("utf-8"), source, licence).encode()
            yield str(_place(source, licence)), content


def relinked(text: str, source: str, licence: str) -> str:
    """The text of the page ``source`` (from the root of the repository) for its place in the package."""
    here = _place(source, licence)
    assert here is not None

    def link(match: re.Match[str]) -> str:
        target = os.path.normpath(PurePosixPath(source).parent / match["target"])
        place = _place(target, licence)
        if place is None:
            return match["words"]
        slash = "/" if match["target"].endswith("/") else ""
        return f"{match['image']}[{match['words']}]({os.path.relpath(place, here.parent)}{slash}{match['part'] or ''})"

    return _LINK.sub(link, text)


def _place(source: str, licence: str) -> PurePosixPath | None:
    """Where a file or directory of the repository is in the package, None where it is not in it."""
    path = PurePosixPath(source)
    top, *rest = path.parts
    if source == "LICENSE":
        return PurePosixPath(licence)
    if source in {"README.md", "SECURITY.md", "CHANGELOG.md"} or (top == "docs" and path.suffix != ".py"):
        return path
    if top == "contrib" and (not rest or rest[0] in {"README.md", *EXAMPLES}):
        return PurePosixPath("examples", *rest)
    return None
