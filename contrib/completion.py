#!/usr/bin/env python3
"""Print the completion of check_smtp_status for bash, made from the table of options.

It offers the options, and the values of those that have a closed list of them: the braces of the table
(``{off,try,require}``), stages, kinds, states, mechanisms; files where a file is wanted.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "plugin"))

from smtp_status.findings import FAULTS
from smtp_status.options.table import OPTIONS, PROGRAM, Option
from smtp_status.sasl.mechanisms import STRENGTH  # the package must be found first
from smtp_status.stages import STAGES

STATES = ("ok", "warning", "critical", "unknown")
CODES = ("2xx", "4xx", "5xx")
FILES = ("FILE", "FILE_OR_DIR")

SCRIPT = """\
# Completion of {program} for bash, made by contrib/completion.py.
#
# Needs no functions of bash-completion. What it offers for a word is written as bash wants it: without the part of the
# word that stands before the last : or = or comma, where these part words (COMP_WORDBREAKS).

_{program}_values() {{ # OPTION VALUE: fills the array values with whole values that begin as VALUE does
    local before= part=$2
    case $1 in
{cases}
    esac
}}

_{program}_offer() {{ # PREFIX VALUE WORD...
    local prefix=$1 value=$2 word
    shift 2
    for word; do
        [[ $word == "$value"* ]] && values+=("$prefix$word")
    done
}}

_{program}_files() {{ # VALUE
    local IFS=$'\\n'
    values=($(compgen -f -- "$1"))
    compopt -o filenames 2>/dev/null
}}

_{program}() {{
    local line=${{COMP_LINE:0:COMP_POINT}} word option= value
    local -a values=() words
    read -ra words <<<"$line"
    word=${{line##*[[:space:]]}}
    [[ -n $word ]] && unset 'words[-1]'
    option=${{words[-1]}}
    value=$word
    case $word in
        --*=*) option=${{word%%=*}} value=${{word#*=}} ;;
    esac
    [[ $option == -* && ${{#words[@]}} -gt 0 ]] && _{program}_values "$option" "$value"
    if [[ $word == -* && $word != *=* && ${{#values[@]}} -eq 0 ]]; then
        _{program}_offer '' "$word" {options}
        value=$word
    fi
    # bash replaces only what stands behind the last separator of the word
    local separators=${{COMP_WORDBREAKS//[^:=]/}} cut=
    [[ -n $separators && $value == *[$separators]* ]] && cut=${{value%"${{value##*[$separators]}}"}}
    COMPREPLY=("${{values[@]#"$cut"}}")
    case ${{COMPREPLY[*]:0:1}} in
        *[:=]) compopt -o nospace 2>/dev/null ;;
    esac
}}

complete -F _{program} {program}
"""

LIST = "            _{program}_offer '' \"$part\" {words} ;;"

RANGES = """\
            [[ $part == *,* ]] && before=${{part%,*}}, part=${{part##*,}}
            [[ $part == *=* ]] || _{program}_offer "$before" "$part" {stages} ;;"""

RULES = """\
            [[ $part == *,* ]] && before=${{part%,*}}, part=${{part##*,}}
            if [[ $part == *=* ]]; then
                _{program}_offer "$before${{part%=*}}=" "${{part##*=}}" {states}
            elif [[ $part == *:* ]]; then
                _{program}_offer "$before${{part%%:*}}:" "${{part#*:}}" {kinds}
            else
                _{program}_offer "$before" "$part" {stages}
            fi ;;"""

DEADLINE = """\
            [[ $part == *:* ]] && _{program}_offer "${{part%%:*}}:" "${{part#*:}}" {states} ;;"""

FILE = '            _{program}_files "$part" ;;'


def script() -> str:
    """The whole completion."""
    cases = []
    for option in OPTIONS:
        body = _values(option)
        if body:
            letters = [f"-{option.letter}"] if option.letter else []
            names = "|".join([*letters, *(f"--{name}" for name in option.names)])
            cases.append(f"        {names})\n{body}")
    names = [word for option in OPTIONS for word in (*(f"--{name}" for name in option.names),)]
    return SCRIPT.format(program=PROGRAM, cases="\n".join(cases), options=" ".join(names))


def _values(option: Option) -> str:
    """What fills in the values of an option, '' for one whose values are anybody's."""
    stages = " ".join(STAGES)
    if option.name == "state":
        kinds = " ".join(f"{kind}=" for kind in (*CODES, "failure", "error", *FAULTS))
        rule = " ".join(f"{stage}{end}" for stage in (*STAGES, "any") for end in (":", "="))
        return RULES.format(program=PROGRAM, stages=rule, kinds=kinds, states=" ".join(STATES))
    if option.metavar.startswith("STAGE="):
        return RANGES.format(program=PROGRAM, stages=" ".join(f"{stage}=" for stage in STAGES))
    if option.metavar.endswith(":STATE]"):
        return DEADLINE.format(program=PROGRAM, states=" ".join(STATES))
    if option.metavar in FILES:
        return FILE.format(program=PROGRAM)
    lists = {"STAGE": stages, "MECH": " ".join(STRENGTH)}
    words = lists.get(option.metavar, "")
    if re.fullmatch(r"\{.*\}", option.metavar):
        # a capital stands for a value of the user's
        words = " ".join(word for word in option.metavar[1:-1].split(",") if not word.isupper())
    return LIST.format(program=PROGRAM, words=words) if words else ""


if __name__ == "__main__":
    sys.stdout.write(script())
