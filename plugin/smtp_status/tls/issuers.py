"""Where a chain of certificates that is not trusted ends, and which of its issuers is out of date."""

from __future__ import annotations

from ..text import clean, cut
from . import certificate as x509
from . import validity
from .der import CertificateFault

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable, Iterator

    from .certificate import Certificate

NAME_SHOWN = 48
"""Characters of an issuer's name in a sentence."""


def end_words(chain: tuple[bytes, ...]) -> str:
    """Why ``chain`` (DER, leaf first) leads to nobody who is trusted, as far as what was sent can tell.

    A root need not be sent and so is named by those it has signed; where the leaf came alone, whoever signed it is
    missing, be it an intermediate one or a root.
    """
    path = _path(chain)
    if not path:
        return "issuer unknown or intermediate certificate missing"
    last = path[-1]
    if last.self_issued and len(path) > 1:
        return f'chain ends at "{_subject(last)}", which is not trusted here'
    if len(path) > 1:
        return f'chain ends at "{_issuer(last)}", which is not trusted here'
    return f'the server does not send the certificate of "{_issuer(last)}", and it is not trusted here'


def date_words(chain: tuple[bytes, ...], known: ssl.SSLContext | None, now: float) -> str:
    """Which certificate above the leaf is not valid at ``now``; '' where none is found, neither among those sent nor
    among those that ``known`` trusts."""
    path = _path(chain)
    above = path[1:]
    if path and known is not None:
        sent = {one.subject for one in path}
        above += [one for one in _trusted(known) if one.subject == path[-1].issuer or one.subject in sent]
    for one in above:
        if now > one.not_after:
            return f'the certificate of the issuer "{_subject(one)}" expired on {validity.day(one.not_after)}'
        if now < one.not_before:
            return f'the certificate of the issuer "{_subject(one)}" is not valid before {validity.day(one.not_before)}'
    return ""


def _path(chain: Iterable[bytes]) -> list[Certificate]:
    """The leaf, its issuer, and so on as far as they were sent, in whatever order."""
    found = list(_readable(chain))
    path = found[:1]
    left = found[1:]
    while path and not path[-1].self_issued:
        issuer = next((one for one in left if one.subject == path[-1].issuer), None)
        if issuer is None:
            break
        left.remove(issuer)
        path.append(issuer)
    return path


def _readable(chain: Iterable[bytes]) -> Iterator[Certificate]:
    for der in chain:
        try:
            yield x509.read(der)
        except CertificateFault:
            return


def _trusted(context: ssl.SSLContext) -> Iterator[Certificate]:
    """The authorities, those in a directory as far as OpenSSL has looked at them."""
    for der in context.get_ca_certs(binary_form=True):
        yield from _readable((der,))


def _subject(one: Certificate) -> str:
    return cut(clean(one.common_name or one.subject), NAME_SHOWN)


def _issuer(one: Certificate) -> str:
    return cut(clean(one.issuer_common_name or one.issuer), NAME_SHOWN)
