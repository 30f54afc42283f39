"""Every way of installing, each tried as user nobody: wheel, sdist, single file, Debian package."""

from __future__ import annotations

import gzip
import os
import re
import shlex
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest

from helpers.elsewhere import Elsewhere, check_as_nobody, sh
from helpers.plugin import ROOT, check_form
from servers.installed import PYTHON, need_packages
from servers.requirements import find, need, unmet
from servers.scripted import SmtpScript
from smtp_status import __version__
from smtp_status.options import help
from smtp_status.options.table import OPTIONS
from smtp_status.resident import commandline

LITTER = shutil.ignore_patterns("__pycache__", "*.egg-info")


@pytest.fixture(scope="module")
def place(workdir: Path) -> Path:
    """A directory everybody may enter."""
    path = workdir / "installing"
    path.mkdir()
    return path


@pytest.fixture(scope="module")
def distributions(place: Path) -> dict[str, Path]:
    """Wheel and sdist."""
    source, out = place / "source", place / "dist"
    source.mkdir()
    for name in (
        "LICENSE",
        "MANIFEST.in",
        "README.md",
        "check_smtp_status.py",
        "pyproject.toml",
        "setup.cfg",
        "setup.py",
    ):
        shutil.copy2(ROOT / name, source)
    shutil.copytree(ROOT / "plugin/smtp_status", source / "plugin/smtp_status", ignore=LITTER)
    sh(sys.executable, "-m", "build", "--no-isolation", "--outdir", out, source)
    return {path.suffix: path for path in out.iterdir()}


@pytest.mark.parametrize("kind", [".whl", ".gz"])
def test_by_pip(kind: str, distributions: dict[str, Path], place: Path, scripted: Any) -> None:
    """Into an environment on Debian's Python, whose packages stand in for the two it would download."""
    need_packages()
    environment = place / f"venv{kind}"
    sh(PYTHON, "-m", "venv", "--system-site-packages", "--without-pip", environment)
    offline = ["--no-index", "--no-deps", "--quiet", "--disable-pip-version-check"]
    package = distributions[kind]
    if kind == ".gz":
        built = place / "from-sdist"
        sh(sys.executable, "-m", "pip", "wheel", *offline, "--no-build-isolation", "--wheel-dir", built, package)
        (package,) = built.iterdir()
    sh(sys.executable, "-m", "pip", "--python", environment / "bin/python", "install", *offline, package)
    check_as_nobody(scripted, environment / "bin/check_smtp_status")


@pytest.fixture(scope="module")
def pyz(place: Path) -> Path:
    path = place / "plugins" / "check_smtp_status.pyz"
    sh(sys.executable, ROOT / "contrib/pyz.py", path)
    return path


def test_one_file_that_needs_nothing_but_python(pyz: Path, scripted: Any) -> None:
    check_as_nobody(scripted, pyz)
    # -S: without the directories in which nagiosplugin and dnspython could be installed
    check_as_nobody(scripted, PYTHON, "-I", "-S", pyz)


def test_one_file_through_a_link_under_another_name(pyz: Path, place: Path, scripted: Any) -> None:
    link = place / "check_mail"
    link.symlink_to(os.path.relpath(pyz, place))
    check_as_nobody(scripted, link)


def test_every_module_of_the_one_file_is_compiled(pyz: Path) -> None:
    with zipfile.ZipFile(pyz) as archive:
        names = set(archive.namelist())
        content = b"".join(archive.read(name) for name in names)
    sources = {name for name in names if name.endswith(".py")} - {"__main__.py"}
    assert {f"{name}c" for name in sources} == {name for name in names if name.endswith(".pyc")}
    assert {name.split("/")[1] for name in sources} == {"smtp_status", "nagiosplugin", "dns"}
    assert {name for name in names if name.startswith("licenses/")} == {
        *("licenses/check_smtp_status-LICENSE", "licenses/nagiosplugin-LICENSE.txt", "licenses/dnspython-LICENSE")
    }
    assert str(ROOT).encode() not in content
    assert sys.prefix.encode() not in content


