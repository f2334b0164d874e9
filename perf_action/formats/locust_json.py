"""locust's statistics as JSON: what ``--json`` prints and ``--json-file`` writes.

Format: https://docs.locust.io/en/stable/retrieving-stats.html
Sample: ``[{"name": "/x", "method": "GET", "num_requests": 9, "num_failures": 0, "response_times": {"12": 9}, …}]``
Times are ms in the file. Requests are merged, and those of one route kept too; percentiles as locust's own `calculate_response_time_percentile`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any, Final

from perf_action.formats.load_metrics import PERCENTILES, load_metrics, route_metrics
from perf_action.formats.source import ReadOptions, Source
from perf_action.formats.values import number, text_number, whole
from perf_action.model.route import RouteResult, route_of
from perf_action.model.snapshot import Capture
from perf_action.system import System

NAME: Final = "locust-json"


def sniff(source: Source) -> bool:
    document = source.document
    return (
        isinstance(document, list)
        and bool(document)
        and all(
            isinstance(e, dict) and {"method", "num_requests", "response_times"} <= e.keys()
            for e in document[:20]
        )
    )


def read(source: Source, options: ReadOptions, system: System) -> Capture:  # noqa: ARG001
    entries: list[Any] = source.document
    for index, entry in enumerate(entries):
        if not isinstance(entry, dict):
            raise source.error("is no object", place=f"entry {index}")
    requests = whole(source, _sum(source, entries, "num_requests"), 1, "num_requests")
    failed = _sum(source, entries, "num_failures")
    times: Counter[float] = Counter()
    routes: defaultdict[str, Counter[float]] = defaultdict(Counter)
    for index, entry in enumerate(entries):
        mine = _times(source, entry.get("response_times"), f"entry {index}.response_times")
        times.update(mine)
        routes[route_of(f"{entry.get('method') or ''} {entry.get('name') or ''}")].update(mine)
    seconds = _seconds(source, entries)
    metrics = load_metrics(
        requests=requests,
        failures=failed / requests if requests else None,
        per_second=requests / seconds if requests and seconds > 0 else None,
        latency_s={name: percentile(times, p) / 1e3 for name, p in PERCENTILES.items()} if times else {},
    )
    found = route_metrics(_route(name, mine) for name, mine in routes.items())
    return Capture(
        format=NAME, metrics=metrics + found, notes=() if requests else ("locust made no request",)
    )


def _route(name: str, times: Counter[float]) -> RouteResult:
    latencies = (percentile(times, p) * 1e6 for p in PERCENTILES.values())
    return RouteResult(name, times.total() or 1, 0, *latencies)


def _sum(source: Source, entries: list[Any], key: str) -> float:
    return sum(number(source, entry.get(key), f"entry {i}.{key}") for i, entry in enumerate(entries))


def _times(source: Source, histogram: Any, place: str) -> dict[float, int]:
    if not isinstance(histogram, dict):
        raise source.error("is no histogram", place=place)
    return {
        text_number(source, ms, place): whole(source, number(source, count, place), 1, place)
        for ms, count in histogram.items()
    }


def _seconds(source: Source, entries: list[Any]) -> float:
    """From the first start to the last request, in the file's own clock."""
    starts = [number(source, e["start_time"], "start_time") for e in entries if e.get("start_time")]
    ends = [
        number(source, e["last_request_timestamp"], "end") for e in entries if e.get("last_request_timestamp")
    ]
    return max(ends) - min(starts) if starts and ends else 0.0


def percentile(times: Counter[float], percent: float) -> float:
    """The largest response time that at least `percent` of the requests did not exceed, as locust picks it."""
    total = sum(times.values())
    allowed, seen = int(total * percent / 100), 0
    for time in sorted(times, reverse=True):
        seen += times[time]
        if total - seen <= allowed:
            return time
    return 0.0
