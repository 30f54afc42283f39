"""What must hold of each parser, for any octets at all.

Each function takes octets and raises where something does not hold.  SEEDS are octets to begin with.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice

from conversations import grammar
from smtp_status import text
from smtp_status.options.inifile import SECTIONS, parse
from smtp_status.options.settings import UsageError
from smtp_status.secrets import ordinary, repetition
from smtp_status.smtp.replies import MAX_LINE, Reply, ReplyReader, extensions
from smtp_status.tls import certificate, messages, peer, validity
from smtp_status.tls.der import CertificateFault

Target = Callable[[bytes], None]

_PIECES = (1, 2, 3, 7, 64, 1 << 20)


def replies(octets: bytes) -> None:
    """The reply parser: the cuts of the network change nothing, no octet is lost, and the grammar agrees."""
    whole = _read(octets, 1 << 20)
    size = max(_PIECES[len(octets) % len(_PIECES)], len(octets) // 500)
    assert _read(octets, size) == whole
    found, rest = whole
    if found:
        code, _ = grammar.first_reply(octets)
        assert code == (0 if found[0].fault else found[0].code)
    for reply in found:
        assert reply.lines and len(set(reply.codes)) == len(reply.codes)
        assert reply.fault or (len(reply.codes) == 1 and 200 <= reply.code <= 559)
        assert reply.fault.isprintable()
        assert all(b"\n" not in line and len(line) <= MAX_LINE for line in reply.lines)
        extensions(reply)
    assert all(line in octets for line in rest)


def _read(octets: bytes, size: int) -> tuple[list[Reply], tuple[bytes, ...]]:
    """The replies in the octets, fed in pieces, and what is left."""
    reader = ReplyReader()
    found = []
    for start in range(0, len(octets), size):
        reader.feed(octets[start : start + size])
        found.extend(iter(reader.next_reply, None))
    rest = reader.begun()
    assert reader.idle == (not rest)
    return found, rest


def ehlo(octets: bytes) -> None:
    """The EHLO parser: keywords in upper case without blanks, parameters trimmed, nothing made up."""
    lines = tuple(octets.split(b"\n"))
    offered = extensions(Reply((250,), (b"250-mx.example.org", *(b"250-" + line for line in lines))))
    said = octets.decode("ascii", "replace").upper()
    for keyword, parameters in offered.items():
        assert keyword and keyword == keyword.upper() and " " not in keyword
        assert keyword in said or not keyword.isascii()
        assert parameters == parameters.strip()
    assert len(offered) <= len(lines)


def ini(octets: bytes) -> None:
    """The ini reader: settings or a UsageError of one printable line, which names the file and never the value."""
    try:
        sections = parse(octets, "/etc/plugins.ini", SECTIONS)
    except UsageError as error:
        message = str(error)
        assert message.isprintable() and "/etc/plugins.ini line " in message and len(message) < 120
        return
    assert set(sections) <= set(SECTIONS)
    for setting in (setting for settings in sections.values() for setting in settings):
        assert setting.key and not setting.key.startswith("-") and "=" not in setting.key
        assert "\n" not in setting.value and setting.value == setting.value.strip(" \t\r\f\v")
        assert setting.value.encode() in octets


def words(octets: bytes) -> None:
    """The text cleaner: harmless, stable, within its limit; and the secret is found wherever it stands."""
    secret, _, said = octets.partition(b"\n")
    for shown in (text.clean(said), text.sentence(said)):
        assert shown.isprintable() and not set(shown) & set("|<>&\\")
        shown.encode("utf-8")
        assert len(said) > text.RAW_LIMIT or len(shown.encode()) > text.RAW_LIMIT or text.clean(shown) == shown
        for limit in (0, 1, 2, 10, 160):
            for short in (text.cut(shown, limit), text.middle(shown, limit)):
                assert len(short) <= limit and short.isprintable()
    login = repetition.Login([secret], [said[:40]])
    login.repeated_by(said, cut_off=len(said) % 2 == 1)
    if secret.isalnum() and len(set(secret.lower())) > 4 and secret.lower() not in ordinary.WORDS:
        for form in (secret, secret.hex().encode(), secret[::-1].upper()):
            assert login.repeated_by(said + form), form


def certificates(octets: bytes) -> None:
    """The certificate reader: a CertificateFault or a certificate that can be described."""
    try:
        chain = messages.chain_from_messages(octets)
    except CertificateFault as fault:
        assert str(fault).isprintable()
        chain = ()
    for der in (octets, *islice(chain, 3)):
        read = peer.leaf((der,))
        if read is not None:
            assert all(line.isprintable() for line in peer.describe(read, 1.7e9))
            assert peer.name_words(read, "mx.example.org").isprintable()
            validity.days_left(read, 1.7e9)
            certificate.matches(read, "mx.example.org")
            certificate.matches(read, "192.0.2.1")


TARGETS: dict[str, Target] = {
    "replies": replies,
    "ehlo": ehlo,
    "ini": ini,
    "words": words,
    "certificates": certificates,
}


def seeds(name: str) -> list[bytes]:
    """Octets to begin with: one of each form the parser knows."""
    if name == "certificates":
        from conversations.certificates import certificate as any_certificate

        der = any_certificate(-1, 90, "mx.example.org")
        inner = len(der).to_bytes(3, "big") + der
        listed = len(inner).to_bytes(3, "big") + inner
        return [der, b"\x0b" + len(listed).to_bytes(3, "big") + listed]
    return {
        "replies": [
            b"220 mx.example.org ESMTP\r\n",
            b"250-mx\r\n250-SIZE 10\r\n250 HELP\r\n250\r\n",
            b"250-a\n251 b\n421\r\r\n999 x\n25 \n2500 y\r\n",
            b"250 " + b"x" * 9000 + b"\r\n250 ok\r\n",
        ],
        "ehlo": [b"SIZE 10240000\n8BITMIME\nAUTH PLAIN LOGIN\nAUTH=LOGIN\nSTARTTLS\r\nsmtputf8 \n"],
        "ini": [
            b"[check_smtp]\n# comment\nhostname=mx.example.org\n authpass = a#b;c\r\n[other]\nx\n[check_smtp_status]\n",
            b"\xef\xbb\xbf[ check_smtp ] ; comment\nstarttls=\nport=25\n",
        ],
        "words": [
            b"secret\nsaid secret | <b>x</b> \x1b[31m \xe2\x80\xae \\n c2VjcmV0 736563726574 \xff",
            b"pw\na pw b\ta@b <a@example.org>",
        ],
    }[name]
