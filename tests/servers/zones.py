"""The zones of the tests' own DNS, and what each mail domain in them is there to show."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path

import dns.dnssec
import dns.name
import dns.rdata
import dns.zone
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from .certs import Certs
from .web import page, policy

GOOD, SECOND, NO_TLS, WRONG_NAME, EXPIRED, SELF_SIGNED, LEAF_ONLY, DENYING = (
    f"127.0.0.{number}" for number in range(2, 10)
)
"""Addresses where Postfix listens on port 25, by what is wrong with it; GOOD has TLS from the first byte on 465.

Not 127.0.0.1 and ::1, each sender's own host, where nobody connects to an exchanger.
"""

IPV6 = "2001:db8::25"

DEAD, HOLE = "127.0.0.20", "127.0.0.21"
"""Where nobody listens, and where nobody answers."""

WEB_ADDRESS = "127.0.0.80"

LISTENERS = {
    "smtp": (GOOD, 25),
    "smtps": (GOOD, 465),
    "smtp:second": (SECOND, 25),
    "notls": (NO_TLS, 25),
    "wrongname": (WRONG_NAME, 25),
    "expired": (EXPIRED, 25),
    "selfsigned": (SELF_SIGNED, 25),
    "leafonly": (LEAF_ONLY, 25),
    "deny": (DENYING, 25),
    "ipv6": (IPV6, 25),
}
"""For ``Postfix(at=…)``."""

_ZEROS = "00" * 32
_RECORD = "v=STSv1; id=20260101T000000;"

CASES = {
    # -- exchangers
    "example": "two exchangers, TLSA 3 1 1 and 2 0 1, MTA-STS enforce",
    "three": "three exchangers, the last refuses connections",
    "hole": "two exchangers, the second never answers",
    "alldown": "two exchangers, none connects",
    "null": "null MX",
    "nullplus": "null MX beside another MX",
    "literal": "an address literal beside an exchanger",
    "onlyliteral": "an address literal alone",
    "cnamemx": "an exchanger that is an alias",
    "aliasdom": "the domain is an alias of example.test",
    "implicit": "no MX, but an address",
    "nodata": "no MX and no address",
    "nohost": "an exchanger that does not exist",
    "v6": "an exchanger with an IPv6 address only",
    "wild.wild": "MX by a wildcard",
    "hostile": "exchangers whose names are no host names, beside one that is fine",
    "crowd": "sixty exchangers",
    # -- DANE
    "nomatch": "a TLSA record that matches nothing",
    "rollover": "two TLSA records, one matches",
    "agility": "the weaker digest matches, the stronger does not",
    "unusable": "usage 0 only",
    "mixed": "usage 0 beside a record that matches",
    "tlsacname": "the TLSA name is an alias",
    "tlsawild": "TLSA by a wildcard",
    "tlsabogus": "the zone of the TLSA records has a wrong DS",
    "tlsainsecure": "the zone of the TLSA records is not signed",
    "notlsa": "no TLSA record",
    "notls": "TLSA, but no STARTTLS",
    "original": "TLSA only at the name before the CNAME",
    "aliasout": "an alias into an unsigned zone, TLSA at the alias",
    "insecuremx": "a signed MX to a host in an unsigned zone",
    "eeexpired": "usage 3 with an expired certificate",
    "eeself": "usage 3 with a self-signed certificate",
    "tawrongname": "usage 2 with a certificate for other names",
    "taexpired": "usage 2 with an expired certificate",
    "taunsent": "usage 2, by digest, of a root that is not sent",
    "mx1": "usage 2, the certificate is for the domain and not for the exchanger",
    # -- MTA-STS
    "ststesting": "mode testing, the exchanger is not in the policy",
    "stsoutside": "mode enforce, the exchanger is not in the policy",
    "stsnone": "mode none",
    "stsredirect": "a redirect",
    "stsname": "the web server's certificate is for another name",
    "stslarge": "more than 64 KiB",
    "stslong": "mode enforce, thousands of patterns",
    "stsslow": "comes octet by octet",
    "stssyntax": "no policy at all",
    "stshtml": "the right policy as text/html",
    "sts404": "no such page",
    "ststwo": "two records",
    "stsnohost": "a record, but no web server's name",
    "stscert": "mode enforce, the exchanger's certificate is for another name",
}
"""Names below example.test (``example`` is example.test itself) and what they show."""

OUTSIDE = {
    "plain.test": "an unsigned zone",
    "bogus.test": "data changed after signing",
    "expired.test": "signatures expired",
    "badds.test": "the parent has the DS of another key",
    "dead.test": "served by one that has lost the zone",
    "silent.test": "served by one that never answers",
    "nosuch.test": "does not exist",
}
"""Domains that are zones of their own, and what they show."""

TA_NAMES = (
    *(f"mx.u2{selector}{matching}.example.test" for selector in (0, 1) for matching in (0, 1, 2)),
    "mx.taunsent.example.test",
    "mx.taexpired.example.test",
)
"""Exchangers whose names the certificates of GOOD and EXPIRED have besides, since with usage 2 names count."""

_STS = [name for name in CASES if name.startswith("sts") and name not in {"stsnohost", "ststwo"}]

WEB_NAMES = ("mta-sts.example.test", *(f"mta-sts.{name}.example.test" for name in _STS if name != "stsname"))
"""Names the web server has a certificate for."""

_ENFORCED = page(policy("*.example.test"))

PAGES: dict[str, bytes | list[bytes]] = {
    "mta-sts.example.test": _ENFORCED,
    "mta-sts.ststesting.example.test": page(policy("mail.other.test", mode="testing")),
    "mta-sts.stsoutside.example.test": page(policy("mail.other.test")),
    "mta-sts.stsnone.example.test": page(policy(mode="none")),
    "mta-sts.stsredirect.example.test": page(
        b"", status="302 Found", fields="Location: https://mta-sts.example.test/.well-known/mta-sts.txt\r\n"
    ),
    "mta-sts.stsname.example.test": _ENFORCED,
    "mta-sts.stslarge.example.test": page(policy("*.example.test") + b"x: y\r\n" * 20000),
    "mta-sts.stslong.example.test": page(
        policy("*.example.test", *(f"mx{number}.other.test" for number in range(2500)))
    ),
    "mta-sts.stsslow.example.test": [bytes((octet,)) for octet in _ENFORCED] * 10,
    "mta-sts.stssyntax.example.test": page(b"hello, world\n"),
    "mta-sts.stshtml.example.test": page(policy("*.example.test"), fields="Content-Type: text/html\r\n"),
    "mta-sts.sts404.example.test": page(b"", status="404 Not Found"),
    "mta-sts.stscert.example.test": page(policy("*.stscert.example.test")),
}
"""What the web server answers, by host."""


def full(name: str) -> str:
    """A case's name as a domain name."""
    if name == "example" or name.endswith(".test"):
        return "example.test" if name == "example" else name
    return f"{name}.example.test"


