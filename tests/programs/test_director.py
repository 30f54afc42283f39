"""The basket of contrib/icinga in the real Director, and what the Director then deploys in the real Icinga 2."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from helpers.plugin import ROOT
from servers.director import Restored, restored
from servers.icinga import ALONE, Icinga
from servers.installed import plugin_directory
from servers.ports import refusing_port
from servers.process import started
from smtp_status.options.table import OPTIONS, Option
from smtp_status.sasl.mechanisms import STRENGTH
from smtp_status.stages import STAGES

SHIPPED = ROOT / "contrib" / "icinga"
TEMPLATES = ("mx", "submission", "smtps", "lmtp", "certificate", "relay", "domain")
GLOBAL = 'object Zone "director-global" {\nglobal = true\n}\n'


def basket() -> Any:
    return json.loads((SHIPPED / "director-basket.json").read_text())


CHECKS = [option for option in OPTIONS if option.name not in {"help", "version"}]
CLOSED = {
    "--quit-after": set(STAGES),
    "--authtype": set(STRENGTH),
    "--imap-authtype": set(STRENGTH) - {"EXTERNAL"},
    **{
        f"--{option.name}": set(option.metavar[1:-1].split(","))
        for option in CHECKS
        if re.fullmatch(r"\{[^A-Z]+\}", option.metavar)
    },
}


def host(name: str, **properties: object) -> tuple[str, dict[str, object]]:
    return "host", {"object_name": name, "object_type": "object", "check_command": "smtp_status", **properties}


def service(on: str, name: str, template: str, **variables: object) -> tuple[str, dict[str, object]]:
    wanted = {f"smtp_status_{key}": value for key, value in variables.items()}
    return "service", {
        "object_name": name,
        "object_type": "object",
        "host": on,
        "imports": [template],
        "vars": wanted,
    }


def rule(name: str, template: str, variables: dict[str, object], **which: str) -> tuple[str, dict[str, object]]:
    wanted = {f"smtp_status_{key}": value for key, value in variables.items()}
    return "service", {
        "object_name": name,
        "object_type": "apply",
        "imports": [template],
        "vars": wanted,
        **which,
    }


DOMAINS: dict[str, object] = {"domain": "$config$", "to": ["postmaster@$config$"], "nameserver": "127.0.0.1:1"}

INFRASTRUCTURE: list[tuple[str, dict[str, object]]] = [
    ("zone", {"object_name": "master", "object_type": "external_object", "is_global": False}),
    ("zone", {"object_name": "director-global", "object_type": "external_object", "is_global": True}),
    ("endpoint", {"object_name": "master.example.org", "object_type": "external_object", "zone": "master"}),
]
"""What the Director's own kickstart imports."""


@pytest.fixture(scope="module")
def refused() -> Iterator[int]:
    with refusing_port() as port:
        yield port


@pytest.fixture(scope="module")
def director(workdir: Path, refused: int) -> Restored:
    port, to = str(refused), ["ok@example.test"]
    objects = [
        *INFRASTRUCTURE,
        host("many", vars={"mail_domain": "example.test", "mail_domains": ["one.test", "two.test"]}),
        rule("smtp-mx", "smtp-status-mx", {"to": to}, assign_filter="host.vars.mail_domain=%22example.test%22"),
        rule("smtp-domain-", "smtp-status-domain", DOMAINS, apply_for="host.vars.mail_domains"),
        host("six", address6="::1"),
        host("both", address="127.0.0.1", address6="::1"),
        *(service(on, "mx", "smtp-status-mx", port=port, to=to) for on in ("six", "both")),
        service("both", "mx6", "smtp-status-mx", port=port, to=to, use_ipv6=True),
        service("both", "named", "smtp-status-mx", port=port, to=to, hostname=["127.0.0.2", "127.0.0.3"]),
        service("both", "relay", "smtp-status-relay", port=port, to=to),
        service("both", "domain", "smtp-status-domain", domain="example.test", nameserver=f"127.0.0.1:{port}"),
    ]
    return restored(workdir / "director", (SHIPPED / "director-basket.json").read_text(), objects)


