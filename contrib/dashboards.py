"""The Grafana dashboards: one picture, with the queries of the data bases that Icinga or Prometheus fill."""

from __future__ import annotations

import json
from collections.abc import Callable

from smtp_status.stages import STAGES

COMMAND = "smtp_status"
STATES = ("OK", "WARNING", "CRITICAL", "UNKNOWN")
COLOURS = ("green", "yellow", "red", "purple")

INPUT = "DS_SMTP"
"""Name of the input that the import asks for."""

SOURCES = {
    "influxdb": "InfluxDB 1, or 2 with its API of version 1 (query language InfluxQL)",
    "influxdb2": "InfluxDB 2 (query language Flux, with the default bucket that Icinga writes to)",
    "graphite": "Graphite",
    "prometheus": "Prometheus, which scrapes smtp_statusd as contrib/prometheus has it",
}
"""What the data source has to be, as the import says it."""

COUNTS = ("arrived", "pending", "lost", "spam", "mailbox")
"""Labels of the perfdata that count messages."""

PROMETHEUS = {
    "state": "state",
    "time": "duration_seconds",
    "time_arrive": "arrival_seconds",
    "time_pending": "pending_seconds",
}
"""What follows ``smtp_status_`` in the name of the metric, of labels that are neither a stage's nor a count."""

Panel = dict[str, object]


def influxdb(label: str) -> dict[str, object]:
    """The query (InfluxQL) for a perfdata label, or for ``state``."""
    if label == "state":
        field, wanted = "state", ""
    else:
        field, wanted = "value", f" AND \"metric\" = '{label}'"
    place = '"hostname" =~ /^$host$/ AND "service" =~ /^$service$/'
    words = (
        f'SELECT last("{field}")',
        f'FROM "{COMMAND}"',
        f"WHERE {place}{wanted} AND $timeFilter",
        "GROUP BY time($__interval) fill(none)",
    )
    return {"query": " ".join(words), "rawQuery": True, "resultFormat": "time_series"}


def influxdb2(label: str) -> dict[str, object]:
    """The same in Flux, for InfluxDB 2."""
    if label == "state":
        field, wanted = "state", ""
    else:
        field, wanted = "value", f' and r.metric == "{label}"'
    lines = (
        "from(bucket: v.defaultBucket)",
        "range(start: v.timeRangeStart, stop: v.timeRangeStop)",
        f'filter(fn: (r) => r._measurement == "{COMMAND}" and r._field == "{field}")',
        f'filter(fn: (r) => r.hostname == "${{host}}" and r.service == "${{service}}"{wanted})',
        "aggregateWindow(every: v.windowPeriod, fn: last, createEmpty: false)",
        'keep(columns: ["_time", "_value"])',
        f'rename(columns: {{_value: "{_short(label)}"}})',
    )
    return {"query": "\n  |> ".join(lines)}


def graphite(label: str) -> dict[str, object]:
    """The same as a Graphite target."""
    what = "metadata.state" if label == "state" else f"perfdata.{label}.value"
    return {"target": f"icinga2.$host.services.$service.{COMMAND}.{what}"}


def prometheus(label: str) -> dict[str, object]:
    """The same as an expression of PromQL; of several servers the slowest, or the certificate that expires first."""
    place = 'instance="$host", module="$service"'
    if label == "tls_days":
        words = f"floor((min(smtp_status_certificate_expiry_timestamp_seconds{{{place}}}) - time()) / 86400)"
    elif label in COUNTS:
        words = f"sum(smtp_status_{label}_messages{{{place}}})"
    elif label in PROMETHEUS:
        words = f"max(smtp_status_{PROMETHEUS[label]}{{{place}}})"
    else:
        words = f'max(smtp_status_stage_duration_seconds{{{place}, stage="{_short(label)}"}})'
    return {"expr": words, "legendFormat": _short(label)}


def dashboard(kind: str) -> str:
    """The JSON to import; ``kind`` is one of SOURCES."""
    queries = {"influxdb": influxdb, "influxdb2": influxdb2, "graphite": graphite, "prometheus": prometheus}
    query = queries[kind]
    plugin, name = {"graphite": ("graphite", "Graphite"), "prometheus": ("prometheus", "Prometheus")}.get(
        kind, ("influxdb", "InfluxDB")
    )
    model = {
        # What the import asks for. Where the file is provisioned nobody is asked, and the variable takes the first
        # data source of its kind.
        "__inputs": [
            {
                "name": INPUT,
                "label": name,
                "description": SOURCES[kind],
                "type": "datasource",
                "pluginId": plugin,
                "pluginName": name,
            }
        ],
        "title": "SMTP transaction",
        "uid": f"smtp-status-{kind}",
        "tags": ["smtp", "prometheus" if kind == "prometheus" else "icinga"],
        "editable": True,
        "schemaVersion": 36,
        "time": {"from": "now-24h", "to": "now"},
        "refresh": "1m",
        "templating": {"list": [_source(plugin), *_places(kind, plugin)]},
        "panels": [
            _state(query, {"x": 0, "y": 0, "w": 18, "h": 4}),
            _days(query, {"x": 18, "y": 0, "w": 6, "h": 4}),
            _stages(query, {"x": 0, "y": 4, "w": 24, "h": 12}),
            _total(query, {"x": 0, "y": 16, "w": 24, "h": 8}),
            _delivery(query, {"x": 0, "y": 24, "w": 8, "h": 8}),
            _fates(query, {"x": 8, "y": 24, "w": 8, "h": 8}),
            _mailbox(query, {"x": 16, "y": 24, "w": 8, "h": 8}),
        ],
    }
    for number, panel in enumerate(model["panels"], 1):
        panel.update(id=number, datasource={"type": plugin, "uid": "$source"})
    return json.dumps(model, indent=2) + "\n"