def tlsa(path: Path, usage: int, selector: int, matching: int, position: int = 0) -> str:
    """The TLSA record's data for a certificate of a file."""
    certificate = x509.load_pem_x509_certificates(path.read_bytes())[position]
    if selector:
        data = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    else:
        data = certificate.public_bytes(Encoding.DER)
    digest = {0: data, 1: hashlib.sha256(data).digest(), 2: hashlib.sha512(data).digest()}[matching]
    return f"{usage} {selector} {matching} {digest.hex()}"


class _Zone:
    """The text of one zone, record by record."""

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self.lines: list[str] = []
        self.add("@", f"SOA ns.lab. root.{origin.lstrip('.')} 1 3600 600 86400 5", "NS ns.lab.")

    def add(self, name: str, *records: str) -> None:
        owner = self.origin if name == "@" else name if name.endswith(".") else f"{name}.{self.origin.lstrip('.')}"
        self.lines += [f"{owner} 60 IN {record}" for record in records]

    def exchanger(self, domain: str, address: str, *tlsas: str) -> None:
        """A domain with one exchanger, ``mx.DOMAIN``."""
        self.add(domain, f"MX 10 mx.{domain}.{self.origin}")
        self.host(f"mx.{domain}", address, *tlsas)

    def host(self, name: str, address: str, *tlsas: str) -> None:
        self.add(name, f"{'AAAA' if ':' in address else 'A'} {address}")
        self.add(f"_25._tcp.{name}", *(f"TLSA {data}" for data in tlsas))

    def text(self) -> str:
        return "".join(f"{line}\n" for line in self.lines)


