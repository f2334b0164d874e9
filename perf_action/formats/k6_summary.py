"""k6's end-of-test summary: the file of ``--summary-export``, or what a script's ``handleSummary`` was given.

Format: https://grafana.com/docs/k6/latest/results-output/end-of-test/ (custom summary, and ``--summary-export``)
Sample: ``{"metrics": {"http_req_duration": {"med": 43.8, "p(95)": 47.8}, "http_req_failed": {"value": 0}}}``
Times are ms in the file. ``http_req_failed.passes`` counts requests that failed. A threshold that is ``true`` in an
export was crossed, one that is ``ok: true`` in handleSummary's data was not.
A threshold of the script on a tag (``http_req_duration{name:GET /items}``) gives the latencies of that route.
Lost: percentiles that the script's ``summaryTrendStats`` left out, custom metrics, groups and other tags.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from perf_action.formats.load_metrics import load_metrics, metric, route_metrics
from perf_action.formats.source import ReadOptions, Source
from perf_action.formats.values import number, whole
from perf_action.model.metric import Metric
from perf_action.model.route import RouteResult, route_of
from perf_action.model.snapshot import Capture
from perf_action.system import System

NAME: Final = "k6-summary"
_BUILT_IN: Final = (
    "http_req",
    "iteration",
    "vus",
    "data_",
    "checks",
    "group_duration",
    "dropped_",
    "ws_",
    "grpc_",
)
_LATENCIES: Final = {
    "latency.p50": ("med", "p(50)"),
    "latency.p95": ("p(95)",),
    "latency.p99": ("p(99)",),
}


def sniff(source: Source) -> bool:
    document = source.document
    if not isinstance(document, dict) or not isinstance(document.get("metrics"), dict):
        return False
    names = document["metrics"].keys()
    return "root_group" in document or "state" in document or bool(names & {"iterations", "http_reqs", "vus"})


def read(source: Source, options: ReadOptions, system: System) -> Capture:  # noqa: ARG001
    found = source.document["metrics"]
    for name, body in found.items():
        if not isinstance(body, dict):
            raise source.error("is no metric", place=f"metrics.{name[:60]}")
    metrics, notes = _load(source, found)
    notes += [f"threshold {rule} of {name} was crossed" for name, rule in _crossed(found)]
    custom = sorted(name for name in found if "{" not in name and not name.startswith(_BUILT_IN))
    if custom:
        notes.append(f"custom metrics are not read: {', '.join(custom)[:200]}")
    return Capture(format=NAME, metrics=metrics, notes=tuple(notes))


def _load(source: Source, found: dict[str, Any]) -> tuple[tuple[Metric, ...], list[str]]:
    if "http_reqs" not in found:
        iterations = _value(source, found, "iterations", "count")
        if iterations is None:
            return (), ["k6 made no HTTP request and finished no iteration"]
        count = whole(source, iterations, 1, "metrics.iterations")
        made = [metric("load.iterations", "count", "neither", count)]
        return tuple(made), ["k6 made no HTTP request"]
    latency = {name: _first(source, found, "http_req_duration", keys) for name, keys in _LATENCIES.items()}
    missing = [name for name, value in latency.items() if value is None]
    metrics = load_metrics(
        requests=whole(source, _value(source, found, "http_reqs", "count") or 0, 1, "metrics.http_reqs"),
        failures=_first(source, found, "http_req_failed", ("value", "rate")),
        per_second=_value(source, found, "http_reqs", "rate"),
        latency_s={name: None if value is None else value / 1e3 for name, value in latency.items()},
    )
    metrics += route_metrics(_routes(source, found))
    notes = [f"{', '.join(missing)} not in the summary; add it to summaryTrendStats"] if missing else []
    dropped = _value(source, found, "dropped_iterations", "count")
    if dropped:
        notes.append(f"k6 dropped {dropped:g} iterations: the load was less than asked for")
    return metrics, notes


def _routes(source: Source, found: dict[str, Any]) -> Iterator[RouteResult]:
    """The requests of one name, where a threshold asked for them."""
    for key in found:
        metric_of, brace, rest = key.partition("{")
        if metric_of != "http_req_duration" or not brace or not rest.endswith("}"):
            continue
        tags = {tag.strip(): value for tag, _, value in (t.partition(":") for t in rest[:-1].split(","))}
        name = tags.get("name") or tags.get("url")
        if name:
            ms = [_first(source, found, key, keys) for keys in _LATENCIES.values()]
            ns = (None if value is None else value * 1e6 for value in ms)
            yield RouteResult(route_of(f"{tags.get('method', '')} {name.strip()}"), 0, 0, *ns)


def _values(body: dict[str, Any]) -> dict[str, Any]:
    """The numbers of a metric: beside its thresholds in an export, under `values` in handleSummary's data."""
    values = body.get("values")
    return values if isinstance(values, dict) else body


def _value(source: Source, found: dict[str, Any], name: str, key: str) -> float | None:
    value = _values(found.get(name, {})).get(key)
    return None if value is None else number(source, value, f"metrics.{name}.{key}")


def _first(source: Source, found: dict[str, Any], name: str, keys: tuple[str, ...]) -> float | None:
    values = (_value(source, found, name, key) for key in keys)
    return next((value for value in values if value is not None), None)


def _crossed(found: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name, body in found.items():
        thresholds = body.get("thresholds")
        for rule, state in thresholds.items() if isinstance(thresholds, dict) else ():
            if state is True or (isinstance(state, dict) and state.get("ok") is False):
                yield name, rule
