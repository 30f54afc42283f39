"""The web server of ``--metrics``: /probe checks a server and tells the outcome, /metrics tells of this process.

A process of its own beside the front, which must not die: it asks the back ends as the thin client does.  A check that
these do not take is run in a process of its own.  It is given the socket it listens at, so it can be started anew
without anybody being turned away.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import time
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import BoundedSemaphore, Lock, Thread
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn
from urllib.parse import parse_qs, urlsplit

from .. import __version__
from . import asking, log, spawn
from .installed import Installed
from .modules import Modules, ModulesError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MOST = 512
"""Probes at the same time; more are told to come again."""

LONGEST = 120.0
"""Seconds that a probe may take where the scrape does not say how long it waits."""

MARGIN = 0.5
"""Seconds of a scrape's patience that are kept for the answer."""

MOST_LINES = 10
"""Lines about refused probes in the log within a minute: whoever can reach the port can have any number refused."""

BAD_USAGE = 3

PAGE = """\
<!DOCTYPE html>
<html lang="en"><title>smtp_statusd</title>
<h1>smtp_statusd</h1>
<p><code>/probe?target=mx1.example.org&amp;module=MODULE</code> checks a server.
<p><a href="/metrics">/metrics</a> tells of this process.
</html>
"""


class Meters:
    """What is counted of the probes."""

    def __init__(self, registry: Any) -> None:
        from prometheus_client import Counter, Gauge, Histogram  # noqa: PLC0415 - an extra

        info = Gauge("smtp_statusd_build_info", "1, with the version.", ["version"], registry=registry)
        info.labels(__version__).set(1)
        self.probes = Counter(
            "smtp_statusd_probes", "Probes, by their outcome.", ["module", "state"], registry=registry
        )
        self.refused = Counter("smtp_statusd_probes_refused", "Probes that were not carried out.", registry=registry)
        self.alone = Counter("smtp_statusd_probes_alone", "Probes in a process of their own.", registry=registry)
        self.running = Gauge("smtp_statusd_probes_in_progress", "Probes that run now.", registry=registry)
        self.seconds = Histogram(
            "smtp_statusd_probe_duration_seconds",
            "How long probes took.",
            ["module"],
            registry=registry,
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
        )


