"""Drives lookups in the DNS: any number of them at the same time, in one loop, under one deadline.

A lookup is a generator that yields the questions it has now, all of which are asked at once, and is sent their answers
in the same order; what it returns is what it found.  Decided here is only how resolvers are asked: each has its turn
and its time, what was cut off comes over TCP, and what is no answer to the question is not looked at.
"""

from __future__ import annotations

import errno
import os
import socket
from time import monotonic

from ..findings import Failure
from ..net import clock
from ..net.connection import SHORTAGES
from ..net.selector import READ, WRITE, Selector
from ..record import NamedTuple
from . import codec
from .refusals import BOGUS, REASONS, no_resolver, refusal, told, with_words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator, Iterable
    from typing import Any, TypeVar

    from ..findings import Address
    from ..net.clock import Deadline
    from .codec import MxRecord, Query, Response
    from .resolvconf import Resolver

    T = TypeVar("T")
    Steps = Generator[tuple["Query", ...], tuple["Answer", ...], T]

_RECEIVE_SIZE = 65535
_IN_PROGRESS = frozenset((errno.EINPROGRESS, errno.EWOULDBLOCK, errno.EAGAIN))

_TELLING = ("notfound", "servfail", "refused", "protocol", "unreachable", "timeout")
"""Of the failures of several resolvers, the first of these kinds says most."""


class Answer(NamedTuple):
    """What the DNS says to one question.

    ``failure``: None where there are records, else of kind ``notfound`` (NXDOMAIN), ``nodata``, ``servfail``,
    ``bogus``, ``refused``, ``unreachable``, ``timeout`` or ``protocol``.  ``secure``: a believed resolver says that
    the answer, also a negative one, is authentic.  The rest is as in ``codec.Response``.
    """

    query: Query
    failure: Failure | None = None
    secure: bool = False
    canonical: str = ""
    ttl: int = 0
    mx: tuple[MxRecord, ...] = ()
    hosts: tuple[str, ...] = ()
    texts: tuple[bytes, ...] = ()
    tlsa: tuple[bytes, ...] = ()

    @property
    def absent(self) -> bool:
        """Whether the DNS says that there is nothing, which is another thing than not answering."""
        return self.failure is not None and self.failure.kind in ("notfound", "nodata")


def ask_all(
    lookups: Iterable[Steps[T]],
    resolver: Resolver,
    deadline: Deadline,
    stop: int | None = None,
    until: float | None = None,
) -> list[tuple[T, float]]:
    """What each lookup found, and after how many seconds, in their order.

    Once the instant ``until`` of the monotonic clock (the deadline, without one) has passed, what is not answered has
    failed with kind ``timeout``; likewise once the file descriptor ``stop`` is readable, which ends the deadline too.
    """
    with Selector() as selector:
        loop = _Loop(selector, resolver, deadline, deadline.at if until is None else min(until, deadline.at), stop)
        running = [_Lookup(lookup, loop) for lookup in lookups]
        for one in running:
            one.go_on(None)
        loop.run()
        return [one.found for one in running]


class _Loop:
    """The selector, and the questions that are not answered."""

    def __init__(
        self, selector: Selector, resolver: Resolver, deadline: Deadline, until: float, stop: int | None
    ) -> None:
        self.selector = selector
        self.resolver = resolver
        self.asking: set[_Asking] = set()
        self._deadline = deadline
        self._until = until
        self._stop = stop
        if stop is not None:
            selector.register(stop, READ, self._stopped)

    def left(self) -> float:
        """Seconds until everything ends."""
        return max(min(self._until, self._deadline.at) - monotonic(), 0.0)

    def run(self) -> None:
        while self.asking:
            next_expiry = min(asking.expires for asking in self.asking)
            for ready in self.selector.select(min(max(next_expiry - monotonic(), 0.0), self.left())):
                ready()
            over = self.left() <= 0
            now = monotonic()
            for asking in tuple(self.asking):
                if over or asking.expires <= now:
                    asking.time_is_up()

    def _stopped(self) -> None:
        assert self._stop is not None
        self.selector.unregister(self._stop)
        self._deadline.end()


