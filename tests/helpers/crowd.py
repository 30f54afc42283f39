"""Many conversations in one process: ``crowd.py [--times] COUNT OPTION…``, with one HOST among the plugin's options.

Runs COUNT conversations at the same time in one engine.  With ``--times`` it prints, as JSON, what each took: the stage
times by the EHLO name of the conversation, ``n0.example.org`` and so on, each with the last line of details (with
``-vvv``), which says what clock it was.
"""

from __future__ import annotations

import gc
import json
import sys
import time

from smtp_status.__main__ import FEW_COLLECTIONS
from smtp_status.net import loop
from smtp_status.net.clock import Deadline
from smtp_status.net.resolve import of_hosts
from smtp_status.options.build import settings_from
from smtp_status.smtp.dialogue import Dialogue
from smtp_status.tls.context import make_context
from smtp_status.tls.layer import TlsLayer


def main(count: int, options: list[str], times: bool) -> None:
    # As the plugin does, so that a conversation costs here what it costs there: what it leaves lives to the end, and
    # Python would look through all of it again and again.
    gc.set_threshold(FEW_COLLECTIONS)
    settings = settings_from(options, {})
    deadline = Deadline(settings.timeout)
    (route,) = of_hosts(settings.hosts, settings.port, settings.family, deadline, None).routes
    plans = [settings.plan._replace(helo=f"n{number}.example.org") for number in range(count)]
    dialogues = [Dialogue(plan, route, time.time()) for plan in plans]
    context = make_context(settings.plan.tls) if settings.plan.tls.mode != "off" else None

    def new_layer(_: object, name: str) -> TlsLayer:
        assert context is not None
        return TlsLayer(context, name)

    loop.converse([dialogue.run() for dialogue in dialogues], deadline, new_layer)
    outcomes = [dialogue.outcome(deadline.started) for dialogue in dialogues]
    # A server that is busy with so many may be late with its farewell.
    findings = [finding for outcome in outcomes for finding in outcome.findings if finding.stage != "quit"]
    wrong = [finding for finding in findings if not finding.succeeded]
    if wrong:
        raise SystemExit(f"not all succeeded: {wrong[0]}")
    if times:
        told = {plan.helo: (dict(outcome.times), outcome.details[-1:]) for plan, outcome in zip(plans, outcomes)}
        print(json.dumps(told))


if __name__ == "__main__":
    asked = sys.argv[1] == "--times"
    number, *rest = sys.argv[2 if asked else 1 :]
    main(int(number), rest, asked)
