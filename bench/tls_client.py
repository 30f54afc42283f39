"""A peer: what TLS itself costs in Python.

``tls_client.py HOST PORT AUTHORITY COUNT``: conversations with STARTTLS, one after another, by nothing but socket and
ssl.  The certificate is verified, for that is a part of TLS; nothing else is judged, and nothing is timed.
"""

from __future__ import annotations

import socket
import ssl
import sys

EHLO = b"EHLO probe.example.org\r\n"
MAIL = (
    b"MAIL FROM:<a@example.org>\r\n",
    b"RCPT TO:<b@example.org>\r\n",
    b"DATA\r\n",
    b"Subject: SMTP PROTOCOL TESTING\r\n\r\nDATA SECTION\r\n.\r\n",
)


def converse(place: tuple[str, int], context: ssl.SSLContext) -> None:
    with socket.create_connection(place) as plain:
        read_reply(plain)
        say(plain, EHLO, b"STARTTLS\r\n")
        with context.wrap_socket(plain, server_hostname="localhost") as secured:
            say(secured, EHLO, *MAIL, b"QUIT\r\n")


def say(connection: socket.socket, *commands: bytes) -> None:
    for command in commands:
        connection.sendall(command)
        read_reply(connection)


def read_reply(connection: socket.socket) -> None:
    """Up to its last line, which has no hyphen behind the code (RFC 5321 section 4.2.1)."""
    reply = b""
    while not reply.endswith(b"\n") or reply[reply.rfind(b"\n", 0, -1) + 4 :].startswith(b"-"):
        more = connection.recv(65536)
        if not more:
            raise SystemExit("closed by the server")
        reply += more


def main(host: str, port: str, authority: str, count: str) -> None:
    context = ssl.create_default_context(cafile=authority)
    for _ in range(int(count)):
        converse((host, int(port)), context)


if __name__ == "__main__":
    main(*sys.argv[1:])
