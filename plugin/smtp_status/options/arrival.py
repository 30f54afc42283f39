"""From the command line to what arrival needs: the group of options named after it."""

from __future__ import annotations

import math
import re

from ..sasl import mechanisms
from ..sasl.credentials import Credentials
from ..tls.plan import TlsPlan
from . import hosts, tlsplan, values
from . import plan as planning
from .arrivalplan import LATE, LOST_AFTER, METHODS, WAIT, ArrivalPlan, Collect, Sealing, Threshold
from .credentials import key_in, secret
from .settings import UsageError, shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nagiosplugin import Range

    from ..sasl.credentials import Secret
    from ..smtp.plan import Plan
    from .commandline import Arguments, Use
    from .settings import StateRule

GROUP = "Arrival"

MAX_WAIT = 1_000_000
HOLD_SECONDS = 2
"""Seconds beyond ``-t`` for which a note is its own run's."""

TLS_PORT, PLAIN_PORT = 993, 143
PROBE_NAME_LIMIT = 40
FOLDER_LIMIT = 255

_SEVERAL = r"([0-9]{1,7})(?:,([0-9]{1,7}))?"
_PROBE_NAME = rf"[A-Za-z0-9._-]{{1,{PROBE_NAME_LIMIT}}}"
_WITH_PORT = r"(\[[^][]*\]|[^][:]+):([^:]*)"


def late() -> tuple[Range, Range]:
    """The limits for the time of arrival where none are given."""
    warning, critical = (values.time_range(str(seconds)) for seconds in LATE)
    return warning, critical


def arrival(
    given: Arguments,
    environ: Mapping[str, str],
    plan: Plan,
    targets: Sequence[str],
    *,
    port: int,
    timeout: float,
    family: int,
    source: str | None,
    rules: Sequence[StateRule],
) -> ArrivalPlan | None:
    """What is to be done with the mailbox, None without ``--imap``.

    ``targets``: the hosts, or the domain.  Reads the file with the password.  Raises UsageError.
    """
    use = given.last("imap")
    if use is None:
        _check_sender(given)
        return None
    collect = _collect(given)
    if collect is None:
        _check_company(given, use, plan)
    mode = given.value("imap-tls", _tls_mode) or "ssl"
    host, imap_port = use.read(_place)
    imap_port = imap_port or (TLS_PORT if mode == "ssl" else PLAIN_PORT)
    login = _credentials(given, environ, use, plan)
    _check_protection(given, login, mode, host)
    folders = _folders(given, "imap-folder") or ("INBOX",)
    lost_after, forget = given.value("lost-after", _lost_after) or LOST_AFTER
    wait = given.value("wait", _seconds)
    return ArrivalPlan(
        host=host,
        port=imap_port,
        credentials=login,
        name=given.value("probe-name", _name) or _made_name(plan, [*targets, str(port)], [host, login.user, *folders]),
        hold=math.ceil(timeout) + HOLD_SECONDS,
        host_name=_host_name(plan),
        recipients=max(len(plan.recipients), 1),
        tls=TlsPlan(
            mode=mode,
            name=given.value("imap-tls-name", tlsplan.tls_name),
            ca=plan.tls.ca,
            minimum=plan.tls.minimum,
            ciphers=plan.tls.ciphers,
            tolerate=tlsplan.tolerated(rules, "imap"),
        ),
        family=family,
        source=source,
        folders=folders,
        spam=_spam(given),
        wait=WAIT if wait is None else wait,
        lost_after=lost_after,
        forget=forget,
        lost=given.value("lost", _threshold) or ArrivalPlan._field_defaults["lost"],
        pending=given.value("pending", _threshold) or Threshold(),
        authserv_id=given.value("authserv-id", _server_id),
        require_auth=_methods(given),
        verbose=plan.verbose,
        collect=collect,
    )


