#!/usr/bin/env python3
"""Write the Icinga CheckCommand, the Director basket and the Grafana dashboards from the plugin's own tables.

``contrib/generate.py`` writes the files anew; ``contrib/generate.py --check`` writes nothing and exits with 1
when one of them is not what it would write.
"""

from __future__ import annotations

import json
import sys
from functools import partial
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "plugin"))

from dashboards import dashboard  # noqa: E402 - the package must be found first

from smtp_status import options  # noqa: E402
from smtp_status.options import OPTIONS, Option  # noqa: E402

COMMAND = "smtp_status"
"""Name of the CheckCommand, and what its variables begin with."""

TIMEOUT = 60
"""Seconds after which Icinga ends the plugin; the plugin's own deadline (10 s by default) is to come first."""

HEADER = """\
/*
 * CheckCommand "{command}" for {program}. Made by contrib/generate.py from the options of the plugin:
 * change them there, not here.
 *
 * Every option is a variable: --quit-after is {command}_quit_after. A flag takes true, a repeatable option an array.
 * The password goes through the environment ({command}_authpass) or a file ({command}_authpass_file), so that
 * the process list does not show it. A $ in a value is written $$.
 */

"""


def variable(option: Option) -> str:
    """The custom variable of an option."""
    suffix = "_argument" if option.secret else ""
    return f"{COMMAND}_{option.name.replace('-', '_')}{suffix}"


def described(option: Option, environment: bool = True) -> str:
    """The help of an option, with what is special about its variable; ``environment``: the command can set one."""
    if option.name == "verbose":
        return f"{option.help} A number from 0 to 3 here."
    if option.secret:
        here = f"{COMMAND}_authpass is put into the environment" if environment else f"{COMMAND}_authpass_file"
        return f"{option.help} Here: {here}."
    if option.optional:
        return f"{option.help} true stands for the option without a value."
    return option.help


def set_if(option: Option) -> str:
    """An expression of Icinga's language: whether the option is used; '' where its value decides that."""
    if option.name == "hostname":
        return f'!macro("${COMMAND}_domain$")'
    if option.name == "verbose" or option.optional:
        return f'bool(macro("${variable(option)}$"))'
    return ""


def body(option: Option) -> str:
    """A function body of Icinga's language that returns all the words of an option; '' where a macro will do."""
    value = f'macro("${variable(option)}$")'
    if option.name == "verbose":
        return f'return range(number({value})).map(time => "--verbose")'
    if not option.optional:
        return ""
    return (
        f"var values = {value}\n"
        "if (typeof(values) != Array) { values = [ values ] }\n"
        f'return values.map(value => if (string(value) == "true") {{ "--{option.name}" }}'
        f' else {{ "--{option.name}=" + value }})'
    )


def check_command() -> str:
    """The CheckCommand as Icinga's own template library writes them."""
    lines = [
        f'object CheckCommand "{COMMAND}" {{',
        '\timport "ipv4-or-ipv6"',
        "",
        f'\tcommand = [ PluginContribDir + "/{options.PROGRAM}" ]',
        f"\ttimeout = {TIMEOUT}s",
        "",
        "\targuments = {",
    ]
    for option in OPTIONS:
        lines.append(f'\t\t"--{option.name}" = {{')
        lines.extend(f"\t\t\t{line}" for line in _argument(option))
        lines.append("\t\t}")
    lines += [
        "\t}",
        "",
        "\tenv = {",
        f'\t\tSMTP_STATUS_AUTHPASS = "${COMMAND}_authpass$"',
        "\t}",
        "",
        f'\tvars.{COMMAND}_hostname = "$check_address$"',
        f'\tvars.{COMMAND}_authpass = ""',
        f'\tvars.check_ipv4 = "${COMMAND}_use_ipv4$"',
        f'\tvars.check_ipv6 = "${COMMAND}_use_ipv6$"',
        "}",
        "",
    ]
    return HEADER.format(command=COMMAND, program=options.PROGRAM) + "\n".join(lines)