class Refusals:
    """Tells the log why probes are refused, as far as it has room for that."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._until = 0.0
        self._told = 0
        self._untold = 0

    def tell(self, why: str, now: float) -> None:
        """``now`` is an instant of the monotonic clock."""
        with self._lock:
            if now >= self._until:
                self._until, self._told = now + 60, 0
            if self._told == MOST_LINES:
                self._untold += 1
                return
            self._told += 1
            untold, self._untold = self._untold, 0
        log.tell(f"a probe was refused: {why}" + (f" ({untold} more before this one)" if untold else ""))


class Prober:
    """Carries out the probes of ``modules`` by those that listen at ``back_ends``."""

    def __init__(self, modules: Modules, back_ends: str, meters: Meters) -> None:
        self._modules = modules
        self._back_ends = back_ends
        self._meters = meters
        self._refusals = Refusals()

    def refuse(self, why: str) -> None:
        """A probe is not carried out."""
        self._meters.refused.inc()
        self._refusals.tell(why, time.monotonic())

    def probe(self, module: str, target: str, domain: str, seconds: float) -> Mapping[str, Any]:
        """The document of one check.  Raises ModulesError."""
        words = self._modules.words(module, target, domain)
        began = time.monotonic()
        with self._meters.running.track_inprogress():
            try:
                _, output = asking.ask(self._back_ends, words, seconds)
            except asking.NotTakenError:
                self._meters.alone.inc()
                left = max(began + seconds - time.monotonic(), 0.1)
                _, output = asking.run(spawn.plugin([os.fsencode(word) for word in words]), left)
        document = _document(output)
        if not document["targets"] and document["state"] == "unknown":
            log.tell(f"module {module}: {document['sentence']}")
        self._meters.probes.labels(module, document["state"]).inc()
        self._meters.seconds.labels(module).observe(time.monotonic() - began)
        return document


def _document(output: str) -> Mapping[str, Any]:
    """The document that was printed; a line of UNKNOWN where the check came to nothing."""
    try:
        document = json.loads(output)
        if isinstance(document, dict):
            return document
    except ValueError:
        pass
    sentence = output.split("\n", 1)[0] or "the plugin said nothing"
    nothing = dict.fromkeys(("seconds", "domain", "arrival"))
    return {"state": "unknown", "sentence": sentence, **nothing, "targets": [], "perfdata": []}


class Handler(BaseHTTPRequestHandler):
    """One request."""

    prober: ClassVar[Prober]
    registry: ClassVar[Any]
    room = BoundedSemaphore(MOST)
    server_version = "smtp_statusd"
    sys_version = ""
    timeout = 10
    """Seconds to wait for the octets of a request, and of its answer to be taken."""

    def do_GET(self) -> None:
        """Answer."""
        try:
            url = urlsplit(self.path)
        except ValueError:  # such as a bracket that is not closed
            self._say(HTTPStatus.BAD_REQUEST, "there are /probe and /metrics\n")
            return
        if url.path == "/probe":
            self._probe(parse_qs(url.query, keep_blank_values=True))
        elif url.path == "/metrics":
            self._tell(self.registry)
        elif url.path == "/":
            self._say(HTTPStatus.OK, PAGE, "text/html; charset=utf-8")
        else:
            self._say(HTTPStatus.NOT_FOUND, "there are /probe and /metrics\n")

    def _probe(self, asked: Mapping[str, Sequence[str]]) -> None:
        from .exposition import CheckMetrics  # noqa: PLC0415 - an extra

        unknown = sorted(set(asked) - {"target", "domain", "module"})
        try:
            if unknown or any(len(values) > 1 for values in asked.values()):
                raise ModulesError("there are target or domain, and module, each once; options stand in the module")
            words = {name: values[0] for name, values in asked.items()}
            if not self.room.acquire(blocking=False):
                self._refuse(HTTPStatus.SERVICE_UNAVAILABLE, f"{MOST} probes run already")
                return
            try:
                document = self.prober.probe(
                    words.get("module", ""), words.get("target", ""), words.get("domain", ""), self._patience()
                )
            finally:
                self.room.release()
        except ModulesError as error:
            self._refuse(HTTPStatus.BAD_REQUEST, str(error))
            return
        self._tell(CheckMetrics(document))

    def _refuse(self, status: HTTPStatus, why: str) -> None:
        self.prober.refuse(why)
        self._say(status, f"{why}\n")

    def _patience(self) -> float:
        """Seconds that a probe may take."""
        try:
            seconds = float(self.headers.get("X-Prometheus-Scrape-Timeout-Seconds", "nan"))
        except ValueError:
            return LONGEST
        return min(max(seconds - MARGIN, seconds / 2), LONGEST) if seconds > 0 else LONGEST

    def _tell(self, source: Any) -> None:
        from prometheus_client.exposition import choose_encoder  # noqa: PLC0415 - an extra

        encoder, kind = choose_encoder(self.headers.get("Accept", ""))
        self._say(HTTPStatus.OK, encoder(source), kind)

    def _say(self, status: HTTPStatus, body: str | bytes, kind: str = "text/plain; charset=utf-8") -> None:
        octets = body if isinstance(body, bytes) else body.encode()
        try:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(octets)))
            self.end_headers()
            self.wfile.write(octets)
        except OSError:
            self.close_connection = True  # nobody waits for it any more

    def log_message(self, format: str, *args: object) -> None:
        """Requests are counted, not told."""


class Server(ThreadingHTTPServer):
    """Answers at ``sock``, which listens already."""

    daemon_threads = False

    def __init__(self, sock: socket.socket) -> None:
        super().__init__(sock.getsockname()[:2], Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = sock
        self._installed = Installed()

    def service_actions(self) -> None:
        """Twice a second: end when another version is installed, to be started anew with that one."""
        if self._installed.is_another(time.monotonic()):
            self.end()

    def end(self) -> None:
        """Take no more requests.  By a thread: it waits until this one has left the loop."""
        Thread(target=self.shutdown).start()

    def handle_error(self, request: object, client_address: object) -> None:
        """What goes wrong with one request ends there."""
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            log.tell(f"a request for metrics failed: {type(error).__name__}")


def serve(sock: socket.socket, modules: Modules, back_ends: str) -> NoReturn:
    """Answer until SIGTERM, or until another version is installed, and what was asked until then."""
    from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector  # noqa: PLC0415 - an extra

    from . import exposition  # noqa: F401, PLC0415 - as above; loaded before there is another version of it

    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    Handler.prober = Prober(modules, back_ends, Meters(registry))
    Handler.registry = registry
    with Server(sock) as server:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda _number, _frame: server.end())
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        server.serve_forever()
    # Leaving the server has waited for the requests in hand.
    os._exit(0)


def run() -> NoReturn:
    """The way in: ``--check MODULES`` looks at the file and exits with 3 where it is not good, telling why;
    ``DESCRIPTOR MODULES SOCKET`` serves at an inherited descriptor and asks the back ends at SOCKET."""
    words = sys.argv[1:]
    modules = Modules(words[1])
    if words[0] == "--check":
        try:
            modules.check()
        except ModulesError as error:
            log.tell(f"--modules: {error}")
            sys.exit(BAD_USAGE)
        sys.exit(0)
    descriptor = int(words[0])
    os.set_inheritable(descriptor, False)
    serve(socket.socket(fileno=descriptor), modules, words[2])
