"""k6's points, one for each measurement: ``--out json`` (a JSON object a line) and ``--out csv``.

Format: https://grafana.com/docs/k6/latest/results-output/real-time/json/ and …/csv/
Sample: ``{"metric": "http_req_duration", "type": "Point", "data": {"time": "2026-11-24T17:09:11.59Z", "value": 0.95}}``
or ``http_req_duration,1795540156,3.692766,,,,true,…``
Percentiles are k6's own (linear between neighbours, as numpy's). The tags method and name make routes. Lost: other
tags, custom metrics; CSV has whole seconds.
"""

from __future__ import annotations

import csv
import datetime as dt
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

import numpy as np

from perf_action.formats.load_metrics import PERCENTILES, load_metrics, metric, route_metrics
from perf_action.formats.source import ReadOptions, Source
from perf_action.formats.values import number, text_number
from perf_action.model.metric import Metric
from perf_action.model.route import RouteResult, route_of
from perf_action.model.snapshot import Capture
from perf_action.system import System

NAME: Final = "k6-points"
#: names that people did not think of grouping may be as many as requests
_ROUTES: Final = 1000
_WANTED: Final = ("http_reqs", "http_req_duration", "http_req_failed", "iterations")
_CSV_HEADER: Final = "metric_name,timestamp,metric_value"
_JSON_LINE: Final = re.compile(r'\{(?=.*"type":\s*"(?:Metric|Point)")(?=.*"metric":\s*")')
#: a shorter run cannot be timed by whole seconds: its throughput would be off by more than 5 %
_SHORT_S: Final = 40
_TIME: Final = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d{1,9})?(Z|[+-]\d\d:\d\d)")


class _Point(NamedTuple):
    metric: str
    at_s: float
    value: float
    route: str = ""


def sniff(source: Source) -> bool:
    first = source.head_lines[0] if source.head_lines else ""
    return first.startswith(_CSV_HEADER) or _JSON_LINE.match(first[:4096]) is not None


def read(source: Source, options: ReadOptions, system: System) -> Capture:  # noqa: ARG001
    points = _csv_points(source) if source.head_lines[0].startswith(_CSV_HEADER) else _json_points(source)
    values: dict[str, list[float]] = {name: [] for name in _WANTED}
    routes: defaultdict[str, list[float]] = defaultdict(list)
    first, last, fine = float("inf"), float("-inf"), False
    for point in points:
        values[point.metric].append(point.value)
        if point.metric == "http_req_duration" and (point.route in routes or len(routes) < _ROUTES):
            routes[point.route].append(point.value)
        first, last = min(first, point.at_s), max(last, point.at_s)
        fine = fine or not point.at_s.is_integer()
    if not values["http_reqs"] and not values["http_req_duration"]:
        count = len(values["iterations"])
        made = (metric("load.iterations", "count", "neither", count),) if count else ()
        return Capture(format=NAME, metrics=made, notes=("k6 made no HTTP request",))
    seconds = last - first
    if not fine and seconds < _SHORT_S:
        note = "the points have whole seconds only: too short a run to tell its throughput"
        return Capture(format=NAME, metrics=_metrics(values, 0) + _by_route(routes), notes=(note,))
    return Capture(format=NAME, metrics=_metrics(values, seconds) + _by_route(routes))


def _by_route(routes: Mapping[str, list[float]]) -> tuple[Metric, ...]:
    return route_metrics(
        RouteResult(name, len(ms), 0, *(np.percentile(ms, list(PERCENTILES.values())) * 1e6).tolist())
        for name, ms in routes.items()
        if name
    )


def _route(method: str, name: str) -> str:
    return route_of(f"{method} {name}") if name else ""


def _metrics(values: dict[str, list[float]], seconds: float) -> tuple[Metric, ...]:
    requests = round(sum(values["http_reqs"])) or len(values["http_req_duration"])
    failed, durations = values["http_req_failed"], values["http_req_duration"]
    ms = np.percentile(durations, list(PERCENTILES.values())).tolist() if durations else []
    return load_metrics(
        requests=requests,
        failures=sum(failed) / len(failed) if failed else None,
        per_second=requests / seconds if seconds > 0 else None,
        latency_s=dict(zip(PERCENTILES, (value / 1e3 for value in ms), strict=False)),
    )


def _json_points(source: Source) -> Iterator[_Point]:
    for index, line in enumerate(source.text.split("\n"), 1):
        place = f"line {index}"
        if not line.strip():
            continue
        if not line.rstrip().endswith("}"):
            raise source.error("is cut off", place=place, remedy="let k6 finish, or take the line away")
        if not any(f'"{name}"' in line for name in _WANTED):
            continue
        entry = source.parse_json(line, place=place)
        if not isinstance(entry, dict):
            raise source.error("is no object", place=place)
        if entry.get("type") == "Point" and entry.get("metric") in _WANTED:
            data: Any = entry.get("data")
            if not isinstance(data, dict):
                raise source.error("has no data", place=place)
            at = _seconds(source, str(data.get("time")), place)
            tags: Any = data.get("tags")
            tags = tags if isinstance(tags, dict) else {}
            route = _route(str(tags.get("method") or ""), str(tags.get("name") or tags.get("url") or ""))
            yield _Point(entry["metric"], at, number(source, data.get("value"), place), route)


def _seconds(source: Source, text: str, place: str) -> float:
    match = _TIME.fullmatch(text)
    if match is None:
        raise source.error(f"{text[:40]!r} is no time", place=place)
    offset = "+00:00" if match[3] == "Z" else match[3]
    return dt.datetime.fromisoformat(match[1] + offset).timestamp() + float(match[2] or 0)


def _csv_points(source: Source) -> Iterator[_Point]:
    columns: dict[str, int] = {}
    try:
        for index, row in enumerate(csv.reader(source.text.split("\n")), 1):
            if index == 1:
                columns = {name: i for i, name in enumerate(row)}
            if index == 1 or not row or row[0] not in _WANTED:
                continue
            place = f"line {index}"
            if len(row) < 3:
                raise source.error("is cut off", place=place)
            method, name = (_cell(row, columns.get(tag)) for tag in ("method", "name"))
            at, value = (text_number(source, text, place) for text in row[1:3])
            yield _Point(row[0], at, value, _route(method, name))
    except csv.Error as error:
        raise source.error(f"no CSV: {error}") from None


def _cell(row: list[str], column: int | None) -> str:
    return row[column] if column is not None and column < len(row) else ""
