"""From the command line to the settings of a run: the only reader of argv, environment and files."""

from __future__ import annotations

import time

from .. import stages
from . import commandline, hosts, table, values
from .commandline import Arguments, Use
from .plan import plan_from
from .settings import Settings, StateRule, shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nagiosplugin import Range

    from ..smtp.plan import Plan

TIMEOUT = (10.0, "critical")
"""Seconds for all, and the state where they are not enough, if the command line says nothing of them."""

MAYBE_EMPTY = frozenset({"expect", "fqdn", "authtype", "authpass"})
"""Options that count as not given where their value is empty (-C, -R and -U do too, each in its own way)."""


def settings_from(argv: Sequence[str], environ: Mapping[str, str]) -> Settings:
    """The settings for a command line (without the program's name).

    Reads the files it names, and standard input where it says so.  Raises UsageError for whatever is wrong, and
    InformationWanted for ``--help`` and ``--version``.
    """
    began = time.monotonic()
    return settings_of(completed(commandline.parse(argv), environ), environ, began)


def settings_of(given: Arguments, environ: Mapping[str, str], began: float) -> Settings:
    """The settings for what was given; reads the files but ini files.  ``began``: when the check did, an instant of
    the monotonic clock.  Raises UsageError."""
    timeout, timeout_state = given.value("timeout", values.timeout) or TIMEOUT
    domain = _one_domain(given)
    targets = _targets(given, domain)
    rules = _rules(given)
    plan = plan_from(given, environ, targets, rules, began + timeout)
    dane = given.value("dane", values.dane) or "off"
    _check_policies(given, dane, targets)
    family, source = _family(given)
    certificate_days = given.value("certificate", values.certificate_days) or (None, None)
    if given.has("ignore-certificate-expiration"):
        certificate_days = (None, None)
    plan = plan._replace(quit_after=_quit_after(given, plan, targets))
    port = given.value("port", hosts.port) or (465 if plan.tls.mode == "ssl" else 25)
    stage_warning, stage_critical = _stage_ranges(given, "stage-warning"), _stage_ranges(given, "stage-critical")
    arrival = sealing = None
    if any(use.option.group == "Arrival" for use in given.uses):
        from . import arrival as of_arrival  # noqa: PLC0415 - few checks look into a mailbox

        about = (plan, targets or (domain or "",))
        arrival = of_arrival.arrival(
            given, environ, *about, port=port, timeout=timeout, family=family, source=source, rules=rules
        )
        sealing = of_arrival.sealing(given, plan) if arrival is None else None
        late = of_arrival.late()
        stage_warning = {"arrive": late[0], **stage_warning}
        stage_critical = {"arrive": late[1], **stage_critical}
    return Settings(
        plan=plan,
        hosts=targets,
        port=0 if targets and all(map(hosts.is_path, targets)) else port,
        family=family,
        source=source,
        timeout=timeout,
        timeout_state=timeout_state,
        warning=given.value("warning", values.time_range),
        critical=given.value("critical", values.time_range),
        stage_warning=stage_warning,
        stage_critical=stage_critical,
        rules=rules,
        certificate_days=certificate_days,
        verbose=plan.verbose,
        domain=domain,
        nameserver=given.value("nameserver", hosts.nameserver),
        all_addresses=given.has("all-addresses"),
        require=given.value("require", values.require),
        dane=dane,
        mta_sts=given.has("mta-sts"),
        arrival=arrival,
        sealing=sealing,
        output_format=given.value("output-format", values.output_format) or "",
    )


def completed(line: Arguments, environ: Mapping[str, str]) -> Arguments:
    """All options of a command line, those of ini files first; the operands have become options under their own
    names.  Raises UsageError."""
    uses: list[Use] = []
    operands = () if line.has("hostname") or line.has("domain") else line.operands
    for use in line.all("extra-opts"):
        from . import inifile  # noqa: PLC0415 - few checks have an ini file

        _check_characters(use)
        uses.extend(commandline.setting(*setting) for setting in inifile.read(use.text, environ))
        if any(use.option.name in {"hostname", "domain"} for use in uses):
            operands = line.meant
    uses.extend(line.uses)
    for operand, name, value in zip(table.OPERANDS, ("hostname", "from", "to", "data"), operands):
        (_, option), *_ = table.by_name(name)
        uses.append(Use(option, value, operand, doubtful=value in line.doubtful))
    for use in uses:
        _check_characters(use)
    given = Arguments(tuple(filter(_says_something, uses)))
    _check_operands(given)
    return given


def _says_something(use: Use) -> bool:
    """Whether an option counts as given: command definitions hand over what was not filled in as an empty value."""
    return use.text != "" or use.option.name not in MAYBE_EMPTY


def _check_operands(given: Arguments) -> None:
    """FROM and DATA must not contradict the options of the same meaning on the same command line."""
    for name, operand in (("from", "FROM"), ("data", "DATA")):
        said = [use for use in given.all(name) if not use.origin]
        if len(said) > 1 and said[-1].spelling == operand and said[-1].text != said[-2].text:
            raise said[-1].fault(f"and {said[-2].spelling} differ, give one")


