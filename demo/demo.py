"""The plugin at work: one full SMTP transaction, what the plugin said of it, and what the server received.

``make demo`` runs this.  The server is aiosmtpd on a free loopback port and keeps the mail in memory.  Where Dovecot
is installed, a mail is sent into a mailbox of its as well, and looked for there.  With
``HOST`` in the environment (``make demo HOST=… TO=… FROM=…``) the plugin is run against that server instead.
``ARGS`` holds further options.
"""

from __future__ import annotations

import asyncio
import os
import shlex
import sys
from asyncio.subprocess import DEVNULL, PIPE, STDOUT
from pathlib import Path

import arrival
from aiosmtpd.smtp import SMTP, Envelope, Session

PLUGIN = Path(sys.executable).with_name("check_smtp_status")
STATES = ("OK", "WARNING", "CRITICAL", "UNKNOWN")


class Inbox:
    """An aiosmtpd handler that takes every message and remembers it."""

    def __init__(self) -> None:
        self.received: list[Envelope] = []

    async def handle_DATA(  # noqa: N802 - the name aiosmtpd calls it by
        self, _server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        self.received.append(envelope)
        return f"250 2.0.0 Ok: kept in memory as message {len(self.received)}"


async def check(*arguments: str) -> int:
    """Run the installed plugin with these arguments and ARGS, show all of it, and return its exit code."""
    arguments += tuple(shlex.split(os.environ.get("ARGS", "")))
    print(f"$ {shlex.join([os.path.relpath(PLUGIN), *arguments])}", end="\n\n", flush=True)
    process = await asyncio.create_subprocess_exec(PLUGIN, *arguments, stdin=DEVNULL, stdout=PIPE, stderr=STDOUT)
    output, _ = await process.communicate()
    print(output.decode("utf-8", "backslashreplace").rstrip("\n"), end="\n\n")
    code = process.returncode
    assert code is not None
    print(f"Exit code: {code} ({STATES[code] if 0 <= code < len(STATES) else 'not one of a plugin'})")
    return code


async def embedded() -> int:
    """Check a server of our own; return 0 when the plugin says OK and the server has the message, else 1."""
    inbox = Inbox()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(inbox, hostname="mx.example.org", enable_SMTPUTF8=True), "127.0.0.1", 0
    )
    async with server:
        port = server.sockets[0].getsockname()[1]
        print(f"An SMTP server (aiosmtpd) listens on 127.0.0.1 port {port}.", end="\n\n")
        where = ["-H", "127.0.0.1", "-p", str(port)]
        code = await check(*where, "-f", "probe@example.org", "--to", "postmaster@example.org", "-v")
    for envelope in inbox.received:
        show(envelope)
    if not inbox.received:
        print("\nThe server received no message.")
    arrived = await arrival.show(check)
    return 0 if code == 0 and inbox.received and arrived == 0 else 1


def show(envelope: Envelope) -> None:
    """Print envelope and content of one message, indented."""
    content = envelope.original_content or b""
    print("\nThe message as the server received it:\n")
    print(f"    MAIL FROM:<{envelope.mail_from}>")
    for recipient in envelope.rcpt_tos:
        print(f"    RCPT TO:<{recipient}>")
    print()
    for line in content.decode("utf-8", "backslashreplace").splitlines():
        print(f"    {line}".rstrip())


async def users_server(host: str) -> int:
    """Check the user's server; return 0 whatever the verdict is, for showing it was the task."""
    arguments = ["-H", host]
    if "FROM" in os.environ:
        arguments += ["-f", os.environ["FROM"]]
    if "TO" in os.environ:
        arguments += ["--to", os.environ["TO"]]
    await check(*arguments, "-v")
    if "TO" not in os.environ:
        print("\nNo message was sent: TO=address names who should get it.")
    return 0


def main() -> int:
    if not PLUGIN.exists():
        print("The plugin is not installed beside this Python; make demo does it.")
        return 1
    sys.stdout.reconfigure(errors="backslashreplace")  # a terminal may know less than a mail can hold
    host = os.environ.get("HOST")
    return asyncio.run(users_server(host) if host else embedded())


if __name__ == "__main__":
    sys.exit(main())
