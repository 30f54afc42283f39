"""A mail server that hands every message to a function, as fast as it comes."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Mapping

Deliver = Callable[[bytes], object]


class Postman:
    """One server on loopback (at ``host``), for SMTP and LMTP.

    ``answers``: replies by verb (``RCPT``, ``message``) in place of the usual ones; ``b""`` closes.  ``deliver`` gets
    what was accepted, with a trace of its own on top.
    """

    def __init__(self, deliver: Deliver, answers: Mapping[str, bytes] | None = None, host: str = "127.0.0.1") -> None:
        self.deliver = deliver
        self.answers = dict(answers or {})
        self.messages: list[bytes] = []
        self._listener = socket.create_server((host, 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Postman:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as lines:
            try:
                self._talk(connection, lines)
            except OSError:
                return

    def _talk(self, connection: socket.socket, lines) -> None:  # type: ignore[no-untyped-def]
        connection.sendall(b"220 mx ESMTP\r\n")
        for line in lines:
            verb = line[:4].strip().decode("latin-1").upper()
            usual = {"DATA": b"354 go on\r\n", "QUIT": b"221 bye\r\n"}.get(verb, b"250 ok\r\n")
            answer = self.answers.get(verb, usual)
            connection.sendall(answer)
            if verb == "QUIT" or not answer:
                return
            if verb == "DATA" and answer[:1] == b"3":
                message = b"".join(iter(lines.readline, b".\r\n"))
                answer = self.answers.get("message", b"250 2.0.0 Ok: queued as 4Vx1\r\n")
                if answer[:1] == b"2":
                    # Delivered before it is said so: what there is to be seen is there at the first look.
                    self.messages.append(message)
                    self.deliver(b"Return-Path: <>\r\nReceived: from a by mx; now\r\n" + message)
                connection.sendall(answer)
                if not answer:
                    return
