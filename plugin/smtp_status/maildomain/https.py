"""One GET over verified HTTPS, for MTA-STS policies (RFC 8461 section 3.3): no redirect, no cache, no proxy.

``http.client`` speaks HTTP, in a thread of its own, with the addresses that were looked up before; what goes wrong has
the words it has with mail servers.
"""

from __future__ import annotations

import socket
import ssl
from http import client

from ..findings import Failure, TransportError
from ..net import clock, threads
from ..net.connection import SHORTAGES, network_failure
from ..record import NamedTuple
from ..text import cut, sentence
from ..tls.failures import tls_failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..findings import Address
    from ..net.clock import Deadline

_FIELDS = {"User-Agent": "check_smtp_status", "Accept": "text/plain", "Connection": "close"}
_LEAST = 0.001  # seconds; none at all would mean for ever
_SHOWN = 60


_MOST_INTERIM = 10
"""Responses of status 1xx before the one that counts: more are no way to answer."""


class Page(NamedTuple):
    """A response of status 200: its media type in lower case without parameters ('' where it has none), and body."""

    media_type: str
    body: bytes


class Site(NamedTuple):
    """Where the page is: ``addresses`` are those of ``host``, which the certificate must be for."""

    host: str
    addresses: tuple[Address, ...]


def fetch(
    site: Site, path: str, limit: int, authorities: ssl.SSLContext, deadline: Deadline, *, stop: int | None = None
) -> Page | Failure:
    """The page at ``path``, of at most ``limit`` octets.  Raises OSError where this machine has no sockets left.

    The certificate must verify against ``authorities`` (``tls.context.authorities``).  The addresses are tried in turn
    until one connects, each with its share of the time; all ends at ``deadline``, or once the file descriptor ``stop``
    is readable.  A response that is not 200, too large or malformed is a Failure of kind ``policy``; everything else
    has the kind it has with mail servers.
    """
    if not site.addresses:
        return Failure("notfound", f"no address for {site.host}")
    began = clock.now()
    found: list[Page | Failure] = []
    shortages: list[OSError] = []

    def get() -> None:
        try:
            found.append(_get(site, path, limit, authorities, deadline))
        except TransportError as error:
            found.append(error.failure)
        except OSError as error:
            shortages.append(error)

    threads.run_in_threads([get], deadline, stop)
    if shortages:
        raise shortages[0]
    if found and not deadline.passed():
        return found[0]
    waited = clock.seconds_between(began, clock.now())
    return Failure("timeout", f"no answer from {site.host} for {waited:.1f} s", waited=waited)


def _get(site: Site, path: str, limit: int, authorities: ssl.SSLContext, deadline: Deadline) -> Page:
    """Raises TransportError; takes as long as it takes."""
    address, plain = _connected(site, deadline)
    host = site.host
    # The name as octets: a str would be encoded by the rules of IDNA, which is ASCII already.
    with authorities.wrap_socket(plain, server_hostname=host.encode("ascii"), do_handshake_on_connect=False) as secured:
        try:
            secured.do_handshake()
            connection = client.HTTPSConnection(host, context=authorities)
            connection.sock = secured
            connection.response_class = _Response
            connection.request("GET", path, headers=_FIELDS)
            with connection.getresponse() as response:
                return _page(response, limit)
        except client.HTTPException as error:
            raise _http_fault(error) from None
        except ssl.SSLError as error:
            raise TransportError(tls_failure(error, secured, host)) from None
        except OSError as error:
            raise TransportError(network_failure(error, address)) from None


class _Response(client.HTTPResponse):
    """A response, interim ones passed over (RFC 9110 section 15.2): ``http.client`` knows only 100 by itself."""

    def begin(self) -> None:
        super().begin()
        passed_over = 0
        # 101 would be the end of HTTP, for which nobody asked.
        while 100 <= self.status < 200 and self.status != client.SWITCHING_PROTOCOLS:
            passed_over += 1
            if passed_over > _MOST_INTERIM:
                raise client.HTTPException(f"more than {_MOST_INTERIM} of status 1xx")
            self.headers = self.msg = None  # type: ignore[assignment] # as before the first
            super().begin()


def _connected(site: Site, deadline: Deadline) -> tuple[Address, socket.socket]:
    """The first address that connects, and its socket.  Raises TransportError."""
    failures: list[Failure] = []
    for number, address in enumerate(site.addresses):
        share = max(deadline.left() / (len(site.addresses) - number), _LEAST)
        try:
            plain = socket.socket(address.family, socket.SOCK_STREAM)
            try:
                plain.settimeout(share)
                plain.connect(address.sockaddr)
                plain.settimeout(max(deadline.left(), _LEAST))
            except OSError:
                plain.close()
                raise
            return address, plain
        except socket.timeout:
            failures.append(Failure("timeout", f"no answer from {address.place} for {share:.1f} s", waited=share))
        except OSError as error:
            if error.errno in SHORTAGES:
                raise
            failures.append(network_failure(error, address))
    causes = "; ".join(dict.fromkeys(failure.cause for failure in failures))
    raise TransportError(failures[-1]._replace(cause=causes))


def _page(response: client.HTTPResponse, limit: int) -> Page:
    """The page in the response.  Raises TransportError, and what ``http.client`` raises."""
    if response.status != client.OK:
        redirect = ", senders follow no redirect" if 300 <= response.status < 400 else ""
        raise _fault(f"HTTP status {response.status}{redirect}")
    body = response.read(limit + 1)
    if len(body) > limit:
        raise _fault(f"more than {limit // 1024} KiB")
    if response.length:  # octets still to come, when nothing comes any more
        raise client.IncompleteRead(body)
    return Page(response.getheader("Content-Type", "").partition(";")[0].strip().lower(), body)


def _fault(cause: str) -> TransportError:
    return TransportError(Failure("policy", cause))


def _http_fault(error: client.HTTPException) -> TransportError:
    if isinstance(error, (client.IncompleteRead, client.RemoteDisconnected)):
        return _fault("the HTTP response breaks off")
    if isinstance(error, (client.BadStatusLine, client.UnknownProtocol)):
        return _fault("no HTTP response")
    return _fault(f"no usable HTTP response: {cut(sentence(str(error)), _SHOWN)}")
