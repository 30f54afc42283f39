"""What is to be said of each domain of ``servers/zones.py``: by Postfix's own client, and by the plugin."""

from __future__ import annotations

from typing import NamedTuple

WHY = "…"
"""Stands for what a resolver says of failed validation: Unbound says more or less of it as long as it remembers."""

_ONE = "OK - 1 of 1 exchangers answer"
_NONE = "CRITICAL - 0 of 1 exchangers answer"
_PASS = "CRITICAL - 0 of 1 exchangers pass"
_DEAD = "dead.example.test connect: connection refused by 127.0.0.20 port 25"
_HOLE = "hole.example.test timed out at connect: no answer from 127.0.0.21 port 25 for N s"
_ALIAS = "dns: the exchanger is an alias (CNAME) of"
_NO_POLICY = "sts: no valid MTA-STS policy"
_NO_DANE = "DANE: no usable TLSA record (0 0 1: usage 0 is not for SMTP), TLS not authenticated"


class Case(NamedTuple):
    """``level`` and ``why`` (a part of it) are posttls-finger's with security level ``dane``.

    The rest are first lines behind ``SMTP``: without a policy asked for, with ``--dane try``, and with ``--dane
    require``; '' stands for the one before.  ``differs``: why Postfix and the plugin do not agree on whether mail can
    be sent with DANE required.
    """

    level: str
    why: str
    plain: str
    attempted: str = ""
    required: str = ""
    differs: str = ""

    @property
    def lines(self) -> dict[str, str]:
        """First lines by the value of ``--dane``."""
        attempted = self.attempted or self.plain
        return {"off": self.plain, "try": attempted, "require": self.required or attempted}


def _verified(match: str, count: int = 1) -> Case:
    answers = f"OK - {count} of {count} exchangers answer"
    return Case("Verified", "", answers, f"{answers}, {match} matched")


def _unverified(why: str, name: str, problem: str) -> Case:
    return Case("Untrusted", why, _ONE, f"{_PASS}; mx.{name}.example.test tls: DANE: {problem}")


def _opportunistic(host: str, reason: str) -> Case:
    """DANE does not apply: Postfix encrypts and sends, and so does ``--dane try``."""
    return Case("Untrusted", "num=62:hostname mismatch", _ONE, "", f"{_PASS}; {host} dns: DANE: {reason}")


def _unusable_domain(why: str, line: str) -> Case:
    return Case("", why, f"CRITICAL - {line}")


_LITERAL = (
    "RFC 5321 section 5.1: an MX record has a domain name; Postfix connects to the address, the plugin passes over"
)

