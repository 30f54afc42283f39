"""NRPE's daemon on loopback, as user nobody: checks on the far side of a connection."""

from __future__ import annotations

import shutil
from pathlib import Path

from .ports import free_ports
from .process import Daemon
from .requirements import need, need_root

_CONFIG = """\
server_address=127.0.0.1
server_port={port}
allowed_hosts=127.0.0.1
nrpe_user=nobody
nrpe_group=nogroup
dont_blame_nrpe=0
pid_file={base}/nrpe.pid
log_file={base}/nrpe.log
command_timeout=60
ssl_version=TLSv1.2+
ssl_cipher_list=ALL:!MD5:@STRENGTH:@SECLEVEL=0
"""


class Nrpe:
    """One daemon (30 ms to start); ``commands`` are ``command[…]=…`` lines."""

    def __init__(self, base: Path, commands: str) -> None:
        self.base = base
        self.port = free_ports(1)[0]
        self._commands = commands
        self._daemon: Daemon | None = None

    def start(self) -> None:
        program = need("nrpe")
        need_root("NRPE that runs as nobody")
        (self.base / "nrpe.cfg").write_text(_CONFIG.format(port=self.port, base=self.base) + self._commands)
        for path in (self.base, *self.base.iterdir()):
            shutil.chown(path, "nobody", "nogroup")
        self._daemon = Daemon([program, "-c", str(self.base / "nrpe.cfg"), "-f"], log=self.base / "output")
        self._daemon.wait_for("127.0.0.1", self.port)

    def stop(self) -> None:
        if self._daemon:
            self._daemon.stop()
