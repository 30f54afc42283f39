"""What the documentation shows is what there is: tables, command lines, outputs, links."""

from __future__ import annotations

import importlib.util
import re
import shlex
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import pytest

from conversations.test_conversations import SIMULATED
from conversations.test_sockets import CHECKS, TARGETS
from helpers.documented import PASSWORD_FILE, TOKEN_FILE, World, steady
from helpers.first_lines import CASES, first_line
from helpers.plugin import FIRST_LINE_MAXIMUM, ROOT, STATES, check_form
from servers.requirements import need, need_namespaces
from smtp_status.check import states
from smtp_status.findings import FAULTS, Finding
from smtp_status.options import help
from smtp_status.options.build import settings_from
from smtp_status.options.settings import InformationWanted
from smtp_status.options.table import OPTIONS
from smtp_status.stages import STAGES

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "contrib").rglob("*.md")])
SHOWN = ["README.md", *sorted(page.name for page in (ROOT / "docs").glob("*.md"))]

_LINK = re.compile(r"\]\((?P<target>[^)\s]+)\)")
_HEADING = re.compile(r"^#+ (?P<text>.+)$", re.MULTILINE)
_CODE = re.compile(r"`(check_smtp_status [^`]+)`")
_BLOCK = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.fixture(scope="module")
def make() -> ModuleType:
    """docs/make.py."""
    spec = importlib.util.spec_from_file_location("docs_make", ROOT / "docs" / "make.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@contextmanager
def documented(resident: bool = False) -> Iterator[World]:
    """The servers of the documentation; ``resident``: with one, and its client in the plugin's place."""
    for program in ("postfix", "dovecot"):
        need(program)
    need_namespaces("n", "m", "u")
    base = Path(tempfile.mkdtemp(prefix="smtp-"))
    base.chmod(0o755)
    try:
        with World(base, resident) as running:
            yield running
    finally:
        shutil.rmtree(base, ignore_errors=True)


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with documented() as running:
        yield running


# -- made parts


@pytest.mark.parametrize("page", SHOWN)
def test_made_parts_are_fresh(make: ModuleType, page: str) -> None:
    (path,) = (path for path in make.PAGES if path.name == page)
    text = path.read_text("utf-8")
    assert make.made(text) == text, "run docs/make.py"


def test_every_option_stands_in_a_table_once() -> None:
    text = (ROOT / "docs/options.md").read_text("utf-8")
    text = text.partition("<!-- made: options -->")[2].partition("<!-- end -->")[0]
    for option in OPTIONS:
        assert text.count(f"| `{help.signature(option)}` |") == 1


def test_check_of_made_parts_can_fail(make: ModuleType) -> None:
    stale = "<!-- made: states -->\nold\n<!-- end -->\n"
    assert make.made(stale) != stale
    assert "| every stage succeeded, times within their ranges | OK |" in make.made(stale)


# -- states


CLOSED, LOST = Finding("mail", "closed"), Finding("connect", "refused")
EXAMPLES: dict[str, tuple[str, tuple[Finding, ...]]] = {
    # row of the table: its state, and findings it is about
    "every stage succeeded, times within their ranges": ("ok", (Finding("message", "success", (250,)),)),
    "4yz other than 421 at mail, rcpt, data, message": (
        "warning",
        tuple(
            Finding(stage, "failure", (code,))
            for stage in ("mail", "rcpt", "data", "message")
            for code in (450, 451, 452)
        ),
    ),
    "any other refusal or error code, 421 anywhere": (
        "critical",
        (
            Finding("banner", "failure", (554,)),
            Finding("banner", "failure", (450,)),
            Finding("ehlo", "error", (500,)),
            Finding("auth", "failure", (454,)),
            Finding("rcpt", "failure", (550,)),
            *(Finding(stage, "error", (421,)) for stage in STAGES if stage != "quit"),
        ),
    ),
    "no connection, connection lost, broken protocol": (
        "critical",
        (
            *(Finding("connect", kind) for kind in ("refused", "unreachable", "notfound")),
            Finding("dns", "notfound"),
            CLOSED,
            Finding("rcpt", "protocol", (450,)),
        ),
    ),
    "TLS failed; certificate untrusted, misnamed, expired": (
        "critical",
        tuple(Finding("tls", kind) for kind in ("handshake", "verify", "name", "expired", "closed")),
    ),
    "an extension that was asked for is not offered": (
        "critical",
        tuple(Finding(stage, "missing") for stage in ("starttls", "auth", "mail")),
    ),
    "deadline passed": ("-t", tuple(Finding(stage, "timeout") for stage in STAGES if stage != "quit")),
    "anything wrong at quit, when all before was good": (
        "warning",
        (Finding("quit", "error", (421,)), Finding("quit", "timeout"), Finding("quit", "protocol")),
    ),
    "a message lost, filed as spam, or there twice": (
        "warning",
        (
            Finding("arrive", "lost", default="warning"),
            *(Finding("arrive", kind) for kind in ("spam", "duplicate", "unauthenticated", "skipped")),
            *(Finding("clean", kind) for kind in ("failure", "error", "missing")),
        ),
    ),
    "two lost, one come back, no way into the mailbox": (
        "critical",
        (
            Finding("arrive", "lost", default="critical"),
            Finding("arrive", "bounced"),
            *(
                Finding("imap", kind)
                for kind in ("refused", "failure", "error", "full", "closed", "missing", "expired")
            ),
        ),
    ),
}
NOT_OF_FINDINGS = ("time outside of a range", "bad usage, unreadable file, bug in the plugin")


def test_every_row_of_the_states_has_examples() -> None:
    assert {outcome for outcome, _ in help.STATE_TABLE} == {*EXAMPLES, *NOT_OF_FINDINGS}


@pytest.mark.parametrize("row", EXAMPLES)
def test_states_are_those_of_the_table(row: str) -> None:
    state, findings = EXAMPLES[row]
    shown = dict(help.STATE_TABLE)[row]
    assert shown == ("CRITICAL, or as -t says" if state == "-t" else state.upper())
    for finding in findings:
        for timeout_state in ("critical", "unknown"):
            wanted = timeout_state if state == "-t" else state
            assert states.default_state(finding, timeout_state) == wanted, finding


def test_all_stages_and_kinds_are_told() -> None:
    text = (ROOT / "docs" / "options.md").read_text("utf-8")
    for word in (*STAGES, *FAULTS):
        assert f"\n| `{word}` |" in text
    judging = (ROOT / "docs" / "how-it-judges.md").read_text("utf-8")
    table = judging.partition("## Stages and their times")[2].partition("\n\n")[2].partition("\n\n")[0]
    for stage in STAGES:
        assert f"`{stage}`" in table
    labels = (ROOT / "docs" / "perfdata.md").read_text("utf-8")
    for label in ("time", "tls_days", *(f"time_{stage}" for stage in STAGES)):
        assert f"\n| `{label}` |" in labels


# -- command lines


def command_lines(make: ModuleType) -> list[str]:
    """Every command line of the plugin that some page shows as code, as it is typed."""
    found = []
    for page in PAGES:
        text = page.read_text("utf-8")
        for body in make.consoles(text):
            found += [shown.command.replace("\\\n", "") for shown in make.commands(body)]
        found += _CODE.findall(_BLOCK.sub("", text))
    return [line for line in found if line.startswith("check_smtp_status ")]


def test_command_lines_are_good(make: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It raises UsageError where one is none."""
    monkeypatch.chdir(tmp_path)
    for file in (PASSWORD_FILE, TOKEN_FILE):
        Path(file).write_text("secret\n")
    lines = command_lines(make)
    assert len(lines) > 30
    for line in lines:
        words = shlex.split(line)
        argv = words[1 : words.index("|")] if "|" in words else words[1:]
        if argv in (["--help"], ["-V"]):
            with pytest.raises(InformationWanted):
                settings_from(argv, {})
        else:
            settings_from(argv, {})


# -- links


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_somewhere(page: Path) -> None:
    text = _BLOCK.sub("", page.read_text("utf-8"))
    for link in _LINK.finditer(text):
        target, _, anchor = link["target"].partition("#")
        if "://" in target:
            continue
        path = page.parent / target if target else page
        assert path.exists(), f"{page.name} links to {target}"
        if anchor:
            headings = [anchor_of(heading["text"]) for heading in _HEADING.finditer(path.read_text("utf-8"))]
            assert anchor in headings, f"{page.name} links to {target}#{anchor}"


def anchor_of(heading: str) -> str:
    """The anchor that GitHub and others give a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def test_readme_is_short_and_leads_to_every_page() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    assert len(text.splitlines()) <= 200
    contents = text.partition("\n## All pages\n")[2]
    missing = [page for page in (ROOT / "docs").glob("*.md") if f"(docs/{page.name})" not in contents]
    assert missing == []


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "SECURITY.md"])
def test_how_many_conversations_are_generated(page: str) -> None:
    text = (ROOT / page).read_text("utf-8")
    for number in (SIMULATED, TARGETS, CHECKS):
        assert f"{number:,}" in text


