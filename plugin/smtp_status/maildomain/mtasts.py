"""MTA-STS (RFC 8461): the record that announces a policy, the policy itself, and whom it allows; and the TLS-RPT
record (RFC 8460) beside it.

Text in, records or a Failure of kind ``policy`` out; no socket.  All of it is foreign and hostile.
"""

from __future__ import annotations

import re

from ..findings import Failure
from ..record import NamedTuple
from ..text import cut, sentence
from .codec import Query

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .resolver import Answer, Steps

PATH = "/.well-known/mta-sts.txt"

SIZE_LIMIT = 64 * 1024
"""Octets of a policy (RFC 8461 section 3.3 suggests this limit)."""

MODES = ("enforce", "testing", "none")

MAX_AGE = 31557600
"""Seconds; the longest life of a policy (section 3.2)."""

SHORT_AGE = 86400
"""Seconds; RFC 8461 section 3.2 expects weeks, and a policy that lives no day protects next to nothing."""

_SHOWN = 60
_VERSION = b"v=STSv1;"
_REPORTING = b"v=TLSRPTv1;"
_FIELD = re.compile(rb"[A-Za-z0-9][A-Za-z0-9_.-]{0,31}=[\x21-\x3a\x3c\x3e-\x7e]+")
_ID = re.compile(rb"id=([A-Za-z0-9]{1,32})")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,31}")
_PATTERN = re.compile(
    r"(?:\*\.)?(?:[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9])?\.)*[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
)
_LONGEST_PATTERN = 255  # characters: a name in the DNS has no more


class Announcement(NamedTuple):
    """What ``_mta-sts.DOMAIN`` says: the ``id`` of the policy, or the ``failure`` (kind ``missing`` where there is no
    record, ``policy`` where there is more than one or a malformed one, else that of the lookup)."""

    id: str = ""
    failure: Failure | None = None


class StsPolicy(NamedTuple):
    """One policy: ``mx`` holds the patterns in lower case, ``max_age`` is in seconds; ``remarks`` name what is lawful
    but unwise."""

    mode: str
    max_age: int
    mx: tuple[str, ...]
    remarks: tuple[str, ...] = ()

    def allows(self, name: str) -> bool:
        """Whether ``name`` may be an exchanger (section 4.1): ``*`` stands for exactly one label, the first."""
        wanted = name.rstrip(".").lower()
        _label, dot, parent = wanted.partition(".")
        return wanted in self.mx or (bool(dot) and f"*.{parent}" in self.mx)


def announcement(domain: str) -> Steps[Announcement]:
    """Look up whether ``domain`` announces a policy (section 3.1)."""
    (answer,) = yield (Query(f"_mta-sts.{domain}", "TXT"),)
    return read_announcement(answer)


def reporting(domain: str) -> Steps[str]:
    """Look up the TLS-RPT record of ``domain`` (RFC 8460 section 3); a clean line about it."""
    (answer,) = yield (Query(f"_smtp._tls.{domain}", "TXT"),)
    if answer.failure is not None and not answer.absent:
        return f"TLS-RPT: {answer.failure.cause}"
    records = [octets for octets in answer.texts if octets.startswith(_REPORTING)]
    if len(records) > 1:
        return f"TLS-RPT: {len(records)} records, senders take that for none"
    return f"TLS-RPT: {cut(sentence(records[0]), 4 * _SHOWN)}" if records else "TLS-RPT: no record"


def read_announcement(answer: Answer) -> Announcement:
    """The announcement in a TXT answer."""
    if answer.failure is not None and not answer.absent:
        return Announcement(
            failure=answer.failure._replace(cause=f"TXT of {answer.query.name}: {answer.failure.cause}")
        )
    records = [octets for octets in answer.texts if octets.startswith(_VERSION)]
    if not records:
        near = next((octets for octets in answer.texts if octets[:7].lower() == b"v=stsv1"), None)
        if near is not None:
            return Announcement(failure=_policy_fault(f"the record begins with {_shown(near)}, not with v=STSv1;"))
        return Announcement(failure=Failure("missing", "no MTA-STS record"))
    if len(records) > 1:
        return Announcement(failure=_policy_fault(f"{len(records)} records announce one, senders take that for none"))
    fields = [field.strip(b" \t") for field in records[0][len(_VERSION) :].split(b";")]
    if fields[-1] == b"":
        fields.pop()  # a last semicolon is lawful
    for field in fields:
        if not _FIELD.fullmatch(field):
            return Announcement(failure=_policy_fault(f"malformed field in the record, {_shown(field)}"))
    # Of a field that is there twice the first counts, as in the policy (section 3.2).
    first = next((field for field in fields if field.startswith(b"id=")), b"")
    found = _ID.fullmatch(first)
    if found is None:
        return Announcement(failure=_policy_fault("the record needs one id of up to 32 letters and digits"))
    return Announcement(found[1].decode("ascii"))


def read_page(media_type: str, body: bytes) -> StsPolicy | Failure:
    """The policy in a web page, which must be plain text (section 3.2)."""
    if media_type != "text/plain":
        return _policy_fault(f"it is of type {_shown(media_type)}, not text/plain")
    return read_policy(body)


def read_policy(octets: bytes) -> StsPolicy | Failure:
    """The policy in the body of a response (section 3.2).

    Fields that are not known are passed over, and of a field that may stand once the first counts.
    """
    try:
        lines = octets.decode("utf-8").replace("\r\n", "\n").split("\n")
    except UnicodeDecodeError:
        return _policy_fault("not UTF-8")
    fields: dict[str, str] = {}
    patterns: list[str] = []
    remarks = []
    for line in lines:
        if not line.strip(" \t"):
            continue
        name, colon, rest = line.partition(":")
        if not (colon and _NAME.fullmatch(name)):
            return _policy_fault(f"malformed line, {_shown(line)}")
        value = rest.strip(" \t")
        if name == "mx":
            if len(value) > _LONGEST_PATTERN or not _PATTERN.fullmatch(value):
                return _policy_fault(f"malformed mx, {_shown(value)}")
            patterns.append(value.lower())
        elif name not in fields:
            fields[name] = value
        else:
            remarks.append(f"{_shown(name)} stands more than once, the first counts")
    fault = _fields_fault(fields, patterns)
    if fault:
        return _policy_fault(fault)
    max_age = int(fields["max_age"])
    if max_age < SHORT_AGE:
        remarks.append(f"max_age of {max_age} s: senders forget the policy within a day")
    return StsPolicy(fields["mode"], max_age, tuple(dict.fromkeys(patterns)), tuple(dict.fromkeys(remarks)))


def _fields_fault(fields: dict[str, str], patterns: list[str]) -> str:
    if fields.get("version") != "STSv1":
        return f"version {_shown(fields['version'])}, not STSv1" if "version" in fields else "no version"
    if fields.get("mode") not in MODES:
        return f"unknown mode {_shown(fields['mode'])}" if "mode" in fields else "no mode"
    age = fields.get("max_age")
    if age is None:
        return "no max_age"
    if not re.fullmatch(r"[0-9]{1,10}", age) or int(age) > MAX_AGE:
        return f"max_age {_shown(age)}, not 0 to {MAX_AGE} seconds"
    if not patterns and fields["mode"] != "none":
        return "no mx"
    return ""


def _policy_fault(cause: str) -> Failure:
    return Failure("policy", cause)


def _shown(foreign: bytes | str) -> str:
    return cut(sentence(foreign), _SHOWN) or "''"
