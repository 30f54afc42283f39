"""Outcomes as metrics: the document of ``--output-format json`` in, families of the Prometheus client library out.

The only labels are those of closed lists (stages, kinds, states) and the host: whatever a server says is no label, or
a data base of time series would grow with what it says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from prometheus_client.core import GaugeMetricFamily

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from prometheus_client import Metric

STATES = {"ok": 0, "warning": 1, "critical": 2, "unknown": 3}

FIGURES = {
    "time_arrive": ("smtp_status_arrival_seconds", "How long the slowest message that arrived was under way."),
    "time_pending": ("smtp_status_pending_seconds", "How long the oldest message that has not arrived is under way."),
    "arrived": ("smtp_status_arrived_messages", "Messages that arrived since the check before."),
    "pending": ("smtp_status_pending_messages", "Messages under way."),
    "lost": ("smtp_status_lost_messages", "Messages that did not arrive within --lost-after."),
    "spam": ("smtp_status_spam_messages", "Messages that landed in the folder for spam."),
    "mailbox": ("smtp_status_mailbox_messages", "Messages in the folder of the mailbox."),
}
"""Performance data that is a metric of its own: by its label, without the target's in front."""


class CheckMetrics:
    """The metrics of one check, as prometheus_client collects them."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document

    def collect(self) -> Iterator[Metric]:
        """Every family that has a sample."""
        document = self._document
        yield GaugeMetricFamily(
            "smtp_status_state",
            "State of the check: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN.",
            value=STATES[document["state"]],
        )
        if document["seconds"] is not None:
            yield GaugeMetricFamily(
                "smtp_status_duration_seconds", "Time of the whole check, QUIT excluded.", value=document["seconds"]
            )
        yield from (family for family in self._of_targets() if family.samples)

    def _of_targets(self) -> Iterator[Metric]:
        state = _family(
            "target_state",
            "State of one server, numbered like the state of the check; limits on times and days count in that one"
            " only.",
        )
        accepts = _family("target_accepts", "1 if the server did what was asked of it.")
        seconds = _family(
            "target_duration_seconds", "Time of one server, from the lookup of its name to the deciding reply."
        )
        stage_seconds = _family("stage_duration_seconds", "Time of one stage.", "stage")
        code = _family("reply_code", "The last reply code of one stage.", "stage")
        fault = _family("fault", "1 for what went wrong: the stage, and the kind of fault.", "stage", "kind")
        expiry = _family("certificate_expiry_timestamp_seconds", "When the server's certificate expires.")
        for target in self._document["targets"]:
            host = target["label"] or target["host"]
            state.add_metric([host], STATES[target["state"]])
            accepts.add_metric([host], int(target["accepts"]))
            seconds.add_metric([host], target["seconds"])
            if target["certificate"] is not None and target["certificate"]["expires"] is not None:
                expiry.add_metric([host], target["certificate"]["expires"])
            for stage in target["stages"]:
                _add_stage(host, stage, stage_seconds, code, fault)
        domain = self._document["domain"]
        if domain is not None:
            for stage in domain["stages"]:
                _add_stage(domain["name"], stage, stage_seconds, code, fault)
        arrival = self._document["arrival"]
        if arrival is not None:
            self._add_mailbox(arrival, stage_seconds, fault)
        yield from (state, accepts, seconds, stage_seconds, code, fault, expiry)
        yield from self._of_mailbox()

    @property
    def _single(self) -> str:
        """The host of the only target, '' where there are several."""
        targets = self._document["targets"]
        return targets[0]["host"] if len(targets) == 1 else ""

    def _add_mailbox(self, arrival: Mapping[str, Any], seconds: GaugeMetricFamily, fault: GaugeMetricFamily) -> None:
        """The stages of the mailbox, which are about all targets or one of them."""
        if arrival["seconds"] is not None:
            seconds.add_metric([self._single, "imap"], arrival["seconds"])
        faults = [finding for finding in arrival["findings"] if finding["state"] != "ok"]
        # a dictionary: each kind once, in order
        for labels in dict.fromkeys((one["target"] or self._single, one["stage"], one["kind"]) for one in faults):
            fault.add_metric(labels, 1)

    def _of_mailbox(self) -> Iterator[Metric]:
        """What became of the messages: of each target, whose label stands in front where there are several."""
        single = self._single
        arrival = self._document["arrival"]
        expiry = _family("imap_certificate_expiry_timestamp_seconds", "When the IMAP server's certificate expires.")
        if arrival is not None and arrival["certificate_expires"] is not None:
            expiry.add_metric([single], arrival["certificate_expires"])
        yield expiry
        for name, (metric, words) in FIGURES.items():
            family = _family(metric.removeprefix("smtp_status_"), words)
            for figure in self._document["perfdata"]:
                label = figure["label"]
                if label == name:
                    family.add_metric([single], figure["value"])
                elif label.endswith(f"_{name}") and any(
                    label == f"{target['label']}_{name}" for target in self._document["targets"]
                ):
                    family.add_metric([label[: -len(name) - 1]], figure["value"])
            yield family


def _family(name: str, words: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"smtp_status_{name}", words, labels=["host", *labels])


def _add_stage(
    host: str,
    stage: Mapping[str, Any],
    seconds: GaugeMetricFamily,
    code: GaugeMetricFamily,
    fault: GaugeMetricFamily,
) -> None:
    name = stage["stage"]
    if stage["seconds"] is not None:
        seconds.add_metric([host, name], stage["seconds"])
    codes = [code for reply in stage["replies"] for code in reply["codes"]]
    if codes:
        code.add_metric([host, name], codes[-1])
    # a dictionary: each kind once, in order
    kinds = dict.fromkeys(reply["kind"] for reply in stage["replies"] if reply["state"] != "ok")
    for kind in kinds:
        fault.add_metric([host, name, kind], 1)