def _example(certs: Certs) -> _Zone:
    leaf = tlsa(certs.good.crt, 3, 1, 1)
    issuer = tlsa(certs.good.crt, 2, 0, 1, position=1)
    zone = _Zone("example.test.")
    zone.add("@", "MX 20 mx2.example.test.", "MX 10 mx1.example.test.")
    zone.host("mx1", GOOD, leaf)
    zone.host("mx2", SECOND, issuer)
    zone.host("dead", DEAD, leaf)
    zone.host("hole", HOLE, leaf)
    zone.add("both", f"A {SECOND}", f"AAAA {IPV6}")
    zone.add("three", "MX 10 mx1.example.test.", "MX 10 mx2.example.test.", "MX 30 dead.example.test.")
    zone.add("hole", "MX 10 mx1.example.test.", "MX 20 hole.example.test.")
    zone.add("alldown", "MX 10 dead.example.test.", "MX 20 hole.example.test.")
    zone.add("null", "MX 0 .")
    zone.add("nullplus", "MX 0 .", "MX 10 mx1.example.test.")
    zone.add("literal", "MX 10 mx1.example.test.", f"MX 5 {GOOD}.")
    zone.add("onlyliteral", f"MX 5 {GOOD}.")
    zone.add("alias", "CNAME mx1.example.test.")
    zone.add("cnamemx", "MX 10 alias.example.test.")
    zone.add("aliasdom", "CNAME example.test.")
    zone.host("implicit", GOOD, leaf)
    zone.add("_465._tcp.implicit", f"TLSA {leaf}")
    zone.add("nodata", 'TXT "no mail here"')
    zone.add("nohost", "MX 10 nosuch.example.test.")
    zone.exchanger("v6", IPV6, leaf)
    zone.add("*.wild", "MX 10 mx1.example.test.")
    bad = (rf"{piece}.example.test." for piece in (r"a\124b", r"\060script\062", r"\027[2J\010", r"\240", "x" * 63))
    zone.add("hostile", "MX 20 mx1.example.test.", *(f"MX {10 + number} {name}" for number, name in enumerate(bad)))
    for number in range(60):
        zone.add("crowd", f"MX 10 mx{number:02}.crowd.example.test.")
        zone.host(f"mx{number:02}.crowd", GOOD)

    zone.exchanger("nomatch", GOOD, f"3 1 1 {_ZEROS}")
    zone.exchanger("rollover", GOOD, f"3 1 1 {_ZEROS}", leaf)
    zone.exchanger("agility", GOOD, leaf, f"3 1 2 {_ZEROS}{_ZEROS}")
    zone.exchanger("unusable", GOOD, f"0 0 1 {_ZEROS}")
    zone.exchanger("mixed", GOOD, f"0 0 1 {_ZEROS}", leaf)
    zone.exchanger("tlsacname", GOOD)
    zone.add("_25._tcp.mx.tlsacname", "CNAME shared.example.test.")
    zone.add("shared", f"TLSA {tlsa(certs.good.crt, 3, 0, 2)}")
    zone.exchanger("tlsawild", GOOD)
    zone.add("*.mx.tlsawild", f"TLSA {leaf}")
    for name in ("tlsabogus", "tlsainsecure"):
        zone.exchanger(name, GOOD)
        zone.add(f"_tcp.mx.{name}", "NS ns.lab.")
    zone.exchanger("notlsa", GOOD)
    zone.exchanger("notls", NO_TLS, leaf)
    zone.add("original", "MX 10 alias.original.example.test.")
    zone.add("alias.original", "CNAME mx.notlsa.example.test.")
    zone.add("_25._tcp.alias.original", f"TLSA {leaf}")
    zone.add("aliasout", "MX 10 alias.aliasout.example.test.")
    zone.add("alias.aliasout", "CNAME mx.plain.test.")
    zone.add("_25._tcp.alias.aliasout", f"TLSA {leaf}")
    zone.add("insecuremx", "MX 10 mx.plain.test.")
    zone.exchanger("eeexpired", EXPIRED, tlsa(certs.expired.crt, 3, 1, 1))
    zone.exchanger("eeself", SELF_SIGNED, tlsa(certs.selfsigned.crt, 3, 1, 1))
    zone.exchanger("tawrongname", WRONG_NAME, issuer)
    zone.exchanger("taexpired", EXPIRED, issuer)
    zone.exchanger("taunsent", GOOD, tlsa(certs.ca, 2, 0, 1))
    for usage, position in ((3, 0), (2, 1)):
        for selector in (0, 1):
            for matching in (0, 1, 2):
                data = tlsa(certs.good.crt, usage, selector, matching, position)
                zone.exchanger(f"u{usage}{selector}{matching}", GOOD, data)
    zone.add("mx1", "MX 10 mx.nexthop.example.test.")
    zone.host("mx.nexthop", GOOD, issuer)

    zone.add("_mta-sts", f'TXT "{_RECORD}"')
    zone.add("_smtp._tls", 'TXT "v=TLSRPTv1; rua=mailto:reports@example.test"')
    zone.add("mta-sts", f"A {WEB_ADDRESS}")
    for name in (*_STS, "stsnohost", "ststwo"):
        zone.add(f"_mta-sts.{name}", f'TXT "{_RECORD}"')
        if name == "stscert":
            zone.exchanger(name, WRONG_NAME)
        else:
            zone.add(name, "MX 10 mx1.example.test.")
        if name != "stsnohost":
            zone.add(f"mta-sts.{name}", f"A {WEB_ADDRESS}")
    zone.add("_mta-sts.ststwo", 'TXT "v=STSv1; id=2;"')
    return zone


