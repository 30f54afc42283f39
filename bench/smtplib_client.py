"""A peer: one transaction by smtplib.

``smtplib_client.py HOST PORT NAME``: each command timed with perf_counter_ns, the seconds by stage printed as JSON.
``smtplib_client.py HOST PORT NAME FILE RECIPIENTS``: sends the file to so many recipients.
"""

from __future__ import annotations

import json
import smtplib
import sys
from collections.abc import Callable
from time import perf_counter_ns

SENDER, RECIPIENT = "a@example.org", "b@example.org"
MESSAGE = b"Subject: SMTP PROTOCOL TESTING\r\n\r\nDATA SECTION\r\n.\r\n"


def timed(host: str, port: int, name: str) -> dict[str, float]:
    times = {}
    client = smtplib.SMTP(local_hostname=name)

    def message() -> tuple[int, bytes]:
        client.send(MESSAGE)
        return client.getreply()

    steps: dict[str, tuple[int, Callable[[], tuple[int, bytes]]]] = {
        "banner": (220, lambda: client.connect(host, port)),
        "ehlo": (250, client.ehlo),
        "mail": (250, lambda: client.mail(SENDER)),
        "rcpt": (250, lambda: client.rcpt(RECIPIENT)),
        "data": (354, lambda: client.docmd("DATA")),
        "message": (250, message),
    }
    for stage, (wanted, step) in steps.items():
        began = perf_counter_ns()
        code, _ = step()
        times[stage] = (perf_counter_ns() - began) / 1e9
        if code != wanted:
            raise SystemExit(f"{stage}: {code}")
    client.quit()
    return times


def send(host: str, port: int, name: str, file: str, recipients: int) -> None:
    with open(file, "rb") as content:
        message = content.read()
    with smtplib.SMTP(host, port, local_hostname=name) as client:
        client.sendmail(SENDER, [f"b{number}@example.org" for number in range(recipients)], message)


if __name__ == "__main__":
    where = (sys.argv[1], int(sys.argv[2]), sys.argv[3])
    if len(sys.argv) > 4:
        send(*where, sys.argv[4], int(sys.argv[5]))
    else:
        print(json.dumps(timed(*where)))
