"""An IMAP server in memory, for what no real one does: it answers any command as a test wants, late, or never.

Left alone it serves as RFC 9051 has it, as far as a check goes.  It has no relation to the code under test.
"""

from __future__ import annotations

import base64
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Optional, Union

USER = "monitor@example.test"
PASSWORD = "s3cret pass"
CAPABILITIES = "IMAP4rev1 AUTH=PLAIN UIDPLUS SPECIAL-USE"

Answer = Union[bytes, Callable[["Session", str, str], Optional[bool]]]
"""Octets in place of the usual answer (``TAG`` stands for the tag), or a function of session, tag and arguments: it
answers itself and returns True, or leaves the usual answer to the server."""


@dataclass
class Message:
    uid: int
    octets: bytes
    flags: set[str]
    at: float

    @property
    def header(self) -> bytes:
        return self.octets.partition(b"\r\n\r\n")[0] + b"\r\n"


@dataclass
class Folder:
    attributes: str = ""
    messages: list[Message] = field(default_factory=list)
    upcoming: int = 1


class Closed(Exception):
    """The connection is over."""


class Imap:
    """One server on loopback.

    ``answers``: by command (``SELECT``, ``UID STORE``; ``greeting`` for what comes first).  ``delay``: seconds before
    each answer.  ``clock``: the server's own, seconds since the epoch; it stands still if none is
    given, so that ages are what a test says.  ``keeps``: flags that stick at APPEND.
    """

    def __init__(
        self,
        *,
        capabilities: str = CAPABILITIES,
        answers: Mapping[str, Answer] | None = None,
        delay: float = 0.0,
        clock: Callable[[], float] | None = None,
        keeps: tuple[str, ...] = ("\\Draft", "\\Seen"),
        folders: Mapping[str, str] | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.capabilities = capabilities
        self.answers = dict(answers or {})
        self.delay = delay
        began = time.time()
        self.clock = clock or (lambda: began)
        self.keeps = keeps
        self.tls = tls
        self.folders = {name: Folder(uses) for name, uses in (folders or {"INBOX": "", "Junk": "\\Junk"}).items()}
        self.commands: list[str] = []
        self.lock = threading.RLock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._open: list[socket.socket] = []
        self._stopped = False
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self) -> None:
        self._stopped = True
        for one in (self._listener, *self._open):
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            one.close()

    def __enter__(self) -> Imap:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def put(self, octets: bytes, folder: str = "INBOX", flags: tuple[str, ...] = (), age: float = 0.0) -> Message:
        """A message in a folder, as it came ``age`` seconds ago."""
        with self.lock:
            there = self.folders[folder]
            message = Message(there.upcoming, octets, set(flags), self.clock() - age)
            there.upcoming += 1
            there.messages.append(message)
            return message

    def left(self, folder: str = "INBOX") -> list[bytes]:
        """What lies in a folder."""
        with self.lock:
            return [message.octets for message in self.folders[folder].messages]

    def _accept(self) -> None:
        while not self._stopped:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._open.append(connection)
            threading.Thread(target=Session(self, connection).run, daemon=True).start()


