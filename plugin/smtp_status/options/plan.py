"""From the command line to the plan of a conversation: what is sent."""

from __future__ import annotations

import os

from ..smtp import address
from ..smtp.plan import Plan, RawCommand
from ..tls.plan import TlsPlan
from . import hosts, values
from .settings import UsageError, shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from re import Pattern

    from ..sasl.credentials import Credentials
    from ..smtp.address import Mailbox
    from ..smtp.message import Message
    from .commandline import Arguments
    from .settings import StateRule

LINE_LIMIT = 998
"""Octets of a line without its end (RFC 5321 section 4.5.3.1.6)."""

HELO_LIMIT = 255
"""Octets of the EHLO name: the longest domain (RFC 5321 section 4.5.3.1.2)."""

MAX_VERBOSE = 3

POLICIES = ("dane", "mta-sts")
"""Options that ask for TLS as far as a domain does."""

MESSAGE_OPTIONS = ("data", "data-file", "subject", "header")


def plan_from(
    given: Arguments,
    environ: Mapping[str, str],
    targets: Sequence[str],
    rules: Sequence[StateRule],
    deadline: float,
) -> Plan:
    """The plan for conversations with ``targets`` (empty with ``--domain``).

    Reads the files the options name, and standard input for ``--data-file -`` with recipients (until ``deadline``,
    an instant of ``time.monotonic``).  Raises UsageError.
    """
    this_host = own_name()
    helo = given.value("fqdn", _helo)
    sender = given.value("from", _mailbox)
    recipients = tuple(use.read(_recipient) for use in given.all("to"))
    message = _message(given, sender, recipients, helo or this_host or "localhost", deadline)
    tls = _tls(given, targets, rules)
    proxy = given.last("proxy")
    made = Plan(
        helo=helo or (this_host if "." in this_host else None),
        expect=given.value("expect", str),
        sender=sender,
        recipients=recipients,
        message=message if recipients else None,
        commands=_commands(given),
        lmtp=given.has("lmtp"),
        proxy=None if proxy is None else () if proxy.value is None else proxy.read(hosts.proxy),
        proxy_version=_proxy_version(given),
        helo_only=_helo_only(given, tls),
        tls=tls,
        credentials=_credentials(given, environ, tls),
        verbose=_verbose(given),
    )
    if made.credentials is not None:
        from .credentials import plaintext_refusal  # noqa: PLC0415 - as below

        for target in targets:
            refusal = plaintext_refusal(made, target) if hosts.is_path(target) or hosts.family(target) else None
            if refusal:
                raise refusal
    return made


def _proxy_version(given: Arguments) -> int:
    use = given.last("proxy-version")
    if use is None:
        return 1
    if not given.has("proxy"):
        raise use.fault("takes --proxy as well")
    return int(use.read(lambda text: values.one_of(text, "1", "2")))


def _helo_only(given: Arguments, tls: TlsPlan) -> bool:
    """``--helo``; what only EHLO tells of cannot be had with it."""
    use = given.last("helo")
    if use is None:
        return False
    policy = given.last("mta-sts") or given.last("dane")
    for other in (
        given.last("lmtp"),
        given.last("starttls"),
        given.last("certificate"),
        given.last("authuser"),
        policy,
    ):
        if other is not None and not (tls.mode == "ssl" and other.option.name == "certificate"):
            raise use.fault(f"and {other.spelling} exclude each other, since {_AFTER_EHLO}")
    return True


_AFTER_EHLO = "HELO tells of no extension"


def _verbose(given: Arguments) -> int:
    """How much is to be told; a document for programs (``--output-format json``) has what ``-v`` tells people."""
    told = min(len(given.all("verbose")), MAX_VERBOSE)
    return max(told, 1) if given.value("output-format", values.output_format) else told


def _tls(given: Arguments, targets: Sequence[str], rules: Sequence[StateRule]) -> TlsPlan:
    if not any(use.option.group == "TLS" for use in given.uses) and not any(map(given.has, POLICIES)):
        return TlsPlan()
    from .tlsplan import tls_plan  # noqa: PLC0415 - many checks have no TLS

    return tls_plan(given, targets, rules)