def _check_characters(use: Use) -> None:
    """Refuses what is not UTF-8, and control characters where the value goes on the wire or into the output."""
    try:
        use.text.encode()
    except UnicodeEncodeError:
        raise use.fault("takes text in UTF-8") from None
    # The message may hold line ends and TABs and is looked at by itself; a pattern goes nowhere.
    if use.option.name in {"data", "response"}:
        return
    for char in use.text:
        if char < " " or char == "\x7f":
            raise use.fault(f"takes no control characters, and there is a 0x{ord(char):02x}")


def _targets(given: Arguments, domain: str | None) -> tuple[str, ...]:
    """The hosts, each once however it is spelt; those of the command line take the place of those of ini files."""
    uses = given.all("hostname")
    said = [use for use in uses if not use.origin]
    uses = said or uses
    unique: dict[str | bytes, tuple[str, Use]] = {}
    for use in uses:
        host = use.read(hosts.host)
        unique.setdefault(hosts.identity(host), (host, use))
    found = dict(unique.values())
    if domain is not None:
        if uses:
            raise uses[-1].fault("and --domain exclude each other")
        return ()
    family = 4 if given.has("use-ipv4") else 6 if given.has("use-ipv6") else 0
    for host, use in found.items():
        if family and hosts.family(host) not in {0, family}:
            raise use.fault(f"takes a name or an IPv{family} address with -{family}, not {shown(host)}")
    return tuple(found) or ("localhost",)


def _family(given: Arguments) -> tuple[int, str | None]:
    """The address family (0, 4, 6) and the address to connect from."""
    four, six, use = given.last("use-ipv4"), given.last("use-ipv6"), given.last("source")
    if four and six:
        raise six.fault(f"and {four.spelling} exclude each other")
    family = 4 if four else 6 if six else 0
    if use is None:
        return family, None
    source = use.read(hosts.ip)
    if family and hosts.family(source) != family:
        raise use.fault(f"takes an IPv{family} address with -{family}, not {shown(source)}")
    for host in given.all("hostname"):
        target = hosts.host(host.text)
        if hosts.is_path(target) or hosts.family(target) not in {0, hosts.family(source)}:
            raise use.fault(f"{shown(source)} cannot be used to connect to {shown(target)}")
    if not hosts.is_own(source):
        raise use.fault(f"takes an address of this host, not {shown(source)}")
    return hosts.family(source), source


def _check_policies(given: Arguments, dane: str, targets: Sequence[str]) -> None:
    """DANE and MTA-STS need names to look things up for."""
    policy = given.last("mta-sts")
    if policy and not given.has("domain"):
        raise policy.fault("takes --domain as well: the policy is one of a domain")
    for target in targets:
        if dane != "off" and (hosts.is_path(target) or hosts.family(target)):
            raise given.all("dane")[-1].fault(f"takes hosts by name, there are no TLSA records for {shown(target)}")


def _rules(given: Arguments) -> tuple[StateRule, ...]:
    """The rules in the order of the options, since the later of two equal ones counts."""
    rules: list[StateRule] = []
    for use in given.uses:
        if use.option.name == "state":
            rules.extend(use.read(lambda text: list(values.state_rules(text))))
        elif use.option.name == "ignore-quit-failure":
            rules.append(StateRule("quit", "", "ok"))
        elif use.option.name == "ignore-certificate-expiration":
            rules.append(StateRule("tls", "expired", "ok"))
    return tuple(rules)


def _stage_ranges(given: Arguments, name: str) -> dict[str, Range]:
    ranges: dict[str, Range] = {}
    for use in given.all(name):
        ranges.update(use.read(lambda text: list(values.stage_ranges(text))))
    return ranges


def _quit_after(given: Arguments, plan: Plan, targets: Sequence[str]) -> str | None:
    """The stage to stop after, None to run to the end; a stage this run does not have is bad usage."""
    use = given.last("quit-after")
    stage = given.value("quit-after", values.stage)
    if use is None or stage is None or stage == "quit":
        return None
    has = _has(given, plan, targets)
    there = {row.name for row in stages.ROWS if not row.needs or has[row.needs]}
    there.update(command.stage for command in plan.commands)
    if stage not in there:
        raise use.fault(f"{stage} is a stage this run does not have, {stages.row(stage).without}")
    return stage


def _one_domain(given: Arguments) -> str | None:
    """The domain to check; that of the command line takes the place of one of an ini file."""
    said = [use for use in given.all("domain") if not use.origin] or given.all("domain")
    if len(said) > 1:
        twice = f"{shown(said[0].text)} and {shown(said[-1].text)}"
        raise said[-1].fault(f"is given twice, with {twice}: each domain takes a check of its own")
    return given.value("domain", _domain)


def _has(given: Arguments, plan: Plan, targets: Sequence[str]) -> dict[str, bool]:
    """What a run has, as ``Plan.has`` says it of a conversation."""
    return {
        "name": not targets or any(not hosts.is_path(host) and not hosts.family(host) for host in targets),
        "mta-sts": given.has("mta-sts"),
        **plan.has,
    }


def _domain(text: str) -> str:
    try:
        if not hosts.is_path(text) and not hosts.family(text):
            return hosts.name(text).rstrip(".")
    except ValueError:
        pass
    raise ValueError(f"takes a mail domain, not {shown(text)}")