def test_every_option_of_a_check_has_a_field_in_its_category(director: Restored) -> None:
    assert director.fields.keys() == {f"--{option.name}" for option in CHECKS}
    for option in CHECKS:
        category, kind = director.fields[f"--{option.name}"]
        assert category == f"SMTP status: {option.group}"
        assert kind == kind_of(option)


def kind_of(option: Option) -> str:
    if option.name == "verbose":
        return "Number"
    if not option.metavar:
        return "Boolean"
    if f"--{option.name}" in CLOSED:
        return "Datalist"
    return "Array" if option.many else "String"


def test_closed_lists_are_lists(director: Restored) -> None:
    assert {name.partition(" ")[2]: set(words) for name, words in director.lists.items()} == CLOSED
    assert {"--quit-after", "--authtype", "--tls-min", "--dane"} <= CLOSED.keys()


def test_the_number_of_a_field_is_its_own() -> None:
    """So a new option changes no other field, and the basket can be restored over an older one."""
    for number, field in basket()["Datafield"].items():
        assert int(number) == zlib.crc32(field["varname"].encode()) % 10**9
        assert field["originalId"] == number


def blocks(text: str) -> dict[str, set[str]]:
    """Service templates by name; how a number or a duration is written does not count."""
    found = re.findall(r'template Service "(smtp-status[a-z-]*)" \{\n(.*?)^\}', text, re.M | re.S)
    plain = {name: re.sub(r'"(\d+)"', r"\1", body).replace("60s", "1m") for name, body in found}
    return {
        name: {line.strip().rstrip(",") for line in body.splitlines() if line.strip()} for name, body in plain.items()
    }


def test_the_templates_are_those_of_the_configuration(director: Restored) -> None:
    made = blocks(director.files["zones.d/director-global/service_templates.conf"])
    shipped = blocks((SHIPPED / "smtp_services.conf").read_text())
    assert {f"smtp-status-{kind}" for kind in TEMPLATES} < shipped.keys()
    assert made == shipped


@pytest.fixture(scope="module")
def icinga(workdir: Path, director: Restored) -> Iterator[Icinga]:
    plugins = plugin_directory(workdir / "director-plugins")
    zones = {path.removeprefix("zones.d/"): text for path, text in director.files.items()}
    node = started(lambda base: Icinga(base, plugins, ALONE + GLOBAL, zones=zones), workdir)
    yield node
    node.stop()


REFUSED = r"SMTP CRITICAL - {0} connect: connection refused by {0} port [0-9]+"


@pytest.mark.parametrize(
    ("on", "name", "address"), [("six", "mx", "::1"), ("both", "mx", "127.0.0.1"), ("both", "mx6", "::1")]
)
def test_the_address_is_the_one_icingas_own_commands_take(on: str, name: str, address: str, icinga: Icinga) -> None:
    result = icinga.check(on, name)
    command = result["command"]
    assert command[command.index("--hostname") + 1] == address
    assert re.fullmatch(REFUSED.format(re.escape(address)), result["output"].splitlines()[0])
    assert result["exit_status"] == 2


def test_hosts_that_are_named_come_before_the_address(icinga: Icinga) -> None:
    command = icinga.check("both", "named")["command"]
    assert [command[place + 1] for place, word in enumerate(command) if word == "--hostname"] == [
        "127.0.0.2",
        "127.0.0.3",
    ]


def test_a_list_and_a_domain_arrive(icinga: Icinga) -> None:
    command = icinga.check("both", "relay")["command"]
    assert [command[place + 1] for place, word in enumerate(command) if word == "--state"] == [
        "rcpt:5xx=ok",
        "rcpt:454=ok",
        "rcpt:2xx=critical",
    ]
    command = icinga.check("both", "domain")["command"]
    assert command[command.index("--domain") + 1] == "example.test"
    assert "--hostname" not in command


def test_the_rules_of_the_page_make_a_service_for_each_domain(icinga: Icinga) -> None:
    command = icinga.check("many", "smtp-mx")["command"]
    assert command[command.index("--to") + 1] == "ok@example.test"
    for domain in ("one.test", "two.test"):
        command = icinga.check("many", f"smtp-domain-{domain}")["command"]
        assert command[command.index("--domain") + 1] == domain
        assert command[command.index("--to") + 1] == f"postmaster@{domain}"