def _argument(option: Option) -> list[str]:
    lines = []
    condition, function = set_if(option), body(option)
    if not option.metavar and not function:
        lines.append(f'set_if = "${variable(option)}$"')
    elif condition:
        lines.append(f"set_if = {{{{ {condition} }}}}")
    if function:
        rows = function.split("\n")
        lines += ["value = {{", *(f"\t{row}" for row in rows), "}}", "skip_key = true"]
    elif option.metavar:
        lines.append(f'value = "${variable(option)}$"')
        if option.many:
            lines.append("repeat_key = true")
    lines.append(f"description = {json.dumps(described(option))}")
    return lines


def basket() -> str:
    """The Director basket: the command, a field for each option, and a service template to begin with."""
    fields, arguments = {}, {}
    for number, option in enumerate(OPTIONS, 1):
        fields[str(number)] = _field(number, option)
        arguments[f"--{option.name}"] = _basket_argument(option)
    objects = {
        "Datafield": fields,
        "Command": {
            COMMAND: {
                "arguments": arguments,
                "command": f"/usr/lib/nagios/plugins/{options.PROGRAM}",
                "fields": [{"datafield_id": int(number), "is_required": "n", "var_filter": None} for number in fields],
                "methods_execute": "PluginCheck",
                "object_name": COMMAND,
                "object_type": "object",
                "timeout": str(TIMEOUT),
                # ipv4-or-ipv6 is not there in a Director that has not read Icinga's own commands yet
                "vars": {f"{COMMAND}_hostname": "$address$"},
            }
        },
        "ServiceTemplate": {
            COMMAND: {
                "check_command": COMMAND,
                "check_interval": "300",
                "check_timeout": "40",
                "max_check_attempts": "3",
                "object_name": COMMAND,
                "object_type": "template",
                "retry_interval": "60",
                "vars": {f"{COMMAND}_timeout": "30", f"{COMMAND}_verbose": "1"},
            }
        },
    }
    return json.dumps(objects, indent=2) + "\n"


def _basket_argument(option: Option) -> dict[str, object]:
    argument: dict[str, object] = {"description": described(option, environment=False)}
    condition, function = set_if(option), body(option)
    if not option.metavar and not function:
        argument["set_if"] = f"${variable(option)}$"
    elif condition:
        argument.update(set_if=condition, set_if_format="expression")
    if function:
        argument.update(value={"type": "Function", "body": function}, skip_key=True)
    elif option.metavar:
        argument["value"] = f"${variable(option)}$"
        if option.many:
            argument["repeat_key"] = True
    return argument


def _field(number: int, option: Option) -> dict[str, object]:
    settings = {}
    if option.name == "verbose":
        kind = "Number"
    elif not option.metavar:
        kind = "Boolean"
    elif option.many:
        kind = "Array"
    else:
        kind = "String"
        settings = {"visibility": "hidden" if option.secret else "visible"}
    return {
        "varname": variable(option),
        "caption": f"--{option.name}",
        "description": described(option, environment=False),
        "datatype": f"Icinga\\Module\\Director\\DataType\\DataType{kind}",
        "format": None,
        "originalId": str(number),
        "settings": settings,
    }


FILES = {
    HERE / "icinga" / f"{COMMAND}.conf": check_command,
    HERE / "icinga" / "director-basket.json": basket,
    HERE / "grafana" / "influxdb.json": partial(dashboard, "influxdb"),
    HERE / "grafana" / "graphite.json": partial(dashboard, "graphite"),
}
"""What is made, and by what."""


def stale() -> list[Path]:
    """The files that are not what would be written now."""
    return [path for path, make in FILES.items() if not path.is_file() or path.read_text("utf-8") != make()]


def main(argv: list[str]) -> int:
    """Exit code of the command."""
    if argv not in ([], ["--check"]):
        print(__doc__)
        return 2
    paths = stale()
    for path in paths:
        name = path.relative_to(HERE.parent)
        if argv:
            print(f"{name} is stale, run contrib/generate.py")
        else:
            path.write_text(FILES[path](), "utf-8")
            print(f"{name} written")
    return 1 if argv and paths else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
