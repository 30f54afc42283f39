"""Every kind of first line, each with the options and the server that bring it about.

``docs/reading-the-first-line.md`` shows them under their names; ``docs/make.py --outputs`` writes them there, and a
test compares.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from helpers.documented import PASSWORD_FILE, USER, World
from helpers.faults_tls import ClientHello
from servers.scripted import (
    Action,
    Auth,
    BoundScram,
    Close,
    Deaf,
    Eof,
    Raw,
    Read,
    Reset,
    Silence,
    Sleep,
    SmtpScript,
    StartTls,
    scram,
)
from servers.scripted.binding import END_POINT

MX = "-H mx.example.org"
TO = "--to bob@example.org"
LOGIN = f"-U {USER} --authpass-file {PASSWORD_FILE}"
SOON = "-t 1"
BYE = (b"221 2.0.0 Bye\r\n", Close())
ALERT = b"\x15\x03\x01\x00\x02\x02\x28"  # fatal, handshake_failure (RFC 8446 section 6)
NO_SUCH_NAME = b"\x15\x03\x01\x00\x02\x02\x70"  # fatal, unrecognized_name (RFC 6066 section 3)

BLACKHOLE = "blackhole 203.0.113.9"
NFT = "/usr/sbin/nft"
REJECTED = (
    f"{NFT} 'add table ip f; add chain ip f i {{ type filter hook input priority 0; }};"
    f" add rule ip f i tcp dport 2525 reject with icmp type host-prohibited'; {{}}; {NFT} delete table ip f"
)


class Case(NamedTuple):
    """``options`` of the plugin; ``script`` is what mx.example.org plays on ``port``, or makes it; ``around`` is
    shell text with ``{}`` for the command line."""

    options: str
    script: Action | Callable[[World], Action] = None
    port: int = 25
    around: str = "{}"


def smtp(**stages: object) -> SmtpScript:
    """A good server but for these stages."""
    values = {"name": b"mx.example.org", "banner": b"220 mx.example.org ESMTP\r\n", **stages}
    return SmtpScript(**values)  # type: ignore[arg-type]


def starttls(leaf: str) -> Callable[[World], Action]:
    """A good server with this certificate."""
    return lambda world: smtp(starttls=world.certs.context(getattr(world.certs, leaf)))


def _tls12(world: World) -> Action:
    import ssl

    context = world.certs.context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    return smtp(starttls=context)


def _wants_certificate(world: World) -> Action:
    return smtp(starttls=world.certs.context(client_certificate=True))


def _takes_over(world: World) -> Action:
    return smtp(
        starttls=(b"220 2.0.0 Go on\r\n250 mx.example.org at your service\r\n", StartTls(world.certs.context()))
    )


def _binds(leaf: str, knows: tuple[str, ...] = (END_POINT,)) -> Callable[[World], Action]:
    """A server that binds logins to this certificate, and shows the good one."""

    def made(world: World) -> Action:
        seen = getattr(world.certs, leaf).certificate
        mechanism = BoundScram(user=USER, password="s3cret", certificate=seen, knows=knows)
        return smtp(starttls=world.certs.context(), auth={"SCRAM-SHA-256-PLUS": mechanism, "SCRAM-SHA-256": Auth()})

    return made


CASES = {
    # success
    "accepted the message": Case(f"{MX} {TO}", smtp()),
    "accepted the recipient": Case(f"{MX} {TO} --quit-after rcpt", smtp()),
    "accepted the sender": Case(f"{MX} -f probe@example.net", smtp()),
    "authenticated": Case(
        f"{MX} {LOGIN} -S --quit-after auth", lambda world: smtp(starttls=world.certs.context(), auth={"PLAIN": Auth()})
    ),
    "answered": Case(MX, smtp()),
    "as wanted": Case(
        "-H mx1.example.org --to x@elsewhere.example --quit-after rcpt --state rcpt:5xx=ok,rcpt:2xx=critical"
    ),
    "harmless on the way": Case(
        f"{MX} {TO} --to grey@example.org --state rcpt:45x=ok",
        smtp(rcpt={"grey@example.org": b"450 4.2.0 Greylisted, try again later\r\n"}),
    ),
    # success with a limit passed
    "too slow": Case(f"{MX} {TO} -w 0.2 -c 5", smtp(rcpt=(Sleep(0.3), b"250 2.1.5 Recipient ok\r\n"))),
    "stage too slow": Case(
        f"{MX} {TO} --stage-critical rcpt=0.2", smtp(rcpt=(Sleep(0.3), b"250 2.1.5 Recipient ok\r\n"))
    ),
    "refused and too slow": Case(f"{MX} {TO} -c 0.2", smtp(rcpt=(Sleep(0.3), b"450 4.2.0 Greylisted\r\n"))),
    "certificate soon": Case(f"{MX} -D 21,3", starttls("soon")),
    # dns
    "no such host": Case("-H nosuch.example.org"),
    "no address of that family": Case("-6 -H mx3.example.org"),
    "resolver fails": Case("-H broken.example.org"),
    "resolver silent": Case(f"-H silent.example.org {SOON}"),
    # connect
    "refused": Case("-H mx3.example.org"),
    "refused by two": Case("-H mx1.example.org -p 26"),
    "no answer": Case(f"-H far.example.org {SOON}", None, 25, "unreachable"),
    "no route": Case("-H 203.0.113.9"),
    "rejected by a firewall": Case("-H mx3.example.org -p 2525", around=REJECTED),
    "blackhole route": Case("-H 203.0.113.9", around=f"ip route add {BLACKHOLE}; {{}}; ip route del {BLACKHOLE}"),
    "no socket": Case(f"-L -H /run/lmtp {TO}"),
    # banner
    "greeting 554": Case(MX, smtp(banner=b"554 5.7.1 mx.example.org says no to you\r\n", quit=BYE)),
    "greeting 421": Case(MX, (b"421 4.3.2 Too many connections\r\n", Close())),
    "greeting late": Case(f"{MX} {SOON}", Silence()),
    "greeting late on 465": Case(f"{MX} -p 465 {SOON}", Silence(), 465),
    "greeting incomplete": Case(f"{MX} {SOON}", (b"220-mx.example.org, one moment\r\n", Silence())),
    "greeting closed": Case(MX, Close()),
    "greeting reset": Case(MX, (Sleep(0.05), Reset())),  # not before the client knows that it is connected
    "greeting of something else": Case(f"{MX} -p 22", (b"SSH-2.0-OpenSSH_9.2\r\n", Silence()), 22),
    "greeting of another code": Case(MX, smtp(banner=b"250 mx.example.org\r\n")),
    "greeting without text": Case(f"{MX} -e Postfix", smtp()),
    # ehlo
    "ehlo refused": Case(MX, smtp(ehlo=b"550 5.7.1 Bad HELO name\r\n")),
    "ehlo of LMTP": Case(f"{MX} {TO}", smtp(lmtp=True)),
    # starttls and tls
    "starttls missing": Case(f"{MX} -S", smtp()),
    "starttls crossed out": Case(f"{MX} -S", smtp(ehlo=b"250-mx.example.org\r\n250 XXXXXXXA\r\n")),
    "starttls 454": Case(f"{MX} -S", smtp(starttls=b"454 4.7.0 TLS not available due to local problem\r\n")),
    "starttls plain text": Case(f"{MX} -S", _takes_over),
    "handshake no TLS": Case(f"{MX} -s", smtp(), 465),
    "handshake closed": Case(f"{MX} -S", smtp(starttls=(b"220 2.0.0 Go on\r\n", ClientHello(), Close()))),
    "handshake late": Case(f"{MX} -S {SOON}", smtp(starttls=(b"220 2.0.0 Go on\r\n", Silence()))),
    "handshake nothing in common": Case(f"{MX} -S", smtp(starttls=(b"220 2.0.0 Go on\r\n", Read(1), ALERT, Eof()))),
    "handshake name": Case(f"{MX} -S", smtp(starttls=(b"220 2.0.0 Go on\r\n", Read(1), NO_SUCH_NAME, Eof()))),
    "handshake too old": Case(f"{MX} -S --tls-min 1.3", _tls12),
    "client certificate wanted": Case(f"{MX} -S", _wants_certificate),
    "certificate expired": Case(f"{MX} -S", starttls("expired")),
    "certificate not yet valid": Case(f"{MX} -S", starttls("not_yet")),
    "certificate name": Case(f"{MX} -S", starttls("wrong_name")),
    "certificate name of an address": Case("-H 192.0.2.30 -S", starttls("good")),
    "certificate self-signed": Case(f"{MX} -S", starttls("selfsigned")),
    "certificate without its issuer": Case(f"{MX} -S", starttls("leaf_only")),
    # auth
    "auth missing": Case(f"{MX} {LOGIN}", lambda world: smtp(starttls=world.certs.context())),
    "auth mechanism missing": Case(
        f"{MX} {LOGIN} -S -A SCRAM-SHA-256",
        lambda world: smtp(starttls=world.certs.context(), auth={"PLAIN": Auth(), "LOGIN": Auth()}),
    ),
    "auth nothing in common": Case(
        f"{MX} {LOGIN} -S", lambda world: smtp(starttls=world.certs.context(), auth={"NTLM": Auth(), "GSSAPI": Auth()})
    ),
    "auth in clear": Case(f"{MX} {LOGIN}", smtp(auth={"PLAIN": Auth(), "LOGIN": Auth()})),
    "auth 530": Case(
        f"{MX} {LOGIN} --auth-plaintext",
        smtp(auth={"PLAIN": Auth(final=b"530 5.7.0 Must issue a STARTTLS command first\r\n")}),
    ),
    "auth 535": Case("-H smtp.example.org -p 587 -S -U probe@example.org -P wrong"),
    "auth binding differs": Case(f"{MX} {LOGIN} -S -A SCRAM-SHA-256-PLUS", _binds("rsa")),
    "auth binding unknown": Case(f"{MX} {LOGIN} -S -A SCRAM-SHA-256-PLUS", _binds("good", ())),
    "auth server not genuine": Case(
        f"{MX} {LOGIN} -A SCRAM-SHA-256",
        smtp(auth={"SCRAM-SHA-256": scram(USER, "s3cret", nonce=b"scripted", forged=True)}),
    ),
    "auth challenge": Case(f"{MX} {LOGIN} -A CRAM-MD5", smtp(auth={"CRAM-MD5": Auth((Raw(b"334 ???\r\n"),))})),
    # mail
    "mail 530": Case(f"-H smtp.example.org -p 587 {TO}"),
    "mail 8bit": Case(f"{MX} {TO} --data 'Grüße'", smtp(extensions=(b"SIZE 10240000",))),
    "mail smtputf8": Case(f"{MX} --to josé@example.org", smtp(extensions=(b"8BITMIME",))),
    "mail 552": Case(f"{MX} {TO}", smtp(mail=b"552 5.3.4 Message size exceeds fixed limit\r\n")),
    # rcpt
    "rcpt 450": Case("-H mx1.example.org --to grey@example.org"),
    "rcpt 550": Case("-H mx1.example.org --to nobody@example.org"),
    "rcpt 554": Case("-H mx1.example.org --to x@elsewhere.example"),
    "rcpt one of two": Case("-H mx1.example.org --to bob@example.org --to nobody@example.org"),
    "rcpt all of two": Case(f"{MX} {TO} --to eve@example.org", smtp(rcpt=b"550 5.1.1 User unknown\r\n")),
    "rcpt 2xx not wanted": Case(
        f"{MX} --to x@elsewhere.example --quit-after rcpt --state rcpt:5xx=ok,rcpt:2xx=critical", smtp()
    ),
    # data and message
    "data 451": Case(f"{MX} {TO}", smtp(data=b"451 4.3.0 Queue file write error\r\n")),
    "message 554": Case(f"{MX} {TO}", smtp(message=b"554 5.7.1 Message refused by content filter\r\n")),
    "message late": Case(f"{MX} {TO} {SOON}", smtp(message=Silence())),
    "message not taken": Case(f"{MX} {TO} -t 2 --data-file big.eml", smtp(data=(b"354 Go on\r\n", Deaf())), 25, "big"),
    "message closed": Case(f"{MX} {TO}", smtp(message=Close())),
    "lmtp all of two": Case(
        f"{MX} -L {TO} --to eve@example.org", smtp(lmtp=True, message=b"552 5.2.2 Mailbox full\r\n")
    ),
    "lmtp one of two": Case(
        f"{MX} -L {TO} --to eve@example.org",
        smtp(lmtp=True, message={"eve@example.org": b"552 5.2.2 Mailbox full\r\n"}),
    ),
    # commands of the user
    "command mismatch": Case(f"{MX} -C 'VRFY bob' -R '^250'", smtp()),
    # quit
    "quit closed": Case(f"{MX} {TO}", smtp(quit=Close())),
    "quit late": Case(f"{MX} {TO}", smtp(quit=Silence())),
    # anywhere
    "421": Case(f"{MX} {TO}", smtp(rcpt=(b"421 4.3.2 System is shutting down\r\n", Close()))),
    "closed": Case(f"{MX} {TO}", smtp(mail=Close())),
    "incomplete": Case(f"{MX} {TO} {SOON}", smtp(message=(b"250-2.0.0 Ok\r\n", Silence()))),
    "different codes": Case(f"{MX} {TO}", smtp(rcpt=b"250-2.1.5 Ok\r\n550 5.1.1 No such user\r\n")),
    "no code": Case(f"{MX} {TO}", smtp(mail=b"Internal error\r\n")),
    "unasked": Case(f"{MX} {TO}", smtp(mail=b"250 2.1.0 Ok\r\n250 2.1.5 Ok\r\n")),
    "not a reply to it": Case(f"{MX} {TO}", smtp(data=b"250 2.0.0 Ok\r\n")),
    "stopped": Case(f"{MX} {TO}", smtp(rcpt=Silence()), 25, "sh -c '{} & sleep 1.5; kill $!; wait $!'"),
    # several
    "some of several": Case(f"-H mx1.example.org -H mx2.example.org -H mx3.example.org {TO}"),
    "fewer than required": Case(f"-H mx1.example.org -H mx3.example.org {TO} --require 2"),
    "none of several": Case("-H mx1.example.org -H mx2.example.org --to grey@example.org"),
    "several as wanted": Case(
        "-H mx1.example.org -H mx2.example.org --to x@elsewhere.example --quit-after rcpt"
        " --state rcpt:5xx=ok,rcpt:2xx=critical"
    ),
    "addresses none of which answer": Case("-H mx1.example.org -p 26 --all-addresses"),
    # a mail domain
    "domain": Case("-d example.org --to postmaster@example.org --dane require --mta-sts"),
    "one exchanger down": Case(f"-d lists.example.org {TO}"),
    "null MX": Case("-d news.example.org"),
    "no such domain": Case("-d nosuch.example.org"),
    "domain resolver fails": Case("-d broken.example.org"),
    "exchanger without address": Case("-d gone.example.org"),
    # DANE
    "dane no match": Case(f"{MX} --dane try", starttls("good")),
    "dane no starttls": Case(f"{MX} --dane try", smtp()),
    "dane no record": Case("-H smtp.example.org -p 587 --dane require"),
    "dane lookup fails": Case("-H balanced.example.org --dane try"),
    "dane resolver": Case("-d example.org --dane require --nameserver 192.0.2.54"),
    "dane not judged": Case("-d example.org --dane try --nameserver 192.0.2.54"),
    # MTA-STS
    "sts no record": Case("-d lists.example.org --mta-sts --require any"),
    "sts no policy": Case("-d shop.example.org --mta-sts"),
    "sts outside": Case("-d staff.example.org --mta-sts"),
    # usage
    "usage option": Case("-H mx1.example.org --form probe@example.net"),
    "usage word": Case("-H mx1.example.org 25"),
    "usage value": Case("-H mx1.example.org -w fast"),
    "usage days": Case("-H mx1.example.org -D 7,21"),
    "usage domain": Case("-d bob@example.org"),
    "usage file": Case(f"-H smtp.example.org -p 587 -S -U {USER} --authpass-file missing"),
    "usage plaintext": Case(f"-H smtp.example.org -A PLAIN {LOGIN}"),
}
"""By the names they have on the page."""


def first_line(world: World, case: Case) -> str:
    """The first line of ``case``, without perfdata."""
    command = f"check_smtp_status {case.options}"
    if case.around == "big":
        command = f"head -c 9000000 /dev/zero | tr '\\0' x | fold -w 70 > big.eml; {command}"
    elif case.around != "unreachable":
        command = case.around.replace("{}", command)
    script = case.script
    if callable(script) and not hasattr(script, "play"):
        script = script(world)
    if case.script is None:
        return _first(world, command, dropped=case.around == "unreachable")
    with world.playing(script, case.port):
        return _first(world, command)


def _first(world: World, command: str, dropped: bool = False) -> str:
    if dropped:
        with world.dropping():
            return _first(world, command)
    output, _code = world.run(command)
    return output.partition("\n")[0].partition(" | ")[0]
