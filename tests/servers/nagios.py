"""Nagios Core 4 in a scratch directory, as user nobody, with checks made when the test asks for them."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from .process import Daemon, processes
from .requirements import need, need_root

_MAIN = """\
cfg_file={base}/objects.cfg
resource_file={base}/resource.cfg
log_file={base}/nagios.log
object_cache_file={base}/objects.cache
precached_object_file={base}/objects.precache
status_file={base}/status.dat
status_update_interval=1
nagios_user=nobody
nagios_group=nogroup
check_external_commands=1
command_file={base}/rw/nagios.cmd
query_socket={base}/rw/nagios.qh
lock_file={base}/nagios.lock
temp_file={base}/nagios.tmp
temp_path={base}/tmp
check_result_path={base}/spool
state_retention_file={base}/retention.dat
retain_state_information=0
use_syslog=0
execute_service_checks=0
execute_host_checks=0
check_workers=1
service_check_timeout={timeout}
process_performance_data=1
service_perfdata_file={base}/perfdata
service_perfdata_file_template=$HOSTNAME$\\t$SERVICEDESC$\\t$SERVICESTATE$\\t$SERVICEPERFDATA$
service_perfdata_file_mode=a
illegal_object_name_chars=`~!$%^&*|'"<>?,()=
illegal_macro_output_chars=`~$&|'"<>
check_for_updates=0
"""

_TEMPLATES = """\
define timeperiod {
  timeperiod_name 24x7
  alias always
  sunday 00:00-24:00
  monday 00:00-24:00
  tuesday 00:00-24:00
  wednesday 00:00-24:00
  thursday 00:00-24:00
  friday 00:00-24:00
  saturday 00:00-24:00
}
define command {
  command_name nothing
  command_line /bin/true
}
define contact {
  contact_name root
  service_notification_period 24x7
  host_notification_period 24x7
  service_notification_options n
  host_notification_options n
  service_notification_commands nothing
  host_notification_commands nothing
}
define contactgroup {
  contactgroup_name admins
  members root
}
define host {
  name generic-host
  register 0
  notification_period 24x7
}
define service {
  name generic-service
  register 0
  max_check_attempts 3
  check_interval 10
  retry_interval 2
  check_period 24x7
  notification_interval 60
  notification_period 24x7
  contact_groups admins
}
"""


class Nagios:
    """One daemon (20 ms to start).  ``objects`` are hosts, services and commands; ``generic-host``,
    ``generic-service`` and ``admins`` are there, as bare as Nagios ships them.  No check is made by itself, unless
    ``extra``, further lines of nagios.cfg, says so."""

    def __init__(self, base: Path, plugins: Path, objects: str, timeout: int = 60, extra: str = "") -> None:
        self.base = base
        self._plugins = plugins
        self._objects = objects
        self._timeout = timeout
        self._extra = extra
        self._daemon: Daemon | None = None

    def write(self) -> None:
        need("nagios")
        need_root("Nagios that runs as nobody")
        for name in ("rw", "tmp", "spool"):
            (self.base / name).mkdir(parents=True)
        texts = {
            "nagios.cfg": _MAIN.format(base=self.base, timeout=self._timeout) + self._extra,
            "objects.cfg": _TEMPLATES + self._objects,
            "resource.cfg": f"$USER1$={self._plugins}\n",
        }
        for name, text in texts.items():
            (self.base / name).write_text(text)
        for path in (self.base, *self.base.rglob("*")):
            shutil.chown(path, "nobody", "nogroup")

    def validate(self) -> str:
        """What ``nagios4 -v`` says; AssertionError when the configuration is bad."""
        done = subprocess.run(
            [need("nagios"), "-v", str(self.base / "nagios.cfg")], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def start(self) -> None:
        self.write()
        self.restart()

    def restart(self) -> None:
        """Start it with what is there."""
        for name in ("status.dat", "rw/nagios.cmd"):
            (self.base / name).unlink(missing_ok=True)
        self._daemon = Daemon([need("nagios"), str(self.base / "nagios.cfg")], log=self.base / "output")
        self._until(lambda: (self.base / "rw/nagios.cmd").exists() and (self.base / "status.dat").exists())

    def stop(self) -> None:
        if self._daemon:
            self._daemon.stop()

    def end(self) -> None:
        """As its supervisor ends it."""
        assert self._daemon is not None
        os.kill(self.pid, signal.SIGTERM)
        self._daemon.wait(20)

    def reload(self) -> None:
        """Let it read its configuration anew."""
        os.kill(self.pid, signal.SIGHUP)

    @property
    def pid(self) -> int:
        """The core's."""
        words = [need("nagios"), str(self.base / "nagios.cfg")]
        return min(pid for pid, started_with in processes() if started_with == words)

    def check(self, host: str, service: str) -> dict[str, str]:
        """The ``servicestatus`` of status.dat after a check made now."""
        now = int(time.time())
        with (self.base / "rw/nagios.cmd").open("w") as pipe:
            pipe.write(f"[{now}] SCHEDULE_FORCED_SVC_CHECK;{host};{service};{now}\n")
        self._until(lambda: self.status(host, service)["has_been_checked"] == "1")
        return self.status(host, service)

    def check_all(self, host: str, services: Sequence[str]) -> dict[str, dict[str, str]]:
        """The same for all these services at the same time, by their names."""
        now = int(time.time())
        with (self.base / "rw/nagios.cmd").open("w") as pipe:
            for service in services:
                pipe.write(f"[{now}] SCHEDULE_FORCED_SVC_CHECK;{host};{service};{now}\n")
        self._until(lambda: all(self.status(host, one)["has_been_checked"] == "1" for one in services))
        return {service: self.status(host, service) for service in services}

    def status(self, host: str, service: str) -> dict[str, str]:
        """The ``servicestatus`` of status.dat."""
        wanted = {"host_name": host, "service_description": service}
        return next(block for block in self._blocks() if wanted.items() <= block.items())

    def perfdata(self, host: str, service: str) -> tuple[str, str]:
        """State and perfdata as they were written to the perfdata file last."""

        def rows() -> list[list[str]]:
            lines = (self.base / "perfdata").read_text().splitlines()
            return [row for row in (line.split("\t") for line in lines) if row[:2] == [host, service]]

        self._until(lambda: (self.base / "perfdata").exists() and bool(rows()))
        _, _, state, perfdata = rows()[-1]
        return state, perfdata

    def _blocks(self) -> Iterator[dict[str, str]]:
        for text in re.findall(r"^servicestatus \{\n(.*?)^\t\}", (self.base / "status.dat").read_text(), re.M | re.S):
            yield dict(line.strip().split("=", 1) for line in text.splitlines() if "=" in line)

    def _until(self, done: Callable[[], bool], timeout: float = 30) -> None:
        assert self._daemon is not None
        end = time.monotonic() + timeout
        while not done():
            assert self._daemon.running(), f"Nagios died: {self._daemon.tail()}"
            assert time.monotonic() < end, f"not within {timeout} s: {self._daemon.tail()}"
            time.sleep(0.05)
