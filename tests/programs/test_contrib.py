"""What contrib/ ships for Icinga, Sensu, Checkmk and Grafana: complete, up to date, and made of good command lines.

The real programs run it in test_icinga and test_nagios.
"""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from helpers.plugin import ROOT, run
from servers.scripted import SmtpScript
from smtp_status.options.build import settings_from
from smtp_status.options.table import OPTIONS
from smtp_status.stages import STAGES

CONTRIB = ROOT / "contrib"
GRAFANA = ("influxdb", "influxdb2", "graphite", "prometheus")
MADE = (
    *("icinga/smtp_status.conf", "icinga/smtp_services.conf", "icinga/director-basket.json"),
    *(f"grafana/{name}.json" for name in GRAFANA),
)
CHECKS = [option for option in OPTIONS if option.name not in {"help", "version"}]
LABELS = {"time", "tls_days", *(f"time_{stage}" for stage in STAGES)}


def generate(tree: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(tree / "contrib/generate.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A checkout to damage."""
    ignore = shutil.ignore_patterns("__pycache__")
    for name in ("contrib", "plugin/smtp_status"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=ignore)
    return tmp_path


def test_what_is_generated_is_up_to_date() -> None:
    done = generate(ROOT, "--check")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("name", MADE)
def test_a_stale_file_is_found_and_mended(name: str, tree: Path) -> None:
    path = tree / "contrib" / name
    good = path.read_text()
    path.write_text(good.replace("25", "26", 1) if "25" in good else good + " ")
    done = generate(tree, "--check")
    assert (done.returncode, done.stdout) == (1, f"contrib/{name} is stale, run contrib/generate.py\n")
    assert generate(tree).stdout == f"contrib/{name} written\n"
    assert path.read_text() == good


def test_a_new_option_makes_the_command_and_the_basket_stale(tree: Path) -> None:
    words = tree / "plugin/smtp_status/options/descriptions.py"
    words.write_text(words.read_text().replace("use IPv4 only.", "use nothing but IPv4."))
    assert generate(tree, "--check").stdout.count(" is stale") == 2


def arguments() -> dict[str, str]:
    """The arguments of the CheckCommand: name to what stands in its braces."""
    text = (CONTRIB / "icinga/smtp_status.conf").read_text()
    found = re.findall(r'^\t\t"(--[a-z0-9-]+)" = \{\n(.*?)^\t\t\}$', text, re.M | re.S)
    assert len(found) == len(dict(found))
    return dict(found)


def test_the_command_has_every_option_once_with_its_description() -> None:
    assert list(arguments()) == [f"--{option.name}" for option in CHECKS]
    for option in CHECKS:
        description = re.findall(r"^\t\t\tdescription = (.*)$", arguments()[f"--{option.name}"], re.M)
        assert len(description) == 1
        assert json.loads(description[0]).startswith(option.help)


def test_flags_are_set_if_and_lists_repeat_their_key() -> None:
    for option in CHECKS:
        text = arguments()[f"--{option.name}"]
        if not option.metavar and not option.many:
            assert re.match(r'\t\t\tset_if = "\$smtp_status_[a-z0-9_]+\$"\n\t\t\tdescription', text)
        if option.metavar and option.many and not option.optional:
            assert "\t\t\trepeat_key = true\n" in text


def test_every_variable_is_one_of_ours() -> None:
    text = (CONTRIB / "icinga/smtp_status.conf").read_text()
    macros = set(re.findall(r"\$([a-z0-9_]+)\$", text)) - {"check_address"}
    assert macros == {f"smtp_status_{option.name.replace('-', '_')}" for option in CHECKS} | {
        "smtp_status_authpass_argument",
        "smtp_status_imap_pass_argument",
    }
    assert 'SMTP_STATUS_AUTHPASS = "$smtp_status_authpass$"' in text
    assert 'SMTP_STATUS_IMAPPASS = "$smtp_status_imap_pass$"' in text


def basket() -> Any:
    return json.loads((CONTRIB / "icinga/director-basket.json").read_text())


def test_the_basket_has_a_field_for_every_option() -> None:
    command = basket()["Command"]["smtp_status"]
    fields = basket()["Datafield"]
    assert list(command["arguments"]) == [f"--{option.name}" for option in CHECKS]
    assert [fields[str(field["datafield_id"])]["caption"] for field in command["fields"]] == list(command["arguments"])
    hidden = [field["caption"] for field in fields.values() if field["settings"] == {"visibility": "hidden"}]
    assert hidden == ["--authpass", "--imap-pass"]


def good(line: str, tmp_path: Path) -> float:
    """The timeout of a command line, which must be one the plugin takes."""
    secret = tmp_path / "secret"
    secret.write_text("hunter2\n")
    program, *argv = shlex.split(re.sub(r"\S+\.secret", str(secret), line))
    assert Path(program).name == "check_smtp_status"
    return settings_from(argv, {"SMTP_STATUS_AUTHPASS": "hunter2", "SMTP_STATUS_IMAPPASS": "hunter2"}).timeout


def sensu() -> list[str]:
    return (CONTRIB / "sensu/check.yml").read_text().split("\n---\n")[1:]


def sensu_command(text: str) -> str:
    """The command with every label at its default."""
    folded = re.search(r"^  command: >-\n((?:    .*\n)+)", text, re.M)
    assert folded
    return re.sub(r'\{\{ \.labels\.\w+ \| default "([^"]*)" \}\}', r"\1", " ".join(folded[1].split()))


@pytest.mark.parametrize("text", sensu())
def test_sensu_checks(text: str, tmp_path: Path) -> None:
    assert "\n  output_metric_format: nagios_perfdata\n" in text
    limit = re.search(r"^  timeout: (\d+)$", text, re.M)
    assert limit
    assert good(sensu_command(text), tmp_path) < int(limit[1])
    thresholds = re.findall(r"^    - name: (\w+)\n      thresholds:\n", text, re.M)
    assert thresholds
    assert set(thresholds) <= LABELS


def test_a_sensu_check_run_as_it_stands(scripted: Any) -> None:
    server = scripted(SmtpScript())
    command = sensu_command(sensu()[0]).replace("localhost", f"{server.host} -p {server.port}")
    result = run(*shlex.split(command)[1:])
    assert result.code == 0
    assert {"time", "time_rcpt"} <= result.perfdata.keys()


def checkmk() -> list[str]:
    lines = (CONTRIB / "checkmk/mrpe.cfg").read_text().splitlines()
    return [line for line in lines if not line.startswith("#")]


@pytest.mark.parametrize("line", checkmk())
def test_checkmk_lines(line: str, tmp_path: Path) -> None:
    match = re.fullmatch(r"(?P<service>\w+) \(interval=(?P<interval>\d+)\) (?P<command>.+)", line)
    assert match
    # the agent as a whole has a minute
    assert good(match["command"], tmp_path) < 60 < int(match["interval"])


def dashboard(name: str) -> Any:
    return json.loads((CONTRIB / f"grafana/{name}.json").read_text())


def panels(name: str) -> dict[str, Any]:
    return {panel["title"]: panel for panel in dashboard(name)["panels"]}


def series(target: dict[str, str]) -> str:
    """What a target calls its series."""
    if "alias" in target or "legendFormat" in target:
        return target.get("alias") or target["legendFormat"]
    found = re.fullmatch(r"alias\(.*, '(\w+)'\)", target.get("target", "")) or re.search(
        r'\|> rename\(columns: \{_value: "(\w+)"\}\)$', target["query"]
    )
    assert found
    return found[1]


@pytest.mark.parametrize("name", GRAFANA)
def test_dashboards_stack_the_stages_in_their_order(name: str) -> None:
    stages = panels(name)["Time of each command"]
    assert [series(target) for target in stages["targets"]] == list(STAGES)
    assert stages["fieldConfig"]["defaults"]["custom"]["stacking"]["mode"] == "normal"
    assert {"State", "Certificate"} < panels(name).keys()


@pytest.mark.parametrize("name", GRAFANA)
def test_days_are_shown_as_days(name: str) -> None:
    """The unit ``d`` would make weeks and months of them."""
    assert panels(name)["Certificate"]["fieldConfig"]["defaults"]["unit"] == "suffix: days"


@pytest.mark.parametrize("name", GRAFANA)
def test_what_became_of_mail_is_drawn(name: str) -> None:
    drawn = panels(name)
    delivery = drawn["Time until the message was in the mailbox"]
    fates = drawn["Messages arrived, under way, lost, filed as spam"]
    mailbox = drawn["Messages in the mailbox"]
    assert [series(target) for target in delivery["targets"]] == ["arrive", "pending"]
    assert [series(target) for target in fates["targets"]] == ["arrived", "pending", "lost", "spam"]
    assert [series(target) for target in mailbox["targets"]] == ["mailbox"]


@pytest.mark.parametrize("name", GRAFANA)
def test_the_import_asks_for_the_data_source(name: str) -> None:
    model = dashboard(name)
    (wanted,) = model["__inputs"]
    assert (wanted["type"], wanted["pluginId"]) == ("datasource", name.rstrip("2"))
    (source, *places) = model["templating"]["list"]
    assert source["current"]["value"] == "${" + wanted["name"] + "}"
    assert [place["name"] for place in places] == ["host", "service"]
    uses = [one["datasource"] for one in (*places, *model["panels"])]
    assert uses == [{"type": name.rstrip("2"), "uid": f"${source['name']}"}] * 9