def sealing(given: Arguments, plan: Plan) -> Sealing | None:
    """What the probes of a run that only sends are sealed with.  Reads the key's file.  Raises UsageError."""
    file = given.last("key-file")
    if file is None:
        return None
    name = given.value("probe-name", _name)
    if name is None:
        raise file.fault("takes --probe-name as well: by which name the receiver knows them")
    if not given.has("to"):
        raise file.fault("takes --to as well: a message has to be sent")
    return Sealing(name, key_in(file), _host_name(plan))


def _host_name(plan: Plan) -> str:
    return plan.helo if plan.helo and hosts.is_name(plan.helo) else planning.own_name() or "localhost"


def _check_sender(given: Arguments) -> None:
    """Without a mailbox only what seals a probe makes sense."""
    sends = {"key-file", "probe-name"} if given.has("key-file") else set()
    for use in given.uses:
        if use.option.group == GROUP and use.option.name not in sends:
            raise use.fault("takes --imap as well")


def _collect(given: Arguments) -> Collect | None:
    """What a run that only receives looks for, None for any other."""
    use, file, every = (given.last(name) for name in ("collect", "key-file", "every"))
    if use is None:
        for lone in (file, every):
            if lone is not None:
                raise lone.fault("with --imap takes --collect as well")
        return None
    for name in ("hostname", "domain", "to", "command", "quit-after", "data", "data-file", "wait"):
        other = given.last(name)
        if other is not None:
            raise use.fault(f"and {other.spelling} exclude each other: nothing is sent")
    if file is None or every is None or not given.has("probe-name"):
        raise use.fault("takes --key-file, --probe-name and --every as well")
    return Collect(every.read(_period), key_in(file))


def _period(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,7}", text) or int(text) == 0:
        raise ValueError(f"takes seconds such as 300, not {shown(text)}")
    return int(text)


def _check_company(given: Arguments, use: Use, plan: Plan) -> None:
    for name in ("quit-after", "command"):
        other = given.last(name)
        if other is not None:
            raise use.fault(f"and {other.spelling} exclude each other: a message has to be sent")
    if not plan.recipients:
        raise use.fault("takes --to as well: the message has to be for somebody")


def _place(text: str) -> tuple[str, int]:
    """``HOST[:PORT]``; 0 for no port."""
    match = re.fullmatch(_WITH_PORT, text)
    host, number = (match[1], match[2]) if match is not None else (text, "")
    if not host or hosts.is_path(host):
        raise ValueError(f"takes HOST[:PORT], not {shown(text)}")
    return hosts.host(host), hosts.port(number) if match is not None else 0


def _tls_mode(text: str) -> str:
    return values.one_of(text, "ssl", "starttls", "off")


def _credentials(given: Arguments, environ: Mapping[str, str], use: Use, plan: Plan) -> Credentials:
    """Who logs in to the mailbox: those of ``-U`` where nothing else is said."""
    other = plan.credentials
    user = given.last("imap-user")
    name = user.text if user is not None else other.user if other is not None else ""
    if not name:
        raise (user or use).fault("takes a user as well: --imap-user" if user is None else "takes a user name")
    found: Secret | None = secret(given, environ, "imap-pass", "SMTP_STATUS_IMAPPASS")
    if found is None and other is not None:
        found = other.secret
    if found is None:
        raise use.fault("takes a password as well: --imap-pass-file, --imap-pass or SMTP_STATUS_IMAPPASS")
    mechanism = given.value("imap-authtype", _mechanism)
    if mechanism is None and user is None and other is not None and other.mechanism in mechanisms.TOKEN:
        mechanism = other.mechanism  # its secret is a token, not a password
    login = Credentials(name, found, mechanism, given.has("auth-plaintext"))
    if mechanism is not None:
        try:
            mechanisms.start(mechanism, login, "localhost", TLS_PORT, b"nonce")
        except ValueError as error:
            raise use.fault(f"{mechanism} cannot be used: {error}") from None
    return login


