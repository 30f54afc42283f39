"""The second half of the demonstration: the same plugin looks into a mailbox for the message it sent.

Dovecot, where it is installed, runs from a directory of its own on free ports of loopback, as the user who runs this.
"""

from __future__ import annotations

import asyncio
import grp
import os
import pwd
import shutil
import socket
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

USER, PASSWORD = "probe", "a-password-for-the-demo"
PROGRAMS = ("/usr/sbin/dovecot", "/usr/lib/dovecot/imap", "/usr/lib/dovecot/lmtp")
START_SECONDS = 5

CONFIGURATION = """
base_dir = {base}/run
state_dir = {base}/state
log_path = {base}/log
instance_name = demo
protocols = imap lmtp
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
auth_mechanisms = plain
mail_location = maildir:{base}/mail/%n
first_valid_uid = 0
first_valid_gid = 0
default_internal_user = {owner}
default_internal_group = {group}
default_login_user = {owner}
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={base}/mail/%n allow_all_users=yes
}}
service anvil {{
  chroot =
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service lmtp {{
  inet_listener lmtp {{
    address = 127.0.0.1
    port = {lmtp}
  }}
}}
namespace inbox {{
  inbox = yes
}}
"""

Check = Callable[..., Awaitable[int]]
"""Runs the plugin with these arguments and shows what it says; its exit code."""


async def show(check: Check) -> int:
    """Two runs against a mail store of our own; 0 when both said OK, and where Dovecot cannot be had."""
    print("\n\nDoes the mail arrive? The plugin looks into a mailbox (--imap).", end="\n\n")
    missing = [path for path in PROGRAMS if not Path(path).exists()]
    if missing:
        print(f"Dovecot is not installed ({missing[0]} is missing), so this is not shown.")
        print("Debian, Ubuntu: apt-get install dovecot-imapd dovecot-lmtpd")
        return 0
    with tempfile.TemporaryDirectory(prefix="demo-") as name:
        base = Path(name)
        imap, lmtp = _free_ports()
        server = await _start(base, imap, lmtp)
        try:
            if not await _is_up(imap, lmtp):
                log = base / "log"
                print(f"Dovecot does not start here, so this is not shown.\n{log.read_text() if log.exists() else ''}")
                return 0
            print(f"Dovecot listens on 127.0.0.1: LMTP on port {lmtp}, IMAP on port {imap}.", end="\n\n")
            password = base / "password"
            password.write_text(f"{PASSWORD}\n")
            store = ["-L", "-H", "127.0.0.1", "-p", str(lmtp), "--to", USER]
            mailbox = ["--imap", f"127.0.0.1:{imap}", "--imap-tls", "off", "--imap-user", USER]
            return await check(*store, *mailbox, "--imap-pass-file", str(password), "-v")
        finally:
            server.terminate()
            await server.wait()


async def _start(base: Path, imap: int, lmtp: int) -> asyncio.subprocess.Process:
    base.chmod(0o755)
    (base / "mail").mkdir()
    owner = pwd.getpwuid(os.getuid())
    if owner.pw_uid == 0:
        # Dovecot delivers to nobody as root.
        owner = pwd.getpwnam("mail")
        shutil.chown(base / "mail", owner.pw_uid, owner.pw_gid)
    values = {"owner": owner.pw_name, "group": grp.getgrgid(owner.pw_gid).gr_name}
    text = CONFIGURATION.format(
        base=base, imap=imap, lmtp=lmtp, password=PASSWORD, uid=owner.pw_uid, gid=owner.pw_gid, **values
    )
    path = base / "dovecot.conf"
    path.write_text(text)
    quiet = asyncio.subprocess.DEVNULL
    return await asyncio.create_subprocess_exec(PROGRAMS[0], "-F", "-c", str(path), stdout=quiet, stderr=quiet)


async def _is_up(*ports: int) -> bool:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        try:
            for port in ports:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            await asyncio.sleep(0.05)
        else:
            return True
    return False


def _free_ports() -> tuple[int, int]:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        return one.getsockname()[1], other.getsockname()[1]
