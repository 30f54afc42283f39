"""The SASL mechanisms there are, which of them to take, and how each begins (RFC 4422)."""

from __future__ import annotations

from os import urandom

from .cram_md5 import CramMd5
from .exchange import Exchange, encode, utf8
from .login import LoginMechanism
from .oauth import Token, check
from .saslprep import saslprep
from .scram import HASHES, Scram, saslname

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection

    from .binding import Binding
    from .credentials import Credentials

STRENGTH = (
    "EXTERNAL",
    "SCRAM-SHA-512",
    "SCRAM-SHA-512-PLUS",
    "SCRAM-SHA-256",
    "SCRAM-SHA-256-PLUS",
    "SCRAM-SHA-1",
    "SCRAM-SHA-1-PLUS",
    "CRAM-MD5",
    "OAUTHBEARER",
    "XOAUTH2",
    "PLAIN",
    "LOGIN",
)
"""Every mechanism there is, strongest first; one with channel binding behind the same one without: what ends TLS in
front of a server, a load balancer for one, breaks the binding, and with it a login that is good otherwise."""

PLUS = frozenset(name for name in STRENGTH if name.endswith("-PLUS"))
"""Mechanisms with channel binding, which take TLS."""

PLAINTEXT = frozenset({"PLAIN", "LOGIN", "XOAUTH2", "OAUTHBEARER"})
"""Mechanisms that show the secret to whoever can read the connection."""

SECRETLESS = frozenset({"EXTERNAL"})
"""Mechanisms that take no secret: TLS says who it is."""

TOKEN = frozenset({"XOAUTH2", "OAUTHBEARER"})
"""Mechanisms whose secret is an access token, not a password."""


def listed(names: Collection[str]) -> str:
    """``names`` for an error message, with PLUS in short."""
    return " ".join(f"{name}[-PLUS]" if f"{name}-PLUS" in names else name for name in names if name not in PLUS)


def without_password(offered: Collection[str], listed: str, option: str) -> str:
    """Why a password is of no use with what is ``offered``, ``listed`` for people; ``option`` names the mechanism."""
    if TOKEN.isdisjoint(offered):
        return f"no mechanism in common, offered: {listed}"
    return f"no mechanism for passwords in common, offered: {listed}; a token and {option}?"


def bind(offered: Collection[str], unique: bytes, chain: tuple[bytes, ...]) -> Binding | None:
    """The binding of a connection by TLS, as ``binding.made``, where one of the mechanisms offered takes it."""
    if PLUS.isdisjoint(offered):
        return None
    from . import binding  # noqa: PLC0415 - few servers offer such mechanisms

    return binding.made(unique, chain)


def choose(
    offered: Collection[str],
    wanted: str | None,
    *,
    protected: bool,
    plaintext: bool,
    has_secret: bool,
    has_client_cert: bool,
    binding: Binding | None = None,
) -> str | None:
    """The mechanism to use, or None when none of those offered will do.

    ``wanted`` is the user's choice, None for the strongest that suits.  ``protected``: the connection has
    TLS or does not leave this machine.  ``plaintext``: the user allows PLAINTEXT mechanisms regardless.  The
    token mechanisms are only taken when wanted, since a password is no token; EXTERNAL when wanted, or when
    there is a client certificate and no secret.  Without a ``binding`` there are no mechanisms of PLUS; one that the
    server need not know (``tls-server-end-point``) is taken when wanted, or where nothing else will do.
    """
    common = {name.upper() for name in offered}.intersection(STRENGTH)
    if binding is None:
        common -= PLUS
    if not (protected or plaintext):
        common -= PLAINTEXT
    if not has_secret:
        common &= SECRETLESS
    if wanted is not None:
        return wanted.upper() if wanted.upper() in common else None
    common -= TOKEN
    if has_secret or not has_client_cert:
        common -= SECRETLESS
    if binding is not None and binding.kind != "tls-unique":
        common = common - PLUS or common
    return next((name for name in STRENGTH if name in common), None)


def start(
    mechanism: str,
    credentials: Credentials,
    host: str,
    port: int,
    nonce: bytes | None = None,
    *,
    binding: Binding | None = None,
) -> Exchange:
    """A new exchange of one of the mechanisms in STRENGTH.

    ``host`` and ``port`` are those connected to (OAUTHBEARER tells them to the server); ``nonce`` is SCRAM's, a random
    one by default; ``binding`` is what those in PLUS bind.  Raises ValueError, one line without the secret, when the
    user name or the secret cannot be used with the mechanism; that is the user's fault.
    """
    user = utf8(credentials.user, "user name")
    if mechanism == "EXTERNAL":
        return Exchange(mechanism, user, b"", initial=user)
    if credentials.secret is None:
        raise ValueError(f"{mechanism} needs a password or token")
    secret = utf8(credentials.secret.value, "password")
    if mechanism == "PLAIN":
        return Exchange(mechanism, user, secret, initial=b"\0" + user + b"\0" + secret)
    if mechanism == "LOGIN":
        return LoginMechanism(mechanism, user, secret)
    if mechanism == "CRAM-MD5":
        return CramMd5(mechanism, user, secret)
    if mechanism in HASHES:
        user = utf8(saslprep(credentials.user, "user name"), "user name")
        if not user:
            raise ValueError(f"{mechanism} needs a user name")
        secret = utf8(saslprep(credentials.secret.value, "password"), "password")
        bound = binding if mechanism in PLUS else None
        return Scram(mechanism, user, secret, encode(urandom(18)) if nonce is None else nonce, bound)
    if mechanism not in TOKEN:
        raise ValueError(f"{mechanism} is not a known mechanism")
    if b"\x01" in user + secret:
        raise ValueError(f"{mechanism} allows no control character in user name and token")
    check(credentials.secret.value)
    if mechanism == "XOAUTH2":
        return Token(mechanism, user, secret, b"user=" + user + b"\x01auth=Bearer " + secret + b"\x01\x01")
    name = b"a=" + saslname(user) if user else b""
    place = b"\x01host=" + utf8(host, "host") + b"\x01port=" + str(port).encode()
    return Token(mechanism, user, secret, b"n," + name + b"," + place + b"\x01auth=Bearer " + secret + b"\x01\x01")
