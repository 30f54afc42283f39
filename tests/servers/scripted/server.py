"""The listening side of the scripted server: one thread accepts, one thread plays each connection."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from pathlib import Path
from types import TracebackType

from .session import Session
from .smtp import run_script
from .steps import Action


class ScriptedServer:
    """Plays ``scripts`` on loopback: connection n plays script n, later ones the last.

    ``host`` is ``127.0.0.1`` or ``::1``; ``path`` makes it a unix socket instead.  Every session ends after
    ``limit`` seconds at the latest.  ``receive_buffer`` in bytes makes a client's sends block soon.
    """

    def __init__(
        self,
        *scripts: Action,
        host: str = "127.0.0.1",
        port: int = 0,
        path: Path | None = None,
        limit: float = 30.0,
        receive_buffer: int | None = None,
    ) -> None:
        self.sessions: list[Session] = []
        self.host = host
        self.path = path
        self._scripts = scripts
        self._limit = limit
        self._threads: list[threading.Thread] = []
        self._changed = threading.Condition()
        family = socket.AF_UNIX if path else socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.socket(family)
        if receive_buffer is not None:
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self._listener.bind(str(path) if path else (host, port))
        self._listener.listen(128)
        self.port = 0 if path else int(self._listener.getsockname()[1])
        self._acceptor = threading.Thread(target=self._accept, daemon=True)
        self._acceptor.start()

    def __enter__(self) -> ScriptedServer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def session(self) -> Session:
        """The only session, finished."""
        (session,) = self.wait(1)
        assert len(self.sessions) == 1, f"{len(self.sessions)} sessions"
        return session

    def wait(self, count: int = 1, timeout: float = 10.0) -> list[Session]:
        """The first ``count`` sessions, when all of them are finished."""
        end = time.monotonic() + timeout
        with self._changed:
            if not self._changed.wait_for(lambda: len(self.sessions) >= count, timeout):
                raise TimeoutError(f"{len(self.sessions)} of {count} connections after {timeout} s")
        sessions = self.sessions[:count]
        for session in sessions:
            if not session.done.wait(max(end - time.monotonic(), 0.0)):
                raise TimeoutError(f"still open after {timeout} s: {session!r}")
        return sessions

    def stop(self) -> None:
        """Stop listening, end all sessions, and wait for their threads."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes accept()
        self._acceptor.join(5)
        self._listener.close()
        for session in self.sessions:
            if not session.done.is_set():
                session.stop()
        for thread in self._threads:
            thread.join(5)
        if self.path:
            self.path.unlink()

    def check(self) -> None:
        """Assert that no script failed and no client broke the rules of the protocol."""
        for session in self.sessions:
            if session.error is not None:
                raise session.error
            assert session.faults == [], repr(session)

    def _accept(self) -> None:
        while True:
            try:
                connection, peer = self._listener.accept()
            except OSError:
                return
            if self.path is None:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            session = Session(connection, peer, self._limit)
            script = self._scripts[min(len(self.sessions), len(self._scripts) - 1)]
            thread = threading.Thread(target=run_script, args=(script, session), daemon=True)
            with self._changed:
                self.sessions.append(session)
                self._threads.append(thread)
                self._changed.notify_all()
            thread.start()
