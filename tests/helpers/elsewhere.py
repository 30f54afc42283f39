"""A machine to install a package on, and a check by somebody who may write nowhere."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

from helpers.plugin import check_characters, check_form
from servers.requirements import need_namespaces, need_root
from servers.scripted import SmtpScript
from servers.unpacked import overlay
from smtp_status import __version__

NOBODY = ("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "--no-new-privs", "--")


def sh(*command: object, **options: Any) -> str:
    """Standard output of a command that must not fail."""
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def check_as_nobody(scripted: Any, *command: object, wrap: tuple[object, ...] = ()) -> None:
    """A whole transaction, then the version, by a user who may write nowhere, from a bare environment."""
    need_root("becoming user nobody")
    server = scripted(SmtpScript())
    where = ["-H", server.host, "-p", server.port, "-v", "--to", "bob@example.org"]
    words = [str(word) for word in (*wrap, *NOBODY, *command)]
    done = subprocess.run(
        [*words, *map(str, where)], capture_output=True, cwd="/", env={"PATH": "/usr/bin:/bin"}, check=False
    )
    assert done.stderr == b""
    out = done.stdout.decode()
    check_characters(out)
    result = check_form(done.returncode, out)
    assert result.code == 0
    assert re.fullmatch(r"SMTP OK - .* accepted the message in [0-9.]+ s: 250 2\.0\.0 Ok: queued as 4Vx1", result.first)
    done = subprocess.run([*words, "-V"], capture_output=True, cwd="/", env={"PATH": "/usr/bin:/bin"}, check=False)
    assert (done.returncode, done.stdout) == (3, f"check_smtp_status {__version__}\n".encode())


class Elsewhere:
    """This machine with everything written kept in memory: a private mount namespace with its own /etc, /usr, /var."""

    def __init__(self, base: Path) -> None:
        need_root("installing a package")
        need_namespaces("m")
        (base / "scratch").mkdir(parents=True)
        (base / "source").mkdir()
        setup = overlay(base / "source", base / "scratch", {})
        script = f"{setup}\necho up\nexec sleep infinity"
        self._holder = subprocess.Popen(
            [*("setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--propagation", "private"), "sh", "-c", script],
            stdout=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
        )
        assert self._holder.stdout
        assert self._holder.stdout.readline() == b"up\n"
        self.enter = ("nsenter", "--target", str(self._holder.pid), "--mount", "--")

    def sh(self, *command: object) -> str:
        return sh(*self.enter, *command)

    def leave(self) -> None:
        self._holder.kill()
        self._holder.communicate()
