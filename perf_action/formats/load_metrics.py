"""What every load generator says about a run, under the names of the contract."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from perf_action.model.metric import Better, Metric
from perf_action.model.route import MOST_ROUTES, RouteResult, metric_name

#: metric and the percentile it is
PERCENTILES: Mapping[str, float] = {"latency.p50": 50.0, "latency.p95": 95.0, "latency.p99": 99.0}


def metric(name: str, unit: str, better: Better, value: float) -> Metric:
    return Metric(name=name, unit=unit, better=better, samples=(value,))


def load_metrics(
    *,
    requests: int,
    failures: float | None = None,
    per_second: float | None = None,
    latency_s: Mapping[str, float | None],
) -> tuple[Metric, ...]:
    """`failures` is a share (0..1), `latency_s` seconds by metric name. What is None is left out, never 0."""
    out = [metric("load.requests", "count", "neither", requests)]
    if failures is not None:
        out.append(metric("load.error_rate", "ratio", "lower", failures))
    if per_second is not None:
        out.append(metric("load.throughput", "1/s", "higher", per_second))
    out += [metric(name, "s", "lower", value) for name, value in latency_s.items() if value is not None]
    return tuple(out)


def route_metrics(routes: Iterable[RouteResult]) -> tuple[Metric, ...]:
    """The latencies of the busiest routes, as metrics of their own."""
    busiest = sorted(routes, key=lambda r: -r.requests)[:MOST_ROUTES]
    return tuple(
        metric(metric_name(name, r.name), "s", "lower", ns / 1e9)
        for r in busiest
        for name, ns in r.latencies().items()
    )
