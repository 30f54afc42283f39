"""The modules of ``--metrics``: what the file may say, and the command lines that probes make of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from helpers.plugin import ROOT
from smtp_status.options.build import settings_from
from smtp_status.resident.modules import Modules, ModulesError


def write(tmp_path: Path, text: str) -> Modules:
    path = tmp_path / "modules.ini"
    path.write_text(text, "utf-8")
    return Modules(str(path))


GOOD = "[mx]\nto = bob@example.org\nquit-after = rcpt\n\n[ login ]\nstarttls=\n"


def test_names(tmp_path: Path) -> None:
    modules = write(tmp_path, GOOD)
    assert modules.names == ("mx", "login")
    modules.check()


def test_the_file_is_read_anew_where_it_changed(tmp_path: Path) -> None:
    modules = write(tmp_path, GOOD)
    assert "late" not in modules.names
    write(tmp_path, GOOD + "[late]\n")
    assert "late" in modules.names


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("mx1.example.org", ["--hostname=mx1.example.org"]),
        ("mx1.example.org:587", ["--hostname=mx1.example.org", "--port=587"]),
        ("192.0.2.1", ["--hostname=192.0.2.1"]),
        ("192.0.2.1:26", ["--hostname=192.0.2.1", "--port=26"]),
        ("2001:db8::1", ["--hostname=2001:db8::1"]),
        ("[2001:db8::1]", ["--hostname=[2001:db8::1]"]),
        ("[2001:db8::1]:465", ["--hostname=2001:db8::1", "--port=465"]),
    ],
)
def test_targets(target: str, words: list[str], tmp_path: Path) -> None:
    modules = write(tmp_path, GOOD)
    made = list(modules.words("mx", target))
    assert made == [f"--extra-opts=mx@{modules.path}", "--output-format=json", *words]
    settings = settings_from(made, {})
    assert (settings.output_format, settings.plan.quit_after) == ("json", "rcpt")


def test_a_domain(tmp_path: Path) -> None:
    modules = write(tmp_path, GOOD)
    made = list(modules.words("mx", domain="example.org"))
    assert made[2:] == ["--domain=example.org"]
    assert settings_from(made, {}).domain == "example.org"


@pytest.mark.parametrize(
    ("target", "domain"),
    [
        *(("", ""), ("/run/dovecot/lmtp", ""), ("-v", ""), ("a b", ""), ("a\nb", ""), ("x" * 301, "")),
        *(("mx", "example.org"), ("", "/x"), ("", "-d")),
    ],
)
def test_what_is_no_target(target: str, domain: str, tmp_path: Path) -> None:
    with pytest.raises(ModulesError, match=r"^target takes a host, "):
        write(tmp_path, GOOD).words("mx", target, domain)


def test_a_module_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ModulesError, match=r"^no module 'm\?x', there are mx, login$"):
        write(tmp_path, GOOD).words("m\nx", "host")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", r"modules.ini has no module: a section such as \[mx\]$"),
        ("[mx]\nport = smtp\n", r"^module mx: --port takes a port "),
        ("[mx]\nnonsense = 1\n", r"^module mx: "),
        ("[mx]\nhostname = other\n", r"^module mx: hostname is not for a module \(.*modules.ini line 2\)$"),
        ("[mx]\nd = example.org\n", r"^module mx: d is not for a module "),
        ("[mx]\nextra-opts = x@/etc/passwd\n", r"^module mx: extra-opts is not for a module "),
        ("[good]\n[mx]\nquit-after = auth\n", r"^module mx: .*auth is a stage this run does not have"),
    ],
)
def test_what_is_no_good_module(text: str, why: str, tmp_path: Path) -> None:
    with pytest.raises(ModulesError, match=why):
        write(tmp_path, text).check()


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ModulesError, match=r"/none.ini: no such file or directory$"):
        Modules(str(tmp_path / "none.ini")).check()


def test_the_modules_shipped_are_good() -> None:
    """As they are: with a file that is not there yet the service would not start."""
    modules = Modules(str(ROOT / "contrib/prometheus/modules.ini"))
    assert modules.names == ("mx", "domain")
    modules.check()


def test_the_modules_shipped_as_comments_are_good(tmp_path: Path) -> None:
    secret = tmp_path / "probe.secret"
    secret.write_text("hunter2\n")
    text = (ROOT / "contrib/prometheus/modules.ini").read_text("utf-8")
    text = re.sub(r"^#(?=\S)", "", text, flags=re.MULTILINE)
    modules = write(tmp_path, text.replace("/etc/smtp_statusd/probe.secret", str(secret)))
    assert modules.names == ("mx", "domain", "submission", "arrival")
    modules.check()
