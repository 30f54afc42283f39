"""When a back end notices that another version was installed: once that has settled, and once only."""

from __future__ import annotations

import pytest

from smtp_status import __version__
from smtp_status.resident import installed
from smtp_status.resident.installed import LOOK, Installed


@pytest.fixture
def file(tmp_path, monkeypatch):
    path = tmp_path / "__init__.py"
    monkeypatch.setattr(installed, "_FILE", str(path))
    return path


def looks(file, *contents: str | None) -> list[bool]:
    """What is said at looks at the file with these contents, None where there is no file."""
    watch = Installed()
    said = []
    for number, content in enumerate(contents):
        file.unlink(missing_ok=True)
        if content is not None:
            file.write_text(content)
        said.append(watch.is_another(number * LOOK))
    return said


OWN, OTHER, THIRD = (f'"""x"""\n__version__ = "{version}"\n' for version in (__version__, "9.0.0", "9.0.1"))


@pytest.mark.parametrize(
    ("contents", "said"),
    [
        ((OWN, OWN, OWN), [False, False, False]),
        ((OWN, OTHER, OTHER, OTHER), [False, False, True, False]),
        ((OTHER, THIRD, THIRD), [False, False, True]),
        ((OTHER, None, OTHER, OTHER), [False, False, False, True]),
        ((None, None, OWN), [False, False, False]),
        (('__version__ = "9.', '__version__ = "9.', OTHER, OTHER), [False, False, False, True]),
        ((OTHER, OWN, OWN), [False, False, False]),
    ],
)
def test_another_version(file, contents, said):
    assert looks(file, *contents) == said


def test_it_does_not_look_all_the_time(file):
    file.write_text(OTHER)
    watch = Installed()
    assert [watch.is_another(now) for now in (0.0, 1.0, LOOK - 0.1, LOOK)] == [False, False, False, True]
