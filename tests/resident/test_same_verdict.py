"""Through the thin client and the resident everything is as with the plugin: the assertions of other tests hold, on
exit codes and whole first lines."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from helpers import plugin
from helpers.plugin import Result, run
from servers.certs import Certs
from servers.process import started
from servers.resident import Resident, build_client, noting
from with_servers import test_drop_in as drop_in
from with_servers import test_faults as faults

theirs = drop_in.theirs
yard = faults.yard


@pytest.fixture(scope="module")
def fallen_back(workdir: Path) -> Path:
    """A file with a line for each check that the plugin itself was run for."""
    return workdir / "fallen-back"


@pytest.fixture(scope="module", autouse=True)
def stand_in(workdir: Path, fallen_back: Path) -> Iterator[None]:
    """All runs of this module go to the client."""
    base = workdir / "stand-in"
    base.mkdir()
    wrapped = noting(base / "plugin", f"{sys.executable} {plugin.LAUNCHER}", fallen_back)
    resident = started(Resident, workdir)
    client = build_client(base / "check_smtp_status", wrapped, resident.socket)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plugin, "STAND_IN", (str(client),))
        yield
    resident.stop()


@pytest.fixture(scope="module")
def farm(yard: faults.Yard, stand_in: None) -> Iterator[Mapping[str, Future[faults.Run]]]:
    with ThreadPoolExecutor(faults.AT_ONCE) as pool:
        yield {case.name: pool.submit(faults.one, case, yard) for case in faults.CASES}
        pool.shutdown(cancel_futures=True)


@pytest.mark.parametrize("case", faults.CASES, ids=lambda case: case.name)
def test_every_fault_at_every_stage(
    farm: Mapping[str, Future[faults.Run]], yard: faults.Yard, case: faults.Case
) -> None:
    if ": closed after " in case.name and " reset by " in farm[case.name].result().result.first:
        # The command was under way when the server closed: which of the two comes first is chance, with the plugin too.
        farm = {case.name: ThreadPoolExecutor(1).submit(faults.one, case, yard)}
    faults.test_every_fault_at_every_stage(farm, case)


def test_hardly_any_of_them_fell_back(farm: Mapping[str, Future[faults.Run]], fallen_back: Path) -> None:
    for one in farm.values():
        one.exception()
    assert len(fallen_back.read_text().splitlines()) < len(farm) / 20


@pytest.fixture(scope="module")
def ours(certs: Certs) -> drop_in.Ours:
    """As in the other module, with an option in the place of the variable, which the client does not hand over."""

    def start(*args: str, form: bool = True) -> Result:
        return run(*args, "--ca", str(certs.ca), form=form)

    return start


@pytest.mark.parametrize("case", drop_in.SAME)
def test_in_the_place_of_check_smtp(submission, theirs, ours, case):
    drop_in.test_same_state(submission, theirs, ours, case)


@pytest.mark.parametrize("case", drop_in.DIFFERENT)
def test_where_check_smtp_differs(submission, theirs, ours, case):
    drop_in.test_different_state(submission, theirs, ours, case)
