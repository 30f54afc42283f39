"""TLS over memory buffers: octets in, octets out."""

from __future__ import annotations

import ssl

from ..findings import Failure, TransportError
from ..record import NamedTuple
from ..text import clean
from .failures import peer_chain, tls_failure
from .keyexchange import MOST_BITS, KeyExchangeWatch
from .plan import TlsPlan


class Peer(NamedTuple):
    """What TLS knows of the other side; ``chain`` holds its certificates in DER, the leaf first.  ``unique``: the
    tls-unique of the connection (RFC 5929 section 3), empty under TLS 1.3, which has none (RFC 8446 appendix C.5)."""

    version: str
    cipher: str
    chain: tuple[bytes, ...]
    unique: bytes = b""


class TlsLayer:
    """TLS between the dialogue's octets and the socket's."""

    def __init__(self, context: ssl.SSLContext, name: str, plan: TlsPlan | None = None) -> None:
        """``name``: the name or numeric address the certificate has to be for; SNI is sent for names.  ``plan``: whose
        options a handshake that fails may hint at, None for no hints."""
        self._name = name
        self._plan = plan
        self._watch = KeyExchangeWatch()
        self._first = b""  # what came first, as far as it may be no TLS
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        try:
            # As octets: a str would be encoded by the rules of IDNA, which is ASCII already and costs an import.
            octets = name.encode("ascii") or None
            self._object = context.wrap_bio(self._incoming, self._outgoing, server_hostname=octets)
        except (ValueError, ssl.SSLError) as error:
            raise TransportError(Failure("name", clean(f"{name} cannot be a certificate's name: {error}"))) from None

    def feed(self, data: bytes) -> None:
        """Take ciphertext from the socket.  Raises TransportError where a key exchange would take too long."""
        if not self._watch.done:
            self._first = self._first or data
            bits = self._watch.feed(data)
            if bits:
                cause = f"TLS handshake failed: Diffie-Hellman prime of {bits} bits, more than {MOST_BITS}"
                raise TransportError(Failure("handshake", cause, chain=peer_chain(self._object)))
        self._incoming.write(data)

    def feed_end(self) -> None:
        """The socket's stream has ended."""
        self._incoming.write_eof()

    def take(self) -> bytes:
        """Ciphertext for the socket."""
        return self._outgoing.read()

    def handshake(self) -> bool:
        """Go on; True when the handshake is done, False when more is to be fed.  Raises TransportError."""
        try:
            self._object.do_handshake()
        except ssl.SSLWantReadError:
            return False
        except (ssl.SSLError, OSError) as error:
            failure = tls_failure(error, self._object, self._name, plan=self._plan, first=self._first)
            raise TransportError(failure) from None
        return True

    def encrypt(self, data: bytes) -> bytes:
        """The ciphertext of ``data``.  Raises TransportError."""
        try:
            self._object.write(data)
        except (ssl.SSLError, OSError) as error:
            raise TransportError(tls_failure(error, self._object, self._name, "connection")) from None
        return self._outgoing.read()

    def quiet(self) -> bool:
        """Whether there is nothing to read, as far as was fed."""
        return not (self._object.pending() or self._incoming.pending)

    def read(self) -> bytes | None:
        """Plain text; None when more is to be fed, empty at the end.  Raises TransportError."""
        try:
            return self._object.read(64 * 1024)
        except ssl.SSLWantReadError:
            return None
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            # Without close_notify too: SMTP has an end of its own in every reply, nothing can be cut unnoticed.
            return b""
        except (ssl.SSLError, OSError) as error:
            raise TransportError(tls_failure(error, self._object, self._name, "connection")) from None

    def peer(self) -> Peer:
        """What is known of the other side by now."""
        version, cipher = self._object.version() or "", self._object.cipher()
        # Python gives a value under TLS 1.3 too, which means nothing there.
        unique = None if version == "TLSv1.3" else self._object.get_channel_binding("tls-unique")
        return Peer(version, cipher[0] if cipher else "", peer_chain(self._object), unique or b"")