def _source(plugin: str) -> dict[str, object]:
    chosen = f"${{{INPUT}}}"
    return {
        "name": "source",
        "label": "Data source",
        "type": "datasource",
        "query": plugin,
        "current": {"text": chosen, "value": chosen},
    }


def _places(kind: str, plugin: str) -> list[dict[str, object]]:
    if kind == "influxdb":
        queries = (
            f'SHOW TAG VALUES FROM "{COMMAND}" WITH KEY = "hostname"',
            f'SHOW TAG VALUES FROM "{COMMAND}" WITH KEY = "service" WHERE "hostname" =~ /^$host$/',
        )
    elif kind == "influxdb2":
        values = (
            'import "influxdata/influxdb/schema"\n'
            'schema.tagValues(bucket: v.defaultBucket, tag: "{}",'
            f' predicate: (r) => r._measurement == "{COMMAND}"{{}})'
        )
        queries = (values.format("hostname", ""), values.format("service", ' and r.hostname == "${host}"'))
    elif kind == "prometheus":
        queries = (
            "label_values(smtp_status_state, instance)",
            'label_values(smtp_status_state{instance="$host"}, module)',
        )
    else:
        queries = ("icinga2.*", "icinga2.$host.services.*")
    return [
        {
            "name": name,
            "label": name.capitalize(),
            "type": "query",
            "query": query,
            "datasource": {"type": plugin, "uid": "$source"},
            "refresh": 2,
            "sort": 1,
        }
        for name, query in zip(("host", "service"), queries)
    ]


def _targets(query: Callable[[str], dict[str, object]], *labels: str) -> list[dict[str, object]]:
    """A query for each label, in this order, which is that of the stack."""
    targets = []
    for number, label in enumerate(labels):
        target = {"refId": chr(ord("A") + number), **query(label)}
        name = _short(label)
        if "target" in target:
            target["target"] = f"alias({target['target']}, '{name}')"
        elif "rawQuery" in target:
            target["alias"] = name
        targets.append(target)
    return targets


def _short(label: str) -> str:
    """What a series is called in the picture."""
    return label[len("time_") :] if label.startswith("time_") else label


def _state(query: Callable[[str], dict[str, object]], place: dict[str, int]) -> Panel:
    options = {str(number): {"text": state, "color": COLOURS[number]} for number, state in enumerate(STATES)}
    return {
        "title": "State",
        "type": "state-timeline",
        "gridPos": place,
        "targets": _targets(query, "state"),
        "options": {"showValue": "auto", "mergeValues": True},
        "fieldConfig": {"defaults": {"mappings": [{"type": "value", "options": options}]}, "overrides": []},
    }


def _days(query: Callable[[str], dict[str, object]], place: dict[str, int]) -> Panel:
    steps = [
        {"color": "red", "value": None},
        {"color": "yellow", "value": 7},
        {"color": "green", "value": 21},
    ]
    return {
        "title": "Certificate",
        "type": "stat",
        "gridPos": place,
        "targets": _targets(query, "tls_days"),
        "options": {"reduceOptions": {"calcs": ["lastNotNull"]}},
        "fieldConfig": {
            "defaults": {"unit": "suffix: days", "decimals": 0, "thresholds": {"mode": "absolute", "steps": steps}},
            "overrides": [],
        },
    }


def _stages(query: Callable[[str], dict[str, object]], place: dict[str, int]) -> Panel:
    return {
        "title": "Time of each command",
        "type": "timeseries",
        "gridPos": place,
        "targets": _targets(query, *(f"time_{stage}" for stage in STAGES)),
        "options": {
            "legend": {"displayMode": "table", "placement": "right", "calcs": ["lastNotNull", "max"]},
            "tooltip": {"mode": "multi"},
        },
        "fieldConfig": {
            "defaults": {
                "unit": "s",
                "min": 0,
                "custom": {"stacking": {"mode": "normal", "group": "A"}, "fillOpacity": 60, "lineWidth": 1},
            },
            "overrides": [],
        },
    }


def _total(query: Callable[[str], dict[str, object]], place: dict[str, int]) -> Panel:
    return {
        "title": "Time until the reply that decided (without QUIT)",
        "type": "timeseries",
        "gridPos": place,
        "targets": _targets(query, "time"),
        "fieldConfig": {"defaults": {"unit": "s", "min": 0}, "overrides": []},
    }


def _delivery(query: Callable[[str], dict[str, object]], place: dict[str, int]) -> Panel:
    return {
        "title": "Time until the message was in the mailbox",
        "type": "timeseries",
        "gridPos": place,
        "targets": _targets(query, "time_arrive", "time_pending"),
        "fieldConfig": {"defaults": {"unit": "s", "min": 0}, "overrides": []},
    }


def _fates(query: Callable[[str], dict[str, object]], place: dict[str, int]) -> Panel:
    return {
        "title": "Messages arrived, under way, lost, filed as spam",
        "type": "timeseries",
        "gridPos": place,
        "targets": _targets(query, "arrived", "pending", "lost", "spam"),
        "fieldConfig": {"defaults": {"unit": "short", "decimals": 0, "min": 0}, "overrides": []},
    }


def _mailbox(query: Callable[[str], dict[str, object]], place: dict[str, int]) -> Panel:
    return {
        "title": "Messages in the mailbox",
        "type": "timeseries",
        "gridPos": place,
        "targets": _targets(query, "mailbox"),
        "fieldConfig": {"defaults": {"unit": "short", "decimals": 0, "min": 0}, "overrides": []},
    }