CASES = {
    # -- exchangers
    "example": _verified("TLSA 3 1 1 matched, TLSA 2 0 1", 2),
    "three": Case("Verified", "", f"WARNING - 2 of 3 exchangers answer; {_DEAD}"),
    "hole": Case("Verified", "", f"WARNING - 1 of 2 exchangers answer; {_HOLE}"),
    "alldown": Case("", "Failed to establish session", f"CRITICAL - 0 of 2 exchangers answer; {_DEAD}"),
    "null": _unusable_domain("does not accept mail (nullMX)", "null.example.test dns: accepts no mail, null MX"),
    "nullplus": _unusable_domain(
        "does not accept mail (nullMX)",
        "1 of 1 exchangers answer; nullplus.example.test dns: null MX beside other MX: senders may bounce every "
        "message",
    ),
    "literal": Case(
        "Untrusted",
        "127.0.0.2[127.0.0.2]:25: num=62:hostname mismatch",
        "WARNING - 1 of 1 exchangers answer; literal.example.test dns: MX 127.0.0.2 is an address, not a name",
        differs=_LITERAL,
    ),
    "onlyliteral": Case(
        "Untrusted",
        "127.0.0.2[127.0.0.2]:25: num=62:hostname mismatch",
        "CRITICAL - onlyliteral.example.test dns: MX 127.0.0.2 is an address, not a name",
    ),
    "cnamemx": Case(
        "Verified", "", f"WARNING - 1 of 1 exchangers answer; alias.example.test {_ALIAS} mx1.example.test"
    ),
    "aliasdom": _verified("TLSA 3 1 1 matched, TLSA 2 0 1", 2),
    "implicit": _verified("TLSA 3 1 1"),
    "nodata": Case(
        "",
        "Host found but no data record of requested type",
        f"{_NONE}; nodata.example.test dns: no MX and no address: no A or AAAA record (NODATA)",
    ),
    "nohost": Case("", "Host not found", f"{_NONE}; nosuch.example.test dns: no address: no such name (NXDOMAIN)"),
    "v6": _verified("TLSA 3 1 1"),
    "wild.wild": _verified("TLSA 3 1 1"),
    "hostile": Case(
        "Verified",
        "malformed domain name in resource data of MX record",
        "WARNING - 1 of 2 exchangers answer; xxxxxxxxxxxxxxxxxxxx…xxxxxx.example.test dns: no address: no such name "
        "(NXDOMAIN)",
    ),
    "crowd": Case(
        "Untrusted",
        "num=62:hostname mismatch",
        "OK - 60 of 60 exchangers answer",
        "",
        "CRITICAL - 0 of 60 exchangers pass; mx00.crowd.example.test dns: DANE: no TLSA record",
    ),
    # -- DANE
    "nomatch": _unverified(
        "num=65:no matching DANE TLSA records", "nomatch", "TLSA 3 1 1 does not match the certificate"
    ),
    "rollover": Case("Verified", "", _ONE, f"{_ONE}, TLSA 3 1 1 matched (roll-over: 1 of 2 records)"),
    "agility": _unverified(
        "num=65:no matching DANE TLSA records", "agility", "TLSA 3 1 2 does not match the certificate"
    ),
    "unusable": Case(
        "Untrusted",
        "num=62:hostname mismatch",
        _ONE,
        f"WARNING - 1 of 1 exchangers answer; mx.unusable.example.test dns: {_NO_DANE}",
        f"{_PASS}; mx.unusable.example.test dns: {_NO_DANE}",
    ),
    "mixed": _verified("TLSA 3 1 1")._replace(why="unsupported TLSA certificate usage: 0 0 1"),
    "tlsacname": _verified("TLSA 3 0 2"),
    "tlsawild": _verified("TLSA 3 1 1"),
    "tlsabogus": Case(
        "",
        "TLSA lookup error",
        _ONE,
        f"{_PASS}; mx.tlsabogus.example.test dns: DANE: TLSA lookup: DNSSEC validation fails: {WHY}",
    ),
    "tlsainsecure": _opportunistic("mx.tlsainsecure.example.test", "the TLSA answer is not authenticated by DNSSEC"),
    "notlsa": _opportunistic("mx.notlsa.example.test", "no TLSA record"),
    "notls": Case("", "", _ONE, f"{_PASS}; mx.notls.example.test starttls: STARTTLS not offered, but DANE demands it"),
    "original": Case(
        "Verified",
        "",
        f"WARNING - 1 of 1 exchangers answer; alias.original.example.test {_ALIAS} mx.notlsa.example.test",
    ),
    "aliasout": Case(
        "Verified", "", f"WARNING - 1 of 1 exchangers answer; alias.aliasout.example.test {_ALIAS} mx.plain.test"
    ),
    "insecuremx": _opportunistic("mx.plain.test", "the address is not authenticated by DNSSEC"),
    "eeexpired": _verified("TLSA 3 1 1"),
    "eeself": _verified("TLSA 3 1 1"),
    "tawrongname": _unverified(
        "num=62:hostname mismatch",
        "tawrongname",
        "TLSA 2 0 1 matches, but certificate is for other.example.test, not for mx.tawron…",
    ),
    "taexpired": _unverified(
        "certificate has expired", "taexpired", "TLSA 2 0 1 matches, but certificate expired 42 hours ago"
    ),
    "taunsent": _unverified(
        "num=65:no matching DANE TLSA records", "taunsent", "TLSA 2 0 1 does not match the certificate"
    ),
    "mx1": _verified("TLSA 2 0 1"),
    **{
        f"u{usage}{selector}{matching}": _verified(f"TLSA {usage} {selector} {matching}")
        for usage in (2, 3)
        for selector in (0, 1)
        for matching in (0, 1, 2)
    },
    # -- zones of their own
    "plain.test": _opportunistic("mx.plain.test", "the MX answer is not authenticated by DNSSEC"),
    **{
        f"{name}.test": _unusable_domain(
            "Host not found, try again", f"{name}.test dns: MX: DNSSEC validation fails: {WHY}"
        )
        for name in ("bogus", "expired", "badds")
    },
    "dead.test": _unusable_domain("Host not found, try again", "dead.test dns: MX: the resolver fails (SERVFAIL)"),
    "nosuch.test": _unusable_domain("Host not found", "nosuch.test dns: MX: no such name (NXDOMAIN)"),
}
"""By name; ``silent.test``, of which Unbound says one thing or another, has a test of its own."""

POLICIES = {
    "example": "OK - 2 of 2 exchangers answer, MTA-STS enforce valid",
    "null": "CRITICAL - null.example.test dns: accepts no mail, null MX",
    "three": f"WARNING - 2 of 3 exchangers answer; {_DEAD}",
    "notlsa": "WARNING - 1 of 1 exchangers answer; notlsa.example.test sts: no MTA-STS record",
    "ststesting": (
        "WARNING - 1 of 1 exchangers answer; mx1.example.test sts: not among the exchangers of the MTA-STS policy "
        "(testing)"
    ),
    "stsoutside": f"{_PASS}; mx1.example.test sts: not among the exchangers of the MTA-STS policy (enforce)",
    "stsnone": f"{_ONE}, MTA-STS none",
    "stslong": f"{_ONE}, MTA-STS enforce valid",
    "stscert": (
        f"{_PASS}; mx.stscert.example.test sts: MTA-STS policy (enforce): certificate is for other.example.test, not "
        "for mx.stscert.exampl…"
    ),
    "stsslow": (
        "WARNING - 1 of 1 exchangers answer; stsslow.example.test timed out at sts: no valid MTA-STS policy: HTTPS: no "
        "answer from mta-sts.stsslow.example.test fo…"
    ),
    **{
        name: f"WARNING - 1 of 1 exchangers answer; {name}.example.test {_NO_POLICY}: {cause}"
        for name, cause in (
            ("stsredirect", "HTTP status 302, senders follow no redirect"),
            ("stsname", "HTTPS: certificate is for mx1.example.test, mx2.example.test, loca…"),
            ("stslarge", "more than 64 KiB"),
            ("stssyntax", "malformed line, hello, world"),
            ("stshtml", "it is of type text/html, not text/plain"),
            ("sts404", "HTTP status 404"),
            ("ststwo", "2 records announce one, senders take that for none"),
            ("stsnohost", "mta-sts.stsnohost.example.test: no address: no such name (NXDOMA…"),
        )
    },
}
"""First lines with ``--mta-sts``, by name."""