class _Lookup:
    """One generator, and the answers it waits for."""

    def __init__(self, steps: Steps[Any], loop: _Loop) -> None:
        self.found: tuple[Any, float] = (None, 0.0)
        self._steps = steps
        self._loop = loop
        self._began = clock.now()
        self._answers: list[Answer | None] = []

    def go_on(self, answers: tuple[Answer, ...] | None) -> None:
        """Hand over ``answers`` and ask what is asked next."""
        try:
            queries = self._steps.send(answers)  # type: ignore[arg-type] # None begins it
        except StopIteration as end:
            self.found = (end.value, clock.seconds_between(self._began, clock.now()))
            return
        assert queries, "a lookup asks something or ends"
        self._answers = [None] * len(queries)
        # All exist before the first is asked: one that fails at once must not end the wait for the others.
        for asking in [_Asking(query, self, place, self._loop) for place, query in enumerate(queries)]:
            asking.next_try()

    def answered(self, place: int, answer: Answer) -> None:
        """The answer to the question at ``place`` has come."""
        self._answers[place] = answer
        answers = tuple(one for one in self._answers if one is not None)
        if len(answers) == len(self._answers):
            self.go_on(answers)


class _Asking:
    """One question: tries one resolver after the other until one answers."""

    def __init__(self, query: Query, lookup: _Lookup, place: int, loop: _Loop) -> None:
        self.expires = 0.0
        self._query = query
        self._lookup = lookup
        self._place = place
        self._loop = loop
        self._queue = list(loop.resolver.servers) * loop.resolver.attempts
        self._failures: list[Failure] = []
        self._began = clock.now()
        self._server: Address | None = None
        self._socket: socket.socket | None = None
        self._stream = False
        self._number = 0
        self._unsent = b""
        self._received = b""
        self._unchecked = False
        self._extended = True
        self._watched = False
        loop.asking.add(self)

    # -- taking turns

    def next_try(self) -> None:
        """Ask the resolver whose turn it is."""
        while self._queue and self._loop.left() > 0:
            self._server = self._queue.pop(0)
            self._unchecked, self._extended = False, True
            if self._open(stream=False):
                return
        self._finish(self._failed())

    def time_is_up(self) -> None:
        """This try has had its time."""
        if not self._unchecked:  # else it did answer, by SERVFAIL
            where = f" from {self._server.place}" if self._server is not None else ""
            waited = clock.seconds_between(self._began, clock.now())
            self._failures.append(Failure("timeout", f"no answer{where} for {waited:.1f} s", waited=waited))
        self.next_try()

    def _open(self, stream: bool) -> bool:
        """Begin to ask this try's resolver; False where that cannot be, and then the next one is due."""
        server = self._server
        assert server is not None
        self._close()
        self._stream = stream
        self._number = int.from_bytes(os.urandom(2), "big")
        self._received = b""
        try:
            self._unsent = codec.encode(self._query, self._number, self._unchecked, self._extended)
        except ValueError:
            # Such as _25._tcp. before a name of 250 octets: what cannot be does not exist.
            self._give_up(Failure("notfound", "longer than any name in the DNS"))
            return False
        if stream:
            self._unsent = len(self._unsent).to_bytes(2, "big") + self._unsent
        self.expires = monotonic() + min(self._loop.resolver.timeout, self._loop.left() / (len(self._queue) + 1))
        try:
            self._socket = socket.socket(server.family, socket.SOCK_STREAM if stream else socket.SOCK_DGRAM)
            self._socket.setblocking(False)
            # Connected also over UDP: only this server's datagrams come in, and its host's refusals are heard of.
            code = self._socket.connect_ex(server.sockaddr)
            if code not in _IN_PROGRESS and code:
                raise OSError(code, os.strerror(code))
            if not stream:
                self._socket.send(self._unsent)
                self._unsent = b""
        except OSError as error:
            if error.errno in SHORTAGES:
                raise
            self._give_up(no_resolver(error, server))
            return False
        self._loop.selector.register(self._socket.fileno(), WRITE if stream else READ, self.ready)
        self._watched = True
        return True

    def _close(self) -> None:
        if self._socket is not None:
            if self._watched:
                self._loop.selector.unregister(self._socket.fileno())
                self._watched = False
            self._socket.close()
            self._socket = None

    def _give_up(self, failure: Failure) -> None:
        """This resolver cannot tell, and is not asked again."""
        self._failures.append(failure)
        self._queue = [server for server in self._queue if server != self._server]

    def _failed(self) -> Answer:
        failures = sorted(self._failures, key=lambda failure: (_TELLING.index(failure.kind), -failure.waited))
        nobody = Failure("timeout", "no time left to ask") if self._loop.left() <= 0 else _NO_RESOLVER
        return Answer(self._query, failures[0] if failures else nobody, canonical=self._query.name)

    def _finish(self, answer: Answer) -> None:
        self._close()
        self._loop.asking.discard(self)
        self._lookup.answered(self._place, answer)

    # -- octets

    def ready(self) -> None:
        """The socket has become readable or writable."""
        if self._loop.left() <= 0:  # to read a hostile answer takes its time
            return
        assert self._socket is not None and self._server is not None
        try:
            response = self._talk() if self._stream else self._listen()
        except OSError as error:
            failure = no_resolver(error, self._server)
        except codec.MessageFault as fault:
            failure = Failure("protocol", f"{fault} from {self._server.place}")
        else:
            if response is not None:
                self._judge(response)
            return
        self._give_up(failure)
        self.next_try()

    def _listen(self) -> Response | None:
        """The answer among the datagrams that have come, None when there is none yet."""
        assert self._socket is not None
        # A few at a time: who floods us must not keep us from the others and from the clock.
        for _ in range(8):
            try:
                datagram = self._socket.recv(_RECEIVE_SIZE)
            except (BlockingIOError, InterruptedError):
                return None
            response = codec.decode(datagram, self._query, self._number)
            if response is not None:
                return response
        return None

    def _talk(self) -> Response | None:
        """The answer over TCP (RFC 7766), None when it is not complete yet."""
        assert self._socket is not None
        if self._unsent:
            code = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if code:
                raise OSError(code, os.strerror(code))
            self._unsent = self._unsent[self._socket.send(self._unsent) :]
            if not self._unsent:
                self._loop.selector.modify(self._socket.fileno(), READ)
            return None
        try:
            octets = self._socket.recv(_RECEIVE_SIZE)
        except (BlockingIOError, InterruptedError):
            return None
        self._received += octets
        length = int.from_bytes(self._received[:2], "big")
        if len(self._received) < 2 or len(self._received) < 2 + length:
            if not octets:
                raise codec.MessageFault("answer cut off")
            return None
        response = codec.decode(self._received[2 : 2 + length], self._query, self._number)
        if response is None or response.truncated:
            raise codec.MessageFault("no answer to the question over TCP")
        return response

    # -- what an answer means

    def _judge(self, response: Response) -> None:
        assert self._server is not None
        if response.truncated:
            if not self._open(stream=True):
                self.next_try()
        elif response.rcode in (codec.NOERROR, codec.NXDOMAIN):
            self._finish(self._broken("bogus", _ONLY_UNCHECKED) if self._unchecked else self._answer(response))
        elif response.rcode == codec.SERVFAIL and not self._unchecked:
            self._servfail(response)
        elif response.rcode in (codec.FORMERR, codec.NOTIMP) and self._extended:
            self._extended = False  # it may not know EDNS (RFC 6891 section 7)
            if not self._open(stream=self._stream):
                self.next_try()
        else:
            if not self._unchecked:  # else its SERVFAIL is noted already
                self._give_up(refusal(response, self._server))
            self.next_try()

    def _servfail(self, response: Response) -> None:
        bogus = [error for error in response.errors if error.code in BOGUS]
        if bogus:
            # Final, unlike other failures: a resolver that does not validate would hide it.
            words = f"DNSSEC validation fails: {BOGUS[bogus[0].code]}"
            self._finish(self._broken("bogus", with_words(words, bogus[0].text)))
            return
        self._give_up(Failure("servfail", with_words("the resolver fails (SERVFAIL)", told(response))))
        # Many resolvers give no reason.  If it was validation, they do answer those who want to do that on their own.
        self._unchecked = not any(error.code in REASONS for error in response.errors)
        if not self._unchecked or not self._open(stream=False):
            self.next_try()

    def _answer(self, response: Response) -> Answer:
        failure = None
        if response.rcode == codec.NXDOMAIN:
            failure = Failure("notfound", "no such name (NXDOMAIN)")
        elif response.looping:
            failure = Failure("protocol", "the CNAME records do not end")
        elif not response.present and response.malformed:
            failure = Failure("protocol", f"malformed {self._query.type} record")
        elif not response.present:
            failure = Failure("nodata", f"no {self._query.type} record (NODATA)")
        return Answer(
            self._query,
            failure,
            response.authentic and self._loop.resolver.believed,
            response.canonical,
            response.ttl,
            response.mx,
            response.hosts,
            response.texts,
            response.tlsa,
        )

    def _broken(self, kind: str, cause: str) -> Answer:
        return Answer(self._query, Failure(kind, cause), canonical=self._query.name)


_ONLY_UNCHECKED = "DNSSEC validation fails: the resolver answers only without it"
_NO_RESOLVER = Failure("unreachable", "no resolver that could be asked")
