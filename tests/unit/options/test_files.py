"""Small files: read whole, or not at all with a reason in few words."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from helpers.descriptors import none_left_open
from smtp_status.options import files


@pytest.fixture
def fifo(place: Path) -> Path:
    """A pipe that nobody writes to: whoever opened it as a file would wait for ever."""
    os.mkfifo(place / "fifo")
    return place / "fifo"


def reason(call, *arguments) -> str:  # type: ignore[no-untyped-def]
    with pytest.raises((OSError, ValueError)) as caught:
        call(*arguments)
    return files.reason(caught.value)


@pytest.mark.parametrize("content", [b"", b"x", b"\xff\0\n", b"x" * 100])
def test_a_file_up_to_the_limit_is_read_whole(place: Path, content: bytes) -> None:
    (place / "file").write_bytes(content)
    assert files.read_regular("file", 100) == content
    assert files.check_regular("file") == "file"


def test_what_is_bigger_is_not_read(place: Path) -> None:
    (place / "file").write_bytes(b"x" * 101)
    assert reason(files.read_regular, "file", 100) == "longer than 100 octets"
    assert files.check_regular("file") == "file"


@pytest.mark.usefixtures("fifo")
@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("missing", "No such file or directory"),
        ("fifo", "not a regular file"),
        (".", "not a regular file"),
        ("/dev/zero", "not a regular file"),
        ("a\0b", "embedded null byte"),
    ],
)
def test_what_is_no_regular_file(path: str, words: str) -> None:
    assert reason(files.read_regular, path, 100) == words
    assert reason(files.check_regular, path) == words


def test_directories(place: Path) -> None:
    (place / "file").touch()
    assert files.check_directory(".") == "."
    assert reason(files.check_directory, "file") == "Not a directory"
    assert reason(files.check_directory, "missing") == "No such file or directory"


def test_nothing_is_left_open(place: Path, fifo: Path) -> None:
    (place / "file").write_bytes(b"x")
    with none_left_open():
        files.read_regular("file", 100)
        files.check_regular("file")
        reason(files.read_regular, str(fifo), 100)
