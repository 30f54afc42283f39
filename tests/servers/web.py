"""An HTTPS server for MTA-STS policies that answers with exactly the octets a test wants."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Mapping

from .certs import Certs, Leaf

PATH = "/.well-known/mta-sts.txt"


def page(body: bytes, *, status: str = "200 OK", fields: str = "Content-Type: text/plain\r\n") -> bytes:
    """A response with ``body`` and its length."""
    return f"HTTP/1.1 {status}\r\n{fields}Content-Length: {len(body)}\r\n\r\n".encode() + body


def policy(*mx: str, mode: str = "enforce", max_age: object = 604800) -> bytes:
    """A lawful policy."""
    lines = ["version: STSv1", f"mode: {mode}", *(f"mx: {pattern}" for pattern in mx), f"max_age: {max_age}"]
    return "".join(f"{line}\r\n" for line in lines).encode()


class WebServer:
    """Serves on a free port of ``host``, or on ``port``.

    ``answers`` maps host names to the octets of the response, or to a list of pieces that are sent with 50 ms between
    them; a name without an answer is closed after the request.  ``leaves`` maps host names to certificates, by SNI;
    other names get ``certs.good``.  ``requests`` holds what came.
    """

    def __init__(
        self,
        certs: Certs,
        answers: Mapping[str, bytes | list[bytes]],
        *,
        leaves: Mapping[str, Leaf] | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        self.requests: list[bytes] = []
        self._answers = answers
        contexts = {name: certs.context(leaf) for name, leaf in (leaves or {}).items()}
        self._context = certs.context()

        def choose(connection: ssl.SSLObject, name: str | None, _context: ssl.SSLContext) -> None:
            if name in contexts:
                connection.context = contexts[name]

        self._context.sni_callback = choose  # type: ignore[assignment]
        self._listener = socket.create_server((host, port))
        self.host = host
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def __enter__(self) -> WebServer:
        return self

    def __exit__(self, *_error: object) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join(5)
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _peer = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._converse, args=(connection,), daemon=True).start()

    def _converse(self, plain: socket.socket) -> None:
        with plain, contextlib.suppress(OSError):
            plain.settimeout(5)
            with self._context.wrap_socket(plain, server_side=True) as connection:
                request = b""
                while b"\r\n\r\n" not in request:
                    more = connection.recv(4096)
                    if not more:
                        return
                    request += more
                self.requests.append(request)
                host = request.partition(b"Host: ")[2].partition(b"\r\n")[0].decode()
                octets = self._answers.get(host, b"")
                for piece in octets if isinstance(octets, list) else [octets]:
                    connection.sendall(piece)
                    if isinstance(octets, list):
                        time.sleep(0.05)
                with contextlib.suppress(OSError):
                    connection.unwrap()