def _credentials(given: Arguments, environ: Mapping[str, str], tls: TlsPlan) -> Credentials | None:
    if all(use.option.group != "Authentication" for use in given.uses):
        return None
    from .credentials import credentials  # noqa: PLC0415 - most checks do not log in

    return credentials(given, environ, tls)


def _commands(given: Arguments) -> tuple[RawCommand, ...]:
    """Commands paired with their patterns; patterns beyond the commands are as useless as with check_smtp.

    An empty pattern keeps its rank and judges nothing; a pair that is empty, or an empty command, is not there.
    """
    commands, responses = given.all("command"), given.all("response")
    empty = {rank for rank, pair in enumerate(zip(commands, responses)) if not any(use.text for use in pair)}
    responses = [use for rank, use in enumerate(responses) if rank not in empty]
    lines = [use.read(_line) for use in commands if use.text]
    patterns: list[Pattern[str] | None] = [None] * len(lines)
    if responses:
        from ..smtp.patterns import compiled  # noqa: PLC0415 - few checks send raw commands

        patterns[: len(responses)] = [use.read(compiled) if use.text else None for use in responses]
    return tuple(map(RawCommand, lines, patterns))


def _message(
    given: Arguments, sender: Mailbox | None, recipients: Sequence[Mailbox], host_name: str, deadline: float
) -> Message | None:
    """The message for the recipients; without any, it is only made to see whether the options are good."""
    file, data = given.last("data-file"), given.last("data")
    if file is not None and data is not None:
        raise file.fault(f"and {data.spelling} exclude each other")
    from_stdin = file is not None and file.text == "-"
    if not recipients and (from_stdin or not any(map(given.has, MESSAGE_OPTIONS))):
        return None
    from ..smtp.message import Message  # noqa: PLC0415 - a check without recipients needs none

    def built(
        subject: str | None, headers: Sequence[tuple[str, str]], text: str | None = None, path: str | None = None
    ) -> Message:
        return Message.build(text, path, subject, headers, sender, recipients, host_name, deadline)

    # Each header option is tried by itself first, so that the one at fault is named.
    def tried(subject: str | None, headers: Sequence[tuple[str, str]]) -> None:
        try:
            built(subject, headers)
        except ValueError as error:
            raise ValueError(f"cannot be sent: {error}") from None

    def subject_of(text: str) -> str:
        tried(text, ())
        return text

    def header_of(text: str) -> tuple[str, str]:
        header = _header(text)
        tried(None, [header])
        return header

    subject = given.value("subject", subject_of)
    headers = [use.read(header_of) for use in given.all("header")]
    try:
        return built(subject, headers, data and data.text, file and file.text)
    except OSError as error:
        path = "" if file is None else file.text
        reason = f"cannot read {shown(path)}: {error.strerror or error}"
    except ValueError as error:
        reason = f"cannot be sent: {error}"
    content = data or file
    raise content.fault(reason) if content else UsageError(f"the message {reason}")


def own_name() -> str:
    """``uname -n`` as far as it can stand in EHLO, else ''."""
    try:
        return hosts.name(os.uname().nodename)
    except ValueError:
        return ""


def _helo(text: str) -> str:
    if not text.isascii():
        text = hosts.name(text)
    if not text or " " in text or len(text) > HELO_LIMIT:
        raise ValueError(f"takes a name of at most {HELO_LIMIT} octets without blanks, not {shown(text)}")
    return text


def _mailbox(text: str) -> Mailbox:
    try:
        return address.parse(address.without_name(text))
    except ValueError as error:
        raise ValueError(f"takes a mail address, not {shown(text)}: {error}") from None


def _recipient(text: str) -> Mailbox:
    mailbox = _mailbox(text)
    if mailbox == address.NULL:
        raise ValueError("takes a mail address, and the null path is for senders only")
    return mailbox


def _line(text: str) -> bytes:
    line = text.encode()
    if not text.strip():
        raise ValueError(f"takes a command of 1 to {LINE_LIMIT} octets, not {shown(text)}")
    if len(line) > LINE_LIMIT:  # as long as a token that is sent by hand: no part of it is shown
        raise ValueError(f"takes a command of 1 to {LINE_LIMIT} octets, not one of {len(line)}")
    return line


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon:
        raise ValueError(f"takes 'Name: value', not {shown(text)}")
    return name, value.strip()
