"""``--output-format json``: one document of the form docs/outcome.schema.json tells, in place of everything else."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from helpers.document import SCHEMA, document, said
from helpers.plugin import ROOT, run
from servers.certs import Certs
from servers.scripted import Close, Sleep, SmtpScript
from servers.scripted.sasl import plain

WHOLE = ["connect", "banner", "ehlo", "mail", "rcpt", "data", "message", "quit"]


def at(server: Any) -> tuple[object, ...]:
    return ("-H", server.host, "-p", server.port)


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_a_whole_message(scripted: Any) -> None:
    server = scripted()
    found = document(*at(server), "-f", "a@example.org", "--to", "bob@example.org", "-w", 5, "-c", "~:9")
    (target,) = found["targets"]
    assert (found["state"], found["domain"], found["policies"]) == ("ok", None, [])
    assert found["sentence"].startswith(f"{server.host} accepted the message in ")
    assert (target["host"], target["address"], target["port"]) == (server.host, server.host, server.port)
    assert (target["state"], target["accepts"], target["certificate"], target["label"]) == ("ok", True, None, None)
    assert [stage["stage"] for stage in target["stages"]] == WHOLE
    stages = {stage["stage"]: stage for stage in target["stages"]}
    assert stages["rcpt"]["replies"] == [
        {
            "kind": "success",
            "codes": [250],
            "text": "2.1.5 Recipient ok",
            "cause": "",
            "about": None,
            "seconds": stages["rcpt"]["seconds"],
            "state": "ok",
        }
    ]
    figures = {figure["label"]: figure for figure in found["perfdata"]}
    time = {"label": "time", "value": found["seconds"], "unit": "s", "warning": "5", "critical": "~:9"}
    assert figures["time"] == time
    assert {f"time_{name}": stage["seconds"] for name, stage in stages.items()} == {
        label: figure["value"] for label, figure in figures.items() if label != "time"
    }


def test_a_refusal_is_critical_and_each_recipient_has_its_reply(scripted: Any) -> None:
    refused = {"x@example.org": b"550 5.1.1 No such user\r\n", "g@example.org": b"450 4.2.0 Later\r\n"}
    server = scripted(rcpt=refused)
    recipients = [word for name in ("bob@example.org", *refused) for word in ("--to", name)]
    found = document(*at(server), *recipients)
    assert found["state"] == "critical"
    (target,) = found["targets"]
    (rcpt,) = (stage for stage in target["stages"] if stage["stage"] == "rcpt")
    assert (target["accepts"], rcpt["state"]) == (False, "critical")
    assert [(reply["about"], reply["codes"], reply["kind"], reply["state"]) for reply in rcpt["replies"]] == [
        ("bob@example.org", [250], "success", "ok"),
        ("x@example.org", [550], "failure", "critical"),
        ("g@example.org", [450], "failure", "warning"),
    ]


def test_rules_change_the_states(scripted: Any) -> None:
    server = scripted(rcpt=b"450 4.2.0 Greylisted\r\n")
    found = document(*at(server), "--to", "bob@example.org", "--state", "rcpt:45x=ok")
    assert (found["state"], found["targets"][0]["stages"][-2]["state"]) == ("ok", "ok")
    assert found["sentence"].endswith("450 4.2.0 Greylisted (as wanted)")


def test_the_sentence_is_that_of_the_ordinary_output(scripted: Any) -> None:
    script = SmtpScript(rcpt=b"550 5.1.1 No such user here\r\n")
    ordinary = run(*map(str, at(scripted(script))), "--to", "bob@example.org")
    found = document(*at(scripted(script)), "--to", "bob@example.org")
    assert f"SMTP CRITICAL - {found['sentence']}" == ordinary.first


def test_a_certificate_is_told(scripted: Any, certs: Certs) -> None:
    server = scripted(starttls=certs.context())
    found = document(*at(server), "-S", "--ca", certs.ca, "--tls-name", "mx1.example.test", "-D", "21,7")
    certificate = found["targets"][0]["certificate"]
    assert certificate["subject"] == "CN=mx1.example.test"
    assert certificate["days"] == next(f["value"] for f in found["perfdata"] if f["label"] == "tls_days") > 20
    ends = datetime.fromtimestamp(certificate["expires"], timezone.utc)
    assert f" to {ends:%Y-%m-%d}, expires in " in certificate["valid"]
    assert certificate["days"] == (ends - datetime.now(timezone.utc)).days
    assert certificate["issuer"] == "CN=Test Intermediate CA"
    assert certificate["key"].startswith("EC P-256, SHA-256 ")
    assert "mx2.example.test" in certificate["names"]
    stages = {stage["stage"]: stage for stage in found["targets"][0]["stages"]}
    assert len(stages["ehlo"]["replies"]) == 2


def test_several_servers(scripted: Any) -> None:
    server = scripted()
    found = document("-H", "127.0.0.1", "-H", "localhost", "-4", "-p", server.port, "--quit-after", "banner")
    assert [target["label"] for target in found["targets"]] == ["127.0.0.1", "localhost"]
    assert found["sentence"].startswith("2 of 2 servers answer")


def test_no_server_at_all() -> None:
    found = document("-H", "127.0.0.1", "-p", 1)
    (target,) = found["targets"]
    assert (target["address"], target["port"], target["stages"][0]["seconds"]) == (None, None, None)
    assert target["stages"][0]["replies"][0]["kind"] == "refused"


def test_a_deadline_ends_it_with_what_is_known(scripted: Any) -> None:
    server = scripted(mail=Sleep(5), strict=False)
    found = document(*at(server), "-f", "a@example.org", "-t", "0.5:unknown")
    assert found["state"] == "unknown"
    assert [(stage["stage"], stage["state"]) for stage in found["targets"][0]["stages"]] == [
        *(("connect", "ok"), ("banner", "ok"), ("ehlo", "ok"), ("mail", "unknown"))
    ]


HOSTILE = b'550 5.1.1 "q" \\x0a \\ <b>&|time=1s \x1b[31m \xff \xe2\x80\xae end\r\n'


def test_what_a_server_says_can_do_nothing(scripted: Any) -> None:
    found = document(*at(scripted(rcpt=HOSTILE, strict=False)), "--to", "bob@example.org", "-vv")
    (target,) = found["targets"]
    (rcpt,) = (stage for stage in target["stages"] if stage["stage"] == "rcpt")
    text = rcpt["replies"][0]["text"]
    assert text.startswith("5.1.1 \uff02q\uff02 ∖x0a ∖ ") and text.endswith(" end")
    # The marks of the transcript are angle brackets, which a document has not.
    assert [line[:7] for line in target["transcript"] if "550" in line] == ["‹‹‹ 550"]


def test_a_transcript_comes_with_vv_only(scripted: Any) -> None:
    server = scripted()
    assert "transcript" not in document(*at(server), "-v")["targets"][0]
    assert document(*at(scripted()), "-vv")["targets"][0]["transcript"][-1].endswith("221 2.0.0 Bye")


def test_no_secret_is_told(scripted: Any) -> None:
    secret = "correct-horse-battery"
    server = scripted(auth={"PLAIN": plain("probe", secret)}, mail=f"550 5.7.1 {secret} is no sender\r\n".encode())
    code, out = said(
        *(*at(server), "-U", "probe", "-P", secret, "-f", "a@example.org", "-vvv", "--output-format", "json")
    )
    assert code == 2
    jsonschema.Draft202012Validator(SCHEMA).validate(json.loads(out))
    assert secret not in out and secret[:6] not in out


def test_long_words_are_cut(scripted: Any) -> None:
    server = scripted(rcpt=b"550 5.1.1 " + b"x" * 7000 + b"\r\n")
    found = document(*at(server), "--to", "bob@example.org", "-vv")
    (rcpt,) = (stage for stage in found["targets"][0]["stages"] if stage["stage"] == "rcpt")
    text = rcpt["replies"][0]["text"]
    assert text.endswith("xxx…")
    assert 500 < len(text) <= 1000


@pytest.mark.parametrize("form", ["icinga-web", "mp-test-json", "multi-line", "one-line", "nonsense"])
def test_other_formats_are_taken_for_the_usual_one(form: str, scripted: Any) -> None:
    result = run(*map(str, at(scripted())), "--output-format", form)
    assert result.first.startswith("SMTP OK - ")


def test_bad_usage_is_one_line_as_ever() -> None:
    code, out = said("--output-format", "json", "-p", "x")
    assert (code, out.startswith("SMTP UNKNOWN - -p takes "), out.count("\n")) == (3, True, 1)


def test_closed_in_the_middle(scripted: Any) -> None:
    found = document(*at(scripted(data=Close(), strict=False)), "--to", "bob@example.org")
    stage = found["targets"][0]["stages"][-1]
    assert (stage["stage"], stage["seconds"], stage["replies"][0]["kind"]) == ("data", None, "closed")


def test_the_page_shows_what_it_is(tmp_path: Path) -> None:
    page = (ROOT / "docs/output.md").read_text("utf-8")
    assert "(outcome.schema.json)" in page
