"""A greylisting policy server as Postfix asks one (SMTPD_POLICY_README): defers each new triplet once."""

from __future__ import annotations

import socketserver
import threading


class PolicyServer:
    """Answers on a port of 127.0.0.1; the first request for a client, sender and recipient is deferred."""

    def __init__(self, port: int) -> None:
        self._server = _Server(("127.0.0.1", port), _Handler)
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False

    def __init__(self, address: tuple[str, int], handler: type[socketserver.BaseRequestHandler]) -> None:
        super().__init__(address, handler)
        self.seen: set[tuple[str, ...]] = set()


class _Handler(socketserver.StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        while request := self._request():
            triplet = tuple(request[name] for name in ("client_address", "sender", "recipient"))
            action = "DUNNO" if triplet in self.server.seen else "DEFER_IF_PERMIT 4.2.0 Greylisted, try again later"
            self.server.seen.add(triplet)
            self.wfile.write(f"action={action}\n\n".encode())

    def _request(self) -> dict[str, str]:
        request = {}
        while line := self.rfile.readline().decode().rstrip("\n"):
            name, _, value = line.partition("=")
            request[name] = value
        return request