def _check_protection(given: Arguments, login: Credentials, mode: str, host: str) -> None:
    """A password goes readable to nobody; names are looked at again once their addresses are known.  What binds a login
    to TLS takes TLS."""
    if mode == "off" and login.mechanism in mechanisms.PLUS:
        raise UsageError(f"--imap-authtype {login.mechanism} takes TLS as well: --imap-tls")
    if mode != "off" or login.plaintext or login.mechanism not in mechanisms.PLAINTEXT:
        return
    if hosts.family(host) and not hosts.is_loopback(host):
        raise UsageError(
            f"--imap-authtype {login.mechanism} would send the password readable to {shown(host)}:"
            " use --imap-tls or --auth-plaintext"
        )


def _mechanism(text: str) -> str:
    known = [name for name in mechanisms.STRENGTH if name not in mechanisms.SECRETLESS]
    if text.upper() not in known:
        raise ValueError(f"takes no {shown(text)}, but {mechanisms.listed(known)}")
    return text.upper()


def _folders(given: Arguments, name: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(use.read(_folder) for use in given.all(name)))


def _folder(text: str) -> str:
    if not text or len(text.encode()) > FOLDER_LIMIT:
        raise ValueError(f"takes the name of a folder of at most {FOLDER_LIMIT} octets, not {shown(text)}")
    return "INBOX" if text.upper() == "INBOX" else text


def _spam(given: Arguments) -> tuple[str, ...] | None:
    named = _folders(given, "imap-spam")
    if "none" not in named:
        return named
    if len(named) > 1:
        raise given.all("imap-spam")[-1].fault("takes none, or folders, but not both")
    return None


def _seconds(text: str) -> float:
    if not values.is_number(text) or float(text) > MAX_WAIT:
        raise ValueError(f"takes seconds from 0 to {MAX_WAIT}, not {shown(text)}")
    return float(text)


def _lost_after(text: str) -> tuple[int, int]:
    match = re.fullmatch(_SEVERAL, text)
    if match is None or int(match[1]) == 0:
        raise ValueError(f"takes SECONDS[,FORGET] such as 3600,3600, not {shown(text)}")
    return int(match[1]), int(match[2]) if match[2] else LOST_AFTER[1]


def _threshold(text: str) -> Threshold:
    match = re.fullmatch(_SEVERAL, text)
    if match is None or int(match[1]) == 0:
        raise ValueError(f"takes WARN[,CRIT], numbers of probes such as 1,2, not {shown(text)}")
    warning, critical = int(match[1]), int(match[2]) if match[2] else None
    if critical is not None and warning > critical:
        raise ValueError(f"takes no more for WARN than for CRIT, not {shown(text)}")
    return Threshold(warning, critical)


def _server_id(text: str) -> str:
    if not text or " " in text or ";" in text or len(text) > PROBE_NAME_LIMIT * 6:
        raise ValueError(f"takes the name of a server, not {shown(text)}")
    return text


def _methods(given: Arguments) -> tuple[str, ...]:
    use = given.last("require-auth")
    if use is None:
        return ()
    if not given.has("authserv-id"):
        raise use.fault("takes --authserv-id as well: whose results are believed")
    methods = tuple(word.strip().lower() for word in use.text.split(","))
    if not set(methods) <= set(METHODS):
        raise use.fault(f"takes {', '.join(METHODS)}, not {shown(use.text)}")
    return methods


def _name(text: str) -> str:
    if not re.fullmatch(_PROBE_NAME, text):
        raise ValueError(f"takes a name of at most {PROBE_NAME_LIMIT} letters, digits and . _ -, not {shown(text)}")
    return text


def _made_name(plan: Plan, servers: Sequence[str], mailbox: Sequence[str]) -> str:
    """A name that every host which runs the same check makes of it, and another check does not."""
    from hashlib import sha256  # noqa: PLC0415 - loads OpenSSL's hashes, which the login needs as well

    recipients = [recipient.text for recipient in plan.recipients]
    words = "\0".join([*servers, *recipients, *mailbox])
    return sha256(words.encode("utf-8", "surrogateescape")).hexdigest()[:12]
