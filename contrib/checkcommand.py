"""The CheckCommand for Icinga 2, written as Icinga's own template library writes them."""

from __future__ import annotations

import json

from variables import CHECKS, COMMAND, TIMEOUT, body, described, set_if, variable

from smtp_status.options.table import PROGRAM, Option

HEADER = """\
/*
 * CheckCommand "{command}" for {program}. Made by contrib/generate.py from the options of the plugin:
 * change them there, not here.
 *
 * Every option is a variable: --quit-after is {command}_quit_after. A flag takes true, a repeatable option an array.
 * Passwords go through the environment ({command}_authpass, {command}_imap_pass) or a file
 * ({command}_authpass_file, {command}_imap_pass_file), so that the process list does not show them. A $ in a value
 * is written $$.
 *
 * A node that includes this file, and gets it from its parent as well, keeps its own: a second CheckCommand of the
 * same name would be an error, and the node would take no configuration at all any more.
 */

if (!globals.contains("SmtpStatusCommand")) {{

globals.SmtpStatusCommand = true

"""


def check_command() -> str:
    """The text of smtp_status.conf."""
    lines = [
        f'object CheckCommand "{COMMAND}" {{',
        '\timport "ipv4-or-ipv6"',
        "",
        f'\tcommand = [ PluginContribDir + "/{PROGRAM}" ]',
        f"\ttimeout = {TIMEOUT}s",
        "",
        "\targuments = {",
    ]
    for option in CHECKS:
        lines.append(f'\t\t"--{option.name}" = {{')
        lines.extend(f"\t\t\t{line}" for line in _argument(option))
        lines.append("\t\t}")
    lines += [
        "\t}",
        "",
        "\tenv = {",
        f'\t\tSMTP_STATUS_AUTHPASS = "${COMMAND}_authpass$"',
        f'\t\tSMTP_STATUS_IMAPPASS = "${COMMAND}_imap_pass$"',
        "\t}",
        "",
        f'\tvars.{COMMAND}_hostname = "$check_address$"',
        f'\tvars.{COMMAND}_authpass = ""',
        f'\tvars.{COMMAND}_imap_pass = ""',
        f'\tvars.check_ipv4 = "${COMMAND}_use_ipv4$"',
        f'\tvars.check_ipv6 = "${COMMAND}_use_ipv6$"',
        "}",
        "",
        "}",
        "",
    ]
    return HEADER.format(command=COMMAND, program=PROGRAM) + "\n".join(lines)


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