def test_pages_name_no_place_of_one_machine() -> None:
    for page in PAGES:
        assert not re.search(r"/(tmp|work|root|home)/", page.read_text("utf-8")), page.name


# -- what is shown


@pytest.mark.parametrize("page", SHOWN)
def test_outputs_are_what_the_commands_say(make: ModuleType, world: World, page: str) -> None:
    (path,) = (path for path in make.PAGES if path.name == page)
    for body in make.consoles(path.read_text("utf-8")):
        block = make.commands(body)
        for shown, output in zip(block, make.run(world, block)):
            before = "".join(f"{line}\n" for line in shown.output)
            assert steady(before) == steady(output), shown.command
            if output.startswith("SMTP "):
                check_form(STATES.index(output.split()[1]), output)


def test_every_kind_of_first_line_is_shown(make: ModuleType) -> None:
    text = (ROOT / "docs" / "reading-the-first-line.md").read_text("utf-8")
    assert sorted(make.lines(text)) == sorted(CASES)


def test_the_lines_shown_are_those_printed(make: ModuleType, world: World) -> None:
    shown = make.lines((ROOT / "docs" / "reading-the-first-line.md").read_text("utf-8"))
    printed = {case: first_line(world, CASES[case]) for case in CASES}
    assert {case: steady(f"{line}\n") for case, line in printed.items()} == {
        case: steady(line) for case, line in shown.items()
    }
    assert max(map(len, printed.values())) <= FIRST_LINE_MAXIMUM


# -- pictures


def test_drawn_pictures_are_fresh() -> None:
    spec = importlib.util.spec_from_file_location("docs_pictures", ROOT / "docs" / "pictures.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for file, draw in module.PICTURES.items():
        assert (ROOT / "docs" / file).read_text("utf-8") == draw(), "run docs/pictures.py"


def test_every_picture_is_shown() -> None:
    pictures = {path for kind in ("png", "svg") for path in (ROOT / "docs").glob(f"*.{kind}")}
    shown = set()
    for page in PAGES:
        for link in re.finditer(r"!\[[^\]]+\]\((?P<target>[^)\s]+)\)", page.read_text("utf-8")):
            shown.add((page.parent / link["target"]).resolve())
    assert pictures - shown == set()
