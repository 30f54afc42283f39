"""Ini files: which one, which section, which lines."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from smtp_status.options import inifile
from smtp_status.options.build import settings_from
from smtp_status.options.settings import UsageError


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A current directory of its own, so that messages name short paths."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(inifile, "STANDARD_FILES", (str(tmp_path / "standard-1.ini"), str(tmp_path / "standard-2.ini")))
    return tmp_path


def pairs(locator: str, **environ: str) -> list[tuple[str, str]]:
    return [(setting.key, setting.value) for setting in inifile.read(locator, environ)]


def fault(locator: str, **environ: str) -> str:
    with pytest.raises(UsageError) as caught:
        inifile.read(locator, environ)
    return str(caught.value)


FORM = rb"""# comment
  ; another one
[other]
this line is none of our business
 [ check_smtp_status ]   # ours
hostname=mx.example.org
  port =  25
authpass = a=b # no comment ; "quoted"
starttls=
to = a@example.org
to=b@example.org
  fqdn=@probe.example.org@
P=secret

[more]
hostname=other
[check_smtp_status]
quit-after=rcpt
""".replace(b"=@", b"=\t").replace(b"org@", b"org\t ")


def test_the_form_of_a_file(place: Path) -> None:
    (place / "f.ini").write_bytes(FORM)
    assert pairs("@f.ini") == [
        ("hostname", "mx.example.org"),
        ("port", "25"),
        ("authpass", 'a=b # no comment ; "quoted"'),
        ("starttls", ""),
        ("to", "a@example.org"),
        ("to", "b@example.org"),
        ("fqdn", "probe.example.org"),
        ("P", "secret"),
        ("quit-after", "rcpt"),
    ]
    assert pairs("more@f.ini") == [("hostname", "other")]
    assert inifile.read("more@f.ini", {})[0].origin == "f.ini line 16"


@pytest.mark.parametrize("content", [b"[a]\r\nport=25\r\n", b"\xef\xbb\xbf[a]\nport=25", b"[a]\nport=25"])
def test_line_ends_byte_order_mark_and_missing_last_line_end(place: Path, content: bytes) -> None:
    (place / "f.ini").write_bytes(content)
    assert pairs("a@f.ini") == [("port", "25")]


def test_the_default_section_is_ours_else_the_one_of_check_smtp(place: Path) -> None:
    (place / "f.ini").write_text("[check_smtp]\nport=1\n")
    assert pairs("@f.ini") == [("port", "1")]
    (place / "f.ini").write_text("[check_smtp]\nport=1\n[check_smtp_status]\nport=2\n")
    assert pairs("@f.ini") == [("port", "2")]
    assert pairs("check_smtp@f.ini") == [("port", "1")]


def test_an_empty_section_is_one(place: Path) -> None:
    (place / "f.ini").write_text("[check_smtp]\n")
    assert pairs("@f.ini") == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"port=25\n[check_smtp]\n", "--extra-opts: f.ini line 1 stands before any section"),
        (b"[check_smtp]\n\nstarttls\n", "--extra-opts: f.ini line 3 is not of the form option=value"),
        (b"[check_smtp]\n=25\n", "--extra-opts: f.ini line 2 is not of the form option=value"),
        (b"[check_smtp]\n--port=25\n", "--extra-opts: f.ini line 2 is not of the form option=value"),
        (b"[check_smtp]\nauthpass=\xff\n", "--extra-opts: f.ini line 2 is not UTF-8"),
        (b"\n[check_smtp\nport=25\n", "--extra-opts: f.ini line 2 is no section header such as [check_smtp]"),
        (b"[check_smtp] port=25\n", "--extra-opts: f.ini line 1 is no section header such as [check_smtp]"),
        (b"[other]\n", "--extra-opts: no section check_smtp_status or check_smtp in f.ini"),
        (b"", "--extra-opts: no section check_smtp_status or check_smtp in f.ini"),
        (b"x" * (inifile.MAX_SIZE + 1), "--extra-opts cannot read f.ini: longer than 1048576 octets"),
    ],
)
def test_malformed_files(place: Path, content: bytes, message: str) -> None:
    (place / "f.ini").write_bytes(content)
    assert fault("@f.ini") == message


def test_files_that_cannot_be_read(place: Path) -> None:
    os.mkfifo(place / "fifo")
    assert fault("@missing.ini") == "--extra-opts cannot read missing.ini: No such file or directory"
    assert fault("@fifo") == "--extra-opts cannot read fifo: not a regular file"
    assert fault("@.") == "--extra-opts cannot read .: not a regular file"
    assert fault("a@") == "--extra-opts takes [SECTION][@FILE], there is no file name after the @"
    (place / "f.ini").write_text("[check_smtp]\n")
    assert fault("nope@f.ini") == "--extra-opts: no section nope in f.ini"
    assert fault("no pe@f.ini") == "--extra-opts: no section 'no pe' in f.ini"


def test_where_the_file_is_looked_for(place: Path) -> None:
    none = "--extra-opts: no ini file in any of the standard places, name one with @FILE"
    assert fault("") == none
    (place / "standard-2.ini").write_text("[check_smtp]\nport=2\n")
    assert pairs("") == [("port", "2")]
    (place / "standard-1.ini").write_text("[check_smtp]\nport=1\n")
    assert pairs("") == [("port", "1")]
    for directory, name in (("a", "nagios-plugins.ini"), ("b", "monitoring-plugins.ini"), ("b", "plugins.ini")):
        (place / directory).mkdir(exist_ok=True)
        (place / directory / name).write_text(f"[check_smtp]\nfqdn={directory}/{name}\n")
    assert pairs("", NAGIOS_CONFIG_PATH=":empty::a:b") == [("fqdn", "a/nagios-plugins.ini")]
    assert pairs("", NAGIOS_CONFIG_PATH="b:a") == [("fqdn", "b/monitoring-plugins.ini")]
    assert pairs("", NAGIOS_CONFIG_PATH="empty") == [("port", "1")]
    assert pairs("", NAGIOS_CONFIG_PATH="a", MP_CONFIG_FILE="b/plugins.ini") == [("fqdn", "b/plugins.ini")]
    assert pairs("", MP_CONFIG_FILE="") == [("port", "1")]
    missing = "--extra-opts cannot read nope.ini: No such file or directory"
    assert fault("", NAGIOS_CONFIG_PATH="a", MP_CONFIG_FILE="nope.ini") == missing


def test_settings_of_the_file_come_before_those_of_the_command_line(place: Path) -> None:
    (place / "f.ini").write_text(
        "[check_smtp]\nhostname=a.example\nport=26\nto=a@example.org\nU=me\nP=secret\nv=\nstate=rcpt=ok\n"
    )
    made = settings_from(
        ["-p", "27", "--to", "b@example.org", "-v", "--state", "rcpt=warning", "--extra-opts=@f.ini"], {}
    )
    assert made.hosts == ("a.example",)
    assert made.port == 27
    assert [mailbox.address for mailbox in made.plan.recipients] == ["a@example.org", "b@example.org"]
    assert made.verbose == 2
    assert [rule.state for rule in made.rules] == ["ok", "warning"]
    login = made.plan.credentials
    assert login is not None
    assert login.secret is not None
    assert (login.user, login.secret.value) == ("me", "secret")


@pytest.mark.parametrize("argv", [["-H", "b.example"], ["b.example"]])
def test_a_host_of_the_command_line_takes_the_place_of_that_of_the_file(place: Path, argv: list[str]) -> None:
    (place / "f.ini").write_text("[check_smtp]\nhostname=a.example\nfrom=a@example.org\n")
    assert settings_from([*argv, "--extra-opts", "@f.ini"], {}).hosts == ("b.example",)


@pytest.mark.parametrize("argv", [[""], ["-q", "true"], ["", "-4", "yes", ""]])
def test_words_that_say_nothing_are_passed_over_beside_the_host_of_a_file(place: Path, argv: list[str]) -> None:
    (place / "f.ini").write_text("[check_smtp]\nhostname=a.example\n")
    made = settings_from(["--extra-opts=@f.ini", *argv], {})
    assert (made.hosts, made.plan.sender) == (("a.example",), None)


def test_several_sections(place: Path) -> None:
    (place / "f.ini").write_text("[a]\nport=1\nq=\n[b]\nport=2\n")
    made = settings_from(["--extra-opts=a@f.ini", "--extra-opts", "b@f.ini"], {})
    assert (made.port, len(made.rules)) == (2, 1)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("port=x", "--port takes a port from 1 to 65535, not x (f.ini line 2)"),
        ("p=", "-p takes a port from 1 to 65535, not '' (f.ini line 2)"),
        ("bogus=x", "--bogus is no option, see --help (f.ini line 2)"),
        ("verbose=x", "--verbose takes no value, write verbose= (f.ini line 2)"),
        ("fqdn=a\x07b", "--fqdn takes no control characters, and there is a 0x07 (f.ini line 2)"),
        ("authpass=a\x07b", "--authpass takes no control characters, and there is a 0x07 (f.ini line 2)"),
    ],
)
def test_a_fault_of_a_value_names_file_and_line(place: Path, line: str, message: str) -> None:
    (place / "f.ini").write_text(f"[check_smtp]\n{line}\n")
    with pytest.raises(UsageError) as caught:
        settings_from(["--extra-opts=@f.ini"], {})
    assert str(caught.value) == message


@given(
    st.binary(max_size=200)
    | st.lists(st.sampled_from([b"[", b"]", b"a", b"=", b"#", b"\n", b" ", b"\0"])).map(b"".join)
)
@example(b"[a]\n\0=\n")
def test_whatever_the_file_holds_is_read_or_a_usage_error(content: bytes) -> None:
    try:
        sections = inifile.parse(content, "f.ini", ("a",))
    except UsageError as error:
        assert str(error).startswith("--extra-opts: f.ini line ")
    else:
        assert set(sections) <= {"a"}
        assert all(setting.key for setting in sections.get("a", []))