class Session:
    """One connection."""

    def __init__(self, server: Imap, connection: socket.socket) -> None:
        self.server = server
        self.connection = connection
        self.folder: Folder | None = None
        self._known = 0
        self._buffer = b""

    def run(self) -> None:
        try:
            if self.server.tls is not None:
                self.connection = self.server.tls.wrap_socket(self.connection, server_side=True)
            if not self._answered("greeting", "*", ""):
                self.send(b"* OK ready\r\n")
            while True:
                self._command(self.line())
        except (OSError, Closed, ValueError):
            self.connection.close()

    def send(self, octets: bytes) -> None:
        self.connection.sendall(octets)

    def line(self) -> str:
        while b"\r\n" not in self._buffer:
            self._receive()
        line, _, self._buffer = self._buffer.partition(b"\r\n")
        return line.decode()

    def _receive(self) -> None:
        received = self.connection.recv(65536)
        if not received:
            raise Closed
        self._buffer += received

    def _literal(self, size: int) -> bytes:
        self.send(b"+ go on\r\n")
        while len(self._buffer) < size + 2:
            self._receive()
        octets, self._buffer = self._buffer[:size], self._buffer[size + 2 :]
        return octets

    def _command(self, line: str) -> None:
        tag, _, rest = line.partition(" ")
        name, _, arguments = rest.partition(" ")
        if name.upper() == "UID":
            second, _, arguments = arguments.partition(" ")
            name = f"UID {second}"
        name = name.upper()
        with self.server.lock:
            self.server.commands.append(f"{name} {arguments}".strip())
        time.sleep(self.server.delay)
        if self._answered(name, tag, arguments):
            return
        with self.server.lock:
            getattr(self, "_" + name.lower().replace(" ", "_"), self._unknown)(tag, arguments)

    def _answered(self, name: str, tag: str, arguments: str) -> bool:
        answer = self.server.answers.get(name)
        if answer is None:
            return False
        if isinstance(answer, bytes):
            self.send(answer.replace(b"TAG", tag.encode()))
            return True
        return bool(answer(self, tag, arguments))

    def ok(self, tag: str, text: str = "done") -> None:
        self.send(f"{tag} OK {text}\r\n".encode())

    def _unknown(self, tag: str, _: str) -> None:
        self.send(f"{tag} BAD unknown command\r\n".encode())

    def _capability(self, tag: str, _: str) -> None:
        self.send(f"* CAPABILITY {self.server.capabilities}\r\n".encode())
        self.ok(tag)

    def _authenticate(self, tag: str, mechanism: str) -> None:
        self.send(b"+ \r\n")
        words = base64.b64decode(self.line()).decode().split("\0")
        self._let_in(tag, mechanism == "PLAIN" and words == ["", USER, PASSWORD])

    def _login(self, tag: str, arguments: str) -> None:
        self._let_in(tag, arguments == f'"{USER}" "{PASSWORD}"')

    def _let_in(self, tag: str, good: bool) -> None:
        self.send(f"{tag} {'OK' if good else 'NO [AUTHENTICATIONFAILED] Authentication'} failed.\r\n".encode())

    def _list(self, tag: str, _: str) -> None:
        for name, folder in self.server.folders.items():
            self.send(f'* LIST ({folder.attributes}) "/" "{name}"\r\n'.encode())
        self.ok(tag)

    def _select(self, tag: str, name: str) -> None:
        self.folder = self.server.folders.get(_unquoted(name))
        if self.folder is None:
            self.send(f"{tag} NO [NONEXISTENT] No such folder\r\n".encode())
            return
        self._known = len(self.folder.messages)
        self.send(f"* {self._known} EXISTS\r\n* 0 RECENT\r\n".encode())
        self.ok(tag, "[READ-WRITE] selected")

    _examine = _select

    def _status(self, tag: str, arguments: str) -> None:
        name = _unquoted(arguments.rpartition(" (")[0])
        folder = self.server.folders.get(name)
        if folder is None:
            self.send(f"{tag} NO [NONEXISTENT] No such folder\r\n".encode())
            return
        self.send(f'* STATUS "{name}" (UIDNEXT {folder.upcoming})\r\n'.encode())
        self.ok(tag)

    def _append(self, tag: str, arguments: str) -> None:
        found = re.fullmatch(r'("[^"]*"|\S+) \(([^)]*)\) \{(\d+)\}', arguments)
        assert found is not None, arguments
        octets = self._literal(int(found[3]))
        flags = tuple(flag for flag in found[2].split() if flag in self.server.keeps)
        message = self.server.put(octets, _unquoted(found[1]), flags)
        self.ok(tag, f"[APPENDUID 1 {message.uid}] appended" if "UIDPLUS" in self.server.capabilities else "appended")

    def _noop(self, tag: str, _: str) -> None:
        if self.folder is not None and len(self.folder.messages) != self._known:
            self._known = len(self.folder.messages)
            self.send(f"* {self._known} EXISTS\r\n".encode())
        self.ok(tag)

    def _uid_search(self, tag: str, arguments: str) -> None:
        found = [
            message.uid
            for number, message in enumerate(self._messages(), 1)
            if self._matches(message, number, arguments.split())
        ]
        self.send(f"* SEARCH {' '.join(map(str, found))}".rstrip().encode() + b"\r\n")
        self.ok(tag)

    def _matches(self, message: Message, number: int, words: list[str]) -> bool:
        words = list(words)
        while words:
            word = words.pop(0)
            if word in ("DRAFT", "DELETED", "FLAGGED"):
                good = f"\\{word.capitalize()}" in message.flags
            elif word == "UNDELETED":
                good = "\\Deleted" not in message.flags
            elif word == "UID":
                good = message.uid in self._numbers(words.pop(0), max(m.uid for m in self._messages()))
            elif word == "SINCE":
                good = message.at >= time.mktime(time.strptime(words.pop(0), "%d-%b-%Y"))
            else:
                good = number in self._numbers(word, len(self._messages()))
            if not good:
                return False
        return True

    def _uid_fetch(self, tag: str, arguments: str) -> None:
        chosen, _, what = arguments.partition(" ")
        names = re.search(r"HEADER.FIELDS \(([^)]*)\)", what)
        for number, message in self._chosen(chosen):
            octets = message.octets if names is None else _fields(message.header, names[1].lower().split())
            partial = re.search(r"<0\.(\d+)>", what)
            octets = octets if partial is None else octets[: int(partial[1])]
            date = time.strftime("%d-%b-%Y %H:%M:%S +0000", time.gmtime(message.at))
            flags = " ".join(sorted(message.flags))
            told = f'UID {message.uid} FLAGS ({flags}) INTERNALDATE "{date}"'
            head = f"* {number} FETCH ({told} BODY[X] {{{len(octets)}}}\r\n"
            self.send(head.encode() + octets + b")\r\n")
        self.ok(tag)

    def _uid_store(self, tag: str, arguments: str) -> None:
        chosen, what, flags = arguments.split(" ", 2)
        assert what == "+FLAGS.SILENT", what
        for _, message in self._chosen(chosen):
            message.flags.update(flags.strip("()").split())
        self.ok(tag)

    def _uid_copy(self, tag: str, arguments: str) -> None:
        chosen, _, name = arguments.partition(" ")
        for _, message in self._chosen(chosen):
            self.server.put(message.octets, _unquoted(name))
        self.ok(tag)

    def _uid_expunge(self, tag: str, chosen: str) -> None:
        self._remove({message.uid for _, message in self._chosen(chosen)})
        self.ok(tag)

    def _expunge(self, tag: str, _: str) -> None:
        self._remove({message.uid for message in self._messages()})
        self.ok(tag)

    def _remove(self, uids: set[int]) -> None:
        assert self.folder is not None
        for number, message in reversed(list(enumerate(self.folder.messages, 1))):
            if message.uid in uids and "\\Deleted" in message.flags:
                self.folder.messages.remove(message)
                self.send(b"* %d EXPUNGE\r\n" % number)
        self._known = len(self.folder.messages)

    def _logout(self, tag: str, _: str) -> None:
        self.send(b"* BYE bye\r\n")
        self.ok(tag)
        raise Closed

    def _messages(self) -> list[Message]:
        assert self.folder is not None
        return self.folder.messages

    def _chosen(self, chosen: str) -> list[tuple[int, Message]]:
        if not self._messages():
            return []
        uids = self._numbers(chosen, max(message.uid for message in self._messages()))
        return [(number, message) for number, message in enumerate(self._messages(), 1) if message.uid in uids]

    @staticmethod
    def _numbers(chosen: str, last: int) -> set[int]:
        found: set[int] = set()
        for part in chosen.split(","):
            first, _, end = part.partition(":")
            low, high = (last if word == "*" else int(word) for word in (first, end or first))
            found.update(range(min(low, high), max(low, high) + 1))
        return found


def _fields(header: bytes, names: list[str]) -> bytes:
    kept, keeping = b"", False
    for line in header.splitlines(True):
        if line[:1] not in b" \t":
            keeping = line.partition(b":")[0].decode("latin-1").strip().lower() in names
        kept += line if keeping else b""
    return kept + b"\r\n"


def _unquoted(word: str) -> str:
    return re.sub(r"\\(.)", r"\1", word[1:-1]) if word.startswith('"') else word
