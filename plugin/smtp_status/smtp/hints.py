"""What is likely behind a refusal or a lack, by the server's own words."""

from __future__ import annotations

from ..text import clean, cut
from .replies import BAD_SEQUENCE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from .replies import Reply
    from .session import Session

UNKNOWN_COMMAND = frozenset((500, 502, 504))
"""Replies of who does not know EHLO, LHLO or HELO at all."""

WORD_SHOWN = 20
REFUSAL_SHOWN = 60

ANOTHER_NAME = "it wants another name of this host: -F?"

_OF_NAMES = (
    b"fully-qualified",
    b"fully qualified",
    b"fqdn",
    b"hostname",
    b"host name",
    b"domain name",
    b"domain address",
    b"invalid name",
)
_OF_OUR_NAME = tuple(
    verb + words for verb in (b"helo", b"ehlo", b"lhlo") for words in (b" name", b" command rejected", b" argument")
)
_OF_OUR_ADDRESS = (b"client host", b"reverse", b"rdns", b"ptr", b"blocked", b"listed")
"""What no other name would change: Postfix' ``cannot find your hostname`` looks for the name of an address."""

_HELLO = frozenset((b"helo", b"ehlo"))
_PUNCTUATION = b"<>()[]'\":;,."
_FEWEST_STARS = 5


def after_hello(session: Session, reply: Reply) -> str:
    """What may be behind a refusal of EHLO, LHLO or HELO."""
    # Of a name that it takes for bad a server says why where it is told first.
    if any(map(about_our_name, filter(None, (session.refused_ehlo, reply)))):
        return ANOTHER_NAME
    if reply.code not in UNKNOWN_COMMAND:
        return ""
    if session.may_answer_proxy:
        return "perhaps the reply to the PROXY header"
    # Who knows neither EHLO nor HELO usually speaks the other protocol.
    return "no LMTP server? try without --lmtp" if session.plan.lmtp else "an LMTP server? try --lmtp"


def about_our_name(reply: Reply) -> bool:
    """Whether a refusal is about the name this host gave."""
    said = b" ".join(reply.texts).lower()
    if any(words in said for words in _OF_OUR_NAME):
        return True
    return any(words in said for words in _OF_NAMES) and not any(words in said for words in _OF_OUR_ADDRESS)


def after_mail(reply: Reply) -> str:
    """What may be behind a refusal of MAIL or RCPT: many servers look at the name of HELO only now."""
    words = b" ".join(reply.texts).lower().split()
    # In an address or a name helo says nothing, and asked for as the first command it is no name that is wrong.
    of_hello = any(_HELLO.issuperset(word.strip(_PUNCTUATION).split(b"/")) for word in words)
    return ANOTHER_NAME if of_hello and reply.code != BAD_SEQUENCE and b"first" not in words else ""


def instead(session: Session) -> str:
    """What came where EHLO should have told of an extension, '' where it simply was not there."""
    if session.refused_ehlo is not None:
        codes = " and ".join(str(code) for code in session.refused_ehlo.codes)
        said = clean(b" ".join(session.refused_ehlo.texts))
        return f"EHLO was refused: {cut(f'{codes} {said}'.rstrip(), REFUSAL_SHOWN)}"
    crossed = next(filter(_is_crossed_out, session.extensions), "")
    if crossed:
        return f"{cut(clean(crossed), WORD_SHOWN)}: a firewall's ESMTP inspection?"
    return "a greeting of asterisks: a firewall's SMTP inspection?" if session.masked else ""


def is_masked(texts: Iterable[bytes]) -> bool:
    """Whether a firewall has put asterisks in the place of a greeting's words, as Cisco's inspection does."""
    said = b"".join(texts).replace(b" ", b"")
    stars = said.count(b"*")
    return stars >= _FEWEST_STARS and stars * 2 > len(said)


def _is_crossed_out(keyword: str) -> bool:
    """``XXXXXXXA`` and the like: as long as the keyword was, and no extension's name."""
    return len(keyword) > 3 and not keyword[:-1].strip("X") and keyword[-1:].isalpha()
