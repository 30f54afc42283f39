"""Documents as metrics, in both text formats that Prometheus reads."""

from __future__ import annotations

import json
from typing import Any

from prometheus_client import generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.parser import text_string_to_metric_families

from helpers.known import RCPT, WHOLE, Known, outcome
from helpers.talk import SENDER, TO, plan
from smtp_status.check.check import SMTPCheck, report
from smtp_status.findings import Days, Finding, Target
from smtp_status.options.settings import Settings
from smtp_status.resident.exposition import FIGURES, CheckMetrics


def told(*outcomes: Any, **changes: Any) -> dict[str, Any]:
    """The document of a check on ``outcomes``."""
    settings = Settings(plan=plan(TO, sender=SENDER), output_format="json", **changes)
    resource = Known(settings, outcomes)
    check = SMTPCheck(resource, settings)
    check()
    text, _code = report(check, resource, settings)
    return dict(json.loads(text))


def samples(found: dict[str, Any]) -> dict[tuple[str, ...], float]:
    """Each sample by its name and the values of its labels, which are in the order of their names."""
    text = generate_latest(CheckMetrics(found)).decode()
    made = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            made[(sample.name, *sample.labels.values())] = sample.value
    assert generate_openmetrics(CheckMetrics(found)).endswith(b"# EOF\n")
    return made


REFUSED = Finding("rcpt", "failure", (550,), "5.1.1 No such user")


def test_a_success() -> None:
    found = samples(told(outcome(*WHOLE, tls_days=Days(30, "expires in 30 days", 1_802_592_000))))
    host = "mx1.example.org"
    assert found["smtp_status_state",] == 0
    assert found["smtp_status_duration_seconds",] == 0.08412
    assert found["smtp_status_target_state", host] == 0
    assert found["smtp_status_target_accepts", host] == 1
    assert found["smtp_status_target_duration_seconds", host] == 0.08412
    assert found["smtp_status_certificate_expiry_timestamp_seconds", host] == 1_802_592_000
    assert found["smtp_status_stage_duration_seconds", host, "rcpt"] == 0.001
    assert found["smtp_status_reply_code", host, "message"] == 250
    assert not [name for name, *_ in found if name == "smtp_status_fault"]


def test_a_refusal() -> None:
    found = samples(told(outcome(*WHOLE[:4], RCPT, REFUSED)))
    host = "mx1.example.org"
    assert found["smtp_status_state",] == 2
    assert found["smtp_status_target_accepts", host] == 0
    assert found["smtp_status_reply_code", host, "rcpt"] == 550
    assert found["smtp_status_fault", host, "failure", "rcpt"] == 1


def test_no_label_has_a_servers_words() -> None:
    found = told(outcome(*WHOLE[:4], Finding("rcpt", "failure", (550,), "words of the server")))
    assert b"words of" not in generate_latest(CheckMetrics(found))


def test_several_servers() -> None:
    targets = [Target(name, (), name) for name in ("mx1.example.org", "mx2.example.org")]
    found = samples(
        told(
            outcome(*WHOLE, target=targets[0]),
            outcome(*WHOLE[:4], REFUSED, target=targets[1]),
            hosts=("mx1.example.org", "mx2.example.org"),
        )
    )
    assert found["smtp_status_state",] == 1
    assert found["smtp_status_target_state", "mx1.example.org"] == 0
    assert found["smtp_status_target_state", "mx2.example.org"] == 2


def test_figures_of_arrival() -> None:
    found = told(outcome(*WHOLE))
    found["perfdata"] += [
        {"label": name, "value": number, "unit": "", "warning": None, "critical": None}
        for number, name in enumerate(FIGURES)
    ]
    found["arrival"] = {"certificate_expires": 1_802_592_000, "seconds": 0.25, "findings": []}
    made = samples(found)
    assert made["smtp_status_imap_certificate_expiry_timestamp_seconds", "mx1.example.org"] == 1_802_592_000
    for number, (metric, _words) in enumerate(FIGURES.values()):
        assert made[metric, "mx1.example.org"] == number
    assert made["smtp_status_stage_duration_seconds", "mx1.example.org", "imap"] == 0.25
    assert not [name for name, *_ in made if name == "smtp_status_fault"]


def mailbox_fault(stage: str, kind: str, target: str | None = None, state: str = "critical") -> dict[str, Any]:
    return {"stage": stage, "target": target, "kind": kind, "cause": "words", "remark": "", "state": state}


def test_what_is_wrong_with_a_mailbox_is_a_fault() -> None:
    """Each kind once; what is fine, such as a message under way, is none."""
    found = told(outcome(*WHOLE))
    faults = [mailbox_fault("imap", "refused"), mailbox_fault("arrive", "lost"), mailbox_fault("arrive", "lost")]
    faults.append(mailbox_fault("arrive", "pending", state="ok"))
    found["arrival"] = {"certificate_expires": None, "seconds": None, "findings": faults}
    made = samples(found)
    assert {labels: value for labels, value in made.items() if labels[0] == "smtp_status_fault"} == {
        ("smtp_status_fault", "mx1.example.org", "refused", "imap"): 1,
        ("smtp_status_fault", "mx1.example.org", "lost", "arrive"): 1,
    }
    assert ("smtp_status_stage_duration_seconds", "mx1.example.org", "imap") not in made


def test_of_several_servers_a_mailbox_is_nobodys() -> None:
    names = ("mx1.example.org", "mx2.example.org")
    found = told(*(outcome(*WHOLE, target=Target(name, (), name)) for name in names), hosts=names)
    faults = [mailbox_fault("imap", "refused"), mailbox_fault("arrive", "late", "mx2.example.org", "warning")]
    found["arrival"] = {"certificate_expires": None, "seconds": 0.25, "findings": faults}
    made = samples(found)
    assert made["smtp_status_fault", "", "refused", "imap"] == 1
    assert made["smtp_status_fault", "mx2.example.org", "late", "arrive"] == 1
    assert made["smtp_status_stage_duration_seconds", "", "imap"] == 0.25


def test_what_came_to_nothing() -> None:
    found = samples(
        {"state": "unknown", "seconds": None, "domain": None, "targets": [], "arrival": None, "perfdata": []}
    )
    assert found == {("smtp_status_state",): 3}
