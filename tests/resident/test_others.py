"""NRPE, and what Checkmk's agent and Sensu's run, with the thin client in the plugin's place."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from helpers.plugin import ROOT, check_form
from programs.test_contrib import checkmk, sensu, sensu_command
from servers.installed import PYTHON, plugin_directory
from servers.nrpe import Nrpe
from servers.process import started
from servers.requirements import need, need_root
from servers.resident import Resident, build_client, noting
from servers.steady import SteadyServer


class Site:
    """A client whose plugin tells that it was run, and a resident for it, both as a user that agents run checks as."""

    def __init__(self, base: Path) -> None:
        need_root("a resident that runs as nobody")
        base.mkdir()
        base.chmod(0o755)
        packages = (plugin_directory(base / "plugins") / "check_smtp_status").resolve().parent
        self.resident = Resident(base / "r", packages=packages / "plugin", python=PYTHON, nobody=True)
        self.resident.base.mkdir()
        self.resident.start()
        self.fallen_back = base / "fallen-back"
        plugin = noting(base / "plugin", f"{packages}/check_smtp_status.py", self.fallen_back)
        self.client = build_client(base / "client", plugin, self.resident.socket)


@pytest.fixture(scope="module")
def site(workdir: Path) -> Iterator[Site]:
    made = Site(workdir / "other-agents")
    yield made
    made.resident.stop()


def command(line: str, site: Site, server: SteadyServer) -> str:
    """A shipped command line, with the client and the server of the tests."""
    line = re.sub(r"[\w/]*check_smtp_status (?=-)", f"{site.client} ", line)
    return re.sub(r"( -L)? -H \S+", f" -H {server.host} -p {server.port}", line)


def test_nrpe(workdir: Path, site: Site, server: SteadyServer) -> None:
    shipped = (ROOT / "contrib/nagios/nrpe.cfg").read_text()
    need("nrpe")
    (name,) = re.findall(r"^command\[(\w+)\]=", shipped, re.M)
    nrpe = started(lambda base: Nrpe(base, command(shipped, site, server)), workdir)
    try:
        words = ["/usr/lib/nagios/plugins/check_nrpe", "-H", "127.0.0.1", "-p", str(nrpe.port), "-t", "40", "-c", name]
        done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    finally:
        nrpe.stop()
    assert (done.returncode, done.stderr) == (0, "")
    assert check_form(0, done.stdout).first.startswith(f"SMTP OK - {server.host} accepted the ")
    assert site.fallen_back.read_text() == ""


@pytest.mark.parametrize(
    ("agent", "line"),
    [("Checkmk's, as root", checkmk()[0].partition(") ")[2]), ("Sensu's", sensu_command(sensu()[0]))],
)
def test_what_other_agents_give_to_a_shell(site: Site, server: SteadyServer, agent: str, line: str) -> None:
    user = () if "root" in agent else ("setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups")
    words = [*user, "sh", "-c", command(line, site, server)]
    environment = {"PATH": "/usr/bin:/bin"}
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False, env=environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert check_form(0, done.stdout).first.startswith(f"SMTP OK - {server.host} accepted the recipient in ")
    assert site.fallen_back.read_text() == ""
