"""The service templates for the usual cases: one table, written out for Icinga's files and for the Director."""

from __future__ import annotations

from typing import NamedTuple

Value = object
"""What a variable holds: text, a number, True, or a list of texts."""


class Template(NamedTuple):
    """One template.

    ``name`` is that in Icinga; ``parent`` the template it imports ('' for none); ``about`` says in one or two
    sentences what it is for.  ``settings`` are attributes of a service, durations in seconds.  ``variables`` are
    those of the CheckCommand, without its prefix.
    """

    name: str
    parent: str
    about: str
    settings: dict[str, int | str] = {}  # noqa: RUF012 - never written to
    variables: dict[str, Value] = {}  # noqa: RUF012 - never written to


BASE = "smtp-status"

TEMPLATES = (
    Template(
        BASE,
        "",
        "",
        {
            "check_command": "smtp_status",
            "check_interval": 300,
            "retry_interval": 60,
            "max_check_attempts": 3,
            "check_timeout": 40,
        },
        {"timeout": 30, "verbose": 1},
    ),
    Template(
        f"{BASE}-tls",
        BASE,
        "Certificates have the name a host goes by, not its address.",
        {},
        {"tls_name": "$host.name$", "certificate": "21,7"},
    ),
    Template(
        f"{BASE}-mx",
        BASE,
        "Port 25: is mail for smtp_status_to accepted? Nothing is delivered. Greylisting is WARNING, and mends itself.",
        {},
        {"quit_after": "rcpt"},
    ),
    Template(
        f"{BASE}-submission",
        f"{BASE}-tls",
        "Port 587 with STARTTLS and login. smtp_status_authuser and smtp_status_authpass_file come from the host.",
        {},
        {"port": 587, "starttls": True, "quit_after": "auth"},
    ),
    Template(
        f"{BASE}-smtps",
        f"{BASE}-tls",
        "Port 465, TLS from the first byte. With smtp_status_authuser it logs in as well.",
        {},
        {"ssl": True},
    ),
    Template(
        f"{BASE}-lmtp",
        BASE,
        "LMTP, mostly a socket on the mail host itself: smtp_status_hostname is its path, agent where the check runs.",
        {},
        {"lmtp": True, "quit_after": "rcpt"},
    ),
    Template(
        f"{BASE}-certificate",
        f"{BASE}-tls",
        "Nothing but the certificate behind STARTTLS. It does not change by the minute.",
        {"check_interval": 6 * 3600, "retry_interval": 900},
        {"starttls": True, "quit_after": "tls"},
    ),
    Template(
        f"{BASE}-relay",
        BASE,
        "A server that must refuse mail for smtp_status_to, an address of a domain that is not its own. Postfix refuses"
        " with 454 by default.",
        {"check_interval": 3600, "retry_interval": 300},
        {"quit_after": "rcpt", "state": ["rcpt:5xx=ok", "rcpt:454=ok", "rcpt:2xx=critical"]},
    ),
    Template(
        f"{BASE}-arrival",
        BASE,
        "The mail must arrive in a mailbox. smtp_status_from and smtp_status_to are its address; smtp_status_imap,"
        " _imap_user and _imap_pass_file lead into it.",
    ),
    Template(
        f"{BASE}-domain",
        BASE,
        "Every mail exchanger of smtp_status_domain at the same time, as other mail servers find them.",
        {"check_interval": 900, "retry_interval": 300, "check_timeout": 60},
        {"timeout": 50, "quit_after": "rcpt"},
    ),
)

HEAD = """\
/*
 * Service templates for the usual cases, and one rule that applies them: a host says in vars.smtp what it is, and
 * may set any variable of the CheckCommand there. smtp_hosts.conf beside this file shows a host of each kind.
 * The templates are made by contrib/generate.py from contrib/services.py.
 *
 * The plugin ends by its own deadline (smtp_status_timeout) before Icinga ends it (check_timeout): only then it can
 * say where the time went.
 */

"""

RULES = """\
apply Service "smtp-" for (kind => config in host.vars.smtp) {
	import "smtp-status-" + kind

	vars += config

	if (config.agent) {
		command_endpoint = config.agent
	}
}

/* While port 25 does not answer, its certificate and what it relays are no news. */
apply Dependency "smtp-mx" to Service {
	parent_service_name = "smtp-mx"
	states = [ OK, Warning ]
	disable_notifications = true
	ignore_soft_states = false

	assign where service.name in [ "smtp-certificate", "smtp-relay" ] && host.vars.smtp.contains("mx")
	ignore where service.check_command != "smtp_status"
}
"""


def configuration() -> str:
    """smtp_services.conf: the templates in Icinga's language, and the rules that apply them."""
    return HEAD + "\n".join(map(_written, TEMPLATES)) + "\n" + RULES


def _written(template: Template) -> str:
    lines = [f"/* {template.about} */"] if template.about else []
    lines.append(f'template Service "{template.name}" {{')
    if template.parent:
        lines.append(f'\timport "{template.parent}"')
    lines += [f"\t{name} = {_setting(name, value)}" for name, value in template.settings.items()]
    if template.variables:
        lines.append("")
    lines += [f"\tvars.smtp_status_{name} = {_literal(value)}" for name, value in template.variables.items()]
    return "\n".join([*lines, "}", ""])


def _setting(name: str, value: int | str) -> str:
    if isinstance(value, str) or not name.endswith(("interval", "timeout")):
        return _literal(value)
    for unit, seconds in (("h", 3600), ("m", 60)):
        if value % seconds == 0 and (unit == "h" or name.endswith("interval")):
            return f"{value // seconds}{unit}"
    return f"{value}s"


def _literal(value: Value) -> str:
    """A literal of Icinga's language."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return f"[ {', '.join(map(_literal, value))} ]"
    return f'"{value}"' if isinstance(value, str) else str(value)
