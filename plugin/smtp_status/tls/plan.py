"""How TLS is to be used with one server."""

from __future__ import annotations

from ..record import NamedTuple


class TlsPlan(NamedTuple):
    """How TLS is to be used.  ``mode``: ``off``, ``starttls`` (required), ``ssl`` (from the first byte) or
    ``offered`` (STARTTLS where it is offered).

    ``name`` is the reference name for certificate and SNI (None: the host's own).  ``tolerate`` holds the kinds
    (``verify expired name``) that must not end the handshake, since ``--state`` calls them harmless.  ``asked``:
    certificates are judged whatever is published; ``verify``: then chain and name too, not the dates alone;
    ``afterwards``: behind the handshake, since what is published may have the last word.  ``minimum``: the lowest
    version, ``1.0`` to ``1.3``; one below 1.2 also takes what comes with equipment that old.  ``ciphers``: a list as
    OpenSSL writes it, for TLS 1.2 and below (None: OpenSSL's own).
    """

    mode: str = "off"
    name: str | None = None
    ca: str | None = None
    client_cert: str | None = None
    client_key: str | None = None
    minimum: str = "1.2"
    verify: bool = True
    tolerate: frozenset[str] = frozenset()
    asked: bool = True
    afterwards: bool = False
    ciphers: str | None = None

    @property
    def old(self) -> bool:
        """Whether equipment is accepted that knows nothing of today's TLS."""
        return self.minimum in ("1.0", "1.1")