def test_the_compiled_code_is_what_runs(pyz: Path, tmp_path: Path) -> None:
    """With sources that cannot be compiled it still runs; on a Python of another version the sources are all it has."""
    spoilt = tmp_path / "spoilt.pyz"
    with zipfile.ZipFile(pyz) as archive, zipfile.ZipFile(spoilt, "w") as copy:
        for name in archive.namelist():
            spoil = name.endswith(".py") and name != "__main__.py"
            copy.writestr(name, "def spoilt(:" if spoil else archive.read(name))
    done = subprocess.run([sys.executable, "-I", "-S", spoilt, "-V"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (3, f"check_smtp_status {__version__}\n")


def test_the_same_sources_make_the_same_file(pyz: Path, tmp_path: Path) -> None:
    sh(sys.executable, ROOT / "contrib/pyz.py", tmp_path / "again.pyz")
    assert (tmp_path / "again.pyz").read_bytes() == pyz.read_bytes()


def other_pythons() -> list[Path]:
    found = sorted(Path.home().glob(".pyenv/versions/3.*/bin/python3"))
    return [path for path in found if sh(path, "-c", "import sys; print(sys.version_info >= (3, 9))") == "True\n"]


def test_the_one_file_on_other_pythons(pyz: Path, scripted: Any) -> None:
    pythons = other_pythons()
    if not pythons:
        pytest.skip("no other Python on this machine")
    for python in pythons:
        server = scripted(SmtpScript())
        out = sh(python, "-I", "-S", pyz, "-H", server.host, "-p", server.port)
        assert check_form(0, out).first.startswith(f"SMTP OK - {server.host} answered in ")


@pytest.fixture(scope="module")
def deb(place: Path) -> Path:
    if find("dpkg-deb") is None:
        unmet("no dpkg-deb: this is no Debian")
    return Path(sh(ROOT / "contrib/deb.py", place / "deb").strip())


def test_the_manual_page(tmp_path: Path) -> None:
    need("man")
    page = tmp_path / "check_smtp_status.1"
    page.write_text(sh(ROOT / "contrib/manpage.py"))
    command = ["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", page]
    done = subprocess.run(
        command, capture_output=True, text=True, env={"PATH": "/usr/bin", "MANWIDTH": "200"}, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    # without marks of bold print, and words put together again
    text = re.sub(r"\x1b\[[0-9;]*m|.\x08|\u2010\n +", "", done.stdout)
    listed = text.partition("\nSTAGES\n")[0]
    for option in OPTIONS:
        assert len(re.findall(rf"\n       {re.escape(help.signature(option))}(?!\S)", listed)) == 1
        assert " ".join(option.help.split())[:60] in " ".join(text.split())
    titles = re.findall(r"^[A-Z]+$", text, re.M)
    assert titles == ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "STAGES", "STATES", "EXAMPLES", "ENVIRONMENT"]
    assert r"'Subject: test\n\nhello'" in text


def test_the_manual_page_of_the_resident(tmp_path: Path) -> None:
    need("man")
    page = tmp_path / "smtp_statusd.8"
    page.write_text(sh(ROOT / "contrib/manpage.py", "smtp_statusd"))
    command = ["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", page]
    environment = {"PATH": "/usr/bin", "MANWIDTH": "200"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    text = re.sub(r"\x1b\[[0-9;]*m|.\x08|\u2010\n +", "", done.stdout)
    for option in re.findall(r"^  (-\S.*?)(?:  .*)?$", commandline.HELP, re.M):
        assert len(re.findall(rf"^ +{re.escape(option)}(?!\S)", text, re.M)) == 1, option


def test_what_the_debian_package_says(deb: Path) -> None:
    assert deb.name == f"check-smtp-status_{__version__}_all.deb"
    fields = dict(line.split(": ", 1) for line in sh("dpkg-deb", "-f", deb).splitlines() if not line.startswith(" "))
    assert fields["Depends"] == "python3 (>= 3.9), python3-nagiosplugin (>= 1.3), python3-dnspython (>= 2.3)"
    assert fields["Architecture"] == "all"
    owners = {line.split()[1] for line in sh("dpkg-deb", "-c", deb).splitlines()}
    assert owners == {"root/root"}


@pytest.fixture(scope="module")
def elsewhere(deb: Path, place: Path) -> Iterator[Elsewhere]:
    """A machine on which the package is installed."""
    need_packages()
    need("icinga2")
    need("nagios")
    machine = Elsewhere(place / "elsewhere")
    machine.sh("dpkg", "--install", deb)
    yield machine
    machine.leave()


def test_installed_by_dpkg(elsewhere: Elsewhere, scripted: Any) -> None:
    status = elsewhere.sh("dpkg-query", "-W", "-f", "${Status}", "check-smtp-status")
    assert status == "install ok installed"
    assert elsewhere.sh("dpkg", "--verify", "check-smtp-status") == ""
    compiled = elsewhere.sh("find", "/usr/share/check-smtp-status", "-name", "*.pyc").splitlines()
    assert len(compiled) >= len(list((ROOT / "plugin/smtp_status").rglob("*.py")))
    check_as_nobody(scripted, "/usr/lib/nagios/plugins/check_smtp_status", wrap=elsewhere.enter)


def test_the_manual_is_found(elsewhere: Elsewhere) -> None:
    assert elsewhere.sh("man", "-w", "check_smtp_status") == "/usr/share/man/man1/check_smtp_status.1.gz\n"
    page = elsewhere.sh("zcat", "/usr/share/man/man1/check_smtp_status.1.gz")
    assert page == sh(ROOT / "contrib/manpage.py")


def test_the_icinga_of_the_machine_knows_the_command(elsewhere: Elsewhere, place: Path) -> None:
    config = place / "deb-icinga.conf"
    config.write_text(
        # those of Debian's constants.conf, which user nobody may not read
        'const PluginDir = "/usr/lib/nagios/plugins"\nconst PluginContribDir = PluginDir\n'
        "include <itl>\ninclude <plugins>\ninclude <plugins-contrib>\ninclude <smtp_status>\n"
        'object Host "h" {\ncheck_command = "smtp_status"\n}\n'
    )
    rest = [
        word for name in ("DataDir", "LogDir", "CacheDir", "InitRunDir") for word in ("-D", f"{name}={place}/{name}")
    ]
    for name in ("DataDir", "LogDir", "CacheDir", "InitRunDir/icinga2"):
        (place / name).mkdir(parents=True)
        shutil.chown(place / name, "nobody", "nogroup")
    user = ["-D", "RunAsUser=nobody", "-D", "RunAsGroup=nogroup"]
    said = elsewhere.sh(need("icinga2"), "daemon", "-C", "-c", config, *rest, *user)
    assert "Instantiated 1 Host." in said
    assert "smtp_status.conf" not in said


def test_the_nagios_of_the_machine_knows_the_commands(elsewhere: Elsewhere, place: Path) -> None:
    config = place / "deb-nagios.cfg"
    config.write_text("cfg_dir=/etc/nagios-plugins/config\nlog_file=/dev/null\n")
    done = subprocess.run([*elsewhere.enter, need("nagios"), "-v", config], capture_output=True, text=True, check=False)
    commands = re.search(r"Checked (\d+) commands", done.stdout)
    without = subprocess.run([need("nagios"), "-v", config], capture_output=True, text=True, check=False)
    before = re.search(r"Checked (\d+) commands", without.stdout)
    assert commands and before, done.stdout
    ours = (ROOT / "contrib/nagios/commands.cfg").read_text().count("define command")
    assert int(commands[1]) == int(before[1]) + ours == int(before[1]) + 5


def test_removed_and_purged_it_leaves_nothing(deb: Path, place: Path) -> None:
    need_packages()
    machine = Elsewhere(place / "removed")
    try:
        before = machine.sh("find", "/etc", "/usr", "/var/lib/systemd", "-xdev", "-path", "*smtp*status*")
        machine.sh("dpkg", "--install", deb)
        # runs once as root, which could leave compiled files behind
        subprocess.run([*machine.enter, "/usr/lib/nagios/plugins/check_smtp_status", "-V"], check=False)
        machine.sh("dpkg", "--purge", "check-smtp-status")
        for trace in ("*smtp*status*", "*smtp-status*"):
            places = ["/etc", "/usr", "/var/lib/dpkg/info", "/var/lib/systemd"]
            assert machine.sh("find", *places, "-path", trace) == before
    finally:
        machine.leave()


def test_the_machine_itself_is_as_it_was(elsewhere: Elsewhere) -> None:
    command = shlex.split("dpkg-query -W -f ${Status} check-smtp-status")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "install ok installed" not in done.stdout
    assert elsewhere.sh("dpkg-query", "-W", "-f", "${Status}", "check-smtp-status") == "install ok installed"


def test_lintian_finds_no_fault(deb: Path) -> None:
    lintian = need("lintian")
    said = sh(lintian, "--allow-root", "--fail-on", "error,warning", deb)
    assert said == ""


def test_the_changelog_is_one_of_debian(deb: Path, tmp_path: Path) -> None:
    sh("dpkg-deb", "-x", deb, tmp_path)
    text = gzip.decompress((tmp_path / "usr/share/doc/check-smtp-status/changelog.gz").read_bytes()).decode()
    heads = re.findall(r"^(\S+) \((\S+)\) unstable; urgency=medium$", text, re.M)
    shipped = (ROOT / "CHANGELOG.md").read_text("utf-8")
    assert heads == [("check-smtp-status", version) for version in re.findall(r"^## (\S+) - ", shipped, re.M)]
    assert heads[0][1] == __version__
    assert text.count("\n  * ") == len(re.findall(r"^- ", shipped, re.M))
    changes = [line for line in text.splitlines() if not line.startswith(" -- ")]
    assert max(map(len, changes)) <= 78
    dates = [parsedate_to_datetime(date) for date in re.findall(r"^ -- .+>  (.+)$", text, re.M)]
    assert dates == sorted(dates, reverse=True)
    assert len(dates) == len(heads)


def test_whoever_upgrades_is_told_what_to_do(deb: Path, tmp_path: Path) -> None:
    sh("dpkg-deb", "-x", deb, tmp_path)
    text = gzip.decompress((tmp_path / "usr/share/doc/check-smtp-status/NEWS.Debian.gz").read_bytes()).decode()
    assert text.startswith("check-smtp-status (0.2.0) unstable; urgency=medium\n\n    Icinga 2 does not load ")
    assert "include <smtp_status> in /etc/icinga2/icinga2.conf" in " ".join(text.split())


LINK = re.compile(r"\]\((?!https?:)([^)\s#]*)(?:#([^)\s]+))?\)")


def anchors(page: Path) -> set[str]:
    """What the headings of a page are called in links."""
    heads = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.M)
    return {re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in heads}


def test_every_link_of_the_package_leads_to_a_file_of_the_package(deb: Path, tmp_path: Path) -> None:
    sh("dpkg-deb", "-x", deb, tmp_path)
    doc = tmp_path / "usr/share/doc/check-smtp-status"
    found = 0
    for page in doc.rglob("*.md"):
        for target, part in LINK.findall(page.read_text("utf-8")):
            place = Path(os.path.normpath(page.parent / target)) if target else page
            assert place.exists(), f"{page.relative_to(doc)} leads to {target}"
            assert not part or part in anchors(place), f"{page.relative_to(doc)} leads to {target}#{part}"
            found += 1
    assert found > 50
    readme = (doc / "README.md").read_text("utf-8")
    assert "](examples/icinga/)" in readme
    assert "](copyright)" in readme
    # what is not packed is named, without a link
    assert "| CONTRIBUTING.md |" in readme
    names = {page.name for page in (ROOT / "docs").glob("*.md")}
    assert {page.name for page in (doc / "docs").glob("*.md")} == names
