"""Icinga 2 nodes in scratch directories, as user nobody, with an API on loopback; and a sink for Graphite lines."""

from __future__ import annotations

import base64
import json
import shutil
import socket
import ssl
import subprocess
import threading
import time
import urllib.request
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeVar

import trustme

from .ports import free_ports
from .process import Daemon
from .requirements import need, need_root

Gain = TypeVar("Gain")

_MAIN = """\
const NodeName = "{name}"
const PluginDir = "{plugins}"
const PluginContribDir = "{plugins}"
include <itl>
include <plugins>
include <plugins-contrib>
{includes}
object ApiListener "api" {{
	bind_host = "127.0.0.1"
	bind_port = {port}
	accept_config = true
	accept_commands = true
}}
object ApiUser "tests" {{
	password = "tests"
	permissions = [ "*" ]
}}
object CheckerComponent "checker" {{ }}
{config}
"""

ALONE = """\
object Endpoint NodeName { }
object Zone "master" { endpoints = [ NodeName ] }
"""
"""Zones of a node that is all there is."""


class Icinga:
    """One node (0.2 s to start); ``config`` is what it has beside its API.

    Files below ``zones`` become the master's zones.d.  All nodes of a test share ``ca``.  ``library`` is a directory
    in the place of the one that Icinga's own ``include <…>`` reads; ``includes`` are further such lines.
    """

    def __init__(
        self,
        base: Path,
        plugins: Path,
        config: str,
        *,
        name: str = "master.example.org",
        ca: trustme.CA | None = None,
        zones: Mapping[str, str] | None = None,
        library: Path | None = None,
        includes: str = "",
    ) -> None:
        self.base = base
        self.name = name
        self.port = free_ports(1)[0]
        self.config = config
        self.zones = dict(zones or {})
        self._plugins = plugins
        self._library = library
        self._includes = includes
        self._ca = ca or trustme.CA(key_type=trustme.KeyType.ECDSA)
        self._daemon: Daemon | None = None
        self._context = ssl.create_default_context()
        self._ca.configure_trust(self._context)

    def validate(self) -> str:
        """What ``icinga2 daemon -C`` says of the configuration; AssertionError when it is bad."""
        done = subprocess.run([*self._command(), "-C"], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def write(self) -> None:
        """The directories, the certificate and the configuration, all owned by nobody."""
        need("icinga2")
        need_root("Icinga 2 that runs as nobody")
        for name in ("data/certs", "log", "cache", "spool", "run/icinga2", "conf/zones.d"):
            (self.base / name).mkdir(parents=True, exist_ok=True)
        certs = self.base / "data/certs"
        leaf = self._ca.issue_cert(self.name, "localhost", common_name=self.name)
        leaf.private_key_pem.write_to_path(certs / f"{self.name}.key")
        leaf.cert_chain_pems[0].write_to_path(certs / f"{self.name}.crt")
        self._ca.cert_pem.write_to_path(certs / "ca.crt")
        main = _MAIN.format(
            name=self.name, plugins=self._plugins, port=self.port, config=self.config, includes=self._includes
        )
        (self.base / "conf/icinga2.conf").write_text(main)
        for name, text in self.zones.items():
            path = self.base / "conf/zones.d" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        for path in (self.base, *self.base.rglob("*")):
            shutil.chown(path, "nobody", "nogroup")

    def start(self) -> None:
        if not (self.base / "conf").is_dir():
            self.write()
        self._daemon = Daemon(self._command(), log=self.base / "output")
        self._daemon.wait_for("127.0.0.1", self.port, timeout=30)
        wait_for(lambda: self.api("GET", "/v1/status/IcingaApplication"), 30)

    def stop(self) -> None:
        if self._daemon:
            self._daemon.stop()

    def log(self) -> str:
        """All the daemon said."""
        return (self.base / "output").read_text(errors="backslashreplace")

    def api(self, method: str, path: str, body: object = None) -> list[dict[str, Any]]:
        """The results of a request; OSError where Icinga refuses it or is not there (yet)."""
        request = urllib.request.Request(
            f"https://localhost:{self.port}{path}",
            data=None if body is None else json.dumps(body).encode(),
            method=method,
            headers={
                "Authorization": "Basic " + base64.b64encode(b"tests:tests").decode(),
                "Accept": "application/json",
            },
        )
        with urllib.request.urlopen(request, context=self._context, timeout=10) as answer:
            results: list[dict[str, Any]] = json.load(answer)["results"]
        return results

    def service(self, host: str, service: str) -> dict[str, Any]:
        """The attributes of a service."""
        attributes: dict[str, Any] = self.api("GET", f"/v1/objects/services/{host}!{service}")[0]["attrs"]
        return attributes

    def knows(self, command: str) -> bool:
        """True; OSError while this node has no such CheckCommand."""
        return bool(self.api("GET", f"/v1/objects/checkcommands/{command}"))

    def connected(self, *names: str) -> bool:
        """True; OSError while one of these endpoints is not connected to this node."""
        endpoints = {endpoint["name"]: endpoint["attrs"] for endpoint in self.api("GET", "/v1/objects/endpoints")}
        if not all(endpoints[name]["connected"] for name in names):
            raise OSError(f"not all of {names} are connected")
        return True

    def check(self, host: str, service: str, timeout: float = 60) -> dict[str, Any]:
        """The result of a check that is made now.

        Asked for every 3 s until it is there: a satellite loads its configuration once more after it got it,
        and forgets what it was asked before.
        """
        asked = time.time()
        place = {"type": "Service", "service": f"{host}!{service}", "force": True}
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            self.api("POST", "/v1/actions/reschedule-check", place)
            try:
                return wait_for(lambda: self._result_since(asked, host, service), 3)
            except TimeoutError:
                continue
        raise TimeoutError(f"no result of {host}!{service} within {timeout} s: {self.log()[-2000:]}")

    def check_all(self, timeout: float = 60) -> dict[str, dict[str, Any]]:
        """The result of every service, by its name, after a check of each that is made now."""
        asked = time.time()
        self.api("POST", "/v1/actions/reschedule-check", {"type": "Service", "filter": "true", "force": True})

        def all_results() -> dict[str, dict[str, Any]]:
            found = {one["attrs"]["name"]: one["attrs"] for one in self.api("GET", "/v1/objects/services")}
            late = [
                name
                for name, attributes in found.items()
                if (attributes["last_check_result"] or {}).get("execution_start", 0) < asked
            ]
            if late:
                raise LookupError(f"no result of {', '.join(late)}")
            return {name: attributes["last_check_result"] for name, attributes in found.items()}

        return wait_for(all_results, timeout)

    def _result_since(self, asked: float, host: str, service: str) -> dict[str, Any]:
        result: dict[str, Any] | None = self.service(host, service)["last_check_result"]
        if not result or result["execution_start"] < asked:
            raise OSError("not yet")
        return result

    def _command(self) -> list[str]:
        base = self.base
        constants = {
            "ConfigDir": base / "conf",
            "DataDir": base / "data",
            "LogDir": base / "log",
            "CacheDir": base / "cache",
            "SpoolDir": base / "spool",
            "InitRunDir": base / "run",
            "ZonesDir": base / "conf/zones.d",
            "RunAsUser": "nobody",
            "RunAsGroup": "nogroup",
            "Concurrency": 2,
        }
        if self._library:
            constants["IncludeConfDir"] = self._library
        defines = [word for name, value in constants.items() for word in ("-D", f"{name}={value}")]
        return [need("icinga2"), "daemon", "-c", str(base / "conf/icinga2.conf"), *defines]


class GraphiteSink:
    """Receives what a GraphiteWriter sends to ``port`` on loopback; what happens before it is ``connected`` (within
    10 s) is lost."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.connected = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def metrics(self) -> dict[str, set[float]]:
        """All values of each metric."""
        found: dict[str, set[float]] = {}
        for line in list(self.lines):
            name, value, _ = line.split(" ")
            found.setdefault(name, set()).add(float(value))
        return found

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connected.set()
            threading.Thread(target=self._read, args=(connection,), daemon=True).start()

    def _read(self, connection: socket.socket) -> None:
        with connection, connection.makefile("r", encoding="utf-8") as stream:
            self.lines.extend(line.rstrip("\n") for line in stream)


class InfluxSink:
    """Receives what an InfluxdbWriter or Influxdb2Writer sends to ``port`` on loopback, last to ``path``."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.path = ""
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.port = int(self._server.server_address[1])
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        sink = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                sink.lines.extend(body.decode().splitlines())
                sink.path = self.path
                self.send_response(204)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                """Nobody needs to know."""

        return Handler


def wait_for(get: Callable[[], Gain], timeout: float) -> Gain:
    """What ``get`` returns once it raises no OSError or LookupError any more."""
    end = time.monotonic() + timeout
    while True:
        try:
            return get()
        except (OSError, LookupError) as error:
            if time.monotonic() > end:
                raise TimeoutError(f"not within {timeout} s: {error!r}") from error
        time.sleep(0.05)
