"""The few shapes our dashboards are made of, in the JSON model of Grafana 10 and later.

A dashboard is a list of bands. A band is a headline and panels that share its width of 24 columns;
places and ids follow from the order, so that panels can neither overlap nor have the same id.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

COLUMNS: Final = 24
HEADLINE_HEIGHT: Final = 1
DATASOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Query:
    """One PromQL expression; `legend` names its series with `{{label}}`."""

    expr: str
    legend: str = ""
    instant: bool = False


@dataclass(frozen=True, slots=True)
class Panel:
    """What one rectangle shows: the parts of Grafana's panel that are not its place or its id."""

    kind: str
    title: str
    says: str
    queries: tuple[Query, ...]
    unit: str
    custom: Json = field(default_factory=dict)
    options: Json = field(default_factory=dict)
    steps: tuple[tuple[float | None, str], ...] = ((None, "green"),)
    no_value: str = "–"
    transformations: tuple[Json, ...] = ()


@dataclass(frozen=True, slots=True)
class Band:
    title: str
    panels: tuple[Panel, ...]
    height: int = 7


def stat(
    title: str, says: str, query: Query, *, unit: str, warn: float | None = None, bad: float | None
) -> Panel:
    """One figure, green until `warn`, amber until `bad`, then red; None: no such limit."""
    steps: list[tuple[float | None, str]] = [(None, "green")]
    steps += [(warn, "orange")] if warn is not None else []
    steps += [(bad, "red")] if bad is not None else []
    options = {
        "colorMode": "value" if len(steps) > 1 else "none",
        "graphMode": "area",
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "textMode": "value",
    }
    return Panel("stat", title, says, (query,), unit, options=options, steps=tuple(steps))


def lines(title: str, says: str, *queries: Query, unit: str, stacked: bool = False) -> Panel:
    """Series over time; `stacked` when their sum means something."""
    custom = {
        "drawStyle": "line",
        "fillOpacity": 25 if stacked else 5,
        "lineWidth": 1,
        "showPoints": "never",
        "spanNulls": False,
        "stacking": {"mode": "normal" if stacked else "none", "group": "A"},
    }
    options = {
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
        "tooltip": {"mode": "multi", "sort": "desc"},
    }
    return Panel("timeseries", title, says, queries, unit, custom=custom, options=options)


def table(title: str, says: str, query: Query, *, empty: str) -> Panel:
    """The series of one moment as rows; `empty` is shown when there are none."""
    without = {"excludeByName": {"Time": True, "Value": True}}
    change: Json = {"id": "organize", "options": without}
    return Panel("table", title, says, (query,), "none", no_value=empty, transformations=(change,))


def dashboard(*, uid: str, title: str, says: str, bands: Sequence[Band]) -> Json:
    """The whole document, ready to be provisioned."""
    return {
        "uid": uid,
        "title": title,
        "description": says,
        "tags": ["leyden"],
        "editable": False,
        "graphTooltip": 1,
        "refresh": "30s",
        "schemaVersion": 39,
        "timezone": "utc",
        "time": {"from": "now-3h", "to": "now"},
        "templating": {"list": [_datasource_variable()]},
        "panels": _place(bands),
    }


def to_json(document: Json) -> str:
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def _datasource_variable() -> Json:
    return {
        "name": "datasource",
        "label": "Prometheus",
        "type": "datasource",
        "query": "prometheus",
        "hide": 0,
        "refresh": 1,
        "current": {"selected": True, "text": "Prometheus", "value": "prometheus"},
    }


def _place(bands: Sequence[Band]) -> list[Json]:
    placed: list[Json] = []
    top = 0
    for band in bands:
        headline = {"type": "row", "title": band.title, "collapsed": False, "panels": []}
        at = {"x": 0, "y": top, "w": COLUMNS, "h": HEADLINE_HEIGHT}
        placed.append({"id": len(placed) + 1, **headline, "gridPos": at})
        top += HEADLINE_HEIGHT
        left = 0
        for panel, width in zip(band.panels, _widths(len(band.panels)), strict=True):
            at = {"x": left, "y": top, "w": width, "h": band.height}
            placed.append({"id": len(placed) + 1, **_shown(panel), "gridPos": at})
            left += width
        top += band.height
    return placed


def _widths(count: int) -> list[int]:
    """As equal as whole columns allow, wider ones first."""
    width, rest = divmod(COLUMNS, count)
    return [width + 1] * rest + [width] * (count - rest)


def _shown(panel: Panel) -> Json:
    defaults: Json = {
        "unit": panel.unit,
        "custom": panel.custom,
        "noValue": panel.no_value,
        "color": {"mode": "palette-classic" if panel.kind == "timeseries" else "thresholds"},
        "thresholds": {
            "mode": "absolute",
            "steps": [{"value": value, "color": color} for value, color in panel.steps],
        },
    }
    if panel.unit == "percentunit":
        defaults |= {"min": 0}
    return {
        "type": panel.kind,
        "title": panel.title,
        "description": panel.says,
        "datasource": DATASOURCE,
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "options": panel.options,
        "transformations": list(panel.transformations),
        "targets": [
            _target(query, chr(ord("A") + n), as_table=panel.kind == "table")
            for n, query in enumerate(panel.queries)
        ],
    }


def _target(query: Query, ref: str, *, as_table: bool) -> Json:
    return {
        "refId": ref,
        "datasource": DATASOURCE,
        "expr": query.expr,
        "legendFormat": query.legend or "__auto",
        "instant": query.instant,
        "range": not query.instant,
        "format": "table" if as_table else "time_series",
    }
