"""A fast SMTP server in a process of its own, with known delays, that counts what it did.

``SteadyServer`` starts and stops it; run as a program it is the server.  It does nothing at random and nothing slowly,
so that what a client measures beyond the delays asked for is the client's, and its counts prove that the work which
was measured was done.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

REPLIES = {
    "banner": b"220 steady.test ESMTP\r\n",
    "ehlo": b"250-steady.test\r\n",
    "starttls": b"220 2.0.0 Ready to start TLS\r\n",
    "auth": b"235 2.7.0 Authentication successful\r\n",
    "mail": b"250 2.1.0 Ok\r\n",
    "rcpt": b"250 2.1.5 Ok\r\n",
    "data": b"354 End data with <CR><LF>.<CR><LF>\r\n",
    "message": b"250 2.0.0 Ok: queued as 4Vx1\r\n",
    "quit": b"221 2.0.0 Bye\r\n",
}
_STAGES = {b"LHLO": "ehlo", b"HELO": "ehlo"}


class Counts(NamedTuple):
    """What a server did: connections taken, TLS handshakes, recipients accepted, messages and their octets."""

    connections: int = 0
    handshakes: int = 0
    recipients: int = 0
    messages: int = 0
    octets: int = 0


class Behaviour(NamedTuple):
    """``delays``: milliseconds before the reply of a stage.  ``gaps``: milliseconds between the first octet of a
    stage's reply and its rest.  ``lines``: how many EHLO has, sent octet by octet with ``octets``."""

    delays: Mapping[str, float]
    gaps: Mapping[str, float]
    lines: int
    octets: bool


