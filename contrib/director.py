"""The basket for the Icinga Director: command, fields in categories, closed lists and service templates."""

from __future__ import annotations

import json
import zlib

from services import TEMPLATES, Template
from variables import CHECKS, COMMAND, TIMEOUT, body, choices, described, set_if, variable

from smtp_status.options.table import PROGRAM, Option

# ipv4-or-ipv6 is not there in a Director that has not read Icinga's own commands yet, and a variable of a command of
# the Director cannot be a function; an argument can.
HOST = f"""\
var host = macro("${COMMAND}_hostname$")
if (host) {{ return host }}
var addr_v4 = macro("$address$")
var addr_v6 = macro("$address6$")
if (addr_v4 && !macro("${COMMAND}_use_ipv6$") || macro("${COMMAND}_use_ipv4$")) {{ return addr_v4 }}
return addr_v6"""
"""What stands behind --hostname: the variable, else the address Icinga's own commands would take."""


def basket() -> str:
    """The JSON to restore."""
    objects = {
        "DataList": {_list_name(option): _data_list(option) for option in CHECKS if choices(option)},
        "DatafieldCategory": {name: {"category_name": name} for name in dict.fromkeys(map(_category, CHECKS))},
        "Datafield": {str(_number(option)): _field(option) for option in CHECKS},
        "Command": {
            COMMAND: {
                "arguments": {f"--{option.name}": _argument(option) for option in CHECKS},
                "command": f"PluginContribDir + /{PROGRAM}",
                "fields": [
                    {"datafield_id": _number(option), "is_required": "n", "var_filter": None} for option in CHECKS
                ],
                "methods_execute": "PluginCheck",
                "object_name": COMMAND,
                "object_type": "object",
                "timeout": str(TIMEOUT),
            }
        },
        "ServiceTemplate": {template.name: _template(template) for template in TEMPLATES},
    }
    return json.dumps(objects, indent=2) + "\n"


def _number(option: Option) -> int:
    """The number of a field: its own, whatever other options there are."""
    return zlib.crc32(variable(option).encode()) % 10**9


def _category(option: Option) -> str:
    return f"SMTP status: {option.group}"


def _list_name(option: Option) -> str:
    return f"{COMMAND} --{option.name}"


def _data_list(option: Option) -> dict[str, object]:
    entries = [{"entry_name": word, "entry_value": word, "format": "string"} for word in choices(option)]
    return {"list_name": _list_name(option), "owner": "admin", "entries": entries}


def _argument(option: Option) -> dict[str, object]:
    argument: dict[str, object] = {"description": described(option, environment=False)}
    condition, function = set_if(option), body(option)
    if not option.metavar and not function:
        argument["set_if"] = f"${variable(option)}$"
    elif condition:
        argument.update(set_if=condition, set_if_format="expression")
    if function:
        argument.update(value={"type": "Function", "body": function}, skip_key=True)
    elif option.name == "hostname":
        argument.update(value={"type": "Function", "body": HOST}, repeat_key=True)
    elif option.metavar:
        argument["value"] = f"${variable(option)}$"
        if option.many:
            argument["repeat_key"] = True
    return argument


def _field(option: Option) -> dict[str, object]:
    settings: dict[str, str] = {}
    if option.name == "verbose":
        kind = "Number"
    elif not option.metavar:
        kind = "Boolean"
    elif choices(option):
        kind = "Datalist"
        settings = {"behavior": "strict", "data_type": "string", "datalist": _list_name(option)}
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
        "originalId": str(_number(option)),
        "settings": settings,
        "category": _category(option),
    }


def _template(template: Template) -> dict[str, object]:
    made: dict[str, object] = {"object_name": template.name, "object_type": "template"}
    if template.parent:
        made["imports"] = [template.parent]
    made.update((name, str(value)) for name, value in template.settings.items())
    # Numbers as text, but for the one whose field is a number: so the Director keeps them when its form is saved.
    made["vars"] = {
        f"{COMMAND}_{name}": str(value) if isinstance(value, int) and name in {"timeout", "port"} else value
        for name, value in template.variables.items()
    }
    return made
