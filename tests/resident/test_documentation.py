"""Through the thin client and the resident, what the documentation shows is printed too."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType

import pytest

from docs import test_docs as documentation
from helpers.documented import World
from servers.requirements import need

make = documentation.make


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    need("cc")
    with documentation.documented(resident=True) as running:
        yield running


@pytest.mark.parametrize("page", documentation.SHOWN)
def test_outputs_are_what_the_commands_say(make: ModuleType, world: World, page: str) -> None:
    documentation.test_outputs_are_what_the_commands_say(make, world, page)


def test_the_lines_shown_are_those_printed(make: ModuleType, world: World) -> None:
    documentation.test_the_lines_shown_are_those_printed(make, world)
    # What belongs to a domain, a mailbox or a policy, and what names a file from where it stands, is for the plugin.
    ours = ("-d ", "--dane", "--imap", "--mta-sts", "--authpass-file", "--data-file", "-R ")
    assert world.fallen_back
    assert [line for line in world.fallen_back if not any(word in line for word in ours)] == []