class SteadyServer:
    """A server on ``host`` as long as the ``with`` block; ``port`` is where it listens.

    ``certificate``: files of a chain and its key, for STARTTLS, or for TLS from the first octet with ``ssl``.
    ``wrap`` is a command in front, such as the one that enters a namespace.  ``counts`` is known after the block.
    """

    def __init__(
        self,
        certificate: tuple[Path, Path] | None = None,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        ssl: bool = False,
        delays: Mapping[str, float] | None = None,
        gaps: Mapping[str, float] | None = None,
        lines: int = 5,
        octets: bool = False,
        wrap: Sequence[str] = (),
    ) -> None:
        self.host = host
        self.port = port
        self.counts = Counts()
        self._wrap = wrap
        self._options = {
            "host": host,
            "port": port,
            "certificate": [str(file) for file in certificate] if certificate else None,
            "ssl": ssl,
            "behaviour": Behaviour(delays or {}, gaps or {}, lines, octets),
        }

    def __enter__(self) -> SteadyServer:
        self._process = subprocess.Popen(
            [*self._wrap, sys.executable, str(Path(__file__).resolve()), json.dumps(self._options)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())
        return self

    def so_far(self) -> Counts:
        """What it has done until now."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(b"\n")
        self._process.stdin.flush()
        return Counts(*json.loads(self._process.stdout.readline()))

    def __exit__(self, *_: object) -> None:
        out, _ = self._process.communicate(timeout=10)  # the end of its standard input ends it
        self.counts = Counts(*json.loads(out))


class _Server:
    """Counts, and the connections that wait for a delay to pass."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        self.behaviour = Behaviour(*options["behaviour"])
        self.counts = dict.fromkeys(Counts._fields, 0)
        self.context: ssl.SSLContext | None = None
        if options["certificate"]:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(*options["certificate"])
        self.from_first = bool(options["ssl"])

    def ehlo(self, secured: bool) -> bytes:
        words = [b"SIZE 100000000", b"8BITMIME", b"SMTPUTF8", b"AUTH PLAIN", b"ENHANCEDSTATUSCODES"]
        if self.context is not None and not secured:
            words.insert(0, b"STARTTLS")
        words += [b"X-FILLER %d" % number for number in range(self.behaviour.lines - len(words) - 1)]
        lines = [b"250-" + word + b"\r\n" for word in words[:-1]]
        return REPLIES["ehlo"] + b"".join(lines) + b"250 " + words[-1] + b"\r\n"


class _Connection(asyncio.Protocol):
    def __init__(self, server: _Server) -> None:
        self._server = server
        self._buffer = bytearray()
        self._secured = server.from_first
        self._securing = False  # what comes meanwhile is answered when the transport is the one of TLS
        self._taking = False  # a message
        self._tasks: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._server.counts["connections"] += 1
        self._server.counts["handshakes"] += self._secured
        self._reply("banner")

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._securing:
            self._work()

    def _work(self) -> None:
        if self._taking:
            self._take_message()
            return
        while not self._taking and (end := self._buffer.find(b"\n")) >= 0:
            line = bytes(self._buffer[:end]).strip()
            del self._buffer[: end + 1]
            self._command(line[:4].upper())

    def _command(self, verb: bytes) -> None:
        stage = _STAGES.get(verb, verb.decode("ascii", "replace").lower())
        if stage == "star":
            self._reply("starttls", then=self._secure)
        elif stage == "quit":
            self._reply("quit", then=self._close)
        elif stage == "rset":
            self._transport.write(REPLIES["mail"])
        elif stage not in REPLIES:
            self._transport.write(b"500 5.5.2 Command not recognized\r\n")
        else:
            self._server.counts["recipients"] += stage == "rcpt"
            self._taking = stage == "data"
            self._reply(stage)

    def _take_message(self) -> None:
        if not self._buffer.endswith(b"\r\n.\r\n") and self._buffer != b".\r\n":
            return
        self._server.counts["messages"] += 1
        self._server.counts["octets"] += len(self._buffer)
        self._buffer.clear()
        self._taking = False
        self._reply("message")

    def _reply(self, stage: str, then: Any = None) -> None:
        behaviour = self._server.behaviour
        text = REPLIES[stage] if stage != "ehlo" else self._server.ehlo(self._secured)
        delay, gap = behaviour.delays.get(stage, 0), behaviour.gaps.get(stage, 0)
        if not delay and not gap and not (stage == "ehlo" and behaviour.octets):
            self._transport.write(text)
            if then is not None:
                then()
            return
        task = asyncio.get_running_loop().create_task(self._reply_slowly(stage, text, delay, gap, then))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _reply_slowly(self, stage: str, text: bytes, delay: float, gap: float, then: Any) -> None:
        await asyncio.sleep(delay / 1000)
        if stage == "ehlo" and self._server.behaviour.octets:
            for octet in text:
                self._transport.write(bytes((octet,)))
        elif gap:
            self._transport.write(text[:1])
            await asyncio.sleep(gap / 1000)
            self._transport.write(text[1:])
        else:
            self._transport.write(text)
        if then is not None:
            then()

    def _close(self) -> None:
        self._transport.close()

    def _secure(self) -> None:
        self._transport.pause_reading()
        self._securing = True
        task = asyncio.get_running_loop().create_task(self._handshake())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _handshake(self) -> None:
        assert self._server.context is not None
        loop = asyncio.get_running_loop()
        try:
            secured = await loop.start_tls(self._transport, self, self._server.context, server_side=True)
        except OSError:
            return
        assert secured is not None
        self._transport = secured
        self._secured, self._securing = True, False
        self._server.counts["handshakes"] += 1
        self._work()


async def _serve(options: Mapping[str, Any]) -> None:
    loop = asyncio.get_running_loop()
    server = _Server(options)
    listener = await loop.create_server(
        lambda: _Connection(server),
        options["host"],
        options["port"],
        backlog=4096,
        ssl=server.context if server.from_first else None,
    )
    print(listener.sockets[0].getsockname()[1], flush=True)
    while await loop.run_in_executor(None, sys.stdin.readline):
        print(json.dumps(list(server.counts.values())), flush=True)
    listener.close()
    print(json.dumps(list(server.counts.values())), flush=True)


if __name__ == "__main__":
    asyncio.run(_serve(json.loads(sys.argv[1])))