def signed(certs: Certs) -> tuple[dict[str, str], dns.rdata.Rdata]:
    """The text of each zone by its origin, and the DS of the root's key."""
    leaf = tlsa(certs.good.crt, 3, 1, 1)
    texts: dict[str, str] = {}
    delegated: dict[str, dns.rdata.Rdata] = {}

    def small(origin: str) -> _Zone:
        zone = _Zone(origin)
        zone.add("@", f"MX 10 mx.{origin}")
        zone.host("mx", GOOD, leaf)
        return zone

    def sign(zone: _Zone, begins: int = -3600) -> None:
        texts[zone.origin], delegated[zone.origin] = _sign(zone, begins)

    for name in ("tlsabogus", "tlsainsecure"):
        zone = _Zone(f"_tcp.mx.{name}.example.test.")
        zone.add("_25", f"TLSA {leaf}")
        sign(zone)
    example = _example(certs)
    wrong = delegated["_tcp.mx.tlsainsecure.example.test."]
    example.add("_tcp.mx.tlsabogus", f"DS {wrong.to_text()}")
    sign(example)
    sign(small("expired.test."), begins=-20 * 86400)
    sign(small("bogus.test."))
    sign(small("badds.test."))
    texts["bogus.test."] = texts["bogus.test."].replace("MX 10 mx.bogus", "MX 11 mx.bogus")
    plain = small("plain.test.")
    texts["plain.test."] = plain.text()

    test = _Zone("test.")
    served = {origin: origin for origin in texts if origin.count(".") == 2}
    for origin in (*served, "dead.test.", "silent.test."):
        test.add(origin, "NS ns.lab.")
    for origin in ("example.test.", "expired.test.", "bogus.test."):
        test.add(origin, f"DS {delegated[origin].to_text()}")
    test.add("badds.test.", f"DS {delegated['example.test.'].to_text()}")
    sign(test)
    root = _Zone(".")
    root.add("ns.lab.", "A 127.0.0.54")
    root.add("test.", "NS ns.lab.", f"DS {delegated['test.'].to_text()}")
    sign(root)
    return texts, delegated["."]


def _sign(zone: _Zone, begins: int) -> tuple[str, dns.rdata.Rdata]:
    """The signed zone, and the DS of its key; signatures are valid for a day from ``begins``, seconds from now."""
    made = dns.zone.from_text(zone.text(), origin=zone.origin, relativize=False)
    key = ec.generate_private_key(ec.SECP256R1())
    record = dns.dnssec.make_dnskey(key.public_key(), dns.dnssec.Algorithm.ECDSAP256SHA256, flags=257)
    first = int(time.time()) + begins
    with made.writer() as transaction:
        dns.dnssec.sign_zone(
            made,
            transaction,
            [(key, record)],
            add_dnskey=True,
            dnskey_ttl=60,
            inception=first,
            expiration=first + 86400,
        )
    return made.to_text(relativize=False), dns.dnssec.make_ds(dns.name.from_text(zone.origin), record, "SHA256")
