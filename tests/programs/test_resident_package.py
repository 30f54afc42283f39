"""The Debian package of the thin client, beside the plugin's, and what the resident is started by."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from helpers.elsewhere import Elsewhere, check_as_nobody, sh
from helpers.plugin import ROOT
from servers.installed import need_packages
from servers.requirements import find, need, need_namespaces, unmet
from smtp_status import __version__

UNITS = sorted((ROOT / "contrib/resident").glob("*.service"))
PLUGIN = "/usr/lib/nagios/plugins/check_smtp_status"
EXPOSURE = 30
"""Tenths of systemd's ten, at which a service is exposed; a service without any of its means has 96."""


@pytest.fixture(scope="module")
def debs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The plugin's package, and the client's."""
    need("cc")
    if find("dpkg-deb") is None:
        unmet("dpkg-deb is missing: apt-get install -y dpkg")
    out = tmp_path_factory.mktemp("debs")
    built = [sh(sys.executable, ROOT / "contrib" / name, out).strip() for name in ("deb.py", "clientdeb.py")]
    return Path(built[0].splitlines()[-1]), Path(built[1].splitlines()[-1])


@pytest.fixture(scope="module")
def elsewhere(workdir: Path, debs: tuple[Path, Path]) -> Iterator[Elsewhere]:
    """A machine with the plugin."""
    need_packages()
    place = Elsewhere(workdir / "elsewhere-resident")
    place.sh("dpkg", "--install", debs[0])
    yield place
    place.leave()


def test_what_the_package_says(debs):
    fields = dict(
        line.split(": ", 1) for line in sh("dpkg-deb", "--field", debs[1]).splitlines() if not line.startswith(" ")
    )
    assert fields["Package"] == "check-smtp-status-client"
    assert fields["Depends"].startswith(f"check-smtp-status (>= {fields['Version']})")
    assert fields["Version"].startswith(__version__.partition("a")[0].partition("b")[0])
    assert fields["Architecture"] == sh("dpkg", "--print-architecture").strip()


def test_lintian_finds_no_fault(debs):
    lintian = need("lintian")
    assert sh(lintian, "--allow-root", "--fail-on", "error,warning", debs[1]) == ""


def newer(package: Path, directory: Path) -> Path:
    """The same with a later version."""
    tree = directory / "newer"
    sh("dpkg-deb", "--raw-extract", package, tree)
    control = tree / "DEBIAN/control"
    control.write_text(re.sub(r"^(Version: .*)$", r"\1.1", control.read_text(), flags=re.M))
    made = directory / "newer.deb"
    sh("dpkg-deb", "--root-owner-group", "--build", tree, made)
    return made


def test_it_takes_the_plugins_place_and_gives_it_back(elsewhere, debs, scripted: Any, tmp_path):
    before = elsewhere.sh("readlink", PLUGIN).strip()
    assert before.endswith("check_smtp_status.py")
    elsewhere.sh("dpkg", "--install", "--force-depends", debs[1])
    assert elsewhere.sh("readlink", f"{PLUGIN}.plugin").strip() == before
    assert elsewhere.sh("head", "-c4", PLUGIN)[1:] == "ELF"
    # Nobody listens there: so the plugin is run.
    check_as_nobody(scripted, PLUGIN, wrap=elsewhere.enter)
    assert elsewhere.sh("smtp_statusd", "-V") == f"smtp_statusd {__version__}\n"
    # Again, as an upgrade does it.
    elsewhere.sh("dpkg", "--install", "--force-depends", debs[1])
    assert elsewhere.sh("readlink", f"{PLUGIN}.plugin").strip() == before
    # A newer plugin alone comes to where the plugin is now, and the client stays.
    elsewhere.sh("dpkg", "--install", newer(debs[0], tmp_path))
    assert elsewhere.sh("readlink", f"{PLUGIN}.plugin").strip() == before
    assert elsewhere.sh("head", "-c4", PLUGIN)[1:] == "ELF"
    assert elsewhere.sh("dpkg", "--audit") == ""
    elsewhere.sh("dpkg", "--purge", "check-smtp-status-client")
    assert elsewhere.sh("readlink", PLUGIN).strip() == before
    left = elsewhere.sh("sh", "-c", f"ls {PLUGIN}.plugin /etc/init.d/smtp-statusd 2>/dev/null; true")
    assert left == ""
    assert elsewhere.sh("dpkg-divert", "--list", PLUGIN) == ""


def test_the_unit_is_switched_on_once_and_stays_as_it_is_left(elsewhere, debs):
    def is_on(unit: str) -> bool:
        return bool(elsewhere.sh("find", "/etc/systemd/system", "-name", unit))

    files = elsewhere.sh("dpkg-query", "--listfiles", "check-smtp-status").splitlines()
    assert "/usr/lib/systemd/system/smtp-statusd-nagios.service" in files
    for _ in range(2):  # the second time anew, after all was purged
        elsewhere.sh("dpkg", "--install", "--force-depends", debs[1])
        assert is_on("smtp-statusd.service")
        assert not is_on("smtp-statusd-nagios.service")
        elsewhere.sh("dpkg", "--remove", "check-smtp-status-client")
        elsewhere.sh("dpkg", "--install", "--force-depends", debs[1])
        assert is_on("smtp-statusd.service")
        elsewhere.sh("systemctl", "--root=/", "--quiet", "disable", "smtp-statusd.service")
        elsewhere.sh("dpkg", "--install", "--force-depends", debs[1])
        assert not is_on("smtp-statusd.service")
        elsewhere.sh("dpkg", "--purge", "check-smtp-status-client")
    places = ["/etc/systemd", "/var/lib/systemd", "/etc/rc2.d"]
    assert elsewhere.sh("find", *places, "-name", "*smtp-statusd*", "-not", "-name", "*-nagios.service*") == ""


def test_the_page_leads_to_what_is_installed(debs, tmp_path):
    for deb in debs:
        sh("dpkg-deb", "--extract", deb, tmp_path)
    page = tmp_path / "usr/share/doc/check-smtp-status-client/README.md"
    targets = re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text("utf-8"))
    assert "../check-smtp-status/docs/resident.md" in targets
    for target in targets:
        assert (page.parent / target).exists(), target


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_units(unit, tmp_path):
    if find("systemd-analyze") is None:
        unmet("systemd-analyze is missing: apt-get install -y systemd")
    # What it starts, and its user, need not be there.
    text = re.sub(r"^(User|Group)=nagios$", r"\1=root", unit.read_text(), flags=re.M)
    copy = tmp_path / unit.name
    copy.write_text(text.replace("/usr/sbin/smtp_statusd", "/bin/true"))
    done = subprocess.run(["systemd-analyze", "verify", copy], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    told = [line for line in done.stderr.splitlines() if unit.name in line]
    assert told == []
    words = ["systemd-analyze", "security", "--offline=yes", f"--threshold={EXPOSURE}", copy]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-300:]


def test_the_init_script(tmp_path):
    script = ROOT / "contrib/resident/smtp-statusd.init"
    sh("sh", "-n", script)
    done = subprocess.run(["sh", script, "nonsense"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (2, f"usage: {script} start|stop|restart|reload|status\n")
    done = subprocess.run(["sh", script, "status"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (3, "smtp_statusd does not run\n")
    if shutil.which("shellcheck"):
        sh("shellcheck", script)


DAEMON = """#!/bin/sh
exec python3 -c 'import signal, sys; signal.signal(1, signal.SIG_IGN); signal.sigwait({15})' smtp_statusd "$@"
"""

LIFE = """
mount -t tmpfs none /run
mount -t tmpfs none /etc/default
printf 'DAEMON=%s/daemon\nRUNAS=nobody\nLOG=%s/log\n' "$1" "$1" >/etc/default/smtp-statusd
service() { sh "$2" "$1"; echo "$1 $?"; }
service start "$2"
service start "$2"
service status "$2"
service reload "$2"
service restart "$2"
service status "$2"
service stop "$2"
service status "$2"
eval "$(grep -E '^(DIRECTORY|PIDFILE)=' "$2")"
sleep 60 & echo $! >"$PIDFILE"  # as if its number were another process's by now
service reload "$2"
service stop "$2"
service start "$2"
service status "$2"
kill $! && echo "the other one is well"
service stop "$2"
"""


def test_the_init_script_at_work(workdir):
    need_namespaces("m")
    if find("start-stop-daemon") is None:
        unmet("start-stop-daemon is missing: apt-get install -y dpkg")
    base = workdir / "init"
    base.mkdir()
    (base / "daemon").write_text(DAEMON)
    (base / "daemon").chmod(0o755)
    script = ROOT / "contrib/resident/smtp-statusd.init"
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", LIFE, "sh", base, script], capture_output=True, text=True, check=False
    )
    runs, does_not = ("smtp_statusd runs", "status 0"), ("smtp_statusd does not run", "status 3")
    assert done.stdout.splitlines() == [
        *("start 0", "start 0", *runs, "reload 0", "restart 0", *runs, "stop 0", *does_not),
        *("reload 1", "stop 0", "start 0", *runs, "the other one is well", "stop 0"),
    ]
    assert done.stderr == ""
