"""locust's statistics as CSV: the ``PREFIX_stats.csv`` of ``--csv PREFIX``.

Format: https://docs.locust.io/en/stable/retrieving-stats.html
Sample: ``,Aggregated,1200,0,12,14.2,…`` under ``Type,Name,Request Count,Failure Count,Median Response Time,…``
Times are ms in the file. Of the rows of single requests the latencies are read, as those of routes.
Lost: locust's rounding of response times (to two digits above 100 ms).
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from typing import Final

from perf_action.formats.load_metrics import load_metrics, route_metrics
from perf_action.formats.source import ReadOptions, Source
from perf_action.formats.values import text_number, whole
from perf_action.model.route import RouteResult, route_of
from perf_action.model.snapshot import Capture
from perf_action.system import System

NAME: Final = "locust-csv"
_HEADER: Final = "Type,Name,Request Count,Failure Count,"
#: other files of the same prefix
_OTHERS: Final = (
    "Timestamp,User Count,Type,Name,",
    "Method,Name,Error,Occurrences",
    "Count,Message,Traceback,Nodes",
)
_LATENCIES: Final = {"latency.p50": "50%", "latency.p95": "95%", "latency.p99": "99%"}


def sniff(source: Source) -> bool:
    first = source.head_lines[0] if source.head_lines else ""
    return first.replace('"', "").startswith((_HEADER, *_OTHERS))


def read(source: Source, options: ReadOptions, system: System) -> Capture:  # noqa: ARG001
    if not source.head_lines[0].replace('"', "").startswith(_HEADER):
        raise source.error("is another of locust's CSV files", remedy="give the one that ends in _stats.csv")
    try:
        rows = list(csv.DictReader(source.text.split("\n")))
    except csv.Error as error:
        raise source.error(f"no CSV: {error}") from None
    total = next((row for row in rows if row["Name"] == "Aggregated" and not row["Type"]), None)
    if total is None:
        raise source.error("has no row named Aggregated", remedy="it is cut off; let locust finish")
    return _capture(source, total, [row for row in rows if row is not total])


def _value(source: Source, row: dict[str, str | None], column: str) -> float | None:
    text = row.get(column)
    place = f"{str(row['Name'])[:60]}, {column}"
    return None if text in (None, "", "N/A") else text_number(source, str(text), place)


def _capture(source: Source, row: dict[str, str | None], others: Sequence[dict[str, str | None]]) -> Capture:
    def value(column: str) -> float | None:
        return _value(source, row, column)

    requests = whole(source, value("Request Count") or 0, 1, "Aggregated, Request Count")
    failed = value("Failure Count") or 0
    latency = {name: value(column) for name, column in _LATENCIES.items()} if requests else {}
    metrics = load_metrics(
        requests=requests,
        failures=failed / requests if requests else None,
        per_second=value("Requests/s") if requests else None,
        latency_s={name: None if ms is None else ms / 1e3 for name, ms in latency.items()},
    )
    notes = () if requests else ("locust made no request",)
    routes = route_metrics(_route(source, other) for other in others)
    return Capture(format=NAME, metrics=metrics + routes, notes=notes)


def _route(source: Source, row: dict[str, str | None]) -> RouteResult:
    ms = [_value(source, row, column) for column in _LATENCIES.values()]
    return RouteResult(
        route_of(f"{row['Type'] or ''} {row['Name'] or ''}"),
        int(_value(source, row, "Request Count") or 0) or 1,
        int(_value(source, row, "Failure Count") or 0),
        *(None if value is None else value * 1e6 for value in ms),
    )
