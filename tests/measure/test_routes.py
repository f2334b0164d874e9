"""Latencies of routes: from slices to metrics of the snapshot, and to what the history keeps."""

from __future__ import annotations

from pathlib import Path

from perf_action.compare import compare
from perf_action.compare.point import point_of
from perf_action.measure.snapshot import snapshot
from perf_action.model.change import Verdict
from perf_action.model.environment import Environment
from perf_action.model.route import MOST_ROUTES, RouteResult
from perf_action.model.snapshot import Capture, Snapshot
from perf_action.model.trial import CLEAN, Side, Slice, Stage, Trial, TrialRecord

STAGE = Stage(
    name=CLEAN, profiler="none", load="baseline", placement="interleaved", min_launches=2, max_launches=2
)


def slice_of(launch: int, index: int, routes: tuple[RouteResult, ...]) -> Slice:
    return Slice(
        side=Side.HEAD,
        launch=launch,
        pair=launch,
        index=index,
        core=None,
        start_ns=0,
        end_ns=10**9,
        requests=1000,
        errors=0,
        latency_p50_ns=1e6,
        latency_p95_ns=2e6,
        latency_p99_ns=3e6,
        cpu_ns=10**8,
        user_ns=0,
        system_ns=0,
        rss_bytes=1,
        pss_bytes=None,
        read_bytes=0,
        written_bytes=0,
        routes=routes,
    )


def measured(*slices: tuple[RouteResult, ...]) -> Snapshot:
    records = [
        TrialRecord(
            trial=Trial(number=i, stage=STAGE, pair=i, sides=(Side.HEAD,)), slices=(slice_of(i, 0, routes),)
        )
        for i, routes in enumerate(slices)
    ]
    return snapshot(
        records,
        Side.HEAD,
        folder=Path(),
        checkout=Path(),
        read=lambda _: Capture(format="none"),
        label="head",
        commit="abc",
        environment=Environment(),
        max_error_rate=0.01,
    )


def of(name: str, requests: int, ms: float) -> RouteResult:
    return RouteResult(name, requests, 0, ms * 5e5, ms * 1e6, ms * 2e6)


def test_each_slice_is_a_sample_of_each_route_that_had_enough_requests():
    head = measured(
        (of("GET /a", 500, 8), of("GET /b", 10, 9)), (of("GET /a", 500, 10), of("GET /b", 30, 11))
    )
    found = {m.name: m for m in head.metrics if "{" in m.name}
    assert found["latency.p95{GET /a}"].samples == (0.008, 0.01)
    assert found["latency.p95{GET /a}"].launches == (0, 1)
    assert found["latency.p95{GET /b}"].samples == (0.011,)
    assert "latency.p99{GET /b}" not in found


def test_only_the_busiest_are_kept():
    head = measured(tuple(of(f"GET /r{i}", 100 + i, 1) for i in range(50)))
    names = {m.name for m in head.metrics if m.name.startswith("latency.p95{")}
    assert len(names) == MOST_ROUTES
    assert "latency.p95{GET /r49}" in names


def test_a_slower_route_is_shown_and_decides_nothing():
    fast = measured(*[(of("GET /a", 500, 8 + i / 100),) for i in range(8)])
    slow = measured(*[(of("GET /a", 500, 16 + i / 100),) for i in range(8)])
    rows = {m.name: m for m in compare(fast, slow).metrics if "{" in m.name}
    assert rows["latency.p95{GET /a}"].verdict is Verdict.INCONCLUSIVE
    assert not rows["latency.p95{GET /a}"].gating
    assert "budget" in rows["latency.p95{GET /a}"].reason


def test_the_history_keeps_p95():
    point = point_of(measured((of("GET /a", 500, 8),)), time_s=0, fingerprint="f")
    assert [v.name for v in point.values if "{" in v.name] == ["latency.p95{GET /a}"]
